//! `POST /preferences`: language and theme of this browser, kept in cookies for a year. For everybody, also before the
//! login.

use axum::response::Response;
use axum_extra::extract::Form;
use serde::Deserialize;

use super::{
    locale::Locale,
    page::Theme,
    session::{LOCALE_COOKIE, THEME_COOKIE},
    view::{View, safe_next},
};

const YEAR_SECS: i64 = 365 * 24 * 60 * 60;

#[derive(Debug, Deserialize)]
pub(crate) struct Chosen {
    #[serde(default)]
    locale: String,
    #[serde(default)]
    theme: String,
    #[serde(default)]
    next: String,
}

/// Keeps what is known, leaves the rest as it is, and goes back.
pub(crate) async fn choose(view: View, Form(chosen): Form<Chosen>) -> Response {
    let mut response = view.go(safe_next(&chosen.next));
    if let Some(locale) = Locale::from_tag(&chosen.locale) {
        view.cookie(LOCALE_COOKIE, locale.tag(), YEAR_SECS).add_to(&mut response);
    }
    if let Some(theme) = Theme::parse(&chosen.theme) {
        view.cookie(THEME_COOKIE, theme.as_str(), YEAR_SECS).add_to(&mut response);
    }
    response
}
