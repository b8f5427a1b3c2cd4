//! The row of a subscription: read with the names around it, locked, written.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use hiji_shared::device::Service;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, SimpleExpr},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    super::{Access, Discount, OnRouter, PASSWORD_CHANGED, PASSWORD_PLACE, State, Subscription},
    IN,
};
use crate::{
    db::entity::{
        customer, package, router, site,
        subscription::{ActiveModel, Column, Entity, Model},
        subscription_event,
    },
    http::access::Scope,
    ids::{AdminId, CustomerId, PackageId, RouterId, SiteId, SubscriptionId},
    money::{Currency, Money},
    packages::OnExpiry,
    sealed::Keys,
};

/// A subscription that nobody else changes until the transaction ends, with what only its router sees.
#[derive(Debug, Clone)]
pub(in super::super) struct Held {
    pub(in super::super) subscription: Subscription,
    pub(in super::super) password: SecretString,
    /// Of its package, on the router.
    pub(in super::super) profile: String,
    /// Typed by a person: not replaced by another.
    pub(in super::super) is_name_typed: bool,
    /// Of the router's wanted state.
    pub(in super::super) wanted_rev: i64,
    /// He was there before hiji, and is taken over.
    pub(in super::super) is_adopted: bool,
}

impl Held {
    /// Whether hiji was told his password; who is not has the one that the router has.
    pub(in super::super) fn has_password(&self) -> bool {
        !self.password.expose_secret().is_empty()
    }
}

/// A subscription to be inserted, with what is in no column that changes.
#[derive(Debug)]
pub(in super::super) struct New<'a> {
    pub(in super::super) form_id: &'a str,
    pub(in super::super) password: &'a SecretString,
    pub(in super::super) is_name_typed: bool,
    pub(in super::super) is_secret_new: bool,
    pub(in super::super) is_adopted: bool,
    pub(in super::super) subscription: &'a Subscription,
}

pub(super) fn scoped(scope: &Scope) -> Select<Entity> {
    match scope {
        Scope::All => Entity::find(),
        Scope::Sites(sites) => Entity::find().filter(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    }
}

/// The columns that may change.
fn fields(of: &Subscription) -> ActiveModel {
    let discount = of.discount.as_ref();
    ActiveModel {
        router_id: Set(of.router_id.0),
        package_id: Set(of.package_id.0),
        username: Set(of.username.clone()),
        server: Set(of.server.clone()),
        remote_address: Set(of.remote_address.clone()),
        mac: Set(of.mac.clone()),
        state: Set(of.state.as_str().to_owned()),
        price: Set(of.price.minor()),
        is_taxed: Set(of.is_taxed),
        discount: Set(discount.map_or(0, |discount| discount.amount.minor())),
        discount_reason: Set(discount.map_or_else(String::new, |discount| discount.reason.clone())),
        discount_until: Set(discount.and_then(|discount| discount.until)),
        cycle: Set(of.cycle.clone()),
        bill_day: Set(of.bill_day),
        is_prepaid: Set(of.is_prepaid),
        due_days: Set(of.due_days),
        grace_days: Set(of.grace_days),
        on_expiry: Set(of.on_expiry.as_str().to_owned()),
        started_on: Set(of.started_on),
        anchor: Set(of.anchor),
        billed_until: Set(of.billed_until),
        covered_until: Set(of.covered_until),
        lapses_at: Set(of.lapses_at),
        acts_at: Set(of.acts_at),
        promise_until: Set(of.promise_until),
        is_exempt: Set(of.is_exempt),
        exempt_reason: Set(of.exempt_reason.clone()),
        is_held: Set(of.is_held),
        is_auto_renewed: Set(of.is_auto_renewed),
        paused_from: Set(of.paused_from),
        paused_until: Set(of.paused_until),
        ends_on: Set(of.ends_on),
        end_reason: Set(of.end_reason.clone()),
        next_package_id: Set(of.next_package_id.map(|id| id.0)),
        next_package_from: Set(of.next_package_from),
        wanted: Set(of.on_router.wanted.as_str().to_owned()),
        observed: Set(of.on_router.observed.as_str().to_owned()),
        verified_at: Set(of.on_router.verified_at),
        fail_code: Set(of.on_router.fail_code.clone()),
        fail_message: Set(of.on_router.fail_message.clone()),
        version: Set(of.version),
        ended_at: Set(of.ended_at),
        edition: Set(of.edition),
        is_mac_freed: Set(of.is_mac_freed),
        ..Default::default()
    }
}

pub(in super::super) async fn insert(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    new: &New<'_>,
) -> Result<SubscriptionId, DbErr> {
    let of = new.subscription;
    let row = ActiveModel {
        number: Set(of.number.clone()),
        form_id: Set(new.form_id.to_owned()),
        customer_id: Set(of.customer_id.0),
        site_id: Set(of.site_id.0),
        service: Set(of.service.as_str().to_owned()),
        is_name_typed: Set(new.is_name_typed),
        password: Set(keys.seal(PASSWORD_PLACE, new.password.expose_secret().as_bytes())),
        is_secret_new: Set(new.is_secret_new),
        is_adopted: Set(new.is_adopted),
        currency: Set(of.price.currency().code().to_owned()),
        cost: Set(of.cost.map_or(0, Money::minor)),
        wanted_rev: Set(0),
        created_by: Set(of.created_by.map(|admin| admin.0)),
        created_at: Set(of.created_at),
        ..fields(of)
    };
    Ok(SubscriptionId(Entity::insert(row).exec(tx).await?.last_insert_id))
}

/// Writes all that may change of a subscription that is held, and counts the change.
pub(in super::super) async fn save(tx: &impl ConnectionTrait, held: &mut Held) -> Result<(), DbErr> {
    let of = &mut held.subscription;
    of.version = of.version.saturating_add(1);
    let mut row = fields(of);
    row.wanted_rev = Set(held.wanted_rev);
    row.is_name_typed = Set(held.is_name_typed);
    row.is_adopted = Set(held.is_adopted);
    if let Some(cost) = of.cost {
        row.cost = Set(cost.minor());
    }
    Entity::update_many().set(row).filter(Column::Id.eq(of.id.0)).exec(tx).await.map(|_| ())
}

/// How far it is invoiced.
pub(in super::super) async fn set_billed_until(
    tx: &impl ConnectionTrait,
    id: SubscriptionId,
    until: Option<NaiveDate>,
) -> Result<(), DbErr> {
    let row = ActiveModel { billed_until: Set(until), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id.0)).exec(tx).await.map(|_| ())
}

/// What the router showed or proved; nothing of it counts as a change of the subscription.
pub(in super::super) async fn save_on_router(tx: &impl ConnectionTrait, of: &Subscription) -> Result<(), DbErr> {
    let row = ActiveModel {
        observed: Set(of.on_router.observed.as_str().to_owned()),
        verified_at: Set(of.on_router.verified_at),
        fail_code: Set(of.on_router.fail_code.clone()),
        fail_message: Set(of.on_router.fail_message.clone()),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(of.id.0)).exec(tx).await.map(|_| ())
}

/// For whom a new secret waits: who had it made last, else who made the service. Nobody when it was seen.
pub(in super::super) async fn new_secret_for(
    db: &impl ConnectionTrait,
    id: SubscriptionId,
) -> Result<Option<AdminId>, DbErr> {
    let query = Entity::find().select_only().column(Column::CreatedBy);
    let waits = query.filter(Column::Id.eq(id.0)).filter(Column::IsSecretNew.eq(true));
    let Some(creator) = waits.into_tuple::<Option<i64>>().one(db).await? else { return Ok(None) };
    let changed = subscription_event::Entity::find()
        .select_only()
        .column(subscription_event::Column::AdminId)
        .filter(subscription_event::Column::SubscriptionId.eq(id.0))
        .filter(subscription_event::Column::What.eq(PASSWORD_CHANGED))
        .order_by_desc(subscription_event::Column::Id);
    let changer = changed.into_tuple::<Option<i64>>().one(db).await?;
    Ok(changer.unwrap_or(creator).map(AdminId))
}

/// Whether a new secret waited; it does so once.
pub(in super::super) async fn take_new_secret(tx: &impl ConnectionTrait, id: SubscriptionId) -> Result<bool, DbErr> {
    let row = ActiveModel { is_secret_new: Set(false), ..Default::default() };
    let waiting = Entity::update_many().set(row).filter(Column::Id.eq(id.0)).filter(Column::IsSecretNew.eq(true));
    Ok(waiting.exec(tx).await?.rows_affected > 0)
}

pub(in super::super) async fn of_form(
    db: &impl ConnectionTrait,
    scope: &Scope,
    form_id: &str,
) -> Result<Option<SubscriptionId>, DbErr> {
    let query = scoped(scope).select_only().column(Column::Id).filter(Column::FormId.eq(form_id));
    Ok(query.into_tuple::<i64>().one(db).await?.map(SubscriptionId))
}

pub(in super::super) async fn find(
    db: &impl ConnectionTrait,
    scope: &Scope,
    id: SubscriptionId,
) -> Result<Option<Subscription>, DbErr> {
    let row = scoped(scope).filter(Column::Id.eq(id.0)).one(db).await?;
    Ok(complete(db, row.into_iter().collect()).await?.pop())
}

pub(in super::super) async fn by_ids(
    db: &impl ConnectionTrait,
    ids: &[SubscriptionId],
) -> Result<Vec<Subscription>, DbErr> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(IN) {
        let query = Entity::find().filter(Column::Id.is_in(chunk.iter().map(|id| id.0))).order_by_asc(Column::Id);
        found.extend(complete(db, query.all(db).await?).await?);
    }
    found.sort_by_key(|subscription| subscription.id);
    Ok(found)
}

pub(in super::super) async fn of_customer(
    db: &impl ConnectionTrait,
    customer: CustomerId,
) -> Result<Vec<Subscription>, DbErr> {
    const MOST: u64 = 200;
    let query = Entity::find().filter(Column::CustomerId.eq(customer.0)).order_by_desc(Column::Id).limit(MOST);
    complete(db, query.all(db).await?).await
}

/// Written out, since databases use `uq_subscription_username` only where its condition stands in the text.
fn is_not_over() -> SimpleExpr {
    Expr::cust(format!("\"subscription\".\"state\" <> '{}'", State::Ended.as_str()))
}

/// Services of these customers that are not over.
pub(in super::super) async fn open_of_customers(
    db: &impl ConnectionTrait,
    customers: &[CustomerId],
) -> Result<Vec<SubscriptionId>, DbErr> {
    let ids: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::CustomerId.is_in(customers.iter().map(|customer| customer.0)))
        .filter(is_not_over())
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(SubscriptionId).collect())
}

/// Holds subscriptions against others until the transaction ends, in the order of their ids.
pub(in super::super) async fn hold(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    ids: &[SubscriptionId],
) -> Result<Vec<Held>, DbErr> {
    let ids: BTreeSet<i64> = ids.iter().map(|id| id.0).collect();
    let ids: Vec<i64> = ids.into_iter().collect();
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(IN) {
        let query = Entity::find().filter(Column::Id.is_in(chunk.iter().copied())).order_by_asc(Column::Id);
        let rows = query.lock_exclusive().all(tx).await?;
        found.extend(with_secrets(tx, keys, rows).await?);
    }
    Ok(found)
}

/// The subscriptions of these users of a router that are not over, held as by [`hold`].
pub(in super::super) async fn hold_names(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    (router, service): (RouterId, Service),
    names: &[String],
) -> Result<Vec<Held>, DbErr> {
    let mut found = Vec::new();
    for chunk in names.chunks(IN) {
        let query = Entity::find()
            .filter(Column::RouterId.eq(router.0))
            .filter(Column::Service.eq(service.as_str()))
            .filter(Column::Username.is_in(chunk))
            .order_by_asc(Column::Id);
        let rows = query.lock_exclusive().all(tx).await?;
        // A name may have been somebody's before: the living one has it, else the one who had it last.
        let mut last: HashMap<String, Model> = HashMap::new();
        for row in rows {
            let lives = last.get(&row.username).is_some_and(|known| known.state != State::Ended.as_str());
            if !lives {
                last.insert(row.username.clone(), row);
            }
        }
        let mut rows: Vec<Model> = last.into_values().collect();
        rows.sort_by_key(|row| row.id);
        found.extend(with_secrets(tx, keys, rows).await?);
    }
    Ok(found)
}

async fn with_secrets(db: &impl ConnectionTrait, keys: &Keys, rows: Vec<Model>) -> Result<Vec<Held>, DbErr> {
    let packages: BTreeSet<i64> = rows.iter().map(|row| row.package_id).collect();
    let query = package::Entity::find().select_only().columns([package::Column::Id, package::Column::Profile]);
    let names: Vec<(i64, String)> = query.filter(package::Column::Id.is_in(packages)).into_tuple().all(db).await?;
    let profiles: HashMap<i64, String> = names.into_iter().collect();
    let mut secrets = Vec::with_capacity(rows.len());
    for row in &rows {
        let profile = profiles.get(&row.package_id).cloned().unwrap_or_default();
        let (typed, adopted) = (row.is_name_typed, row.is_adopted);
        secrets.push((opened(keys, row.id, &row.password)?, profile, (typed, adopted), row.wanted_rev));
    }
    let whole = complete(db, rows).await?;
    let held = |(subscription, (password, profile, (is_name_typed, is_adopted), wanted_rev))| Held {
        subscription,
        password,
        profile,
        is_name_typed,
        wanted_rev,
        is_adopted,
    };
    Ok(whole.into_iter().zip(secrets).map(held).collect())
}

/// Whether only the router knows the password of a service.
pub(in super::super) async fn is_secret_unknown(
    db: &impl ConnectionTrait,
    keys: &Keys,
    id: SubscriptionId,
) -> Result<bool, DbErr> {
    let query = Entity::find().select_only().column(Column::Password).filter(Column::Id.eq(id.0));
    let sealed: Option<Vec<u8>> = query.into_tuple().one(db).await?;
    let secret = sealed.map(|sealed| opened(keys, id.0, &sealed)).transpose()?;
    Ok(secret.is_some_and(|secret| secret.expose_secret().is_empty()))
}

fn opened(keys: &Keys, id: i64, sealed: &[u8]) -> Result<SecretString, DbErr> {
    let damaged = |error: &dyn std::fmt::Display| DbErr::Custom(format!("password of subscription {id}: {error}"));
    let bytes = keys.open(PASSWORD_PLACE, sealed).map_err(|error| damaged(&error))?;
    String::from_utf8(bytes).map(SecretString::from).map_err(|error| damaged(&error))
}

/// Rows with the names around them, each read once for all of them; in the same order.
pub(in super::super) async fn complete(
    db: &impl ConnectionTrait,
    rows: Vec<Model>,
) -> Result<Vec<Subscription>, DbErr> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let of = |id: &dyn Fn(&Model) -> i64| rows.iter().map(id).collect::<BTreeSet<i64>>();
    let (customers, sites) = (of(&|row| row.customer_id), of(&|row| row.site_id));
    let (routers, packages) = (of(&|row| row.router_id), of(&|row| row.package_id));
    let query = customer::Entity::find().select_only().columns([
        customer::Column::Id,
        customer::Column::Number,
        customer::Column::Name,
        customer::Column::GraceDays,
    ]);
    let found: Vec<(i64, String, String, Option<i32>)> =
        query.filter(customer::Column::Id.is_in(customers)).into_tuple().all(db).await?;
    let customers: HashMap<i64, (String, String, Option<i32>)> =
        found.into_iter().map(|(id, number, name, grace)| (id, (number, name, grace))).collect();
    let query =
        site::Entity::find().select_only().columns([site::Column::Id, site::Column::Name, site::Column::Timezone]);
    let found: Vec<(i64, String, String)> = query.filter(site::Column::Id.is_in(sites)).into_tuple().all(db).await?;
    let sites: HashMap<i64, (String, String)> = found.into_iter().map(|(id, name, zone)| (id, (name, zone))).collect();
    let query = router::Entity::find().select_only().columns([router::Column::Id, router::Column::Name]);
    let found: Vec<(i64, String)> = query.filter(router::Column::Id.is_in(routers)).into_tuple().all(db).await?;
    let routers: HashMap<i64, String> = found.into_iter().collect();
    let query = package::Entity::find().select_only().columns([package::Column::Id, package::Column::Name]);
    let found: Vec<(i64, String)> = query.filter(package::Column::Id.is_in(packages)).into_tuple().all(db).await?;
    let packages: HashMap<i64, String> = found.into_iter().collect();
    let whole = |row: Model| {
        let names = Names {
            customer: customers.get(&row.customer_id).cloned().unwrap_or_default(),
            site: sites.get(&row.site_id).cloned().unwrap_or_default(),
            router: routers.get(&row.router_id).cloned().unwrap_or_default(),
            package: packages.get(&row.package_id).cloned().unwrap_or_default(),
        };
        subscription(row, names)
    };
    Ok(rows.into_iter().map(whole).collect())
}

/// What stands in other tables.
struct Names {
    /// Number, name, and days of grace of his own.
    customer: (String, String, Option<i32>),
    /// Name and zone.
    site: (String, String),
    router: String,
    package: String,
}

fn service(name: &str) -> Service {
    if name == Service::Pppoe.as_str() { Service::Pppoe } else { Service::Hotspot }
}

fn discount(row: &Model, currency: Currency) -> Option<Discount> {
    (row.discount > 0).then(|| Discount {
        amount: Money::new(row.discount, currency),
        reason: row.discount_reason.clone(),
        until: row.discount_until,
    })
}

fn subscription(row: Model, names: Names) -> Subscription {
    let currency = Currency::parse(&row.currency).unwrap_or(Currency::IDR);
    let timezone = if names.site.1.parse::<chrono_tz::Tz>().is_ok() { names.site.1 } else { "UTC".to_owned() };
    Subscription {
        id: SubscriptionId(row.id),
        discount: discount(&row, currency),
        number: row.number,
        customer_id: CustomerId(row.customer_id),
        customer_number: names.customer.0,
        customer: names.customer.1,
        site_id: SiteId(row.site_id),
        site: names.site.0,
        timezone,
        router_id: RouterId(row.router_id),
        router: names.router,
        package_id: PackageId(row.package_id),
        package: names.package,
        service: service(&row.service),
        username: row.username,
        server: row.server,
        remote_address: row.remote_address,
        mac: row.mac,
        state: State::parse(&row.state).unwrap_or(State::Pending),
        price: Money::new(row.price, currency),
        cost: Some(Money::new(row.cost, currency)),
        is_taxed: row.is_taxed,
        cycle: row.cycle,
        bill_day: row.bill_day,
        is_prepaid: row.is_prepaid,
        due_days: row.due_days,
        grace_days: row.grace_days,
        customer_grace_days: names.customer.2,
        on_expiry: OnExpiry::parse(&row.on_expiry).unwrap_or(OnExpiry::Isolate),
        started_on: row.started_on,
        anchor: row.anchor,
        billed_until: row.billed_until,
        covered_until: row.covered_until,
        lapses_at: row.lapses_at,
        acts_at: row.acts_at,
        promise_until: row.promise_until,
        is_exempt: row.is_exempt,
        exempt_reason: row.exempt_reason,
        is_held: row.is_held,
        is_auto_renewed: row.is_auto_renewed,
        paused_from: row.paused_from,
        paused_until: row.paused_until,
        ends_on: row.ends_on,
        end_reason: row.end_reason,
        next_package_id: row.next_package_id.map(PackageId),
        next_package_from: row.next_package_from,
        on_router: OnRouter {
            wanted: Access::parse(&row.wanted),
            observed: Access::parse(&row.observed),
            verified_at: row.verified_at,
            fail_code: row.fail_code,
            fail_message: row.fail_message,
        },
        version: row.version,
        edition: row.edition,
        is_mac_freed: row.is_mac_freed,
        created_by: row.created_by.map(AdminId),
        created_at: row.created_at,
        ended_at: row.ended_at,
    }
}

/// How many services of a customer are not over, and their numbers and usernames.
pub(in super::super) async fn open_of_customer(
    db: &impl ConnectionTrait,
    customer: CustomerId,
) -> Result<Vec<(String, String)>, DbErr> {
    Entity::find()
        .select_only()
        .columns([Column::Number, Column::Username])
        .filter(Column::CustomerId.eq(customer.0))
        .filter(is_not_over())
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(db)
        .await
}

/// Which of these names a living subscription of the router has.
pub(in super::super) async fn taken_usernames(
    db: &impl ConnectionTrait,
    (router, service): (RouterId, Service),
    names: &[String],
) -> Result<Vec<String>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Username)
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::Service.eq(service.as_str()))
        .filter(is_not_over())
        .filter(Column::Username.is_in(names))
        .into_tuple()
        .all(db)
        .await
}

/// Subscriptions of a site whose time has come, by id.
pub(in super::super) async fn due(
    db: &impl ConnectionTrait,
    (site, now): (SiteId, DateTime<Utc>),
    (after, limit): (SubscriptionId, u64),
) -> Result<Vec<SubscriptionId>, DbErr> {
    let query = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::SiteId.eq(site.0))
        .filter(Column::ActsAt.lte(now))
        .filter(Column::Id.gt(after.0))
        .order_by_asc(Column::Id)
        .limit(limit);
    Ok(query.into_tuple::<i64>().all(db).await?.into_iter().map(SubscriptionId).collect())
}

/// Subscriptions of a site that are not over and not invoiced up to a day, by id.
pub(in super::super) async fn to_bill(
    db: &impl ConnectionTrait,
    (site, horizon): (SiteId, NaiveDate),
    (after, limit): (SubscriptionId, u64),
) -> Result<Vec<SubscriptionId>, DbErr> {
    let query = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::SiteId.eq(site.0))
        .filter(Column::BilledUntil.lte(horizon))
        .filter(is_not_over())
        .filter(Column::Id.gt(after.0))
        .order_by_asc(Column::Id)
        .limit(limit);
    Ok(query.into_tuple::<i64>().all(db).await?.into_iter().map(SubscriptionId).collect())
}

/// The names of a router's subscriptions that are not over.
pub(in super::super) async fn usernames(
    db: &impl ConnectionTrait,
    (router, service): (RouterId, Service),
) -> Result<Vec<String>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Username)
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::Service.eq(service.as_str()))
        .filter(is_not_over())
        .into_tuple()
        .all(db)
        .await
}
