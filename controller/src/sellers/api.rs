//! `/api/v1/sellers`.

use axum::{
    Router as Routes,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use serde::Deserialize;
use utoipa::OpenApi;

use super::{Filter, Seller, SellerError, SellerForm, rules};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{Json, Listing, openapi::Problem},
        error::AppError,
        form::{Check, FieldError, FormErrors},
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::{SellerId, SiteId},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/sellers", get(list).post(add))
        .route("/sellers/{id}", get(show).put(change))
        .route("/sellers/{id}/archive", post(archive))
        .route("/sellers/{id}/restore", post(restore))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, add, show, change, archive, restore), components(schemas(SellerForm)))]
    struct Part;
    Part::openapi()
}

impl From<SellerError> for AppError {
    fn from(error: SellerError) -> Self {
        match error {
            SellerError::NotFound => Self::NotFound,
            SellerError::Refused(errors) => Self::Invalid(errors),
            SellerError::Db(error) => error.into(),
        }
    }
}

/// What a list's query may narrow it by; the same for pages.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Narrowed {
    pub(super) site_id: String,
    pub(super) archived: String,
}

impl Narrowed {
    /// The filter of a query.
    ///
    /// # Errors
    /// What cannot be an id.
    pub(super) fn filter(&self, q: String) -> Result<Filter, AppError> {
        let mut check = Check::default();
        let text = Some(self.site_id.as_str()).filter(|text| !text.is_empty());
        let site = text.and_then(|text| check.id("site_id", text)).map(SiteId);
        let archived = Check::ticked(&self.archived);
        if check.is_clean() { Ok(Filter { site, archived, q }) } else { Err(check.into_errors().into()) }
    }
}

/// Who may not see admins may not say which of them a seller is: it stays as it was.
pub(super) fn with_admin(
    caller: &Caller,
    form: &SellerForm,
    before: Option<&Seller>,
) -> Result<SellerForm, FormErrors> {
    let stood = before.and_then(|seller| seller.admin_id);
    if caller.may(Permission::AdminsManage) {
        return Ok(form.clone());
    }
    if form.admin_id.is_some_and(|admin| Some(admin) != stood) {
        return Err(FormErrors::of("admin_id", FieldError::new("not_allowed")));
    }
    Ok(SellerForm { admin_id: stood, ..form.clone() })
}

#[utoipa::path(get, path = "/sellers", tag = "sellers", operation_id = "sellers", params(
    ("site_id" = Option<i64>, Query), ("archived" = Option<bool>, Query, description = "those no longer offered"),
    ("q" = Option<String>, Query, description = "part of the name or the phone number"),
    ("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
), responses((status = 200, description = "Sellers, by name")))]
async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(narrowed): Query<Narrowed>,
) -> Result<Json<Paged<Seller>>, AppError> {
    caller.allow(Permission::VouchersSee)?;
    let filter = narrowed.filter(listing.q)?;
    Ok(Json(super::list(app.db.read(), &caller.sites, &filter, &listing.page).await?))
}

#[utoipa::path(post, path = "/sellers", tag = "sellers", operation_id = "seller_add", request_body = SellerForm,
    responses((status = 201, description = "The seller"), (status = 422, body = Problem)))]
async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Json(form): Json<SellerForm>,
) -> Result<(StatusCode, Json<Seller>), AppError> {
    caller.allow(Permission::VouchersManage)?;
    let draft = rules::check(&with_admin(&caller, &form, None)?)?;
    let id = super::add(&app, &caller.sites, &Actor::of(&caller, view.ip()), &draft).await?;
    Ok((StatusCode::CREATED, Json(found(&app, &caller, id).await?)))
}

async fn found(app: &App, caller: &Caller, id: SellerId) -> Result<Seller, AppError> {
    super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)
}

#[utoipa::path(get, path = "/sellers/{id}", tag = "sellers", operation_id = "seller", params(("id" = i64, Path)),
    responses((status = 200, description = "The seller"), (status = 404, body = Problem)))]
async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<SellerId>,
) -> Result<Json<Seller>, AppError> {
    caller.allow(Permission::VouchersSee)?;
    found(&app, &caller, id).await.map(Json)
}

#[utoipa::path(put, path = "/sellers/{id}", tag = "sellers", operation_id = "seller_change",
    params(("id" = i64, Path)), request_body = SellerForm, responses(
    (status = 200, description = "The seller"), (status = 404, body = Problem), (status = 422, body = Problem),
))]
async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SellerId>,
    Json(form): Json<SellerForm>,
) -> Result<Json<Seller>, AppError> {
    caller.allow(Permission::VouchersManage)?;
    let before = found(&app, &caller, id).await?;
    let draft = rules::check(&with_admin(&caller, &form, Some(&before))?)?;
    super::change(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &draft).await?;
    found(&app, &caller, id).await.map(Json)
}

#[utoipa::path(post, path = "/sellers/{id}/archive", tag = "sellers", operation_id = "seller_archive",
    params(("id" = i64, Path)),
    responses((status = 200, description = "The seller, no longer offered"), (status = 404, body = Problem)))]
async fn archive(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SellerId>,
) -> Result<Json<Seller>, AppError> {
    caller.allow(Permission::VouchersManage)?;
    super::archive(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, true).await?;
    found(&app, &caller, id).await.map(Json)
}

#[utoipa::path(post, path = "/sellers/{id}/restore", tag = "sellers", operation_id = "seller_restore",
    params(("id" = i64, Path)),
    responses((status = 200, description = "The seller, offered again"), (status = 404, body = Problem)))]
async fn restore(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SellerId>,
) -> Result<Json<Seller>, AppError> {
    caller.allow(Permission::VouchersManage)?;
    super::archive(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, false).await?;
    found(&app, &caller, id).await.map(Json)
}
