//! Dated prices, archive, sellers and price rules on real databases, through the web app.

use axum::http::{Request, StatusCode, header};
use chrono::Duration;
use serde_json::{Value, json};

use crate::{
    http::access::Role,
    testing::{TestApp, on_each_database},
};

pub(super) struct Browser<'a> {
    pub(super) app: &'a TestApp,
    pub(super) token: String,
}

impl Browser<'_> {
    pub(super) async fn api(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, _, text) = self.app.ask(request.body(body).unwrap()).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(super) async fn page(&self, path: &str) -> (StatusCode, String) {
        let request = Request::get(path)
            .header(header::COOKIE, format!("hiji_session={}; hiji_lang=id", self.token))
            .body(String::new());
        let (status, _, text) = self.app.ask(request.unwrap()).await;
        (status, text)
    }

    pub(super) async fn post(&self, path: &str, form: &str) -> (StatusCode, String) {
        let request = Request::post(path)
            .header(header::COOKIE, format!("hiji_session={}; hiji_lang=id", self.token))
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.to_owned());
        let (status, _, text) = self.app.ask(request.unwrap()).await;
        (status, text)
    }
}

async fn price_on(boss: &Browser<'_>, router: &Value) -> (i64, i64) {
    let (_, list) = boss.api("GET", &format!("/packages?router_id={router}"), Value::Null).await;
    let package = &list["items"][0];
    (package["price"]["amount"].as_i64().unwrap(), package["cost"]["amount"].as_i64().unwrap())
}

#[tokio::test]
async fn a_price_holds_from_its_date_on_its_router_and_past_ones_stay() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let (one, two) = (app.router(site, "Kebon 1").await, app.router(site, "Kebon 2").await);
        app.package("12 Jam", &[one, two]).await;
        let boss = Browser { app: &app, token: app.signed_in(Role::SuperAdmin, &[]).await };
        let (one, two) = (json!(one), json!(two));
        let set = async |body: Value| boss.api("POST", "/packages/1/prices", body).await;
        let (status, everywhere) = set(json!({ "price": 3500, "valid_from": "2026-12-01T00:00:00Z" })).await;
        assert_eq!((status, &everywhere["state"]), (StatusCode::CREATED, &json!("future")), "{everywhere}");
        assert_eq!(everywhere["cost"]["amount"], 2000);
        let (status, own) = set(json!({ "price": 2500, "cost": 1500, "router_id": two })).await;
        assert_eq!((status, &own["state"]), (StatusCode::CREATED, &json!("in_force")), "{own}");
        assert_eq!((price_on(&boss, &one).await, price_on(&boss, &two).await), ((3000, 2000), (2500, 1500)));
        app.clock.advance(Duration::days(20));
        // The session is still good, and the date has come.
        assert_eq!((price_on(&boss, &one).await, price_on(&boss, &two).await), ((3500, 2000), (2500, 1500)));
        for (body, field, code) in [
            (json!({ "price": 1, "valid_from": "2026-11-30T00:00:00Z" }), "valid_from", "in_the_past"),
            (json!({ "price": 1, "valid_from": "2099-11-30T00:00:00Z" }), "valid_from", "too_far_ahead"),
            (json!({ "price": { "amount": 1, "currency": "USD" } }), "price", "currency"),
            (json!({ "price": 1, "router_id": 99 }), "router_id", "no_such_router"),
            (json!({ "price": -1 }), "price", "out_of_range"),
        ] {
            let (status, problem) = set(body).await;
            assert_eq!((status, &problem["errors"][field]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(code)));
        }
        let begun = format!("/packages/1/prices/{}", everywhere["id"]);
        let (status, problem) = boss.api("DELETE", &begun, Value::Null).await;
        assert_eq!((status, &problem["errors"][""]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("price_begun")));
        let (_, later) = set(json!({ "price": 9000, "valid_from": "2027-01-01T00:00:00Z" })).await;
        // Of two that begin at once nobody could tell which was meant; on another router it is another price.
        let again = json!({ "price": 9500, "valid_from": "2027-01-01T00:00:00Z" });
        let (status, problem) = set(again.clone()).await;
        assert_eq!(
            (status, &problem["errors"]["valid_from"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("price_same_start"))
        );
        assert!(problem["detail"].as_str().unwrap().contains("Rp9.000"), "{problem}");
        let mut own = again;
        own["router_id"] = two.clone();
        let (status, own) = set(own).await;
        assert_eq!(status, StatusCode::CREATED, "{own}");
        boss.api("DELETE", &format!("/packages/1/prices/{}", own["id"]), Value::Null).await;
        let future = format!("/packages/1/prices/{}", later["id"]);
        assert_eq!(boss.api("DELETE", &future, Value::Null).await.0, StatusCode::NO_CONTENT);
        assert_eq!(boss.api("DELETE", &future, Value::Null).await.0, StatusCode::NOT_FOUND);
        let (_, history) = boss.api("GET", "/packages/1/prices", Value::Null).await;
        assert_eq!(history["items"].as_array().unwrap().len(), 2);
        let (status, page) = boss.page("/packages/1/prices").await;
        assert!(status == StatusCode::OK && page.contains("Rp3.500") && page.contains("harga awal"), "{page}");
        assert!(page.contains(r#"harga awal</span> <span class="mark idle">lama</span>"#), "{page}");
    })
    .await;
}

#[tokio::test]
async fn another_price_in_the_form_holds_from_now_on_and_the_same_one_writes_nothing() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let router = app.router(site, "Kebon 1").await;
        app.package("12 Jam", &[router]).await;
        let boss = Browser { app: &app, token: app.signed_in(Role::SuperAdmin, &[]).await };
        let (_, mut package) = boss.api("GET", "/packages/1", Value::Null).await;
        boss.api("PUT", "/packages/1", package.clone()).await;
        let prices = async || boss.api("GET", "/packages/1/prices", Value::Null).await.1["items"].clone();
        assert_eq!(prices().await, json!([]));
        package["price"]["amount"] = json!(4000);
        let (status, changed) = boss.api("PUT", "/packages/1", package.clone()).await;
        assert_eq!((status, &changed["price"]["amount"]), (StatusCode::OK, &json!(4000)));
        assert_eq!(prices().await.as_array().unwrap().len(), 1);
        package["price"]["currency"] = json!("USD");
        package["cost"]["currency"] = json!("USD");
        let (status, problem) = boss.api("PUT", "/packages/1", package).await;
        assert_eq!(
            (status, &problem["errors"]["price"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("not_our_currency"))
        );
    })
    .await;
}

#[tokio::test]
async fn an_archived_package_is_not_offered_and_comes_back_as_it_was() {
    let app = TestApp::sqlite().await;
    let site = app.site("Kebon").await;
    let router = app.router(site, "Kebon 1").await;
    app.package("12 Jam", &[router]).await;
    let boss = Browser { app: &app, token: app.signed_in(Role::SuperAdmin, &[]).await };
    let (status, archived) = boss.api("POST", "/packages/1/archive", Value::Null).await;
    assert!(status == StatusCode::OK && archived["archived_at"].is_string(), "{archived}");
    let offered = async |query: &str| {
        let (_, list) = boss.api("GET", &format!("/packages{query}"), Value::Null).await;
        list["items"].as_array().unwrap().len()
    };
    assert_eq!((offered("").await, offered("?archived=1").await), (0, 1));
    let form = json!({ "router_id": router, "package_id": 1, "count": 5 });
    let (_, problem) = boss.api("POST", "/voucher_batches", form.clone()).await;
    assert_eq!(problem["errors"]["package_id"], "package_archived");
    assert!(!boss.page("/vouchers/new").await.1.contains("12 Jam"));
    let (status, _) = boss.post("/packages/1/restore", "").await;
    assert_eq!((status, offered("").await), (StatusCode::SEE_OTHER, 1));
    assert_eq!(boss.api("POST", "/voucher_batches", form).await.0, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn what_a_seller_pays_is_kept_with_the_voucher_whatever_prices_do_later() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let router = app.router(site, "Kebon 1").await;
        app.package("12 Jam", &[router]).await;
        let boss = Browser { app: &app, token: app.signed_in(Role::SuperAdmin, &[]).await };
        let seller = json!({ "site_id": site, "name": "Warung Bu Sri", "phone": "0812-3456-7890", "level": "Silver" });
        let (status, seller) = boss.api("POST", "/sellers", seller).await;
        assert_eq!((status, &seller["phone"]), (StatusCode::CREATED, &json!("+6281234567890")), "{seller}");
        let rule = json!({ "kind": "percent", "off_bp": 1000, "level": "silver", "min_count": 10 });
        let (status, rule) = boss.api("POST", "/price_rules", rule).await;
        assert_eq!(status, StatusCode::CREATED, "{rule}");
        let form = |count: i64, more: Value| {
            let mut form = json!({ "router_id": router, "package_id": 1, "count": count, "seller_id": seller["id"] });
            form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            form
        };
        let (_, few) = boss.api("POST", "/voucher_batches", form(9, json!({}))).await;
        assert_eq!(few["net_price"]["amount"], 3000, "{few}");
        let (_, many) = boss.api("POST", "/voucher_batches", form(10, json!({}))).await;
        assert_eq!(
            (&many["net_price"]["amount"], &many["price"]["amount"], &many["seller"]),
            (&json!(2700), &json!(3000), &json!("Warung Bu Sri"))
        );
        // A loss is made only when somebody says so.
        let cheap = json!({ "kind": "fixed", "net_price": 1500, "package_id": 1, "level": "Silver" });
        boss.api("POST", "/price_rules", cheap).await;
        let (status, problem) = boss.api("POST", "/voucher_batches", form(5, json!({}))).await;
        assert_eq!(
            (status, &problem["errors"]["confirm_below_cost"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("below_cost"))
        );
        let (status, loss) = boss.api("POST", "/voucher_batches", form(5, json!({ "confirm_below_cost": true }))).await;
        assert_eq!((status, &loss["net_price"]["amount"]), (StatusCode::ACCEPTED, &json!(1500)), "{loss}");
        boss.api("POST", "/packages/1/prices", json!({ "price": 9000, "cost": 8000 })).await;
        boss.api("DELETE", &format!("/price_rules/{}", rule["id"]), Value::Null).await;
        boss.api("POST", &format!("/sellers/{}/archive", seller["id"]), Value::Null).await;
        let (_, same) = boss.api("GET", &format!("/voucher_batches/{}", many["id"]), Value::Null).await;
        assert_eq!(
            (&same["net_price"], &same["price"], &same["cost"]),
            (&many["net_price"], &many["price"], &many["cost"])
        );
        let (_, vouchers) = boss.api("GET", &format!("/vouchers?batch_id={}", many["id"]), Value::Null).await;
        assert!(vouchers["items"].as_array().unwrap().iter().all(|voucher| voucher["net_price"]["amount"] == 2700));
        let (_, problem) = boss.api("POST", "/voucher_batches", form(10, json!({}))).await;
        assert_eq!(problem["errors"]["seller_id"], "no_such_seller");
    })
    .await;
}

#[tokio::test]
async fn sellers_and_rules_are_kept_on_their_pages_within_the_callers_sites() {
    on_each_database(|app| async move {
        let (site, other) = (app.site("Kebon").await, app.site("Waena").await);
        let boss = Browser { app: &app, token: app.signed_in(Role::SuperAdmin, &[]).await };
        let form = |site, name: &str| format!("site_id={site}&name={name}&phone=0812-3456-7890&level=Gold");
        for (site, name) in [(site, "Sri"), (other, "Yosef"), (site, "Budi")] {
            let (status, page) = boss.post("/sellers", &form(site, name)).await;
            assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        }
        let (status, page) = boss.post("/sellers", &form(site, "Sri")).await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("Sudah dipakai"), "{page}");
        let (status, page) = boss.post("/sellers", "site_id=1&name=X&phone=08").await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("Bukan nomor telepon"), "{page}");
        let admin = Browser { app: &app, token: app.signed_in(Role::Admin, &[site]).await };
        let names = async |path: &str| {
            let (_, list) = admin.api("GET", path, Value::Null).await;
            list["items"].as_array().unwrap().iter().map(|row| row["name"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(names("/sellers").await, ["Budi", "Sri"]);
        assert_eq!(names("/sellers?q=0812-3456").await, ["Budi", "Sri"]);
        assert_eq!(names("/sellers?q=sR").await, ["Sri"]);
        let (_, first) = admin.api("GET", "/sellers?limit=1", Value::Null).await;
        let next = format!("/sellers?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
        assert_eq!(names(&next).await, ["Sri"]);
        assert_eq!(admin.page("/sellers/2").await.0, StatusCode::NOT_FOUND);
        assert!(admin.page("/sellers").await.1.contains("0812-3456-7890"));
        assert_eq!(admin.post("/sellers/1/archive", "").await.0, StatusCode::SEE_OTHER);
        assert_eq!(
            (names("/sellers").await, names("/sellers?archived=1").await),
            (vec![json!("Budi")], vec![json!("Sri")])
        );
        // Rules belong to no site: who is limited to some sees them, and changes none.
        let rule = "package_id=&level=Gold&min_count=100&kind=percent&off=12,5&active=on";
        assert_eq!(admin.post("/sellers/rules", rule).await.0, StatusCode::FORBIDDEN);
        assert_eq!(boss.post("/sellers/rules", rule).await.0, StatusCode::SEE_OTHER);
        let (_, page) = admin.page("/sellers/rules").await;
        assert!(page.contains("12,5%") && page.contains("Gold"), "{page}");
        let english = Request::get("/sellers/rules")
            .header(header::COOKIE, format!("hiji_session={}; hiji_lang=en", boss.token))
            .body(String::new());
        assert!(app.ask(english.unwrap()).await.2.contains("12.5%"));
        let (status, page) = boss.post("/sellers/rules", &rule.replace("Gold", " gold ")).await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("min_count-error"), "{page}");
        assert_eq!(boss.post("/sellers/rules/1", rule).await.0, StatusCode::SEE_OTHER, "itself");
        let (status, page) = boss.post("/sellers/rules/1", &rule.replace("12,5", "101")).await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("sampai 100"), "{page}");
        assert_eq!(boss.page("/sellers/rules/1").await.0, StatusCode::OK);
        assert_eq!(boss.post("/sellers/rules/1/remove", "").await.0, StatusCode::SEE_OTHER);
        assert_eq!(boss.api("GET", "/price_rules", Value::Null).await.1["items"], json!([]));
    })
    .await;
}
