//! Taking a payment back: its entry is reversed, nothing is deleted, and invoices and services are again where they
//! were.

use serde_json::json;

use super::{PaymentError, rules::MAX_REASON, services, store};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    customers,
    events::{self, BusinessEvent},
    http::{access::Scope, form::Check},
    ids::{InvoiceId, PaymentId},
    ledger, subscriptions,
};

/// Takes a payment back, once, with a reason.
///
/// # Errors
/// [`PaymentError::Reversed`]; [`PaymentError::CreditSpent`] when what became balance was used or paid out since; the
/// others.
pub async fn reverse(app: &App, scope: &Scope, actor: &Actor, id: PaymentId, reason: &str) -> Result<(), PaymentError> {
    let mut check = Check::default();
    let reason = check.required("reason", reason, MAX_REASON).ok_or_else(|| check.into_errors())?;
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    subscriptions::hold(&*tx).await?;
    let payment = store::find(&*tx, scope, id).await?.ok_or(PaymentError::NotFound)?;
    if !store::set_reversed(&*tx, id, now, &reason).await? {
        return Err(PaymentError::Reversed);
    }
    ledger::lock(&*tx, payment.customer_id, payment.amount.currency()).await?;
    let reversal = ledger::reverse(&*tx, now, actor, payment.entry_id, &reason).await?;
    let entry = ledger::find(&*tx, payment.entry_id).await?;
    let invoices: Vec<InvoiceId> =
        entry.iter().flat_map(|entry| &entry.postings).filter_map(|posting| posting.invoice).collect();
    let touched = services::followed(&tx, app, (now, actor), &invoices).await?;
    if payment.is_promised {
        services::promise_no_more(&tx, app, (now, actor), &touched, &payment.number).await?;
    }
    let detail = json!({ "number": payment.number, "amount": payment.amount.to_string(), "text": reason });
    let moment = customers::Entry { what: "payment-reversed", detail, link: format!("/payments/{id}") };
    customers::note(&*tx, now, actor, payment.customer_id, moment).await?;
    let event = BusinessEvent::PaymentReversed {
        payment_id: id,
        customer_id: payment.customer_id,
        number: payment.number.clone(),
        kind: payment.kind.as_str().to_owned(),
        amount: payment.amount,
        reason: reason.clone(),
    };
    events::record(&*tx, now, Some(payment.site_id), &event).await?;
    let detail = json!({
        "number": payment.number, "amount": payment.amount, "reason": reason, "reversal": reversal.entry,
    });
    let deed = Deed { action: "payment.reverse", object: format!("payment/{id}"), site: Some(payment.site_id), detail };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(())
}
