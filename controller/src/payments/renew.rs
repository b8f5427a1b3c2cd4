//! Paying ahead: the next periods of a service are invoiced and paid in one transaction, with what is owed for it already.
//! Nothing stays unpaid of it: who hands over less is told what it costs.

use sea_orm::ConnectionTrait;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Asked, Method, PaymentError, Using, store,
    take::{Desk, Take, Taken, form_id_of, take_in},
    use_credit_in,
};
use crate::{
    app::App,
    audit,
    http::{
        access::Scope,
        form::{FieldError, FormErrors},
    },
    ids::{self, SubscriptionId},
    invoices::{self, Open},
    ledger::{self, allocation::Choice},
    money::{Currency, Money},
    settings,
    subscriptions::{
        self, Subscription, SubscriptionError,
        acts::{self, Act, NextInvoice, Order},
    },
};

/// Periods of a service that are paid ahead.
#[derive(Debug, Clone)]
pub struct Renewing {
    pub subscription: SubscriptionId,
    /// 1 to [`acts::MAX_PERIODS`].
    pub periods: usize,
    /// Of what is handed over.
    pub method: Method,
    /// `None` = exactly what it costs.
    pub given: Option<Money>,
    /// The customer's balance pays first.
    pub uses_balance: bool,
    /// What is left becomes balance; otherwise cash is handed back.
    pub keeps_rest: bool,
    pub note: String,
}

/// What paying ahead asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Renewal {
    pub periods: usize,
    /// The invoices it makes.
    pub next: Vec<NextInvoice>,
    /// What is owed for the service already.
    pub owed: Money,
    /// Both.
    pub total: Money,
    /// What the customer has.
    pub balance: Money,
    /// The first day that is not paid then.
    pub paid_until: Option<chrono::NaiveDate>,
}

/// What periods that are paid ahead would cost; nothing is changed.
///
/// # Errors
/// [`PaymentError`]: why it could not be done.
pub async fn renewal(app: &App, scope: &Scope, id: SubscriptionId, periods: usize) -> Result<Renewal, PaymentError> {
    let db = app.db.read();
    let done = acts::preview(app, scope, id, &Act::Renew { periods }).await.map_err(refused)?;
    let of = done.subscription;
    let currency = Currency::parse(&settings::load(db).await?.currency).unwrap_or(Currency::IDR);
    let owed = sum(&open_of(db, &of, currency).await?, currency)?;
    let total = done.plan.next.iter().try_fold(owed, |sum, next| sum.plus(next.amount));
    let balance = ledger::balance(db, of.customer_id, currency).await?.credit;
    let (next, paid_until) = (done.plan.next, done.plan.paid_until);
    Ok(Renewal { periods, next, owed, total: total.map_err(SubscriptionError::from)?, balance, paid_until })
}

/// Makes the invoices of the next periods and pays them, with what is owed for the service already. The same form does it
/// once.
///
/// # Errors
/// [`PaymentError`]; nothing was made or taken then.
pub async fn renew(app: &App, asked: &Asked<'_>, renewing: &Renewing) -> Result<Taken, PaymentError> {
    let tx = app.db.begin().await?;
    subscriptions::hold(&*tx).await?;
    let form_id = form_id_of(asked);
    let asked = Asked { form_id: &form_id, ..*asked };
    let of = subscriptions::find(&*tx, asked.scope, renewing.subscription).await?.ok_or(PaymentError::NotFound)?;
    if let Some(known) = store::of_form(&*tx, &form_id).await? {
        return known.repeated_for(of.customer_id);
    }
    let currency = Desk::of(&tx, app, &asked, of.customer_id).await?.currency;
    let order = Order { scope: asked.scope, actor: asked.actor, form_id: &form_id, seen: None };
    let act = Act::Renew { periods: renewing.periods };
    let (_, deed) = Box::pin(acts::act_in(&tx, app, &order, (of.id, &act))).await.map_err(refused)?;
    let total = sum(&open_of(&*tx, &of, currency).await?, currency)?;
    let balance = ledger::lock(&*tx, of.customer_id, currency).await?.credit;
    let from_balance = if renewing.uses_balance { balance.minor().min(total.minor()) } else { 0 };
    let rest = Money::new(total.minor().saturating_sub(from_balance), currency);
    let mut taken = None;
    if from_balance > 0 {
        // The form is that of the money handed over, where there is any.
        let own = ids::token();
        let asked = Asked { form_id: if rest.minor() > 0 { &own } else { &form_id }, ..asked };
        let using = Using {
            customer: of.customer_id,
            at_most: Some(Money::new(from_balance, currency)),
            choices: choices(&open_of(&*tx, &of, currency).await?),
            note: renewing.note.clone(),
        };
        taken = Some(use_credit_in(&tx, app, &asked, &using).await?);
    }
    if rest.minor() > 0 {
        let open = open_of(&*tx, &of, currency).await?;
        taken = Some(take_in(&tx, app, &asked, &handed_over(&of, renewing, rest, &open)?).await?);
    }
    let taken = taken.ok_or_else(|| PaymentError::field("periods", "nothing_due"))?;
    if let Some(deed) = deed {
        audit::record(&*tx, app.clock.now(), asked.actor, deed).await?;
    }
    tx.commit().await?;
    app.wakes.wake();
    Ok(taken)
}

/// The money that is handed over for what the balance leaves open: all of it.
fn handed_over(of: &Subscription, renewing: &Renewing, rest: Money, open: &[Open]) -> Result<Take, PaymentError> {
    let given = renewing.given.unwrap_or(rest);
    if given.currency() == rest.currency() && given.minor() < rest.minor() {
        let error = FieldError::new("renew_needs_all").arg("total", rest.to_string());
        return Err(FormErrors::of("given", error).into());
    }
    Ok(Take {
        customer: of.customer_id,
        method: renewing.method,
        given,
        choices: choices(open),
        keeps_rest: renewing.keeps_rest,
        note: renewing.note.clone(),
    })
}

/// What is to be paid for a service, the oldest due first.
pub(super) async fn open_of(
    db: &impl ConnectionTrait,
    of: &Subscription,
    currency: Currency,
) -> Result<Vec<Open>, PaymentError> {
    let mut open = invoices::open_of(db, of.customer_id).await?;
    open.retain(|open| open.subscription_id == Some(of.id) && open.remaining.currency() == currency);
    Ok(open)
}

fn choices(open: &[Open]) -> Vec<Choice> {
    open.iter().map(|open| Choice { invoice: Some(open.id), at_most: None }).collect()
}

fn sum(open: &[Open], currency: Currency) -> Result<Money, PaymentError> {
    let all = open.iter().try_fold(Money::new(0, currency), |sum, open| sum.plus(open.remaining));
    Ok(all.map_err(SubscriptionError::from)?)
}

/// Why a service cannot be paid ahead stands at the field of its periods.
fn refused(error: SubscriptionError) -> PaymentError {
    let told = error.told();
    match (error, told) {
        (SubscriptionError::NotFound, _) => PaymentError::NotFound,
        (SubscriptionError::Refused(errors), _) => PaymentError::Refused(errors),
        (_, Some(told)) => FormErrors::of("periods", told).into(),
        (error, None) => error.into(),
    }
}
