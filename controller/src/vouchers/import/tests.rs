//! Imports on both databases: by the page and by the API, all or nothing.

use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    http::access::Role,
    testing::{TestApp, on_each_database},
};

const BOUNDARY: &str = "xxBOUNDARYxx";
const FORM_ID: &str = "0123456789abcdef0123456789abcdee";

async fn post(app: &TestApp, token: &str, fields: &[(&str, &str)], file: &str) -> (StatusCode, HeaderMap, String) {
    let mut body = String::new();
    for (name, value) in fields {
        body += &format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body += &format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n{file}\r\n--{BOUNDARY}--\r\n"
    );
    let request = Request::post("/vouchers/import")
        .header(header::COOKIE, format!("hiji_session={token}; hiji_lang=en"))
        .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
        .header("sec-fetch-site", "same-origin")
        .body(body);
    app.ask(request.unwrap()).await
}

async fn api(app: &TestApp, token: &str, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(if body.is_null() { String::new() } else { body.to_string() });
    let (status, _, text) = app.ask(request.unwrap()).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

#[tokio::test]
async fn codes_of_a_file_are_looked_at_and_taken_all_or_none() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let router = app.router(site, "Kebon 1").await.to_string();
        let package = app.package("12 Jam", &[crate::ids::RouterId(router.parse().unwrap())]).await.to_string();
        let boss = app.signed_in(Role::Admin, &[site]).await;
        let fields = |act: &'static str| {
            [("form_id", FORM_ID), ("router_id", router.as_str()), ("package_id", package.as_str()), ("do", act)]
        };
        let bad = "Kode;Sandi;Catatan\nWARUNG01;778812;rak 1\nWARUNG01;1;\nW 2;;\n=HYPERLINK();;\n";
        let (status, _, page) = post(&app, &boss, &fields("take"), bad).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert!(
            page.contains("3 of 4 rows cannot be imported") && page.contains("Row 3") && page.contains("Row 5"),
            "{page}"
        );
        let (_, headers, file) = post(&app, &boss, &fields("bad"), bad).await;
        assert!(headers[header::CONTENT_DISPOSITION].to_str().unwrap().contains("voucher-errors.csv"));
        assert!(file.lines().count() == 4 && file.contains("'=HYPERLINK()"), "{file}");
        let (_, none) = api(&app, &boss, "GET", "/vouchers", &Value::Null).await;
        assert_eq!(none["items"], json!([]));
        let good = "Kode;Sandi;Catatan\nWARUNG01;778812;rak 1\nWARUNG02;;\n";
        let (_, _, page) = post(&app, &boss, &fields("look"), good).await;
        assert!(page.contains("2 codes can be imported") && page.contains("value=\"take\""), "{page}");
        let (status, headers, page) = post(&app, &boss, &fields("take"), good).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        let (_, again, _) = post(&app, &boss, &fields("take"), good).await;
        assert_eq!(again[header::LOCATION], headers[header::LOCATION]);
        let (_, list) = api(&app, &boss, "GET", "/vouchers?batch_id=1", &Value::Null).await;
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!((&items[0]["code"], &items[0]["password"]), (&json!("WARUNG01"), &json!("778812")));
        assert_eq!((&items[0]["note"], &items[0]["status"]), (&json!("rak 1"), &json!("draft")));
        assert!(items[1].get("password").is_none());
        // Nothing is taken twice, by another form either.
        let other =
            [("form_id", "ffffffffffffffffffffffffffffffff"), fields("take")[1], fields("take")[2], ("do", "take")];
        let (_, _, page) = post(&app, &boss, &other, "WARUNG02\nWARUNG03\n").await;
        assert!(page.contains("1 of 2 rows cannot be imported"), "{page}");
        let rina = app.signed_in(Role::Operator, &[site]).await;
        assert_eq!(post(&app, &rina, &fields("look"), good).await.0, StatusCode::FORBIDDEN);
    })
    .await;
}

#[tokio::test]
async fn the_api_takes_codes_and_names_bad_rows() {
    on_each_database(|app| async move {
        let (site, other) = (app.site("Kebon").await, app.site("Waena").await);
        let (router, foreign) = (app.router(site, "Kebon 1").await, app.router(other, "Waena 1").await);
        let package = app.package("12 Jam", &[router, foreign]).await;
        let boss = app.signed_in(Role::Admin, &[site]).await;
        let path = "/voucher_batches/import";
        let body = |rows: Value, dry_run: bool, router| {
            json!({"router_id": router, "package_id": package, "rows": rows, "dry_run": dry_run})
        };
        let rows = json!([{"code": "WARUNG01"}, {"code": "x"}]);
        let (status, told) = api(&app, &boss, "POST", path, &body(rows.clone(), true, router)).await;
        assert_eq!((status, &told["refused"][0]["error"]), (StatusCode::OK, &json!("import_too_short")), "{told}");
        let (status, told) = api(&app, &boss, "POST", path, &body(rows, false, router)).await;
        assert_eq!((status, &told["errors"]["rows.2"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("import_too_short")));
        let rows = json!([{"code": "WARUNG01"}, {"code": "WARUNG02", "note": "rak"}]);
        let (status, told) = api(&app, &boss, "POST", path, &body(rows.clone(), false, foreign)).await;
        assert_eq!((status, &told["errors"]["router_id"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("no_such_router")));
        let (status, batch) = api(&app, &boss, "POST", path, &body(rows, false, router)).await;
        assert_eq!((status, &batch["progress"]["wanted"]), (StatusCode::ACCEPTED, &json!(2)), "{batch}");
        let (status, told) = api(&app, &boss, "POST", path, &body(json!([]), false, router)).await;
        assert_eq!((status, &told["errors"]["rows"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("import_no_rows")));
    })
    .await;
}
