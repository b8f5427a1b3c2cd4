//! Packages of subscriptions, add-ons and PPN rates on real databases, through the web app.

use axum::http::StatusCode;
use hiji_shared::{
    desired::{FailCode, ItemResult, ItemStatus, Object},
    device::{Kind, RouterProfile, Row as MirrorRow},
    event::{Delta, Event},
};
use serde_json::{Value, json};

use super::stories::Browser;
use crate::{
    http::access::{Role, Scope},
    ids::RouterId,
    routers,
    testing::{TestApp, actor, on_each_database, reported},
};

fn rumah(routers: &[RouterId]) -> Value {
    json!({
        "name": "Rumah 10 Mbps", "service": "pppoe", "price": 165_000, "cost": 90_000,
        "rate_limit": "10M/10M 15M/15M 8M/8M 10/10", "cycle": "monthly", "bill_day": 5, "is_prepaid": false,
        "grace_days": 3, "setup_fee": 200_000, "is_taxed": true, "local_address": "10.20.0.1",
        "address_pool": "pool-rumah", "router_ids": routers,
    })
}

async fn boss(app: &TestApp) -> Browser<'_> {
    Browser { app, token: app.signed_in(Role::SuperAdmin, &[]).await }
}

#[tokio::test]
async fn a_package_of_subscriptions_keeps_its_terms_and_is_no_voucher() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let router = app.router(site, "Kebon 1").await;
        app.package("12 Jam", &[router]).await;
        let boss = boss(&app).await;
        let (status, package) = boss.api("POST", "/packages", rumah(&[router])).await;
        assert_eq!(status, StatusCode::CREATED, "{package}");
        assert_eq!(
            (&package["sold_as"], &package["cycle"], &package["bill_day"]),
            (&json!("subscription"), &json!("monthly"), &json!(5))
        );
        assert_eq!((&package["due_days"], &package["setup_fee"]["amount"]), (&json!(10), &json!(200_000)));
        let id = package["id"].as_i64().unwrap();
        let path = format!("/packages/{id}");
        // What was read can be sent back, and another cycle takes the day away.
        let (status, same) = boss.api("PUT", &path, package.clone()).await;
        assert_eq!((status, &same), (StatusCode::OK, &package));
        let mut yearly = package.clone();
        yearly["cycle"] = json!("months_12");
        yearly["bill_day"] = Value::Null;
        let (status, yearly) = boss.api("PUT", &path, yearly).await;
        assert_eq!(
            (status, &yearly["cycle"], &yearly["bill_day"]),
            (StatusCode::OK, &json!("months_12"), &Value::Null)
        );
        let mut other = yearly.clone();
        other["service"] = json!("hotspot");
        (other["local_address"], other["address_pool"]) = (json!(""), json!(""));
        let (status, problem) = boss.api("PUT", &path, other).await;
        assert_eq!(
            (status, &problem["errors"]["service"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("package_kind_stays"))
        );
        let names = async |query: &str| {
            let (_, list) = boss.api("GET", &format!("/packages{query}"), Value::Null).await;
            list["items"].as_array().unwrap().iter().map(|row| row["name"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(names("?sold_as=voucher").await, ["12 Jam"]);
        assert_eq!(names("?sold_as=subscription").await, ["Rumah 10 Mbps"]);
        // No batch and no counter offers it.
        let batch = json!({ "router_id": router, "package_id": id, "count": 5 });
        let (_, problem) = boss.api("POST", "/voucher_batches", batch).await;
        assert_eq!(problem["errors"]["package_id"], "package_not_voucher");
        for page in ["/vouchers/new".to_owned(), format!("/counter?router_id={router}"), "/packages".to_owned()] {
            let (status, html) = boss.page(&page).await;
            assert!(status == StatusCode::OK && !html.contains("Rumah 10 Mbps"), "{page}");
        }
        let (_, html) = boss.page("/packages?sold_as=subscription").await;
        assert!(html.contains("Rumah 10 Mbps") && html.contains("laba Rp75.000") && !html.contains("12 Jam"), "{html}");
        assert!(html.contains("Tiap 12 bulan") && html.contains("burst 15M/15M"), "{html}");
    })
    .await;
}

#[tokio::test]
async fn each_kind_has_its_own_form() {
    let app = TestApp::sqlite().await;
    let site = app.site("Kebon").await;
    let router = app.router(site, "Kebon 1").await;
    let boss = boss(&app).await;
    let (_, voucher) = boss.page("/packages/new?sold_as=voucher").await;
    let ticked = |page: &str, router: i64| page.contains(&format!("name=\"router_ids\" value=\"{router}\" checked"));
    assert!(ticked(&voucher, router.0), "the only one there is: {voucher}");
    assert!(voucher.contains("name=\"active\"") && !voucher.contains("name=\"setup_fee\""), "{voucher}");
    let other = app.router(site, "Kebon 2").await;
    let (_, subscription) = boss.page("/packages/new?sold_as=subscription").await;
    assert!(!ticked(&subscription, router.0) && !ticked(&subscription, other.0));
    assert!(subscription.contains("name=\"setup_fee\"") && !subscription.contains("name=\"active\""), "{subscription}");
    let form = format!(
        "sold_as=subscription&service=hotspot&name=Member+5M&price=100.000&rate_limit=5M%2F5M&paid=prepaid&cycle=days&cycle_count=30&bill_day=&due_days=&grace_days=2&on_expiry=disable&first_period=prorate&setup_fee=&router_ids={router}&create_profile=missing"
    );
    let (status, page) = boss.post("/packages", &form).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let (_, package) = boss.api("GET", "/packages/1", Value::Null).await;
    assert_eq!(
        (&package["service"], &package["sold_as"], &package["cycle"]),
        (&json!("hotspot"), &json!("subscription"), &json!("days_30"))
    );
    assert_eq!(
        (&package["grace_days"], &package["on_expiry"], &package["due_days"]),
        (&json!(2), &json!("disable"), &json!(0))
    );
    let (status, page) =
        boss.post("/packages", &form.replace("5M%2F5M", "5M%2F5M+2M%2F2M").replace("Member+5M", "X")).await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("Burst lebih lambat"), "{page}");
    let (status, page) = boss.page("/packages/1").await;
    assert!(status == StatusCode::OK && page.contains("Menunggu router"), "{page}");
}

#[tokio::test]
async fn the_profile_of_a_package_is_made_with_its_addresses_and_its_proof_is_shown() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let (one, two) = (app.router(site, "Kebon 1").await, app.router(site, "Kebon 2").await);
        let boss = boss(&app).await;
        let (_, package) = boss.api("POST", "/packages", rumah(&[one, two])).await;
        assert_eq!(package["made_on"], json!([one, two]));
        let wanted = routers::store::desired_after(app.db.read(), &app.keys, one, 0, 10).await.unwrap();
        let [desired] = wanted.as_slice() else { panic!("{wanted:?}") };
        let Object::Profile(profile) = &desired.object else { panic!("{desired:?}") };
        assert_eq!((&*profile.local_address, &*profile.address_pool), ("10.20.0.1", "pool-rumah"));
        assert_eq!((&*profile.marker, &*profile.rate_limit), ("PPPOE_SYSTEM", "10M/10M 15M/15M 8M/8M 10/10"));
        let words = "input does not match any value of remote-address";
        let result = |status, code, msg: &str| ItemResult {
            kind: Kind::PppProfile,
            key: "Rumah 10 Mbps".to_owned(),
            rev: desired.rev,
            status,
            code,
            msg: msg.to_owned(),
        };
        let tell = async |router, items| {
            let tx = app.db.begin().await.unwrap();
            let event = Event::DesiredResult { items };
            routers::uplink::apply(&tx, &app, &[reported(&app, router, site, event)]).await.unwrap();
            tx.commit().await.unwrap();
        };
        let refused = || result(ItemStatus::Failed, Some(FailCode::MissingReference), words);
        let proven = || result(ItemStatus::Verified, None, "");
        // One report may hold several results of a revision: the last holds.
        tell(one, vec![proven(), refused()]).await;
        tell(two, vec![refused(), proven()]).await;
        let verdicts = async || {
            let (_, list) = boss.api("GET", "/packages/1/routers", Value::Null).await;
            let verdict = |row: &Value| row["verdict"].as_str().unwrap().to_owned();
            list["items"].as_array().unwrap().iter().map(verdict).collect::<Vec<_>>()
        };
        // No agent has said yet that it can set addresses.
        assert_eq!(verdicts().await, ["refused", "no_addresses"]);
        let (_, page) = boss.page("/packages/1").await;
        assert!(page.contains(words) && page.contains("Ditolak router"), "{page}");
        assert_eq!(boss.post("/packages/1/retry", "").await.0, StatusCode::SEE_OTHER);
        assert_eq!(verdicts().await, ["waiting", "no_addresses"]);
        let (_, none) = boss.api("POST", "/packages/1/retry", Value::Null).await;
        assert_eq!(none["count"], 0);
    })
    .await;
}

#[tokio::test]
async fn add_ons_are_kept_and_their_cost_is_not_for_everybody() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let boss = boss(&app).await;
        let form = "name=IP+statis&kind=monthly&price=50.000&cost=10.000&is_taxed=on";
        assert_eq!(boss.post("/packages/addons", form).await.0, StatusCode::SEE_OTHER);
        let (status, page) = boss.post("/packages/addons", form).await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("Sudah dipakai"), "{page}");
        let nothing = "name=&kind=monthly&price=&cost=x";
        let (status, page) = boss.post("/packages/addons", nothing).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        for field in ["name", "price", "cost"] {
            assert!(page.contains(&format!("id=\"{field}-error\"")), "{field}: {page}");
        }
        let (status, modem) =
            boss.api("POST", "/addons", json!({ "name": "Modem", "kind": "one_off", "price": 350_000 })).await;
        assert_eq!((status, &modem["cost"]["amount"]), (StatusCode::CREATED, &json!(0)), "{modem}");
        let (_, page) = boss.page("/packages/addons").await;
        assert!(page.contains("Rp50.000") && page.contains("modal Rp10.000") && page.contains("Modem"), "{page}");
        let operator = Browser { app: &app, token: app.signed_in(Role::Operator, &[site]).await };
        let (_, seen) = operator.api("GET", "/addons/1", Value::Null).await;
        assert_eq!((&seen["price"]["amount"], &seen["cost"]), (&json!(50_000), &Value::Null));
        assert_eq!(operator.post("/packages/addons", form).await.0, StatusCode::FORBIDDEN);
        let change = json!({ "name": "IP statis", "kind": "monthly", "price": 60_000, "cost": 10_000 });
        let (status, changed) = boss.api("PUT", "/addons/1", change).await;
        assert_eq!(
            (status, &changed["price"]["amount"], &changed["is_taxed"]),
            (StatusCode::OK, &json!(60_000), &json!(false))
        );
        let (status, problem) = boss
            .api(
                "POST",
                "/addons",
                json!({ "name": "Y", "kind": "weekly", "price": { "amount": 1, "currency": "USD" } }),
            )
            .await;
        assert_eq!((status, &problem["errors"]["kind"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("not_offered")));
        // PostgreSQL gives the id of what was refused to nobody.
        let modem = &modem["id"];
        assert_eq!(boss.post(&format!("/packages/addons/{modem}/archive"), "").await.0, StatusCode::SEE_OTHER);
        let names = async |query: &str| {
            let (_, list) = boss.api("GET", &format!("/addons{query}"), Value::Null).await;
            list["items"].as_array().unwrap().iter().map(|row| row["name"].clone()).collect::<Vec<_>>()
        };
        assert_eq!((names("").await, names("?archived=true").await), (vec![json!("IP statis")], vec![json!("Modem")]));
        assert_eq!(names("?q=STAT").await, ["IP statis"]);
        let (_, back) = boss.api("POST", &format!("/addons/{modem}/restore"), Value::Null).await;
        assert_eq!(back["archived_at"], Value::Null);
        assert_eq!(boss.page("/packages/addons/9").await.0, StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn a_rate_that_has_begun_is_followed_and_never_changed() {
    on_each_database(|app| async move {
        app.site("Kebon").await;
        let boss = boss(&app).await;
        let (_, page) = boss.page("/packages/taxes").await;
        assert!(
            page.contains("Belum ada tarif PPN") && page.contains("2025-01-01") && page.contains("value=\"11\""),
            "{page}"
        );
        let first = "valid_from=2025-01-01&rate=12&base_num=11&base_den=12&label=PPN";
        assert_eq!(boss.post("/packages/taxes", first).await.0, StatusCode::SEE_OTHER);
        let (status, page) = boss.post("/packages/taxes", &first.replace("rate=12", "rate=200")).await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("Isi 0 sampai 100 (%)"), "{page}");
        let (status, page) = boss.post("/packages/taxes", &first.replace("2025", "2026")).await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("sudah lewat"), "{page}");
        let later = json!({ "valid_from": "2027-01-01", "rate_bps": 1200 });
        let (status, later) = boss.api("POST", "/tax_rates", later).await;
        assert_eq!(
            (status, &later["state"], &later["label"]),
            (StatusCode::CREATED, &json!("future"), &json!("PPN")),
            "{later}"
        );
        let (_, list) = boss.api("GET", "/tax_rates", Value::Null).await;
        let states: Vec<_> = list["items"].as_array().unwrap().iter().map(|rate| &rate["state"]).collect();
        assert_eq!(states, ["future", "in_force"]);
        let (status, problem) =
            boss.api("POST", "/tax_rates", json!({ "valid_from": "2027-01-01", "rate_bps": 1 })).await;
        assert_eq!(
            (status, &problem["errors"]["valid_from"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("tax_day_taken"))
        );
        let first = list["items"][1]["id"].as_i64().unwrap();
        let (status, problem) = boss.api("DELETE", &format!("/tax_rates/{first}"), Value::Null).await;
        assert_eq!((status, &problem["errors"][""]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("tax_begun")));
        assert_eq!(boss.post(&format!("/packages/taxes/{}/withdraw", later["id"]), "").await.0, StatusCode::SEE_OTHER);
        let (_, page) = boss.page("/packages/taxes").await;
        assert!(
            page.contains("01-01-2025") && page.contains("11/12") && page.contains("11% dari seluruhnya"),
            "{page}"
        );
        let rates = super::taxes::rates(app.db.read()).await.unwrap();
        assert_eq!(rates.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_marked_hotspot_profile_is_offered_on_both_shelves_and_becomes_a_package_of_members() {
    let app = TestApp::sqlite().await;
    let site = app.site("Kebon").await;
    let router = app.router(site, "Kebon 1").await;
    let boss = boss(&app).await;
    let profile = |name: &str, marked: bool| {
        let row =
            RouterProfile { name: name.to_owned(), rate_limit: "5M/5M".to_owned(), marked, ..RouterProfile::default() };
        Event::Delta(Delta::Put { kind: Kind::HotspotProfile, row: MirrorRow::Profile(row) })
    };
    let reports = [profile("member-5m", true), profile("tamu", false)].map(|event| reported(&app, router, site, event));
    let tx = app.db.begin().await.unwrap();
    routers::uplink::apply(&tx, &app, &reports).await.unwrap();
    tx.commit().await.unwrap();
    let (_, vouchers) = boss.page("/packages?sold_as=voucher").await;
    assert!(vouchers.contains("member-5m") && vouchers.contains("tamu"), "{vouchers}");
    let (_, members) = boss.page("/packages?sold_as=subscription").await;
    assert!(members.contains("member-5m") && !members.contains("tamu"), "{members}");
    let to = "/packages/new?profile=member-5m&service=hotspot&sold_as=subscription";
    let (_, form) = boss.page(to).await;
    assert!(form.contains("value=\"hotspot\" checked") && form.contains("name=\"setup_fee\""), "{form}");
    let form = format!(
        "sold_as=subscription&service=hotspot&name=Member+5M&profile=member-5m&price=100.000&rate_limit=5M%2F5M\
         &paid=prepaid&cycle=monthly&bill_day=1&on_expiry=isolate&first_period=prorate&router_ids={router}\
         &create_profile=always"
    );
    let (status, page) = boss.post("/packages", &form).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let (_, after) = boss.page("/packages?sold_as=subscription").await;
    assert!(!after.contains("profile=member-5m"), "it has its package: {after}");
}

#[tokio::test]
async fn the_profile_of_isolated_customers_is_no_package_to_be() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let places = [app.router(site, "Kebon 1").await, app.router(site, "Kebon 2").await];
        let boss = boss(&app).await;
        let mut reports = Vec::new();
        for router in places {
            for name in ["isolir", "rumah-5m"] {
                let row = RouterProfile { name: name.to_owned(), ..RouterProfile::default() };
                let event = Event::Delta(Delta::Put { kind: Kind::PppProfile, row: MirrorRow::Profile(row) });
                reports.push(reported(&app, router, site, event));
            }
        }
        let tx = app.db.begin().await.unwrap();
        routers::uplink::apply(&tx, &app, &reports).await.unwrap();
        tx.commit().await.unwrap();
        let found = async || {
            let (_, found) = boss.api("GET", "/packages/found_profiles", Value::Null).await;
            let of = |each: &Value| (each["name"].as_str().unwrap().to_owned(), each["router_ids"].clone());
            found["items"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
        };
        let both = |name: &str| (name.to_owned(), json!(places));
        assert_eq!(found().await, [both("isolir"), both("rumah-5m")], "anybody may call one of his own so");
        for (at, router) in places.into_iter().enumerate() {
            let fields = routers::isolation::Fields {
                ppp_profile: "isolir".to_owned(),
                pool: "hiji-isolir".to_owned(),
                ranges: format!("10.99.{at}.2-10.99.{at}.254"),
                local_address: format!("10.99.{at}.1"),
                list: "isolir".to_owned(),
                page: "10.99.0.1".to_owned(),
                ..routers::isolation::Fields::default()
            };
            let shown = routers::isolation::preview(app.db.read(), &Scope::All, router, &fields).await.unwrap();
            let wished = (&fields, &*shown.digest);
            routers::isolation::apply(&app, &Scope::All, &actor(), router, wished).await.unwrap();
            if at == 0 {
                let other = ("isolir".to_owned(), json!([places[1]]));
                assert_eq!(found().await, [other, both("rumah-5m")], "each router has its own");
            }
        }
        assert_eq!(found().await, [both("rumah-5m")]);
    })
    .await;
}
