//! What a customer brings along when he is taken over from another system: a debt, or money paid ahead. Booked once a
//! form; a mistake is reversed in the journal.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
mod rules;
#[cfg(test)]
mod tests;

use serde_json::json;

use super::{Asked, Customer, CustomerError, Entry, change, note};
use crate::{
    app::App,
    audit::{self, Deed},
    events::{self, BusinessEvent},
    http::form::{self, FieldError},
    ids::CustomerId,
    ledger::{
        self, LedgerError, aging,
        draft::{Fact, Source},
    },
    money::Currency,
    settings,
};

pub use rules::{Opening, OpeningForm, OpeningKind};

/// Books an opening balance. The same form books once.
///
/// # Errors
/// [`CustomerError`].
pub async fn open(app: &App, asked: &Asked<'_>, id: CustomerId, form: &OpeningForm) -> Result<(), CustomerError> {
    let form_id = if form::is_form_id(asked.form_id) { asked.form_id.to_owned() } else { form::new_form_id() };
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let customer = change::active(&tx, app, asked.scope, id).await?;
    let currency = Currency::parse(&settings::load(&*tx).await?.currency).unwrap_or(Currency::IDR);
    let zone = zone_of(&customer);
    let opening = rules::check(form, currency, aging::local_day(now, zone)).map_err(CustomerError::Refused)?;
    let fact = Fact {
        source: Source::new("opening", format!("{id}/{form_id}")),
        occurred_at: aging::day_start(opening.on, zone),
        site: Some(customer.site_id),
        memo: opening.note.clone(),
    };
    let draft = match opening.kind {
        OpeningKind::Debt => ledger::rules::opening_debt(fact, id, None, opening.amount),
        OpeningKind::Credit => ledger::rules::opening_credit(fact, id, opening.amount),
    };
    let posted = ledger::post(&*tx, now, asked.actor, &draft.map_err(LedgerError::from)?).await?;
    if posted.repeated {
        return Ok(());
    }
    let amount = opening.amount.to_string();
    let moment = json!({ "amount": amount, "text": opening.note });
    note(&*tx, now, asked.actor, id, Entry { what: opening.kind.moment(), detail: moment, link: String::new() })
        .await?;
    let deed = Deed {
        action: "customer.opening_balance",
        object: format!("customer/{id}"),
        site: Some(customer.site_id),
        detail: json!({ "kind": opening.kind, "amount": opening.amount, "on": opening.on, "entry_id": posted.entry }),
    };
    let event = BusinessEvent::CustomerChanged { customer_id: id, number: customer.number };
    events::record(&*tx, now, Some(customer.site_id), &event).await?;
    audit::record(&*tx, now, asked.actor, deed).await?;
    tx.commit().await?;
    Ok(())
}

fn zone_of(customer: &Customer) -> chrono_tz::Tz {
    customer.timezone.parse().unwrap_or(chrono_tz::UTC)
}

impl From<LedgerError> for CustomerError {
    fn from(error: LedgerError) -> Self {
        if matches!(error, LedgerError::OtherContent(_)) {
            // The same form with other content.
            return Self::field("", FieldError::new("form_used"));
        }
        Self::Db(error.into_db())
    }
}
