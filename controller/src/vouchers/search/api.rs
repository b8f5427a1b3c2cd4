//! `GET /api/v1/vouchers`.

use axum::{Router as Routes, extract::State, routing::get};
use axum_extra::extract::Query;
use utoipa::OpenApi;

use super::{
    SearchError,
    query::{Typed, bad_cursor},
};
use crate::{
    app::App,
    db::paging::{DEFAULT_LIMIT, Paged},
    http::{
        access::Permission,
        api::{Json, openapi::Problem},
        error::AppError,
        session::Signed,
    },
    vouchers::{Voucher, api::shown},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/vouchers", get(list))
}

/// Its part of the document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list))]
    struct Part;
    Part::openapi()
}

impl From<SearchError> for AppError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::BadCursor => bad_cursor().into(),
            SearchError::Db(error) => error.into(),
        }
    }
}

/// Finds vouchers: of a batch in its order, else newest first, or in the order asked for.
#[utoipa::path(get, path = "/vouchers", operation_id = "list_vouchers", tag = "vouchers", params(
    ("q" = Option<String>, Query, description = "a code, a MAC address, the beginning of a code, or a part of one, \
        whichever is found first; or the number of a batch. A part is looked for in 5,000 vouchers at a time: the page \
        may then be empty and still have a `next_cursor`"),
    ("status" = Option<Vec<String>>, Query, description = "any of `draft`, `ready`, `active`, `used_up`, `expired`, \
        `blocked`, `void`; several as several parameters or with commas"),
    ("batch_id" = Option<i64>, Query), ("site_id" = Option<i64>, Query), ("router_id" = Option<i64>, Query),
    ("package_id" = Option<i64>, Query), ("seller_id" = Option<i64>, Query),
    ("mac" = Option<String>, Query, description = "a MAC address or its beginning, in any spelling"),
    ("made_from" = Option<String>, Query, description = "days, both included, in the sites' own time: `2026-11-22`"),
    ("made_to" = Option<String>, Query), ("first_from" = Option<String>, Query), ("first_to" = Option<String>, Query),
    ("ended_from" = Option<String>, Query), ("ended_to" = Option<String>, Query),
    ("sold" = Option<String>, Query, description = "`yes`: sold over the counter; `no`: neither sold there nor used, \
        and on its way or ready unless `status` says otherwise"),
    ("sort" = Option<String>, Query, description = "`newest`, `valid_until` (ends next first), `first_login_at`, \
        `ended_at` and `sold_at` (latest first); these four list only vouchers that have such a time. `code` goes with \
        `site_id` and `q` only"),
    ("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
), responses(
    (status = 200, description = "Vouchers"),
    (status = 422, body = Problem, description = "A parameter that cannot be meant"),
))]
async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    Query(typed): Query<Typed>,
) -> Result<Json<Paged<Voucher>>, AppError> {
    caller.allow(Permission::VouchersSee)?;
    let (search, errors) = typed.search(&super::places(&app, &caller.sites).await?);
    if !errors.is_empty() {
        return Err(errors.into());
    }
    let found = super::find(&app, &caller.sites, &search, &typed.page(DEFAULT_LIMIT)?).await?;
    Ok(Json(found.page.map(|voucher| shown(&caller, voucher))))
}
