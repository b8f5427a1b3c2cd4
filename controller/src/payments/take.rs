//! Taking money: one transaction from the receipt's number to the service that is open again.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{
    Asked, Kind, Method, PaymentError, SERIES, rules,
    rules::Booked,
    services::{self, Reopening},
    store,
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    customers::{self, Customer},
    db::Tx,
    events::{self, BusinessEvent},
    http::form::{self, FieldError, FormErrors},
    ids::{CustomerId, PaymentId},
    invoices,
    ledger::{
        self, Balance,
        aging::local_day,
        allocation::{Choice, Due},
        chart::Place,
        draft::{Fact, Source},
        numbers::NumberFormat,
    },
    money::{Currency, Money},
    settings::{self, Settings},
    subscriptions,
};

/// The drawer of those who keep no shift.
const NO_SHIFT: i64 = 0;
/// The operator's bank account: there is one, until there are several.
const ONLY_BANK: i64 = 0;

/// Money that a customer hands over.
#[derive(Debug, Clone)]
pub struct Take {
    pub customer: CustomerId,
    /// Cash, or a transfer that was seen.
    pub method: Method,
    pub given: Money,
    /// What it shall settle, in this order; nothing = the oldest due first.
    pub choices: Vec<Choice>,
    /// What is left becomes balance; otherwise cash is handed back.
    pub keeps_rest: bool,
    pub note: String,
}

/// What taking did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub id: PaymentId,
    /// The same form took it before.
    pub again: bool,
}

/// What a payment would do, and what it would leave.
#[derive(Debug, Clone)]
pub struct Preview {
    pub due: Vec<Due>,
    pub balance: Balance,
    pub booked: Result<Booked, FormErrors>,
}

/// Takes money of a customer. The same form takes it once.
///
/// # Errors
/// [`PaymentError`]; nothing was taken then.
pub async fn take(app: &App, asked: &Asked<'_>, take: &Take) -> Result<Taken, PaymentError> {
    let tx = app.db.begin().await?;
    subscriptions::hold(&*tx).await?;
    let form_id = form_id_of(asked);
    if let Some(known) = store::of_form(&*tx, &form_id).await? {
        return known.repeated(Kind::Payment, take.customer, take.given);
    }
    let taken = take_in(&tx, app, &Asked { form_id: &form_id, ..*asked }, take).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(taken)
}

/// The same within a transaction that [`subscriptions::hold`] was called in, for a form that took nothing yet; after the
/// commit `app.wakes` is to be woken.
///
/// # Errors
/// [`PaymentError`]; the transaction must then be given up.
pub(super) async fn take_in(tx: &Tx, app: &App, asked: &Asked<'_>, take: &Take) -> Result<Taken, PaymentError> {
    let now = app.clock.now();
    let at = Desk::of(tx, app, asked, take.customer).await?;
    let note = rules::check(take.given, at.currency, &take.note, take.choices.len())?;
    let number = at.next_number(tx).await?;
    let (due, _) = due_of(&**tx, take.customer, at.currency, true).await?;
    let booked = rules::spread((take.given, take.method), &due, (&take.choices, take.keeps_rest))?;
    let money = ledger::rules::Payment {
        customer: take.customer,
        into: place(take.method),
        settlement: &booked.settlement,
        attempt: None,
    };
    let draft = ledger::rules::payment(at.fact(&number, &note), &money)?;
    let entry = ledger::post(&**tx, now, asked.actor, &draft).await?.entry;
    let reopening = Reopening {
        percent: at.settings.payments.reopen_share_percent,
        days: at.settings.payments.partial_promise_days,
        receipt: &number,
    };
    let is_promised = services::paid(tx, app, (now, asked.actor), &booked.settlement, reopening).await?;
    let row = store::New {
        number: &number,
        form_id: asked.form_id,
        kind: Kind::Payment,
        method: take.method,
        amount: booked.amount,
        given: take.given,
        change: booked.change,
        to_credit: booked.settlement.rest,
        is_promised,
        entry,
        note: &note,
    };
    let id = at.record(tx, asked.actor, &row).await?;
    Ok(Taken { id, again: false })
}

/// What a payment would do now; nothing is locked or changed.
///
/// # Errors
/// [`PaymentError::Db`]; what is wrong with the payment stands in the preview.
pub async fn preview(app: &App, take: &Take) -> Result<Preview, PaymentError> {
    let (due, balance) = due_of(app.db.read(), take.customer, take.given.currency(), false).await?;
    let booked = rules::spread((take.given, take.method), &due, (&take.choices, take.keeps_rest));
    Ok(Preview { due, balance, booked })
}

/// Where money of a method lies.
pub(super) fn place(method: Method) -> Place {
    match method {
        Method::Cash | Method::Credit => Place::cash(NO_SHIFT),
        Method::BankTransfer => Place::bank(ONLY_BANK),
    }
}

/// The id of the wish; who gives none wishes anew.
pub(super) fn form_id_of(asked: &Asked<'_>) -> String {
    if form::is_form_id(asked.form_id) { asked.form_id.to_owned() } else { form::new_form_id() }
}

/// What a customer owes, and his balance; `locks` holds it until the transaction ends. What he was taken over with is
/// older than any invoice.
pub(super) async fn due_of(
    db: &impl ConnectionTrait,
    customer: CustomerId,
    currency: Currency,
    locks: bool,
) -> Result<(Vec<Due>, Balance), PaymentError> {
    let balance = match locks {
        true => ledger::lock(db, customer, currency).await?,
        false => ledger::balance(db, customer, currency).await?,
    };
    let open = invoices::open_of(db, customer).await?;
    let of_currency = open.into_iter().filter(|open| open.remaining.currency() == currency);
    let mut due: Vec<Due> = of_currency
        .map(|open| Due { invoice: Some(open.id), due_on: open.due_on, remaining: open.remaining })
        .collect();
    let loose = ledger::remaining_loose(db, customer, currency).await?;
    if loose.minor() > 0 {
        due.push(Due { invoice: None, due_on: NaiveDate::MIN, remaining: loose });
    }
    Ok((due, balance))
}

/// Where and by which rules something is booked for a customer.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) customer: Customer,
    pub(super) settings: Settings,
    pub(super) currency: Currency,
    now: DateTime<Utc>,
}

impl Desk {
    pub(super) async fn of(tx: &Tx, app: &App, asked: &Asked<'_>, customer: CustomerId) -> Result<Self, PaymentError> {
        let customer = customers::find(&**tx, &app.keys, asked.scope, customer).await?;
        let customer = customer.ok_or(PaymentError::NotFound)?;
        let settings = settings::load(&**tx).await?;
        let currency = Currency::parse(&settings.currency).unwrap_or(Currency::IDR);
        Ok(Self { customer, settings, currency, now: app.clock.now() })
    }

    /// The next receipt's number, in days of the customer's site.
    pub(super) async fn next_number(&self, tx: &Tx) -> Result<String, PaymentError> {
        let zone = self.customer.timezone.parse().unwrap_or(chrono_tz::UTC);
        let day = local_day(self.now, zone);
        let format = NumberFormat::parse(&self.settings.payments.receipt_number_format)
            .map_err(|_no_format| FormErrors::of("", FieldError::new("number_format")))?;
        let number = ledger::next_number(&**tx, SERIES, &format.period(day)).await?;
        Ok(format.write(day, number))
    }

    pub(super) fn fact(&self, number: &str, note: &str) -> Fact {
        let source = Source::new("payment", number);
        Fact { source, occurred_at: self.now, site: Some(self.customer.site_id), memo: note.to_owned() }
    }

    /// Writes the row, the customer's timeline, the event and the audit entry.
    pub(super) async fn record(&self, tx: &Tx, actor: &Actor, row: &store::New<'_>) -> Result<PaymentId, PaymentError> {
        let Self { customer, now, .. } = self;
        let id = store::insert(&**tx, *now, (customer.id, customer.site_id), actor, row).await?;
        let what = match row.kind {
            Kind::Payment => "payment",
            Kind::CreditUsed => "credit-used",
            Kind::Refund => "refund",
        };
        let detail = json!({ "number": row.number, "amount": row.amount.to_string(), "text": row.note });
        let entry = customers::Entry { what, detail, link: format!("/payments/{id}") };
        customers::note(&**tx, *now, actor, customer.id, entry).await?;
        let event = BusinessEvent::PaymentReceived {
            payment_id: id,
            customer_id: customer.id,
            number: row.number.to_owned(),
            kind: row.kind.as_str().to_owned(),
            method: row.method.as_str().to_owned(),
            amount: row.amount,
            to_credit: row.to_credit,
        };
        events::record(&**tx, *now, Some(customer.site_id), &event).await?;
        let detail = json!({
            "number": row.number, "kind": row.kind, "method": row.method, "amount": row.amount, "given": row.given,
            "change": row.change, "to_credit": row.to_credit, "customer_id": customer.id, "entry_id": row.entry,
        });
        let object = format!("payment/{id}");
        let deed = Deed { action: "payment.take", object, site: Some(customer.site_id), detail };
        audit::record(&**tx, *now, actor, deed).await?;
        Ok(id)
    }
}
