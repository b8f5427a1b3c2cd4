//! What a night would do is told before it does it: whom it plans to isolate, whom it reminds.

use axum::http::{Request, header};
use serde_json::json;

use super::{go_to, kebon, night, set_online, subscribe};
use crate::{
    billing::{PlanState, foresight, items, preview, rules::Skip, store},
    db::paging::PageOf,
    http::access::{Role, Scope},
    testing::{TestApp, on_each_database},
};

#[tokio::test]
async fn whom_the_next_night_isolates_and_reminds_is_told_before_it_does() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({})).await;
        for nth in 0..12 {
            subscribe(&app, &kebon, nth, json!({})).await;
        }
        let exempt = json!({ "is_exempt": true, "exempt_reason": "VIP" });
        subscribe(&app, &kebon, 12, exempt).await;
        go_to(&app, "2026-12-01");
        night(&app, kebon.site).await;
        let sum = async || preview::sum(&app, &Scope::All, kebon.site).await.unwrap();
        let page = |limit, cursor: Option<&str>| PageOf::new(Some(limit), cursor).unwrap();

        // Due on the 10th: reminded three days before it.
        go_to(&app, "2026-12-06");
        night(&app, kebon.site).await;
        let told = sum().await;
        assert_eq!((told.count, told.isolating, told.spared, told.reminders), (0, 0, 0, 13), "{told:?}");
        let first = foresight::reminding(&app, &Scope::All, kebon.site, &page(10, None)).await.unwrap();
        let cursor = first.next_cursor.as_deref();
        let rest = foresight::reminding(&app, &Scope::All, kebon.site, &page(10, cursor)).await.unwrap();
        assert_eq!((first.items.len(), rest.items.len(), rest.next_cursor), (10, 3, None));
        let one = &first.items[0];
        assert_eq!((one.template, one.customer.as_str(), one.left.minor()), ("reminder_due_3", "Pelanggan 0", 165_000));
        go_to(&app, "2026-12-07");
        let told = sum().await;
        assert_eq!(told.reminders, 13, "the night that is due is the next one");
        assert_eq!(night(&app, kebon.site).await.counts.reminders, 13);
        assert_eq!(sum().await.reminders, 0, "said once");

        // Their grace is over on the 14th: the night of the 13th leaves them alone, the next one does not.
        go_to(&app, "2026-12-13");
        assert_eq!(sum().await.isolating, 0);
        night(&app, kebon.site).await;
        let told = sum().await;
        assert_eq!((told.isolating, told.spared), (12, 0), "{told:?}");
        let first = foresight::isolating(&app, &Scope::All, kebon.site, &page(10, None)).await.unwrap();
        let cursor = first.next_cursor.as_deref();
        let rest = foresight::isolating(&app, &Scope::All, kebon.site, &page(10, cursor)).await.unwrap();
        assert_eq!((first.items.len(), rest.items.len(), rest.next_cursor), (10, 2, None));
        assert!(store::plan_of_day(app.db.read(), kebon.site, "2026-12-14".parse().unwrap()).await.unwrap().is_none());
        shown(&app, &kebon).await;

        set_online(&app, kebon.router, false).await;
        let told = sum().await;
        assert_eq!((told.isolating, told.spared), (0, 12), "{told:?}");
        let found = foresight::isolating(&app, &Scope::All, kebon.site, &page(1, None)).await.unwrap();
        assert_eq!(found.items[0].skip, Some(Skip::RouterOffline));
        set_online(&app, kebon.router, true).await;
        go_to(&app, "2026-12-14");
        let (told, run) = (sum().await, night(&app, kebon.site).await);
        assert_eq!((told.isolating, run.counts.isolating), (12, 12));
    })
    .await;
}

/// On the page with the first ten and how many more; whole and by cursor; and by the API.
async fn shown(app: &TestApp, kebon: &super::Kebon) {
    let viewer = app.signed_in(Role::Viewer, &[kebon.site]).await;
    let ask = async |path: String| {
        let request = Request::get(path)
            .header(header::COOKIE, format!("hiji_session={viewer}; hiji_lang=id"))
            .header(header::AUTHORIZATION, format!("Bearer {viewer}"));
        app.ask(request.body(String::new()).unwrap()).await
    };
    let base = format!("/billing/sites/{}/preview", kebon.site);
    let (_, _, page) = ask(base.clone()).await;
    assert!(page.contains("Pelanggan 9<") && !page.contains("Pelanggan 10<") && page.contains("dan 2 lagi"), "{page}");
    let (_, _, page) = ask(format!("{base}?show=isolation&limit=10")).await;
    assert!(page.contains("Pelanggan 9<") && page.contains("cursor="), "{page}");
    let (_, _, page) = ask(format!("{base}?show=reminders")).await;
    assert!(page.contains("Tidak ada yang akan diingatkan"), "{page}");
    assert_eq!(ask(format!("{base}?show=x")).await.0.as_u16(), 422);
    let (status, _, text) = ask(format!("/api/v1{base}/isolation?limit=5")).await;
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status.as_u16(), found["items"].as_array().unwrap().len()), (200, 5), "{found}");
    assert_eq!(found["items"][0]["owed"], json!({ "amount": 165_000, "currency": "IDR" }));
    let (_, _, text) = ask(format!("/api/v1{base}/sum")).await;
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&found["isolating"], &found["at"]), (&json!(12), &json!("2026-12-13T15:00:00Z")), "{found}");
    let stranger = app.site("Waena").await;
    assert_eq!(ask(format!("/api/v1/billing/sites/{stranger}/preview/isolation")).await.0.as_u16(), 404);
}

#[tokio::test]
async fn a_plan_tells_what_is_overdue_apart_from_what_is_not_due() {
    let app = TestApp::sqlite().await;
    let kebon = kebon(&app, json!({})).await;
    subscribe(&app, &kebon, 0, json!({})).await;
    go_to(&app, "2026-12-01");
    night(&app, kebon.site).await;
    // January is invoiced in the same night, and is due in January.
    go_to(&app, "2026-12-28");
    let run = night(&app, kebon.site).await;
    assert_eq!((run.counts.invoices, run.counts.isolating), (1, 1));
    let plan = store::plan_of_day(app.db.read(), kebon.site, run.day).await.unwrap().unwrap();
    assert_eq!(plan.state, PlanState::Planned);
    let item = items(app.db.read(), plan.id, None, &PageOf::default()).await.unwrap().items.remove(0);
    assert_eq!((item.owed.minor(), item.not_due.minor()), (165_000, 165_000));
    let viewer = app.signed_in(Role::Viewer, &[]).await;
    let request = Request::get(format!("/billing/plans/{}", plan.id));
    let request = request.header(header::COOKIE, format!("hiji_session={viewer}; hiji_lang=id"));
    let (_, _, page) = app.ask(request.body(String::new()).unwrap()).await;
    assert!(page.contains("Menunggak") && page.contains("+ Rp165.000 belum jatuh tempo"), "{page}");
}
