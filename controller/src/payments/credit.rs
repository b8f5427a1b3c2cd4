//! A customer's balance: used to settle what is due, or paid out.

use chrono::{DateTime, Utc};

use super::{
    Asked, Kind, Method, PaymentError, invoices_of, rules, services, store,
    take::{Desk, Taken, due_of, form_id_of, place},
};
use crate::{
    app::App,
    audit::Actor,
    db::Tx,
    http::form::{FieldError, FormErrors},
    ids::{CustomerId, PaymentId},
    ledger::{
        self,
        allocation::{Choice, Settlement},
    },
    money::Money,
    subscriptions,
};

/// Balance that shall settle invoices.
#[derive(Debug, Clone)]
pub struct Using {
    pub customer: CustomerId,
    /// At most so much; nothing = as much as there is and is due.
    pub at_most: Option<Money>,
    /// What it shall settle, in this order; nothing = the oldest due first.
    pub choices: Vec<Choice>,
    pub note: String,
}

/// Balance that is paid out.
#[derive(Debug, Clone)]
pub struct Refunding {
    pub customer: CustomerId,
    pub method: Method,
    pub amount: Money,
    pub note: String,
}

/// Settles what is due from a customer's balance. The same form does it once.
///
/// # Errors
/// [`PaymentError`]; nothing was changed then.
pub async fn use_credit(app: &App, asked: &Asked<'_>, using: &Using) -> Result<Taken, PaymentError> {
    let tx = app.db.begin().await?;
    subscriptions::hold(&*tx).await?;
    let taken = use_credit_in(&tx, app, asked, using).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(taken)
}

/// The same within a transaction that [`subscriptions::hold`] was called in; after the commit `app.wakes` is to be woken.
///
/// # Errors
/// [`PaymentError`]; the transaction must then be given up.
pub async fn use_credit_in(tx: &Tx, app: &App, asked: &Asked<'_>, using: &Using) -> Result<Taken, PaymentError> {
    let (now, form_id) = (app.clock.now(), form_id_of(asked));
    if let Some(known) = store::of_form(&**tx, &form_id).await? {
        let amount = using.at_most.unwrap_or(known.given);
        return known.repeated(Kind::CreditUsed, using.customer, amount);
    }
    let desk = Desk::of(tx, app, asked, using.customer).await?;
    // An amount of another currency than the balance's is told as more than there is.
    let (due, balance) = due_of(&**tx, using.customer, desk.currency, true).await?;
    let settlement = rules::settle_from_credit(balance.credit, using.at_most, &due, &using.choices)?;
    let amount = settlement.total()?;
    let note = rules::check(amount, desk.currency, &using.note, using.choices.len())?;
    // A refusal of the balance takes no number: it goes with the transaction.
    let number = desk.next_number(tx).await?;
    let draft = ledger::rules::credit_used(desk.fact(&number, &note), using.customer, &settlement)?;
    let entry = ledger::post(&**tx, now, asked.actor, &draft).await?.entry;
    services::followed(tx, app, (now, asked.actor), &invoices_of(&settlement)).await?;
    let none = Money::new(0, desk.currency);
    let row = store::New {
        number: &number,
        form_id: &form_id,
        kind: Kind::CreditUsed,
        method: Method::Credit,
        amount,
        // What was asked for, so that the same form is known again.
        given: using.at_most.unwrap_or(amount),
        change: none,
        to_credit: none,
        is_promised: false,
        entry,
        note: &note,
    };
    let id = desk.record(tx, asked.actor, &row).await?;
    Ok(Taken { id, again: false })
}

/// Pays a customer's balance out. The same form does it once.
///
/// # Errors
/// [`PaymentError`]; nothing was changed then.
pub async fn refund_credit(app: &App, asked: &Asked<'_>, refunding: &Refunding) -> Result<Taken, PaymentError> {
    let tx = app.db.begin().await?;
    subscriptions::hold(&*tx).await?;
    let form_id = form_id_of(asked);
    if let Some(known) = store::of_form(&*tx, &form_id).await? {
        return known.repeated(Kind::Refund, refunding.customer, refunding.amount);
    }
    let desk = Desk::of(&tx, app, asked, refunding.customer).await?;
    let note = rules::check(refunding.amount, desk.currency, &refunding.note, 0)?;
    let number = desk.next_number(&tx).await?;
    let (_, balance) = due_of(&*tx, refunding.customer, desk.currency, true).await?;
    if refunding.amount.minor() > balance.credit.minor() {
        let error = FieldError::new("more_than_credit").arg("credit", balance.credit.to_string());
        return Err(FormErrors::of("amount", error).into());
    }
    let id = pay_out(&tx, (app.clock.now(), asked.actor), &desk, (refunding, &number, &form_id, &note)).await?;
    tx.commit().await?;
    Ok(Taken { id, again: false })
}

async fn pay_out(
    tx: &Tx,
    (now, actor): (DateTime<Utc>, &Actor),
    desk: &Desk,
    (refunding, number, form_id, note): (&Refunding, &str, &str, &str),
) -> Result<PaymentId, PaymentError> {
    let Refunding { customer, method, amount, .. } = *refunding;
    let what = Settlement::to_credit(amount);
    let draft = ledger::rules::refund(desk.fact(number, note), customer, &place(method), &what)?;
    let entry = ledger::post(&**tx, now, actor, &draft).await?.entry;
    let none = Money::new(0, desk.currency);
    let row = store::New {
        number,
        form_id,
        kind: Kind::Refund,
        method,
        amount,
        given: amount,
        change: none,
        to_credit: none,
        is_promised: false,
        entry,
        note,
    };
    desk.record(tx, actor, &row).await
}
