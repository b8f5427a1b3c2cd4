//! The address of an external broker: `mqtt://user:password@host:port` or `mqtts://…`, the latter with `?ca=FILE` for a
//! certificate authority of one's own. Pure.

use secrecy::SecretString;

/// Why an address is none. Never shows the address: it holds a password.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    #[error("must begin with mqtt:// or mqtts://")]
    Scheme,
    #[error("names no host")]
    Host,
    #[error("the port is not a number from 1 to 65535")]
    Port,
    #[error("names no user and password (mqtt://user:password@host)")]
    Credentials,
    #[error("a % is not followed by two hexadecimal digits, or the text is no UTF-8")]
    Escape,
    #[error("after ? only ca=FILE is known, and only with mqtts://")]
    Query,
    #[error("cannot read the CA file {path}")]
    Authority { path: String, source: std::io::Error },
    #[error("{0} holds no certificate")]
    NoCertificate(String),
}

/// A broker's address, taken apart.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) username: String,
    pub(super) password: SecretString,
    pub(super) ca: Option<String>,
}

impl Target {
    pub(super) fn parse(text: &str) -> Result<Self, UrlError> {
        let (tls, rest) = match text.trim().split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            Some(_) | None => return Err(UrlError::Scheme),
        };
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let ca = match query.map(|query| query.strip_prefix("ca=")) {
            None => None,
            Some(Some(path)) if tls && !path.is_empty() => Some(decode(path)?),
            Some(_) => return Err(UrlError::Query),
        };
        let (login, address) = rest.trim_end_matches('/').rsplit_once('@').ok_or(UrlError::Credentials)?;
        let (username, password) = login.split_once(':').ok_or(UrlError::Credentials)?;
        let (username, password) = (decode(username)?, decode(password)?);
        if username.is_empty() || password.is_empty() {
            return Err(UrlError::Credentials);
        }
        let (host, port) = host_and_port(address, if tls { 8883 } else { 1883 })?;
        Ok(Self { tls, host, port, username, password: password.into(), ca })
    }
}

fn host_and_port(address: &str, default: u16) -> Result<(String, u16), UrlError> {
    let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or(UrlError::Host)?)),
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() || host.contains(['/', ' ']) {
        return Err(UrlError::Host);
    }
    let port = match port.map(str::parse) {
        None => default,
        Some(Ok(port)) if port > 0 => port,
        Some(_) => return Err(UrlError::Port),
    };
    Ok((host.to_owned(), port))
}

/// Percent-decoding.
fn decode(text: &str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or(UrlError::Escape);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).map_err(|_never| UrlError::Escape)?);
    }
    String::from_utf8(bytes).map_err(|_other| UrlError::Escape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn addresses_are_taken_apart() {
        let target = Target::parse("mqtt://hiji:p%40ss%3a@broker.example").unwrap();
        assert_eq!((target.host.as_str(), target.port, target.tls), ("broker.example", 1883, false));
        assert_eq!((target.username.as_str(), target.password.expose_secret()), ("hiji", "p@ss:"));
        let target = Target::parse("mqtts://u:p@[2001:db8::1]:9/?ca=/etc/ca.pem").unwrap();
        assert_eq!((target.host.as_str(), target.port, target.tls), ("2001:db8::1", 9, true));
        assert_eq!(target.ca.as_deref(), Some("/etc/ca.pem"));
        assert_eq!(Target::parse("mqtts://u:p@h").unwrap().port, 8883);
        assert_eq!(Target::parse("mqtt://u:p@x@h").unwrap().password.expose_secret(), "p@x");
    }

    #[test]
    fn malformed_addresses_are_named_without_being_shown() {
        for (text, expected) in [
            ("http://u:p@h", "must begin with"),
            ("broker", "must begin with"),
            ("mqtt://h", "no user and password"),
            ("mqtt://u@h", "no user and password"),
            ("mqtt://:p@h", "no user and password"),
            ("mqtt://u:sesame@", "no host"),
            ("mqtt://u:sesame@h:0", "port"),
            ("mqtt://u:sesame@h:99999", "port"),
            ("mqtt://u:ses%zz@h", "hexadecimal"),
            ("mqtt://u:%ff@h", "UTF-8"),
            ("mqtt://u:sesame@h?ca=/x", "only ca"),
            ("mqtts://u:sesame@h?x=1", "only ca"),
        ] {
            let error = Target::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("sesame"), "{error}");
        }
    }
}
