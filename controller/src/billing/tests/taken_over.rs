//! Services that were paid elsewhere until a day that is over: they are asked, and have their days.

use serde_json::json;

use super::{go_to, invoices_of, kebon, night, the};
use crate::{
    billing::preview,
    db::paging::PageOf,
    http::access::Scope,
    ids::SubscriptionId,
    jobs::Job as _,
    subscriptions::{
        self, State,
        intake::{self, List, Place, job},
    },
    tables::File,
    testing::{TestApp, actor, on_each_database},
};

/// A list that is taken over as it is.
async fn take_over(app: &TestApp, place: Place, list: &str) -> Vec<SubscriptionId> {
    let actor = actor();
    let asked = subscriptions::Asked { scope: &Scope::All, actor: &actor, form_id: "" };
    let file = File { name: "a.csv".to_owned(), bytes: list.as_bytes().to_vec() };
    let list = List { file, is_takeover: true, adopts: false };
    let id = intake::upload(app, &asked, place, list).await.unwrap();
    intake::commit(app, &Scope::All, &actor, id).await.unwrap();
    job::Take { intake: id, actor: "rina".to_owned(), ip: String::new() }.run(app).await.unwrap();
    let filter = subscriptions::Filter::default();
    let mut found = subscriptions::list(app, &Scope::All, &filter, &PageOf::default()).await.unwrap().items;
    found.sort_by_key(|of| of.id);
    found.into_iter().map(|of| of.id).collect()
}

#[tokio::test]
async fn whose_paid_time_is_over_is_invoiced_and_nobody_is_isolated_before_his_days_are_over() {
    on_each_database(async |app| {
        for is_prepaid in [false, true] {
            let app = if is_prepaid { &TestApp::sqlite().await } else { &app };
            let due_days = if is_prepaid { 0 } else { 9 };
            let kebon = kebon(app, json!({ "is_prepaid": is_prepaid, "due_days": due_days })).await;
            go_to(app, "2026-11-24");
            let place = Place { router: kebon.router, package: kebon.package };
            let all =
                take_over(app, place, "nama;user;lunas sampai\nBudi;budi;30-09-2026\nSiti;siti;31-10-2026\n").await;
            assert_eq!(all.len(), 2);
            go_to(app, "2026-11-25");
            let told = preview::sum(app, &Scope::All, kebon.site).await.unwrap();
            let run = night(app, kebon.site).await;
            assert_eq!((told.count, told.isolating), (run.counts.invoices, 0));
            assert_eq!((run.counts.isolating, run.problems.len()), (0, 0), "{:?}", run.counts);
            // Postpaid: October to December, and November and December, which begins soon; prepaid customers are asked for
            // one period at a time.
            assert_eq!(run.counts.invoices, if is_prepaid { 2 } else { 5 });
            for id in &all {
                for head in invoices_of(app, *id).await {
                    let days = (head.due_on - head.issued_on.unwrap()).num_days();
                    let has_begun = head.period_from <= head.issued_on;
                    assert!(days == i64::from(due_days) || (!has_begun && days > i64::from(due_days)), "{head:?}");
                }
                assert_eq!(the(app, *id).await.state, State::Active);
            }
            // Due on the 25th, or on 4 December; three days of grace behind it.
            let (last_of_grace, after) =
                if is_prepaid { ("2026-11-28", "2026-11-29") } else { ("2026-12-07", "2026-12-08") };
            go_to(app, last_of_grace);
            assert_eq!(night(app, kebon.site).await.counts.isolating, 0);
            go_to(app, after);
            assert_eq!(night(app, kebon.site).await.counts.isolating, 2);
        }
    })
    .await;
}
