//! `/api/v1/messages`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use serde::Deserialize;
use utoipa::OpenApi;

use super::{Filter, Message, MessageError, MessageState, Template};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{
            Json, Listing,
            openapi::{ListParams, Problem},
        },
        error::AppError,
        form::Check,
        session::Signed,
        view::View,
    },
    ids::{CustomerId, MessageId, SiteId},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/messages", get(list))
        .route("/messages/{id}", get(show))
        .route("/messages/{id}/drop", post(drop_one))
        .route("/messages/{id}/sent", post(sent))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, show, drop_one, sent), components(schemas(Message, MessageState)))]
    struct Part;
    Part::openapi()
}

/// What a list is narrowed to; empty = not.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Narrow {
    pub(crate) state: String,
    pub(crate) site_id: String,
    pub(crate) template: String,
    pub(crate) customer_id: String,
}

impl Narrow {
    /// The filter of what was asked for.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for what is not offered.
    pub(crate) fn filter(&self) -> Result<Filter, AppError> {
        let mut check = Check::default();
        let given = |text: &str| !text.is_empty();
        let state = if given(&self.state) { check.choice("state", &self.state, MessageState::parse) } else { None };
        let site = if given(&self.site_id) { check.id("site_id", &self.site_id) } else { None };
        let template =
            if given(&self.template) { check.choice("template", &self.template, Template::parse) } else { None };
        let customer = if given(&self.customer_id) { check.id("customer_id", &self.customer_id) } else { None };
        if !check.is_clean() {
            return Err(check.into_errors().into());
        }
        Ok(Filter {
            state: state.unwrap_or_default(),
            site: site.map(SiteId),
            template,
            customer: customer.map(CustomerId),
        })
    }
}

impl From<MessageError> for AppError {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::NotFound => Self::NotFound,
            MessageError::NotWaiting => Self::Conflict { code: "message_not_waiting" },
            MessageError::NoWhatsapp => Self::Conflict { code: "message_no_whatsapp" },
            MessageError::Db(error) => error.into(),
        }
    }
}

#[utoipa::path(get, path = "/messages", tag = "messages", operation_id = "messages", params(
    ("state" = Option<String>, Query, description = "`draft` (also when left out), `to_call`, `sent` or `dropped`"),
    ("site_id" = Option<i64>, Query), ("customer_id" = Option<i64>, Query),
    ("template" = Option<String>, Query, description = "kind of message: `reminder_due_3`"), ListParams), responses(
    (status = 200, description = "Messages to customers, newest first"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Json<Paged<Message>>, AppError> {
    caller.allow(Permission::BillingSee)?;
    listing.page.after_id()?;
    Ok(Json(super::list(app.db.read(), &caller.sites, narrow.filter()?, &listing.page).await?))
}

#[utoipa::path(get, path = "/messages/{id}", tag = "messages", operation_id = "message", params(("id" = i64, Path)),
    responses(
    (status = 200, body = Message, description = "The message"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<MessageId>,
) -> Result<Json<Message>, AppError> {
    caller.allow(Permission::BillingSee)?;
    super::find(app.db.read(), &caller.sites, id).await?.map(Json).ok_or(AppError::NotFound)
}

#[utoipa::path(post, path = "/messages/{id}/drop", tag = "messages", operation_id = "message_drop",
    params(("id" = i64, Path)), responses(
    (status = 204, description = "It is not sent; of one to call: the customer was called"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 409, body = Problem, description = "it waits no more"),
))]
async fn drop_one(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<MessageId>,
) -> Result<StatusCode, AppError> {
    caller.allow(Permission::BillingManage)?;
    super::drop_by_hand(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/messages/{id}/sent", tag = "messages", operation_id = "message_sent",
    params(("id" = i64, Path)), responses(
    (status = 204, description = "Noted: somebody sent it from his own WhatsApp"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 409, body = Problem, description = "it waits no more, or the customer is to be called"),
))]
async fn sent(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<MessageId>,
) -> Result<StatusCode, AppError> {
    caller.allow(Permission::BillingManage)?;
    super::sent_by_hand(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
