//! Paying ahead through the whole web app: the page, its sum, the resource, who may.

use axum::http::StatusCode;
use serde_json::json;

use super::{
    pages::{ask, call},
    *,
};
use crate::{http::access::Role, ids::SubscriptionId, packages, subscriptions, testing::on_each_database};

const FORM: &str = "0123456789abcdef0123456789abcdef";

/// Budi's prepaid service in Jayapura, month by month, with its first month paid.
async fn service(app: &TestApp, site: SiteId) -> (SubscriptionId, CustomerId) {
    let router = app.router(site, "RB-Kebon").await;
    let package = json!({
        "name": "Rumah 10 Mbps", "service": "pppoe", "price": 165_000, "cost": 100_000, "profile": "Rumah-10M",
        "is_prepaid": true, "cycle": "anniversary", "first_period": "full", "due_days": 0, "router_ids": [router],
        "on_expiry": "disable",
    });
    let draft = packages::rules::check(&serde_json::from_value(package).unwrap()).unwrap();
    let package = packages::add(app, &Scope::All, &actor(), draft).await.unwrap();
    let form = json!({
        "router_id": router, "package_id": package, "customer": { "name": "Budi Santoso", "phones": [] },
    });
    let form = serde_json::from_value(form).unwrap();
    let asked = subscriptions::Asked { scope: &Scope::All, actor: &actor(), form_id: "" };
    let made = subscriptions::create(app, &asked, &form).await.unwrap();
    let of = subscriptions::find(app.db.read(), &Scope::All, made.id).await.unwrap().unwrap();
    pay(app, &cash(of.customer_id, 165_000)).await.unwrap();
    (made.id, of.customer_id)
}

#[tokio::test]
async fn a_cashier_renews_on_one_page_and_sees_what_it_costs_before() {
    on_each_database(async |app| {
        let site = app.site("Kebon").await;
        let (id, customer) = service(&app, site).await;
        let token = app.signed_in(Role::Cashier, &[site]).await;
        let path = format!("/subscriptions/{id}/renew");
        for from in [format!("/subscriptions/{id}"), format!("/customers/{customer}/pay")] {
            let (status, _, page) = ask(&app, &token, "GET", &from, "").await;
            assert_eq!((status, page.contains(&path)), (StatusCode::OK, true), "{from}: {page}");
        }
        let (status, _, page) = ask(&app, &token, "GET", &path, "").await;
        assert_eq!(status, StatusCode::OK, "{page}");
        for sum in ["Rp165.000", "Rp495.000", "Rp990.000", "Rp1.980.000"] {
            assert!(page.contains(sum), "{sum}: {page}");
        }
        let (status, _, part) =
            ask(&app, &token, "GET", &format!("{path}/sum?periods=3&method=cash&given=500000"), "").await;
        assert_eq!(status, StatusCode::OK);
        assert!(part.contains("Rp495.000") && part.contains("Rp5.000") && !part.contains("<html"), "{part}");
        let form = format!("form_id={FORM}&periods=3&method=cash");
        let (status, _, page) = ask(&app, &token, "POST", &path, &format!("{form}&given=494999")).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("given-error") && page.contains("Rp495.000"), "{page}");
        assert_eq!(stands(&app, customer).await, (0, 0), "nothing was made");
        let (status, to, _) = ask(&app, &token, "POST", &path, &form).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let (_, again, _) = ask(&app, &token, "POST", &path, &form).await;
        assert_eq!(again, to.replace("new=1", "again=1"));
        let (_, _, page) = ask(&app, &token, "GET", &to, "").await;
        assert!(page.contains("Rp495.000"), "{page}");
        // Three months, three periods: on the page and on each paper.
        let months = ["22 Dec 2026 – 21 Jan 2027", "22 Jan 2027 – 21 Feb 2027", "22 Feb 2027 – 21 Mar 2027"];
        assert!(months.iter().all(|month| page.contains(month)), "{page}");
        let at = to.split('?').next().unwrap();
        for paper in ["a4", "thermal-58", "thermal-80"] {
            let (_, print, _) = ask(&app, &token, "POST", &format!("{at}/print"), &format!("format={paper}")).await;
            let (_, _, page) = ask(&app, &token, "GET", &print, "").await;
            assert!(months.iter().all(|month| page.matches(month).count() == 1), "{paper}: {page}");
        }
        for bad in [
            "periods=0&method=cash",
            "periods=13&method=cash",
            "periods=x&method=cash",
            "periods=1&method=credit",
            "periods=1",
        ] {
            let (status, _, page) = ask(&app, &token, "POST", &path, bad).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
            assert!(page.contains("-error"), "{bad}: {page}");
        }
        let viewer = app.signed_in(Role::Viewer, &[site]).await;
        assert_eq!(ask(&app, &viewer, "GET", &path, "").await.0, StatusCode::FORBIDDEN);
        let other = app.site("Waena").await;
        let stranger = app.signed_in(Role::Cashier, &[other]).await;
        assert_eq!(ask(&app, &stranger, "GET", &path, "").await.0, StatusCode::NOT_FOUND);
        assert_eq!(ask(&app, &stranger, "POST", &path, &form).await.0, StatusCode::NOT_FOUND);
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn the_resource_renews_and_tells_what_it_would_cost() {
    on_each_database(async |app| {
        let site = app.site("Kebon").await;
        let (id, customer) = service(&app, site).await;
        let token = app.signed_in(Role::Cashier, &[site]).await;
        let (status, cost) = call(&app, &token, "GET", &format!("/subscriptions/{id}/renew/cost?periods=6"), "").await;
        assert_eq!((status, &cost["total"]["amount"]), (StatusCode::OK, &990_000.into()), "{cost}");
        assert_eq!(cost["next"].as_array().unwrap().len(), 6, "{cost}");
        let path = format!("/subscriptions/{id}/renew/pay");
        let (status, refused) = call(&app, &token, "POST", &path, r#"{"periods":6,"amount":990}"#).await;
        assert_eq!(
            (status, &refused["errors"]["amount"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &"renew_needs_all".into()),
            "{refused}"
        );
        let (status, paid) = call(&app, &token, "POST", &path, r#"{"periods":6}"#).await;
        assert_eq!((status, &paid["owed"]["amount"]), (StatusCode::CREATED, &0.into()), "{paid}");
        assert_eq!(paid["lines"].as_array().unwrap().len(), 6, "{paid}");
        // Only the invoices, to be paid later.
        let (status, made) =
            call(&app, &token, "POST", &format!("/subscriptions/{id}/renew"), r#"{"periods":2}"#).await;
        assert_eq!((status, &made["plan"]["what"]), (StatusCode::OK, &"renewed".into()), "{made}");
        assert_eq!(stands(&app, customer).await, (330_000, 0));
        let viewer = app.signed_in(Role::Viewer, &[site]).await;
        assert_eq!(call(&app, &viewer, "POST", &path, "{}").await.0, StatusCode::FORBIDDEN);
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_renewal_taken_back_is_owed_again_and_covers_nothing() {
    on_each_database(async |app| {
        let site = app.site("Kebon").await;
        let (id, customer) = service(&app, site).await;
        let covered = async || {
            let of = subscriptions::find(app.db.read(), &Scope::All, id).await.unwrap().unwrap();
            (of.covered_until, of.billed_until)
        };
        let (before, _) = covered().await;
        let renewing = super::super::Renewing {
            subscription: id,
            periods: 3,
            method: Method::Cash,
            given: None,
            uses_balance: false,
            keeps_rest: false,
            note: String::new(),
        };
        let me = actor();
        let asked = Asked { scope: &Scope::All, actor: &me, form_id: FORM };
        let taken = super::super::renew(&app, &asked, &renewing).await.unwrap();
        assert_eq!(stands(&app, customer).await, (0, 0));
        let renewed = covered().await;
        assert_eq!(renewed.0, renewed.1);
        super::super::reverse(&app, &Scope::All, &me, taken.id, "salah").await.unwrap();
        assert_eq!((covered().await, stands(&app, customer).await), ((before, renewed.1), (495_000, 0)));
        // Paid once more, one after the other.
        for _each in 0..3 {
            pay(&app, &cash(customer, 165_000)).await.unwrap();
        }
        assert_eq!(covered().await, renewed);
        proves(&app).await;
    })
    .await;
}
