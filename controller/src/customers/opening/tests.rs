//! Opening balances on both databases.

use axum::http::{Request, StatusCode, header};

use crate::{
    customers::{Asked, CustomerError, CustomerForm},
    http::access::{Role, Scope},
    ids::{CustomerId, SiteId},
    ledger,
    money::Currency,
    testing::{TestApp, actor, on_each_database},
};

const FORM: &str = "0123456789abcdef0123456789abcdef";

async fn budi(app: &TestApp, site: SiteId) -> CustomerId {
    let form: CustomerForm =
        serde_json::from_value(serde_json::json!({ "site_id": site, "name": "Budi Santoso" })).unwrap();
    let actor = actor();
    crate::customers::add(app, &Asked { scope: &Scope::All, actor: &actor, form_id: "" }, &form).await.unwrap()
}

async fn post(app: &TestApp, token: &str, id: CustomerId, form: &str) -> (StatusCode, String) {
    let request = Request::post(format!("/customers/{id}/opening"))
        .header(header::COOKIE, format!("hiji_session={token}; hiji_lang=en"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(form.to_owned())
        .unwrap();
    let (status, _, page) = app.ask(request).await;
    (status, page)
}

async fn stands(app: &TestApp, id: CustomerId) -> (i64, i64) {
    let balance = ledger::balance(app.db.read(), id, Currency::IDR).await.unwrap();
    (balance.receivable.minor(), balance.credit.minor())
}

#[tokio::test]
async fn a_customer_is_taken_over_with_what_he_owes_and_has_once_a_form() {
    on_each_database(async |app| {
        let site = app.site("Kebon").await;
        let id = budi(&app, site).await;
        let token = app.signed_in(Role::Admin, &[site]).await;
        let debt = format!("form_id={FORM}&kind=debt&amount=50.000&on=2026-10-31&note=dari+buku+lama");
        for _twice in 0..2 {
            assert_eq!(post(&app, &token, id, &debt).await.0, StatusCode::SEE_OTHER);
        }
        assert_eq!(stands(&app, id).await, (50_000, 0));
        // The same form with another amount is told so.
        let (status, page) = post(&app, &token, id, &debt.replace("50.000", "60.000")).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{page}");
        assert_eq!(post(&app, &token, id, "kind=credit&amount=20000").await.0, StatusCode::SEE_OTHER);
        assert_eq!(stands(&app, id).await, (50_000, 20_000));
        for (form, field) in [
            ("kind=debt&amount=0", "amount-error"),
            ("kind=debt&amount=x", "amount-error"),
            ("amount=5", "kind-error"),
            ("kind=debt&amount=5&on=2999-01-01", "on-error"),
            ("kind=debt&amount=5&on=kemarin", "on-error"),
        ] {
            let (status, page) = post(&app, &token, id, form).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
            assert!(page.contains(field), "{form}: {page}");
        }
        assert_eq!(stands(&app, id).await, (50_000, 20_000));
        let proof = ledger::prove(app.db.read(), app.app.clock.now(), true).await.unwrap();
        assert_eq!((proof.entries, proof.differences.len()), (2, 0));
    })
    .await;
}

#[tokio::test]
async fn who_owes_or_has_a_balance_is_neither_moved_nor_deleted() {
    on_each_database(async |app| {
        let (site, other) = (app.site("Kebon").await, app.site("Waena").await);
        let token = app.signed_in(Role::SuperAdmin, &[]).await;
        for (nth, kind) in ["debt", "credit"].into_iter().enumerate() {
            let id = budi(&app, site).await;
            let form = format!("form_id={:032x}&kind={kind}&amount=50000", nth + 1);
            assert_eq!(post(&app, &token, id, &form).await.0, StatusCode::SEE_OTHER);
            let actor = actor();
            let refused = crate::customers::remove(&app, &Scope::All, &actor, id, "pindah").await.unwrap_err();
            assert!(matches!(refused, CustomerError::NotSettled), "{refused}");
            let moved = serde_json::from_value(serde_json::json!({ "site_id": other, "name": "Budi Santoso" }));
            let refused = crate::customers::change(&app, &Scope::All, &actor, id, &moved.unwrap()).await.unwrap_err();
            let CustomerError::Refused(errors) = refused else { panic!("{refused}") };
            let told: Vec<_> = errors.iter().map(|(field, error)| format!("{field}: {}", error.code())).collect();
            assert_eq!(told, ["site_id: customer_has_money"]);
        }
        let id = budi(&app, site).await;
        let moved = serde_json::from_value(serde_json::json!({ "site_id": other, "name": "Budi Santoso" })).unwrap();
        crate::customers::change(&app, &Scope::All, &actor(), id, &moved).await.unwrap();
        crate::customers::remove(&app, &Scope::All, &actor(), id, "pindah").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn who_may_not_or_sees_another_site_books_nothing() {
    on_each_database(async |app| {
        let (site, other) = (app.site("Kebon").await, app.site("Waena").await);
        let id = budi(&app, site).await;
        let cashier = app.signed_in(Role::Cashier, &[site]).await;
        let stranger = app.signed_in(Role::Admin, &[other]).await;
        assert_eq!(post(&app, &cashier, id, "kind=debt&amount=5").await.0, StatusCode::FORBIDDEN);
        assert_eq!(post(&app, &stranger, id, "kind=debt&amount=5").await.0, StatusCode::NOT_FOUND);
        assert_eq!(stands(&app, id).await, (0, 0));
    })
    .await;
}
