//! Keys derived from the enrolment secret, and commands as compact JWS (RFC 7515, HS256).
//!
//! The MQTT password and the command key are derived apart, so the broker never sees the key that signs commands.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Serialize, de::DeserializeOwned};
use sha2::Sha256;

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// What a key is for; goes into its derivation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The agent's MQTT password.
    Mqtt,
    /// Signs commands and the desired state on the agent's disk.
    Command,
    /// Hashes passwords in the mirror.
    Mirror,
}

/// Why a token is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    #[error("not a compact JWS with HS256")]
    Malformed,
    #[error("the signature does not match")]
    BadSignature,
    #[error("the claims are not of the expected shape")]
    BadClaims,
}

/// 32 bytes for one purpose: HKDF-SHA256 (RFC 5869) with an empty salt and the purpose as info.
#[must_use]
pub fn derive(secret: &[u8], purpose: Purpose) -> [u8; 32] {
    let info: &[u8] = match purpose {
        Purpose::Mqtt => b"mqtt",
        Purpose::Command => b"cmd",
        Purpose::Mirror => b"mirror",
    };
    let extracted = hmac(&[0; 32], &[secret]);
    hmac(&extracted, &[info, &[1]])
}

/// The derived MQTT password, 64 hex characters.
#[must_use]
pub fn mqtt_password(secret: &[u8]) -> String {
    hex(&derive(secret, Purpose::Mqtt))
}

/// HMAC-SHA256 over the parts, one after another.
#[must_use]
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Are both the same? Takes as long whatever they hold.
#[must_use]
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0u8, |diff, (a, b)| diff | (a ^ b)) == 0
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes of a hex text; `None` when it is none.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// The claims as a compact JWS.
///
/// # Errors
/// The JSON error of claims that cannot be written.
pub fn sign<T: Serialize>(key: &[u8], claims: &T) -> Result<String, serde_json::Error> {
    let body = format!("{}.{}", B64.encode(HEADER), B64.encode(serde_json::to_vec(claims)?));
    let signature = B64.encode(hmac(key, &[body.as_bytes()]));
    Ok(format!("{body}.{signature}"))
}

/// The claims of a compact JWS, if the key signed it. Only HS256 is believed; the header chooses nothing.
///
/// # Errors
/// [`Unsigned`] says which of form, signature and claims is wrong.
pub fn verify<T: DeserializeOwned>(key: &[u8], token: &str) -> Result<T, Unsigned> {
    let (body, signature) = token.rsplit_once('.').ok_or(Unsigned::Malformed)?;
    let (header, claims) = body.split_once('.').ok_or(Unsigned::Malformed)?;
    let header = B64.decode(header).map_err(|_bad| Unsigned::Malformed)?;
    let header: serde_json::Value = serde_json::from_slice(&header).map_err(|_bad| Unsigned::Malformed)?;
    if header.get("alg").and_then(|alg| alg.as_str()) != Some("HS256") {
        return Err(Unsigned::Malformed);
    }
    let signature = B64.decode(signature).map_err(|_bad| Unsigned::Malformed)?;
    if !same(&signature, &hmac(key, &[body.as_bytes()])) {
        return Err(Unsigned::BadSignature);
    }
    let claims = B64.decode(claims).map_err(|_bad| Unsigned::Malformed)?;
    serde_json::from_slice(&claims).map_err(|_bad| Unsigned::BadClaims)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_derivation_is_hkdf_of_rfc_5869() {
        // HKDF-SHA256, salt = none, info = "mqtt", made with Python's hmac.
        let secret = [0x0b; 22];
        assert_ne!(derive(&secret, Purpose::Mqtt), derive(&secret, Purpose::Command));
        assert_eq!(mqtt_password(&secret), EXPECTED_MQTT);
    }

    const EXPECTED_MQTT: &str = "e332fd620bdcec1091146f8d783689588e145258040d0da33928f03fa64c6cb8";

    #[test]
    fn a_changed_bit_is_not_believed() {
        let token = sign(b"key", &serde_json::json!({"op": "agent.ping"})).unwrap();
        assert!(verify::<serde_json::Value>(b"key", &token).is_ok());
        assert_eq!(verify::<serde_json::Value>(b"other", &token), Err(Unsigned::BadSignature));
        let none = format!("{}.e30.", B64.encode(r#"{"alg":"none"}"#));
        assert_eq!(verify::<serde_json::Value>(b"key", &none), Err(Unsigned::Malformed));
    }

    proptest! {
        #[test]
        fn no_text_panics_or_is_believed(text: String) {
            prop_assert!(verify::<serde_json::Value>(b"key", &text).is_err());
        }

        #[test]
        fn hex_reads_back(bytes: Vec<u8>) {
            prop_assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        }
    }
}
