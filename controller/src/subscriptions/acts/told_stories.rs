//! What pages say before anything is done: that there is nothing to promise, that nothing was paid yet, that a period
//! comes again.

use axum::http::{Request, header};
use hiji_shared::{
    desired::{FailCode, ItemResult, ItemStatus},
    device::Kind,
    event::Event,
};
use serde_json::json;

use super::{
    stories::{at, bill, billed, day, done, kebon, of, pay_all, user, whats},
    *,
};
use crate::{
    http::access::Role,
    routers,
    subscriptions::{self, invoices_changed},
    testing::{TestApp, actor, on_each_database, reported},
};

/// As browsers send forms.
const FORM: &str = "application/x-www-form-urlencoded";

async fn ask(app: &TestApp, token: &str, (method, path): (&str, &str), body: &str) -> (u16, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::COOKIE, format!("hiji_session={token}; hiji_lang=id"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, if body.starts_with('{') { "application/json" } else { FORM });
    let (status, _, text) = app.ask(request.body(body.to_owned()).unwrap()).await;
    (status.as_u16(), text)
}

#[tokio::test]
async fn what_is_not_late_is_promised_nothing_and_was_never_paid_is_said_so() {
    let app = TestApp::sqlite().await;
    let kebon = kebon(&app, json!({})).await;
    let token = app.signed_in(Role::SuperAdmin, &[]).await;
    let ask = async |method: &str, path: &str, body: &str| ask(&app, &token, (method, path), body).await;
    let home = format!("/subscriptions/{}", kebon.id);
    let (_, page) = ask("GET", &home, "").await;
    assert!(!page.contains("/do/promise") && page.contains("belum pernah dibayar"), "{page}");
    let (status, page) = ask("GET", &format!("{home}/do/promise"), "").await;
    assert!(status == 200 && page.contains("Tidak ada yang perlu dijanjikan"), "{page}");
    assert!(!page.contains("name=\"until\""), "{page}");
    let (status, page) = ask("POST", &format!("{home}/do/promise"), "until=2026-11-26").await;
    assert!(status == 422 && page.contains("Tidak ada yang perlu dijanjikan"), "{page}");
    let (status, told) = ask("POST", &format!("/api/v1{home}/promise"), r#"{"until":"2026-11-26"}"#).await;
    assert!(status == 422 && told.contains("promise_nothing_late"), "{told}");
    // What it would be is never the day before it began either.
    let (_, page) = ask("GET", &format!("{home}/do/discount?form_id=x&amount=5000&reason=tetangga"), "").await;
    assert!(page.contains("belum pernah dibayar") && !page.contains("23-11-2026"), "{page}");

    // Late: promised until the end of a day, and the day is what is shown.
    bill(&app, &kebon, "2026-12-01").await;
    at(&app, "2026-12-14T03:00:00Z");
    let tx = app.db.begin().await.unwrap();
    invoices_changed(&tx, &app, app.app.clock.now(), &actor(), &[kebon.id]).await.unwrap();
    tx.commit().await.unwrap();
    let form = "0123456789abcdef0123456789abcdef";
    let (status, page) = ask("POST", &format!("{home}/do/promise"), &format!("until=2026-12-16&form_id={form}")).await;
    assert_eq!(status, 303, "{page}");
    // Which form it was is nobody's news; the raw detail stays the API's.
    let (_, page) = ask("GET", "/settings/audit", "").await;
    assert!(page.contains("16-12-2026") && !page.contains(form), "{page}");
    assert!(ask("GET", "/api/v1/audit", "").await.1.contains(form));
    let (_, page) = ask("GET", &home, "").await;
    assert!(page.contains("<dd>16-12-2026</dd>") && !page.contains("17-12-2026"), "{page}");
    // A service that is paused is not late any more.
    assert!(page.contains("Menunggak mulai"), "{page}");
    done(&app, &kebon, Act::Pause { from: day("2026-12-14"), until: None, reason: String::new() }).await.unwrap();
    let (_, page) = ask("GET", &home, "").await;
    assert!(!page.contains("Menunggak mulai"), "{page}");
}

#[tokio::test]
async fn an_act_says_what_is_wrong_once_and_not_before_somebody_did_it() {
    let app = TestApp::sqlite().await;
    let kebon = kebon(&app, json!({})).await;
    let token = app.signed_in(Role::SuperAdmin, &[]).await;
    let ask = async |method: &str, act: &str, body: &str| {
        let path = format!("/subscriptions/{}/do/{act}", kebon.id);
        ask(&app, &token, (method, &path), body).await
    };
    // A name that is as it was is no fault of who has only opened the page.
    for opened in ["rename", "rename?form_id=x&username=budi"] {
        let (_, page) = ask("GET", opened, "").await;
        assert!(page.contains("Belum ada yang diubah") && !page.contains("Username tidak berubah"), "{page}");
    }
    let (status, page) = ask("POST", "rename", "username=budi").await;
    assert_eq!((status, page.matches("Username tidak berubah").count()), (422, 1), "{page}");
    // While somebody types it stands in the preview, after the press at its field.
    let (_, page) = ask("GET", "discount?form_id=x&amount=5000", "").await;
    assert!(page.contains("Alasan: Wajib diisi") && !page.contains("reason-error"), "{page}");
    let (status, page) = ask("POST", "discount", "amount=5000").await;
    assert_eq!((status, page.matches("Wajib diisi").count(), page.contains("reason-error")), (422, 1, true), "{page}");
    // A price that is the package's already leaves nothing to press.
    let (_, page) = ask("GET", "take_price", "").await;
    assert!(!page.contains("id=\"act-form\""), "{page}");
    // What no field of the form is for is said all the same.
    let (status, page) = ask("POST", "take_price", "quantity=x").await;
    assert_eq!((status, page.matches("Jumlah: ").count()), (422, 1), "{page}");
}

#[tokio::test]
async fn a_form_that_was_emptied_is_not_taken_for_done() {
    let app = TestApp::sqlite().await;
    let kebon = kebon(&app, json!({})).await;
    let token = app.signed_in(Role::SuperAdmin, &[]).await;
    let ask = async |act: &str, body: &str| {
        let path = format!("/subscriptions/{}/do/{act}", kebon.id);
        ask(&app, &token, ("POST", &path), body).await
    };
    let (status, page) = ask("terms", "is_prepaid=yes&due_days=&grace_days=+").await;
    assert!(status == 422 && page.contains("due_days-error") && page.contains("grace_days-error"), "{page}");
    let (status, page) = ask("details", "grace_days=").await;
    assert!(status == 422 && page.contains("grace_days-error"), "{page}");
    // There was no discount that could be taken away.
    let (status, page) = ask("discount", "amount=&reason=").await;
    assert_eq!((status, page.matches("Tidak ada yang berubah").count()), (422, 1), "{page}");
    assert!(!whats(&app, &kebon).await.iter().any(|what| what == "discount-ended"));
    assert_eq!(ask("discount", "amount=5000&reason=tetangga").await.0, 303);
    let (status, page) = ask("discount", "amount=5000&reason=tetangga").await;
    assert!(status == 422 && page.contains("Tidak ada yang berubah"), "{page}");
    assert_eq!(ask("discount", "amount=&reason=").await.0, 303);
    assert!(of(&app, &kebon).await.discount.is_none());
}

#[tokio::test]
async fn who_drops_a_period_is_told_that_the_next_night_invoices_it_again() {
    let app = TestApp::sqlite().await;
    let kebon = kebon(&app, json!({})).await;
    bill(&app, &kebon, "2027-01-01").await;
    let token = app.signed_in(Role::Admin, &[]).await;
    let all = billed(&app, &kebon).await;
    let again = "ditagih lagi pada malam berikutnya";
    let (_, page) = ask(&app, &token, ("GET", &format!("/invoices/{}", all[0].id)), "").await;
    assert!(page.contains("Masa 01-01-2027 – 31-01-2027") && page.contains(again), "{page}");
    // What is invoiced behind it stays, and so does its gap.
    let (_, page) = ask(&app, &token, ("GET", &format!("/invoices/{}", all[1].id)), "").await;
    assert!(page.contains("void-invoice") && !page.contains(again), "{page}");
}

#[tokio::test]
async fn a_customers_timeline_tells_what_the_router_proved_and_refused() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        let token = app.signed_in(Role::Admin, &[]).await;
        let said = async |status: ItemStatus, code: Option<FailCode>| {
            let router = routers::find(app.db.read(), &Scope::All, kebon.router).await.unwrap().unwrap();
            let (key, rev) = ("budi".to_owned(), router.desired_rev.unsigned_abs());
            let item = ItemResult { kind: Kind::PppSecret, key, rev, status, code, msg: String::new() };
            let event = Event::DesiredResult { items: vec![item] };
            let tx = app.db.begin().await.unwrap();
            let reports = [reported(&app, kebon.router, kebon.site, event)];
            subscriptions::uplink::apply(&tx, &app, &reports).await.unwrap();
            tx.commit().await.unwrap();
        };
        for _twice in 0..2 {
            said(ItemStatus::Failed, Some(FailCode::MissingReference)).await;
        }
        for _twice in 0..2 {
            said(ItemStatus::Verified, None).await;
        }
        let customer = of(&app, &kebon).await.customer_id;
        let (_, page) = ask(&app, &token, ("GET", &format!("/customers/{customer}")), "").await;
        for told in ["router RB-Kebon membuktikan terbuka", "ditolak router RB-Kebon:", "Router tidak punya profil"] {
            assert_eq!(page.matches(told).count(), 1, "{told}: {page}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_password_that_hiji_made_is_shown_once_to_who_asked_for_it() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        let rina = app.signed_in(Role::SuperAdmin, &[]).await;
        let sari = app.signed_in(Role::Admin, &[]).await;
        let home = format!("/subscriptions/{}", kebon.id);
        let press = async |body: &str| {
            let (status, page) = ask(&app, &rina, ("POST", &format!("{home}/do/password")), body).await;
            assert_eq!(status, 303, "{page}");
        };
        let look = async |token: &str| ask(&app, token, ("GET", &home), "").await.1;
        let secret = async || user(&app, kebon.router, "budi").await.password;
        // The same button twice is once, and is shown all the same.
        for _twice in 0..2 {
            press("form_id=0123456789abcdef0123456789abcdef&password=").await;
        }
        let made = secret().await;
        assert!(!look(&sari).await.contains("id=\"secret\""), "another has not asked for it");
        let page = look(&rina).await;
        assert!(page.contains("id=\"secret\"") && page.contains(&made), "{page}");
        assert!(!look(&rina).await.contains(&made), "once");
        // What somebody typed he knows.
        press("password=l3bih-aman").await;
        assert!(!look(&rina).await.contains("id=\"secret\""));

        let (status, told) = ask(&app, &sari, ("POST", &format!("/api/v1{home}/password")), "{}").await;
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!((status, told["password"].as_str()), (200, Some(&*secret().await)), "{told}");
        assert!(!look(&sari).await.contains("id=\"secret\""), "once");
        let (_, told) =
            ask(&app, &sari, ("POST", &format!("/api/v1{home}/password")), r#"{"password":"j4uh-aman"}"#).await;
        assert!(!told.contains("j4uh-aman"), "{told}");
    })
    .await;
}

#[tokio::test]
async fn an_end_shows_its_days_and_money_before_anybody_says_why() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        bill(&app, &kebon, "2026-12-01").await;
        pay_all(&app, &kebon).await;
        at(&app, "2026-12-14T03:00:00Z");
        let token = app.signed_in(Role::SuperAdmin, &[]).await;
        let ask = async |method: &str, path: &str, body: &str| ask(&app, &token, (method, path), body).await;
        let path = format!("/subscriptions/{}/do/end", kebon.id);
        let (status, fresh) = ask("GET", &path, "").await;
        assert!(status == 200 && fresh.contains("Berhenti direncanakan") && fresh.contains("Dikembalikan"), "{fresh}");
        let (_, typed) = ask("GET", &format!("{path}?form_id=x&last_day=2026-12-20&is_credited=on&reason="), "").await;
        assert!(typed.contains("20-12-2026") && !typed.contains("reason-error"), "{typed}");
        let (status, look) =
            ask("POST", &format!("/api/v1/subscriptions/{}/end/preview", kebon.id), r#"{"last_day":"2026-12-20"}"#)
                .await;
        assert!(status == 200 && look.contains("returned"), "{look}");
        // It is asked for when it is done.
        let (status, page) = ask("POST", &path, "last_day=2026-12-20&is_credited=on&reason=").await;
        assert!(status == 422 && page.contains("id=\"reason-error\""), "{page}");
        assert_eq!(of(&app, &kebon).await.ends_on, None);
    })
    .await;
}
