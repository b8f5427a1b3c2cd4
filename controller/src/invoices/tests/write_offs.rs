//! Debts given up and taken up again, on both databases: booked as bad debts, shown as such, and never turned into money.

use serde_json::{Value, json};

use super::{
    super::{
        Crediting, Filter, InvoiceError, State, Tab, aging, credit, list, loose_of, open_of, reinstate,
        reinstate_loose, settled, void, write_off, write_off_loose,
    },
    pages::Browser,
    stories::{owes, part, pay, state},
    *,
};
use crate::{
    app::App,
    audit,
    db::paging::PageOf,
    http::access::Role,
    ids::InvoiceId,
    ledger::{
        self,
        draft::{Fact, Source},
    },
    money::Currency,
    testing::on_each_database,
};

/// The balance of an account.
async fn account(app: &App, code: &str) -> i64 {
    let accounts = ledger::accounts(app.db.read()).await.unwrap();
    accounts.iter().filter(|account| account.code == code).map(|account| account.balance.minor()).sum()
}

async fn proves(app: &App) {
    let proof = ledger::prove(app.db.read(), app.clock.now(), true).await.unwrap();
    assert_eq!(proof.differences, []);
    assert_eq!(super::super::prove(app.db.read()).await.unwrap(), []);
}

async fn give_up(app: &App, id: InvoiceId) -> Result<(), InvoiceError> {
    write_off(app, &Scope::All, &actor(), id, "pindah").await
}

async fn take_up(app: &App, id: InvoiceId) -> Result<(), InvoiceError> {
    reinstate(app, &Scope::All, &actor(), id, "mau bayar").await
}

fn crediting(invoice: InvoiceId, amount: i64) -> Crediting {
    let form_id = form::new_form_id();
    Crediting { form_id, invoice, amount: Some(Money::idr(amount)), reason: "salah".to_owned() }
}

async fn owed(app: &App) -> i64 {
    aging::report(app, &Scope::All, aging::Asked::default(), &PageOf::default()).await.unwrap().unwrap().total.minor()
}

#[tokio::test]
async fn what_is_left_is_a_bad_debt_until_it_is_taken_up_again_and_paid() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let id = make(&app, vec![proposal(budi, site, "sub/1", 165_000)], Issue::Now).await[0].id;
        pay(&app, budi, 1, &part(id, 100_000, 0)).await;
        assert_eq!(owed(&app).await, 65_000);
        let nameless = write_off(&app, &Scope::All, &actor(), id, " ").await;
        assert!(matches!(nameless, Err(InvoiceError::Refused(_))), "{nameless:?}");
        assert!(matches!(take_up(&app, id).await, Err(InvoiceError::NotWrittenOff)));
        give_up(&app, id).await.unwrap();
        assert_eq!((state(&app, id).await, owes(&app, budi).await), ((State::Uncollectible, 165_000), (0, 0)));
        assert_eq!((account(&app, "5200").await, account(&app, "1200").await), (65_000, 0));
        assert_eq!((open_of(app.db.read(), budi).await.unwrap().len(), owed(&app).await), (0, 0));
        // Given up once, and no money that a void or a credit note could give back.
        assert!(matches!(give_up(&app, id).await, Err(InvoiceError::IsWrittenOff)));
        assert!(matches!(void(&app, &Scope::All, &actor(), id, "x").await, Err(InvoiceError::IsWrittenOff)));
        let credited = credit(&app, &Scope::All, &actor(), &crediting(id, 1)).await;
        assert!(matches!(credited, Err(InvoiceError::IsWrittenOff)), "{credited:?}");
        let filter = Filter { tab: Tab::Uncollectible, ..Filter::default() };
        let listed = list(app.db.read(), &Scope::All, app.app.clock.now(), &filter, &PageOf::default()).await;
        assert_eq!(listed.unwrap().unwrap().items[0].id, id);
        let found = super::super::find(app.db.read(), &Scope::All, id).await.unwrap().unwrap();
        assert_eq!((found.paid, found.written_off), (Money::idr(100_000), Money::idr(65_000)));
        assert_eq!((&*found.write_offs[0].reason, &*found.write_offs[0].who), ("pindah", "rina"));
        proves(&app).await;
        take_up(&app, id).await.unwrap();
        assert_eq!((state(&app, id).await, owes(&app, budi).await), ((State::PartiallyPaid, 100_000), (65_000, 0)));
        assert_eq!((account(&app, "5200").await, owed(&app).await), (0, 65_000));
        assert!(matches!(take_up(&app, id).await, Err(InvoiceError::NotWrittenOff)));
        proves(&app).await;
        pay(&app, budi, 2, &part(id, 65_000, 0)).await;
        assert_eq!(state(&app, id).await, (State::Paid, 165_000));
        assert!(matches!(give_up(&app, id).await, Err(InvoiceError::NothingOwed)));
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn tax_that_was_invoiced_stays_owed_and_a_past_day_knows_the_debt() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let id = make(&app, vec![proposal(budi, site, "sub/1", 165_000)], Issue::Now).await[0].id;
        let income = account(&app, "4000").await;
        app.clock.advance(chrono::Duration::days(2));
        give_up(&app, id).await.unwrap();
        assert_eq!((account(&app, "4000").await, account(&app, "5200").await), (income, 165_000));
        let then = aging::Asked { as_of: Some(day("2026-11-22")), site: None };
        let report = aging::report(&app, &Scope::All, then, &PageOf::default()).await.unwrap().unwrap();
        assert_eq!((report.total.minor(), owed(&app).await), (165_000, 0));
        let (line, now) = (&statement_of(&app, budi).await[0], app.app.clock.now());
        assert_eq!((line.kind.as_str(), line.receivable.minor(), line.at), ("write_off", -165_000, now));
        assert_eq!(line.memo, "INV-202612-000001");
    })
    .await;
}

async fn statement_of(app: &App, customer: CustomerId) -> Vec<ledger::StatementLine> {
    let lines = ledger::statement(app.db.read(), customer, Currency::IDR, &PageOf::default()).await;
    lines.unwrap().unwrap().items
}

#[tokio::test]
async fn a_payment_taken_back_leaves_its_part_owed_which_can_be_given_up_too() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let id = make(&app, vec![proposal(budi, site, "sub/1", 165_000)], Issue::Now).await[0].id;
        let paid = pay(&app, budi, 1, &part(id, 100_000, 0)).await;
        give_up(&app, id).await.unwrap();
        let tx = app.db.begin().await.unwrap();
        ledger::reverse(&*tx, app.app.clock.now(), &actor(), paid.entry, "salah").await.unwrap();
        settled(&*tx, app.app.clock.now(), &actor(), &[id]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!((state(&app, id).await, owes(&app, budi).await), ((State::PartiallyPaid, 65_000), (100_000, 0)));
        // A void would turn what was given up into the customer's money.
        assert!(matches!(void(&app, &Scope::All, &actor(), id, "x").await, Err(InvoiceError::IsWrittenOff)));
        let credited = credit(&app, &Scope::All, &actor(), &crediting(id, 1)).await;
        assert!(matches!(credited, Err(InvoiceError::IsWrittenOff)), "{credited:?}");
        proves(&app).await;
        give_up(&app, id).await.unwrap();
        assert_eq!((state(&app, id).await, account(&app, "5200").await), ((State::Uncollectible, 165_000), 165_000));
        take_up(&app, id).await.unwrap();
        assert_eq!((state(&app, id).await, owes(&app, budi).await), ((State::Open, 0), (165_000, 0)));
        assert_eq!(account(&app, "5200").await, 0);
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn drafts_and_void_invoices_owe_nothing_that_could_be_given_up() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let draft = make(&app, vec![proposal(budi, site, "sub/1", 1_000)], Issue::Draft).await[0].id;
        assert!(matches!(give_up(&app, draft).await, Err(InvoiceError::IsDraft)));
        void(&app, &Scope::All, &actor(), draft, "x").await.unwrap();
        assert!(matches!(give_up(&app, draft).await, Err(InvoiceError::IsVoid)));
        assert!(matches!(give_up(&app, InvoiceId(99)).await, Err(InvoiceError::NotFound)));
    })
    .await;
}

#[tokio::test]
async fn what_a_customer_was_taken_over_with_is_credited_and_given_up_against_the_opening() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let opening = Proposal { kind: Kind::Opening, ..proposal(budi, site, "opening/1", 50_000) };
        let id = make(&app, vec![opening], Issue::Now).await[0].id;
        assert_eq!((account(&app, "3000").await, account(&app, "4000").await), (50_000, 0));
        let note = credit(&app, &Scope::All, &actor(), &crediting(id, 20_000)).await.unwrap();
        assert_eq!((note.amount, note.to_credit, note.tax), (Money::idr(20_000), Money::idr(0), Money::idr(0)));
        // It was no income before, so none is taken back.
        assert_eq!((account(&app, "3000").await, account(&app, "4000").await), (30_000, 0));
        give_up(&app, id).await.unwrap();
        assert_eq!((state(&app, id).await, owes(&app, budi).await), ((State::Uncollectible, 50_000), (0, 0)));
        assert_eq!((account(&app, "3000").await, account(&app, "5200").await), (30_000, 30_000));
        proves(&app).await;
    })
    .await;
}

/// A debt that has no invoice.
async fn taken_over(app: &App, customer: CustomerId, amount: i64) {
    let (now, source) = (app.clock.now(), Source::new("opening", form::new_form_id()));
    let fact = Fact { source, occurred_at: now, site: None, memo: String::new() };
    let draft = ledger::rules::opening_debt(fact, customer, None, Money::idr(amount)).unwrap();
    let tx = app.db.begin().await.unwrap();
    ledger::post(&*tx, now, &actor(), &draft).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_has_no_invoice_is_given_up_as_a_whole_and_taken_up_again() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let up = async || write_off_loose(&app, &Scope::All, &actor(), budi, "buku lama").await;
        let back = async || reinstate_loose(&app, &Scope::All, &actor(), budi, "mau bayar").await;
        assert!(matches!(up().await, Err(InvoiceError::NothingOwed)));
        assert!(matches!(back().await, Err(InvoiceError::NotWrittenOff)));
        taken_over(&app, budi, 40_000).await;
        up().await.unwrap();
        taken_over(&app, budi, 5_000).await;
        up().await.unwrap();
        let loose = loose_of(app.db.read(), budi).await.unwrap();
        assert_eq!((loose.remaining.minor(), loose.written_off.minor(), loose.write_offs.len()), (0, 45_000, 2));
        assert_eq!((owes(&app, budi).await, account(&app, "5200").await, owed(&app).await), ((0, 0), 45_000, 0));
        proves(&app).await;
        back().await.unwrap();
        let loose = loose_of(app.db.read(), budi).await.unwrap();
        assert_eq!((loose.remaining.minor(), loose.written_off.minor()), (45_000, 0));
        assert!(loose.write_offs.iter().all(|write_off| write_off.reverse_reason == "mau bayar"));
        assert_eq!((owes(&app, budi).await, account(&app, "5200").await), ((45_000, 0), 0));
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn the_proof_names_an_invoice_of_which_another_sum_is_given_up_than_its_write_offs_say() {
    on_each_database(|app| async move {
        use sea_orm::ConnectionTrait as _;
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let id = make(&app, vec![proposal(budi, site, "sub/1", 1_000)], Issue::Now).await[0].id;
        give_up(&app, id).await.unwrap();
        let tx = app.db.begin().await.unwrap();
        tx.execute_unprepared("UPDATE invoice SET written_off = 0").await.unwrap();
        tx.commit().await.unwrap();
        let found = super::super::prove(app.db.read()).await.unwrap();
        let named: Vec<_> = found.iter().map(|each| (&*each.check, each.expected, each.found)).collect();
        assert_eq!(named, [("invoice_state", 1_000, 1_000), ("invoice_written_off", 1_000, 0)]);
    })
    .await;
}

#[tokio::test]
async fn pages_and_api_give_up_and_take_up_for_those_who_may() {
    let app = TestApp::sqlite().await;
    let (kebon, waena) = (app.site("Kebon").await, app.site("Waena").await);
    let (budi, siti) = (customer(&app, kebon, "Budi").await, customer(&app, waena, "Siti").await);
    let invoice = |key: &str| Proposal { period: None, ..proposal(budi, kebon, key, 165_000) };
    make(&app, vec![invoice("a"), invoice("b"), proposal(siti, waena, "c", 7_000)], Issue::Now).await;
    let boss = Browser { app: &app, token: app.signed_in(Role::Admin, &[kebon]).await };
    let sari = Browser { app: &app, token: app.signed_in(Role::Operator, &[kebon]).await };
    let page = boss.page("/invoices/1").await;
    assert!(page.contains("Write off Rp165.000 of INV-202611-000001?") && page.contains("PPN included"), "{page}");
    assert!(!sari.page("/invoices/1").await.contains("/write-off"));
    let (status, _, page) = boss.post("/invoices/1/write-off", "reason=+").await;
    assert!(status == 422 && page.contains("/invoices/1/write-off"), "{page}");
    let (status, to, _) = boss.post("/invoices/1/write-off", "reason=pindah+%3Cb%3E").await;
    assert_eq!((status.as_u16(), &*to), (303, "/invoices/1"));
    let page = boss.page("/invoices/1").await;
    for shown in ["is written off as a bad debt", "pindah &lt;b&gt;", "/invoices/1/reinstate", "Written off"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    for gone in ["/invoices/1/write-off", "/invoices/1/void", "/invoices/1/credit", "/pay?invoice=1"] {
        assert!(!page.contains(gone), "{gone}: {page}");
    }
    assert!(boss.page("/invoices?tab=uncollectible&month=+").await.contains("INV-202611-000001"));
    let paper = boss.page("/invoices/1/print").await;
    assert!(paper.contains("Dihapusbukukan") && paper.contains("Rp165.000"), "{paper}");
    let timeline = boss.page(&format!("/customers/{budi}")).await;
    assert!(timeline.contains("Invoice INV-202611-000001 written off, Rp165.000: pindah"), "{timeline}");
    assert!(boss.page(&format!("/customers/{budi}/statement")).await.contains("Write-off"));
    let (status, _, page) = boss.post("/invoices/1/write-off", "reason=x").await;
    assert!(status == 409 && page.contains("is written off"), "{page}");
    assert_eq!(boss.post("/invoices/1/reinstate", "reason=mau+bayar").await.0, 303);
    let page = boss.page("/invoices/1").await;
    assert!(page.contains("Taken up again") && page.contains("/pay?invoice=1") && page.contains("mau bayar"), "{page}");
    // What has no invoice, on the statement.
    taken_over(&app, budi, 30_000).await;
    let statement = format!("/customers/{budi}/statement");
    let page = boss.page(&statement).await;
    assert!(page.contains("Debts from before") && page.contains("Write off Rp30.000 from before?"), "{page}");
    let (status, _, page) = boss.post(&format!("/customers/{budi}/write-off"), "reason=").await;
    assert!(status == 422 && page.contains("Debts from before"), "{page}");
    let (status, to, _) = boss.post(&format!("/customers/{budi}/write-off"), "reason=lama").await;
    assert_eq!((status.as_u16(), to), (303, statement.clone()));
    assert!(boss.page(&statement).await.contains("Rp30.000 is written off."));
    assert_eq!(boss.post(&format!("/customers/{budi}/reinstate"), "reason=x").await.0, 303);
    // The API does the same, and says why not.
    let why = || json!({ "reason": "pindah" });
    let (status, made) = boss.api("POST", "/invoices/2/write_off", why()).await;
    assert_eq!(
        (status, &made["state"], &made["written_off"]["amount"]),
        (200, &json!("uncollectible"), &json!(165_000))
    );
    for (path, status, code) in [
        ("/invoices/2/write_off", 409, "invoice_written_off"),
        ("/invoices/1/reinstate", 409, "invoice_not_written_off"),
        ("/invoices/3/write_off", 404, "not_found"),
        ("/invoices/3/reinstate", 404, "not_found"),
        (&format!("/customers/{siti}/write_off"), 404, "not_found"),
        (&format!("/customers/{siti}/reinstate"), 404, "not_found"),
        (&format!("/customers/{budi}/reinstate"), 409, "invoice_not_written_off"),
    ] {
        let (found, problem) = boss.api("POST", path, why()).await;
        assert_eq!((found, &problem["code"]), (status, &json!(code)), "{path}: {problem}");
    }
    let (status, problem) = boss.api("POST", "/invoices/1/write_off", json!({})).await;
    assert_eq!((status, &problem["errors"]["reason"]), (422, &json!("required")), "{problem}");
    let (status, loose) = boss.api("POST", &format!("/customers/{budi}/write_off"), why()).await;
    assert_eq!((status, &loose["written_off"]["amount"]), (200, &json!(30_000)), "{loose}");
    let (_, again) = boss.api("POST", &format!("/customers/{budi}/write_off"), why()).await;
    assert_eq!(again["code"], "invoice_nothing_owed");
    for path in ["/invoices/1/write_off", "/invoices/2/reinstate", &format!("/customers/{budi}/write_off")] {
        assert_eq!(sari.api("POST", path, why()).await.0, 403, "{path}");
        assert_eq!(sari.post(&path.replace('_', "-"), "reason=x").await.0, 403, "{path}");
    }
    assert_eq!(boss.api("GET", "/invoices?tab=uncollectible", Value::Null).await.1["items"][0]["id"], 2);
    let told = audit::list(app.db.read(), &audit::Filter::default(), &PageOf::default()).await.unwrap().items;
    for action in ["invoice.write_off", "invoice.reinstate", "customer.write_off", "customer.reinstate"] {
        assert!(told.iter().any(|entry| entry.action == action), "{action}");
    }
}
