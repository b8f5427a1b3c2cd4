//! A night that is cut off anywhere and begun again equals one that was not, also with two controllers at it.

use serde_json::json;

use super::{everything, go_to, kebon, open, pay, subscribe};
use crate::{
    billing::{
        RunState, find_run,
        night::{self, Left},
    },
    http::access::Scope,
    ids::SiteId,
    settings::{self, Settings, billing::Billing},
    testing::{TestApp, actor, on_each_database},
};

/// Ten services: most owe December since the 1st, one has a balance, two are renewed; the night of the 14th has
/// something to do in every step.
async fn eve(app: &TestApp) -> SiteId {
    let kebon = kebon(app, json!({})).await;
    // Waves that end within chunks, and a plan that is held by its size as a whole.
    let billing = Billing { isolation_wave_size: 2, isolation_hold_count: 5, ..Billing::default() };
    settings::change(app, &actor(), &Settings { billing, ..Settings::default() }).await.unwrap();
    for nth in 0..8 {
        subscribe(app, &kebon, nth, json!({})).await;
    }
    let later = subscribe(app, &kebon, 8, json!({ "starts_on": "2026-12-14" })).await;
    let ahead = subscribe(app, &kebon, 9, json!({ "bill_day": 20 })).await;
    go_to(app, "2026-12-01");
    super::night(app, kebon.site).await;
    go_to(app, "2026-12-08");
    super::night(app, kebon.site).await;
    for customer in [later.customer_id, ahead.customer_id] {
        pay(app, customer, 400_000).await;
    }
    go_to(app, "2026-12-14");
    kebon.site
}

#[tokio::test]
async fn a_night_that_is_cut_off_after_and_within_every_chunk_equals_a_clean_one() {
    let clean = TestApp::sqlite().await;
    let site = Box::pin(eve(&clean)).await;
    super::night(&clean, site).await;
    let wanted = everything(&clean).await;
    assert!(wanted.iter().any(|line| line.starts_with("item 8 4 ")), "four waves: {wanted:#?}");
    assert!(wanted.contains(&"plan 2026-12-14 held count 8".to_owned()), "{wanted:#?}");

    let cut = TestApp::sqlite().await;
    let site = Box::pin(eve(&cut)).await;
    let id = open(&cut, site).await;
    let mut chunks = 0;
    loop {
        // Killed before its commit: nothing of it is left.
        let before = everything(&cut).await;
        let tx = cut.db.begin().await.unwrap();
        night::chunk(&tx, &cut, id, 3).await.unwrap();
        drop(tx);
        assert_eq!(everything(&cut).await, before);
        // Killed after it: the next one goes on from there.
        if night::one(&cut, id, 3).await.unwrap() == Left::Nothing {
            break;
        }
        chunks += 1;
        assert!(chunks < 100, "it comes to an end");
    }
    assert!(chunks > 8, "many chunks: {chunks}");
    let found = everything(&cut).await;
    for (found, wanted) in found.iter().zip(&wanted) {
        assert_eq!(found, wanted);
    }
    assert_eq!(found.len(), wanted.len());
    assert_eq!(night::one(&cut, id, 3).await.unwrap(), Left::Nothing, "a night that is done stays so");
    assert_eq!(everything(&cut).await, wanted);
}

#[tokio::test]
async fn two_controllers_at_one_night_do_it_once() {
    on_each_database(|app| async move {
        let site = Box::pin(eve(&app)).await;
        let id = open(&app, site).await;
        let both = async || {
            for _chunk in 0..100 {
                match night::one(&app, id, 2).await {
                    Ok(Left::Nothing) => return,
                    Ok(Left::More) => {}
                    Err(error) => panic!("{error:#}"),
                }
            }
        };
        tokio::join!(both(), both());
        let run = find_run(app.db.read(), &Scope::All, id).await.unwrap().unwrap();
        assert_eq!((run.state, run.problems.len()), (RunState::Done, 0), "{run:?}");
        let clean = TestApp::sqlite().await;
        let site = Box::pin(eve(&clean)).await;
        assert_eq!(super::night(&clean, site).await.counts, run.counts);
    })
    .await;
}
