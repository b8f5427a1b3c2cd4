//! The page of paying ahead.

use axum::{
    Router as Routes,
    extract::{Path, State as Of},
    response::Response,
    routing::get,
};
use axum_extra::extract::{Form, Query};

use super::{
    Asked, PaymentError, Renewal, Taken,
    renew_pages::{Chosen, Fields, OFFERED, Offer, RenewPage, SumPart},
    routes::currency,
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        error::AppError,
        form::{FormErrors, FormView},
        session::{Caller, Signed},
        view::View,
    },
    ids::SubscriptionId,
    ledger, subscriptions,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/subscriptions/{id}/renew", get(show).post(press))
        .route("/subscriptions/{id}/renew/sum", get(sum))
}

/// What cannot be done stands in the form.
fn or_refused<T>(done: Result<T, PaymentError>) -> Result<Result<T, FormErrors>, AppError> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(PaymentError::Refused(errors)) => Ok(Err(errors)),
        Err(other) => Err(other.into()),
    }
}

async fn renewal(
    app: &App,
    caller: &Caller,
    id: SubscriptionId,
    periods: usize,
) -> Result<Result<Renewal, FormErrors>, AppError> {
    or_refused(super::renewal(app, &caller.sites, id, periods).await)
}

/// What the form would do as it stands; nothing while it cannot be read.
async fn chosen(app: &App, caller: &Caller, id: SubscriptionId, fields: &Fields) -> Result<Option<Chosen>, AppError> {
    let Ok(renewing) = fields.read(id, currency(app).await?) else { return Ok(None) };
    let found = renewal(app, caller, id, renewing.periods).await?;
    Ok(found.ok().map(|renewal| Chosen::of(&renewing, renewal)))
}

/// The page; `None` = with a fresh form.
async fn page(
    app: &App,
    caller: &Caller,
    id: SubscriptionId,
    form: Option<FormView<Fields>>,
) -> Result<RenewPage, AppError> {
    let db = app.db.read();
    let of = subscriptions::find(db, &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let currency = currency(app).await?;
    let balance = ledger::balance(db, of.customer_id, currency).await?.credit;
    let mut form = form.unwrap_or_else(|| FormView::fresh(Fields::fresh(balance)));
    let (mut offers, mut owed) = (Vec::new(), None);
    for periods in OFFERED {
        match renewal(app, caller, id, periods).await? {
            Ok(found) => {
                let last = found.paid_until.and_then(|day| day.pred_opt());
                offers.push(Offer { periods, last, total: found.total });
                owed = Some(found.owed);
            }
            // Why not even one can be paid ahead is said at once; more than there may be are not offered.
            Err(errors) if offers.is_empty() && form.errors.is_empty() => form.errors = errors,
            Err(_too_many) => {}
        }
    }
    Ok(RenewPage {
        chosen: chosen(app, caller, id, &form.values).await?,
        covered: of.paid_through(),
        subscription: of.without_cost(),
        offers,
        owed: owed.unwrap_or(crate::money::Money::new(0, currency)),
        balance,
        form,
        currency_sign: currency.sign().to_owned(),
        may_manage: caller.may(Permission::SubscriptionsManage),
    })
}

async fn show(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SubscriptionId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PaymentsTake)?;
    view.page(&page(&app, &caller, id, None).await?)
}

async fn sum(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SubscriptionId>,
    Query(fields): Query<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PaymentsTake)?;
    view.page(&SumPart { chosen: chosen(&app, &caller, id, &fields).await? })
}

async fn press(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SubscriptionId>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PaymentsTake)?;
    let form_id = fields.form_id.clone();
    let done = match fields.read(id, currency(&app).await?) {
        Err(errors) => Err(errors),
        // Without scripts it is calculated first.
        Ok(_) if !fields.preview.is_empty() => {
            let form = FormView::again(fields, FormErrors::default(), &form_id);
            return view.page(&page(&app, &caller, id, Some(form)).await?);
        }
        Ok(renewing) => {
            let actor = Actor::of(&caller, view.ip());
            let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &form_id };
            or_refused(super::renew(&app, &asked, &renewing).await)?
        }
    };
    match done {
        Ok(Taken { id, again }) => Ok(view.go(&format!("/payments/{id}?{}=1", if again { "again" } else { "new" }))),
        Err(errors) => {
            let form = FormView::again(fields, errors, &form_id);
            view.form_again(&page(&app, &caller, id, Some(form)).await?)
        }
    }
}
