//! Login tokens: a JWT that carries a session id. The session's row decides, the token only names it.
//! The one file that names jsonwebtoken.

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use crate::{ids::AdminId, sealed::Keys};

/// How long a login lasts, days.
pub const SESSION_DAYS: i64 = 30;

/// Makes and reads login tokens.
#[derive(Clone)]
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// What a token says. Times are epoch seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub sub: AdminId,
    /// Id of the session's row.
    pub sid: String,
    pub iat: i64,
    pub exp: i64,
}

/// Not a token of ours, or over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid login token")]
pub struct BadToken;

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(***)")
    }
}

impl Tokens {
    /// Tokens signed by a key of the key file.
    #[must_use]
    pub fn new(keys: &Keys) -> Self {
        let key = keys.derive("login-token");
        Self { encoding: EncodingKey::from_secret(&key), decoding: DecodingKey::from_secret(&key) }
    }

    /// A token for one session.
    ///
    /// # Errors
    /// [`BadToken`] when the library cannot sign, which HS256 never does.
    pub fn issue(
        &self,
        admin: AdminId,
        session: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<String, BadToken> {
        let claims = Claims { sub: admin, sid: session.to_owned(), iat: now.timestamp(), exp: until.timestamp() };
        encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).map_err(|_opaque| BadToken)
    }

    /// The claims of a token that is signed by us and not over at `now`.
    ///
    /// # Errors
    /// [`BadToken`].
    pub fn read(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, BadToken> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false; // by our own clock, below
        let claims = decode::<Claims>(token, &self.decoding, &validation).map_err(|_opaque| BadToken)?.claims;
        if claims.exp > now.timestamp() { Ok(claims) } else { Err(BadToken) }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    #[test]
    fn a_token_is_good_until_its_end_and_for_its_key_only() {
        let now = Utc.with_ymd_and_hms(2026, 11, 23, 10, 0, 0).unwrap();
        let tokens = Tokens::new(&Keys::from_root([1; 32]));
        let token = tokens.issue(AdminId(7), "s1", now, now + chrono::Duration::days(SESSION_DAYS)).unwrap();
        assert_eq!(tokens.read(&token, now).unwrap().sub, AdminId(7));
        assert_eq!(tokens.read(&token, now + chrono::Duration::days(SESSION_DAYS)), Err(BadToken));
        assert_eq!(Tokens::new(&Keys::from_root([2; 32])).read(&token, now), Err(BadToken));
        assert_eq!(tokens.read("a.b.c", now), Err(BadToken));
    }
}
