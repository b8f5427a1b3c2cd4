//! The page of the audit log.

use axum::{Router as Routes, extract::State, response::Response, routing::get};

use super::{Filter, pages::ListPage};
use crate::{
    app::App,
    http::{access::Permission, api::Listing, error::AppError, session::Signed, view::View},
    sites,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/settings/audit", get(list))
}

async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
) -> Result<Response, AppError> {
    caller.allow(Permission::AuditSee)?;
    listing.page.after_id()?;
    let filter = Filter { sites: caller.sites.site_ids(), q: listing.q.clone() };
    let page = super::list(app.db.read(), &filter, &listing.page).await?;
    view.page(&ListPage {
        entries: page.items,
        q: listing.q,
        next: page.next_cursor,
        is_later: listing.is_later,
        timezone: sites::home_zone(app.db.read(), &caller.sites).await?,
    })
}
