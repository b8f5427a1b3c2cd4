//! A package gets dearer: who pays what is shown, all of them take the price with their next period, and nothing else of
//! them changes.

use serde_json::{Value, json};

use super::*;
use crate::{
    http::access::Role,
    ids::RouterId,
    money::Money,
    packages::{self, prices},
    subscriptions::{self, Asked, Discount, acts},
    testing::{TestApp, actor, on_each_database},
};

async fn package(app: &TestApp, router: RouterId) -> PackageId {
    let form = json!({
        "name": "Rumah 10 Mbps", "service": "pppoe", "profile": "Rumah-10M", "price": 165_000, "cost": 100_000,
        "is_prepaid": false, "bill_day": 1, "due_days": 9, "first_period": "prorate", "router_ids": [router],
    });
    let draft = packages::rules::check(&serde_json::from_value(form).unwrap()).unwrap();
    packages::add(app, &Scope::All, &actor(), draft).await.unwrap()
}

async fn service(app: &TestApp, (router, package): (RouterId, PackageId), nth: usize) -> SubscriptionId {
    let form = json!({
        "router_id": router, "package_id": package, "customer": { "name": format!("Pelanggan {nth}"), "phones": [] },
    });
    let form = serde_json::from_value(form).unwrap();
    let asked = Asked { scope: &Scope::All, actor: &actor(), form_id: &form::new_form_id() };
    subscriptions::create(app, &asked, &form).await.unwrap().id
}

async fn dearer(app: &TestApp, package: PackageId, form: Value) {
    let form = serde_json::from_value(form).unwrap();
    prices::add(app, &Scope::All, &actor(), package, &form).await.unwrap();
}

async fn counted(app: &TestApp, scope: &Scope, package: PackageId) -> [u64; 3] {
    let counts = counts(app, scope, package).await.unwrap();
    counts.iter().map(|count| count.count).collect::<Vec<_>>().try_into().unwrap()
}

async fn run(app: &TestApp, package: PackageId) -> Said {
    let actor = actor();
    let job = TakePrices {
        package,
        sites: None,
        after: SubscriptionId(0),
        admin: actor.admin,
        actor: actor.name.clone(),
        ip: actor.ip.clone(),
    };
    job.run(app).await.unwrap()
}

#[tokio::test]
async fn all_who_pay_an_old_price_are_named_and_take_the_new_one_with_their_next_period() {
    on_each_database(async |app| {
        let site = app.site("Kebon").await;
        let router = app.router(site, "RB-Kebon").await;
        let package = package(&app, router).await;
        let mut all = Vec::new();
        for nth in 0..4 {
            all.push(service(&app, (router, package), nth).await);
        }
        assert_eq!(counted(&app, &Scope::All, package).await, [0, 0, 0]);
        // One with a discount that the new price does not bear.
        let discount = Discount { amount: Money::idr(160_000), reason: "sosial".into(), until: None };
        let order = Order { scope: &Scope::All, actor: &actor(), form_id: "", seen: None };
        acts::act(&app, &order, all[3], &Act::Discount(Some(discount))).await.unwrap();
        dearer(&app, package, json!({ "price": 150_000 })).await;
        assert_eq!(counted(&app, &Scope::All, package).await, [4, 0, 0]);
        let page = PageOf::new(Some(2), None).unwrap();
        let shown = list(&app, &Scope::All, (package, Which::Old), &page).await.unwrap().unwrap();
        assert_eq!((shown.items.len(), shown.items[0].present), (2, Money::idr(150_000)));
        let page = PageOf::new(Some(2), shown.next_cursor.as_deref()).unwrap();
        let rest = list(&app, &Scope::All, (package, Which::Old), &page).await.unwrap().unwrap();
        assert_eq!((rest.items.len(), rest.next_cursor.clone()), (2, None));
        assert!(rest.items[1].is_below_discount && !rest.items[0].is_below_discount);
        assert_eq!(counted(&app, &Scope::Sites([SiteId(99)].into()), package).await, [0, 0, 0]);

        let form = "0123456789abcdef0123456789abcdef";
        let me = actor();
        assert!(take_all(&app, (&Scope::All, &me), form, package).await.unwrap());
        assert!(!take_all(&app, (&Scope::All, &me), form, package).await.unwrap(), "a double click is one wish");
        let last = subscriptions::find(app.db.read(), &Scope::All, all[3]).await.unwrap().unwrap();
        let said = |taken: i64| {
            let said = Said::new("prices_taken_in_part").count("count", taken).count("refused", 1);
            said.arg("numbers", last.number.as_str())
        };
        assert_eq!(run(&app, package).await, said(3));
        assert_eq!(counted(&app, &Scope::All, package).await, [1, 3, 0]);
        for id in &all[..3] {
            let of = subscriptions::find(app.db.read(), &Scope::All, *id).await.unwrap().unwrap();
            assert_eq!((of.price, of.next_package_from), (Money::idr(165_000), of.billed_until), "not before that");
        }
        // Begun anew after a crash it finds nothing left to do.
        assert_eq!(run(&app, package).await, said(0));
        assert_eq!(counted(&app, &Scope::All, package).await, [1, 3, 0]);
    })
    .await;
}

#[tokio::test]
async fn the_page_and_the_resource_say_the_same_to_those_who_may() {
    on_each_database(async |app| {
        let site = app.site("Kebon").await;
        let router = app.router(site, "RB-Kebon").await;
        let package = package(&app, router).await;
        service(&app, (router, package), 1).await;
        // Of this router only.
        dearer(&app, package, json!({ "price": 170_000, "router_id": router })).await;
        let admin = app.signed_in(Role::Admin, &[site]).await;
        let ask = async |token: &str, method: &str, path: &str| {
            let request = axum::http::Request::builder()
                .method(method)
                .uri(path)
                .header("cookie", format!("hiji_session={token}; hiji_lang=en"))
                .header("content-type", "application/x-www-form-urlencoded")
                .header("sec-fetch-site", "same-origin")
                .header("authorization", format!("Bearer {token}"));
            let (status, _, body) = app.ask(request.body(String::new()).unwrap()).await;
            (status.as_u16(), body)
        };
        let home = format!("/packages/{package}/subscribers");
        let (status, page) = ask(&admin, "GET", &home).await;
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("Pelanggan 1") && page.contains("Rp170.000"), "{page}");
        let (status, counts) = ask(&admin, "GET", &format!("/api/v1{home}/counts")).await;
        assert_eq!(status, 200, "{counts}");
        let counts: Value = serde_json::from_str(&counts).unwrap();
        assert_eq!(counts[0], json!({ "which": "old", "count": 1 }));
        let (status, listed) = ask(&admin, "GET", &format!("/api/v1{home}?which=old")).await;
        assert_eq!((status, listed.contains("170000")), (200, true), "{listed}");
        assert_eq!(ask(&admin, "POST", &home).await.0, 303);
        assert_eq!(ask(&admin, "GET", &format!("{home}?which=x")).await.0, 422);
        let cashier = app.signed_in(Role::Cashier, &[site]).await;
        assert_eq!(ask(&cashier, "GET", &home).await.0, 403);
    })
    .await;
}
