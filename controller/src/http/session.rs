//! Who calls: the session's token in a cookie (pages) or in `Authorization: Bearer` (API), asked for once a request.
//!
//! The token is a JWT, but the row of the session decides; that is `admins`' work. Here it is only carried and its
//! holder made known to handlers.

use std::{
    fmt::Debug,
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, OriginalUri, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::Response,
};
use axum_extra::extract::cookie::CookieJar;

use super::{
    Web,
    access::{self, Permission, Role, Scope},
    error::AppError,
    htmx,
    locale::Locale,
    page::Theme,
    view::{SetCookie, Surroundings, View, flash_of},
};
use crate::ids::AdminId;

/// The cookie of the session.
pub const SESSION_COOKIE: &str = "hiji_session";
/// The cookie of the chosen language.
pub const LOCALE_COOKIE: &str = "hiji_lang";
/// The cookie of the chosen theme.
pub const THEME_COOKIE: &str = "hiji_theme";
/// A longer token is none of ours; it is not even looked at.
const MAX_TOKEN_BYTES: usize = 2048;

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The admin.
    pub admin_id: AdminId,
    /// The name shown.
    pub name: String,
    /// The role.
    pub role: Role,
    /// What was granted beside it.
    pub grants: Vec<Permission>,
    /// The sites whose rows exist for the caller.
    pub sites: Scope,
    /// The session.
    pub session_id: String,
    /// The language set for the admin.
    pub locale: Option<Locale>,
}

impl Caller {
    /// Whether the caller may.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        access::may(self.role, &self.grants, permission)
    }

    /// Goes on only if the caller may.
    ///
    /// # Errors
    /// [`AppError::Forbidden`].
    pub fn allow(&self, permission: Permission) -> Result<(), AppError> {
        if self.may(permission) { Ok(()) } else { Err(AppError::Forbidden) }
    }

    /// Goes on only if the caller may, and is not limited to sites: for what belongs to no site.
    ///
    /// # Errors
    /// [`AppError::Forbidden`].
    pub fn allow_everywhere(&self, permission: Permission) -> Result<(), AppError> {
        self.allow(permission)?;
        if self.sites == Scope::All { Ok(()) } else { Err(AppError::Forbidden) }
    }
}

/// Why a token does not name a caller.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// It is forged, has ended or was revoked.
    #[error("no such session")]
    Invalid,
    /// It could not be looked up.
    #[error("sessions cannot be looked up")]
    Unavailable(#[source] anyhow::Error),
}

/// The answer of [`Sessions::verify`].
pub type Verified<'a> = Pin<Box<dyn Future<Output = Result<Caller, SessionError>> + Send + 'a>>;

/// Looks sessions up. The feature `admins` does it; http stands below the features and may not name it.
pub trait Sessions: Debug + Send + Sync {
    /// The caller of a token, by the row of its session as it is now.
    fn verify<'a>(&'a self, token: &'a str) -> Verified<'a>;
}

/// By which door a request comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Pages: the cookie counts.
    Pages,
    /// API: only `Authorization` counts, so no browser is tricked into a call.
    Api,
}

/// Layer of pages and API: finds out who calls, in which language, and makes the [`View`].
pub(crate) async fn identify(
    State((web, door)): State<(Arc<Web>, Door)>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let jar = CookieJar::from_headers(headers);
    let token = match door {
        Door::Pages => jar.get(SESSION_COOKIE).map(|cookie| cookie.value().to_owned()),
        Door::Api => bearer(headers).map(str::to_owned),
    };
    let caller = match token.filter(|token| !token.is_empty() && token.len() <= MAX_TOKEN_BYTES) {
        None => Ok(None),
        Some(token) => match web.sessions.verify(&token).await {
            Ok(caller) => Ok(Some(caller)),
            Err(SessionError::Invalid) => Ok(None),
            Err(SessionError::Unavailable(source)) => Err(format!("{source:#}")),
        },
    };
    let chosen = jar.get(LOCALE_COOKIE).and_then(|cookie| Locale::from_tag(cookie.value()));
    let set = caller.as_ref().ok().and_then(Option::as_ref).and_then(|caller| caller.locale);
    let view = View::new(Surroundings {
        locale: chosen.or(set).or_else(|| accepted(headers)).unwrap_or_default(),
        theme: jar.get(THEME_COOKIE).and_then(|cookie| Theme::parse(cookie.value())).unwrap_or_default(),
        flash: flash_of(&jar),
        here: here(&request),
        live: web.live.mark(),
        partial: htmx::is_partial(headers),
        ip: client_ip(&request),
        caller,
        web,
    });
    request.extensions_mut().insert(view);
    next.run(request).await
}

/// Path and query as the caller wrote them; nested routes see only their part.
fn here(request: &Request) -> String {
    let uri = request.extensions().get::<OriginalUri>().map_or_else(|| request.uri(), |OriginalUri(uri)| uri);
    uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn accepted(headers: &HeaderMap) -> Option<Locale> {
    headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).and_then(Locale::accepted)
}

/// Where a request comes from. Behind a proxy on the same machine it is the last address of `X-Forwarded-For`, the one
/// the proxy itself wrote; from anywhere else the header is not believed.
#[must_use]
pub fn client_ip<B>(request: &axum::http::Request<B>) -> IpAddr {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(address)| address.ip().to_canonical());
    if !peer.is_loopback() {
        return peer;
    }
    let forwarded = request.headers().get_all("x-forwarded-for").iter().next_back();
    forwarded
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.rsplit(',').next())
        .and_then(|address| address.trim().parse().ok())
        .unwrap_or(peer)
}

/// The signed-in caller of a handler. Whoever is not signed in goes to the login page, or gets 401 from the API.
#[derive(Debug, Clone)]
pub struct Signed(pub Caller);

impl<S: Sync> FromRequestParts<S> for Signed {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AppError> {
        let view = View::from_request_parts(parts, state).await?;
        if let Some(fault) = view.caller_fault() {
            return Err(AppError::Unavailable(anyhow::anyhow!("{fault}")));
        }
        view.caller().cloned().map(Self).ok_or(AppError::Unauthorized)
    }
}

/// The cookie that carries a session's token for `secs`.
#[must_use]
pub fn session_cookie(view: &View, token: &str, secs: i64) -> SetCookie {
    view.cookie(SESSION_COOKIE, token, secs)
}

/// The cookie that ends the session in the browser.
#[must_use]
pub fn no_session_cookie(view: &View) -> SetCookie {
    view.cookie(SESSION_COOKIE, "", 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(peer: &str, forwarded: Option<&str>) -> axum::http::Request<()> {
        let mut builder = axum::http::Request::builder();
        if let Some(forwarded) = forwarded {
            builder = builder.header("x-forwarded-for", forwarded);
        }
        let mut request = builder.body(()).unwrap();
        let address: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(address));
        request
    }

    #[test]
    fn a_proxy_on_this_machine_is_believed_and_no_other() {
        let ip = |peer, forwarded| client_ip(&request(peer, forwarded)).to_string();
        assert_eq!(ip("127.0.0.1:5000", Some("1.2.3.4, 5.6.7.8")), "5.6.7.8");
        assert_eq!(ip("127.0.0.1:5000", Some("nonsense")), "127.0.0.1");
        assert_eq!(ip("9.9.9.9:5000", Some("1.2.3.4")), "9.9.9.9");
        assert_eq!(ip("[::ffff:9.9.9.9]:5000", None), "9.9.9.9");
    }

    #[test]
    fn only_bearer_tokens_are_taken() {
        let headers = |value: &str| {
            HeaderMap::from_iter([(header::AUTHORIZATION, header::HeaderValue::from_str(value).unwrap())])
        };
        assert_eq!(bearer(&headers("Bearer abc")), Some("abc"));
        assert_eq!(bearer(&headers("bearer abc")), Some("abc"));
        assert_eq!(bearer(&headers("Basic abc")), None);
        assert_eq!(bearer(&headers("abc")), None);
    }
}
