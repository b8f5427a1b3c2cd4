//! The sale from the outside: pages and API of packages and vouchers, asked over the whole router.

use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    http::access::Role,
    testing::{TestApp, on_each_database},
};

struct Browser<'a> {
    app: &'a TestApp,
    token: String,
}

impl Browser<'_> {
    async fn get(&self, path: &str) -> (StatusCode, String) {
        let cookie = format!("hiji_session={}; hiji_lang=en", self.token);
        let request = Request::get(path).header(header::COOKIE, cookie).body(String::new()).unwrap();
        let (status, _, body) = self.app.ask(request).await;
        (status, body)
    }

    async fn post(&self, path: &str, form: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::post(path)
            .header(header::COOKIE, format!("hiji_session={}; hiji_lang=en", self.token))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(form.to_owned())
            .unwrap();
        self.app.ask(request).await
    }

    async fn api(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        // The same request has the same key.
        let key = format!("{path}{body}").chars().filter(char::is_ascii_graphic).rev().take(200).collect::<String>();
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(if body.is_null() { String::new() } else { body.to_string() })
            .unwrap();
        let (status, _, text) = self.app.ask(request).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

const FORM_ID: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn an_operator_makes_a_batch_on_the_page_and_sees_no_cost() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let router = app.router(site, "Kebon 1").await;
        let package = app.package("12 Jam", &[router]).await;
        let rina = Browser { app: &app, token: app.signed_in(Role::Operator, &[site]).await };
        let (status, page) = rina.get("/vouchers").await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert!(page.contains("No vouchers yet"), "{page}");
        let (_, page) = rina.get("/vouchers/new").await;
        assert!(page.contains("12 Jam · Rp3.000") && !page.contains("name=\"cost\""), "{page}");
        let form = format!(
            "form_id={FORM_ID}&router_id={router}&package_id={package}&count=12&mode=same&prefix=KB&length=6\
             &charset=upper_digits&mac_lock=on&note=stok+warung"
        );
        let (_, part) = rina.get(&format!("/vouchers/new/preview?{form}")).await;
        assert!(part.contains("Rp36.000") && !part.contains("Profit") && !part.contains("<html"), "{part}");
        // Nor is the cost found out by trying prices.
        let (_, part) = rina.get(&format!("/vouchers/new/preview?{form}&price=1.000")).await;
        assert!(part.contains("Rp12.000") && !part.contains("cost"), "{part}");
        let (_, page) = rina.get(&format!("/vouchers/new?{form}&price=1.000")).await;
        assert!(!page.contains("confirm_below_cost"), "{page}");
        let (status, headers, _) = rina.post("/vouchers", &form).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let to = headers[header::LOCATION].to_str().unwrap().to_owned();
        // The second click of a double click.
        let (_, again, _) = rina.post("/vouchers", &form).await;
        assert_eq!(again[header::LOCATION], to.as_str());
        let (status, page) = rina.get(&to).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert!(
            page.contains("VB-20261122-0001") && page.contains("0/12 on the router, waiting for Kebon 1"),
            "{page}"
        );
        assert!(!page.contains("Rp2.000"), "{page}");
        let (_, page) = rina.get("/vouchers/search?q=kb").await;
        assert_eq!(page.matches("main-link code").count(), 12, "{page}");
        let code = page.split("/vouchers/codes/").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let (status, page) = rina.get(&format!("/vouchers/codes/{code}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let (status, batch) = rina.api("GET", "/voucher_batches/1", Value::Null).await;
        assert_eq!((status, &batch["progress"]), (StatusCode::OK, &json!({"wanted": 12, "applied": 0, "failed": 0})));
        assert!(batch.get("cost").is_none() && batch["price"] == json!({"amount": 3000, "currency": "IDR"}));
    })
    .await;
}

#[tokio::test]
async fn a_wrong_batch_comes_back_as_typed_with_its_sentences() {
    let app = TestApp::sqlite().await;
    let (site, other) = (app.site("Kebon").await, app.site("Waena").await);
    let (router, foreign) = (app.router(site, "Kebon 1").await, app.router(other, "Waena 1").await);
    let package = app.package("12 Jam", &[router]).await;
    let rina = Browser { app: &app, token: app.signed_in(Role::Operator, &[site]).await };
    let form = format!("router_id={router}&package_id={package}&count=10001&prefix=K+B&length=6&price=-1&note=warung");
    let (status, _, page) = rina.post("/vouchers", &form).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in [
        "value=\"10001\"",
        "value=\"K B\"",
        "warung",
        "Give a number from 1 to 5,000.",
        "Letters A–Z, digits and hyphens only, no spaces.",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    for (body, field, code) in [
        (json!({"router_id": router, "package_id": package, "count": 0}), "count", "out_of_range"),
        (json!({"router_id": router, "package_id": package, "count": 10001}), "count", "out_of_range"),
        (json!({"router_id": router, "package_id": 99, "count": 5}), "package_id", "no_such_package"),
        (json!({"router_id": foreign, "package_id": package, "count": 5}), "router_id", "no_such_router"),
        (json!({"router_id": router, "package_id": package, "count": 5, "price": -1}), "price", "out_of_range"),
        (json!({"router_id": router, "package_id": package, "count": 5, "cost": 1}), "cost", "not_allowed"),
        (
            json!({"router_id": router, "package_id": package, "count": 5, "prefix": "K B"}),
            "prefix",
            "prefix_characters",
        ),
        (json!({"router_id": router, "package_id": package, "count": "x"}), "count", "wrong_type"),
        (json!({"router_id": router, "package_id": package}), "count", "required"),
    ] {
        let (status, problem) = rina.api("POST", "/voucher_batches", body).await;
        assert_eq!(
            (status, &problem["errors"][field]),
            (StatusCode::UNPROCESSABLE_ENTITY, &Value::from(code)),
            "{problem}"
        );
    }
    let (_, batches) = rina.api("GET", "/voucher_batches", Value::Null).await;
    assert_eq!(batches["items"], json!([]));
}

#[tokio::test]
async fn a_package_and_a_batch_are_made_by_the_api() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let router = app.router(site, "Kebon 1").await;
        let boss = Browser { app: &app, token: app.signed_in(Role::SuperAdmin, &[]).await };
        let package = json!({
            "name": "12 Jam", "service": "hotspot", "price": {"amount": 3000, "currency": "IDR"}, "cost": 2000,
            "rate_limit": "2M/4M", "shared_users": 1, "validity": {"online_secs": 43200, "active_secs": 259200},
            "cycle": "monthly", "grace_days": 0, "on_expiry": "remove", "router_ids": [router],
        });
        let (status, made) = boss.api("POST", "/packages", package.clone()).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        assert_eq!((&made["cost"]["amount"], &made["validity"]["online_secs"]), (&json!(2000), &json!(43200)));
        let (status, same) = boss.api("PUT", "/packages/1", made.clone()).await;
        assert_eq!((status, &same), (StatusCode::OK, &made));
        let form = json!({
            "router_id": router, "package_id": made["id"], "count": 3, "prefix": "KB", "length": 6,
            "charset": "upper_digits", "mode": "separate",
        });
        let (status, batch) = boss.api("POST", "/voucher_batches", form.clone()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{batch}");
        assert_eq!(batch["progress"], json!({"wanted": 3, "applied": 0, "failed": 0}));
        assert_eq!((&batch["state"], &batch["failures"]), (&json!("pending"), &json!([])));
        let (_, again) = boss.api("POST", "/voucher_batches", form).await;
        assert_eq!(again["id"], batch["id"]);
        let (_, page) = boss.api("GET", "/vouchers?batch_id=1&status=draft&limit=2", Value::Null).await;
        assert_eq!((page["items"].as_array().unwrap().len(), page["next_cursor"].is_string()), (2, true));
        assert_eq!(page["items"][0]["password"].as_str().unwrap().len(), 6);
        let (status, problem) = boss.api("GET", "/vouchers?status=nonsense", Value::Null).await;
        assert_eq!((status, &problem["errors"]["status"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("not_offered")));
        let (status, _) = boss.api("GET", "/vouchers/999", Value::Null).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let (_, document) = boss.api("GET", "/openapi.json", Value::Null).await;
        assert!(document["paths"]["/voucher_batches"]["post"].is_object());
    })
    .await;
}

#[tokio::test]
async fn a_package_is_made_and_changed_on_its_page() {
    let app = TestApp::sqlite().await;
    let site = app.site("Kebon").await;
    let router = app.router(site, "Kebon 1").await;
    let boss = Browser { app: &app, token: app.signed_in(Role::SuperAdmin, &[]).await };
    let form = |price: &str| {
        format!(
            "name=12+Jam&service=hotspot&price={price}&cost=2000&rate_limit=2M%2F4M&shared_users=1&online=12\
             &online_unit=hours&active=3&active_unit=days&sell=&sell_unit=days&router_ids={router}&create_profile=on"
        )
    };
    let (status, _, page) = boss.post("/packages", &form("-1")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("value=\"12 Jam\"") && page.contains("value=\"-1\""), "{page}");
    let (status, _, page) = boss.post("/packages", &form("3.000")).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let (_, page) = boss.get("/packages").await;
    assert!(page.contains("12 Jam") && page.contains("Rp3.000") && page.contains("cost Rp2.000"), "{page}");
    let (_, page) = boss.get("/packages/1").await;
    assert!(page.contains("value=\"12\"") && page.contains("value=\"3.000\""), "{page}");
    let (status, _, _) = boss.post("/packages/1", &form("4000")).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let (_, package) = boss.api("GET", "/packages/1", Value::Null).await;
    assert_eq!((&package["price"]["amount"], &package["made_on"]), (&json!(4000), &json!([router])));
    let (_, audit) = boss.api("GET", "/audit", Value::Null).await;
    assert_eq!(audit["items"][0]["action"], "package.change");
}

/// WORKFLOWS W1, step 1 and 2, with its values and figures.
#[tokio::test]
async fn w1_the_form_shows_its_figures_and_makes_one_batch_of_120() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let router = app.router(site, "Kebon 1").await;
        let package = app.package("12 Jam", &[router]).await;
        let rina = Browser { app: &app, token: app.signed_in(Role::Admin, &[site]).await };
        let form = format!(
            "form_id={FORM_ID}&router_id={router}&package_id={package}&count=120&mode=same&prefix=KB&length=6\
             &charset=upper_digits&cost=2.000&price=3.000&online=12&online_unit=hours&active=3&active_unit=days\
             &activate_before=2026-12-31&mac_lock=yes&seller_id=&note=stok+warung"
        );
        let (_, part) = rina.get(&format!("/vouchers/new/preview?{form}")).await;
        for figure in ["Rp240.000", "Rp360.000", "Rp120.000", "12 hours · Rp3.000 · valid 3 days"] {
            let words = part.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains(figure), "{figure} is not in {part}");
        }
        assert_eq!(part.matches("class=\"code\">KB").count(), 5, "{part}");
        assert!(part.contains("Kebon 1 is not online"), "{part}");
        let separate = form.replace("mode=same", "mode=separate");
        let (_, part) = rina.get(&format!("/vouchers/new/preview?{separate}")).await;
        assert_eq!(part.matches("class=\"code\"").count(), 10, "{part}");
        // Two clicks, at the same moment.
        let (one, two) = tokio::join!(rina.post("/vouchers", &form), rina.post("/vouchers", &form));
        assert_eq!((one.0, two.0), (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER), "{}", one.2);
        let (_, batches) = rina.api("GET", "/voucher_batches", Value::Null).await;
        let [batch] = batches["items"].as_array().unwrap().as_slice() else { panic!("{batches}") };
        assert_eq!((&batch["number"], &batch["count"]), (&json!("VB-20261122-0001"), &json!(120)));
        assert_eq!((&batch["online_secs"], &batch["active_secs"]), (&json!(43_200), &json!(259_200)));
        assert_eq!((&batch["mac_lock"], &batch["note"]), (&json!(true), &json!("stok warung")));
        assert_eq!(batch["activate_before"], "2026-12-31T14:59:59Z");
        let (_, vouchers) = rina.api("GET", "/vouchers?batch_id=1&limit=200", Value::Null).await;
        let prices = vouchers["items"].as_array().unwrap().iter().map(|voucher| voucher["price"]["amount"].as_i64());
        assert_eq!(prices.map(Option::unwrap).sum::<i64>(), 360_000);
        // The next form begins as this one did.
        let (_, page) = rina.get("/vouchers/new").await;
        assert!(page.contains("value=\"KB\""), "{page}");
    })
    .await;
}

#[tokio::test]
async fn two_operators_pressing_at_once_make_two_batches() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let router = app.router(site, "Kebon 1").await;
        let package = app.package("12 Jam", &[router]).await;
        let rina = Browser { app: &app, token: app.signed_in(Role::Operator, &[site]).await };
        let budi = Browser { app: &app, token: app.signed_in(Role::Admin, &[site]).await };
        let form =
            |id: &str| format!("form_id={id}&router_id={router}&package_id={package}&count=50&prefix=KB&length=6");
        let (mine, theirs) = (form(FORM_ID), form(&FORM_ID.replace('0', "f")));
        let (one, two) = tokio::join!(rina.post("/vouchers", &mine), budi.post("/vouchers", &theirs));
        assert_eq!((one.0, two.0), (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER), "{}{}", one.2, two.2);
        let (_, batches) = rina.api("GET", "/voucher_batches", Value::Null).await;
        let numbers: Vec<_> =
            batches["items"].as_array().unwrap().iter().map(|batch| (&batch["number"], &batch["count"])).collect();
        let (first, second) = (json!("VB-20261122-0001"), json!("VB-20261122-0002"));
        assert_eq!(numbers, [(&second, &json!(50)), (&first, &json!(50))]);
    })
    .await;
}

#[tokio::test]
async fn an_operator_changes_no_voucher_unless_that_is_granted() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let router = app.router(site, "Kebon 1").await;
        let package = app.package("12 Jam", &[router]).await;
        let boss = Browser { app: &app, token: app.signed_in(Role::SuperAdmin, &[]).await };
        let rina = Browser { app: &app, token: app.signed_in(Role::Operator, &[site]).await };
        let form = json!({ "router_id": router, "package_id": package, "count": 3 });
        assert_eq!(rina.api("POST", "/voucher_batches", form).await.0, StatusCode::ACCEPTED);
        let acts = ["block", "unblock", "extend", "move", "reissue", "void"];
        let body = |act: &str| match act {
            "extend" => json!({ "online_secs": 60 }),
            _ => json!({ "reason": "hilang" }),
        };
        for act in acts {
            for path in [format!("/vouchers/1/{act}"), format!("/voucher_batches/1/{act}")] {
                assert_eq!(rina.api("POST", &path, body(act)).await.0, StatusCode::FORBIDDEN, "{path}");
            }
            for path in [format!("/vouchers/codes/1/{act}"), format!("/vouchers/batches/1/{act}")] {
                let (status, ..) = rina.post(&path, "reason=hilang&online=1&online_unit=hours").await;
                assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
            }
        }
        assert_eq!(rina.post("/vouchers/codes/1/kick", "").await.0, StatusCode::FORBIDDEN);
        assert_eq!(rina.api("POST", "/voucher_batches/1/retry", json!({})).await.0, StatusCode::FORBIDDEN);
        let (_, page) = rina.get("/vouchers/batches/1").await;
        assert!(!page.contains("/vouchers/batches/1/void") && !page.contains("/vouchers/batches/1/block"), "{page}");
        let (_, page) = rina.get("/vouchers/codes/1").await;
        assert!(!page.contains("/vouchers/codes/1/") && !page.contains("Cost"), "{page}");
        // What is granted counts at once, and only that.
        let admins = crate::admins::list(app.db.read()).await.unwrap();
        let rinas = admins.iter().find(|admin| admin.role == Role::Operator).unwrap().id;
        let grants = format!("/settings/admins/{rinas}/grants");
        assert_eq!(boss.post(&grants, "grants=vouchers_manage").await.0, StatusCode::SEE_OTHER);
        let (status, problem) = rina.api("POST", "/vouchers/1/block", json!({ "reason": "rusak" })).await;
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("voucher_not_ready")));
        let (status, _) = rina.api("POST", "/vouchers/1/void", json!({ "reason": "rusak" })).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        let (_, page) = rina.get("/vouchers/batches/1").await;
        assert!(page.contains("/vouchers/batches/1/reissue") && !page.contains("/vouchers/batches/1/void"), "{page}");
        assert_eq!(boss.post(&grants, "grants=vouchers_void").await.0, StatusCode::SEE_OTHER);
        let (status, problem) = rina.api("POST", "/vouchers/1/void", json!({})).await;
        assert_eq!((status, &problem["errors"]["reason"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("required")));
        let (status, voucher) = rina.api("POST", "/vouchers/1/void", json!({ "reason": "salah cetak" })).await;
        assert_eq!((status, &voucher["status"]), (StatusCode::OK, &json!("void")), "{voucher}");
        assert!(voucher.get("cost").is_none());
        let (_, record) = rina.api("GET", "/vouchers/1/record", Value::Null).await;
        assert_eq!(record["timeline"][0]["reason"], "salah cetak");
    })
    .await;
}
