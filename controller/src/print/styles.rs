//! Files of a print that browsers fetch without a session: style sheets, which are their own address, and logos.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{
    layout::{self, Style},
    layouts,
};
use crate::{
    app::App,
    http::{error::AppError, logo::FOR_EVER},
    ids::LayoutId,
};

/// `/print/style/{hash}/{name}`: nothing in it is secret, and a print opened by a program has no cookie.
pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/print/style/{hash}/{name}", get(style)).route("/print/logo/{id}/{word}", get(logo))
}

/// A logo stands on every voucher; its address is given out with them.
async fn logo(State(app): State<App>, Path((id, word)): Path<(LayoutId, String)>) -> Result<Response, AppError> {
    let (bytes, kind) = layouts::logo_of(&app, id, &word).await?.ok_or(AppError::NotFound)?;
    let kind = HeaderValue::from_str(&kind).map_err(|error| AppError::Internal(error.into()))?;
    // `nosniff` and the content policy stand on every answer.
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, FOR_EVER)], bytes).into_response())
}

async fn style(Path((hash, name)): Path<(String, String)>) -> Response {
    let Some(css) = Style::parse(&name).map(|style| style.css()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], css.clone()).into_response();
    // Another version of hiji made the address: right, but not for ever.
    let fresh = layout::hash(css.as_bytes()) == hash;
    let keep = if fresh { FOR_EVER } else { HeaderValue::from_static("no-cache") };
    response.headers_mut().insert(header::CACHE_CONTROL, keep);
    response
}
