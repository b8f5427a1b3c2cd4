//! What the next night would invoice, and when it works, without writing anything: a dry run over the same rules.

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{BillingError, RunState, foresight, rules, store};
use crate::{
    app::App,
    customers,
    db::paging::{PageOf, Paged},
    http::access::Scope,
    ids::{CustomerId, SiteId, SubscriptionId},
    invoices::Proposal,
    ledger::aging::local_day,
    money::Money,
    settings,
    sites::{self, Site},
    subscriptions,
};

/// Services looked at in one go.
const LOOK: u64 = 500;

/// An invoice that would be made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Coming {
    pub subscription_id: SubscriptionId,
    pub customer_id: CustomerId,
    pub customer_number: String,
    pub customer: String,
    /// Its first line.
    pub what: String,
    pub from: Option<NaiveDate>,
    /// The day after the last.
    pub until: Option<NaiveDate>,
    pub due_on: NaiveDate,
    /// Without PPN.
    pub total: Money,
}

/// What all of it sums up to.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct Sum {
    pub count: i64,
    /// By currency, without PPN.
    pub totals: Vec<Money>,
    /// When that night works.
    pub at: DateTime<Utc>,
    /// Services it would plan to isolate.
    pub isolating: i64,
    /// Services that are due to be isolated and would be left alone, as things are.
    pub spared: i64,
    /// Reminders it would write.
    pub reminders: i64,
}

/// A night that is to come.
#[derive(Debug)]
pub struct Night {
    pub site: Site,
    /// When it works.
    pub at: DateTime<Utc>,
    /// Periods that begin by this day are invoiced in it.
    pub horizon: NaiveDate,
}

/// The night of a site the caller may see that is looked at: today's while it is due and not done, else the next one.
///
/// # Errors
/// [`BillingError::NotFound`], the database's.
pub async fn night(app: &App, scope: &Scope, site: SiteId) -> Result<Night, BillingError> {
    let (db, now) = (app.db.read(), app.clock.now());
    let site = sites::find(db, scope, site).await?.ok_or(BillingError::NotFound)?;
    let (zone, hour) = (site.zone(), super::hour(&site));
    let run = match rules::due_day(now, zone, hour) {
        Some(day) => store::of_day(db, site.id, day).await?.map_or(RunState::Running, |run| run.state),
        None => RunState::Done,
    };
    let at = if run == RunState::Done { rules::next_run(now, zone, hour) } else { now };
    let ahead = settings::load(db).await?.billing.invoice_days_ahead;
    Ok(Night { at, horizon: ahead_of(local_day(at, zone), ahead), site })
}

/// A day so many days later.
pub(super) fn ahead_of(day: NaiveDate, days: i32) -> NaiveDate {
    day.checked_add_days(Days::new(u64::try_from(days).unwrap_or(0))).unwrap_or(day)
}

/// What would be made for a site the caller may see, by subscription; a page of it.
///
/// # Errors
/// [`BillingError::NotFound`], the database's.
pub async fn coming(app: &App, scope: &Scope, site: SiteId, page: &PageOf) -> Result<Paged<Coming>, BillingError> {
    let night = night(app, scope, site).await?;
    let mut after = page.after_id().ok().flatten().unwrap_or(0);
    let wanted = usize::try_from(page.limit()).unwrap_or(usize::MAX);
    let (mut found, mut more) = (Vec::new(), true);
    while found.len() <= wanted && more {
        let proposals = chunk(app, &night, &mut after).await?;
        more = proposals.is_some();
        found.extend(proposals.unwrap_or_default());
    }
    // A page ends with a service: the next one begins after it.
    let last = found.get(wanted.saturating_sub(1)).and_then(|proposal| proposal.subscription);
    let next = last.filter(|_| found.len() > wanted);
    if let Some(next) = next {
        found.retain(|proposal| proposal.subscription <= Some(next));
    }
    let ids: Vec<CustomerId> = found.iter().map(|proposal| proposal.customer).collect();
    let names = customers::reach(app.db.read(), &ids).await?;
    let items = found.into_iter().filter_map(|proposal| {
        let reach = names.get(&proposal.customer);
        line(proposal, reach.map_or(("", ""), |reach| (&reach.number, &reach.name)))
    });
    let next_cursor = next.map(|id| PageOf::cursor(&id.to_string()));
    Ok(Paged { items: items.collect(), next_cursor })
}

/// What all of it sums up to.
///
/// # Errors
/// [`BillingError::NotFound`], the database's.
pub async fn sum(app: &App, scope: &Scope, site: SiteId) -> Result<Sum, BillingError> {
    let night = night(app, scope, site).await?;
    let counts = foresight::counts(app, &night).await?;
    let (mut after, mut sum) = (0, Sum::default());
    (sum.at, sum.isolating, sum.spared, sum.reminders) = (night.at, counts.isolating, counts.spared, counts.reminders);
    while let Some(proposals) = chunk(app, &night, &mut after).await? {
        for proposal in proposals {
            let Some(total) = total(&proposal) else { continue };
            sum.count += 1;
            match sum.totals.iter_mut().find(|all| all.currency() == total.currency()) {
                Some(all) => *all = all.plus(total).unwrap_or(*all),
                None => sum.totals.push(total),
            }
        }
    }
    Ok(sum)
}

/// The invoices of the next services; nothing when there are no more.
async fn chunk(app: &App, night: &Night, after: &mut i64) -> Result<Option<Vec<Proposal>>, BillingError> {
    let db = app.db.read();
    let ids = subscriptions::to_bill(db, (night.site.id, night.horizon), (SubscriptionId(*after), LOOK)).await?;
    let Some(last) = ids.last() else { return Ok(None) };
    *after = last.0;
    Ok(Some(subscriptions::would_bill(db, night.at, &ids, night.horizon).await?))
}

fn total(proposal: &Proposal) -> Option<Money> {
    let mut lines = proposal.lines.iter().map(|line| line.amount);
    let first = lines.next()?;
    lines.try_fold(first, Money::plus).ok()
}

fn line(proposal: Proposal, (customer_number, customer): (&str, &str)) -> Option<Coming> {
    let total = total(&proposal)?;
    Some(Coming {
        subscription_id: proposal.subscription?,
        customer_id: proposal.customer,
        customer_number: customer_number.to_owned(),
        customer: customer.to_owned(),
        what: proposal.lines.into_iter().next().map(|line| line.text).unwrap_or_default(),
        from: proposal.period.map(|(from, _)| from),
        until: proposal.period.map(|(_, until)| until),
        due_on: proposal.due_on,
        total,
    })
}
