//! Subscriptions from the outside, on both databases: made in one go with customer and invoice, proven by their router,
//! paid, billed, lapsed, taken away and given back.

use axum::http::{HeaderMap, Request, StatusCode, header};
use chrono::{Duration, NaiveDate};
use hiji_shared::{
    desired::{FailCode, ItemResult, ItemStatus},
    device::{Kind, RouterUser, Row},
    event::{Delta, Event},
};
use serde_json::{Value, json};

use super::{Filter, State, Subscription, bill_until, find, invoices_changed, react, uplink};
use crate::{
    customers,
    db::paging::PageOf,
    events::{BusinessEvent, Happened},
    http::access::{Role, Scope},
    ids::{CustomerId, RouterId, SiteId, SubscriptionId},
    invoices::{self, Issue, Tab},
    jobs::Job as _,
    ledger::{
        self,
        allocation::Settlement,
        chart::Place,
        draft::{Fact, Source},
        rules::Payment,
    },
    packages, routers,
    testing::{TestApp, actor, on_each_database, reported},
};

struct Browser<'a> {
    app: &'a TestApp,
    token: String,
}

impl Browser<'_> {
    async fn api(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, _, text) = self.app.ask(request.body(body).unwrap()).await;
        (status.as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let cookie = format!("hiji_session={}; hiji_lang=en", self.token);
        let request = Request::get(path).header(header::COOKIE, cookie).body(String::new()).unwrap();
        let (status, _, body) = self.app.ask(request).await;
        (status, body)
    }

    async fn post(&self, path: &str, form: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::post(path)
            .header(header::COOKIE, format!("hiji_session={}; hiji_lang=en", self.token))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(form.to_owned())
            .unwrap();
        self.app.ask(request).await
    }
}

async fn signed_in(app: &TestApp, role: Role) -> Browser<'_> {
    Browser { app, token: app.signed_in(role, &[]).await }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A site in Jayapura with a router, in the evening of 24 November, and the package of W2.
struct Kebon {
    site: SiteId,
    router: RouterId,
    package: Value,
}

async fn kebon(app: &TestApp, more: Value) -> Kebon {
    app.clock.advance(Duration::days(2));
    let site = app.site("Kebon").await;
    let router = app.router(site, "RB-Kebon").await;
    let mut form = json!({
        "name": "Rumah 10 Mbps", "service": "pppoe", "price": 165_000, "cost": 100_000, "profile": "Rumah-10M",
        "rate_limit": "5M/10M", "is_prepaid": false, "bill_day": 1, "due_days": 9, "grace_days": 3,
        "setup_fee": 200_000, "router_ids": [router], "on_expiry": "disable",
    });
    form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let draft = packages::rules::check(&serde_json::from_value(form).unwrap()).unwrap();
    let id = packages::add(app, &Scope::All, &actor(), draft).await.unwrap();
    Kebon { site, router, package: json!(id) }
}

impl Kebon {
    fn form(&self, more: Value) -> Value {
        let Value::Object(more) = more else { panic!("{more}") };
        let mut form = json!({
            "router_id": self.router, "package_id": self.package,
            "customer": { "name": "Budi Santoso", "phones": [{ "number": "0812-3456-7890" }] },
        });
        form.as_object_mut().unwrap().extend(more);
        form
    }
}

async fn the(app: &TestApp, id: &Value) -> Subscription {
    let id = SubscriptionId(id.as_i64().unwrap());
    find(app.db.read(), &Scope::All, id).await.unwrap().unwrap()
}

async fn invoices_of(app: &TestApp, id: &Value) -> Vec<invoices::Head> {
    let subscription = Some(SubscriptionId(id.as_i64().unwrap()));
    let filter = invoices::Filter { tab: Tab::All, subscription, ..invoices::Filter::default() };
    let now = app.app.clock.now();
    let found = invoices::list(app.db.read(), &Scope::All, now, &filter, &PageOf::default()).await.unwrap();
    let mut heads = found.unwrap().items;
    heads.sort_by_key(|head| head.id);
    heads
}

/// Cash for one invoice, as the feature of payments books it.
async fn pay(app: &TestApp, head: &invoices::Head) {
    let (now, actor) = (app.app.clock.now(), actor());
    let settlement = Settlement::of_invoice(head.id, head.remaining);
    let fact = Fact { source: Source::new("payment", head.id), occurred_at: now, site: None, memo: String::new() };
    let what = Payment { customer: head.customer_id, into: Place::cash(1), settlement: &settlement, attempt: None };
    let draft = ledger::rules::payment(fact, &what).unwrap();
    let tx = app.db.begin().await.unwrap();
    super::hold(&*tx).await.unwrap();
    ledger::post(&*tx, now, &actor, &draft).await.unwrap();
    let settled = invoices::settled(&*tx, now, &actor, &[head.id]).await.unwrap();
    let ids: Vec<SubscriptionId> = settled.iter().filter_map(|settled| settled.subscription).collect();
    invoices_changed(&tx, app, now, &actor, &ids).await.unwrap();
    tx.commit().await.unwrap();
}

/// Time went on: what the nightly run does with what falls due.
async fn follow(app: &TestApp, id: &Value) -> Subscription {
    let tx = app.db.begin().await.unwrap();
    let ids = [SubscriptionId(id.as_i64().unwrap())];
    invoices_changed(&tx, app, app.app.clock.now(), &actor(), &ids).await.unwrap();
    tx.commit().await.unwrap();
    the(app, id).await
}

/// The router's answer to all that was wanted of a user.
async fn answers(app: &TestApp, kebon: &Kebon, user: &str, code: Option<FailCode>) {
    let router = routers::find(app.db.read(), &Scope::All, kebon.router).await.unwrap().unwrap();
    let status = if code.is_some() { ItemStatus::Failed } else { ItemStatus::Verified };
    let rev = router.desired_rev.unsigned_abs();
    let item = ItemResult { kind: Kind::PppSecret, key: user.to_owned(), rev, status, code, msg: String::new() };
    said(app, kebon, Event::DesiredResult { items: vec![item] }).await;
}

async fn said(app: &TestApp, kebon: &Kebon, event: Event) {
    let reports = [reported(app, kebon.router, kebon.site, event)];
    let tx = app.db.begin().await.unwrap();
    uplink::apply(&tx, app, &reports).await.unwrap();
    routers::uplink::apply(&tx, app, &reports).await.unwrap();
    tx.commit().await.unwrap();
}

fn user(name: &str, profile: &str, comment: &str) -> Event {
    let user = RouterUser {
        name: name.to_owned(),
        profile: profile.to_owned(),
        comment: comment.to_owned(),
        ..RouterUser::default()
    };
    Event::Delta(Delta::Put { kind: Kind::PppSecret, row: Row::User(user) })
}

async fn object(app: &TestApp, kebon: &Kebon, name: &str) -> routers::ObjectState {
    let found = routers::object_state(app.db.read(), kebon.router, Kind::PppSecret, name).await.unwrap();
    found.unwrap_or_else(|| panic!("nothing is wanted of {name}"))
}

#[tokio::test]
async fn customer_service_and_first_invoice_are_made_in_one_go() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({})).await;
        let rina = signed_in(&app, Role::Operator).await;
        let (status, preview) = rina.api("POST", "/subscriptions/preview", kebon.form(json!({}))).await;
        assert_eq!((status, &preview["total"]["amount"]), (200, &json!(238_500)), "{preview}");
        assert_eq!((&preview["due_on"], &preview["next_from"]), (&json!("2026-11-27"), &json!("2026-12-01")));
        let (status, made) = rina.api("POST", "/subscriptions", kebon.form(json!({}))).await;
        assert_eq!(status, 201, "{made}");
        assert_eq!(
            (&made["number"], &made["username"], &made["state"]),
            (&json!("S000001"), &json!("kebon-0001"), &json!("active"))
        );
        assert_eq!((made["password"].as_str().unwrap().len(), &made["customer_number"]), (8, &json!("C000001")));
        assert!(made.get("cost").is_none(), "{made}");
        // W2: seven of thirty days and the installation, to be paid within three days.
        let [invoice] = invoices_of(&app, &made["id"]).await.try_into().unwrap();
        assert_eq!((invoice.total.minor(), invoice.due_on), (238_500, day("2026-11-27")));
        assert_eq!((invoice.state, invoice.kind), (invoices::State::Open, invoices::Kind::First));
        // Wanted, not yet seen; then proven, then shown.
        let of = the(&app, &made["id"]).await;
        assert!(of.on_router.waits() && of.on_router.wanted.as_str() == "open", "{of:?}");
        assert_eq!(object(&app, &kebon, "kebon-0001").await.status, "wanted");
        answers(&app, &kebon, "kebon-0001", None).await;
        let of = the(&app, &made["id"]).await;
        assert!(of.on_router.verified_at.is_some() && of.on_router.observed.as_str() == "open", "{of:?}");
        said(&app, &kebon, user("kebon-0001", "Rumah-10M", "gratis")).await;
        assert_eq!(the(&app, &made["id"]).await.on_router.observed.as_str(), "removed");
        let mark = "PPPOE_SYSTEM|C000001|S000001|165000|1796050800";
        said(&app, &kebon, user("kebon-0001", "Rumah-10M", mark)).await;
        assert_eq!(the(&app, &made["id"]).await.on_router.observed.as_str(), "open");
        // The customer is found by what his modem says, and is not deleted while he is served.
        let customer = customers::find(app.db.read(), &app.keys, &Scope::All, CustomerId(1)).await.unwrap().unwrap();
        assert_eq!(customer.open_services, 1);
        let (_, found) = rina.api("GET", "/customers?q=kebon-0001", Value::Null).await;
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
        for q in ["kebon-0001", "S000001", "1", "budi", "0812-3456"] {
            let (_, found) = rina.api("GET", &format!("/subscriptions?q={q}"), Value::Null).await;
            assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{q} {found}");
        }
        for q in ["kebon-0002", "siti", "state", "?state=ended"] {
            let (_, found) = rina.api("GET", &format!("/subscriptions?q={q}"), Value::Null).await;
            assert_eq!(found["items"].as_array().map(Vec::len), Some(0), "{q} {found}");
        }
        // A second service of the same customer.
        let more = json!({ "customer": null, "customer_id": 1, "username": "budi-kantor", "password": "rahasia9" });
        let (status, second) = rina.api("POST", "/subscriptions", kebon.form(more)).await;
        assert_eq!((status, &second["number"], &second["password"]), (201, &json!("S000002"), &json!("rahasia9")));
        let (status, secret) = rina.api("POST", "/subscriptions/1/secret", Value::Null).await;
        assert_eq!((status, secret["password"].as_str().unwrap()), (200, made["password"].as_str().unwrap()));
        let (_, history) = rina.api("GET", "/subscriptions/1/history", Value::Null).await;
        let whats: Vec<&str> =
            history["items"].as_array().unwrap().iter().map(|each| each["what"].as_str().unwrap()).collect();
        assert_eq!(whats, ["secret-shown", "created"]);
        let proof = ledger::prove(app.db.read(), app.app.clock.now(), true).await.unwrap();
        assert!(proof.differences.is_empty(), "{proof:?}");
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_told_and_makes_nothing() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({})).await;
        let boss = signed_in(&app, Role::Admin).await;
        said(&app, &kebon, user("kebon-0001", "default", "milik orang")).await;
        said(&app, &kebon, user("kebon-0009", "default", "PPPOE_SYSTEM|C000909|S000909|165000|")).await;
        for (more, field, code) in [
            (json!({ "customer": null }), "customer_id", "required"),
            (json!({ "customer": null, "customer_id": 99 }), "customer_id", "no_such_customer"),
            (json!({ "customer": { "name": "" } }), "customer.name", "required"),
            (json!({ "customer": { "name": "X", "phones": [{ "number": "12" }] } }), "customer.phone", "bad_phone"),
            (json!({ "router_id": 99 }), "router_id", "not_offered"),
            (json!({ "package_id": 99 }), "package_id", "no_such_package"),
            (json!({ "username": "kebon-0001" }), "username", "username_on_router"),
            (json!({ "username": "kebon-0009", "adopt": true }), "username", "username_marked"),
            (json!({ "username": "a b" }), "username", "bad_service_username"),
            (json!({ "addons": [{ "addon_id": 9 }] }), "addons", "not_offered"),
            (json!({ "starts_on": "2020-01-01" }), "starts_on", "day_out_of_range"),
            (json!({ "discount": 1000 }), "discount_reason", "required"),
        ] {
            let (status, refused) = boss.api("POST", "/subscriptions", kebon.form(more.clone())).await;
            assert_eq!((status, &refused["errors"][field]), (422, &json!(code)), "{more} {refused}");
        }
        let (_, none) = boss.api("GET", "/customers", Value::Null).await;
        assert_eq!(none["items"].as_array().unwrap().len(), 0);
        // A name that the router has is passed over, never overwritten; nothing above took a number.
        let (status, made) = boss.api("POST", "/subscriptions", kebon.form(json!({}))).await;
        assert_eq!(
            (status, &made["username"], &made["number"]),
            (201, &json!("kebon-0002"), &json!("S000001")),
            "{made}"
        );
        // One that somebody makes there in the same moment is left to him.
        answers(&app, &kebon, "kebon-0002", Some(FailCode::NameTaken)).await;
        let of = the(&app, &made["id"]).await;
        assert_eq!((of.username.as_str(), of.on_router.waits()), ("kebon-0003", true), "{of:?}");
        let told = super::history(app.db.read(), of.id, &PageOf::default()).await.unwrap().items;
        let told = told.iter().find(|happened| happened.what == "name-taken").unwrap();
        assert_eq!((&told.detail["before"], &told.detail["username"]), (&json!("kebon-0002"), &json!("kebon-0003")));
        answers(&app, &kebon, "kebon-0003", None).await;
        assert!(the(&app, &made["id"]).await.on_router.verified_at.is_some());
        let more = json!({ "customer": null, "customer_id": made["customer_id"], "username": "typed" });
        let (_, typed) = boss.api("POST", "/subscriptions", kebon.form(more)).await;
        answers(&app, &kebon, "typed", Some(FailCode::NameTaken)).await;
        let of = the(&app, &typed["id"]).await;
        assert_eq!((of.username.as_str(), of.on_router.fail_code.as_str()), ("typed", "name_taken"));
    })
    .await;
}

#[tokio::test]
async fn a_double_click_makes_one_and_its_secret_is_shown_once() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({})).await;
        let boss = signed_in(&app, Role::Admin).await;
        let (status, page) = boss.get("/subscriptions/new").await;
        assert!(status == StatusCode::OK && page.contains("name=\"whose\""), "{page}");
        let form = format!(
            "form_id=0123456789abcdef0123456789abcdef&whose=new&name=Budi&phone=081234567890&router_id={}&package_id={}\
             &starts_on=2026-11-24&first_period=prorate&setup_fee=200.000&is_prepaid=no&cycle=monthly&bill_day=1",
            kebon.router, kebon.package
        );
        // Another cycle is chosen with its number: three months, whatever stands in the field that it hides.
        let quarter = form.replace("cycle=monthly&bill_day=1", "cycle=months&cycle_count=3&bill_day=x");
        let (_, _, preview) = boss.post("/subscriptions/new/preview", &quarter).await;
        assert!(preview.contains("Rp365.000") && preview.contains("24 Feb 2027"), "{preview}");
        let (status, _, page) = boss.post("/subscriptions", &quarter.replace("count=3", "count=99")).await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("name=\"cycle_count\""), "{page}");
        let (status, _, preview) = boss.post("/subscriptions/new/preview", &form).await;
        assert!(status == StatusCode::OK && preview.contains("Rp238.500"), "{preview}");
        let (status, headers, page) = boss.post("/subscriptions", &form).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        let to = headers[header::LOCATION].to_str().unwrap().to_owned();
        let (_, again, _) = boss.post("/subscriptions", &form).await;
        assert_eq!(again[header::LOCATION], to.as_str());
        let count = super::counts(&app, &Scope::All, &Filter::default()).await.unwrap();
        assert_eq!(count, [(State::Active, 1)]);
        let (_, first) = boss.get(&to).await;
        assert!(
            first.contains("id=\"secret\"") && first.contains("kebon-0001") && first.contains("Rp238.500"),
            "{first}"
        );
        let (_, second) = boss.get(&to).await;
        assert!(!second.contains("id=\"secret\"") && second.contains("Waiting for the router"), "{second}");
        let (_, _, shown) = boss.post(&format!("{to}/secret"), "").await;
        assert!(shown.contains("id=\"secret\""), "{shown}");
        let (_, part) = boss.get("/customers/1/services").await;
        assert!(part.contains("kebon-0001") && part.contains("customer_id=1"), "{part}");
        let (_, list) = boss.get("/subscriptions?q=kebon-0001&state=active").await;
        assert!(list.contains("S000001"), "{list}");
        // A number that somebody has leads to him.
        let other = form.replace("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210");
        let (status, _, page) = boss.post("/subscriptions", &other).await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("customer_id=1"), "{page}");
        let known = other.replace("whose=new", "whose=known&customer=budi");
        let (status, _, page) = boss.post("/subscriptions", &known).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        let whole = customers::find(app.db.read(), &app.keys, &Scope::All, CustomerId(1)).await.unwrap().unwrap();
        assert_eq!(whole.open_services, 2);
    })
    .await;
}

#[tokio::test]
async fn a_prepaid_service_begins_with_its_payment_and_goes_on_from_period_to_period() {
    on_each_database(|app| async move {
        let kebon =
            kebon(&app, json!({ "is_prepaid": true, "due_days": 0, "cycle": "anniversary", "bill_day": null })).await;
        let boss = signed_in(&app, Role::Admin).await;
        let (status, made) = boss.api("POST", "/subscriptions", kebon.form(json!({}))).await;
        assert_eq!(
            (status, &made["state"], &made["on_router"]["wanted"]),
            (201, &json!("pending"), &json!("disabled")),
            "{made}"
        );
        assert!(object(&app, &kebon, "kebon-0001").await.disabled);
        let [first] = invoices_of(&app, &made["id"]).await.try_into().unwrap();
        assert_eq!((first.total.minor(), first.due_on), (365_000, day("2026-11-24")));
        // Paid two days later: it begins then.
        app.clock.advance(Duration::days(2));
        pay(&app, &first).await;
        let of = the(&app, &made["id"]).await;
        assert_eq!(
            (of.state, of.started_on, of.covered_until),
            (State::Active, Some(day("2026-11-26")), Some(day("2026-12-26")))
        );
        assert!(!object(&app, &kebon, "kebon-0001").await.disabled && of.on_router.waits());
        // The next period is asked for once, and paying early adds to what was paid.
        for expected in [1, 0] {
            let tx = app.db.begin().await.unwrap();
            let now = app.app.clock.now();
            let made = bill_until(&tx, &app, (now, &actor()), &[of.id], (day("2027-02-28"), Issue::Now)).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(made.len(), expected);
        }
        let [_, second] = invoices_of(&app, &made["id"]).await.try_into().unwrap();
        assert_eq!((second.total.minor(), second.due_on), (165_000, day("2026-12-25")));
        pay(&app, &second).await;
        let of = the(&app, &made["id"]).await;
        assert_eq!((of.covered_until, of.anchor), (Some(day("2027-01-26")), Some(day("2026-11-26"))));
        // People are told the last day; programs the day after it.
        let (_, page) = boss.get("/subscriptions/1").await;
        assert!(page.contains("<dt>Paid until</dt><dd>25 Jan 2027</dd>"), "{page}");
        let (_, page) = boss.get(&format!("/invoices/{}", second.id)).await;
        assert!(page.contains("26 Dec 2026 – 25 Jan 2027"), "{page}");
        // A period that is not paid: grace, then it is for a plan or a person to take service away.
        app.clock.advance(Duration::days(62));
        // Sessions do not last as long.
        let boss = signed_in(&app, Role::SuperAdmin).await;
        let of = follow(&app, &made["id"]).await;
        assert_eq!((of.state, of.on_router.wanted.as_str()), (State::Grace, "open"), "{of:?}");
        let (status, isolated) = boss.api("POST", "/subscriptions/1/isolate", json!({ "reason": "telat" })).await;
        assert_eq!(
            (status, &isolated["state"], &isolated["is_held"]),
            (200, &json!("isolated"), &json!(false)),
            "{isolated}"
        );
        assert!(object(&app, &kebon, "kebon-0001").await.disabled);
        let tx = app.db.begin().await.unwrap();
        let now = app.app.clock.now();
        bill_until(&tx, &app, (now, &actor()), &[of.id], (day("2027-01-26"), Issue::Now)).await.unwrap();
        tx.commit().await.unwrap();
        let third = invoices_of(&app, &made["id"]).await.pop().unwrap();
        pay(&app, &third).await;
        let of = the(&app, &made["id"]).await;
        // Paid on the 27th, after it was taken away: from then on.
        assert_eq!((of.state, of.covered_until), (State::Active, Some(day("2027-02-27"))), "{of:?}");
        assert!(!object(&app, &kebon, "kebon-0001").await.disabled);
        let (_, history) = boss.api("GET", "/subscriptions/1/history", Value::Null).await;
        let whats: Vec<&str> =
            history["items"].as_array().unwrap().iter().map(|each| each["what"].as_str().unwrap()).collect();
        assert_eq!(whats, ["restored", "isolated", "lapsed", "activated", "created"]);
    })
    .await;
}

#[tokio::test]
async fn people_take_service_away_and_give_it_back_as_far_as_they_may() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({})).await;
        let boss = signed_in(&app, Role::Admin).await;
        let (_, made) = boss.api("POST", "/subscriptions", kebon.form(json!({}))).await;
        let rina = signed_in(&app, Role::Operator).await;
        let sari = signed_in(&app, Role::Cashier).await;
        assert_eq!(sari.api("POST", "/subscriptions/1/isolate", json!({ "reason": "x" })).await.0, 403);
        assert_eq!(sari.api("POST", "/subscriptions", kebon.form(json!({}))).await.0, 403);
        assert_eq!(sari.api("POST", "/subscriptions/1/secret", Value::Null).await.0, 403);
        // Terms other than the package's may give money away.
        let terms = json!({
            "is_exempt": true, "discount": 15_000, "discount_until": "2026-12-31", "first_period": "free", "setup_fee": 0,
            "due_days": 60, "grace_days": 30, "is_prepaid": false, "cycle": "months_12",
        });
        for (name, value) in terms.as_object().unwrap() {
            let (status, problem) = rina.api("POST", "/subscriptions", kebon.form(json!({ name: value }))).await;
            assert_eq!((status, &problem["code"]), (403, &json!("forbidden")), "{name}: {problem}");
        }
        let theirs = json!({
            "starts_on": "2026-11-23", "username": "rina-1", "password": "rahasia1", "bill_day": 5,
            "remote_address": "10.20.0.9", "mac": "AA:BB:CC:00:00:01", "is_auto_renewed": true, "customer": null,
            "customer_id": made["customer_id"],
        });
        let (status, of_rina) = rina.api("POST", "/subscriptions", kebon.form(theirs)).await;
        assert_eq!((status, &of_rina["username"]), (201, &json!("rina-1")), "{of_rina}");
        for (who, may) in [(&boss, true), (&rina, false)] {
            let (_, page) = who.get("/subscriptions/new").await;
            for name in ["first_period", "setup_fee", "discount", "is_prepaid", "cycle", "due_days", "is_exempt"] {
                assert_eq!(page.contains(&format!("name=\"{name}\"")), may, "{name}: {page}");
            }
            for name in ["starts_on", "username", "password", "remote_address", "mac", "bill_day"] {
                assert!(page.contains(&format!("name=\"{name}\"")), "{name}: {page}");
            }
        }
        assert_eq!(rina.api("POST", "/subscriptions/1/isolate", json!({ "reason": " " })).await.0, 422);
        let (status, held) = rina.api("POST", "/subscriptions/1/isolate", json!({ "reason": "dicuri" })).await;
        assert_eq!((status, &held["state"], &held["is_held"]), (200, &json!("isolated"), &json!(true)), "{held}");
        // What a person took away no payment gives back.
        let [invoice] = invoices_of(&app, &made["id"]).await.try_into().unwrap();
        pay(&app, &invoice).await;
        assert_eq!(the(&app, &made["id"]).await.state, State::Isolated);
        let (status, back) = rina.api("POST", "/subscriptions/1/restore", json!({})).await;
        assert_eq!((status, &back["state"], &back["on_router"]["wanted"]), (200, &json!("active"), &json!("open")));
        assert_eq!(rina.api("POST", "/subscriptions/1/restore", json!({})).await.0, 200);
        assert_eq!(rina.api("POST", "/subscriptions/1/kick", Value::Null).await.0, 200);
        assert_eq!(rina.api("POST", "/subscriptions/9/kick", Value::Null).await.0, 404);
        // Restored although it is not paid: left alone until the end of the next day.
        app.clock.advance(Duration::days(20));
        let tx = app.db.begin().await.unwrap();
        let ids = [SubscriptionId(made["id"].as_i64().unwrap())];
        bill_until(&tx, &app, (app.app.clock.now(), &actor()), &ids, (day("2026-12-01"), Issue::Now)).await.unwrap();
        tx.commit().await.unwrap();
        app.clock.advance(Duration::days(10));
        let rina = signed_in(&app, Role::SuperAdmin).await;
        assert_eq!(follow(&app, &made["id"]).await.state, State::Grace);
        rina.api("POST", "/subscriptions/1/isolate", json!({ "reason": "telat" })).await;
        let (_, back) = rina.api("POST", "/subscriptions/1/restore", json!({})).await;
        assert_eq!(
            (&back["state"], &back["promise_until"]),
            (&json!("grace"), &json!("2026-12-25T15:00:00Z")),
            "{back}"
        );
        // Somebody of another site sees nothing of it.
        let waena = app.site("Waena").await;
        let budi = Browser { app: &app, token: app.signed_in(Role::Viewer, &[waena]).await };
        assert_eq!(budi.api("GET", "/subscriptions/1", Value::Null).await.0, 404);
        assert_eq!(budi.get("/subscriptions/1").await.0, StatusCode::NOT_FOUND);
        let (_, none) = budi.api("GET", "/subscriptions", Value::Null).await;
        assert_eq!(none["items"].as_array().unwrap().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn another_price_and_an_archived_package_leave_a_subscription_as_it_was_agreed() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({})).await;
        let boss = signed_in(&app, Role::SuperAdmin).await;
        let (_, made) = boss.api("POST", "/subscriptions", kebon.form(json!({}))).await;
        let package = format!("/packages/{}", kebon.package);
        let dearer = json!({ "price": 200_000, "cost": 120_000 });
        assert_eq!(boss.api("POST", &format!("{package}/prices"), dearer).await.0, 201);
        assert_eq!(boss.api("POST", &format!("{package}/archive"), Value::Null).await.0, 200);
        let refused = boss.api("POST", "/subscriptions", kebon.form(json!({ "username": "kedua" }))).await;
        assert_eq!(refused.0, 422, "{}", refused.1);
        app.clock.advance(Duration::days(20));
        let tx = app.db.begin().await.unwrap();
        let ids = [SubscriptionId(made["id"].as_i64().unwrap())];
        bill_until(&tx, &app, (app.app.clock.now(), &actor()), &ids, (day("2026-12-01"), Issue::Now)).await.unwrap();
        tx.commit().await.unwrap();
        let last = invoices_of(&app, &made["id"]).await.pop().unwrap();
        assert_eq!((last.total.minor(), the(&app, &made["id"]).await.price.minor()), (165_000, 165_000));
    })
    .await;
}

#[tokio::test]
async fn a_voided_invoice_and_a_customers_own_grace_are_followed_by_themselves() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({})).await;
        let boss = signed_in(&app, Role::SuperAdmin).await;
        let (_, made) = boss.api("POST", "/subscriptions", kebon.form(json!({}))).await;
        // Due on the 27th; two days later it has lapsed, and three days of grace run.
        app.clock.advance(Duration::days(5));
        let lapsed = follow(&app, &made["id"]).await;
        assert_eq!(lapsed.state, State::Grace);
        let customer_id = lapsed.customer_id;
        let react = async |event: BusinessEvent| {
            let happened = Happened { id: 1, at: app.app.clock.now(), site: None, event };
            react::to(&[happened]).expect("a job").run(&app).await.unwrap();
            the(&app, &made["id"]).await
        };
        let customer = format!("/customers/{}", made["customer_id"]);
        let own = json!({
            "site_id": kebon.site, "name": "Budi Santoso", "phones": [{ "number": "0812-3456-7890" }],
            "grace_days": 10,
        });
        let (status, changed) = boss.api("PUT", &customer, own).await;
        assert_eq!((status, &changed["grace_days"]), (200, &json!(10)), "{changed}");
        let spared = react(BusinessEvent::CustomerChanged { customer_id, number: String::new() }).await;
        assert_eq!(spared.acts_at.unwrap() - lapsed.acts_at.unwrap(), Duration::days(7));
        let [invoice] = invoices_of(&app, &made["id"]).await.try_into().unwrap();
        let void = format!("/invoices/{}/void", invoice.id);
        assert_eq!(boss.api("POST", &void, json!({ "reason": "salah harga" })).await.0, 200);
        let (invoice_id, number, reason) = (invoice.id, String::new(), String::new());
        let voided = BusinessEvent::InvoiceVoided { invoice_id, customer_id, number, reason };
        assert_eq!(react(voided).await.state, State::Active);
    })
    .await;
}

#[tokio::test]
async fn a_router_that_is_not_prepared_isolates_nobody_by_hand() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({ "on_expiry": "isolate" })).await;
        let boss = signed_in(&app, Role::Admin).await;
        boss.api("POST", "/subscriptions", kebon.form(json!({}))).await;
        let (status, refused) = boss.api("POST", "/subscriptions/1/isolate", json!({ "reason": "telat" })).await;
        assert_eq!((status, &refused["code"]), (409, &json!("router_not_prepared")), "{refused}");
        let (status, _, page) = boss.post("/subscriptions/1/isolate", "reason=telat").await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("no isolation profile"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn the_period_of_a_void_invoice_is_invoiced_anew() {
    on_each_database(|app| async move {
        let kebon = kebon(&app, json!({})).await;
        let boss = signed_in(&app, Role::Admin).await;
        let (_, made) = boss.api("POST", "/subscriptions", kebon.form(json!({}))).await;
        let ids = [SubscriptionId(made["id"].as_i64().unwrap())];
        let bill = async || {
            let tx = app.db.begin().await.unwrap();
            let (now, until) = (app.app.clock.now(), day("2026-12-01"));
            let made = bill_until(&tx, &app, (now, &actor()), &ids, (until, Issue::Now)).await.unwrap();
            tx.commit().await.unwrap();
            made.len()
        };
        assert_eq!((bill().await, bill().await), (1, 0));
        let december = invoices_of(&app, &made["id"]).await.pop().unwrap();
        invoices::void(&app, &Scope::All, &actor(), december.id, "salah harga").await.unwrap();
        let event = BusinessEvent::InvoiceVoided {
            invoice_id: december.id,
            customer_id: december.customer_id,
            number: String::new(),
            reason: String::new(),
        };
        let happened = Happened { id: 1, at: app.app.clock.now(), site: Some(kebon.site), event };
        react::to(&[happened]).unwrap().run(&app).await.unwrap();
        assert_eq!(the(&app, &made["id"]).await.billed_until, Some(day("2026-12-01")));
        assert_eq!((bill().await, bill().await), (1, 0));
        let states: Vec<_> = invoices_of(&app, &made["id"]).await.into_iter().map(|head| head.state).collect();
        assert_eq!(states, [invoices::State::Open, invoices::State::Void, invoices::State::Open]);
    })
    .await;
}
