//! What a form would make: the first invoice and the period after it. Nothing is made or reserved.

use chrono::NaiveDate;
use serde::Serialize;

use super::{
    Addon, SubscriptionError, SubscriptionForm, bill,
    create::{blank, first_of, new_addons, offer, one_currency, parties},
    rules, store,
};
use crate::{
    app::App,
    audit::Actor,
    http::access::Scope,
    ids::CustomerId,
    invoices::{self, LineKind},
    ledger::aging::local_day,
    money::Money,
    settings,
};

/// A line of a first invoice, before there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PreviewLine {
    #[schema(value_type = String)]
    pub kind: LineKind,
    pub text: String,
    pub quantity: i32,
    pub amount: Money,
    pub from: Option<NaiveDate>,
    /// The day after the last.
    pub until: Option<NaiveDate>,
}

/// What a form would make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Preview {
    pub lines: Vec<PreviewLine>,
    pub net: Money,
    pub tax: Money,
    pub total: Money,
    /// The last day to pay of the first invoice.
    pub due_on: NaiveDate,
    /// The first day of the period after it.
    pub next_from: NaiveDate,
    /// The last day to pay of that one.
    pub next_due_on: NaiveDate,
    /// What it costs, add-ons and discount counted in; PPN is not.
    pub next_total: Money,
}

/// What the first invoice of a form would be. Nothing is made or reserved.
///
/// # Errors
/// [`SubscriptionError`].
pub async fn preview(app: &App, scope: &Scope, form: &SubscriptionForm) -> Result<Preview, SubscriptionError> {
    let now = app.clock.now();
    let db = app.db.read();
    let parties = parties(db, scope, form, now).await?;
    let today = local_day(now, parties.site.zone());
    // Whose it becomes does not change what it costs.
    let form = SubscriptionForm { customer_id: Some(CustomerId(0)), customer: None, ..form.clone() };
    let draft = rules::check(&form, offer(&parties.package), today).map_err(SubscriptionError::Refused)?;
    one_currency(&parties)?;
    let settings = settings::load(db).await?;
    let mut of = blank(&draft, &parties, (now, &Actor::system("preview")));
    let first = first_of(&draft, &settings, today);
    let addons: Vec<Addon> = (1..).zip(new_addons(&draft, &parties)).map(|(id, new)| addon(id, new)).collect();
    let terms = bill::Terms { horizon: today, today, rounding: settings.services.proration_rounding };
    let bill = bill::first(&of, &addons, &first, terms)?;
    let next_from = bill.billed_until.unwrap_or(draft.starts_on);
    let lines = bill.proposals.into_iter().flat_map(|proposal| proposal.lines).collect::<Vec<_>>();
    let nothing = Money::new(0, of.price.currency());
    let (net, tax, total) = if lines.is_empty() {
        (nothing, nothing, nothing)
    } else {
        let amounts: Vec<(Money, bool)> = lines.iter().map(|line| (line.amount, line.is_taxed)).collect();
        let totals = invoices::totals_on(db, &amounts, today).await?;
        (totals.net, totals.tax, totals.total)
    };
    (of.billed_until, of.covered_until) = (Some(next_from), Some(next_from));
    let rest: Vec<Addon> = addons.into_iter().filter(|addon| !addon.is_one_off).collect();
    let next = bill::until(&of, &rest, None, bill::Terms { horizon: next_from, ..terms })?;
    let mut next_total = nothing;
    for line in next.proposals.iter().flat_map(|proposal| &proposal.lines) {
        next_total = next_total.plus(line.amount)?;
    }
    let shown = |line: invoices::NewLine| PreviewLine {
        kind: line.kind,
        text: line.text,
        quantity: line.quantity,
        amount: line.amount,
        from: line.from,
        until: line.until,
    };
    Ok(Preview {
        lines: lines.into_iter().map(shown).collect(),
        net,
        tax,
        total,
        due_on: first.due_on,
        next_from,
        next_due_on: bill::due_made_on(&of, next_from, today),
        next_total,
    })
}

/// An add-on as if it were there.
fn addon(id: i64, new: store::NewAddon) -> Addon {
    Addon {
        id,
        addon_id: Some(new.addon),
        name: new.name,
        is_one_off: new.is_one_off,
        quantity: new.quantity,
        price: new.price,
        cost: Some(new.cost),
        is_taxed: new.is_taxed,
        from: new.from,
        until: None,
        billed_at: None,
    }
}
