//! Drafts: looked at and approved.

use axum::{
    extract::{Path, State as Of},
    response::Response,
};
use axum_extra::extract::{Form, Query};

use super::{
    super::{
        Approved, Filter, Tab, approve as ops,
        pages::{DraftFields, DraftsPage},
    },
    choices, site_of,
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::PageOf,
    http::{
        access::Permission,
        api::Listing,
        error::AppError,
        locale::Arg,
        session::{Caller, Signed},
        view::View,
    },
    ids::InvoiceId,
    settings, sites,
};

async fn page(
    app: &App,
    caller: &Caller,
    (page, is_later): (&PageOf, bool),
    site_id: String,
) -> Result<DraftsPage, AppError> {
    let (db, site) = (app.db.read(), site_of(&site_id)?);
    let filter = Filter { tab: Tab::Draft, site, ..Filter::default() };
    let found = super::super::list(db, &caller.sites, app.clock.now(), &filter, page).await??;
    Ok(DraftsPage {
        rows: found.items,
        sums: ops::waiting_sums(app, &caller.sites, site).await?,
        site_id,
        sites: choices(&sites::all(db, &caller.sites).await?),
        hours: settings::load(db).await?.invoice_auto_approve_hours,
        nothing_chosen: false,
        next: found.next_cursor,
        is_later,
        may_manage: caller.may(Permission::InvoicesManage),
        timezone: sites::home_zone(db, &caller.sites).await?,
    })
}

pub(super) async fn list(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(asked): Query<DraftFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    view.page(&page(&app, &caller, (&listing.page, listing.is_later), asked.site_id).await?)
}

pub(super) async fn approve(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<DraftFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let actor = Actor::of(&caller, view.ip());
    let approved = if fields.which == "all" {
        ops::approve_all(&app, &caller.sites, &actor, site_of(&fields.site_id)?).await?
    } else {
        let ids = fields.ids.iter().take(ops::MAX_NAMED).filter_map(|id| id.parse().ok()).map(InvoiceId);
        let ids: Vec<InvoiceId> = ids.collect();
        if ids.is_empty() {
            let page = page(&app, &caller, (&PageOf::default(), false), fields.site_id).await?;
            return view.form_again(&DraftsPage { nothing_chosen: true, ..page });
        }
        ops::approve(&app, &caller.sites, &actor, &ids).await?
    };
    Ok(done(&view, approved))
}

/// What is left goes on waiting; else it is seen what is to be paid now.
fn done(view: &View, approved: Approved) -> Response {
    let to = if approved.is_cut { "/invoices/drafts" } else { "/invoices" };
    let count = i64::try_from(approved.issued).unwrap_or(i64::MAX);
    view.go_saying(to, "done-invoices-approved", [("count", Arg::Number(count))])
}

pub(super) async fn issue(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<InvoiceId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let invoice = super::invoice(&app, &caller, id).await?;
    ops::approve(&app, &caller.sites, &Actor::of(&caller, view.ip()), &[invoice.head.id]).await?;
    Ok(view.go_saying(&format!("/invoices/{id}"), "done-invoices-approved", [("count", Arg::Number(1))]))
}
