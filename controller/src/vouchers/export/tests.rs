//! Files of vouchers: whole, harmless, and no more than the caller may see.

use axum::http::{HeaderMap, Request, StatusCode, header};

use crate::{
    http::access::{Role, Scope},
    testing::{TestApp, actor, on_each_database},
    vouchers::{self, Asked, BatchForm},
};

async fn get(app: &TestApp, token: &str, path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    let cookie = format!("hiji_session={token}; hiji_lang=id");
    let request = Request::get(path).header(header::COOKIE, cookie).body(String::new()).unwrap();
    let web = crate::http::build(app).unwrap().app;
    let answer = tower::ServiceExt::oneshot(web, request.map(axum::body::Body::from)).await.unwrap();
    let (parts, body) = answer.into_parts();
    (parts.status, parts.headers, axum::body::to_bytes(body, 16 << 20).await.unwrap().to_vec())
}

#[tokio::test]
async fn an_export_is_whole_and_shows_no_more_than_its_reader_may_see() {
    on_each_database(|app| async move {
        let (site, other) = (app.site("Kebon").await, app.site("Waena").await);
        for (site, name) in [(site, "Kebon 1"), (other, "=Waena")] {
            let router = app.router(site, name).await;
            let package = app.package(&format!("12 Jam {name}"), &[router]).await;
            let form: BatchForm = serde_json::from_value(serde_json::json!({
                "router_id": router, "package_id": package, "count": 1_300, "mode": "separate",
            }))
            .unwrap();
            let asked = Asked { scope: &Scope::All, actor: &actor(), form_id: "" };
            vouchers::add(&app, &asked, form).await.unwrap();
        }
        let rina = app.signed_in(Role::Operator, &[site]).await;
        let (status, headers, body) = get(&app, &rina, "/vouchers/export?format=csv&status=draft").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers[header::CONTENT_DISPOSITION], "attachment; filename=\"voucher-2026-11-22.csv\"");
        let text = String::from_utf8(body).unwrap();
        assert!(text.starts_with("\u{feff}Kode;Sandi;Status;"), "{}", text.lines().next().unwrap());
        assert_eq!(text.lines().count(), 1_301);
        assert!(!text.contains("Waena") && !text.contains("Harga modal") && !text.contains(";2000;"));
        let boss = app.signed_in(Role::SuperAdmin, &[]).await;
        let (_, _, body) = get(&app, &boss, "/vouchers/export?delimiter=,&bom=0").await;
        let text = String::from_utf8(body).unwrap();
        assert!(text.starts_with("Kode,Sandi") && text.contains(",2000,") && text.contains(",'=Waena,"));
        assert_eq!(text.lines().count(), 2_601);
        let (status, headers, body) = get(&app, &boss, "/vouchers/export?format=xlsx").await;
        assert_eq!(status, StatusCode::OK);
        assert!(headers[header::CONTENT_DISPOSITION].to_str().unwrap().ends_with(".xlsx\""));
        assert!(body.starts_with(b"PK"), "{} bytes", body.len());
        let (status, _, _) = get(&app, &boss, "/vouchers/export?format=pdf").await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let entries = crate::audit::list(app.db.read(), &crate::audit::Filter::default(), &Default::default()).await;
        assert_eq!(entries.unwrap().items[0].action, "voucher.export");
    })
    .await;
}
