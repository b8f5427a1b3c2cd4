//! Nights under test: the month of W3, nights that are cut off, two controllers, plans that are held, applied and undone.

mod ahead;
mod approvals;
mod clock_change;
mod crash;
mod faults;
mod foresight;
mod month;
mod pages;
mod plans;
mod promises;
mod taken_over;

use chrono::{Days, Duration, NaiveDate};
use hiji_shared::agent_id::AgentId;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, sea_query::Expr,
};
use serde_json::{Value, json};

use super::{Run, night, store};
use crate::{
    customers,
    db::{
        entity::{
            agent, customer_balance, invoice, isolation_plan, isolation_plan_item, message, nightly_item, nightly_run,
            payment, router, subscription,
        },
        paging::PageOf,
    },
    http::access::Scope,
    ids::{self, CustomerId, PackageId, RouterId, RunId, SiteId, SubscriptionId},
    invoices,
    ledger::aging::local_day,
    money::Money,
    packages,
    payments::{self, Method, Take},
    sites,
    subscriptions::{self, Subscription},
    testing::{TestApp, actor},
};

/// A site in Jayapura with a router that answers, and a postpaid package of Rp165.000: billed on the 1st, due on the
/// 10th, three days of grace, then switched off.
struct Kebon {
    site: SiteId,
    router: RouterId,
    package: PackageId,
}

async fn kebon(app: &TestApp, more: Value) -> Kebon {
    let site = app.site("Kebon").await;
    kebon_at(app, site, more).await
}

/// The same at another site; a router is called like the package that is sold on it.
async fn kebon_at(app: &TestApp, site: SiteId, more: Value) -> Kebon {
    let router = app.router(site, more["name"].as_str().unwrap_or("RB-Kebon")).await;
    set_online(app, router, true).await;
    let mut form = json!({
        "name": "Rumah 10 Mbps", "service": "pppoe", "price": 165_000, "cost": 100_000, "profile": "Rumah-10M",
        "rate_limit": "5M/10M", "is_prepaid": false, "bill_day": 1, "due_days": 9, "grace_days": 3,
        "first_period": "free", "router_ids": [router], "on_expiry": "disable",
    });
    form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let draft = packages::rules::check(&serde_json::from_value(form).unwrap()).unwrap();
    let package = packages::add(app, &Scope::All, &actor(), draft).await.unwrap();
    Kebon { site, router, package }
}

async fn set_online(app: &TestApp, router: RouterId, online: bool) {
    let tx = app.db.begin().await.unwrap();
    let id = AgentId::from_random([u8::try_from(router.0).unwrap(); 10]).to_string();
    agent::Entity::delete_by_id(id.clone()).exec(&*tx).await.unwrap();
    let now = app.app.clock.now();
    let row = agent::ActiveModel {
        id: Set(id),
        router_id: Set(router.0),
        secret: Set(Vec::new()),
        state: Set("approved".to_owned()),
        version: Set(String::new()),
        caps: Set(json!([])),
        fingerprint: Set(json!({})),
        enrolled_at: Set(now),
        approved_at: Set(Some(now)),
        online: Set(online),
        conn: Set(0),
        have_rev: Set(0),
        cseq: Set(0),
        alert: Set(String::new()),
        ..Default::default()
    };
    agent::Entity::insert(row).exec_without_returning(&*tx).await.unwrap();
    let reach = router::Entity::update_many().col_expr(router::Column::Reach, Expr::value(true));
    reach.filter(router::Column::Id.eq(router.0)).exec(&*tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// A service of a new customer.
async fn subscribe(app: &TestApp, kebon: &Kebon, nth: usize, more: Value) -> Subscription {
    let mut form = json!({
        "router_id": kebon.router, "package_id": kebon.package,
        "customer": { "name": format!("Pelanggan {nth}"), "phones": [{ "number": format!("08123456{nth:04}") }] },
    });
    form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let form = serde_json::from_value(form).unwrap();
    let asked = subscriptions::Asked { scope: &Scope::All, actor: &actor(), form_id: &ids::token() };
    let created = subscriptions::create(app, &asked, &form).await.unwrap();
    the(app, created.id).await
}

async fn the(app: &TestApp, id: SubscriptionId) -> Subscription {
    subscriptions::find(app.db.read(), &Scope::All, id).await.unwrap().unwrap()
}

async fn pay(app: &TestApp, customer: CustomerId, amount: i64) {
    let take = Take {
        customer,
        method: Method::Cash,
        given: Money::idr(amount),
        choices: Vec::new(),
        keeps_rest: true,
        note: String::new(),
    };
    let asked = payments::Asked { scope: &Scope::All, actor: &actor(), form_id: &ids::token() };
    payments::take(app, &asked, &take).await.unwrap();
}

/// Today's run of a site, opened if there is none.
async fn open(app: &TestApp, site: SiteId) -> RunId {
    let zone = sites::find(app.db.read(), &Scope::All, site).await.unwrap().unwrap().zone();
    let now = app.app.clock.now();
    let day = local_day(now, zone);
    let tx = app.db.begin().await.unwrap();
    let opened = store::open(&*tx, now, site, day).await.unwrap();
    tx.commit().await.unwrap();
    match opened {
        Some(id) => id,
        None => store::of_day(app.db.read(), site, day).await.unwrap().unwrap().id,
    }
}

/// A whole night.
async fn night(app: &TestApp, site: SiteId) -> Run {
    let id = open(app, site).await;
    night::work(app, id, || true).await.unwrap();
    super::find_run(app.db.read(), &Scope::All, id).await.unwrap().unwrap()
}

/// The night of today again, as the button does it.
async fn night_again(app: &TestApp, site: SiteId) -> Run {
    let id = super::run_now(app, &Scope::All, &actor(), site).await.unwrap();
    night::work(app, id, || true).await.unwrap();
    super::find_run(app.db.read(), &Scope::All, id).await.unwrap().unwrap()
}

/// Goes to half past midnight in Jayapura of a day that is to come.
fn go_to(app: &TestApp, day: &str) {
    let day: NaiveDate = day.parse().unwrap();
    let at = day.checked_sub_days(Days::new(1)).unwrap().and_hms_opt(15, 30, 0).unwrap().and_utc();
    let left = at - app.app.clock.now();
    assert!(left >= Duration::zero(), "{day} is over");
    app.clock.advance(left);
}

/// Everything that nights make, without what is random or of the moment.
async fn everything(app: &TestApp) -> Vec<String> {
    let db = app.db.read();
    let mut lines = Vec::new();
    for row in invoice::Entity::find().order_by_asc(invoice::Column::Id).all(db).await.unwrap() {
        let invoice::Model { id, number, proposal, state, total, settled, due_on, .. } = row;
        lines.push(format!("invoice {id} {number:?} {proposal} {state} {total} {settled} {due_on}"));
    }
    for row in subscription::Entity::find().order_by_asc(subscription::Column::Id).all(db).await.unwrap() {
        let subscription::Model { number, state, billed_until, covered_until, lapses_at, acts_at, wanted, .. } = row;
        lines.push(format!("{number} {state} {billed_until:?} {covered_until:?} {lapses_at:?} {acts_at:?} {wanted}"));
    }
    for row in message::Entity::find().order_by_asc(message::Column::Dedupe).all(db).await.unwrap() {
        lines.push(format!("message {} {} {} {} {}", row.dedupe, row.state, row.reason, row.not_before, row.body));
    }
    for row in payment::Entity::find().order_by_asc(payment::Column::Id).all(db).await.unwrap() {
        lines.push(format!("payment {} {} {}", row.number, row.method, row.amount));
    }
    for row in
        customer_balance::Entity::find().order_by_asc(customer_balance::Column::CustomerId).all(db).await.unwrap()
    {
        lines.push(format!("balance {} {} {}", row.customer_id, row.receivable, row.credit));
    }
    let items = isolation_plan_item::Entity::find().order_by_asc(isolation_plan_item::Column::SubscriptionId);
    for row in items.all(db).await.unwrap() {
        lines.push(format!("item {} {} {} {} {}", row.subscription_id, row.wave, row.owed, row.state, row.reason));
    }
    for row in isolation_plan::Entity::find().order_by_asc(isolation_plan::Column::Id).all(db).await.unwrap() {
        lines.push(format!("plan {} {} {} {}", row.day, row.state, row.held_for, row.total));
    }
    let did = nightly_item::Entity::find().all(db).await.unwrap().into_iter().map(|row| {
        let nightly_item::Model { run_id, did, customer_id, subscription_id, invoice_id, .. } = row;
        format!("did {run_id} {did} {customer_id} {subscription_id:?} {invoice_id:?}")
    });
    // A chunk tells one kind after the other; how large chunks are is nobody's business.
    let mut did: Vec<String> = did.collect();
    did.sort();
    lines.extend(did);
    for row in nightly_run::Entity::find().order_by_asc(nightly_run::Column::Id).all(db).await.unwrap() {
        lines.push(format!("run {} {} {} {} {}", row.site_id, row.day, row.state, row.counts, row.problems));
    }
    lines
}

async fn invoices_of(app: &TestApp, id: SubscriptionId) -> Vec<invoices::Head> {
    let filter = invoices::Filter { tab: invoices::Tab::All, subscription: Some(id), ..invoices::Filter::default() };
    let found = invoices::list(app.db.read(), &Scope::All, app.app.clock.now(), &filter, &PageOf::default()).await;
    found.unwrap().unwrap().items
}

/// Templates of the messages to a customer, in order.
async fn told(app: &TestApp, customer: CustomerId) -> Vec<String> {
    let query = message::Entity::find().filter(message::Column::CustomerId.eq(customer.0));
    let rows = query.order_by_asc(message::Column::Id).all(app.db.read()).await.unwrap();
    rows.into_iter().map(|row| row.template).collect()
}

async fn reach(app: &TestApp, id: CustomerId) -> bool {
    customers::reach(app.db.read(), &[id]).await.unwrap().contains_key(&id)
}
