//! The first page: who is online, what today brought, where the monthly business stands, how the routers fare. Only reads
//! what other features know.

mod business;
pub(crate) mod pages;
pub(crate) mod routes;
mod rules;

#[cfg(test)]
mod stories;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::{
    app::App,
    db::paging::PageOf,
    http::{
        access::{Permission, Scope},
        error::AppError,
        session::Caller,
    },
    ids::SiteId,
    monitoring,
    packages::{self, SoldAs},
    routers,
    sites::{self, Site},
    subscriptions,
    vouchers::{self, Figures},
};
use business::Business;
use pages::{RouterLine, Setup, Today};

/// Activations shown.
const LAST_ACTIVATIONS: u64 = 8;

/// What a caller sees, of all his sites or of one: those of the scope.
#[derive(Debug)]
struct Board {
    active: monitoring::ActiveCounts,
    today: Vec<Today>,
    business: Business,
    routers: Vec<RouterLine>,
    activations: Vec<vouchers::Voucher>,
}

async fn board(app: &App, caller: &Caller, (scope, sites): (&Scope, &[Site])) -> Result<Board, AppError> {
    let db = app.db.read();
    let ids: Vec<SiteId> = sites.iter().map(|site| site.id).collect();
    let activations = match caller.may(Permission::VouchersSee) {
        true => vouchers::last_activated(app, &ids, LAST_ACTIVATIONS).await?,
        false => Vec::new(),
    };
    Ok(Board {
        active: monitoring::active(db, scope, None).await?,
        today: today(app, caller, sites).await?,
        business: business::business(app, caller, (scope, sites)).await?,
        routers: router_lines(app, scope, sites).await?,
        activations,
    })
}

/// From when until when.
type Span = (DateTime<Utc>, DateTime<Utc>);

/// The day of each zone with the sites in it.
fn zones(now: DateTime<Utc>, sites: &[Site]) -> Vec<(Span, BTreeSet<SiteId>)> {
    let mut zones: BTreeMap<&str, (Tz, BTreeSet<SiteId>)> = BTreeMap::new();
    for site in sites {
        zones.entry(site.timezone.as_str()).or_insert_with(|| (site.zone(), BTreeSet::new())).1.insert(site.id);
    }
    zones.into_values().map(|(zone, of)| (rules::day_of(now, zone), of)).collect()
}

/// Sums the day of each site, which begins at its own midnight.
async fn today(app: &App, caller: &Caller, sites: &[Site]) -> Result<Vec<Today>, AppError> {
    let mut figures: Vec<Figures> = Vec::new();
    for (day, of) in zones(app.clock.now(), sites) {
        figures.extend(vouchers::activated_between(app.db.read(), &Scope::Sites(of), None, day).await?);
    }
    let sums = rules::by_currency(figures).map_err(|error| AppError::Internal(error.into()))?;
    let may_see_profit = caller.may(Permission::CostsSee);
    let shown = |figures: Figures| {
        let profit = if may_see_profit { Some(figures.profit()?) } else { None };
        Ok(Today { count: figures.count, revenue: figures.revenue, profit })
    };
    sums.into_iter()
        .map(shown)
        .collect::<Result<_, crate::money::MoneyError>>()
        .map_err(|e| AppError::Internal(e.into()))
}

async fn router_lines(app: &App, scope: &Scope, sites: &[Site]) -> Result<Vec<RouterLine>, AppError> {
    let page = PageOf::new(Some(crate::db::paging::MAX_LIMIT), None)?;
    let routers = routers::list(app.db.read(), scope, None, &page).await?.items;
    let line = |router: routers::Router| {
        let site = sites.iter().find(|site| site.id == router.site_id)?;
        Some(RouterLine { site: site.name.clone(), timezone: site.timezone.clone(), router })
    };
    let mut lines: Vec<RouterLine> = routers.into_iter().filter_map(line).collect();
    // What needs a person first.
    lines.sort_by_key(|line| (rules::urgency(line.router.presence), line.site.clone(), line.router.name.clone()));
    Ok(lines)
}

/// How far the set-up is; nothing once vouchers were made or a service was.
async fn setup(app: &App, caller: &Caller, routers: &[RouterLine], sites: &[Site]) -> Result<Option<Setup>, AppError> {
    if !caller.may(Permission::RoutersManage) {
        return Ok(None);
    }
    let one = PageOf::new(Some(1), None)?;
    let db = app.db.read();
    if !vouchers::batches(db, &caller.sites, &vouchers::BatchFilter::default(), &one).await?.items.is_empty() {
        return Ok(None);
    }
    let services = subscriptions::counts(app, &caller.sites, &subscriptions::Filter::default()).await?;
    if services.iter().any(|(_, count)| *count > 0) {
        return Ok(None);
    }
    let sells = async |sold_as| -> Result<bool, AppError> {
        let at = packages::At::everywhere(app.clock.now());
        let filter = packages::Filter { sold_as: Some(sold_as), ..packages::Filter::default() };
        Ok(!packages::list(db, &caller.sites, &filter, &one, at).await?.items.is_empty())
    };
    let approved = |line: &RouterLine| {
        line.router.agent.as_ref().is_some_and(|agent| agent.state == routers::AgentState::Approved)
    };
    Ok(Some(Setup {
        site: !sites.is_empty(),
        router: routers.first().map(|line| line.router.id),
        agent: routers.iter().any(approved),
        vouchers: sells(SoldAs::Voucher).await?,
        services: sells(SoldAs::Subscription).await?,
    }))
}

/// The sites of a page: all the caller's, or the one asked for.
async fn sites_of(app: &App, caller: &Caller) -> Result<Vec<Site>, AppError> {
    Ok(sites::all(app.db.read(), &caller.sites).await?)
}
