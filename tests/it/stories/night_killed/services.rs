//! Thousands of services for one night: some begin, some are late since ten days, some are due today or in three days, a
//! few have paid ahead.

use anyhow::Context as _;
use chrono::{Days, NaiveDate};
use hiji_controller::{
    audit::Actor,
    clock::Clock as _,
    db::entity::{customer, customer_phone, subscription},
    ids::{CustomerId, SiteId, SubscriptionId},
    invoices::{self, Issue, Kind, LineKind, NewLine, Proposal},
    money::Money,
};
use hiji_tests::{
    router_sim::SimConfig,
    wait,
    world::{PATIENCE, Router, World},
};
use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::{NotSet, Set},
    EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    sea_query::{self, Expr},
};
use serde_json::json;

use super::super::late_and_paid::subscription_is;

pub(super) const SERVICES: i64 = 2_000;
/// Rows of one INSERT.
const CHUNK: i64 = 200;
/// One in so many begins in this night.
const BEGINS: i64 = 40;
/// One in so many has paid ahead.
const AHEAD: i64 = 100;
/// A period of the package.
const WEEK: Days = Days::new(7);

/// A site whose night has not come yet, and its services; the router that they hang on.
pub(super) async fn load(world: &mut World, zone: &str) -> anyhow::Result<Router> {
    let site = json!({ "name": "Kebon", "timezone": zone, "run_hour": 23 });
    let site = world.api.post("/sites", &site).await?.id()?;
    let router = world.router(site, SimConfig::default()).await?;
    let package = json!({
        "name": "Rumah 10 Mbps", "service": "pppoe", "profile": "Rumah-10M", "create_profile": true, "price": 45_000,
        "local_address": "10.20.0.1", "address_pool": "ppp-pool", "router_ids": [router.id], "is_prepaid": false,
        "cycle": "weeks_1", "first_period": "full", "due_days": 0, "grace_days": 0, "on_expiry": "disable",
    });
    let package = world.api.post("/packages", &package).await?.id()?;
    let body = json!({
        "router_id": router.id, "package_id": package, "username": "kebon-0",
        "customer": { "site_id": site, "name": "Budi", "phones": [{ "number": "0812-3456-7890" }] },
    });
    let first = world.api.post("/subscriptions", &body).await?.ok()?;
    let id = first["id"].as_i64().context("a service has an id")?;
    subscription_is(world, id, "observed", "open").await;
    copies(world, id).await.context("copying the first")?;
    owed(world, site).await.context("what the late ones owe")?;
    let customer = first["customer_id"].as_i64().context("a service has a customer")?;
    for nth in (AHEAD / 2..SERVICES).step_by(AHEAD.unsigned_abs().try_into()?) {
        let paid = json!({ "method": "cash", "amount": 60_000 });
        world.api.post(&format!("/customers/{}/payments", customer + nth), &paid).await?.ok()?;
    }
    wait::holds("the router has its profile", PATIENCE, || router.sim.row("/ppp/profile", "Rumah-10M").is_some()).await;
    Ok(router)
}

async fn copies(world: &World, service: i64) -> anyhow::Result<()> {
    let app = world.app();
    let now = world.clock.now();
    let first = subscription::Entity::find_by_id(service).one(app.db.read()).await?.context("the first service")?;
    let person = customer::Entity::find_by_id(first.customer_id).one(app.db.read()).await?.context("its customer")?;
    let today = first.started_on.context("it began")?;
    let mut from = 1;
    while from < SERVICES {
        let until = (from + CHUNK).min(SERVICES);
        let tx = app.db.begin().await?;
        let people = (from..until).map(|nth| customer::ActiveModel {
            id: Set(person.id + nth),
            number: Set(format!("K{nth:06}")),
            form_id: Set(format!("story-customer-{nth}")),
            ..person.clone().into_active_model()
        });
        customer::Entity::insert_many(people).exec_without_returning(&*tx).await?;
        let phones = (from..until).map(|nth| customer_phone::ActiveModel {
            customer_id: Set(person.id + nth),
            e164: Set(format!("+6281{nth:09}")),
            label: Set(String::new()),
            is_whatsapp: Set(true),
            is_primary: Set(true),
            ..Default::default()
        });
        customer_phone::Entity::insert_many(phones).exec_without_returning(&*tx).await?;
        let services = (from..until).map(|nth| {
            let begins = nth % BEGINS == 0;
            let day = if begins { today } else { paid_until(today, nth) };
            // The late ones have their first week's invoice.
            let billed = if day < today { day.checked_add_days(WEEK).unwrap_or(day) } else { day };
            subscription::ActiveModel {
                id: NotSet,
                number: Set(format!("B{nth:06}")),
                form_id: Set(format!("story-service-{nth}")),
                customer_id: Set(person.id + nth),
                username: Set(format!("kebon-{nth}")),
                state: Set(if begins { "pending" } else { "active" }.to_owned()),
                started_on: Set(Some(day)),
                anchor: Set(Some(day)),
                billed_until: Set(Some(billed)),
                covered_until: Set(Some(day)),
                lapses_at: Set(None),
                acts_at: Set(begins.then_some(now)),
                ..first.clone().into_active_model().reset_all()
            }
        });
        subscription::Entity::insert_many(services).exec_without_returning(&*tx).await?;
        tx.commit().await?;
        from = until;
    }
    Ok(())
}

/// An invoice that was due ten days ago, of each who is late.
async fn owed(world: &World, site: i64) -> anyhow::Result<()> {
    let (app, actor) = (world.app(), Actor::system("story"));
    let (billed, covered) = (subscription::Column::BilledUntil, subscription::Column::CoveredUntil);
    // Not brought into scope: its `min` is not that of numbers.
    let late = sea_query::ExprTrait::ne(Expr::col(billed), Expr::col(covered));
    let services =
        subscription::Entity::find().filter(late).order_by_asc(subscription::Column::Id).all(app.db.read()).await?;
    for chunk in services.chunks(500) {
        let wanted: anyhow::Result<Vec<Proposal>> = chunk.iter().map(|service| first_week(site, service)).collect();
        let tx = app.db.begin().await?;
        invoices::propose(&*tx, app.clock.now(), &actor, wanted?, Issue::Now).await?;
        tx.commit().await?;
    }
    Ok(())
}

fn first_week(site: i64, service: &subscription::Model) -> anyhow::Result<Proposal> {
    let (from, until) = service.covered_until.zip(service.billed_until).context("a service that was invoiced")?;
    Ok(Proposal {
        proposal: format!("sub/{}/{from}", service.id),
        customer: CustomerId(service.customer_id),
        site: SiteId(site),
        subscription: Some(SubscriptionId(service.id)),
        kind: Kind::Period,
        period: Some((from, until)),
        due_on: from,
        lines: vec![NewLine {
            kind: LineKind::Package,
            text: "Rumah 10 Mbps".to_owned(),
            quantity: 1,
            unit_price: Money::idr(45_000),
            amount: Money::idr(45_000),
            cost: Money::idr(0),
            is_taxed: false,
            package: None,
            addon: None,
            from: Some(from),
            until: Some(until),
        }],
        notes: String::new(),
    })
}

/// Ten days ago, today, or in three days.
fn paid_until(today: NaiveDate, nth: i64) -> NaiveDate {
    let found = match nth % 3 {
        0 => today.checked_sub_days(Days::new(10)),
        1 => Some(today),
        _ => today.checked_add_days(Days::new(3)),
    };
    found.unwrap_or(today)
}
