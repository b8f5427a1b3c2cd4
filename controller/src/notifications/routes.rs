//! The page of messages to customers.

use axum::{
    Router as Routes,
    extract::{Path, State},
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::Query;

use super::{
    MessageState,
    api::Narrow,
    pages::{ListPage, templates},
};
use crate::{
    app::App,
    audit::Actor,
    http::{access::Permission, api::Listing, error::AppError, form::Choice, session::Signed, view::View},
    ids::MessageId,
    sites,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/messages", get(list))
        .route("/messages/{id}/drop", post(drop_one))
        .route("/messages/{id}/sent", post(sent))
}

async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Response, AppError> {
    caller.allow(Permission::BillingSee)?;
    listing.page.after_id()?;
    let filter = narrow.filter()?;
    let page = super::list(app.db.read(), &caller.sites, filter, &listing.page).await?;
    let sites = sites::all(app.db.read(), &caller.sites).await?;
    view.page(&ListPage {
        messages: page.items,
        state: filter.state,
        states: MessageState::ALL,
        site_id: narrow.site_id,
        sites: sites.into_iter().map(|site| Choice::new(site.id, site.name)).collect(),
        template: narrow.template,
        templates: templates(),
        customer_id: narrow.customer_id,
        next: page.next_cursor,
        is_later: listing.is_later,
        may_manage: caller.may(Permission::BillingManage),
    })
}

async fn drop_one(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<MessageId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::BillingManage)?;
    let message = super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    super::drop_by_hand(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    let (list, said) = match message.state {
        MessageState::ToCall => ("/messages?state=to_call", "done-message-called"),
        MessageState::Draft | MessageState::Sent | MessageState::Dropped => ("/messages", "done-message-dropped"),
    };
    Ok(view.go_saying(list, said, []))
}

async fn sent(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<MessageId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::BillingManage)?;
    super::sent_by_hand(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok(view.go_saying("/messages", "done-message-sent", []))
}
