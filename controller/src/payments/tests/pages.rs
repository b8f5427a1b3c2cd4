//! Pages and resources of payments through the whole web app.

use axum::http::{Request, StatusCode, header};

use super::*;
use crate::{http::access::Role, testing::on_each_database};

const FORM: &str = "0123456789abcdef0123456789abcdef";

pub(super) async fn ask(
    app: &TestApp,
    token: &str,
    method: &str,
    path: &str,
    form: &str,
) -> (StatusCode, String, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::COOKIE, format!("hiji_session={token}; hiji_lang=en"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(form.to_owned())
        .unwrap();
    let (status, headers, body) = app.ask(request).await;
    let to = headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned();
    (status, to, body)
}

pub(super) async fn call(
    app: &TestApp,
    token: &str,
    method: &str,
    path: &str,
    body: &str,
) -> (StatusCode, serde_json::Value) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", form::new_form_id())
        .body(body.to_owned())
        .unwrap();
    let (status, _, body) = app.ask(request).await;
    (status, serde_json::from_str(&body).unwrap_or_default())
}

#[tokio::test]
async fn a_cashier_finds_takes_prints_and_cannot_take_back() {
    on_each_database(async |app| {
        let site = app.site("Kebon").await;
        let id = customer(&app, site, "Budi Santoso").await;
        let december = invoice(&app, id, site, (165_000, "2026-11-10")).await;
        let number = invoices::find(app.db.read(), &Scope::All, december).await.unwrap().unwrap().head.number.unwrap();
        let token = app.signed_in(Role::Cashier, &[site]).await;
        for q in ["budi", "santoso bud", number.as_str(), &number.to_lowercase()] {
            let path = format!("/payments/new?q={}", form::percent_encoded(q));
            let (status, _, page) = ask(&app, &token, "GET", &path, "").await;
            assert_eq!(status, StatusCode::OK, "{page}");
            assert!(page.contains("Budi Santoso") && page.contains("Rp165.000"), "{q}: {page}");
        }
        let (_, _, page) = ask(&app, &token, "GET", &format!("/customers/{id}/pay"), "").await;
        assert!(page.contains(&number) && page.contains("value=\"165.000\""), "{page}");
        let path = format!("/customers/{id}/pay/proposal?method=cash&given=100000");
        let (status, _, part) = ask(&app, &token, "GET", &path, "").await;
        assert_eq!(status, StatusCode::OK);
        assert!(part.contains("Rp65.000 left") && !part.contains("<html"), "{part}");
        // Without scripts it is calculated by a button of the form.
        let form = format!("form_id={FORM}&method=cash&given=200.000");
        let (status, _, page) =
            ask(&app, &token, "POST", &format!("/customers/{id}/pay"), &format!("{form}&preview=1")).await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("Rp35.000") && page.contains(FORM), "{page}");
        assert_eq!(stands(&app, id).await, (165_000, 0));
        let (status, to, _) = ask(&app, &token, "POST", &format!("/customers/{id}/pay"), &form).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let (_, again, _) = ask(&app, &token, "POST", &format!("/customers/{id}/pay"), &form).await;
        assert_eq!(again, to.replace("new=1", "again=1"));
        let (status, _, page) = ask(&app, &token, "GET", &to, "").await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert!(page.contains("KW-20261122-0001") && page.contains("Rp35.000"), "{page}");
        assert!(!page.contains("Take the payment back"), "{page}");
        let own = to.split('?').next().unwrap().to_owned();
        let (status, _, _) = ask(&app, &token, "POST", &format!("{own}/reverse"), "reason=x").await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        for (times, (format, size)) in
            [("thermal-58", "/paper/58x"), ("thermal-80", "/paper/80x"), ("a4", "/paper/a4.css")]
                .into_iter()
                .enumerate()
        {
            let (status, print, _) =
                ask(&app, &token, "POST", &format!("{own}/print"), &format!("format={format}")).await;
            assert_eq!(
                (status, print.as_str()),
                (StatusCode::SEE_OTHER, format!("{own}/print?format={format}&copy={}", times + 1).as_str())
            );
            let (status, _, page) = ask(&app, &token, "GET", &print, "").await;
            assert_eq!(status, StatusCode::OK);
            assert!(page.contains(&format!("receipt-{format}")) && page.contains("Budi Santoso"), "{page}");
            assert!(page.contains(&format!("href=\"{size}")), "{page}");
            assert_eq!(page.contains("copy 2"), times == 1, "{page}");
        }
        let (status, ..) = ask(&app, &token, "POST", &format!("{own}/print"), "format=a5").await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let (status, _, page) = ask(&app, &token, "GET", "/payments", "").await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("KW-20261122-0001") && page.contains("Rp165.000"), "{page}");
        for bad in [
            "given=&method=cash",
            "given=x&method=cash",
            "given=5",
            "given=5&method=credit",
            "given=5&method=cash&invoice=x",
        ] {
            let (status, _, page) = ask(&app, &token, "POST", &format!("/customers/{id}/pay"), bad).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}: {page}");
            assert!(page.contains("-error"), "{bad}: {page}");
        }
    })
    .await;
}

#[tokio::test]
async fn other_sites_see_and_take_nothing_and_lists_are_narrowed() {
    on_each_database(async |app| {
        let (site, other) = (app.site("Kebon").await, app.site("Waena").await);
        let phone = customers::PhoneForm { number: "0812-3456-7890".to_owned(), ..customers::PhoneForm::default() };
        let id = customer_with(&app, site, "Budi Santoso", vec![phone]).await;
        invoice(&app, id, site, (165_000, "2026-11-10")).await;
        let taken = pay(&app, &cash(id, 100_000)).await.unwrap();
        let stranger = app.signed_in(Role::Admin, &[other]).await;
        for path in [
            format!("/payments/{}", taken.id),
            format!("/payments/{}/print?format=a4", taken.id),
            format!("/customers/{id}/pay"),
        ] {
            assert_eq!(ask(&app, &stranger, "GET", &path, "").await.0, StatusCode::NOT_FOUND, "{path}");
        }
        let form = "method=cash&given=5";
        assert_eq!(ask(&app, &stranger, "POST", &format!("/customers/{id}/pay"), form).await.0, StatusCode::NOT_FOUND);
        let (_, _, page) = ask(&app, &stranger, "POST", &format!("/payments/{}/reverse", taken.id), "reason=x").await;
        assert!(!page.contains("KW-"), "{page}");
        let (_, _, page) = ask(&app, &stranger, "GET", "/payments/new?q=budi", "").await;
        assert!(!page.contains("Santoso"), "{page}");
        for path in ["/payments?all=1", "/payments?q=budi", "/payments/export?format=csv"] {
            assert!(!ask(&app, &stranger, "GET", path, "").await.2.contains("KW-"), "{path}");
        }
        let owner = app.signed_in(Role::SuperAdmin, &[]).await;
        for (query, found) in [
            ("", true),
            ("?from=2026-11-22&to=2026-11-22", true),
            ("?from=2026-11-23", false),
            ("?to=2026-11-21", false),
            ("?method=cash&from=2026-11-01", true),
            ("?method=bank_transfer&from=2026-11-01", false),
            ("?kind=refund&all=1", false),
            ("?q=KW-2026", true),
            ("?q=KW-2027", false),
            ("?q=kw-2026", true),
            ("?q=budi", true),
            ("?q=santoso+budi&from=2026-11-01", true),
            ("?q=budi&from=2026-11-23", false),
            ("?q=081234567890", true),
            ("?q=C000001", true),
            ("?q=nobody", false),
            (&format!("?customer_id={id}"), true),
            ("?customer_id=99", false),
            (&format!("?site_id={site}&all=1"), true),
            (&format!("?site_id={other}&all=1"), false),
        ] {
            let (status, _, page) = ask(&app, &owner, "GET", &format!("/payments{query}"), "").await;
            assert_eq!((status, page.contains("KW-20261122-0001")), (StatusCode::OK, found), "{query}");
        }
        let (status, _, file) = ask(&app, &owner, "GET", "/payments/export?format=csv&from=2026-11-01", "").await;
        assert_eq!(status, StatusCode::OK);
        assert!(
            file.contains("KW-20261122-0001") && file.contains("100000") && file.contains("2026-11-22 21:00:00"),
            "{file}"
        );
        let (_, listed) = call(&app, &owner, "GET", "/payments?q=budi", "").await;
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
        let (status, _, page) = ask(&app, &owner, "GET", "/payments?from=kemarin&to=2026-11-30", "").await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("from-error") && page.contains("value=\"kemarin\"") && page.contains("KW-"), "{page}");
        let (status, refused) = call(&app, &owner, "GET", "/payments?from=kemarin", "").await;
        assert_eq!((status, &refused["errors"]["from"]), (StatusCode::UNPROCESSABLE_ENTITY, &"not_a_date".into()));
        for bad in ["?from=kemarin", "?method=x", "?site_id=x", "?kind=x", "?cursor=%25"] {
            let (status, ..) = ask(&app, &owner, "GET", &format!("/payments{bad}"), "").await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_resources_do_what_the_pages_do() {
    on_each_database(async |app| {
        let site = app.site("Kebon").await;
        let id = customer(&app, site, "Budi Santoso").await;
        let december = invoice(&app, id, site, (165_000, "2026-11-10")).await;
        let token = app.signed_in(Role::Admin, &[site]).await;
        let (status, paid) = call(&app, &token, "POST", &format!("/invoices/{december}/payments"), r#"{"method":"cash","amount":100000}"#).await;
        assert_eq!(status, StatusCode::CREATED, "{paid}");
        assert_eq!((&paid["lines"][0]["remaining"]["amount"], &paid["owed"]["amount"]), (&65_000.into(), &65_000.into()));
        let body = format!(r#"{{"method":"bank_transfer","amount":{{"amount":70000,"currency":"IDR"}},"invoices":[{{"invoice_id":{december}}}]}}"#);
        let (status, paid) = call(&app, &token, "POST", &format!("/customers/{id}/payments"), &body).await;
        assert_eq!((status, &paid["to_credit"]["amount"]), (StatusCode::CREATED, &5_000.into()), "{paid}");
        let (status, out) = call(&app, &token, "POST", &format!("/customers/{id}/credit/refund"), r#"{"method":"cash","amount":5000}"#).await;
        assert_eq!((status, &out["kind"]), (StatusCode::CREATED, &"refund".into()), "{out}");
        let (status, refused) = call(&app, &token, "POST", &format!("/customers/{id}/credit/use"), "{}").await;
        assert_eq!((status, &refused["errors"][""]), (StatusCode::UNPROCESSABLE_ENTITY, &"no_balance".into()), "{refused}");
        let (_, listed) = call(&app, &token, "GET", "/payments?limit=2", "").await;
        assert_eq!((listed["items"].as_array().unwrap().len(), listed["next_cursor"].is_string()), (2, true), "{listed}");
        let cursor = listed["next_cursor"].as_str().unwrap();
        let (_, listed) = call(&app, &token, "GET", &format!("/payments?limit=2&cursor={cursor}"), "").await;
        assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
        let (_, sums) = call(&app, &token, "GET", "/payments/sums?from=2026-11-22", "").await;
        assert_eq!(sums.as_array().unwrap().len(), 3, "{sums}");
        let reverse = format!("/payments/{}/reverse", out["id"]);
        let (status, back) = call(&app, &token, "POST", &reverse, r#"{"reason":"salah"}"#).await;
        assert_eq!((status, &back["reverse_reason"]), (StatusCode::OK, &"salah".into()), "{back}");
        let (status, again) = call(&app, &token, "POST", &reverse, r#"{"reason":"salah"}"#).await;
        assert_eq!((status, &again["code"]), (StatusCode::CONFLICT, &"payment_reversed".into()), "{again}");
        let (status, found) = call(&app, &token, "GET", "/payments/search?q=budi", "").await;
        assert_eq!((status, &found[0]["credit"]["amount"]), (StatusCode::OK, &5_000.into()), "{found}");
        let body = format!(r#"{{"customer_id":{id},"method":"cash","amount":2000,"note":"pindah"}}"#);
        let (status, out) = call(&app, &token, "POST", "/refunds", &body).await;
        assert_eq!((status, &out["kind"], &out["amount"]["amount"]), (StatusCode::CREATED, &"refund".into(), &2_000.into()), "{out}");
        let (_, refunds) = call(&app, &token, "GET", "/refunds?kind=payment", "").await;
        let shown: Vec<_> = refunds["items"].as_array().unwrap().iter().map(|refund| &refund["id"]).collect();
        assert_eq!((shown.len(), shown[0]), (2, &out["id"]), "{refunds}");
        assert_eq!(call(&app, &token, "GET", &format!("/refunds/{}", out["id"]), "").await.1["id"], out["id"]);
        assert_eq!(call(&app, &token, "GET", &format!("/refunds/{}", paid["id"]), "").await.0, StatusCode::NOT_FOUND);
        for (path, body, field) in [
            (format!("/invoices/{december}/payments"), r#"{"method":"credit","amount":5}"#, "method"),
            (format!("/customers/{id}/payments"), r#"{"method":"cash","amount":-5}"#, "amount"),
            (format!("/customers/{id}/payments"), r#"{"method":"cash","amount":{"amount":5,"currency":"USD"}}"#, "amount"),
            (format!("/customers/{id}/payments"), r#"{"method":"cash"}"#, "amount"),
        ] {
            let (status, refused) = call(&app, &token, "POST", &path, body).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {body}");
            assert!(refused["errors"][field].is_string(), "{refused}");
        }
        let viewer = app.signed_in(Role::Viewer, &[site]).await;
        let (status, _) = call(&app, &viewer, "POST", &format!("/customers/{id}/payments"), r#"{"method":"cash","amount":5}"#).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn documents_carry_the_operators_logo_and_lines_and_without_them_the_site() {
    use crate::settings::{self, Settings, letterhead};
    let app = TestApp::sqlite().await;
    let site = app.site("Kebon").await;
    let id = customer(&app, site, "Budi").await;
    let debt = invoice(&app, id, site, (165_000, "2026-11-10")).await;
    let taken = pay(&app, &cash(id, 165_000)).await.unwrap();
    let token = app.signed_in(Role::Admin, &[]).await;
    let papers = ["a4", "thermal-80", "thermal-58"];
    let mut documents = vec![format!("/customers/{id}/statement/print")];
    for paper in papers {
        documents.push(format!("/invoices/{debt}/print?format={paper}"));
        documents.push(format!("/payments/{}/print?format={paper}&copy=1", taken.id));
    }
    for path in &documents {
        let (status, _, page) = ask(&app, &token, "GET", path, "").await;
        assert!(status == 200 && page.contains("Kebon") && !page.contains("<img"), "{path}: {page}");
    }
    let settings = settings::load(app.db.read()).await.unwrap();
    let header_lines = vec!["Jl. Raya 1 <b>".to_owned(), "NPWP 01.234".to_owned()];
    settings::change(&app, &actor(), &Settings { header_lines, ..settings }).await.unwrap();
    let picture = crate::http::logo::tests::png_of(200, 80);
    letterhead::set_logo(&app, &actor(), Some(picture)).await.unwrap();
    let logo = letterhead::logo_address(app.db.read()).await.unwrap().unwrap();
    for path in &documents {
        let (_, _, page) = ask(&app, &token, "GET", path, "").await;
        assert!(page.contains(&format!("src=\"{logo}\"")), "{path}: {page}");
        assert!(page.contains("Jl. Raya 1 &lt;b&gt;") && page.contains("NPWP 01.234"), "{path}: {page}");
    }
}

#[tokio::test]
async fn a_receipt_that_was_taken_back_tells_no_rest_and_entries_tell_whose_they_are() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let id = customer(&app, site, "Budi Santoso").await;
        let debt = invoice(&app, id, site, (100_000, "2026-11-30")).await;
        let taken = pay(&app, &cash(id, 60_000)).await.unwrap();
        let token = app.signed_in(Role::SuperAdmin, &[]).await;
        let paper = format!("/payments/{}/print?format=a4&copy=1", taken.id);
        let (_, _, print) = ask(&app, &token, "GET", &paper, "").await;
        assert!(print.contains("Left to pay") && print.contains("Rp40.000"), "{print}");
        super::super::reverse(&app, &Scope::All, &actor(), taken.id, "salah").await.unwrap();
        let (_, _, print) = ask(&app, &token, "GET", &paper, "").await;
        assert!(print.contains("TAKEN BACK") && print.contains("Rp60.000"), "{print}");
        assert!(!print.contains("Left to pay") && !print.contains("Rp40.000"), "{print}");

        let payment = super::super::find(app.db.read(), &Scope::All, taken.id).await.unwrap().unwrap();
        let number = invoices::briefs(app.db.read(), &[debt]).await.unwrap()[&debt].number.clone();
        let (_, _, entry) =
            ask(&app, &token, "GET", &format!("/reports/ledger/entries/{}", payment.entry_id), "").await;
        assert!(entry.contains(">C000001 Budi Santoso</a>") && entry.contains(&format!(">{number}</a>")), "{entry}");
        let (_, _, journal) = ask(&app, &token, "GET", &format!("/reports/ledger/entries?customer_id={id}"), "").await;
        assert!(journal.contains("C000001 Budi Santoso"), "{journal}");
    })
    .await;
}
