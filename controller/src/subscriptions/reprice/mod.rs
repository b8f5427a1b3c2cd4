//! What a package costs by now, for all who still pay another price for it: shown with names and count, then taken by each
//! from his next period on, a chunk at a time. What was invoiced and what history says stays.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
mod store;
#[cfg(test)]
mod stories;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Subscription, SubscriptionError,
    acts::{Act, Order, act_in},
    hold,
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::paging::{BadCursor, PageOf, Paged},
    http::{access::Scope, form},
    ids::{AdminId, PackageId, SiteId, SubscriptionId},
    jobs::{self, Job, Said, When},
    money::Money,
    packages::prices::{self, Present},
};

/// Services that take their price in one transaction.
const CHUNK: u64 = 50;
/// Services that are named of those that cannot take the price.
const MAX_NAMED: usize = 20;

/// Which services of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// They pay another price, and will go on doing so.
    Old,
    /// They take the present price with their next period.
    Planned,
    /// They pay another price, and change to another package.
    Other,
}

impl Which {
    /// All.
    pub const ALL: [Self; 3] = [Self::Old, Self::Planned, Self::Other];

    /// As in addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::Planned => "planned",
            Self::Other => "other",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|which| which.as_str() == text)
    }
}

/// A service that pays another price than its package's.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Differing {
    pub subscription: Subscription,
    /// What its package costs on its router now.
    pub present: Money,
    /// Its discount is more than that: the price cannot be taken.
    pub is_below_discount: bool,
}

/// How many there are of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Count {
    pub which: Which,
    pub count: u64,
}

async fn present_of(app: &App, package: PackageId) -> Result<Present, SubscriptionError> {
    let found = prices::present(app.db.read(), package, app.clock.now()).await?;
    found.ok_or(SubscriptionError::NotFound)
}

/// How many services of a package the caller sees that pay another price.
///
/// # Errors
/// [`SubscriptionError::NotFound`], the database's.
pub async fn counts(app: &App, scope: &Scope, package: PackageId) -> Result<Vec<Count>, SubscriptionError> {
    let present = present_of(app, package).await?;
    let mut found = Vec::with_capacity(Which::ALL.len());
    for which in Which::ALL {
        let count = store::count(app.db.read(), scope, (package, &present), which).await?;
        found.push(Count { which, count });
    }
    Ok(found)
}

/// Those of one kind, by their ids.
///
/// # Errors
/// [`SubscriptionError::NotFound`], the database's; a foreign cursor.
pub async fn list(
    app: &App,
    scope: &Scope,
    (package, which): (PackageId, Which),
    page: &PageOf,
) -> Result<Result<Paged<Differing>, BadCursor>, SubscriptionError> {
    let after = match page.after_id() {
        Ok(after) => SubscriptionId(after.unwrap_or(0)),
        Err(bad) => return Ok(Err(bad)),
    };
    let present = present_of(app, package).await?;
    let wanted = (after, page.limit() + 1);
    let rows = store::list(app.db.read(), scope, (package, &present), which, wanted).await?;
    let differing = |subscription: Subscription| {
        let present = present.at(subscription.router_id);
        let discount = subscription.discount.as_ref();
        let is_below_discount = discount.is_some_and(|discount| discount.amount.minor() > present.minor());
        Differing { subscription, present, is_below_discount }
    };
    let rows = rows.into_iter().map(differing).collect();
    Ok(Ok(page.cut(rows, |differing: &Differing| differing.subscription.id.to_string())))
}

/// Lets all services of a package that the caller sees take its present price with their next period. The same form does
/// it once; false: it did before.
///
/// # Errors
/// [`SubscriptionError::NotFound`], the database's.
pub async fn take_all(
    app: &App,
    (scope, actor): (&Scope, &Actor),
    form_id: &str,
    package: PackageId,
) -> Result<bool, SubscriptionError> {
    let present = present_of(app, package).await?;
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let count = store::count(&*tx, scope, (package, &present), Which::Old).await?;
    let sites = match scope {
        Scope::All => None,
        Scope::Sites(sites) => Some(sites.iter().copied().collect()),
    };
    let (name, ip) = (actor.name.clone(), actor.ip.clone());
    let job = TakePrices { package, sites, after: SubscriptionId(0), admin: actor.admin, actor: name, ip };
    let form_id = if form::is_form_id(form_id) { form_id.to_owned() } else { form::new_form_id() };
    let when = When { at: None, dedupe: Some(format!("take-prices/{form_id}")) };
    if !jobs::enqueue(&*tx, now, &job, when).await? {
        return Ok(false);
    }
    let detail = serde_json::json!({ "services": count, "price": present.everywhere });
    let object = format!("package/{package}");
    audit::record(&*tx, now, actor, Deed { action: "subscription.take_prices", object, site: None, detail }).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(true)
}

/// The services of a package that still pay another price take its present one, those after an id.
#[derive(Debug, Serialize, Deserialize)]
pub struct TakePrices {
    package: PackageId,
    /// `None` = everywhere.
    sites: Option<Vec<SiteId>>,
    after: SubscriptionId,
    /// Who said so.
    admin: Option<AdminId>,
    actor: String,
    ip: String,
}

impl Job for TakePrices {
    const KIND: &'static str = "subscriptions.take_prices";

    async fn run(self, app: &App) -> anyhow::Result<Said> {
        let scope = match &self.sites {
            None => Scope::All,
            Some(sites) => Scope::Sites(sites.iter().copied().collect()),
        };
        let actor = Actor { admin: self.admin, name: self.actor.clone(), ip: self.ip.clone() };
        let (mut after, mut done, mut refused) = (self.after, 0_usize, Vec::new());
        loop {
            let present = prices::present(app.db.read(), self.package, app.clock.now()).await?;
            let present = present.context("finding the package")?;
            let tx = app.db.begin().await?;
            hold(&*tx).await?;
            let of = (self.package, &present);
            let some = store::list(&*tx, &scope, of, Which::Old, (after, CHUNK)).await?;
            let Some(last) = some.last().map(|of| of.id) else { break };
            let mut deeds = Vec::with_capacity(some.len());
            for of in some {
                let order = Order { scope: &scope, actor: &actor, form_id: "", seen: None };
                match Box::pin(act_in(&tx, app, &order, (of.id, &Act::TakePrice))).await {
                    Ok((_, deed)) => deeds.extend(deed),
                    Err(SubscriptionError::Refused(_) | SubscriptionError::WrongState(_)) => refused.push(of.number),
                    Err(other) => return Err(other).with_context(|| format!("taking the price of {}", of.number)),
                }
            }
            done += deeds.len();
            let now = app.clock.now();
            for deed in deeds {
                audit::record(&*tx, now, &actor, deed).await?;
            }
            tx.commit().await.context("committing prices")?;
            app.wakes.wake();
            app.live.send(format!("package-subscribers-{}", self.package), None);
            after = last;
        }
        if refused.is_empty() {
            return Ok(Said::new("prices_taken").count("count", done));
        }
        let named = refused.iter().take(MAX_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        Ok(Said::new("prices_taken_in_part").count("count", done).count("refused", refused.len()).arg("numbers", named))
    }
}
