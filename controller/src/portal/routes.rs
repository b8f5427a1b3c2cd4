//! Guests' pages.

use std::time::Duration;

use axum::{
    Router as Routes,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
    routing::get,
};
use axum_extra::extract::Query;
use serde::Deserialize;
use tokio::time::Instant;

use super::pages::StatusPage;
use crate::{
    app::App,
    http::{error::AppError, limit::PerAddress, view::View},
    ids::SiteId,
    vouchers::MAX_CODE,
};

/// Every answer about a code takes this long, whatever it is: time shall tell nothing.
const ANSWER_AFTER: Duration = Duration::from_millis(150);

pub(crate) fn routes() -> Routes<App> {
    let limit = PerAddress::guests();
    Routes::new().route("/v", get(async move |state, view, asked| status(limit, state, view, asked).await))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    code: String,
    site: String,
}

async fn status(
    limit: PerAddress,
    State(app): State<App>,
    view: View,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    let code = asked.code.trim();
    let site = asked.site.parse().ok().filter(|id| *id > 0).map(SiteId);
    let mut page = StatusPage {
        code: code.chars().take(MAX_CODE).collect(),
        site: site.map(|site| site.to_string()).unwrap_or_default(),
        asked: !code.is_empty(),
        too_many: false,
        cards: Vec::new(),
    };
    let mut answer = StatusCode::OK;
    let mut wait = None;
    if page.asked {
        let began = Instant::now();
        match limit.check(view.ip()) {
            Ok(()) => {
                page.cards = super::look_up(&app, code, site).await?;
                tokio::time::sleep_until(began + ANSWER_AFTER).await;
            }
            Err(AppError::TooMany { retry_after }) => {
                (page.too_many, answer, wait) = (true, StatusCode::TOO_MANY_REQUESTS, Some(retry_after));
            }
            Err(other) => return Err(other),
        }
    }
    let mut response = view.answer(answer, &page)?;
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
    if let Some(wait) = wait {
        headers.insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
    }
    Ok(response)
}
