//! Promises, and part payments that bring one: kept, broken, and what stands when such a payment is taken back.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Kebon, go_to, kebon, night, subscribe, the};
use crate::{
    billing::{plan::Isolate, plan_of_day},
    http::access::Scope,
    ids::{self, PaymentId},
    jobs::Job as _,
    ledger,
    money::{Currency, Money},
    payments::{self, Method, Take},
    settings,
    subscriptions::{
        self, Access, State, Subscription,
        acts::{self, Act, Order},
    },
    testing::{TestApp, actor, on_each_database},
};

/// Of what is overdue, in percent, opens a service.
const SHARE: i32 = 35;
/// Seven days after the fourteenth, in Jayapura.
const WEEK: &str = "2026-12-21T15:00:00Z";

fn until(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok()
}

/// Budi owes 165,000 since the tenth; the plan of the fourteenth has taken his service away.
async fn isolated(app: &TestApp) -> (Kebon, Subscription) {
    let mut chosen = settings::load(app.db.read()).await.unwrap();
    chosen.payments.reopen_share_percent = SHARE;
    settings::change(app, &actor(), &chosen).await.unwrap();
    let kebon = kebon(app, json!({})).await;
    let of = subscribe(app, &kebon, 1, json!({})).await;
    go_to(app, "2026-12-01");
    night(app, kebon.site).await;
    go_to(app, "2026-12-14");
    isolates(app, &kebon).await;
    stands(app, &of, (State::Isolated, None, 165_000)).await;
    (kebon, of)
}

/// The night, and its plan.
async fn isolates(app: &TestApp, kebon: &Kebon) {
    let run = night(app, kebon.site).await;
    assert_eq!(run.counts.isolating, 1, "{}", run.day);
    let plan = plan_of_day(app.db.read(), kebon.site, run.day).await.unwrap().unwrap();
    Isolate { plan: plan.id }.run(app).await.unwrap();
}

async fn stands(app: &TestApp, of: &Subscription, wanted: (State, Option<DateTime<Utc>>, i64)) {
    let now = the(app, of.id).await;
    let owed = ledger::balance(app.db.read(), of.customer_id, Currency::IDR).await.unwrap().receivable.minor();
    assert_eq!((now.state, now.promise_until, owed), wanted);
    let access = if now.state == State::Isolated { Access::Disabled } else { Access::Open };
    assert_eq!(now.on_router.wanted, access);
}

async fn pay(app: &TestApp, of: &Subscription, amount: i64) -> PaymentId {
    let take = Take {
        customer: of.customer_id,
        method: Method::Cash,
        given: Money::idr(amount),
        choices: Vec::new(),
        keeps_rest: true,
        note: String::new(),
    };
    let asked = payments::Asked { scope: &Scope::All, actor: &actor(), form_id: &ids::token() };
    payments::take(app, &asked, &take).await.unwrap().id
}

async fn take_back(app: &TestApp, payment: PaymentId) {
    payments::reverse(app, &Scope::All, &actor(), payment, "salah").await.unwrap();
}

/// What the history says, newest first.
async fn whats(app: &TestApp, of: &Subscription) -> Vec<String> {
    let page = crate::db::paging::PageOf::default();
    let found = subscriptions::history(app.db.read(), of.id, &page).await.unwrap();
    found.items.into_iter().map(|moment| moment.what).collect()
}

async fn proven(app: &TestApp) {
    let now = app.app.clock.now();
    assert_eq!(ledger::prove(app.db.read(), now, true).await.unwrap().differences, []);
    assert_eq!(payments::prove(app.db.read()).await.unwrap(), []);
}

#[tokio::test]
async fn a_part_payment_taken_back_leaves_what_was_promised_before_it_until_that_is_broken() {
    on_each_database(async |app| {
        let (kebon, of) = isolated(&app).await;
        let order = Order { scope: &Scope::All, actor: &actor(), form_id: "", seen: None };
        let promise = Act::Promise { until: "2026-12-16".parse().unwrap(), note: String::new() };
        acts::act(&app, &order, of.id, &promise).await.unwrap();
        let by_hand = until("2026-12-16T15:00:00Z");
        stands(&app, &of, (State::Grace, by_hand, 165_000)).await;
        let part = pay(&app, &of, 100_000).await;
        stands(&app, &of, (State::Grace, until(WEEK), 65_000)).await;
        take_back(&app, part).await;
        stands(&app, &of, (State::Grace, by_hand, 165_000)).await;
        // A part that is too small brings nothing and takes nothing.
        let small = pay(&app, &of, 20_000).await;
        stands(&app, &of, (State::Grace, by_hand, 145_000)).await;
        take_back(&app, small).await;
        go_to(&app, "2026-12-16");
        assert_eq!(night(&app, kebon.site).await.counts.isolating, 0, "his day is not over");
        stands(&app, &of, (State::Grace, by_hand, 165_000)).await;
        go_to(&app, "2026-12-17");
        isolates(&app, &kebon).await;
        stands(&app, &of, (State::Isolated, None, 165_000)).await;
        assert!(whats(&app, &of).await.contains(&"promise-broken".to_owned()));
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_rest_that_is_paid_in_time_keeps_the_promise_and_one_taken_back_leaves_it() {
    on_each_database(async |app| {
        let (kebon, of) = isolated(&app).await;
        pay(&app, &of, 100_000).await;
        stands(&app, &of, (State::Grace, until(WEEK), 65_000)).await;
        go_to(&app, "2026-12-20");
        assert_eq!(night(&app, kebon.site).await.counts.isolating, 0);
        let rest = pay(&app, &of, 65_000).await;
        stands(&app, &of, (State::Active, until(WEEK), 0)).await;
        // The first part is paid still, and what it promised stands for its day.
        take_back(&app, rest).await;
        stands(&app, &of, (State::Grace, until(WEEK), 65_000)).await;
        pay(&app, &of, 65_000).await;
        go_to(&app, "2026-12-22");
        assert_eq!(night(&app, kebon.site).await.counts.isolating, 0);
        stands(&app, &of, (State::Active, None, 0)).await;
        assert!(whats(&app, &of).await.contains(&"promise-kept".to_owned()));
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn of_two_part_payments_each_keeps_its_own_promise() {
    on_each_database(async |app| {
        let (kebon, of) = isolated(&app).await;
        let first = pay(&app, &of, 60_000).await;
        stands(&app, &of, (State::Grace, until(WEEK), 105_000)).await;
        // On the same day, until the same day.
        let second = pay(&app, &of, 60_000).await;
        stands(&app, &of, (State::Grace, until(WEEK), 45_000)).await;
        take_back(&app, first).await;
        stands(&app, &of, (State::Grace, until(WEEK), 105_000)).await;
        go_to(&app, "2026-12-15");
        assert_eq!(night(&app, kebon.site).await.counts.isolating, 0, "what he paid still opens him");
        // A later one promises no longer: the share was reached before. Taken back, the one before it stands.
        let third = pay(&app, &of, 60_000).await;
        stands(&app, &of, (State::Grace, until(WEEK), 45_000)).await;
        take_back(&app, third).await;
        stands(&app, &of, (State::Grace, until(WEEK), 105_000)).await;
        take_back(&app, second).await;
        stands(&app, &of, (State::Grace, None, 165_000)).await;
        go_to(&app, "2026-12-16");
        isolates(&app, &kebon).await;
        stands(&app, &of, (State::Isolated, None, 165_000)).await;
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_part_payment_taken_back_after_its_promise_was_broken_opens_and_shuts_nothing() {
    on_each_database(async |app| {
        let (kebon, of) = isolated(&app).await;
        let part = pay(&app, &of, 100_000).await;
        go_to(&app, "2026-12-22");
        isolates(&app, &kebon).await;
        stands(&app, &of, (State::Isolated, None, 65_000)).await;
        take_back(&app, part).await;
        stands(&app, &of, (State::Isolated, None, 165_000)).await;
        // All of it opens him, as always.
        pay(&app, &of, 165_000).await;
        stands(&app, &of, (State::Active, None, 0)).await;
        proven(&app).await;
    })
    .await;
}
