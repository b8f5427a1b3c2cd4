//! The logo and the lines of documents from the outside.

use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    http::{
        access::Role,
        logo::{MAX_LOGO_BYTES, tests::png_of},
    },
    testing::{TestApp, on_each_database},
};

async fn api(app: &TestApp, token: &str, method: &str, path: &str, body: Vec<u8>) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json");
    let (status, _, text) = app.ask(request.body(body).unwrap()).await;
    (status.as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
}

async fn page(app: &TestApp, token: &str, path: &str, (kind, body): (&str, Vec<u8>)) -> (StatusCode, String) {
    let method = if body.is_empty() { "GET" } else { "POST" };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::COOKIE, format!("hiji_session={token}; hiji_lang=en"))
        .header(header::CONTENT_TYPE, kind)
        .header("sec-fetch-site", "same-origin");
    let (status, _, text) = app.ask(request.body(body).unwrap()).await;
    (status, text)
}

async fn file(app: &TestApp, path: &str) -> (StatusCode, HeaderMap) {
    let (status, headers, _) = app.ask(Request::get(path).body(String::new()).unwrap()).await;
    (status, headers)
}

#[tokio::test]
async fn a_logo_is_put_on_documents_replaced_and_taken_away() {
    on_each_database(async |app| {
        let boss = app.signed_in(Role::SuperAdmin, &[]).await;
        let site = app.site("Kebon").await;
        let local = app.signed_in(Role::Admin, &[site]).await;
        let (status, first) = api(&app, &boss, "PUT", "/settings/logo", png_of(200, 80)).await;
        assert_eq!(status, 200, "{first}");
        let first = first["logo"].as_str().unwrap().to_owned();
        // Browsers fetch it without a session, for ever.
        let (status, headers) = file(&app, &first).await;
        assert_eq!((status, &headers[header::CONTENT_TYPE]), (StatusCode::OK, &"image/png".parse().unwrap()));
        assert!(headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let (_, second) = api(&app, &boss, "PUT", "/settings/logo", png_of(100, 100)).await;
        let second = second["logo"].as_str().unwrap().to_owned();
        assert_ne!(first, second);
        assert_eq!(file(&app, &first).await.0, StatusCode::NOT_FOUND);
        for (bytes, code) in [
            (b"<svg/>".to_vec(), "logo_not_a_picture"),
            (Vec::new(), "logo_not_a_picture"),
            (vec![0; MAX_LOGO_BYTES + 1], "logo_too_large"),
            (png_of(9_000, 10), "logo_too_many_pixels"),
        ] {
            let (status, problem) = api(&app, &boss, "PUT", "/settings/logo", bytes).await;
            assert_eq!((status, &problem["errors"]["logo"]), (422, &json!(code)), "{problem}");
        }
        assert_eq!(file(&app, &second).await.0, StatusCode::OK);
        // Who is limited to a site changes nothing of all.
        assert_eq!(api(&app, &local, "PUT", "/settings/logo", png_of(9, 9)).await.0, 403);
        assert_eq!(api(&app, &local, "DELETE", "/settings/logo", Vec::new()).await.0, 403);
        let part = |bytes: &[u8]| {
            let head = b"--x\r\nContent-Disposition: form-data; name=\"logo\"; filename=\"a.png\"\r\n\r\n".as_slice();
            ("multipart/form-data; boundary=x", [head, bytes, b"\r\n--x--\r\n"].concat())
        };
        let (status, html) = page(&app, &boss, "/settings/general/logo", part(b"<svg/>")).await;
        assert!(status == 422 && html.contains("no PNG, JPEG or WebP") && html.contains(&second), "{html}");
        assert_eq!(page(&app, &local, "/settings/general/logo", part(b"")).await.0, StatusCode::FORBIDDEN);
        assert_eq!(page(&app, &boss, "/settings/general/logo", part(&png_of(7, 7))).await.0, StatusCode::SEE_OTHER);
        assert_eq!(page(&app, &boss, "/settings/general/logo", part(b"")).await.0, StatusCode::SEE_OTHER);
        let (_, none) = api(&app, &boss, "DELETE", "/settings/logo", Vec::new()).await;
        assert_eq!(none, json!({ "logo": null }));
        assert_eq!(file(&app, &second).await.0, StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn lines_of_documents_are_typed_one_below_the_other() {
    let app = TestApp::sqlite().await;
    let boss = app.signed_in(Role::SuperAdmin, &[]).await;
    let (_, mut settings) = api(&app, &boss, "GET", "/settings", Vec::new()).await;
    settings["header_lines"] = json!(["Jl. Raya 1", "x".repeat(61)]);
    let (status, problem) = api(&app, &boss, "PUT", "/settings", settings.to_string().into()).await;
    assert_eq!((status, &problem["errors"]["header_lines"]), (422, &json!("header_lines")), "{problem}");
    settings["header_lines"] = json!(["Jl. Raya 1", "NPWP 01.234"]);
    assert_eq!(api(&app, &boss, "PUT", "/settings", settings.to_string().into()).await.0, 200);
    let (_, html) = page(&app, &boss, "/settings/general", ("", Vec::new())).await;
    assert!(html.contains("Jl. Raya 1\nNPWP 01.234</textarea>"), "{html}");
}
