//! Invoices made by hand: whatever a customer is asked to pay beside his services.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    InvoiceError, NewLine, Proposal, change, faults, propose,
    rules::{self, Issue, Kind, LineKind, MAX_DUE_DAYS, MAX_LINES, MAX_NOTES, MAX_TEXT},
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    customers::{self, Customer, State},
    http::{
        access::Scope,
        form::{self, Check, FieldError, FormErrors, MAX_PRICE},
    },
    ids::{CustomerId, InvoiceId},
    money::{Currency, Money},
    settings,
};

/// Most of one thing on a line.
const MAX_QUANTITY: i64 = 10_000;

/// An invoice as the API takes it; the page's form becomes the same.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = InvoiceForm)]
pub struct ManualForm {
    /// The last day to pay; today unless said.
    #[schema(example = "2026-12-10")]
    pub due_on: Option<NaiveDate>,
    pub lines: Vec<ManualLine>,
    /// Printed below the lines.
    pub notes: String,
    /// Keeps it as a draft.
    pub is_draft: bool,
}

/// A line of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = InvoiceFormLine)]
pub struct ManualLine {
    #[schema(example = "Kabel 50 m")]
    pub text: String,
    /// 1 unless said.
    pub quantity: Option<i64>,
    /// Of one. A discount is a negative whole number of minor units.
    pub unit_price: Option<Money>,
    /// Whether PPN is on it, where the operator collects any.
    pub is_taxed: bool,
}

/// Makes an invoice, or answers the one that the same form made before.
///
/// # Errors
/// [`InvoiceError`].
pub async fn create(
    app: &App,
    (scope, actor): (&Scope, &Actor),
    customer: CustomerId,
    form_id: &str,
    wanted: &ManualForm,
) -> Result<InvoiceId, InvoiceError> {
    let now = app.clock.now();
    let form_id = if form::is_form_id(form_id) { form_id.to_owned() } else { form::new_form_id() };
    let tx = app.db.begin().await?;
    change::hold(&*tx).await?;
    let customer = customers::find(&*tx, &app.keys, scope, customer).await?.ok_or(InvoiceError::NotFound)?;
    if customer.state == State::Deleted {
        return Err(InvoiceError::Refused(FormErrors::of("", FieldError::new("customer_deleted"))));
    }
    let settings = settings::load(&*tx).await?;
    let currency = Currency::parse(&settings.currency).unwrap_or(Currency::IDR);
    let today = rules::today(now, customer.timezone.parse().unwrap_or(chrono_tz::Tz::UTC));
    let proposal = proposal(&customer, (today, currency), &form_id, wanted).map_err(InvoiceError::Refused)?;
    let issue = if wanted.is_draft { Issue::Draft } else { Issue::Now };
    let made = match propose(&*tx, now, actor, vec![proposal], issue).await {
        Err(InvoiceError::Rule(fault)) => {
            let error = FieldError::new(faults::code(fault));
            return Err(InvoiceError::Refused(FormErrors::of("lines", error)));
        }
        answer => answer?.pop().ok_or(InvoiceError::NotFound)?,
    };
    if !made.is_new {
        return Ok(made.id);
    }
    let detail = json!({ "number": made.number, "total": made.total, "state": made.state });
    let object = format!("invoice/{}", made.id);
    let deed = Deed { action: "invoice.make", object, site: Some(made.site), detail };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    Ok(made.id)
}

/// The proposal of a form. Pure.
fn proposal(
    customer: &Customer,
    (today, currency): (NaiveDate, Currency),
    form_id: &str,
    form: &ManualForm,
) -> Result<Proposal, FormErrors> {
    let mut check = Check::default();
    let due_on = form.due_on.unwrap_or(today);
    if due_on < today || due_on > rules::due_on(today, MAX_DUE_DAYS) {
        check.refuse("due_on", FieldError::new("due_day"));
    }
    let notes = check.optional("notes", &form.notes, MAX_NOTES).unwrap_or_default();
    if form.lines.is_empty() || form.lines.len() > MAX_LINES {
        check.refuse("lines", FieldError::new("invoice_lines"));
    }
    let lines: Vec<NewLine> = form.lines.iter().filter_map(|line| new_line(&mut check, currency, line)).collect();
    if !check.is_clean() {
        return Err(check.into_errors());
    }
    Ok(Proposal {
        proposal: format!("manual/{form_id}"),
        customer: customer.id,
        site: customer.site_id,
        subscription: None,
        kind: Kind::Manual,
        period: None,
        due_on,
        lines,
        notes,
    })
}

fn new_line(check: &mut Check, currency: Currency, line: &ManualLine) -> Option<NewLine> {
    let refused = |check: &mut Check, code: &str| check.refuse("lines", FieldError::new(code));
    let text = line.text.trim();
    if text.is_empty() || text.chars().count() > MAX_TEXT || text.chars().any(char::is_control) {
        refused(check, "line_text");
    }
    let quantity = line.quantity.unwrap_or(1);
    let unit_price = line.unit_price.unwrap_or(Money::new(0, currency));
    let sane = unit_price.currency() == currency && unit_price.minor().unsigned_abs() <= MAX_PRICE.unsigned_abs();
    if !(1..=MAX_QUANTITY).contains(&quantity) || !sane || unit_price.minor() == 0 {
        refused(check, "line_price");
    }
    let (Ok(amount), Ok(quantity)) = (unit_price.times(quantity), i32::try_from(quantity)) else {
        refused(check, "line_price");
        return None;
    };
    Some(NewLine {
        kind: if amount.minor() < 0 { LineKind::Discount } else { LineKind::Other },
        text: text.to_owned(),
        quantity,
        unit_price,
        amount,
        cost: Money::new(0, currency),
        is_taxed: line.is_taxed,
        package: None,
        addon: None,
        from: None,
        until: None,
    })
}
