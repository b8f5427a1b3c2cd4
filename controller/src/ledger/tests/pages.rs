//! The ledger from the outside: who may see it, what it answers.

use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use super::{stories::book, *};
use crate::{
    http::access::Role,
    testing::{TestApp, on_each_database},
};

async fn api(app: &TestApp, token: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(if body.is_null() { String::new() } else { body.to_string() })
        .unwrap();
    let (status, _, text) = app.ask(request).await;
    (status.as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
}

async fn page(app: &TestApp, token: &str, path: &str) -> (StatusCode, String) {
    let request = Request::builder()
        .uri(path)
        .header("cookie", format!("hiji_session={token}"))
        .header("accept-language", "id")
        .body(String::new())
        .unwrap();
    let (status, _, text) = app.ask(request).await;
    (status, text)
}

#[tokio::test]
async fn an_admin_reads_the_ledger_and_reverses_what_has_no_document() {
    on_each_database(async |app| {
        let token = app.signed_in(Role::Admin, &[]).await;
        let debt = rules::opening_debt(fact("import", 1), SITI, None, Money::idr(9_000)).unwrap();
        let debt = book(&app, &debt).await.unwrap().entry;
        let invoice = book(&app, &invoice(SITI, 5, 165_000)).await.unwrap().entry;
        let (status, accounts) = api(&app, &token, "GET", "/ledger/accounts", &Value::Null).await;
        assert_eq!((status, &accounts[0]["code"]), (200, &json!("1200")));
        assert_eq!(accounts[0]["balance"], json!({"amount": 174_000, "currency": "IDR"}));
        let (_, entries) = api(&app, &token, "GET", "/ledger/entries?limit=1", &Value::Null).await;
        assert_eq!(entries["items"][0]["kind"], "invoice_issued");
        let next = entries["next_cursor"].as_str().unwrap();
        let (_, second) =
            api(&app, &token, "GET", &format!("/ledger/entries?limit=1&cursor={next}"), &Value::Null).await;
        assert_eq!((&second["items"][0]["kind"], &second["next_cursor"]), (&json!("opening_debt"), &Value::Null));
        let (_, one) = api(&app, &token, "GET", &format!("/ledger/entries/{invoice}"), &Value::Null).await;
        assert_eq!(one["postings"].as_array().unwrap().len(), 2);
        let undo = async |entry: crate::ids::EntryId, reason: &str| {
            api(&app, &token, "POST", &format!("/ledger/entries/{entry}/reverse"), &json!({"reason": reason})).await
        };
        assert_eq!(undo(invoice, "salah").await.1["code"], "entry_not_by_hand");
        assert_eq!(undo(debt, "").await.0, 422);
        assert_eq!(undo(debt, "salah ketik").await.0, 201);
        assert_eq!(undo(debt, "salah ketik").await.1["code"], "entry_reversed");
        assert_eq!(api(&app, &token, "GET", "/ledger/entries/999", &Value::Null).await.0, 404);
        for bad in ["from=gestern", "kind=x", "account_id=x", "cursor=eHg"] {
            assert_eq!(api(&app, &token, "GET", &format!("/ledger/entries?{bad}"), &Value::Null).await.0, 422, "{bad}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_pages_show_accounts_the_journal_and_an_entry() {
    let app = TestApp::sqlite().await;
    let token = app.signed_in(Role::Admin, &[]).await;
    let (status, empty) = page(&app, &token, "/reports/ledger").await;
    assert!(status.is_success() && empty.contains("Belum ada pembukuan"));
    let entry = book(&app, &invoice(SITI, 5, 165_000)).await.unwrap().entry;
    assert!(page(&app, &token, "/reports/ledger").await.1.contains("Piutang pelanggan"));
    let (_, journal) = page(&app, &token, "/reports/ledger/entries?from=2026-11-22&to=2026-11-22").await;
    assert!(journal.contains("Tagihan terbit") && journal.contains("Rp165.000"));
    let (_, before) = page(&app, &token, "/reports/ledger/entries?to=2026-11-21").await;
    assert!(before.contains("Tidak ada yang cocok"));
    let (status, wrong) = page(&app, &token, "/reports/ledger/entries?from=gestern").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.contains("from-error") && wrong.contains("value=\"gestern\""), "{wrong}");
    assert!(wrong.contains("Tagihan terbit"), "{wrong}");
    let (_, one) = page(&app, &token, &format!("/reports/ledger/entries/{entry}")).await;
    assert!(one.contains("Pendapatan layanan") && one.contains("dibalik dari dokumennya"));
    let (_, jobs) = page(&app, &token, "/settings/jobs").await;
    assert!(jobs.contains("Buku besar belum pernah diperiksa"));
}

#[tokio::test]
async fn only_admins_of_everything_see_the_ledger() {
    let app = TestApp::sqlite().await;
    let site = app.site("Kebon").await;
    for (role, sites) in
        [(Role::Operator, vec![]), (Role::Cashier, vec![]), (Role::Viewer, vec![]), (Role::Admin, vec![site])]
    {
        let token = app.signed_in(role, &sites).await;
        for path in ["/reports/ledger", "/reports/ledger/entries", "/reports/ledger/entries/1"] {
            assert_eq!(page(&app, &token, path).await.0, StatusCode::FORBIDDEN, "{role:?} {path}");
        }
        let body = json!({"reason": "x"});
        assert_eq!(api(&app, &token, "POST", "/ledger/entries/1/reverse", &body).await.0, 403, "{role:?}");
    }
}
