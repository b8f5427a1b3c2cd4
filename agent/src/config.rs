//! Settings, from the environment only: a container has nothing else. Unknown `HIJI_` names are refused, so that a
//! typing error is seen at the start and not at the first outage.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf};

use hyper::Uri;

/// All settings of one agent.
#[derive(Debug, Clone)]
pub struct Config {
    /// `http://` or `https://` address of the controller.
    pub controller: ControllerUrl,
    /// One-time token; needed until the credentials are in the data directory.
    pub enroll_token: Option<Secret>,
    pub router: RouterAddress,
    /// Where the hook endpoint listens; `None` = no hook.
    pub hook_listen: Option<SocketAddr>,
    /// How the router reaches the hook endpoint. When set, the marked block of hotspot profiles calls it.
    pub hook_url: Option<String>,
    pub data_dir: PathBuf,
    /// Full scan of user lists where `listen` is not running.
    pub poll_secs: u32,
    /// PEM file with the CAs of a private controller and broker; `None` = the public ones.
    pub tls_ca: Option<PathBuf>,
    /// Log filter.
    pub log: String,
}

/// Where the router's API is and how to log in.
#[derive(Debug, Clone)]
pub struct RouterAddress {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Secret,
    pub tls: RouterTls,
}

/// How far the router's certificate is to be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouterTls {
    /// The plain API.
    Off,
    /// api-ssl, whatever its certificate.
    Unverified,
    /// api-ssl whose certificate has this SHA-256.
    Fingerprint([u8; 32]),
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The controller's address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerUrl {
    pub tls: bool,
    pub host: String,
    pub port: u16,
    /// Path in front of the controller's own, without a slash at the end.
    pub base: String,
}

/// A setting that cannot be used: which, what is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {fix}")]
pub struct ConfigError {
    pub name: String,
    pub fix: String,
}

const KNOWN: [&str; 13] = [
    "HIJI_CONTROLLER_URL",
    "HIJI_ENROLL_TOKEN",
    "HIJI_ROUTER_ADDRESS",
    "HIJI_ROUTER_USER",
    "HIJI_ROUTER_PASSWORD",
    "HIJI_ROUTER_TLS",
    "HIJI_ROUTER_TLS_FINGERPRINT",
    "HIJI_HOOK_LISTEN",
    "HIJI_HOOK_URL",
    "HIJI_DATA_DIR",
    "HIJI_POLL_SECS",
    "HIJI_TLS_CA",
    "HIJI_LOG",
];

const API_PORT: u16 = 8728;
const API_SSL_PORT: u16 = 8729;
const MIN_POLL_SECS: u32 = 5;
const MAX_POLL_SECS: u32 = 3_600;

impl Config {
    /// Reads the settings of this process.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        let ours = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            name.starts_with("HIJI_").then(|| (name, value.to_string_lossy().into_owned()))
        });
        Self::from_vars(ours)
    }

    /// Reads settings from name and value.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let vars = Vars(vars.into_iter().collect());
        if let Some(unknown) = vars.0.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(error(unknown, format!("no such setting; known are {}", KNOWN.join(", "))));
        }
        let poll_secs = vars.parsed("HIJI_POLL_SECS", "whole seconds, such as 30")?.unwrap_or(30);
        if !(MIN_POLL_SECS..=MAX_POLL_SECS).contains(&poll_secs) {
            return Err(error("HIJI_POLL_SECS", format!("must be {MIN_POLL_SECS} to {MAX_POLL_SECS}")));
        }
        Ok(Self {
            controller: controller(&vars.required("HIJI_CONTROLLER_URL", "https://billing.example.net")?)?,
            enroll_token: vars.text("HIJI_ENROLL_TOKEN").map(Secret),
            router: router(&vars)?,
            hook_listen: hook_listen(&vars)?,
            hook_url: hook_url(&vars)?,
            data_dir: vars.text("HIJI_DATA_DIR").map_or_else(|| PathBuf::from("./data"), PathBuf::from),
            poll_secs,
            tls_ca: vars.text("HIJI_TLS_CA").map(PathBuf::from),
            log: vars.text("HIJI_LOG").unwrap_or_else(|| "info".to_owned()),
        })
    }
}

impl std::str::FromStr for ControllerUrl {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        controller(text)
    }
}

struct Vars(BTreeMap<String, String>);

impl Vars {
    /// The trimmed value; an empty one counts as not set.
    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    fn required(&self, name: &str, example: &str) -> Result<String, ConfigError> {
        self.text(name).ok_or_else(|| error(name, format!("is not set; set it to something like {example}")))
    }

    fn parsed<T: std::str::FromStr>(&self, name: &str, wanted: &str) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_bad| error(name, format!("{text:?} is not usable; give {wanted}")))
    }
}

fn error(name: &str, fix: impl Into<String>) -> ConfigError {
    ConfigError { name: name.to_owned(), fix: fix.into() }
}

fn controller(text: &str) -> Result<ControllerUrl, ConfigError> {
    const NAME: &str = "HIJI_CONTROLLER_URL";
    let wrong = || error(NAME, format!("{text:?} is not a web address; give http:// or https://, host and port"));
    let uri: Uri = text.parse().map_err(|_bad| wrong())?;
    let tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(wrong()),
    };
    if uri.query().is_some() || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(error(NAME, "give only scheme, host, port and path: no user and no query"));
    }
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?.to_owned();
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    Ok(ControllerUrl { tls, host, port, base: uri.path().trim_end_matches('/').to_owned() })
}

fn router(vars: &Vars) -> Result<RouterAddress, ConfigError> {
    let tls = router_tls(vars)?;
    let default_port = if tls == RouterTls::Off { API_PORT } else { API_SSL_PORT };
    let address = vars.required("HIJI_ROUTER_ADDRESS", "172.17.0.1:8728")?;
    let (host, port) = host_port(&address, default_port).ok_or_else(|| {
        error(
            "HIJI_ROUTER_ADDRESS",
            format!("{address:?} is not host:port; give for example 172.17.0.1:{default_port}"),
        )
    })?;
    Ok(RouterAddress {
        host,
        port,
        user: vars.required("HIJI_ROUTER_USER", "hiji")?,
        // An empty password is possible on RouterOS, but the variable has to be there: forgetting it is likelier.
        password: vars.0.get("HIJI_ROUTER_PASSWORD").map(Secret::new).ok_or_else(|| {
            error("HIJI_ROUTER_PASSWORD", "is not set; set it to the password of the router's API user")
        })?,
        tls,
    })
}

fn router_tls(vars: &Vars) -> Result<RouterTls, ConfigError> {
    let on = match vars.text("HIJI_ROUTER_TLS").as_deref() {
        None => None,
        Some("0" | "no" | "false") => Some(false),
        Some("1" | "yes" | "true") => Some(true),
        Some(other) => {
            return Err(error("HIJI_ROUTER_TLS", format!("{other:?} is not usable; give 1 for api-ssl or 0")));
        }
    };
    let Some(text) = vars.text("HIJI_ROUTER_TLS_FINGERPRINT") else {
        return Ok(if on == Some(true) { RouterTls::Unverified } else { RouterTls::Off });
    };
    if on == Some(false) {
        return Err(error("HIJI_ROUTER_TLS_FINGERPRINT", "needs api-ssl; set HIJI_ROUTER_TLS=1 or leave it out"));
    }
    let hex: String = text.chars().filter(|c| *c != ':' && *c != ' ').collect();
    let bytes = hiji_shared::signed::unhex(&hex).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.map(RouterTls::Fingerprint).ok_or_else(|| {
        error("HIJI_ROUTER_TLS_FINGERPRINT", "must be the certificate's SHA-256: 64 hex characters, colons allowed")
    })
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
pub(crate) fn host_port(text: &str, default_port: u16) -> Option<(String, u16)> {
    let usable = |host: &str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:%".contains(&byte))
    };
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        let port = if port.is_empty() { default_port } else { port.strip_prefix(':')?.parse().ok()? };
        return (usable(host) && port != 0).then(|| (host.to_owned(), port));
    }
    let (host, port) = match text.split_once(':') {
        None => (text, default_port),
        Some((host, port)) => (host, port.parse().ok()?),
    };
    (usable(host) && port != 0).then(|| (host.to_owned(), port))
}

fn hook_listen(vars: &Vars) -> Result<Option<SocketAddr>, ConfigError> {
    // Set to nothing = no hook; not set = the usual place.
    match vars.0.get("HIJI_HOOK_LISTEN").map(|value| value.trim()) {
        Some("") => Ok(None),
        None => Ok(Some(SocketAddr::from(([0, 0, 0, 0], 8081)))),
        Some(text) => text.parse().map(Some).map_err(|_bad| {
            error(
                "HIJI_HOOK_LISTEN",
                format!("{text:?} is not address:port; give for example 0.0.0.0:8081, or nothing"),
            )
        }),
    }
}

fn hook_url(vars: &Vars) -> Result<Option<String>, ConfigError> {
    let Some(text) = vars.text("HIJI_HOOK_URL") else { return Ok(None) };
    let usable = text.parse::<Uri>().is_ok_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some());
    // It is written into a RouterOS script between double quotes.
    if !usable || text.contains(['"', '$', '\\', ';', '?', '#']) {
        return Err(error("HIJI_HOOK_URL", format!("{text:?} is not usable; give for example http://172.17.0.2:8081")));
    }
    Ok(Some(text.trim_end_matches('/').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(extra: &[(&str, &str)]) -> Vec<(String, String)> {
        let base = [
            ("HIJI_CONTROLLER_URL", "https://isp.example:8443/hiji/"),
            ("HIJI_ROUTER_ADDRESS", "10.0.0.1"),
            ("HIJI_ROUTER_USER", "hiji"),
            ("HIJI_ROUTER_PASSWORD", ""),
        ];
        base.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn four_settings_are_enough() {
        let config = Config::from_vars(vars(&[])).unwrap();
        let url = ControllerUrl { tls: true, host: "isp.example".into(), port: 8443, base: "/hiji".into() };
        assert_eq!(config.controller, url);
        assert_eq!((config.router.host.as_str(), config.router.port), ("10.0.0.1", API_PORT));
        assert_eq!(config.hook_listen, Some(SocketAddr::from(([0, 0, 0, 0], 8081))));
        assert_eq!((config.poll_secs, config.router.tls), (30, RouterTls::Off));
    }

    #[test]
    fn every_bad_setting_is_named() {
        for (name, value) in [
            ("HIJI_CONTROLLER_URL", "isp.example"),
            ("HIJI_CONTROLLER_URL", "ftp://isp.example"),
            ("HIJI_CONTROLLER_URL", "http://a:b@isp.example"),
            ("HIJI_ROUTER_ADDRESS", "10.0.0.1:http"),
            ("HIJI_ROUTER_ADDRESS", "10.0.0.1:0"),
            ("HIJI_ROUTER_ADDRESS", "10.0.0.1 8728"),
            ("HIJI_ROUTER_ADDRESS", ""),
            ("HIJI_ROUTER_USER", " "),
            ("HIJI_ROUTER_TLS", "maybe"),
            ("HIJI_ROUTER_TLS_FINGERPRINT", "ab:cd"),
            ("HIJI_HOOK_LISTEN", "8081"),
            ("HIJI_HOOK_URL", "http://x/\"$y"),
            ("HIJI_POLL_SECS", "often"),
            ("HIJI_POLL_SECS", "1"),
            ("HIJI_POLL_SEC", "30"),
        ] {
            let error = Config::from_vars(vars(&[(name, value)])).unwrap_err();
            assert_eq!(error.name, name, "{value}: {error}");
        }
    }

    #[test]
    fn a_fingerprint_alone_means_tls() {
        let print = "AB:".repeat(31) + "ab";
        let config = Config::from_vars(vars(&[("HIJI_ROUTER_TLS_FINGERPRINT", &print)])).unwrap();
        assert_eq!(config.router.tls, RouterTls::Fingerprint([0xab; 32]));
        assert_eq!(config.router.port, API_SSL_PORT);
        let both = vars(&[("HIJI_ROUTER_TLS_FINGERPRINT", &print), ("HIJI_ROUTER_TLS", "0")]);
        assert!(Config::from_vars(both).is_err());
    }

    #[test]
    fn addresses_come_in_four_forms() {
        for (text, host, port) in [("a", "a", 1), ("a:2", "a", 2), ("[::1]", "::1", 1), ("[::1]:2", "::1", 2)] {
            assert_eq!(host_port(text, 1), Some((host.to_owned(), port)));
        }
        for text in ["", ":1", "a:", "[::1", "[::1]2", "a b"] {
            assert_eq!(host_port(text, 1), None, "{text}");
        }
    }

    #[test]
    fn no_debug_print_shows_a_password() {
        let shown = format!("{:?}", Config::from_vars(vars(&[("HIJI_ENROLL_TOKEN", "tok-1234")])).unwrap());
        assert!(!shown.contains("tok-1234"));
    }
}
