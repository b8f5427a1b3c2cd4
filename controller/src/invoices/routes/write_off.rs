//! Debts given up and taken up again: of invoices, and of what customers were taken over with.

use axum::{
    extract::{Path, State as Of},
    response::Response,
};
use axum_extra::extract::Form;

use super::{
    one::{Why, answer},
    reports,
};
use crate::{
    app::App,
    audit::Actor,
    http::{access::Permission, error::AppError, session::Signed, view::View},
    ids::{CustomerId, InvoiceId},
    invoices,
};

pub(super) async fn write_off(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<InvoiceId>,
    Form(Why { reason }): Form<Why>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let done = invoices::write_off(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &reason).await;
    answer((&app, &caller, &view), id, (done, "done-invoice-written-off")).await
}

pub(super) async fn reinstate(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<InvoiceId>,
    Form(Why { reason }): Form<Why>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let done = invoices::reinstate(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &reason).await;
    answer((&app, &caller, &view), id, (done, "done-invoice-reinstated")).await
}

pub(super) async fn write_off_loose(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Form(Why { reason }): Form<Why>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let done = invoices::write_off_loose(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &reason).await;
    reports::answer((&app, &caller, &view), id, (done, "done-opening-written-off")).await
}

pub(super) async fn reinstate_loose(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Form(Why { reason }): Form<Why>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let done = invoices::reinstate_loose(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &reason).await;
    reports::answer((&app, &caller, &view), id, (done, "done-opening-reinstated")).await
}
