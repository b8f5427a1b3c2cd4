//! What a night does by itself after hours, and what it leaves out: drafts that waited long enough, and one service that
//! cannot be billed among others that can.

use axum::http::{Request, header};
use chrono::Duration;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};
use serde_json::json;

use super::{go_to, invoices_of, kebon, night, night_again, subscribe, the};
use crate::{
    billing::{RunState, rules::Step},
    db::entity::subscription,
    http::access::{Role, Scope},
    ids::SubscriptionId,
    invoices::{self, State},
    settings,
    testing::{TestApp, actor, on_each_database},
};

async fn approving(app: &TestApp, hours: i64) {
    let mut settings = settings::load(app.db.read()).await.unwrap();
    settings.invoice_needs_approval = true;
    settings.invoice_auto_approve_hours = hours;
    settings::change(app, &actor(), &settings).await.unwrap();
}

/// States of the invoices of services.
async fn states(app: &TestApp, ids: &[SubscriptionId]) -> Vec<State> {
    let mut found = Vec::new();
    for id in ids {
        found.extend(invoices_of(app, *id).await.into_iter().map(|head| head.state));
    }
    found
}

#[tokio::test]
async fn drafts_are_approved_by_themselves_when_they_waited_the_hours_that_are_set() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({})).await;
        let mut ids = Vec::new();
        for nth in 0..3 {
            ids.push(subscribe(&app, &kebon, nth, json!({})).await.id);
        }
        approving(&app, 24).await;
        go_to(&app, "2026-11-25");
        let run = night(&app, kebon.site).await;
        assert_eq!((run.counts.invoices, run.counts.drafts, run.counts.approved), (3, 3, 0));
        assert_eq!(states(&app, &ids).await, [State::Draft; 3]);
        // A person is quicker with one, another is dropped.
        let heads = [invoices_of(&app, ids[0]).await.remove(0), invoices_of(&app, ids[1]).await.remove(0)];
        invoices::approve(&app, &Scope::All, &actor(), &[heads[0].id]).await.unwrap();
        invoices::void(&app, &Scope::All, &actor(), heads[1].id, "salah paket").await.unwrap();
        app.clock.advance(Duration::hours(24) - Duration::minutes(1));
        let run = night_again(&app, kebon.site).await;
        assert_eq!(run.counts.approved, 0, "a minute before its hours");
        assert_eq!(states(&app, &ids).await, [State::Open, State::Void, State::Draft]);
        app.clock.advance(Duration::minutes(1));
        let run = night_again(&app, kebon.site).await;
        assert_eq!(run.counts.approved, 1);
        assert_eq!(states(&app, &ids).await, [State::Open, State::Void, State::Open]);
        let approved = invoices_of(&app, ids[2]).await.remove(0);
        assert_eq!(approved.number.as_deref(), Some("INV-202612-000002"));
        assert_eq!(night_again(&app, kebon.site).await.counts.approved, run.counts.approved, "once");
        // What is owed now falls due like any other.
        go_to(&app, "2026-12-11");
        night(&app, kebon.site).await;
        assert_eq!(the(&app, ids[2]).await.state, crate::subscriptions::State::Grace);
    })
    .await;
}

#[tokio::test]
async fn drafts_wait_for_a_person_where_no_hours_are_set() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({})).await;
        let id = subscribe(&app, &kebon, 0, json!({})).await.id;
        approving(&app, 0).await;
        go_to(&app, "2026-11-25");
        night(&app, kebon.site).await;
        go_to(&app, "2026-12-20");
        assert_eq!(night(&app, kebon.site).await.counts.approved, 0);
        assert_eq!(states(&app, &[id]).await, [State::Draft]);
        assert_eq!(the(&app, id).await.state, crate::subscriptions::State::Active, "a draft is not owed");
    })
    .await;
}

async fn set_price(app: &TestApp, id: SubscriptionId, price: i64) {
    let tx = app.db.begin().await.unwrap();
    subscription::Entity::update_many()
        .col_expr(subscription::Column::Price, Expr::value(price))
        .filter(subscription::Column::Id.eq(id.0))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_service_that_cannot_be_billed_is_left_out_by_its_name_and_the_others_are_done() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({})).await;
        let mut ids = Vec::new();
        for nth in 0..5 {
            ids.push(subscribe(&app, &kebon, nth, json!({})).await.id);
        }
        // More than an invoice may be.
        set_price(&app, ids[2], invoices::rules::MAX_TOTAL + 1).await;
        let number = the(&app, ids[2]).await.number;
        go_to(&app, "2026-11-25");
        let run = night(&app, kebon.site).await;
        assert_eq!((run.state, run.counts.invoices), (RunState::Done, 4), "{run:?}");
        let told: Vec<_> = run.problems.iter().map(|problem| (problem.step, problem.name.clone())).collect();
        assert_eq!(told, [(Step::Invoices, number.clone())]);
        for (nth, id) in ids.iter().enumerate() {
            assert_eq!(invoices_of(&app, *id).await.len(), usize::from(nth != 2), "{nth}");
        }
        let token = app.signed_in(Role::Admin, &[]).await;
        let cookie = format!("hiji_session={token}; hiji_lang=en");
        let request = Request::get(format!("/billing/runs/{}", run.id)).header(header::COOKIE, cookie).body("");
        let (status, _, page) = app.ask(request.unwrap()).await;
        assert!(status == 200 && page.contains(&number), "{page}");
        assert!(page.contains(&run.problems[0].error) && !run.problems[0].error.is_empty(), "{page}");
        // Put right, the next night makes up for it.
        set_price(&app, ids[2], 165_000).await;
        go_to(&app, "2026-11-26");
        let run = night(&app, kebon.site).await;
        assert_eq!((run.counts.invoices, run.problems.len()), (1, 0), "{run:?}");
        assert_eq!(invoices_of(&app, ids[2]).await[0].total.minor(), 165_000);
    })
    .await;
}
