//! What is wrong with the form of a new service is told at once: of the service, and of whose it is.

use axum::http::{Request, header};
use serde_json::json;

use crate::{
    http::access::Role,
    testing::{TestApp, on_each_database},
};

async fn ask(app: &TestApp, token: &str, path: &str, body: String) -> (u16, String) {
    let kind = if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
    let request = Request::post(path)
        .header(header::COOKIE, format!("hiji_session={token}; hiji_lang=id"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, kind);
    let (status, _, text) = app.ask(request.body(body).unwrap()).await;
    (status.as_u16(), text)
}

#[tokio::test]
async fn faults_of_the_customer_stand_beside_those_of_the_service() {
    on_each_database(async |app| {
        let site = app.site("Kebon").await;
        let router = app.router(site, "RB-Kebon").await;
        let token = app.signed_in(Role::Admin, &[]).await;
        // No package yet, a name and a map point that cannot be, and a number that is none.
        let customer = json!({ "name": "", "location": "di sana", "phones": [{ "number": "12" }] });
        let form = json!({ "router_id": router, "customer": customer });
        let (status, told) = ask(&app, &token, "/api/v1/subscriptions", form.to_string()).await;
        assert_eq!(status, 422, "{told}");
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let fields: Vec<&str> = told["errors"].as_object().unwrap().keys().map(String::as_str).collect();
        for field in ["package_id", "customer.name", "customer.location", "customer.phone"] {
            assert!(fields.contains(&field), "{field}: {fields:?}");
        }
        // The page, where a number cannot be read either.
        let typed = format!("whose=new&name=&location=di+sana&phone=12&router_id={router}&setup_fee=x");
        let (status, page) = ask(&app, &token, "/subscriptions", typed).await;
        assert_eq!(status, 422, "{page}");
        for field in ["name", "location", "phone"] {
            assert!(page.contains(&format!("id=\"{field}-error\"")), "{field}: {page}");
        }
    })
    .await;
}
