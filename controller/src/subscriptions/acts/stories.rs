//! Acts on real databases: W11 to the rupiah, with the router's wanted state, the ledger and the history.

use chrono::{DateTime, NaiveDate, Utc};
use hiji_shared::desired::{DesiredUser, Object};
use serde_json::{Value, json};

use super::*;
use crate::{
    customers,
    db::paging::PageOf,
    ids::{SiteId, SubscriptionId},
    invoices::{self, Head, Tab},
    ledger::{
        self,
        allocation::Settlement,
        chart::Place,
        draft::{Fact, Source},
        rules::Payment,
    },
    money::{Currency, Money},
    packages::{self, PackageForm, addons},
    routers,
    settings::{self, Settings},
    subscriptions::{self, Asked, SubscriptionError, bill_until, find, history, invoices_changed},
    testing::{TestApp, actor, on_each_database},
};

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A site in Jayapura with a router, two packages, and Budi's service on the first.
pub(super) struct Kebon {
    pub(super) site: SiteId,
    pub(super) router: RouterId,
    pub(super) small: PackageId,
    pub(super) large: PackageId,
    pub(super) id: SubscriptionId,
}

pub(super) async fn package(app: &TestApp, name: &str, price: i64, routers: &[RouterId], more: Value) -> PackageId {
    let mut form = json!({
        "name": name, "service": "pppoe", "profile": name, "price": price, "cost": price / 2, "is_prepaid": false,
        "bill_day": 1, "due_days": 9, "grace_days": 3, "router_ids": routers,
    });
    form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let form: PackageForm = serde_json::from_value(form).unwrap();
    packages::add(app, &Scope::All, &actor(), packages::rules::check(&form).unwrap()).await.unwrap()
}

/// A service that began on 24 November, prorated; `more` is of its package.
pub(super) async fn kebon(app: &TestApp, more: Value) -> Kebon {
    let site = app.site("Kebon").await;
    let router = app.router(site, "RB-Kebon").await;
    let small = package(app, "Rumah-10M", 165_000, &[router], more.clone()).await;
    let large = package(app, "Rumah-20M", 225_000, &[router], more).await;
    at(app, "2026-11-24T03:00:00Z");
    let form = json!({
        "router_id": router, "package_id": small, "username": "budi", "password": "s3rahasia",
        "customer": { "site_id": site, "name": "Budi", "phones": [] },
    });
    let form = serde_json::from_value(form).unwrap();
    let made = subscriptions::create(app, &Asked { scope: &Scope::All, actor: &actor(), form_id: "" }, &form).await;
    Kebon { site, router, small, large, id: made.unwrap().id }
}

/// A service whose change to the large package waits until its price is paid.
pub(super) async fn waiting_change(app: &TestApp) -> Kebon {
    let mut chosen = settings::load(app.db.read()).await.unwrap();
    chosen.services.change_pays_first = true;
    settings::change(app, &actor(), &chosen).await.unwrap();
    let kebon = kebon(app, json!({})).await;
    bill(app, &kebon, "2026-12-01").await;
    pay_all(app, &kebon).await;
    at(app, "2026-12-12T03:00:00Z");
    done(app, &kebon, change(kebon.large, None, Paying::Now)).await.unwrap();
    kebon
}

/// Moves the clock to an instant.
pub(super) fn at(app: &TestApp, instant: &str) {
    let instant: DateTime<Utc> = instant.parse().unwrap();
    app.clock.advance(instant - app.app.clock.now());
}

/// Invoices every period that begins by a day.
pub(super) async fn bill(app: &TestApp, kebon: &Kebon, horizon: &str) {
    let tx = app.db.begin().await.unwrap();
    let how = (day(horizon), invoices::Issue::Now);
    bill_until(&tx, app, (app.app.clock.now(), &actor()), &[kebon.id], how).await.unwrap();
    tx.commit().await.unwrap();
}

/// Invoices of the service, the newest first.
pub(super) async fn billed(app: &TestApp, kebon: &Kebon) -> Vec<Head> {
    let filter = invoices::Filter { tab: Tab::All, subscription: Some(kebon.id), ..invoices::Filter::default() };
    let page = PageOf::default();
    let found = invoices::list(app.db.read(), &Scope::All, app.app.clock.now(), &filter, &page).await.unwrap();
    let mut heads = found.unwrap().items;
    heads.sort_by_key(|head| std::cmp::Reverse(head.id));
    heads
}

/// Pays all that is owed, in one sum.
pub(super) async fn pay_all(app: &TestApp, kebon: &Kebon) {
    for head in billed(app, kebon).await.into_iter().filter(|head| head.remaining.minor() > 0) {
        let (now, actor) = (app.app.clock.now(), actor());
        let source = Source::new("payment", head.id.0);
        let fact = Fact { source, occurred_at: now, site: Some(kebon.site), memo: String::new() };
        let settlement = Settlement::of_invoice(head.id, head.remaining);
        let what = Payment { customer: head.customer_id, into: Place::cash(1), settlement: &settlement, attempt: None };
        let draft = ledger::rules::payment(fact, &what).unwrap();
        let tx = app.db.begin().await.unwrap();
        subscriptions::hold(&*tx).await.unwrap();
        ledger::post(&*tx, now, &actor, &draft).await.unwrap();
        invoices::settled(&*tx, now, &actor, &[head.id]).await.unwrap();
        invoices_changed(&tx, app, now, &actor, &[kebon.id]).await.unwrap();
        tx.commit().await.unwrap();
    }
}

pub(super) async fn of(app: &TestApp, kebon: &Kebon) -> Subscription {
    find(app.db.read(), &Scope::All, kebon.id).await.unwrap().unwrap()
}

pub(super) async fn done(app: &TestApp, kebon: &Kebon, act: Act) -> Result<Done, SubscriptionError> {
    let order = Order { scope: &Scope::All, actor: &actor(), form_id: "", seen: None };
    super::act(app, &order, kebon.id, &act).await
}

/// What the customer owes, and what he has.
pub(super) async fn balance(app: &TestApp, kebon: &Kebon) -> (i64, i64) {
    let of = of(app, kebon).await;
    let balance = ledger::balance(app.db.read(), of.customer_id, Currency::IDR).await.unwrap();
    (balance.receivable.minor(), balance.credit.minor())
}

/// What the router shall have of a name.
pub(super) async fn wanted(app: &TestApp, router: RouterId, name: &str) -> Object {
    let rows = routers::store::desired_after(app.db.read(), &app.keys, router, 0, 10_000).await.unwrap();
    let of_name = |object: &Object| {
        let of_user = matches!(object, Object::User(user) if user.name == name);
        of_user
            || matches!(object, Object::Gone { name: gone, .. } | Object::Forgotten { name: gone, .. } if gone == name)
    };
    rows.into_iter().map(|desired| desired.object).rfind(of_name).unwrap()
}

pub(super) async fn user(app: &TestApp, router: RouterId, name: &str) -> DesiredUser {
    let wanted = wanted(app, router, name).await;
    let Object::User(user) = wanted else { panic!("{wanted:?}") };
    user
}

pub(super) async fn whats(app: &TestApp, kebon: &Kebon) -> Vec<String> {
    let page = PageOf::new(Some(50), None).unwrap();
    let all = history(app.db.read(), kebon.id, &page).await.unwrap().items;
    all.into_iter().map(|happened| happened.what).collect()
}

pub(super) async fn proven(app: &TestApp) {
    let proof = ledger::prove(app.db.read(), app.app.clock.now(), true).await.unwrap();
    assert_eq!(proof.differences, []);
}

pub(super) fn change(package: PackageId, when: Option<When>, paying: Paying) -> Act {
    Act::ChangePackage { package, when, paying }
}

pub(super) fn refused(error: &SubscriptionError) -> String {
    let SubscriptionError::Refused(errors) = error else { return error.to_string() };
    errors.iter().map(|(_, error)| error.code().to_owned()).collect()
}

#[tokio::test]
async fn more_speed_is_asked_for_with_the_next_invoice() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        bill(&app, &kebon, "2026-12-01").await;
        at(&app, "2026-12-12T03:00:00Z");
        // W11.1: 38.700, shown before it is done.
        let act = change(kebon.large, None, Paying::NextInvoice);
        let shown = preview(&app, &Scope::All, kebon.id, &act).await.unwrap();
        let difference = shown.plan.difference.unwrap();
        assert_eq!((difference.old.minor(), difference.new.minor()), (106_452, 145_161));
        assert_eq!(difference.amount, Money::idr(38_700));
        assert_eq!(of(&app, &kebon).await.package_id, kebon.small, "looking changes nothing");
        done(&app, &kebon, act).await.unwrap();
        let after = of(&app, &kebon).await;
        assert_eq!((after.package_id, after.price.minor()), (kebon.large, 225_000));
        assert_eq!(user(&app, kebon.router, "budi").await.profile, "Rumah-20M");
        assert!(after.on_router.waits(), "menunggu router");
        assert_eq!(billed(&app, &kebon).await.len(), 2, "nothing is invoiced now");
        bill(&app, &kebon, "2027-01-01").await;
        let next = billed(&app, &kebon).await.remove(0);
        assert_eq!(next.total, Money::idr(225_000 + 38_700));
        // And it is asked for once.
        bill(&app, &kebon, "2027-02-01").await;
        assert_eq!(billed(&app, &kebon).await[0].total, Money::idr(225_000));
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_package_that_is_paid_first_changes_when_it_is_paid() {
    on_each_database(async |app| {
        let mut chosen = settings::load(app.db.read()).await.unwrap();
        chosen.services.change_pays_first = true;
        settings::change(&app, &actor(), &Settings { ..chosen }).await.unwrap();
        let kebon = kebon(&app, json!({})).await;
        bill(&app, &kebon, "2026-12-01").await;
        pay_all(&app, &kebon).await;
        at(&app, "2026-12-12T03:00:00Z");
        done(&app, &kebon, change(kebon.large, None, Paying::Now)).await.unwrap();
        let waits = of(&app, &kebon).await;
        assert_eq!((waits.package_id, waits.next_package_id), (kebon.small, Some(kebon.large)));
        assert_eq!(user(&app, kebon.router, "budi").await.profile, "Rumah-10M");
        let asked = billed(&app, &kebon).await.remove(0);
        assert_eq!((asked.kind, asked.total), (invoices::Kind::Change, Money::idr(38_700)));
        let again = done(&app, &kebon, change(kebon.large, None, Paying::Now)).await.unwrap_err();
        assert_eq!(refused(&again), "change_is_planned");
        // Paid three days later: what those days cost more comes back.
        at(&app, "2026-12-15T03:00:00Z");
        pay_all(&app, &kebon).await;
        let paid = of(&app, &kebon).await;
        assert_eq!((paid.package_id, paid.next_package_id), (kebon.large, None));
        assert_eq!(user(&app, kebon.router, "budi").await.profile, "Rumah-20M");
        // 60.000 × 17/31 = 32.900.
        assert_eq!(balance(&app, &kebon).await, (0, 38_700 - 32_900));
        assert_eq!(whats(&app, &kebon).await[..2], ["package-changed", "package-change-waits"]);
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_change_that_is_not_paid_in_time_is_forgotten() {
    on_each_database(async |app| {
        let kebon = waiting_change(&app).await;
        let chunk = Chunk { site: kebon.site, after: SubscriptionId(0), limit: 10 };
        assert_eq!(due_package_changes(&app, &actor(), chunk).await.unwrap().done.len(), 0);
        // Three days to pay in.
        at(&app, "2026-12-16T03:00:00Z");
        assert_eq!(due_package_changes(&app, &actor(), chunk).await.unwrap().done.len(), 1);
        assert_eq!(due_package_changes(&app, &actor(), chunk).await.unwrap().done.len(), 0);
        let after = of(&app, &kebon).await;
        assert_eq!((after.package_id, after.next_package_id, after.state), (kebon.small, None, State::Active));
        assert_eq!(billed(&app, &kebon).await[0].state, invoices::State::Void);
        assert_eq!(balance(&app, &kebon).await, (0, 0));
    })
    .await;
}

#[tokio::test]
async fn less_speed_begins_with_the_next_period_and_what_is_dropped_costs_nothing() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        bill(&app, &kebon, "2026-12-01").await;
        at(&app, "2026-12-12T03:00:00Z");
        done(&app, &kebon, change(kebon.large, None, Paying::NextInvoice)).await.unwrap();
        // Ahead: January is invoiced at 225.000, and the difference of December with it.
        bill(&app, &kebon, "2027-01-01").await;
        let january = billed(&app, &kebon).await.remove(0);
        done(&app, &kebon, change(kebon.small, None, Paying::NextInvoice)).await.unwrap();
        let planned = of(&app, &kebon).await;
        assert_eq!((planned.package_id, planned.next_package_from), (kebon.large, Some(day("2027-01-01"))));
        let left = |head: &Head| head.remaining.minor();
        assert_eq!(left(&billed(&app, &kebon).await[0]), left(&january) - 60_000, "taken back of January");
        // Dropped: asked for again.
        done(&app, &kebon, Act::Keep { planned: Planned::Change }).await.unwrap();
        assert_eq!(of(&app, &kebon).await.next_package_id, None);
        done(&app, &kebon, change(kebon.small, None, Paying::NextInvoice)).await.unwrap();
        // February is asked for at the lower price, with the 60.000 that were dropped and are owed again.
        bill(&app, &kebon, "2027-02-01").await;
        assert_eq!(billed(&app, &kebon).await[0].total, Money::idr(165_000 + 60_000));
        at(&app, "2026-12-31T15:00:00Z");
        let chunk = Chunk { site: kebon.site, after: SubscriptionId(0), limit: 10 };
        assert_eq!(due_package_changes(&app, &actor(), chunk).await.unwrap().done.len(), 1);
        assert_eq!(due_package_changes(&app, &actor(), chunk).await.unwrap().done.len(), 0, "twice is once");
        assert_eq!(user(&app, kebon.router, "budi").await.profile, "Rumah-10M");
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_pause_switches_off_and_is_reckoned_on_both_sides() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        bill(&app, &kebon, "2026-12-01").await;
        pay_all(&app, &kebon).await;
        at(&app, "2026-12-10T03:00:00Z");
        let act = || Act::Pause { from: day("2026-12-15"), until: Some(day("2027-01-15")), reason: "mudik".into() };
        let shown = preview(&app, &Scope::All, kebon.id, &act()).await.unwrap();
        assert_eq!((shown.plan.returned.total, shown.plan.is_foreseen), (Money::idr(90_500), true));
        done(&app, &kebon, act()).await.unwrap();
        assert_eq!(balance(&app, &kebon).await, (0, 0), "nothing is booked before it is over");
        let chunk = Chunk { site: kebon.site, after: SubscriptionId(0), limit: 10 };
        assert_eq!(due_pauses(&app, &actor(), chunk).await.unwrap().done.len(), 0);
        at(&app, "2026-12-14T15:05:00Z");
        assert_eq!(due_pauses(&app, &actor(), chunk).await.unwrap().done.len(), 1);
        assert_eq!(due_pauses(&app, &actor(), chunk).await.unwrap().done.len(), 0, "twice is once");
        assert!(user(&app, kebon.router, "budi").await.disabled);
        bill(&app, &kebon, "2027-01-10").await;
        assert_eq!(billed(&app, &kebon).await.len(), 2, "no invoices for the time");
        assert_eq!(due_resumes(&app, &actor(), chunk).await.unwrap().done.len(), 0);
        at(&app, "2027-01-14T15:05:00Z");
        assert_eq!(due_resumes(&app, &actor(), chunk).await.unwrap().done.len(), 1);
        assert_eq!(due_resumes(&app, &actor(), chunk).await.unwrap().done.len(), 0);
        let after = of(&app, &kebon).await;
        assert_eq!((after.state, after.billed_until), (State::Active, Some(day("2027-02-01"))));
        assert!(!user(&app, kebon.router, "budi").await.disabled);
        let january = billed(&app, &kebon).await.remove(0);
        assert_eq!((january.total, january.period_from), (Money::idr(90_500), Some(day("2027-01-15"))));
        // 17 days of December came back, 17 days of January are asked for.
        assert_eq!(balance(&app, &kebon).await, (90_500, 90_500));
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_pause_of_prepaid_months_moves_them() {
    on_each_database(async |app| {
        let more = json!({ "cycle": "anniversary", "bill_day": null, "is_prepaid": true, "due_days": 0 });
        let kebon = kebon(&app, more).await;
        pay_all(&app, &kebon).await;
        assert_eq!(of(&app, &kebon).await.covered_until, Some(day("2026-12-24")));
        // The next month is invoiced and not paid when he leaves.
        bill(&app, &kebon, "2026-12-24").await;
        at(&app, "2026-12-04T03:00:00Z");
        done(&app, &kebon, Act::Pause { from: day("2026-12-04"), until: None, reason: String::new() }).await.unwrap();
        assert_eq!(of(&app, &kebon).await.state, State::Paused);
        at(&app, "2026-12-30T03:00:00Z");
        done(&app, &kebon, Act::Resume).await.unwrap();
        let after = of(&app, &kebon).await;
        // He had twenty days, and has them: 26 days later, and so is the invoice.
        assert_eq!((after.state, after.covered_until), (State::Active, Some(day("2027-01-19"))));
        let next = billed(&app, &kebon).await.remove(0);
        assert_eq!((next.period_from, next.due_on), (Some(day("2027-01-19")), day("2027-01-18")));
        assert_eq!(after.billed_until, Some(day("2027-02-19")));
        assert_eq!(balance(&app, &kebon).await, (165_000, 0));
        pay_all(&app, &kebon).await;
        assert_eq!(of(&app, &kebon).await.covered_until, Some(day("2027-02-19")));
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn an_end_gives_back_what_is_left_and_removes_the_user() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        bill(&app, &kebon, "2026-12-01").await;
        pay_all(&app, &kebon).await;
        at(&app, "2026-12-10T03:00:00Z");
        let end = |on: &str| Act::End {
            on: day(on),
            reason: "pindah".to_owned(),
            equipment: "ONU 123".to_owned(),
            is_credited: true,
        };
        done(&app, &kebon, end("2026-12-12")).await.unwrap();
        assert_eq!(of(&app, &kebon).await.state, State::Active);
        bill(&app, &kebon, "2027-01-01").await;
        let chunk = Chunk { site: kebon.site, after: SubscriptionId(0), limit: 10 };
        at(&app, "2026-12-11T15:05:00Z");
        assert_eq!(due_endings(&app, &actor(), chunk).await.unwrap().done.len(), 1);
        assert_eq!(due_endings(&app, &actor(), chunk).await.unwrap().done.len(), 0);
        let after = of(&app, &kebon).await;
        assert_eq!((after.state, after.ended_at.is_some()), (State::Ended, true));
        assert!(matches!(wanted(&app, kebon.router, "budi").await, Object::Gone { .. }));
        // 165.000 × 20/31 = 106.500; nothing of January.
        assert_eq!(balance(&app, &kebon).await, (0, 106_500));
        let customer = customers::find(app.db.read(), &app.keys, &Scope::All, after.customer_id).await.unwrap();
        assert_eq!(customer.unwrap().open_services, 0);
        assert!(whats(&app, &kebon).await.contains(&"created".to_owned()), "history stays");
        assert!(matches!(done(&app, &kebon, end("2026-12-20")).await, Err(SubscriptionError::WrongState(_))));
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn an_end_at_once_asks_for_days_that_were_served_and_voids_what_was_not() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        at(&app, "2026-12-11T03:00:00Z");
        // December was never invoiced: ten days of it are.
        let act = Act::End {
            on: day("2026-12-11"),
            reason: "pindah".to_owned(),
            equipment: String::new(),
            is_credited: true,
        };
        let shown = preview(&app, &Scope::All, kebon.id, &act).await.unwrap();
        assert_eq!(shown.plan.owed, Some(Money::idr(53_200)));
        done(&app, &kebon, act).await.unwrap();
        let last = billed(&app, &kebon).await.remove(0);
        assert_eq!((last.kind, last.total), (invoices::Kind::Final, Money::idr(53_200)));
        // What is owed stays owed.
        assert_eq!(balance(&app, &kebon).await, (38_500 + 53_200, 0));
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_night_does_all_that_is_due_in_one_go() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        bill(&app, &kebon, "2026-12-01").await;
        pay_all(&app, &kebon).await;
        at(&app, "2026-12-10T03:00:00Z");
        done(&app, &kebon, change(kebon.large, Some(When::NextPeriod), Paying::NextInvoice)).await.unwrap();
        let pause = Act::Pause { from: day("2027-01-01"), until: Some(day("2027-01-11")), reason: String::new() };
        done(&app, &kebon, pause).await.unwrap();
        let night = async |instant: &str| {
            at(&app, instant);
            let tx = app.db.begin().await.unwrap();
            subscriptions::hold(&*tx).await.unwrap();
            let chunk = Chunk { site: kebon.site, after: SubscriptionId(0), limit: 10 };
            let step = due_in(&tx, &app, (app.app.clock.now(), &actor()), chunk).await.unwrap();
            tx.commit().await.unwrap();
            assert!(step.failed.is_empty());
            step.done.len()
        };
        // Another package and a pause, from the same day on.
        assert_eq!(night("2026-12-31T15:05:00Z").await, 2);
        assert_eq!(night("2026-12-31T15:06:00Z").await, 0);
        let paused = of(&app, &kebon).await;
        assert_eq!((paused.state, paused.package_id), (State::Paused, kebon.large));
        assert_eq!(night("2027-01-10T15:05:00Z").await, 1);
        // 225.000 × 21/31.
        assert_eq!(billed(&app, &kebon).await[0].total, Money::idr(152_400));
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_promise_opens_once_a_month_and_is_kept_or_broken() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({ "on_expiry": "disable" })).await;
        bill(&app, &kebon, "2026-12-01").await;
        at(&app, "2026-12-14T03:00:00Z");
        let tx = app.db.begin().await.unwrap();
        invoices_changed(&tx, &app, app.app.clock.now(), &actor(), &[kebon.id]).await.unwrap();
        tx.commit().await.unwrap();
        let by_hand = subscriptions::ByHand::Isolate;
        subscriptions::act(&app, (&Scope::All, &actor()), kebon.id, by_hand, "telat").await.unwrap();
        assert!(user(&app, kebon.router, "budi").await.disabled);
        let promise = |until: &str| Act::Promise { until: day(until), note: String::new() };
        let late = done(&app, &kebon, promise("2026-12-22")).await.unwrap_err();
        assert_eq!(refused(&late), "day_out_of_range");
        done(&app, &kebon, promise("2026-12-16")).await.unwrap();
        let open = of(&app, &kebon).await;
        assert_eq!((open.state, open.promise_until), (State::Grace, Some("2026-12-16T15:00:00Z".parse().unwrap())));
        assert!(!user(&app, kebon.router, "budi").await.disabled);
        assert_eq!(refused(&done(&app, &kebon, promise("2026-12-18")).await.unwrap_err()), "promise_this_month");
        let chunk = Chunk { site: kebon.site, after: SubscriptionId(0), limit: 10 };
        assert_eq!(due_promises(&app, &actor(), chunk).await.unwrap().done.len(), 0);
        at(&app, "2026-12-16T15:00:00Z");
        assert_eq!(due_promises(&app, &actor(), chunk).await.unwrap().done.len(), 1);
        assert_eq!(due_promises(&app, &actor(), chunk).await.unwrap().done.len(), 0);
        let broken = of(&app, &kebon).await;
        assert_eq!((broken.promise_until, whats(&app, &kebon).await.remove(0)), (None, "promise-broken".to_owned()));
        assert!(broken.acts_at.is_some_and(|at| at <= app.app.clock.now()), "the next plan isolates him");
        // Another month, another promise.
        at(&app, "2027-01-02T03:00:00Z");
        done(&app, &kebon, promise("2027-01-05")).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn two_who_press_at_once_are_one_and_told() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        let seen = of(&app, &kebon).await.version;
        let act = Act::Exempt { reason: Some("kantor desa".to_owned()) };
        let form = "aaaaaaaaaaaaaaaaaaaa";
        let (all, me) = (Scope::All, actor());
        let order = Order { scope: &all, actor: &me, form_id: form, seen: Some(seen) };
        super::act(&app, &order, kebon.id, &act).await.unwrap();
        // The same form again is the same wish.
        let again = super::act(&app, &order, kebon.id, &act).await.unwrap();
        assert_eq!(again.plan.what, "exempted");
        let other = Order { form_id: "bbbbbbbbbbbbbbbbbbbb", ..order };
        assert!(matches!(super::act(&app, &other, kebon.id, &act).await, Err(SubscriptionError::Changed)));
        assert_eq!(whats(&app, &kebon).await.iter().filter(|what| *what == "exempted").count(), 1);
        let foreign = Scope::Sites([SiteId(99)].into());
        let order = Order { scope: &foreign, ..other };
        assert!(matches!(super::act(&app, &order, kebon.id, &act).await, Err(SubscriptionError::NotFound)));
    })
    .await;
}

#[tokio::test]
async fn a_switch_that_stands_so_already_changes_nothing() {
    let app = TestApp::sqlite().await;
    let kebon = kebon(&app, json!({})).await;
    let exempt = |reason: Option<&str>| Act::Exempt { reason: reason.map(str::to_owned) };
    let off = done(&app, &kebon, exempt(None)).await.unwrap_err();
    assert_eq!(refused(&off), "nothing_changed");
    done(&app, &kebon, exempt(Some("kantor desa"))).await.unwrap();
    let again = done(&app, &kebon, exempt(Some("kantor desa"))).await.unwrap_err();
    assert_eq!(refused(&again), "nothing_changed");
    done(&app, &kebon, exempt(Some("masjid"))).await.unwrap();
    done(&app, &kebon, exempt(None)).await.unwrap();
    assert!(!of(&app, &kebon).await.is_exempt);
}

#[tokio::test]
async fn addons_are_asked_for_by_their_days() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        bill(&app, &kebon, "2026-12-01").await;
        at(&app, "2026-12-12T03:00:00Z");
        let form = json!({ "name": "IP statis", "kind": "monthly", "price": 31_000, "cost": 10_000 });
        let form: addons::AddonForm = serde_json::from_value(form).unwrap();
        let draft = addons::rules::check(&form).unwrap();
        let addon = addons::add(&app, &actor(), &draft).await.unwrap();
        let add = || Act::AddAddon { addon, quantity: 1, from: day("2026-12-12"), paying: Paying::NextInvoice };
        done(&app, &kebon, add()).await.unwrap();
        assert_eq!(refused(&done(&app, &kebon, add()).await.unwrap_err()), "addon_twice");
        // Twenty days of December, and January.
        bill(&app, &kebon, "2027-01-01").await;
        assert_eq!(billed(&app, &kebon).await[0].total, Money::idr(165_000 + 20_000 + 31_000));
        let of = of(&app, &kebon).await;
        let rows = subscriptions::addons(app.db.read(), &of).await.unwrap();
        let row = rows.iter().find(|addon| !addon.is_one_off).unwrap().id;
        at(&app, "2027-01-11T03:00:00Z");
        let ended = done(&app, &kebon, Act::EndAddon { row, on: day("2027-01-11") }).await.unwrap();
        assert_eq!(ended.plan.returned.total, Money::idr(21_000));
        bill(&app, &kebon, "2027-02-01").await;
        assert_eq!(billed(&app, &kebon).await[0].total, Money::idr(165_000));
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn another_name_secret_address_or_router_reaches_the_router() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        done(&app, &kebon, Act::Password(Some("l3bih-aman".into()))).await.unwrap();
        assert_eq!(user(&app, kebon.router, "budi").await.password, "l3bih-aman");
        done(&app, &kebon, Act::Password(None)).await.unwrap();
        let made = user(&app, kebon.router, "budi").await.password;
        assert_eq!(made.len(), subscriptions::rules::SECRET_LENGTH);
        // An empty field of other acts never overwrites it.
        let details = Details { remote_address: Some("10.20.0.9".to_owned()), ..Details::default() };
        done(&app, &kebon, Act::Details(details)).await.unwrap();
        let found = user(&app, kebon.router, "budi").await;
        assert_eq!((found.remote_address.as_str(), found.password.as_str()), ("10.20.0.9", made.as_str()));
        // Another modem: bound to it, then to none. What was never said here is left to the router.
        assert_eq!((found.mac.as_str(), found.moves), ("", 0));
        for (mac, moves) in [("AA:BB:CC:00:00:01", 0), ("", 1), ("AA:BB:CC:00:00:02", 0)] {
            let details = Details { mac: Some(mac.to_owned()), ..Details::default() };
            done(&app, &kebon, Act::Details(details)).await.unwrap();
            let found = user(&app, kebon.router, "budi").await;
            assert_eq!((found.mac.as_str(), found.moves), (mac, moves));
        }
        done(&app, &kebon, Act::Rename { username: "budi-2".to_owned() }).await.unwrap();
        assert!(matches!(wanted(&app, kebon.router, "budi").await, Object::Gone { .. }));
        assert_eq!(user(&app, kebon.router, "budi-2").await.password, made);
        let other = app.router(kebon.site, "RB-Kedua").await;
        assert_eq!(
            refused(&done(&app, &kebon, Act::Move { router: other }).await.unwrap_err()),
            "package_not_sold_there"
        );
        let sold = package(&app, "Rumah-30M", 300_000, &[kebon.router, other], json!({})).await;
        done(&app, &kebon, change(sold, Some(When::Now), Paying::NextInvoice)).await.unwrap();
        done(&app, &kebon, Act::Move { router: other }).await.unwrap();
        assert!(matches!(wanted(&app, kebon.router, "budi-2").await, Object::Gone { .. }));
        assert_eq!(user(&app, other, "budi-2").await.profile, "Rumah-30M");
        assert_eq!(of(&app, &kebon).await.router_id, other);
    })
    .await;
}

#[tokio::test]
async fn a_discount_is_off_the_next_invoices_until_its_last_day() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        let discount =
            Discount { amount: Money::idr(15_000), reason: "tetangga".to_owned(), until: Some(day("2026-12-31")) };
        done(&app, &kebon, Act::Discount(Some(discount))).await.unwrap();
        bill(&app, &kebon, "2027-01-01").await;
        let totals: Vec<i64> = billed(&app, &kebon).await.iter().take(2).map(|head| head.total.minor()).collect();
        assert_eq!(totals, [165_000, 150_000]);
    })
    .await;
}
