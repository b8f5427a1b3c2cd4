//! Voiding invoices and crediting them; giving them up is `write_off.rs`. Nothing is deleted: a number stays, and what was booked is taken back by an entry
//! of its own.

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{
    CreditNote, Invoice, InvoiceError,
    rules::{self, Credited, Kind, MAX_REASON, State},
    settled,
    store::{self, Kept},
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    customers,
    db::{self, Guard},
    events::{self, BusinessEvent},
    http::{
        access::Scope,
        form::{Check, FieldError, FormErrors},
    },
    ids::InvoiceId,
    ledger::{
        self, LedgerError,
        allocation::{Settlement, Share},
        draft::{Fact, Source},
        numbers::NumberFormat,
        rules::{Bill, Income},
    },
    money::Money,
    settings, sites,
};

/// The series of credit notes' numbers.
pub(super) const NOTES: &str = "credit_note";

/// What shall be credited of an invoice.
#[derive(Debug, Clone)]
pub struct Crediting {
    /// The same wish twice makes one note.
    pub form_id: String,
    pub invoice: InvoiceId,
    /// Tax included; all that is left to be credited unless said.
    pub amount: Option<Money>,
    pub reason: String,
}

/// Voids an invoice, or drops a draft.
///
/// # Errors
/// [`InvoiceError`].
pub async fn void(app: &App, scope: &Scope, actor: &Actor, id: InvoiceId, reason: &str) -> Result<(), InvoiceError> {
    let mut check = Check::default();
    let Some(reason) = check.required("reason", reason, MAX_REASON) else {
        return Err(InvoiceError::Refused(check.into_errors()));
    };
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    hold(&*tx).await?;
    let invoice = store::find(&*tx, scope, id).await?.ok_or(InvoiceError::NotFound)?;
    void_in(&*tx, now, actor, id, &reason).await?;
    let detail = json!({ "number": invoice.head.number, "reason": reason });
    record(&tx, now, actor, ("invoice.void", &invoice), detail).await?;
    tx.commit().await?;
    Ok(())
}

/// The same within a transaction, without the audit entry. What was settled of it becomes the customer's credit.
///
/// # Errors
/// [`InvoiceError::IsVoid`], [`InvoiceError::HasCreditNotes`]; the transaction must then be given up.
pub async fn void_in(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    id: InvoiceId,
    reason: &str,
) -> Result<(), InvoiceError> {
    db::one_at_a_time(tx, Guard::Invoices).await?;
    let row = locked(tx, id).await?;
    if row.is_given_up() {
        return Err(InvoiceError::IsWrittenOff);
    }
    match row.state {
        State::Void => return Err(InvoiceError::IsVoid),
        State::Draft => {}
        State::Open | State::PartiallyPaid | State::Paid | State::Uncollectible => {
            if !store::notes(tx, id).await?.is_empty() {
                return Err(InvoiceError::HasCreditNotes);
            }
            unbook(tx, now, actor, &row, reason).await?;
        }
    }
    store::set_void(tx, now, id, reason).await?;
    let event = BusinessEvent::InvoiceVoided {
        invoice_id: id,
        customer_id: row.customer,
        number: row.number.clone(),
        reason: reason.to_owned(),
    };
    events::record(tx, now, Some(row.site), &event).await?;
    let what = if row.state == State::Draft { "invoice-dropped" } else { "invoice-voided" };
    let detail = json!({ "number": row.number, "total": row.total.to_string(), "reason": reason });
    let entry = customers::Entry { what, detail, link: format!("/invoices/{id}") };
    customers::note(tx, now, actor, row.customer, entry).await?;
    Ok(())
}

/// First of all: a payment holds services before balances, and what follows it may void an invoice. The guard is that of
/// `subscriptions::hold`, which stands above.
pub(super) async fn hold(tx: &impl ConnectionTrait) -> Result<(), InvoiceError> {
    db::one_at_a_time(tx, Guard::Vouchers).await?;
    db::one_at_a_time(tx, Guard::Invoices).await?;
    Ok(())
}

/// The invoice as it stands, while nobody else settles anything of the customer.
pub(super) async fn locked(tx: &impl ConnectionTrait, id: InvoiceId) -> Result<Kept, InvoiceError> {
    let row = store::kept(tx, &[id]).await?.pop().ok_or(InvoiceError::NotFound)?;
    ledger::lock(tx, row.customer, row.total.currency()).await?;
    store::kept(tx, &[id]).await?.pop().ok_or(InvoiceError::NotFound)
}

/// Gives back what was settled, then takes back the entry. A free invoice has none.
async fn unbook(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    row: &Kept,
    reason: &str,
) -> Result<(), InvoiceError> {
    let Some(entry) = row.entry else { return Ok(()) };
    let left = ledger::remaining(tx, &[row.id]).await?.get(&row.id).copied().unwrap_or(0);
    let given = row.total.minus(Money::new(left, row.total.currency())).map_err(rules::Fault::from)?;
    if given.minor() > 0 {
        let source = Source::new("invoice_void", row.id);
        let fact = Fact { source, occurred_at: now, site: Some(row.site), memo: row.number.clone() };
        let draft = ledger::rules::credit_returned(fact, row.customer, row.id, given).map_err(LedgerError::from)?;
        ledger::post(tx, now, actor, &draft).await?;
    }
    ledger::reverse(tx, now, actor, entry, reason).await?;
    Ok(())
}

/// Credits a part of an invoice or the whole.
///
/// # Errors
/// [`InvoiceError`].
pub async fn credit(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    crediting: &Crediting,
) -> Result<CreditNote, InvoiceError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    hold(&*tx).await?;
    let invoice = store::find(&*tx, scope, crediting.invoice).await?.ok_or(InvoiceError::NotFound)?;
    let mut check = Check::default();
    let Some(reason) = check.required("reason", &crediting.reason, MAX_REASON) else {
        // Both are said at once: who writes the reason shall not be refused again for the amount.
        let kept = store::kept(&*tx, &[crediting.invoice]).await?.pop().ok_or(InvoiceError::NotFound)?;
        if rules::credited(&creditable(&*tx, &kept).await?, crediting.amount).is_err() {
            check.refuse("amount", FieldError::new("credit_amount"));
        }
        return Err(InvoiceError::Refused(check.into_errors()));
    };
    let (note, is_new) = match credit_in(&*tx, now, actor, &Crediting { reason, ..crediting.clone() }).await {
        Err(InvoiceError::Rule(rules::Fault::Credit)) => {
            let error = FieldError::new("credit_amount");
            return Err(InvoiceError::Refused(FormErrors::of("amount", error)));
        }
        answer => answer?,
    };
    if !is_new {
        return Ok(note);
    }
    let detail = json!({ "number": note.number, "of": invoice.head.number, "amount": note.amount,
        "reason": note.reason });
    record(&tx, now, actor, ("invoice.credit", &invoice), detail).await?;
    tx.commit().await?;
    Ok(note)
}

/// The same within a transaction, without the audit entry; and whether the note is new. It settles the invoice first, the
/// rest becomes balance.
///
/// # Errors
/// [`InvoiceError`]; the transaction must then be given up.
pub async fn credit_in(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    crediting: &Crediting,
) -> Result<(CreditNote, bool), InvoiceError> {
    let Crediting { form_id, invoice, amount, reason } = crediting;
    db::one_at_a_time(tx, Guard::Invoices).await?;
    if let Some(made) = store::note_of_form(tx, form_id).await? {
        return Ok((made, false));
    }
    let row = store::kept(tx, &[*invoice]).await?.pop().ok_or(InvoiceError::NotFound)?;
    let number = next_note(tx, now, &row).await?;
    let row = locked(tx, row.id).await?;
    if row.is_given_up() {
        return Err(InvoiceError::IsWrittenOff);
    }
    match row.state {
        State::Draft => return Err(InvoiceError::IsDraft),
        State::Void => return Err(InvoiceError::IsVoid),
        State::Open | State::PartiallyPaid | State::Paid | State::Uncollectible => {}
    }
    let credited = rules::credited(&creditable(tx, &row).await?, *amount)?;
    let source = Source::new("credit_note", &number);
    let fact = Fact { source, occurred_at: now, site: Some(row.site), memo: number.clone() };
    let draft = entry(fact, &row, &credited).map_err(LedgerError::from)?;
    let posted = ledger::post(tx, now, actor, &draft).await?;
    let new = store::NewNote { number: &number, form_id, reason, credited: &credited, row: &row, entry: posted.entry };
    let note = store::insert_note(tx, now, actor, &new).await?;
    settled(tx, now, actor, &[row.id]).await?;
    let event = BusinessEvent::InvoiceCredited {
        invoice_id: row.id,
        customer_id: row.customer,
        number: row.number.clone(),
        note: number.clone(),
        amount: credited.amount,
    };
    events::record(tx, now, Some(row.site), &event).await?;
    let detail = json!({ "number": row.number, "note": number, "amount": credited.amount.to_string(),
        "reason": reason });
    let entry = customers::Entry { what: "invoice-credited", detail, link: format!("/invoices/{}", row.id) };
    customers::note(tx, now, actor, row.customer, entry).await?;
    Ok((note, true))
}

async fn next_note(tx: &impl ConnectionTrait, now: DateTime<Utc>, row: &Kept) -> Result<String, InvoiceError> {
    let settings = settings::load(tx).await?;
    let format = NumberFormat::parse(&settings.credit_note_number_format).map_err(InvoiceError::Format)?;
    let site = sites::find(tx, &Scope::All, row.site).await?.ok_or(InvoiceError::NotFound)?;
    let day = rules::today(now, site.zone());
    let sequence = ledger::next_number(tx, NOTES, &format.period(day)).await?;
    Ok(format.write(day, sequence))
}

async fn creditable(tx: &impl ConnectionTrait, row: &Kept) -> Result<rules::Creditable, InvoiceError> {
    let none = Money::new(0, row.total.currency());
    let (mut amount, mut tax) = (none, none);
    for note in store::notes(tx, row.id).await? {
        amount = amount.plus(note.amount).map_err(rules::Fault::from)?;
        tax = tax.plus(note.tax).map_err(rules::Fault::from)?;
    }
    let left = ledger::remaining(tx, &[row.id]).await?.get(&row.id).copied().unwrap_or(0);
    let remaining = Money::new(left, row.total.currency());
    Ok(rules::Creditable { total: row.total, tax: row.tax, credited: (amount, tax), remaining })
}

fn entry(fact: Fact, row: &Kept, credited: &Credited) -> Result<ledger::draft::Draft, ledger::draft::RuleError> {
    let rounding = Money::new(0, credited.amount.currency());
    // What was owed before hiji was no income of its.
    let income = if row.kind == Kind::Opening { Income::Opening } else { Income::Service };
    let bill = Bill { customer: row.customer, lines: vec![(income, credited.net)], tax: credited.tax, rounding };
    let shares = match credited.off.minor() {
        0 => Vec::new(),
        _ => vec![Share { invoice: Some(row.id), amount: credited.off }],
    };
    ledger::rules::credit_note(fact, &bill, &Settlement { shares, rest: credited.to_credit })
}

pub(super) async fn record(
    tx: &db::Tx,
    now: DateTime<Utc>,
    actor: &Actor,
    (action, invoice): (&str, &Invoice),
    detail: serde_json::Value,
) -> Result<(), InvoiceError> {
    let (object, site) = (format!("invoice/{}", invoice.head.id), Some(invoice.head.site_id));
    audit::record(&**tx, now, actor, Deed { action, object, site, detail }).await?;
    Ok(())
}
