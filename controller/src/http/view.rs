//! What is known about a request before its handler runs, and the ways to answer with a page.
//!
//! `session::identify` makes it once a request; handlers and layers take it as an extractor.

use std::{fmt, net::IpAddr, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Response},
};
use axum_extra::extract::cookie::CookieJar;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    Web,
    error::AppError,
    form::FieldError,
    htmx,
    locale::{Arg, Locale, Texts},
    nav,
    page::{Flash, Page, Shell, ShellUser, Theme},
    session::Caller,
};

const FLASH_COOKIE: &str = "hiji_flash";
/// The page after an action comes at once; older sentences are of another day.
const FLASH_SECS: i64 = 60;
const MAX_FLASH_BYTES: usize = 2048;
/// Longest path that a login or a switch comes back to.
const MAX_NEXT_BYTES: usize = 1024;

/// A request's surroundings. Cheap to clone.
#[derive(Clone)]
pub struct View(Arc<Surroundings>);

pub(crate) struct Surroundings {
    pub(crate) web: Arc<Web>,
    pub(crate) caller: Result<Option<Caller>, String>,
    pub(crate) locale: Locale,
    pub(crate) theme: Theme,
    pub(crate) flash: Option<Flash>,
    pub(crate) here: String,
    /// How far live changes were when the request came.
    pub(crate) live: String,
    pub(crate) partial: bool,
    pub(crate) ip: IpAddr,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("path", &self.path()).field("locale", &self.0.locale).finish_non_exhaustive()
    }
}

impl View {
    pub(crate) fn new(surroundings: Surroundings) -> Self {
        Self(Arc::new(surroundings))
    }

    /// The signed-in caller, where a page shows itself to strangers too. Others take [`super::session::Signed`].
    #[must_use]
    pub fn caller(&self) -> Option<&Caller> {
        self.0.caller.as_ref().ok().and_then(Option::as_ref)
    }

    /// Why it could not be found out who calls.
    pub(crate) fn caller_fault(&self) -> Option<&str> {
        self.0.caller.as_ref().err().map(String::as_str)
    }

    /// The language of the answer.
    #[must_use]
    pub fn locale(&self) -> Locale {
        self.0.locale
    }

    /// The texts.
    #[must_use]
    pub fn texts(&self) -> &Texts {
        self.0.web.pages.texts()
    }

    /// The text of a key in the language of the request.
    #[must_use]
    pub fn text(&self, key: &str) -> String {
        self.texts().text(self.0.locale, key, [])
    }

    /// The sentence of a refused field.
    #[must_use]
    pub fn problem(&self, error: &FieldError) -> String {
        let args = error.args().iter().map(|(name, arg)| (name.as_str(), arg.shown(self.0.locale)));
        self.texts().text(self.0.locale, &error.text_key(), args)
    }

    /// Where the request comes from.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.0.ip
    }

    /// Path and query.
    #[must_use]
    pub fn here(&self) -> &str {
        &self.0.here
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.here.split('?').next().unwrap_or_default()
    }

    /// Whether htmx asks for a part of a page.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.0.partial
    }

    /// Is the app reached by https? Then cookies say `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.web.https
    }

    /// 200 with a page.
    ///
    /// # Errors
    /// [`AppError::Internal`] when the template is broken.
    pub fn page<P: Page>(&self, page: &P) -> Result<Response, AppError> {
        self.answer(StatusCode::OK, page)
    }

    /// 422 with the form again, what was typed and what is wrong.
    ///
    /// # Errors
    /// [`AppError::Internal`] when the template is broken.
    pub fn form_again<P: Page>(&self, page: &P) -> Result<Response, AppError> {
        self.answer(StatusCode::UNPROCESSABLE_ENTITY, page)
    }

    /// A page with another status.
    ///
    /// # Errors
    /// [`AppError::Internal`] when the template is broken.
    pub fn answer<P: Page>(&self, status: StatusCode, page: &P) -> Result<Response, AppError> {
        let html = self.html(page)?;
        let mut response = (status, Html(html)).into_response();
        // Pages are somebody's: the back button of a shared computer shows nothing after the log-out.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.0.flash.is_some() && !self.0.partial {
            self.cookie(FLASH_COOKIE, "", 0).add_to(&mut response);
        }
        Ok(response)
    }

    /// The HTML of a page.
    pub(crate) fn html<P: Page>(&self, page: &P) -> anyhow::Result<String> {
        self.0.web.pages.render(page, &self.shell())
    }

    /// The HTML of a page in another language than the request's: what is printed is for others to read.
    pub(crate) fn html_in<P: Page>(&self, locale: Locale, page: &P) -> anyhow::Result<String> {
        self.0.web.pages.render(page, &Shell { locale, ..self.shell() })
    }

    /// 303 to another page of ours, after something was done.
    #[must_use]
    pub fn go(&self, to: &str) -> Response {
        if self.0.partial {
            return htmx::redirect(to);
        }
        let mut response = StatusCode::SEE_OTHER.into_response();
        if let Ok(to) = HeaderValue::from_str(to) {
            response.headers_mut().insert(header::LOCATION, to);
        }
        response
    }

    /// [`View::go`], and the next page says what was done: the text `key` with its arguments.
    #[must_use]
    pub fn go_saying<'a>(&self, to: &str, key: &str, args: impl IntoIterator<Item = (&'a str, Arg)>) -> Response {
        let args = args.into_iter().map(|(name, arg)| (name.to_owned(), arg)).collect();
        let flash = Flash { key: key.to_owned(), args };
        let mut response = self.go(to);
        if let Ok(json) = serde_json::to_vec(&flash)
            && json.len() <= MAX_FLASH_BYTES
        {
            self.cookie(FLASH_COOKIE, &URL_SAFE_NO_PAD.encode(json), FLASH_SECS).add_to(&mut response);
        }
        response
    }

    /// A cookie of ours: not for scripts, not for other sites. A lifetime of 0 removes it. The value must be of
    /// characters that a cookie may hold: base64url, hex, names.
    #[must_use]
    pub fn cookie(&self, name: &'static str, value: &str, max_age_secs: i64) -> SetCookie {
        let secure = if self.is_https() { "; Secure" } else { "" };
        SetCookie(format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_secs}{secure}"))
    }

    fn shell(&self) -> Shell {
        let caller = self.caller();
        Shell {
            brand: self.0.web.brand.name().to_string(),
            user: caller
                .map(|caller| ShellUser { name: caller.name.clone(), role: caller.role.as_str().replace('_', "-") }),
            nav: caller
                .map(|caller| nav::menu((caller.role, &caller.grants), &caller.sites, self.path()))
                .unwrap_or_default(),
            locale: self.0.locale,
            theme: self.0.theme,
            dev: self.0.web.dev,
            here: self.0.here.clone(),
            live: self.0.live.clone(),
            flash: self.0.flash.clone(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for View {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AppError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| AppError::Internal(anyhow::anyhow!("a route stands outside of session::identify")))
    }
}

/// A cookie on its way to the browser.
#[derive(Debug, Clone)]
pub struct SetCookie(String);

impl SetCookie {
    /// Adds it to an answer.
    pub fn add_to(&self, response: &mut Response) {
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
}

/// The sentence that the last action left for this page.
pub(crate) fn flash_of(jar: &CookieJar) -> Option<Flash> {
    let cookie = jar.get(FLASH_COOKIE)?;
    if cookie.value().len() > MAX_FLASH_BYTES * 2 {
        return None;
    }
    let flash: Flash = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cookie.value()).ok()?).ok()?;
    // Only keys meant for it: whoever can set a cookie shall not choose among all our sentences.
    flash.key.starts_with("done-").then_some(flash)
}

/// A path of ours to come back to, or the start page: never another site's address.
#[must_use]
pub fn safe_next(next: &str) -> &str {
    let ours = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && next.len() <= MAX_NEXT_BYTES
        && next.bytes().all(|byte| byte.is_ascii_graphic());
    if ours { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use axum_extra::extract::cookie::Cookie;

    use super::*;

    #[test]
    fn only_paths_of_ours_are_come_back_to() {
        for next in ["/", "/vouchers?q=a%20b", "/settings/admins"] {
            assert_eq!(safe_next(next), next);
        }
        for next in ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\nb", "/a b", "javascript:x"] {
            assert_eq!(safe_next(next), "/", "{next}");
        }
    }

    #[test]
    fn a_flash_of_a_strange_key_is_dropped() {
        let jar = |json: &str| CookieJar::new().add(Cookie::new(FLASH_COOKIE, URL_SAFE_NO_PAD.encode(json)));
        assert!(flash_of(&jar(r#"{"key":"done-logged-out","args":[]}"#)).is_some());
        assert!(flash_of(&jar(r#"{"key":"fault-internal","args":[]}"#)).is_none());
        assert!(flash_of(&jar("nonsense")).is_none());
    }
}
