//! The dashboard through the whole web app: figures of the day and of the sites that are seen, for those who may.

use axum::http::{Request, StatusCode, header};
use chrono::{Duration, NaiveDate};
use sea_orm::{ActiveValue::Set, EntityTrait as _};
use serde_json::json;

use crate::{
    customers::{self, CustomerForm},
    db::entity::{isolation_plan, message},
    http::{
        access::{Role, Scope},
        form,
    },
    ids::{CustomerId, RouterId, SiteId},
    invoices::{self, Issue, Kind, LineKind, NewLine, Proposal},
    money::Money,
    packages,
    payments::{self, Method, Take},
    subscriptions,
    testing::{TestApp, actor, on_each_database},
};

async fn customer(app: &TestApp, site: SiteId, name: &str) -> CustomerId {
    let form = CustomerForm { site_id: Some(site), name: name.to_owned(), ..CustomerForm::default() };
    let asked = customers::Asked { scope: &Scope::All, actor: &actor(), form_id: &form::new_form_id() };
    customers::add(app, &asked, &form).await.unwrap()
}

async fn invoice(app: &TestApp, (customer, site): (CustomerId, SiteId), amount: i64, issue: Issue) {
    let due_on: NaiveDate = "2026-11-10".parse().unwrap();
    let line = NewLine {
        kind: LineKind::Package,
        text: "Rumah-10M".to_owned(),
        quantity: 1,
        unit_price: Money::idr(amount),
        amount: Money::idr(amount),
        cost: Money::idr(0),
        is_taxed: false,
        package: None,
        addon: None,
        from: None,
        until: None,
    };
    let proposal = Proposal {
        proposal: format!("manual/{}", form::new_form_id()),
        customer,
        site,
        subscription: None,
        kind: Kind::Manual,
        period: None,
        due_on,
        lines: vec![line],
        notes: String::new(),
    };
    let tx = app.db.begin().await.unwrap();
    invoices::propose(&*tx, app.app.clock.now(), &actor(), vec![proposal], issue).await.unwrap();
    tx.commit().await.unwrap();
}

async fn pay(app: &TestApp, customer: CustomerId, amount: i64) {
    let take = Take {
        customer,
        method: Method::Cash,
        given: Money::idr(amount),
        choices: Vec::new(),
        keeps_rest: true,
        note: String::new(),
    };
    let asked = payments::Asked { scope: &Scope::All, actor: &actor(), form_id: &form::new_form_id() };
    payments::take(app, &asked, &take).await.unwrap();
}

async fn plan(app: &TestApp, site: SiteId, state: &str) -> i64 {
    let now = app.app.clock.now();
    let row = isolation_plan::ActiveModel {
        site_id: Set(site.0),
        day: Set(now.date_naive()),
        state: Set(state.to_owned()),
        held_for: Set(if state == "held" { "count" } else { "" }.to_owned()),
        wave: Set(0),
        total: Set(40),
        created_at: Set(now),
        ..Default::default()
    };
    let tx = app.db.begin().await.unwrap();
    let id = isolation_plan::Entity::insert(row).exec(&*tx).await.unwrap().last_insert_id;
    tx.commit().await.unwrap();
    id
}

async fn waiting_message(app: &TestApp, (customer, site): (CustomerId, SiteId), state: &str) {
    let now = app.app.clock.now();
    let row = message::ActiveModel {
        dedupe: Set(form::new_form_id()),
        customer_id: Set(customer.0),
        site_id: Set(site.0),
        to_number: Set(String::new()),
        template: Set("reminder_due_3".to_owned()),
        language: Set("id".to_owned()),
        vars: Set(json!({})),
        body: Set("x".to_owned()),
        state: Set(state.to_owned()),
        reason: Set(String::new()),
        not_before: Set(now),
        created_at: Set(now),
        ..Default::default()
    };
    let tx = app.db.begin().await.unwrap();
    message::Entity::insert(row).exec_without_returning(&*tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn monthly_package(app: &TestApp, router: RouterId) -> i64 {
    let form = json!({
        "name": "Rumah 10 Mbps", "service": "pppoe", "price": 165_000, "profile": "Rumah-10M", "rate_limit": "5M/10M",
        "is_prepaid": false, "bill_day": 1, "on_expiry": "disable", "router_ids": [router],
    });
    let draft = packages::rules::check(&serde_json::from_value(form).unwrap()).unwrap();
    packages::add(app, &Scope::All, &actor(), draft).await.unwrap().0
}

async fn subscribe(app: &TestApp, (router, package): (RouterId, i64)) {
    let customer = json!({ "name": "Siti", "phones": [{ "number": "0812-3456-0001" }] });
    let form = json!({ "router_id": router, "package_id": package, "customer": customer });
    let asked = subscriptions::Asked { scope: &Scope::All, actor: &actor(), form_id: &form::new_form_id() };
    subscriptions::create(app, &asked, &serde_json::from_value(form).unwrap()).await.unwrap();
}

async fn page(app: &TestApp, token: &str, path: &str) -> String {
    let cookie = format!("hiji_session={token}; hiji_lang=en");
    let request = Request::get(path).header(header::COOKIE, cookie).body(String::new()).unwrap();
    let (status, _, page) = app.ask(request).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    page
}

/// The value and the note under a label; nothing where it is not shown.
fn figure(page: &str, label: &str) -> Option<(String, String)> {
    let (_, rest) = page.split_once(&format!("\"stat-label\">{label}<"))?;
    let rest = rest.split_once("class=\"stat-label\"").map_or(rest, |(own, _)| own);
    let of = |class: &str| {
        let (_, rest) = rest.split_once(&format!("\"{class}\">"))?;
        rest.split_once('<').map(|(text, _)| text.to_owned())
    };
    Some((of("stat-value")?, of("stat-note").unwrap_or_default()))
}

fn shown(value: &str, note: &str) -> Option<(String, String)> {
    Some((value.to_owned(), note.to_owned()))
}

#[tokio::test]
async fn the_monthly_business_is_shown_as_of_today_to_those_who_may_see_it() {
    on_each_database(async |app| {
        let (kebon, waena) = (app.site("Kebon").await, app.site("Waena").await);
        let (budi, siti) = (customer(&app, kebon, "Budi").await, customer(&app, waena, "Sari").await);
        invoice(&app, (budi, kebon), 165_000, Issue::Now).await;
        invoice(&app, (siti, waena), 200_000, Issue::Now).await;
        invoice(&app, (budi, kebon), 90_000, Issue::Draft).await;
        let plan = plan(&app, kebon, "held").await;
        for state in ["draft", "draft", "to_call", "dropped"] {
            waiting_message(&app, (budi, kebon), state).await;
        }
        let router = app.router(kebon, "RB-Kebon").await;
        let package = monthly_package(&app, router).await;
        let boss = app.signed_in(Role::SuperAdmin, &[]).await;
        let first = page(&app, &boss, "/dashboard").await;
        assert_eq!(figure(&first, "Payments today"), shown("Rp0", "0 times"), "{first}");
        assert_eq!(figure(&first, "Active services"), shown("0", ""));
        subscribe(&app, (router, package)).await;
        pay(&app, budi, 65_000).await;

        let all = page(&app, &boss, "/dashboard").await;
        assert_eq!(figure(&all, "Payments today"), shown("Rp65.000", "once"), "{all}");
        assert_eq!(figure(&all, "Overdue"), shown("Rp300.000", "2 invoices"));
        assert_eq!(figure(&all, "Active services"), shown("1", ""));
        assert_eq!(figure(&all, "Isolated"), shown("0", ""));
        for waits in [
            "1 draft waits for approval",
            "1 plan of isolation is held",
            "2 messages wait to be sent",
            "1 customer to be called",
        ] {
            assert!(all.contains(waits), "{waits}: {all}");
        }
        let links =
            ["/invoices?tab=overdue", "/invoices/drafts", "/messages?state=to_call", "/subscriptions?state=grace"];
        for link in links.map(str::to_owned).into_iter().chain([format!("/billing/plans/{plan}")]) {
            assert!(all.contains(&format!("href=\"{link}\"")), "{link}: {all}");
            page(&app, &boss, &link).await;
        }

        // One site has its own figures, and a stranger's are not there.
        let one = page(&app, &boss, &format!("/dashboard?site_id={waena}")).await;
        assert_eq!(figure(&one, "Payments today"), shown("Rp0", "0 times"));
        assert_eq!(figure(&one, "Overdue"), shown("Rp200.000", "1 invoice"));
        assert_eq!(figure(&one, "Active services"), shown("0", ""));
        assert!(!one.contains("Waiting for you"), "{one}");
        assert!(one.contains(&format!("/invoices?tab=overdue&amp;site_id={waena}")), "{one}");
        let theirs = app.signed_in(Role::Admin, &[waena]).await;
        for path in ["/dashboard".to_owned(), format!("/dashboard?site_id={kebon}")] {
            let page = page(&app, &theirs, &path).await;
            assert_ne!(figure(&page, "Payments today"), shown("Rp65.000", "once"), "{page}");
            assert!(!page.contains("Waiting for you"), "{page}");
        }

        // Each sees what his role may.
        let operator = app.signed_in(Role::Operator, &[]).await;
        let his = page(&app, &operator, "/dashboard").await;
        assert_eq!(figure(&his, "Payments today"), shown("Rp65.000", "once"), "{his}");
        assert!(!his.contains("Waiting for you"), "{his}");
        let viewer = app.signed_in(Role::Viewer, &[]).await;
        let his = page(&app, &viewer, "/dashboard").await;
        assert!(his.contains("1 plan of isolation is held") && !his.contains("waits for approval"), "{his}");

        // A payment of yesterday is not of today: 23 November has begun in Jayapura.
        app.clock.advance(Duration::hours(4));
        let tomorrow = page(&app, &boss, "/dashboard").await;
        assert_eq!(figure(&tomorrow, "Payments today"), shown("Rp0", "0 times"));
        assert_eq!(figure(&tomorrow, "Overdue"), shown("Rp300.000", "2 invoices"));
    })
    .await;
}

#[tokio::test]
async fn a_plan_that_is_about_to_run_waits_for_whoever_may_stop_it() {
    let app = TestApp::sqlite().await;
    let (kebon, waena) = (app.site("Kebon").await, app.site("Waena").await);
    let soon = plan(&app, kebon, "planned").await;
    plan(&app, waena, "done").await;
    let viewer = app.signed_in(Role::Viewer, &[]).await;
    let board = page(&app, &viewer, "/dashboard").await;
    assert!(board.contains("1 plan of isolation is about to run") && !board.contains("is held"), "{board}");
    assert!(board.contains(&format!("href=\"/billing/plans/{soon}\"")), "{board}");
    let one = page(&app, &viewer, &format!("/dashboard?site_id={waena}")).await;
    assert!(!one.contains("Waiting for you"), "{one}");
}

#[tokio::test]
async fn the_first_steps_lead_to_the_first_customer_too() {
    let app = TestApp::sqlite().await;
    let site = app.site("Kebon").await;
    let router = app.router(site, "RB-Kebon").await;
    let boss = app.signed_in(Role::SuperAdmin, &[]).await;
    let steps = page(&app, &boss, "/dashboard").await;
    assert!(steps.contains("Make vouchers") && steps.contains("Add the first customer"), "{steps}");
    let package = monthly_package(&app, router).await;
    let steps = page(&app, &boss, "/dashboard").await;
    assert!(!steps.contains("Make vouchers") && steps.contains("Add the first customer"), "{steps}");
    subscribe(&app, (router, package)).await;
    let done = page(&app, &boss, "/dashboard").await;
    assert!(!done.contains("Add the first customer"), "{done}");
}
