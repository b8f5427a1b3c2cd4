//! Layouts from the outside: made, used, refused.

use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    http::{access::Role, logo::tests::png_of},
    testing::{TestApp, on_each_database},
};

struct Caller<'a> {
    app: &'a TestApp,
    token: String,
}

impl Caller<'_> {
    async fn api(&self, method: &str, path: &str, body: Vec<u8>) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
            .unwrap();
        let (status, _, text) = self.app.ask(request).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn page(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> (StatusCode, HeaderMap, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, format!("hiji_session={}; hiji_lang=en", self.token))
            .header(header::CONTENT_TYPE, kind)
            .header("sec-fetch-site", "same-origin")
            .body(body)
            .unwrap();
        self.app.ask(request).await
    }
}

#[tokio::test]
async fn a_layout_is_made_changed_and_used_by_the_api() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let boss = Caller { app: &app, token: app.signed_in(Role::SuperAdmin, &[]).await };
        let form = json!({
            "name": "Warung", "family": "thermal", "site_id": site, "is_default": true,
            "document": { "footer": ["Hub. {penjual} {kode}"], "code_pt": 16, "language": "id" },
        });
        let (status, made) = boss.api("POST", "/print_layouts", form.to_string().into()).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        assert_eq!((&made["document"]["fields"]["wifi"], &made["logo"]), (&json!(true), &Value::Null));
        let (status, problem) = boss.api("POST", "/print_layouts", form.to_string().into()).await;
        assert_eq!((status, &problem["errors"]["name"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("taken")));
        // Another default of the same site and family takes its place.
        let other = json!({"name": "Lain", "family": "thermal", "site_id": site, "is_default": true});
        let (_, other) = boss.api("POST", "/print_layouts", other.to_string().into()).await;
        let (_, first) = boss.api("GET", "/print_layouts/1", Vec::new()).await;
        assert_eq!(first["is_default"], json!(false));
        for (document, field, code) in [
            (json!({"ink": "url(x)"}), "ink", "not_a_colour"),
            (json!({"header": ["{rahasia}"]}), "header", "unknown_placeholder"),
            (json!({"code_pt": 5}), "code_pt", "out_of_range"),
        ] {
            let form = json!({"name": "X", "family": "sheet", "document": document});
            let (status, problem) = boss.api("PUT", "/print_layouts/1", form.to_string().into()).await;
            assert_eq!((status, &problem["errors"][field]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(code)));
        }
        let path = format!("/print_layouts/{}", other["id"]);
        let (status, _) = boss.api("DELETE", &path, Vec::new()).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        let (_, list) = boss.api("GET", "/print_layouts", Vec::new()).await;
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
        let (_, audit) = boss.api("GET", "/audit", Vec::new()).await;
        assert_eq!(audit["items"][0]["action"], "print_layout.remove");
    })
    .await;
}

#[tokio::test]
async fn a_logo_is_a_picture_and_nothing_else() {
    let app = TestApp::sqlite().await;
    let boss = Caller { app: &app, token: app.signed_in(Role::SuperAdmin, &[]).await };
    let form = json!({"name": "Warung", "family": "qr"});
    boss.api("POST", "/print_layouts", form.to_string().into()).await;
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec();
    let (status, problem) = boss.api("PUT", "/print_layouts/1/logo", svg.clone()).await;
    assert_eq!((status, &problem["errors"]["logo"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("logo_not_a_picture")));
    let (status, layout) = boss.api("PUT", "/print_layouts/1/logo", png_of(40, 20)).await;
    assert_eq!(status, StatusCode::OK, "{layout}");
    let address = layout["logo"].as_str().unwrap();
    // Without a session, as what it is.
    let (status, headers, _) = app.ask(Request::get(address).body(String::new()).unwrap()).await;
    assert_eq!((status, headers[header::CONTENT_TYPE].to_str().unwrap()), (StatusCode::OK, "image/png"));
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    let (status, _, _) = app.ask(Request::get("/print/logo/1/000000000000").body(String::new()).unwrap()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    // By the page's form.
    let part = |bytes: &[u8]| {
        let head = b"--x\r\nContent-Disposition: form-data; name=\"logo\"; filename=\"a.png\"\r\n\r\n".as_slice();
        [head, bytes, b"\r\n--x--\r\n"].concat()
    };
    let kind = "multipart/form-data; boundary=x";
    let (status, _, page) = boss.page("POST", "/settings/prints/1/logo", kind, part(&svg)).await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("no PNG, JPEG or WebP"), "{page}");
    let (status, _, page) = boss.page("POST", "/settings/prints/1/logo", kind, part(&vec![0; 300_000])).await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("larger than 256 KiB"), "{page}");
    let (status, _, _) = boss.page("POST", "/settings/prints/1/logo", kind, part(b"")).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let (_, layout) = boss.api("GET", "/print_layouts/1", Vec::new()).await;
    assert_eq!(layout["logo"], Value::Null);
}

#[tokio::test]
async fn a_layout_is_made_on_its_page_with_a_preview() {
    let app = TestApp::sqlite().await;
    let boss = Caller { app: &app, token: app.signed_in(Role::SuperAdmin, &[]).await };
    let form = |ink: &str| {
        format!(
            "name=Warung&family=sheet&header=Toko+Tini&footer=Hub.+0812&ink={ink}&accent=%230f766e&code_pt=12&language=id\
             &margin_tenth_mm=85&row_tenth_mm=&shown=number&shown=terms&shown=price"
        )
    };
    let kind = "application/x-www-form-urlencoded";
    let (status, _, part) =
        boss.page("GET", &format!("/settings/prints/preview?{}", form("%23112233")), kind, Vec::new()).await;
    assert_eq!(status, StatusCode::OK, "{part}");
    assert_eq!(part.matches("class=\"p-cell").count(), 121);
    assert!(part.contains("Toko Tini") && part.contains("_12_112233_0f766e") && !part.contains("<html"), "{part}");
    let (status, _, page) = boss.page("POST", "/settings/prints", kind, form("red").into()).await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("value=\"red\""), "{page}");
    // All that is wrong at once: what cannot be read, what is out of its range, what no voucher has.
    let wrong = form("%23112233")
        .replace("name=Warung", "name=")
        .replace("code_pt=12", "code_pt=besar")
        .replace("margin_tenth_mm=85", "margin_tenth_mm=9999")
        .replace("Hub.+0812", "%7Bnobody%7D");
    let (status, _, page) = boss.page("POST", "/settings/prints", kind, wrong.into()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    for field in ["name", "code_pt", "margin_tenth_mm", "footer"] {
        assert!(page.contains(&format!("id=\"{field}-error\"")), "{field}: {page}");
    }
    let (status, headers, page) = boss.page("POST", "/settings/prints", kind, form("%23112233").into()).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    assert_eq!(headers[header::LOCATION], "/settings/prints/1");
    let (_, _, page) = boss.page("GET", "/settings/prints/1", kind, Vec::new()).await;
    assert!(page.contains("value=\"#112233\"") && page.contains("Toko Tini"), "{page}");
    let (_, _, page) = boss.page("GET", "/settings/prints", kind, Vec::new()).await;
    assert!(page.contains("Warung") && page.contains("All sites"), "{page}");
    let (status, _, _) = boss.page("POST", "/settings/prints/mine", kind, b"format=thermal-80".to_vec()).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let (_, _, page) = boss.page("GET", "/settings/prints", kind, Vec::new()).await;
    assert!(page.contains("value=\"thermal-80\" selected") && !page.contains("value=\"on\" checked"), "{page}");
}

#[tokio::test]
async fn who_is_limited_to_a_site_changes_its_layouts_only() {
    let app = TestApp::sqlite().await;
    let (kebon, waena) = (app.site("Kebon").await, app.site("Waena").await);
    let boss = Caller { app: &app, token: app.signed_in(Role::SuperAdmin, &[]).await };
    for (name, site) in [("Semua", None), ("Kebon", Some(kebon)), ("Waena", Some(waena))] {
        let form = json!({"name": name, "family": "sheet", "site_id": site});
        boss.api("POST", "/print_layouts", form.to_string().into()).await;
    }
    let rina = Caller { app: &app, token: app.signed_in(Role::Admin, &[kebon]).await };
    let (_, list) = rina.api("GET", "/print_layouts", Vec::new()).await;
    let names: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
    assert_eq!(names, [json!("Kebon"), json!("Semua")]);
    let form = |site: Value| json!({"name": "Baru", "family": "sheet", "site_id": site}).to_string().into_bytes();
    assert_eq!(rina.api("PUT", "/print_layouts/1", form(json!(kebon))).await.0, StatusCode::NOT_FOUND);
    assert_eq!(rina.api("PUT", "/print_layouts/3", form(json!(kebon))).await.0, StatusCode::NOT_FOUND);
    assert_eq!(rina.api("PUT", "/print_layouts/2", form(Value::Null)).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(rina.api("PUT", "/print_layouts/2", form(json!(kebon))).await.0, StatusCode::OK);
    let cashier = Caller { app: &app, token: app.signed_in(Role::Operator, &[kebon]).await };
    assert_eq!(cashier.api("POST", "/print_layouts", form(json!(kebon))).await.0, StatusCode::FORBIDDEN);
}
