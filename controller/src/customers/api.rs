//! `/api/v1/customers`.

use axum::{
    Router as Routes,
    extract::{Path, State as Of},
    http::StatusCode,
    response::Response,
    routing::{delete, get, post},
};
use axum_extra::extract::Query;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{Asked, Contact, Customer, CustomerError, CustomerForm, Moment, PhoneForm, export, routes::Narrow, rules};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{Intent, Json, Listing, openapi::Problem},
        error::AppError,
        session::{Caller, Signed},
        view::View,
    },
    ids::CustomerId,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/customers", get(list).post(add))
        .route("/customers/export", get(send))
        .route("/customers/{id}", get(show).put(change).delete(remove))
        .route("/customers/{id}/restore", post(restore))
        .route("/customers/{id}/timeline", get(timeline).post(remember))
        .route("/customers/{id}/phones", get(phones).post(add_phone))
        .route("/customers/{id}/phones/{phone_id}", delete(remove_phone))
        .route("/customers/{id}/id_number", get(id_number))
}

/// Their part of the document.
#[must_use]
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(
        paths(
            list,
            add,
            show,
            change,
            remove,
            restore,
            timeline,
            remember,
            phones,
            add_phone,
            remove_phone,
            id_number,
            send
        ),
        components(schemas(CustomerForm, PhoneForm, AddPhone, Remember, Delete, rules::Kind))
    )]
    struct Part;
    Part::openapi()
}

impl From<CustomerError> for AppError {
    fn from(error: CustomerError) -> Self {
        match error {
            CustomerError::NotFound => Self::NotFound,
            CustomerError::Refused(errors) => Self::Invalid(errors),
            CustomerError::Deleted => Self::Conflict { code: "customer_deleted" },
            CustomerError::NotDeleted => Self::Conflict { code: "customer_not_deleted" },
            CustomerError::OpenServices => Self::Conflict { code: "customer_open_services" },
            CustomerError::NotSettled => Self::Conflict { code: "customer_not_settled" },
            CustomerError::Db(error) => error.into(),
        }
    }
}

async fn found(app: &App, caller: &Caller, id: CustomerId) -> Result<Customer, AppError> {
    super::find(app.db.read(), &app.keys, &caller.sites, id).await?.ok_or(AppError::NotFound)
}

#[utoipa::path(get, path = "/customers", tag = "customers", params(
    ("q" = Option<String>, Query, description = "parts of name, address, number, telephone number in any spelling"),
    ("site_id" = Option<i64>, Query), ("tag" = Option<String>, Query),
    ("state" = Option<String>, Query, description = "`active` (unless said) or `deleted`"),
    ("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
), responses((status = 200, description = "Customers, newest first"), (status = 422, body = Problem)))]
async fn list(
    Of(app): Of<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Json<Paged<Customer>>, AppError> {
    caller.allow(Permission::CustomersSee)?;
    let filter = narrow.filter(&listing.q)?;
    Ok(Json(super::list(&app, &caller.sites, &filter, &listing.page).await?))
}

#[utoipa::path(get, path = "/customers/export", tag = "customers", params(
    ("format" = Option<String>, Query, description = "`csv` (unless said) or `xlsx`"),
    ("q" = Option<String>, Query), ("site_id" = Option<i64>, Query), ("tag" = Option<String>, Query),
    ("state" = Option<String>, Query),
), responses((status = 200, description = "The file"), (status = 422, body = Problem)))]
async fn send(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersImport)?;
    let (filter, format) = (narrow.filter(&listing.q)?, narrow.format()?);
    export::send(&app, (&caller.sites, &Actor::of(&caller, view.ip())), &view, filter, format).await
}

#[utoipa::path(post, path = "/customers", tag = "customers", request_body = CustomerForm, responses(
    (status = 201, description = "The customer"), (status = 422, body = Problem),
))]
async fn add(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Intent(form_id): Intent,
    Json(form): Json<CustomerForm>,
) -> Result<(StatusCode, Json<Customer>), AppError> {
    caller.allow(Permission::CustomersAdd)?;
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &form_id };
    let id = super::add(&app, &asked, &form).await?;
    Ok((StatusCode::CREATED, Json(found(&app, &caller, id).await?)))
}

#[utoipa::path(get, path = "/customers/{id}", tag = "customers", params(("id" = i64, Path)), responses(
    (status = 200, description = "The customer, deleted or not"), (status = 404, body = Problem),
))]
async fn show(
    Of(app): Of<App>,
    Signed(caller): Signed,
    Path(id): Path<CustomerId>,
) -> Result<Json<Customer>, AppError> {
    caller.allow(Permission::CustomersSee)?;
    Ok(Json(found(&app, &caller, id).await?))
}

#[utoipa::path(put, path = "/customers/{id}", tag = "customers", params(("id" = i64, Path)),
    request_body = CustomerForm, responses(
    (status = 200, description = "The customer"), (status = 404, body = Problem), (status = 409, body = Problem),
    (status = 422, body = Problem),
))]
async fn change(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Json(form): Json<CustomerForm>,
) -> Result<Json<Customer>, AppError> {
    caller.allow(Permission::CustomersManage)?;
    super::change(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &form).await?;
    Ok(Json(found(&app, &caller, id).await?))
}

/// Why a customer is deleted.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
struct Delete {
    reason: String,
}

#[utoipa::path(delete, path = "/customers/{id}", tag = "customers", params(
    ("id" = i64, Path), ("reason" = String, Query, description = "why; kept in the timeline"),
), responses(
    (status = 200, description = "The customer, kept and out of the lists"), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem),
))]
async fn remove(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Query(why): Query<Delete>,
) -> Result<Json<Customer>, AppError> {
    caller.allow(Permission::CustomersManage)?;
    super::remove(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &why.reason).await?;
    Ok(Json(found(&app, &caller, id).await?))
}

#[utoipa::path(post, path = "/customers/{id}/restore", tag = "customers", params(("id" = i64, Path)), responses(
    (status = 200, description = "The customer"), (status = 404, body = Problem), (status = 409, body = Problem),
))]
async fn restore(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
) -> Result<Json<Customer>, AppError> {
    caller.allow(Permission::CustomersManage)?;
    super::restore(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok(Json(found(&app, &caller, id).await?))
}

#[utoipa::path(get, path = "/customers/{id}/timeline", tag = "customers", params(
    ("id" = i64, Path), ("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
), responses((status = 200, description = "What happened, the latest first"), (status = 404, body = Problem)))]
async fn timeline(
    Of(app): Of<App>,
    Signed(caller): Signed,
    Path(id): Path<CustomerId>,
    listing: Listing,
) -> Result<Json<Paged<Moment>>, AppError> {
    caller.allow(Permission::CustomersSee)?;
    let customer = found(&app, &caller, id).await?;
    Ok(Json(super::timeline(app.db.read(), customer.id, &listing.page).await?))
}

/// What shall be remembered of a customer.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
struct Remember {
    text: String,
}

#[utoipa::path(post, path = "/customers/{id}/timeline", tag = "customers", params(("id" = i64, Path)),
    request_body = Remember, responses(
    (status = 204, description = "Written down"), (status = 404, body = Problem), (status = 422, body = Problem),
))]
async fn remember(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Json(form): Json<Remember>,
) -> Result<StatusCode, AppError> {
    caller.allow(Permission::CustomersAdd)?;
    super::remember(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &form.text).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The numbers of a customer.
#[derive(Debug, Serialize)]
struct Phones {
    items: Vec<Contact>,
}

#[utoipa::path(get, path = "/customers/{id}/phones", tag = "customers", params(("id" = i64, Path)), responses(
    (status = 200, description = "His numbers, the one that is called first"), (status = 404, body = Problem),
))]
async fn phones(
    Of(app): Of<App>,
    Signed(caller): Signed,
    Path(id): Path<CustomerId>,
) -> Result<Json<Phones>, AppError> {
    caller.allow(Permission::CustomersSee)?;
    Ok(Json(Phones { items: found(&app, &caller, id).await?.phones }))
}

/// A number to be added.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
struct AddPhone {
    number: String,
    label: String,
    is_whatsapp: Option<bool>,
    /// It may be another customer's too.
    allow_duplicate: bool,
}

#[utoipa::path(post, path = "/customers/{id}/phones", tag = "customers", params(("id" = i64, Path)),
    request_body = AddPhone, responses(
    (status = 201, description = "His numbers"), (status = 404, body = Problem), (status = 409, body = Problem),
    (status = 422, body = Problem),
))]
async fn add_phone(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Json(form): Json<AddPhone>,
) -> Result<(StatusCode, Json<Phones>), AppError> {
    caller.allow(Permission::CustomersManage)?;
    let AddPhone { number, label, is_whatsapp, allow_duplicate } = form;
    let phone = PhoneForm { number, label, is_whatsapp };
    let actor = Actor::of(&caller, view.ip());
    super::add_phone(&app, &caller.sites, &actor, id, (phone, allow_duplicate)).await?;
    Ok((StatusCode::CREATED, Json(Phones { items: found(&app, &caller, id).await?.phones })))
}

#[utoipa::path(delete, path = "/customers/{id}/phones/{phone_id}", tag = "customers", params(
    ("id" = i64, Path), ("phone_id" = i64, Path),
), responses(
    (status = 204, description = "Taken off"), (status = 404, body = Problem), (status = 409, body = Problem),
))]
async fn remove_phone(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, phone)): Path<(CustomerId, i64)>,
) -> Result<StatusCode, AppError> {
    caller.allow(Permission::CustomersManage)?;
    super::remove_phone(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, phone).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An identity number in full.
#[derive(Debug, Serialize)]
struct IdNumber {
    id_number: Option<String>,
}

#[utoipa::path(get, path = "/customers/{id}/id_number", tag = "customers", params(("id" = i64, Path)), responses(
    (status = 200, description = "The identity number in full; that it was asked for stands in the audit log"),
    (status = 404, body = Problem),
))]
async fn id_number(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
) -> Result<Json<IdNumber>, AppError> {
    caller.allow(Permission::CustomersManage)?;
    let number = super::id_number(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok(Json(IdNumber { id_number: number }))
}
