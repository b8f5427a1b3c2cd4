//! Packages: what is sold. Name, service, price, cost, speed and validity, bound to a router profile of one name on each
//! router it is sold on. Prices are dated ([`prices`]): what a package costs depends on the moment and the router.
//!
//! Packages belong to no site. Who is limited to sites sees those sold on a router of his sites, and those sold nowhere
//! yet; of the routers he sees his own, and changes only those.

pub mod addons;
pub mod api;
mod fields;
mod found;
pub(crate) mod pages;
pub mod prices;
pub mod proof;
mod rate;
pub(crate) mod routes;
pub mod rules;
mod store;
#[cfg(test)]
mod stories;
pub mod taxes;
mod terms;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use hiji_shared::{
    desired::{DesiredProfile, Object},
    device::Service,
};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::{
        Tx,
        paging::{MAX_LIMIT, PageOf, Paged},
    },
    events::{self, BusinessEvent},
    http::{
        access::Scope,
        form::{FieldError, FormErrors},
    },
    ids::{PackageId, RouterId},
    money::Money,
    routers::{self, MirroredProfile, Want},
    settings,
};

pub(crate) use api::no_cost;
pub(crate) use fields::{quota_of, span_of};
pub use found::{Found, found_profiles};
pub use rules::{
    Cycle, Draft, FirstPeriod, OnExpiry, PackageForm, SellBy, SoldAs, Terms, Validity, amount, typed_cycle,
};

/// A package as pages and API show it.
#[derive(Debug, Clone, Serialize)]
pub struct Package {
    pub id: PackageId,
    pub name: String,
    pub service: Service,
    /// The profile's name on the routers.
    pub profile: String,
    /// In force when and where it was asked for.
    pub price: Money,
    /// Not for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    pub rate_limit: String,
    pub shared_users: i32,
    /// Bytes in all, both ways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<i64>,
    /// Batches are bound to the device of the first login unless they say otherwise.
    pub mac_lock: bool,
    pub validity: Validity,
    pub sold_as: SoldAs,
    #[serde(flatten)]
    pub terms: Terms,
    /// Routers it is sold on, of those the caller sees.
    pub router_ids: Vec<RouterId>,
    /// Of these, where hiji makes the profile.
    pub made_on: Vec<RouterId>,
    pub created_at: DateTime<Utc>,
    /// No longer offered; its history stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<DateTime<Utc>>,
}

/// When and where a price is asked for.
#[derive(Debug, Clone, Copy)]
pub struct At {
    pub now: DateTime<Utc>,
    /// `None`: on routers that have no price of their own.
    pub router: Option<RouterId>,
}

impl At {
    /// The price where routers have none of their own.
    #[must_use]
    pub fn everywhere(now: DateTime<Utc>) -> Self {
        Self { now, router: None }
    }

    /// The price on a router.
    #[must_use]
    pub fn on(router: RouterId, now: DateTime<Utc>) -> Self {
        Self { now, router: Some(router) }
    }
}

/// Which packages are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub service: Option<Service>,
    pub sold_as: Option<SoldAs>,
    pub router: Option<RouterId>,
    /// Those no longer offered, instead of those that are.
    pub archived: bool,
    /// Part of the name.
    pub q: String,
}

/// Why a package is refused.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    #[error("no such package")]
    NotFound,
    #[error("refused fields")]
    Refused(FormErrors),
    #[error("the price has begun")]
    PriceBegun,
    #[error("database")]
    Db(#[from] DbErr),
}

impl PackageError {
    fn field(field: &str, error: FieldError) -> Self {
        Self::Refused(FormErrors::of(field, error))
    }
}

/// A profile as a package wants it.
#[derive(Debug, Clone, Copy)]
struct Wish<'a> {
    service: Service,
    profile: &'a str,
    rate_limit: &'a str,
    shared_users: u32,
    terms: &'a Terms,
}

impl Draft {
    fn wish(&self) -> Wish<'_> {
        let Self { service, profile, rate_limit, shared_users, terms, .. } = self;
        Wish { service: *service, profile, rate_limit, shared_users: *shared_users, terms }
    }
}

impl Package {
    fn wish(&self) -> Wish<'_> {
        let Self { service, profile, rate_limit, shared_users, terms, .. } = self;
        let shared_users = u32::try_from(*shared_users).unwrap_or(1);
        Wish { service: *service, profile, rate_limit, shared_users, terms }
    }

    /// The package as somebody sees it who may not see costs.
    #[must_use]
    pub fn without_cost(self) -> Self {
        Self { cost: None, ..self }
    }
}

/// Where a package is sold: the router, and whether hiji makes the profile there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub router: RouterId,
    pub made: bool,
}

/// Adds a package, and makes its profile where it shall.
///
/// # Errors
/// [`PackageError`].
pub async fn add(app: &App, scope: &Scope, actor: &Actor, draft: Draft) -> Result<PackageId, PackageError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let currency = settings::load(&*tx).await?.currency;
    if draft.price.currency().code() != currency {
        return Err(PackageError::field("price", FieldError::new("not_our_currency").arg("currency", currency)));
    }
    let places = places(&tx, scope, &draft, &[]).await?;
    let id = store::insert(&*tx, now, &draft).await?;
    store::set_places(&*tx, id, &places).await?;
    let made: Vec<RouterId> = places.iter().filter(|place| place.made).map(|place| place.router).collect();
    make_profiles(&tx, app, actor, &draft.wish(), &made).await?;
    announce(&tx, now, actor, "package.add", (id, &draft), &places).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(id)
}

/// Whether a package is also sold on routers that the caller does not see: what it is and costs there is not his to
/// change.
fn is_shared(places: &[Place], seen: &Package) -> bool {
    places.iter().any(|place| !seen.router_ids.contains(&place.router))
}

/// Whether a change leaves all as it is but where the package is sold.
fn keeps(draft: &Draft, before: &Package) -> bool {
    draft.name == before.name
        && draft.service == before.service
        && draft.profile == before.profile
        && (draft.price, Some(draft.cost)) == (before.price, before.cost)
        && draft.rate_limit == before.rate_limit
        && i32::try_from(draft.shared_users).is_ok_and(|users| users == before.shared_users)
        && (draft.limit_bytes, draft.mac_lock) == (before.limit_bytes, before.mac_lock)
        && draft.validity == before.validity
        && draft.terms == before.terms
}

/// Changes a package. Profiles that hiji makes follow; routers outside of the caller's sites stay as they were. Another
/// price holds from now on; before it the old one stays true.
///
/// # Errors
/// [`PackageError`].
pub async fn change(app: &App, scope: &Scope, actor: &Actor, id: PackageId, draft: Draft) -> Result<(), PackageError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let before = find(&*tx, scope, id, At::everywhere(now)).await?.ok_or(PackageError::NotFound)?;
    if draft.price.currency() != before.price.currency() {
        let code = before.price.currency().code().to_owned();
        return Err(PackageError::field("price", FieldError::new("not_our_currency").arg("currency", code)));
    }
    for (field, stays) in [("sold_as", draft.sold_as == before.sold_as), ("service", draft.service == before.service)] {
        if !stays {
            return Err(PackageError::field(field, FieldError::new("package_kind_stays")));
        }
    }
    let all = store::places(&*tx, id).await?;
    if is_shared(&all, &before) && !keeps(&draft, &before) {
        return Err(PackageError::field("name", FieldError::new("package_shared")));
    }
    // A profile made under another name is not the one wanted now.
    let same_profile = before.profile == draft.profile;
    let known: Vec<Place> = all.iter().map(|place| Place { made: place.made && same_profile, ..*place }).collect();
    let mut places = places(&tx, scope, &draft, &known).await?;
    let foreign = known.iter().filter(|place| !before.router_ids.contains(&place.router));
    places.extend(foreign.filter(|place| !draft.router_ids.contains(&place.router)));
    store::update(&*tx, id, &draft).await?;
    if (draft.price, Some(draft.cost)) != (before.price, before.cost) {
        let standing = prices::Standing { router: None, price: draft.price, cost: draft.cost };
        prices::set(&tx, now, actor, (&before, now), standing).await?;
    }
    store::set_places(&*tx, id, &places).await?;
    let looks_alike = same_profile
        && before.rate_limit == draft.rate_limit
        && before.wish().shared_users == draft.shared_users
        && before.terms.local_address == draft.terms.local_address
        && before.terms.address_pool == draft.terms.address_pool;
    let due = places.iter().filter(|place| place.made && !(looks_alike && known.contains(place)));
    let due: Vec<RouterId> = due.map(|place| place.router).collect();
    make_profiles(&tx, app, actor, &draft.wish(), &due).await?;
    announce(&tx, now, actor, "package.change", (id, &draft), &places).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(())
}

/// Where the draft's package will be sold; each router must be one the caller sees.
async fn places(tx: &Tx, scope: &Scope, draft: &Draft, known: &[Place]) -> Result<Vec<Place>, PackageError> {
    let mut places = Vec::with_capacity(draft.router_ids.len());
    for &id in &draft.router_ids {
        let Some(router) = routers::find(&**tx, scope, id).await? else {
            return Err(PackageError::field("router_ids", FieldError::new("no_such_router").arg("id", id.0)));
        };
        let profiles = routers::profiles(&**tx, scope, Some(id), false).await?;
        let same = |profile: &&MirroredProfile| profile.name == draft.profile && profile.service == draft.service;
        let there = profiles.iter().find(same).map(|profile| profile.marked);
        let made = known.contains(&Place { router: id, made: true });
        match rules::profile_on(draft.create_profile, there, made) {
            rules::Profile::Bound => places.push(Place { router: id, made: false }),
            rules::Profile::Made => places.push(Place { router: id, made: true }),
            rules::Profile::Foreign => {
                let error = FieldError::new("profile_foreign").arg("router", router.name);
                return Err(PackageError::field("create_profile", error));
            }
        }
    }
    Ok(places)
}

async fn make_profiles(
    tx: &Tx,
    app: &App,
    actor: &Actor,
    wish: &Wish<'_>,
    on: &[RouterId],
) -> Result<(), PackageError> {
    let settings = settings::load(&**tx).await?;
    let marker = match wish.service {
        Service::Hotspot => settings.voucher_marker,
        Service::Pppoe => settings.pppoe_marker,
    };
    let profile = DesiredProfile {
        local_address: wish.terms.local_address.clone(),
        address_pool: wish.terms.address_pool.clone(),
        ..DesiredProfile::made(wish.service, wish.profile, wish.rate_limit, wish.shared_users, &marker)
    };
    for &router in on {
        let want = Want { object: Object::Profile(profile.clone()) };
        routers::want(tx, app, router, actor, vec![want]).await?;
    }
    Ok(())
}

async fn announce(
    tx: &Tx,
    now: DateTime<Utc>,
    actor: &Actor,
    action: &str,
    (id, draft): (PackageId, &Draft),
    places: &[Place],
) -> Result<(), DbErr> {
    let router_ids: Vec<RouterId> = places.iter().map(|place| place.router).collect();
    let detail = serde_json::json!({
        "name": draft.name, "service": draft.service, "profile": draft.profile, "price": draft.price,
        "cost": draft.cost, "limit_bytes": draft.limit_bytes, "mac_lock": draft.mac_lock, "rate_limit": draft.rate_limit, "shared_users": draft.shared_users,
        "validity": draft.validity, "sold_as": draft.sold_as, "terms": draft.terms, "router_ids": router_ids,
    });
    let deed = Deed { action, object: format!("package/{id}"), site: None, detail };
    audit::record(&**tx, now, actor, deed).await?;
    events::record(&**tx, now, None, &BusinessEvent::PackageChanged { router_ids }).await
}

/// A package the caller may see.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, scope: &Scope, id: PackageId, at: At) -> Result<Option<Package>, DbErr> {
    let Some(package) = store::find(db, scope, id).await? else { return Ok(None) };
    Ok(priced(db, vec![package], at).await?.pop())
}

/// What a package cost before another price was set.
///
/// # Errors
/// The database's.
pub async fn first_price(db: &impl ConnectionTrait, id: PackageId) -> Result<Option<(Money, Money)>, DbErr> {
    let found = store::find(db, &Scope::All, id).await?;
    Ok(found.and_then(|package| Some((package.price, package.cost?))))
}

/// Packages with what they cost at a moment and a place: one query for all of them.
async fn priced(db: &impl ConnectionTrait, mut packages: Vec<Package>, at: At) -> Result<Vec<Package>, DbErr> {
    let ids: Vec<i64> = packages.iter().map(|package| package.id.0).collect();
    let standing = prices::in_force(db, &ids, at).await?;
    for package in &mut packages {
        if let Some(found) = standing.get(&package.id.0) {
            (package.price, package.cost) = (found.price, Some(found.cost));
        }
    }
    Ok(packages)
}

/// Takes a package out of what is offered, or offers it again. Its vouchers, prices and profile stay.
///
/// # Errors
/// [`PackageError::NotFound`], the database's.
pub async fn archive(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: PackageId,
    archived: bool,
) -> Result<(), PackageError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let package = store::find(&*tx, scope, id).await?.ok_or(PackageError::NotFound)?;
    if is_shared(&store::places(&*tx, id).await?, &package) {
        return Err(PackageError::field("router_ids", FieldError::new("package_shared")));
    }
    if package.archived_at.is_some() == archived {
        return Ok(());
    }
    store::set_archived(&*tx, id, archived.then_some(now)).await?;
    let action = if archived { "package.archive" } else { "package.restore" };
    let detail = serde_json::json!({ "name": package.name });
    let deed = Deed { action, object: format!("package/{id}"), site: None, detail };
    audit::record(&*tx, now, actor, deed).await?;
    let router_ids = package.router_ids;
    events::record(&*tx, now, None, &BusinessEvent::PackageChanged { router_ids }).await?;
    tx.commit().await?;
    Ok(())
}

/// Packages the caller may see, by name, with what they cost at a moment and a place.
///
/// # Errors
/// The database's.
pub async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &Filter,
    page: &PageOf,
    at: At,
) -> Result<Paged<Package>, DbErr> {
    let Paged { items, next_cursor } = store::list(db, scope, filter, page).await?;
    Ok(Paged { items: priced(db, items, at).await?, next_cursor })
}

/// The kind of packages that is shown to somebody who did not choose: vouchers, unless there are only subscriptions.
///
/// # Errors
/// The database's.
pub async fn mostly(db: &impl ConnectionTrait, scope: &Scope) -> Result<SoldAs, DbErr> {
    for sold_as in SoldAs::ALL {
        if store::has_any(db, scope, sold_as).await? {
            return Ok(sold_as);
        }
    }
    Ok(SoldAs::Voucher)
}

/// Packages of a kind that the caller may see, by name, for choices of a filter: without prices.
///
/// # Errors
/// The database's.
pub async fn names(
    db: &impl ConnectionTrait,
    scope: &Scope,
    sold_as: SoldAs,
) -> Result<Vec<(PackageId, String)>, DbErr> {
    let rows = store::names(db, scope, sold_as, MAX_LIMIT).await?;
    Ok(rows.into_iter().map(|(id, name)| (PackageId(id), name)).collect())
}
