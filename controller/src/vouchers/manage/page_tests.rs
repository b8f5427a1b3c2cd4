//! What a page says of an act that is not done: at its field, with what was typed.

use axum::http::{Request, StatusCode, header};
use hiji_shared::{
    desired::{ItemResult, ItemStatus},
    device::Kind,
    event::Event,
};

use crate::{
    db::paging::PageOf,
    http::access::{Role, Scope},
    testing::{TestApp, actor, reported},
    vouchers::{self, Asked, Batch, Filter, Voucher, uplink},
};

async fn post(app: &TestApp, token: &str, path: &str, body: &str) -> (StatusCode, String) {
    let request = Request::post(path)
        .header(header::COOKIE, format!("hiji_session={token}; hiji_lang=en"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(body.to_owned());
    let (status, _, page) = app.ask(request.unwrap()).await;
    (status, page)
}

/// A batch of two that its router has proven.
async fn ready(app: &TestApp) -> (Batch, Vec<Voucher>) {
    let site = app.site("Kebon").await;
    let router = app.router(site, "Kebon 1").await;
    let package = app.package("12 Jam", &[router]).await;
    let form = serde_json::json!({ "router_id": router, "package_id": package, "count": 2 });
    let form = serde_json::from_value(form).unwrap();
    let asked = Asked { scope: &Scope::All, actor: &actor(), form_id: "" };
    let batch = vouchers::add(app, &asked, form).await.unwrap();
    let filter = Filter { batch: Some(batch.id), ..Filter::default() };
    let all = vouchers::list(app, &Scope::All, &filter, &PageOf::default()).await.unwrap().items;
    let item = |voucher: &Voucher| ItemResult {
        kind: Kind::HotspotUser,
        key: voucher.code.clone(),
        rev: 1,
        status: ItemStatus::Verified,
        code: None,
        msg: String::new(),
    };
    let report = Event::DesiredResult { items: all.iter().map(item).collect() };
    let tx = app.db.begin().await.unwrap();
    uplink::apply(&tx, app, &[reported(app, batch.router_id, batch.site_id, report)]).await.unwrap();
    tx.commit().await.unwrap();
    (batch, all)
}

#[tokio::test]
async fn a_refused_act_comes_back_in_its_dialog_with_what_was_typed() {
    let app = TestApp::sqlite().await;
    let (_, all) = ready(&app).await;
    let boss = app.signed_in(Role::Admin, &[]).await;
    let act =
        async |name: &str, body: &str| post(&app, &boss, &format!("/vouchers/codes/{}/{name}", all[0].id), body).await;
    let (status, page) = act("extend", "active=12x&active_unit=hours&online=9999999&online_unit=days").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{page}");
    assert_eq!(page.matches("data-open").count(), 1);
    assert!(page.contains(r#"id="act-extend" popover data-open"#), "{page}");
    for part in [r#"value="12x""#, r#"id="active-error""#, "Give a whole number", "Give a number from 0 to 3,650 days."]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(page.contains(r#"<option value="hours" selected>"#), "the unit stays");
    let (status, page) = act("extend", "").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("act-extend\" popover data-open") && page.contains("Nothing is added."), "{page}");
    let (status, page) = act("void", "reason=+").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("act-void\" popover data-open") && page.contains(r#"id="reason-error""#), "{page}");
    let (status, page) = act("nonsense", "").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{page}");
}

#[tokio::test]
async fn an_act_that_came_too_late_shows_the_voucher_as_it_is_now() {
    let app = TestApp::sqlite().await;
    let (_, all) = ready(&app).await;
    let boss = app.signed_in(Role::Admin, &[]).await;
    let path = |name: &str| format!("/vouchers/codes/{}/{name}", all[0].id);
    let (status, page) = post(&app, &boss, &path("block"), "seen=0&reason=hilang+di+jalan").await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let (status, page) = post(&app, &boss, &path("void"), "seen=0&reason=hilang+di+jalan").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(page.contains("Somebody changed it") && page.contains(r#"value="hilang di jalan""#), "{page}");
    // Blocking is not offered any longer: the page says why.
    let (status, page) = post(&app, &boss, &path("block"), "").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(page.contains("blocked already") && !page.contains("data-open"), "{page}");
    let request = Request::get(path("extend")).header(header::COOKIE, format!("hiji_session={boss}"));
    let (status, headers, _) = app.ask(request.body(String::new()).unwrap()).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(headers[header::LOCATION], format!("/vouchers/codes/{}", all[0].id));
}

#[tokio::test]
async fn an_act_that_touches_nothing_of_a_batch_says_so_on_its_page() {
    let app = TestApp::sqlite().await;
    let (batch, _) = ready(&app).await;
    let boss = app.signed_in(Role::Admin, &[]).await;
    let path = |name: &str| format!("/vouchers/batches/{}/{name}", batch.id);
    let (status, page) = post(&app, &boss, &path("unblock"), "which=all").await;
    assert_eq!(status, StatusCode::CONFLICT, "{page}");
    assert!(page.contains("No voucher can be changed so.") && page.contains(&path("unblock")), "{page}");
    let (status, page) = post(&app, &boss, &path("void"), "which=all&reason=").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains(r#"id="reason-error""#), "{page}");
    let (status, page) = post(&app, &boss, &path("extend"), "active=9999&active_unit=days").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("from 0 to 3,650 days") && page.contains(r#"value="9999""#), "{page}");
    // Nothing is refused by its router any longer.
    assert_eq!(post(&app, &boss, &path("retry"), "").await.0, StatusCode::SEE_OTHER);
}
