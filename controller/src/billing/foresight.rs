//! Whom the next night would isolate and remind, without writing anything: judged by the same rules, as of its hour. Who is
//! paid until then, or from his balance in that night, drops out.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use sea_orm::DbErr;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    BillingError,
    plan::Network,
    preview::{self, Night},
    rules::{self, Case, Skip},
    steps::Reach,
    store,
};
use crate::{
    app::App,
    customers,
    db::paging::{PageOf, Paged},
    http::access::Scope,
    ids::{CustomerId, InvoiceId, SiteId, SubscriptionId},
    ledger::aging::local_day,
    money::Money,
    notifications::{self, Template},
    subscriptions::{self, State, Subscription},
};

/// Services looked at in one go.
const LOOK: u64 = 500;
/// Invoices looked at in one go.
const LOOK_UNPAID: u64 = 2_000;

/// A service that would be in the plan of isolation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Isolating {
    pub subscription_id: SubscriptionId,
    pub number: String,
    pub username: String,
    pub customer_id: CustomerId,
    pub customer_number: String,
    pub customer: String,
    /// What is overdue by then.
    pub owed: Money,
    /// What is not paid and not due by then.
    pub not_due: Money,
    /// The last day he had to pay.
    pub due_on: Option<NaiveDate>,
    /// Why it would be left alone, as things are: `router_offline`, `not_prepared`.
    #[schema(value_type = Option<String>)]
    pub skip: Option<Skip>,
}

/// A reminder that would be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reminding {
    pub invoice_id: InvoiceId,
    pub invoice: String,
    pub customer_id: CustomerId,
    pub customer_number: String,
    pub customer: String,
    #[schema(example = "reminder_due_3")]
    pub template: &'static str,
    pub due_on: NaiveDate,
    pub left: Money,
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) isolating: i64,
    pub(super) spared: i64,
    pub(super) reminders: i64,
}

/// Whom the next night of a site the caller may see would plan to isolate, by subscription; a page of it.
///
/// # Errors
/// [`BillingError::NotFound`], the database's.
pub async fn isolating(
    app: &App,
    scope: &Scope,
    site: SiteId,
    page: &PageOf,
) -> Result<Paged<Isolating>, BillingError> {
    let night = preview::night(app, scope, site).await?;
    let (network, wanted) = (Network::load(app.db.read()).await?, page.limit());
    let (mut after, mut found) = (page.after_id().ok().flatten().unwrap_or(0), Vec::new());
    while (found.len() as u64) <= wanted {
        let Some(some) = late(app, &night, &network, &mut after).await? else { break };
        found.extend(some);
    }
    Ok(page.cut(found, |each| each.subscription_id.to_string()))
}

/// Whom the next night of a site the caller may see would remind, by invoice; a page of it.
///
/// # Errors
/// [`BillingError::NotFound`], the database's.
pub async fn reminding(
    app: &App,
    scope: &Scope,
    site: SiteId,
    page: &PageOf,
) -> Result<Paged<Reminding>, BillingError> {
    let night = preview::night(app, scope, site).await?;
    let (reach, wanted) = (Reach::load(app.db.read(), site).await?, page.limit());
    let (mut after, mut found) = (page.after_id().ok().flatten().unwrap_or(0), Vec::new());
    while (found.len() as u64) <= wanted {
        let Some(some) = unpaid(app, &night, &reach, &mut after).await? else { break };
        found.extend(some);
    }
    let page = page.cut(found, |(of, _)| of.id.to_string());
    let ids: Vec<CustomerId> = page.items.iter().map(|(of, _)| of.customer).collect();
    let names = customers::reach(app.db.read(), &ids).await?;
    Ok(page.map(|(of, template)| {
        let who = names.get(&of.customer);
        Reminding {
            invoice_id: of.id,
            invoice: of.number,
            customer_id: of.customer,
            customer_number: who.map(|who| who.number.clone()).unwrap_or_default(),
            customer: who.map(|who| who.name.clone()).unwrap_or_default(),
            template: template.as_str(),
            due_on: of.due_on,
            left: of.left,
        }
    }))
}

/// How many of each there would be.
pub(super) async fn counts(app: &App, night: &Night) -> Result<Counts, BillingError> {
    let mut counts = Counts::default();
    let (network, mut after) = (Network::load(app.db.read()).await?, 0);
    while let Some(some) = late(app, night, &network, &mut after).await? {
        for each in some {
            if each.skip.is_some() { counts.spared += 1 } else { counts.isolating += 1 }
        }
    }
    let (reach, mut after) = (Reach::load(app.db.read(), night.site.id).await?, 0);
    while let Some(some) = unpaid(app, night, &reach, &mut after).await? {
        counts.reminders += i64::try_from(some.len()).unwrap_or(0);
    }
    Ok(counts)
}

/// The next services that would be in the plan; nothing when there are no more to look at.
async fn late(
    app: &App,
    night: &Night,
    network: &Network,
    after: &mut i64,
) -> Result<Option<Vec<Isolating>>, BillingError> {
    let db = app.db.read();
    let ids = subscriptions::due(db, (night.site.id, night.at), (SubscriptionId(*after), LOOK)).await?;
    let Some(last) = ids.last() else { return Ok(None) };
    *after = last.0;
    let mut found: Vec<(Subscription, Option<Skip>)> = Vec::new();
    for of in subscriptions::by_ids(db, &ids).await? {
        // What lapses until then is in grace by then.
        let is_in_grace = matches!(of.state, State::Active | State::Grace);
        match rules::judge(&Case { is_in_grace, ..network.case(&of) }, night.at) {
            Ok(()) => found.push((of, None)),
            Err(skip @ (Skip::RouterOffline | Skip::NotPrepared)) => found.push((of, Some(skip))),
            Err(Skip::Paid | Skip::Promised | Skip::Exempt | Skip::NotInGrace | Skip::Refused) => {}
        }
    }
    let ids: Vec<SubscriptionId> = found.iter().map(|(of, _)| of.id).collect();
    let owed = store::owed_of(db, &ids, local_day(night.at, night.site.zone())).await?;
    // Who owes nothing yet is asked first in that night, and has his days.
    let free: Vec<SubscriptionId> = ids.into_iter().filter(|id| !owed.contains_key(id)).collect();
    let asked = subscriptions::would_bill(db, night.at, &free, night.horizon).await?;
    let asked: BTreeSet<SubscriptionId> = asked.into_iter().filter_map(|proposal| proposal.subscription).collect();
    let shown = |(of, skip): (Subscription, Option<Skip>)| {
        let owing = owed.get(&of.id);
        let money = |minor: Option<i64>| Money::new(minor.unwrap_or(0), of.price.currency());
        let (sum, not_due) = (money(owing.map(|of| of.overdue)), money(owing.map(|of| of.not_due)));
        Isolating {
            subscription_id: of.id,
            number: of.number,
            username: of.username,
            customer_id: of.customer_id,
            customer_number: of.customer_number,
            customer: of.customer,
            owed: sum,
            not_due,
            due_on: owing.map(|of| of.due_on),
            skip,
        }
    };
    Ok(Some(found.into_iter().filter(|(of, _)| !asked.contains(&of.id)).map(shown).collect()))
}

/// The next invoices that would be reminded of; nothing when there are no more to look at.
async fn unpaid(
    app: &App,
    night: &Night,
    reach: &Reach,
    after: &mut i64,
) -> Result<Option<Vec<(store::Unpaid, Template)>>, DbErr> {
    let db = app.db.read();
    let today = local_day(night.at, night.site.zone());
    let some = store::unpaid(db, night.site.id, super::steps::around(today), (*after, LOOK_UNPAID)).await?;
    let Some(last) = some.last() else { return Ok(None) };
    *after = last.id.0;
    let staged = |of: store::Unpaid| reach.stage(&of, (today, night.at)).map(|stage| (of, Template::Reminder(stage)));
    let due: Vec<(store::Unpaid, Template)> = some.into_iter().filter_map(staged).collect();
    let keys: Vec<String> = due.iter().map(|(of, template)| super::steps::reminder_key(of.id, *template)).collect();
    let known = notifications::written(db, &keys).await?;
    let is_new = |key: &String| !known.contains(key);
    Ok(Some(due.into_iter().zip(&keys).filter(|(_, key)| is_new(key)).map(|(each, _)| each).collect()))
}
