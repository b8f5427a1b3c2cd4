//! Invoices from the outside: pages, prints, files and API, over the whole router.

use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Value, json};

use super::*;
use crate::{
    http::access::Role,
    settings::{self, Settings},
};

pub(super) struct Browser<'a> {
    pub(super) app: &'a TestApp,
    pub(super) token: String,
}

impl Browser<'_> {
    pub(super) async fn get(&self, path: &str) -> (StatusCode, HeaderMap, String) {
        let cookie = format!("hiji_session={}; hiji_lang=en", self.token);
        self.app.ask(Request::get(path).header(header::COOKIE, cookie).body(String::new()).unwrap()).await
    }

    pub(super) async fn page(&self, path: &str) -> String {
        let (status, _, body) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    pub(super) async fn post(&self, path: &str, form: &str) -> (StatusCode, String, String) {
        let request = Request::post(path)
            .header(header::COOKIE, format!("hiji_session={}; hiji_lang=en", self.token))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(form.to_owned())
            .unwrap();
        let (status, headers, body) = self.app.ask(request).await;
        let to = headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned();
        (status, to, body)
    }

    pub(super) async fn api(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(if body.is_null() { String::new() } else { body.to_string() })
            .unwrap();
        let (status, _, text) = self.app.ask(request).await;
        (status.as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

const FORM_ID: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn an_invoice_is_made_printed_credited_and_voided_by_hand() {
    let app = TestApp::sqlite().await;
    let site = app.site("Kebon").await;
    let budi = customer(&app, site, "Budi <b>").await;
    let boss = Browser { app: &app, token: app.signed_in(Role::Admin, &[]).await };
    assert!(boss.page("/invoices").await.contains("Nothing is unpaid"));
    assert!(boss.page("/invoices/new?q=budi").await.contains(&format!("/customers/{budi}/invoices/new")));
    let page = boss.page(&format!("/customers/{budi}/invoices/new")).await;
    assert!(page.contains("2026-11-22") && !page.contains("PPN"), "{page}");
    // More lines, then what is wrong, then the invoice; a double click makes one.
    let typed = "text=Kabel&quantity=2&price=50.000&taxed=no&text=Diskon&quantity=1&price=-10.000&taxed=no";
    let path = format!("/customers/{budi}/invoices");
    let (status, _, page) = boss.post(&path, &format!("form_id={FORM_ID}&more=1&{typed}")).await;
    assert!(status == StatusCode::OK && page.matches("name=\"text\"").count() > 5 && page.contains("Kabel"), "{page}");
    let (status, _, page) = boss.post(&path, "text=&price=5&due_on=2020-01-01").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{page}");
    let (status, _, page) = boss.post(&path, "text=x&price=5&due_on=2020-01-01").await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("Choose a day from today on"), "{page}");
    // A last day that was taken out is not today.
    let (status, _, page) = boss.post(&path, "text=x&price=5&due_on=").await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("due_on-error"), "{page}");
    assert!(page.contains("This is needed."), "{page}");
    let (status, _, page) = boss.post(&path, "text=x&price=-5&due_on=2026-11-30").await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("Discounts are larger"), "{page}");
    let form = format!("form_id={FORM_ID}&due_on=2026-11-30&notes=Lunas+di+kantor&{typed}");
    let (status, to, page) = boss.post(&path, &form).await;
    assert_eq!((status, &*to), (StatusCode::SEE_OTHER, "/invoices/1"), "{page}");
    assert_eq!(boss.post(&path, &form).await.1, "/invoices/1");
    let page = boss.page("/invoices/1").await;
    for part in ["INV-202611-000001", "Budi &lt;b&gt;", "Rp90.000", "-Rp10.000", "Unpaid", "/pay?invoice=1"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let list = boss.page("/invoices").await;
    assert!(list.contains("INV-202611-000001") && list.contains("1 invoice ·"), "{list}");
    assert!(boss.page("/invoices?q=inv-202611-000001&tab=all").await.contains("INV-202611-000001"));
    // How it is paid is the operator's to say.
    let typed = "invoice_days_ahead=7&is_balance_used=on&isolation_hold_share_percent=20&isolation_hold_count=50\
        &isolation_wave_size=50&quiet_from=20&quiet_until=7&payment_instructions=BCA+1234567890%0D%0Aa.n.+Kebon+%3CNet%3E";
    assert_eq!(boss.post("/settings/billing", typed).await.0, StatusCode::SEE_OTHER);
    assert!(boss.page("/settings/billing").await.contains("BCA 1234567890\na.n. Kebon &lt;Net&gt;"));
    let (status, _, page) = boss.post("/settings/billing", &format!("{typed}{}", "%0Ax".repeat(8))).await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("payment_instructions-error"), "{page}");
    // In the language of the customer, on each paper.
    for paper in ["a4", "thermal-80", "thermal-58"] {
        let page = boss.page(&format!("/invoices/1/print?format={paper}")).await;
        assert!(page.contains("TAGIHAN") && page.contains(&format!("doc-{paper}")), "{page}");
        assert!(page.contains("Lunas di kantor") && !page.contains("<style"), "{page}");
        assert!(page.contains("Cara bayar") && page.contains("BCA 1234567890\na.n. Kebon &lt;Net&gt;"), "{page}");
        let style = page.split("/paper/").nth(1).unwrap().split('"').next().unwrap();
        assert!(boss.page(&format!("/paper/{style}")).await.starts_with("@page{size:"), "{style}");
    }
    assert_eq!(boss.get("/invoices/1/print?format=x").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(boss.page("/invoices/1/credit").await.contains("90.000"));
    let (status, _, page) = boss.post("/invoices/1/credit", "amount=90.001&reason=x").await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("at most what is not credited"), "{page}");
    for both in ["amount=90.001&reason=", "amount=banyak&reason=+"] {
        let (status, _, page) = boss.post("/invoices/1/credit", both).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{both}");
        assert!(page.contains("amount-error") && page.contains("reason-error"), "{both}: {page}");
    }
    let (status, to, _) = boss.post("/invoices/1/credit", "amount=40.000&reason=gangguan").await;
    assert_eq!((status, &*to), (StatusCode::SEE_OTHER, "/invoices/1"));
    let page = boss.page("/invoices/1").await;
    assert!(page.contains("NK-202611-000001") && page.contains("Partly paid") && !page.contains("void-invoice"));
    let (status, _, page) = boss.post("/invoices/1/void", "reason=salah").await;
    assert!(status == StatusCode::CONFLICT && page.contains("has credit notes"), "{page}");
    let (_, to, _) = boss.post(&path, "text=Salah&price=1.000&is_draft=on&due_on=2026-11-30").await;
    let page = boss.page(&to).await;
    assert!(page.contains("Drop the draft") && page.contains("/issue"), "{page}");
    let (status, _, page) = boss.post(&format!("{to}/void"), "reason=").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{page}");
    assert_eq!(boss.post(&format!("{to}/void"), "reason=salah").await.0, StatusCode::SEE_OTHER);
    assert!(boss.page(&to).await.contains("Void: salah"));
    assert!(!boss.page(&format!("{to}/print")).await.contains("Cara bayar"), "nothing is to be paid");
    let timeline = boss.page(&format!("/customers/{budi}")).await;
    assert!(timeline.contains("Invoice INV-202611-000001 over Rp90.000") && timeline.contains("Credit note NK-"));
    let statement = boss.page(&format!("/customers/{budi}/statement")).await;
    assert!(statement.contains("Rp50.000") && statement.contains("INV-202611-000001"), "{statement}");
    let paper = boss.page(&format!("/customers/{budi}/statement/print?from=2026-11-01&to=2026-11-30")).await;
    assert!(paper.contains("Kartu piutang") && paper.contains("Rp50.000"), "{paper}");
    let aging = boss.page("/reports/aging").await;
    assert!(aging.contains("Rp50.000") && aging.contains("Budi &lt;b&gt;"), "{aging}");
    // A month that is over; sent empty it is every month, not sent it is this one.
    for (query, found) in
        [("tab=all&month=", true), ("tab=all&month=2026-11", true), ("tab=all&month=2026-10", false), ("tab=all", true)]
    {
        let page = boss.page(&format!("/invoices?{query}")).await;
        assert_eq!(page.contains("INV-202611-000001"), found, "{query}: {page}");
    }
    app.clock.advance(chrono::Duration::days(15));
    let page = boss.page("/invoices?tab=all").await;
    assert!(!page.contains("INV-202611-000001") && page.contains("value=\"2026-12\""), "{page}");
    let page = boss.page("/invoices?tab=all&month=").await;
    assert!(page.contains("INV-202611-000001") && !page.contains("value=\"2026-12\""), "{page}");
    assert!(!page.contains("month=+"), "{page}");
    app.clock.advance(chrono::Duration::days(-15));
    for path in ["/invoices/export?format=csv&tab=all&month=", "/reports/aging/export?format=csv"] {
        let (status, headers, body) = boss.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        assert!(headers[header::CONTENT_DISPOSITION].to_str().unwrap().ends_with(".csv\""));
        assert!(body.contains("Budi <b>") && body.contains("50000"), "{body}");
    }
    let (status, headers, body) = boss.get("/reports/aging/export?format=xlsx&to=2026-11-01").await;
    assert!(status == StatusCode::OK && body.starts_with("PK"), "{headers:?}");
}

#[tokio::test]
async fn a_day_that_cannot_be_read_is_said_at_its_field_and_the_list_is_shown() {
    let app = TestApp::sqlite().await;
    let site = app.site("Kebon").await;
    let budi = customer(&app, site, "Budi").await;
    make(&app, vec![proposal(budi, site, "a", 1_000)], Issue::Now).await;
    let boss = Browser { app: &app, token: app.signed_in(Role::Admin, &[]).await };
    for (path, field, sentence) in [
        ("/invoices?month=12%2F2026", "month", "Enter a month, for example 2026-12."),
        ("/reports/aging?to=besok", "to", "This is not a date. Write it as 31-12-2026"),
    ] {
        let (status, _, page) = boss.get(path).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert!(page.contains(&format!("id=\"{field}-error\"")) && page.contains(sentence), "{path}: {page}");
        assert!(page.contains("Budi") && page.contains("aria-invalid"), "{path}: {page}");
    }
    // What was typed stands in its field; a list that is endless is of this month again.
    let (_, _, page) = boss.get("/invoices?tab=all&month=besok").await;
    assert!(page.contains("value=\"besok\"") && page.contains("month=2026-11"), "{page}");
    // Files and programs are refused.
    assert_eq!(boss.get("/invoices/export?month=besok").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(boss.api("GET", "/invoices?month=besok", Value::Null).await.1["errors"]["month"], "bad_month");
}

#[tokio::test]
async fn drafts_are_approved_one_by_one_and_together() {
    let app = TestApp::sqlite().await;
    let (kebon, waena) = (app.site("Kebon").await, app.site("Waena").await);
    let (budi, siti) = (customer(&app, kebon, "Budi").await, customer(&app, waena, "Siti").await);
    let boss = Browser { app: &app, token: app.signed_in(Role::Admin, &[]).await };
    let local = Browser { app: &app, token: app.signed_in(Role::SuperAdmin, &[kebon]).await };
    let mut wanted: Vec<Proposal> = (0..4).map(|nth| proposal(budi, kebon, &format!("b{nth}"), 1_000 + nth)).collect();
    wanted.push(proposal(siti, waena, "s", 7_000));
    let ids: Vec<_> = make(&app, wanted, Issue::Draft).await.iter().map(|made| made.id).collect();
    let page = boss.page("/invoices/drafts").await;
    assert!(page.contains("5 invoices") && page.contains("24 hours") && page.matches("checked").count() >= 5, "{page}");
    let (status, _, page) = boss.post("/invoices/drafts", "which=chosen").await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("Tick the drafts"), "{page}");
    // Whoever sees one site approves there only.
    let both = format!("which=chosen&ids={}&ids={}&ids=x", ids[0], ids[4]);
    assert_eq!(local.post("/invoices/drafts", &both).await.0, StatusCode::SEE_OTHER);
    assert_eq!(boss.post(&format!("/invoices/{}/issue", ids[1]), "").await.0, StatusCode::SEE_OTHER);
    let state = async |nth: usize| {
        let found = super::super::find(app.db.read(), &Scope::All, ids[nth]).await.unwrap().unwrap();
        (found.head.state.as_str(), found.head.number)
    };
    assert_eq!(state(0).await, ("open", Some("INV-202612-000001".to_owned())));
    assert_eq!(state(1).await, ("open", Some("INV-202612-000002".to_owned())));
    assert_eq!(state(4).await, ("draft", None));
    let (status, to, _) = boss.post("/invoices/drafts", "which=all").await;
    assert_eq!((status, &*to), (StatusCode::SEE_OTHER, "/invoices"));
    assert_eq!(state(4).await, ("open", Some("INV-202612-000005".to_owned())));
    let settings = settings::load(app.db.read()).await.unwrap();
    let bad = Settings { invoice_number_format: "INV-{mm}".to_owned(), ..settings };
    assert!(settings::change(&app, &actor(), &bad).await.is_err());
}

#[tokio::test]
async fn drafts_are_approved_through_the_api_by_name_or_all_of_a_site() {
    let app = TestApp::sqlite().await;
    let (kebon, waena) = (app.site("Kebon").await, app.site("Waena").await);
    let (budi, siti) = (customer(&app, kebon, "Budi").await, customer(&app, waena, "Siti").await);
    let boss = Browser { app: &app, token: app.signed_in(Role::Admin, &[]).await };
    let wanted = ["a", "b", "c"].map(|key| proposal(budi, kebon, key, 1_000));
    let mut wanted = Vec::from(wanted);
    wanted.push(proposal(siti, waena, "s", 7_000));
    let ids: Vec<_> = make(&app, wanted, Issue::Draft).await.iter().map(|made| made.id).collect();
    let approve = async |body: Value| boss.api("POST", "/invoices/issue", body).await;
    for (body, field, code) in [
        (json!({}), "invoice_ids", "required"),
        (json!({ "all": true, "invoice_ids": [1] }), "all", "all_or_some"),
        (json!({ "invoice_ids": vec![1; 501] }), "invoice_ids", "too_many_chosen"),
    ] {
        let (status, problem) = approve(body).await;
        assert_eq!((status, &problem["errors"][field]), (422, &json!(code)), "{problem}");
    }
    assert_eq!(
        approve(json!({ "invoice_ids": [ids[0], ids[3], 99] })).await,
        (200, json!({ "issued": 2, "more": false }))
    );
    assert_eq!(approve(json!({ "invoice_ids": [ids[0]] })).await, (200, json!({ "issued": 0, "more": false })));
    let all = json!({ "all": true, "site_id": kebon });
    assert_eq!(approve(all.clone()).await, (200, json!({ "issued": 2, "more": false })));
    let sari = Browser { app: &app, token: app.signed_in(Role::Cashier, &[kebon]).await };
    assert_eq!(sari.api("POST", "/invoices/issue", all).await.0, 403);
}

#[tokio::test]
async fn the_api_does_the_same_and_foreign_sites_do_not_exist() {
    let app = TestApp::sqlite().await;
    let (kebon, waena) = (app.site("Kebon").await, app.site("Waena").await);
    let (budi, siti) = (customer(&app, kebon, "Budi").await, customer(&app, waena, "Siti").await);
    let boss = Browser { app: &app, token: app.signed_in(Role::Admin, &[kebon]).await };
    let line = json!({ "text": "Router", "unit_price": 350_000 });
    let body = json!({ "customer_id": budi, "due_on": "2026-12-01", "lines": [line] });
    let (status, made) = boss.api("POST", "/invoices", body).await;
    assert_eq!((status, &made["number"]), (201, &json!("INV-202611-000001")), "{made}");
    assert_eq!(made["total"], json!({ "amount": 350_000, "currency": "IDR" }));
    let foreign = json!({ "customer_id": siti, "lines": [line] });
    assert_eq!(boss.api("POST", "/invoices", foreign).await.0, 404);
    for (body, field, code) in [
        (json!({ "lines": [line] }), "customer_id", "required"),
        (json!({ "customer_id": budi, "lines": [] }), "lines", "invoice_lines"),
        (json!({ "customer_id": budi, "lines": [{ "text": "", "unit_price": 1 }] }), "lines", "line_text"),
        (json!({ "customer_id": budi, "lines": [{ "text": "x" }] }), "lines", "line_price"),
        (json!({ "customer_id": budi, "lines": [line], "due_on": "2020-01-01" }), "due_on", "due_day"),
    ] {
        let (status, problem) = boss.api("POST", "/invoices", body).await;
        assert_eq!((status, &problem["errors"][field]), (422, &json!(code)), "{problem}");
    }
    make(&app, vec![proposal(siti, waena, "s", 7_000)], Issue::Now).await;
    let (_, list) = boss.api("GET", "/invoices?tab=all", Value::Null).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(boss.api("GET", "/invoices/2", Value::Null).await.0, 404);
    assert_eq!(boss.api("POST", "/invoices/2/void", json!({ "reason": "x" })).await.0, 404);
    assert_eq!(boss.api("POST", "/invoices/2/credit", json!({ "reason": "x" })).await.0, 404);
    assert_eq!(boss.api("GET", &format!("/customers/{siti}/statement"), Value::Null).await.0, 404);
    let (status, note) = boss.api("POST", "/invoices/1/credit", json!({ "amount": 50_000, "reason": "x" })).await;
    assert_eq!((status, &note["to_credit"]["amount"]), (201, &json!(0)), "{note}");
    assert_eq!(
        boss.api("POST", "/invoices/1/void", json!({ "reason": "x" })).await.1["code"],
        "invoice_has_credit_notes"
    );
    let (status, aging) = boss.api("GET", "/reports/aging", Value::Null).await;
    assert_eq!((status, &aging["total"]["amount"]), (200, &json!(300_000)), "{aging}");
    assert_eq!(aging["items"][0]["not_due"]["amount"], 300_000);
    let (_, statement) = boss.api("GET", &format!("/customers/{budi}/statement"), Value::Null).await;
    assert_eq!((&statement["closing"]["amount"], statement["items"].as_array().unwrap().len()), (&json!(300_000), 2));
    for path in [
        "/invoices?tab=x",
        "/invoices?month=2026",
        "/invoices?site_id=x",
        "/reports/aging?to=x",
        "/invoices?cursor=eHg",
    ] {
        assert_eq!(boss.api("GET", path, Value::Null).await.0, 422, "{path}");
    }
    let sari = Browser { app: &app, token: app.signed_in(Role::Cashier, &[kebon]).await };
    assert_eq!(sari.api("GET", "/invoices/1", Value::Null).await.0, 200);
    for path in ["/invoices", "/invoices/1/void", "/invoices/1/credit", "/invoices/1/issue"] {
        assert_eq!(sari.api("POST", path, json!({ "reason": "x" })).await.0, 403, "{path}");
    }
    for path in ["/invoices/new", "/invoices/1/credit", &format!("/customers/{budi}/invoices/new")] {
        assert_eq!(sari.get(path).await.0, StatusCode::FORBIDDEN, "{path}");
    }
}
