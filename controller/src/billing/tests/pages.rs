//! Pages and resources of billing, asked from outside.

use axum::http::{Request, header};
use serde_json::{Value, json};

use super::{go_to, kebon, subscribe};
use crate::{
    billing::night::Night,
    http::access::Role,
    ids::RunId,
    jobs::Job as _,
    testing::{TestApp, on_each_database},
};

async fn ask(app: &TestApp, (method, path): (&str, &str), token: &str) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1/billing{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json");
    let (status, _, text) = app.ask(request.body(String::new()).unwrap()).await;
    (status.as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
}

async fn page(app: &TestApp, path: &str, token: &str) -> (u16, String) {
    let cookie = format!("hiji_session={token}; hiji_lang=en");
    let (status, _, html) = app.ask(Request::get(path).header(header::COOKIE, cookie).body("").unwrap()).await;
    (status.as_u16(), html)
}

#[tokio::test]
async fn a_night_is_started_watched_and_its_plan_decided_from_outside() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({})).await;
        for nth in 0..5 {
            subscribe(&app, &kebon, nth, json!({})).await;
        }
        let other = app.site("Waena").await;
        let admin = app.signed_in(Role::Admin, &[kebon.site]).await;
        let viewer = app.signed_in(Role::Viewer, &[]).await;
        let operator = app.signed_in(Role::Operator, &[]).await;
        go_to(&app, "2026-12-01");
        let run_now = format!("/sites/{}/run", kebon.site);
        assert_eq!(ask(&app, ("POST", &run_now), &viewer).await.0, 403);
        assert_eq!(ask(&app, ("POST", &format!("/sites/{other}/run")), &admin).await.0, 404);
        assert_eq!(ask(&app, ("GET", "/runs"), &operator).await.0, 403);
        let (status, sum) = ask(&app, ("GET", &format!("/sites/{}/preview/sum", kebon.site)), &viewer).await;
        assert_eq!((status, &sum["count"]), (200, &json!(5)), "{sum}");
        let (_, html) = page(&app, &format!("/billing/sites/{}/preview", kebon.site), &viewer).await;
        assert!(html.contains("1 Dec 2026 – 31 Dec 2026"), "{html}");
        let (status, run) = ask(&app, ("POST", &run_now), &admin).await;
        assert_eq!((status, &run["state"]), (202, &json!("running")), "{run}");
        assert_eq!(ask(&app, ("POST", &run_now), &admin).await.0, 409);
        let id = run["id"].as_i64().unwrap();
        Night { run: RunId(id) }.run(&app).await.unwrap();
        let (_, run) = ask(&app, ("GET", &format!("/runs/{id}")), &admin).await;
        assert_eq!((&run["state"], &run["counts"]["invoices"]), (&json!("done"), &json!(5)));
        let (status, html) = page(&app, &format!("/billing/runs/{id}"), &admin).await;
        assert!(status == 200 && html.contains("Billing of Kebon"), "{html}");
        // Behind the count stand names, a page at a time.
        let names = format!("/runs/{id}/items?did=invoiced");
        let (_, some) = ask(&app, ("GET", &format!("{names}&limit=3")), &viewer).await;
        let cursor = some["next_cursor"].as_str().unwrap();
        let (_, rest) = ask(&app, ("GET", &format!("{names}&limit=3&cursor={cursor}")), &viewer).await;
        assert_eq!((some["items"].as_array().unwrap().len(), rest["items"].as_array().unwrap().len()), (3, 2));
        assert_eq!(rest["next_cursor"], Value::Null);
        let first = &some["items"][0];
        let (status, html) = page(&app, &format!("/billing/runs/{id}?did=invoiced"), &admin).await;
        for told in ["customer", "username", "invoice_number"] {
            let told = first[told].as_str().unwrap();
            assert!(status == 200 && !told.is_empty() && html.contains(told), "{told}: {html}");
        }
        let (_, none) = ask(&app, ("GET", &format!("/runs/{id}/items?did=paid")), &viewer).await;
        assert_eq!(none["items"], json!([]));
        for bad in ["", "?did=lost"] {
            assert_eq!(ask(&app, ("GET", &format!("/runs/{id}/items{bad}")), &viewer).await.0, 422, "{bad}");
        }
        let boss = app.signed_in(Role::SuperAdmin, &[]).await;
        let (_, foreign) = ask(&app, ("POST", &format!("/sites/{other}/run")), &boss).await;
        let foreign = format!("/runs/{}/items?did=invoiced", foreign["id"]);
        assert_eq!(ask(&app, ("GET", &foreign), &boss).await.0, 200);
        assert_eq!(ask(&app, ("GET", &foreign), &admin).await.0, 404);

        go_to(&app, "2026-12-14");
        let (_, run) = ask(&app, ("POST", &run_now), &admin).await;
        Night { run: RunId(run["id"].as_i64().unwrap()) }.run(&app).await.unwrap();
        let (_, plans) = ask(&app, ("GET", "/plans"), &admin).await;
        let plan = &plans["items"][0];
        assert_eq!((&plan["state"], &plan["held_for"], &plan["total"]), (&json!("held"), &json!("share"), &json!(5)));
        let path = format!("/plans/{}", plan["id"]);
        let (_, items) = ask(&app, ("GET", &format!("{path}/items?state=planned")), &viewer).await;
        assert_eq!(items["items"].as_array().unwrap().len(), 5);
        assert_eq!(items["items"][0]["owed"], json!({ "amount": 165_000, "currency": "IDR" }));
        assert_eq!(ask(&app, ("GET", &format!("{path}/items?state=lost")), &viewer).await.0, 422);
        assert_eq!(ask(&app, ("POST", &format!("{path}/approve")), &viewer).await.0, 403);
        let (status, decided) = ask(&app, ("POST", &format!("{path}/approve")), &admin).await;
        assert_eq!((status, &decided["state"]), (200, &json!("running")), "{decided}");
        assert_eq!(ask(&app, ("POST", &format!("{path}/approve")), &admin).await.0, 409);
        assert_eq!(ask(&app, ("POST", &format!("{path}/drop")), &admin).await.0, 200);
        for path in [
            "/billing",
            "/billing/runs",
            "/billing/plans",
            &format!("/billing{path}"),
            &format!("/billing/sites/{}/preview", kebon.site),
        ] {
            let (status, html) = page(&app, path, &admin).await;
            assert!(status == 200 && html.contains("Kebon"), "{path}: {html}");
        }
        assert_eq!(page(&app, &format!("/billing/sites/{other}/preview"), &admin).await.0, 404);
    })
    .await;
}
