//! Printing from the outside: pages and API, asked over the whole router.

use axum::http::{HeaderMap, Request, StatusCode, header};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};
use serde_json::{Value, json};

use crate::{
    db::entity::{voucher, voucher_batch},
    http::access::Role,
    ids::{BatchId, SiteId},
    testing::{TestApp, on_each_database},
    vouchers::Status,
};

const FORM_ID: &str = "0123456789abcdef0123456789abcdef";

struct Browser<'a> {
    app: &'a TestApp,
    token: String,
}

impl Browser<'_> {
    async fn get(&self, path: &str) -> (StatusCode, HeaderMap, String) {
        let cookie = format!("hiji_session={}; hiji_lang=en", self.token);
        self.app.ask(Request::get(path).header(header::COOKIE, cookie).body(String::new()).unwrap()).await
    }

    /// Where a page sends on to.
    async fn sent(&self, path: &str) -> String {
        let (status, headers, body) = self.get(path).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{path}: {body}");
        headers[header::LOCATION].to_str().unwrap().to_owned()
    }

    async fn page(&self, path: &str) -> String {
        let (status, _, body) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
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

    async fn api(&self, method: &str, path: &str, body: Value) -> (StatusCode, String) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(if body.is_null() { String::new() } else { body.to_string() })
            .unwrap();
        let (status, _, text) = self.app.ask(request).await;
        (status, text)
    }

    async fn json(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let (status, text) = self.api(method, path, body).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

struct Sold {
    site: SiteId,
    batch: BatchId,
}

/// A batch made with the form of a sale, not proven yet.
async fn sold(app: &TestApp, count: usize, mode: &str) -> Sold {
    let site = app.site("Kebon").await;
    let router = app.router(site, "Kebon 1").await;
    let package = app.package("12 Jam", &[router]).await;
    let boss = Browser { app, token: app.signed_in(Role::SuperAdmin, &[]).await };
    let form = format!(
        "form_id={FORM_ID}&router_id={router}&package_id={package}&count={count}&mode={mode}&prefix=KB&length=6\
         &charset=upper_digits"
    );
    let (status, _, page) = boss.post("/vouchers", &form).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    Sold { site, batch: BatchId(1) }
}

/// The router has proven them all.
async fn prove(app: &TestApp, batch: BatchId) {
    let db = app.app.db.begin().await.unwrap();
    voucher::Entity::update_many()
        .col_expr(voucher::Column::Status, Expr::value(Status::Ready.as_str()))
        .filter(voucher::Column::BatchId.eq(batch.0))
        .exec(&*db)
        .await
        .unwrap();
    voucher_batch::Entity::update_many()
        .col_expr(voucher_batch::Column::Applied, Expr::col(voucher_batch::Column::Count))
        .filter(voucher_batch::Column::Id.eq(batch.0))
        .exec(&*db)
        .await
        .unwrap();
    db.commit().await.unwrap();
}

async fn set_status(app: &TestApp, batch: BatchId, number: i32, status: Status) {
    let db = app.app.db.begin().await.unwrap();
    voucher::Entity::update_many()
        .col_expr(voucher::Column::Status, Expr::value(status.as_str()))
        .filter(voucher::Column::BatchId.eq(batch.0))
        .filter(voucher::Column::Number.eq(number))
        .exec(&*db)
        .await
        .unwrap();
    db.commit().await.unwrap();
}

fn cells(page: &str) -> usize {
    page.matches("class=\"p-cell").count()
}

#[tokio::test]
async fn a_print_is_counted_once_and_a_reprint_needs_a_reason() {
    on_each_database(|app| async move {
        let sold = sold(&app, 130, "same").await;
        prove(&app, sold.batch).await;
        let rina = Browser { app: &app, token: app.signed_in(Role::Operator, &[sold.site]).await };
        let to = rina.sent("/vouchers/batches/1/print?format=a4-120").await;
        for _reload in 0..3 {
            let page = rina.page(&to).await;
            assert_eq!((cells(&page), page.matches("class=\"p-sheet").count()), (130, 2), "{page}");
            assert!(page.contains("#001") && page.contains("#130") && page.contains("Kebon"), "{page}");
            assert!(page.contains("12 hours · Rp3.000 · valid 3 days") && !page.contains("0 days"), "{page}");
        }
        // Without its key it is another print.
        let to = rina.sent("/vouchers/batches/1/print?format=thermal-58").await;
        assert_eq!(to, "/vouchers/batches/1/prints?format=thermal-58");
        let page = rina.page(&to).await;
        assert!(page.contains("Printed 1×, last by"), "{page}");
        let (status, _, page) = rina.post("/vouchers/batches/1/prints", "format=thermal-58&what=all").await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("Give the reason"), "{page}");
        let again = format!("form_id={}&format=thermal-58&what=all&reason=paper+jam", "a".repeat(32));
        let (status, headers, _) = rina.post("/vouchers/batches/1/prints", &again).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        // A second click of a double click counts nothing.
        rina.post("/vouchers/batches/1/prints", &again).await;
        let page = rina.page(headers[header::LOCATION].to_str().unwrap()).await;
        assert!(page.contains("p-thermal-58") && page.contains("data-print"), "{page}");
        let page = rina.page("/vouchers/batches/1").await;
        assert!(page.contains("printed 2×, last by"), "{page}");
        let (_, prints) = rina.json("GET", "/voucher_batches/1/prints", Value::Null).await;
        assert_eq!(prints["items"].as_array().unwrap().len(), 2, "{prints}");
        assert_eq!((&prints["items"][0]["reason"], &prints["items"][1]["count"]), (&json!("paper jam"), &json!(130)));
        // The paper used last is offered next.
        let page = rina.page("/vouchers/batches/1/prints").await;
        assert!(page.contains("value=\"thermal-58\" checked"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn parts_of_a_batch_are_printed_one_after_the_other() {
    let app = TestApp::sqlite().await;
    let sold = sold(&app, 10, "same").await;
    prove(&app, sold.batch).await;
    set_status(&app, sold.batch, 2, Status::Active).await;
    set_status(&app, sold.batch, 3, Status::Expired).await;
    set_status(&app, sold.batch, 4, Status::Blocked).await;
    let rina = Browser { app: &app, token: app.signed_in(Role::Operator, &[]).await };
    let shown = async |query: &str| {
        let to = rina.sent(&format!("/vouchers/batches/1/print?{query}")).await;
        if to.contains("/prints?") { 0 } else { cells(&rina.page(&to).await) }
    };
    assert_eq!(shown("format=a4-120&what=range&from=1&to=5").await, 3);
    assert_eq!(shown("format=a4-120&what=range&from=6&to=7").await, 2);
    assert_eq!(shown("format=a4-120&from=8&to=10").await, 3);
    // Printed before.
    assert_eq!(shown("format=a4-120&what=range&from=7&to=8").await, 0);
    let (status, _) = rina.api("GET", "/voucher_batches/1/print?what=range&from=3&to=4", Value::Null).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let body = json!({"format": "a4-120", "what": "unsold", "reason": "lost"});
    let (status, printed) = rina.json("POST", "/voucher_batches/1/prints", body).await;
    assert_eq!((status, &printed["count"]), (StatusCode::CREATED, &json!(7)), "{printed}");
    for (query, field) in [("format=a5", "format"), ("what=some", "what"), ("what=range&from=5&to=2", "to")] {
        let (status, problem) = rina.json("GET", &format!("/voucher_batches/1/print?{query}"), Value::Null).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        assert!(problem["errors"][field].is_string(), "{problem}");
    }
}

#[tokio::test]
async fn what_is_not_proven_waits_and_needs_an_override() {
    let app = TestApp::sqlite().await;
    let sold = sold(&app, 5, "same").await;
    let rina = Browser { app: &app, token: app.signed_in(Role::Operator, &[sold.site]).await };
    // The tab that opened with the form, before and after the batch is there.
    let page = rina.page(&format!("/vouchers/print/after/{}", "b".repeat(32))).await;
    assert!(page.contains("http-equiv=\"refresh\"") && page.contains("being made"), "{page}");
    let to = rina.sent(&format!("/vouchers/print/after/{FORM_ID}")).await;
    let page = rina.page(&to).await;
    assert!(page.contains("0/5 on the router, waiting for Kebon 1") && page.contains("unproven=1"), "{page}");
    let (status, problem) = rina.json("GET", "/voucher_batches/1/print?format=a4-120", Value::Null).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("batch_not_ready")));
    let (_, prints) = rina.json("GET", "/voucher_batches/1/prints", Value::Null).await;
    assert_eq!(prints["items"], json!([]));
    prove(&app, sold.batch).await;
    // By itself it becomes the paper; two tabs of it are one print.
    for _tab in 0..2 {
        let (status, headers, page) = rina.get(&to).await;
        // The first is sent on once it is counted, the second sees the paper at once.
        let page = match status {
            StatusCode::SEE_OTHER => rina.page(headers[header::LOCATION].to_str().unwrap()).await,
            _ => page,
        };
        assert!(cells(&page) == 5, "{page}");
        let (_, prints) = rina.json("GET", "/voucher_batches/1/prints", Value::Null).await;
        assert_eq!(prints["items"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn who_insists_prints_what_is_not_proven_and_it_is_marked() {
    let app = TestApp::sqlite().await;
    let sold = sold(&app, 5, "separate").await;
    let rina = Browser { app: &app, token: app.signed_in(Role::Operator, &[sold.site]).await };
    let paper = rina.sent("/vouchers/batches/1/print?format=a4-36-qr&unproven=1").await;
    let page = rina.page(&paper).await;
    assert_eq!(cells(&page), 5);
    assert!(page.contains("not proven on the router") && page.contains("class=\"p-pass\""), "{page}");
    // The router has told no name to log in at.
    assert!(page.contains("Without QR codes") && !page.contains("class=\"qr\""), "{page}");
    let (_, prints) = rina.json("GET", "/voucher_batches/1/prints", Value::Null).await;
    assert_eq!(prints["items"][0]["unproven"], json!(true));
}

#[tokio::test]
async fn programs_reload_a_print_without_counting_it() {
    let app = TestApp::sqlite().await;
    let sold = sold(&app, 5, "same").await;
    prove(&app, sold.batch).await;
    let boss = Browser { app: &app, token: app.signed_in(Role::Admin, &[]).await };
    for format in ["a4-120", "a4-36-qr", "a4-30-qr", "thermal-58", "thermal-80"] {
        let (status, page) = boss.api("GET", &format!("/voucher_batches/1/print?format={format}"), Value::Null).await;
        assert_eq!((status, cells(&page)), (StatusCode::OK, 5), "{page}");
        assert!(page.contains(&format!("p-{format}")), "{page}");
    }
    let (status, page) = boss.api("GET", "/vouchers/3/print?format=thermal-58", Value::Null).await;
    assert_eq!((status, cells(&page)), (StatusCode::OK, 1), "{page}");
    let (_, batch) = boss.json("GET", "/voucher_batches/1", Value::Null).await;
    assert_eq!(batch["printed"], json!(1));
    // The style sheet is fetched without a session.
    let style = page.split("/print/style/").nth(1).unwrap().split('"').next().unwrap();
    let request = Request::get(format!("/print/style/{style}")).body(String::new()).unwrap();
    let (status, headers, css) = app.ask(request).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        css.starts_with("@page{size:58mm") && headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable")
    );
}

#[tokio::test]
async fn vouchers_that_a_search_chose_are_printed_together() {
    let app = TestApp::sqlite().await;
    let sold = sold(&app, 9, "same").await;
    prove(&app, sold.batch).await;
    let rina = Browser { app: &app, token: app.signed_in(Role::Operator, &[]).await };
    let paper = rina.sent("/vouchers/print?format=a4-120&ids=2,3,5").await;
    assert_eq!(cells(&rina.page(&paper).await), 3);
    let again = rina.sent("/vouchers/print?format=a4-120&ids=5,6").await;
    assert!(again.starts_with("/vouchers/prints?"), "{again}");
    assert!(rina.page(&again).await.contains("Print 2 chosen vouchers"));
    let (status, _, page) = rina.post("/vouchers/prints", "format=a4-120&ids=5,6").await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("name=\"reason\""), "{page}");
    let many = (1..=501).map(|id: i32| id.to_string()).collect::<Vec<_>>().join(",");
    let (status, _, _) = rina.get(&format!("/vouchers/print?ids={many}")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let one = rina.sent("/vouchers/codes/8/print").await;
    assert!(one.contains("/vouchers/batches/1/print?format=thermal-58&what=range&from=8&to=8"), "{one}");
    // On the roll used last, also after another paper.
    for paper in ["thermal-80&ids=6", "a4-30-qr&ids=7"] {
        rina.page(&rina.sent(&format!("/vouchers/print?format={paper}")).await).await;
    }
    let one = rina.sent("/vouchers/codes/8/print").await;
    assert!(one.contains("format=thermal-80&"), "{one}");
}

#[tokio::test]
async fn a_foreign_sites_batch_does_not_exist_and_a_viewer_does_not_print() {
    let app = TestApp::sqlite().await;
    let sold = sold(&app, 3, "same").await;
    prove(&app, sold.batch).await;
    let other = app.site("Waena").await;
    let wati = Browser { app: &app, token: app.signed_in(Role::Operator, &[other]).await };
    for path in
        ["/vouchers/batches/1/print", "/vouchers/batches/1/prints", "/vouchers/codes/1/print", "/vouchers/print?ids=1"]
    {
        assert_eq!(wati.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let to = wati.page(&format!("/vouchers/print/after/{FORM_ID}")).await;
    assert!(to.contains("being made"), "{to}");
    for path in ["/voucher_batches/1/print", "/voucher_batches/1/prints", "/vouchers/1/print"] {
        assert_eq!(wati.api("GET", path, Value::Null).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}
