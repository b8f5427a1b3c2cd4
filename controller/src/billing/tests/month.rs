//! W3: a month of a hundred customers.

use chrono::Duration;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};
use serde_json::json;

use super::{everything, go_to, kebon, night, night_again, pay, reach, set_online, subscribe, the, told};
use crate::{
    billing::{PlanState, preview, schedule, store},
    db::{
        entity::{invoice, message, subscription},
        paging::PageOf,
    },
    http::access::Scope,
    ids::SubscriptionId,
    money::Money,
    sites::{self, SiteForm},
    subscriptions::State,
    testing::{TestApp, actor, on_each_database},
};

const STAGES: [&str; 6] =
    ["reminder_due_7", "reminder_due_3", "reminder_due_1", "reminder_due_0", "reminder_late_1", "reminder_late_3"];

async fn pause(app: &TestApp, id: SubscriptionId) {
    let tx = app.db.begin().await.unwrap();
    let from: chrono::NaiveDate = "2026-11-23".parse().unwrap();
    subscription::Entity::update_many()
        .col_expr(subscription::Column::State, Expr::value(State::Paused.as_str()))
        .col_expr(subscription::Column::PausedFrom, Expr::value(from))
        .filter(subscription::Column::Id.eq(id.0))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_month_of_a_hundred_customers_is_billed_once_and_reminded_once_a_stage() {
    let app = TestApp::sqlite().await;
    let kebon = kebon(&app, json!({})).await;
    let mut all = Vec::new();
    for nth in 0..100 {
        let exempt = json!({ "is_exempt": true, "exempt_reason": "VIP" });
        all.push(subscribe(&app, &kebon, nth, if nth < 3 { exempt } else { json!({}) }).await);
    }
    for of in &all[3..7] {
        pause(&app, of.id).await;
    }
    for of in &all[7..9] {
        pay(&app, of.customer_id, 165_000).await;
    }
    go_to(&app, "2026-11-25");
    let coming = preview::sum(&app, &Scope::All, kebon.site).await.unwrap();
    assert_eq!((coming.count, coming.totals.clone()), (96, vec![Money::idr(96 * 165_000)]));
    let page = PageOf::new(Some(50), None).unwrap();
    let first = preview::coming(&app, &Scope::All, kebon.site, &page).await.unwrap();
    let page = PageOf::new(Some(50), first.next_cursor.as_deref()).unwrap();
    let rest = preview::coming(&app, &Scope::All, kebon.site, &page).await.unwrap();
    assert_eq!((first.items.len(), rest.items.len(), rest.next_cursor), (50, 46, None));
    assert_eq!(invoice::Entity::find().all(app.db.read()).await.unwrap().len(), 0, "a preview writes nothing");

    let run = night(&app, kebon.site).await;
    assert_eq!((run.counts.invoices, run.counts.paid, run.problems.len()), (96, 2, 0), "{run:?}");
    let made = invoice::Entity::find().all(app.db.read()).await.unwrap();
    let mut numbers: Vec<String> = made.iter().filter_map(|row| row.number.clone()).collect();
    numbers.sort();
    let expected: Vec<String> = (1..=96).map(|nth| format!("INV-202612-{nth:06}")).collect();
    assert_eq!(numbers, expected, "gapless");
    assert_eq!(made.iter().filter(|row| row.state == "paid").count(), 2);

    let before = everything(&app).await;
    let again = night_again(&app, kebon.site).await;
    assert_eq!(again.counts, run.counts, "nothing is done twice");
    assert_eq!(everything(&app).await, before);

    for day in 26..=30 {
        go_to(&app, &format!("2026-11-{day}"));
        assert_eq!(night(&app, kebon.site).await.counts.reminders, 0);
    }
    for day in 1..=13 {
        go_to(&app, &format!("2026-12-{day:02}"));
        let run = night(&app, kebon.site).await;
        let expected = if [3, 7, 9, 10, 11, 13].contains(&day) { 94 } else { 0 };
        assert_eq!((run.counts.reminders, run.counts.invoices), (expected, 0), "{day}");
        assert_eq!(night_again(&app, kebon.site).await.counts, run.counts);
    }
    for (nth, of) in all.iter().enumerate() {
        let is_quiet = (3..9).contains(&nth);
        assert_eq!(told(&app, of.customer_id).await, if is_quiet { vec![] } else { STAGES.to_vec() }, "{nth}");
        assert!(reach(&app, of.customer_id).await);
    }
    let waiting = message::Entity::find().filter(message::Column::State.eq("draft"));
    assert_eq!(waiting.all(app.db.read()).await.unwrap().len(), 94, "of each invoice only the newest waits");

    // W4: the fourteenth. Nobody of those who are exempt, paused or have paid.
    go_to(&app, "2026-12-14");
    let run = night(&app, kebon.site).await;
    assert_eq!((run.counts.isolating, run.counts.spared), (91, 0));
    let plan = store::plan_of_day(app.db.read(), kebon.site, run.day).await.unwrap().unwrap();
    assert_eq!((plan.state, plan.total, &*plan.held_for), (PlanState::Held, 91, "count"));
    for (nth, of) in all.iter().enumerate() {
        let state = the(&app, of.id).await.state;
        let expected = match nth {
            3..7 => State::Paused,
            7..9 => State::Active,
            _ => State::Grace,
        };
        assert_eq!(state, expected, "{nth}: a plan that is held isolates nobody");
    }
}

#[tokio::test]
async fn an_outage_of_nights_or_of_the_router_is_followed_by_the_newest_reminder_only() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({})).await;
        let of = subscribe(&app, &kebon, 1, json!({})).await;
        go_to(&app, "2026-12-01");
        night(&app, kebon.site).await;
        // The controller is down from the 2nd to the 8th.
        go_to(&app, "2026-12-08");
        assert_eq!(night(&app, kebon.site).await.counts.reminders, 1);
        assert_eq!(told(&app, of.customer_id).await, ["reminder_due_3"]);
        set_online(&app, kebon.router, false).await;
        for day in 9..=11 {
            go_to(&app, &format!("2026-12-{day:02}"));
            assert_eq!(night(&app, kebon.site).await.counts.reminders, 0, "nobody is reminded during an outage");
        }
        set_online(&app, kebon.router, true).await;
        go_to(&app, "2026-12-12");
        night(&app, kebon.site).await;
        assert_eq!(told(&app, of.customer_id).await, ["reminder_due_3", "reminder_late_1"]);
    })
    .await;
}

#[tokio::test]
async fn prepaid_service_is_renewed_from_the_balance_only_where_it_was_asked_for() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({ "is_prepaid": true, "due_days": 0, "cycle": "anniversary", "first_period": "full", "bill_day": null })).await;
        let wants = subscribe(&app, &kebon, 1, json!({ "is_auto_renewed": true })).await;
        let other = subscribe(&app, &kebon, 2, json!({})).await;
        let poor = subscribe(&app, &kebon, 3, json!({ "is_auto_renewed": true })).await;
        for (of, amount) in [(&wants, 330_000), (&other, 330_000), (&poor, 164_999 + 165_000)] {
            pay(&app, of.customer_id, amount).await;
        }
        let covered = the(&app, wants.id).await.covered_until;
        app.clock.advance(Duration::days(25));
        let run = night(&app, kebon.site).await;
        assert_eq!((run.counts.invoices, run.counts.paid), (3, 1));
        assert!(the(&app, wants.id).await.covered_until > covered, "renewed before it ends");
        for of in [other.id, poor.id] {
            assert_eq!(the(&app, of).await.covered_until, covered);
        }
    })
    .await;
}

#[tokio::test]
async fn each_site_has_its_night_at_its_own_hour_and_once_a_day() {
    on_each_database(|app| async move {
        let mut found = Vec::new();
        for (name, timezone, run_hour) in [
            ("Kebon", "Asia/Jakarta", 0),
            ("Palu", "Asia/Makassar", 0),
            ("Waena", "Asia/Jayapura", 0),
            ("Sentani", "Asia/Jayapura", 2),
        ] {
            let form = SiteForm { name: name.into(), timezone: timezone.into(), run_hour, ..SiteForm::default() };
            found.push(sites::add(&app, &actor(), form).await.unwrap());
        }
        // Half past midnight in Jayapura, half past eleven in Makassar.
        go_to(&app, "2026-11-23");
        for _again in 0..2 {
            schedule::open_due(&app).await.unwrap();
        }
        let days: Vec<_> =
            super::super::runs(app.db.read(), &Scope::All, None, &PageOf::default()).await.unwrap().items;
        let mut days: Vec<(i64, String)> = days.into_iter().map(|run| (run.site_id.0, run.day.to_string())).collect();
        days.sort();
        let expected: Vec<(i64, String)> = [(0, "2026-11-22"), (1, "2026-11-22"), (2, "2026-11-23")]
            .map(|(at, day)| (found[at].0, day.to_owned()))
            .to_vec();
        assert_eq!(days, expected, "the fourth begins at two");
        app.clock.advance(Duration::minutes(90));
        schedule::open_due(&app).await.unwrap();
        let runs = super::super::runs(app.db.read(), &Scope::All, None, &PageOf::default()).await.unwrap().items;
        assert_eq!(runs.len(), 6, "Makassar, Jakarta and Sentani have a new day; Waena had its own");
    })
    .await;
}
