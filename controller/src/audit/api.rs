//! `/api/v1/audit`.

use axum::{Router as Routes, extract::State, routing::get};

use super::{Entry, Filter};
use crate::{
    app::App,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{Json, Listing},
        error::AppError,
        session::Signed,
    },
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/audit", get(list))
}

async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    listing: Listing,
) -> Result<Json<Paged<Entry>>, AppError> {
    caller.allow(Permission::AuditSee)?;
    listing.page.after_id()?;
    let filter = Filter { sites: caller.sites.site_ids(), q: listing.q };
    Ok(Json(super::list(app.db.read(), &filter, &listing.page).await?))
}
