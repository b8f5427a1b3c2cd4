//! Plans of isolation: held, applied in waves, dropped, undone; who is spared and why.

use chrono::Duration;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};
use serde_json::json;

use super::{Kebon, go_to, invoices_of, kebon, night, pay, set_online, subscribe, the};
use crate::{
    billing::{
        BillingError, ItemState, Plan, PlanState, approve, drop_plan, items, plan::Isolate, progress, store, undo,
    },
    clock,
    db::{entity::subscription, paging::PageOf},
    http::access::Scope,
    ids::SubscriptionId,
    jobs::Job as _,
    settings::{self, Settings, billing::Billing},
    subscriptions::{
        self, Access, ByHand, State, Subscription,
        acts::{self, Act, Order},
    },
    testing::{TestApp, actor, on_each_database},
};

/// So many customers who are late on the 14th.
async fn late(app: &TestApp, more: serde_json::Value, count: usize) -> (Kebon, Vec<Subscription>) {
    let kebon = kebon(app, more).await;
    let mut all = Vec::new();
    for nth in 0..count {
        all.push(subscribe(app, &kebon, nth, json!({})).await);
    }
    go_to(app, "2026-12-01");
    night(app, kebon.site).await;
    go_to(app, "2026-12-14");
    (kebon, all)
}

async fn plan_of(app: &TestApp, kebon: &Kebon) -> Plan {
    let run = night(app, kebon.site).await;
    store::plan_of_day(app.db.read(), kebon.site, run.day).await.unwrap().expect("a plan")
}

async fn again(app: &TestApp, plan: &Plan) -> Plan {
    store::find_plan(app.db.read(), &Scope::All, plan.id).await.unwrap().unwrap()
}

async fn step(app: &TestApp, plan: &Plan) -> Plan {
    Isolate { plan: plan.id }.run(app).await.unwrap();
    again(app, plan).await
}

/// The router's answer to what is wanted of services.
async fn answer(app: &TestApp, ids: &[SubscriptionId], code: &str) {
    let tx = app.db.begin().await.unwrap();
    let at = code.is_empty().then(|| app.app.clock.now());
    subscription::Entity::update_many()
        .col_expr(subscription::Column::VerifiedAt, Expr::value(at))
        .col_expr(subscription::Column::FailCode, Expr::value(code))
        .filter(subscription::Column::Id.is_in(ids.iter().map(|id| id.0)))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn small_waves(app: &TestApp, size: i32, most: i32) {
    let billing = Billing {
        isolation_wave_size: size,
        isolation_hold_count: most,
        isolation_hold_share_percent: 100,
        ..Billing::default()
    };
    settings::change(app, &actor(), &Settings { billing, ..Settings::default() }).await.unwrap();
}

async fn states(app: &TestApp, all: &[Subscription]) -> Vec<State> {
    let mut found = Vec::new();
    for of in all {
        found.push(the(app, of.id).await.state);
    }
    found
}

#[tokio::test]
async fn a_plan_goes_in_waves_and_leaves_out_who_has_paid_meanwhile() {
    on_each_database(|app| async move {
        small_waves(&app, 2, 50).await;
        let (kebon, all) = late(&app, json!({}), 5).await;
        let plan = plan_of(&app, &kebon).await;
        assert_eq!((plan.state, plan.total, plan.wave), (PlanState::Planned, 5, 0), "it can be read before it acts");
        assert_eq!(states(&app, &all).await, [State::Grace; 5]);

        let plan = step(&app, &plan).await;
        assert_eq!((plan.state, plan.wave), (PlanState::Running, 1));
        let isolated = [State::Isolated, State::Isolated, State::Grace, State::Grace, State::Grace];
        assert_eq!(states(&app, &all).await, isolated);
        assert_eq!(the(&app, all[0].id).await.on_router.wanted, Access::Disabled);
        assert_eq!(step(&app, &plan).await.wave, 1, "it waits for the router");
        answer(&app, &[all[0].id, all[1].id], "").await;
        pay(&app, all[2].customer_id, 165_000).await;
        let plan = step(&app, &plan).await;
        assert_eq!(plan.wave, 2);
        let isolated = [State::Isolated, State::Isolated, State::Active, State::Isolated, State::Grace];
        assert_eq!(states(&app, &all).await, isolated);
        let page = PageOf::default();
        let skipped = items(app.db.read(), plan.id, Some(ItemState::Skipped), &page).await.unwrap().items;
        assert_eq!((skipped.len(), skipped[0].subscription_id, &*skipped[0].reason), (1, all[2].id, "paid"));

        // The router says nothing for two minutes.
        app.clock.advance(clock::seconds(121));
        let plan = step(&app, &plan).await;
        assert_eq!(plan.wave, 3);
        answer(&app, &[all[4].id], "").await;
        let plan = step(&app, &plan).await;
        assert_eq!(plan.state, PlanState::Done);
        let counts = progress(app.db.read(), plan.id).await.unwrap();
        assert_eq!((counts.planned, counts.done, counts.skipped), (0, 4, 1));
        assert_eq!(step(&app, &plan).await, plan, "a job that comes late does nothing");
        let run = night(&app, kebon.site).await;
        assert_eq!(run.counts.isolating, 5, "one plan a day");
    })
    .await;
}

#[tokio::test]
async fn who_is_open_again_since_is_told_so_and_who_has_paid() {
    on_each_database(|app| async move {
        small_waves(&app, 50, 50).await;
        let (kebon, all) = late(&app, json!({}), 4).await;
        let plan = step(&app, &plan_of(&app, &kebon).await).await;
        let ids: Vec<SubscriptionId> = all.iter().map(|of| of.id).collect();
        answer(&app, &ids, "").await;
        pay(&app, all[0].customer_id, 165_000).await;
        let order = Order { scope: &Scope::All, actor: &actor(), form_id: "", seen: None };
        let promise = Act::Promise { until: "2026-12-16".parse().unwrap(), note: String::new() };
        acts::act(&app, &order, all[1].id, &promise).await.unwrap();
        let by_hand = (&Scope::All, &actor());
        subscriptions::act(&app, by_hand, all[2].id, ByHand::Restore, "").await.unwrap();
        answer(&app, &ids[..3], "").await;

        let page = PageOf::default();
        let found = items(app.db.read(), plan.id, None, &page).await.unwrap().items;
        let told: Vec<(ItemState, &str)> = found.iter().map(|item| (item.state, &*item.reason)).collect();
        let reopened = |why| (ItemState::Reopened, why);
        assert_eq!(told, [reopened("paid"), reopened(""), reopened(""), (ItemState::Done, "")]);
        let counts = progress(app.db.read(), plan.id).await.unwrap();
        assert_eq!((counts.planned, counts.done, counts.reopened, counts.skipped), (0, 1, 3, 0));
        for (state, count) in [(ItemState::Done, 1), (ItemState::Reopened, 3), (ItemState::Undone, 0)] {
            let found = items(app.db.read(), plan.id, Some(state), &page).await.unwrap().items;
            assert_eq!((found.len(), found.iter().all(|item| item.state == state)), (count, true), "{state:?}");
        }
        // What the plan opens itself is its own.
        assert_eq!(undo(&app, &Scope::All, &actor(), plan.id).await.unwrap(), 1);
        let counts = progress(app.db.read(), plan.id).await.unwrap();
        assert_eq!((counts.done, counts.reopened, counts.undone), (0, 3, 1));
    })
    .await;
}

#[tokio::test]
async fn undoing_opens_exactly_what_the_plan_isolated() {
    on_each_database(|app| async move {
        small_waves(&app, 50, 50).await;
        let (kebon, all) = late(&app, json!({}), 4).await;
        let plan = step(&app, &plan_of(&app, &kebon).await).await;
        assert_eq!(states(&app, &all).await, [State::Isolated; 4]);
        pay(&app, all[0].customer_id, 165_000).await;
        assert_eq!(the(&app, all[0].id).await.state, State::Active);
        let opened = undo(&app, &Scope::All, &actor(), plan.id).await.unwrap();
        assert_eq!(opened, 3);
        let found = states(&app, &all).await;
        assert_eq!(found, [State::Active, State::Grace, State::Grace, State::Grace]);
        let of = the(&app, all[1].id).await;
        assert_eq!((of.on_router.wanted, invoices_of(&app, of.id).await.len()), (Access::Open, 1), "he still owes it");
        assert_eq!(step(&app, &plan).await.state, PlanState::Undone);
        let error = undo(&app, &Scope::All, &actor(), plan.id).await.unwrap_err();
        assert!(matches!(error, BillingError::WrongState(PlanState::Undone)));
        // They are left alone for a day, and then late as before.
        app.clock.advance(Duration::days(1));
        assert_eq!(night(&app, kebon.site).await.counts.isolating, 0);
        app.clock.advance(Duration::days(1));
        assert_eq!(night(&app, kebon.site).await.counts.isolating, 3);
    })
    .await;
}

#[tokio::test]
async fn a_plan_that_is_unusually_large_waits_and_can_be_approved_or_dropped() {
    on_each_database(|app| async move {
        small_waves(&app, 50, 4).await;
        let (kebon, all) = late(&app, json!({}), 5).await;
        let plan = plan_of(&app, &kebon).await;
        assert_eq!((plan.state, &*plan.held_for), (PlanState::Held, "count"));
        assert_eq!(step(&app, &plan).await, plan, "nothing moves it but a person");
        approve(&app, &Scope::All, &actor(), plan.id).await.unwrap();
        let plan = step(&app, &plan).await;
        assert_eq!(states(&app, &all).await, [State::Isolated; 5]);
        // The router refuses all of it.
        let ids: Vec<SubscriptionId> = all.iter().map(|of| of.id).collect();
        answer(&app, &ids, "missing_reference").await;
        let plan = step(&app, &plan).await;
        assert_eq!((plan.state, &*plan.held_for), (PlanState::Held, "failures"));
        drop_plan(&app, &Scope::All, &actor(), plan.id).await.unwrap();
        let error = approve(&app, &Scope::All, &actor(), plan.id).await.unwrap_err();
        assert!(matches!(error, BillingError::WrongState(PlanState::Dropped)));
        let foreign = Scope::Sites([crate::ids::SiteId(999)].into());
        assert!(matches!(undo(&app, &foreign, &actor(), plan.id).await, Err(BillingError::NotFound)));
        assert_eq!(undo(&app, &Scope::All, &actor(), plan.id).await.unwrap(), 5);
    })
    .await;
}

#[tokio::test]
async fn who_hangs_on_a_router_that_is_away_or_not_prepared_is_spared_and_stays_in_grace() {
    on_each_database(|app| async move {
        small_waves(&app, 50, 50).await;
        let (kebon, all) = late(&app, json!({ "on_expiry": "isolate" }), 2).await;
        let plan = plan_of(&app, &kebon).await;
        assert_eq!((plan.state, plan.total), (PlanState::Done, 0));
        let reasons = async |plan: &Plan| -> Vec<String> {
            let page = PageOf::default();
            let found = items(app.db.read(), plan.id, None, &page).await.unwrap().items;
            found.into_iter().map(|item| item.reason).collect()
        };
        assert_eq!(reasons(&plan).await, ["not_prepared", "not_prepared"]);
        set_online(&app, kebon.router, false).await;
        app.clock.advance(Duration::days(1));
        let plan = plan_of(&app, &kebon).await;
        assert_eq!(reasons(&plan).await, ["router_offline", "router_offline"]);
        let of = the(&app, all[0].id).await;
        assert_eq!((of.state, of.on_router.wanted), (State::Grace, Access::Open), "nothing is claimed that is not so");
        let owed = items(app.db.read(), plan.id, None, &PageOf::default()).await.unwrap().items[0].clone();
        assert_eq!((owed.owed.minor(), owed.due_on.map(|day| day.to_string())), (165_000, Some("2026-12-10".into())));
    })
    .await;
}
