//! Drafts are issued when their hours are over, whatever the hour of the night is.

use chrono::Duration;
use serde_json::json;

use super::{go_to, invoices_of, kebon, night, subscribe, the};
use crate::{
    billing::approvals::Approve,
    invoices::State,
    jobs::{Job as _, Said},
    settings, subscriptions,
    testing::{actor, on_each_database},
};

#[tokio::test]
async fn drafts_are_issued_within_their_hours_not_only_in_the_night() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({ "is_prepaid": true, "due_days": 0, "cycle": "anniversary", "first_period": "full", "bill_day": null })).await;
        let of = subscribe(&app, &kebon, 0, json!({})).await;
        super::pay(&app, of.customer_id, 165_000).await;
        let mut settings = settings::load(app.db.read()).await.unwrap();
        settings.invoice_needs_approval = true;
        settings.invoice_auto_approve_hours = 12;
        settings::change(&app, &actor(), &settings).await.unwrap();
        let covered = the(&app, of.id).await.covered_until.unwrap();
        // The draft is made on the day the service ends: he keeps it while nobody said yes.
        go_to(&app, &covered.to_string());
        assert_eq!(night(&app, kebon.site).await.counts.drafts, 1);
        let state = async || invoices_of(&app, of.id).await.into_iter().map(|head| head.state).collect::<Vec<_>>();
        assert_eq!(the(&app, of.id).await.state, subscriptions::State::Active, "nothing he could pay");
        app.clock.advance(Duration::hours(12) - Duration::seconds(1));
        let issued = |count: i64| Said::new("drafts_issued").count("count", count);
        assert_eq!(Approve {}.run(&app).await.unwrap(), issued(0));
        assert!(state().await.contains(&State::Draft));
        app.clock.advance(Duration::seconds(1));
        assert_eq!(Approve {}.run(&app).await.unwrap(), issued(1));
        assert!(!state().await.contains(&State::Draft));
        assert_eq!(Approve {}.run(&app).await.unwrap(), issued(0), "once");
    })
    .await;
}
