//! The counter on both databases: one tap is one sale, whoever taps how often.

mod books;

use axum::http::{Request, StatusCode, header};
use hiji_shared::{
    desired::{ItemResult, ItemStatus},
    device::Kind,
    event::{Event, FirstLogin, Source},
};

use super::*;
use crate::{
    http::access::Role,
    testing::{TestApp, actor, on_each_database, reported},
    vouchers::{Filter, Status},
};

const TAP: &str = "0123456789abcdef0123456789abcdef";

/// A site with a router, a package, and two cashiers.
struct Shop {
    site: SiteId,
    router: RouterId,
    package: PackageId,
}

impl Shop {
    async fn open(app: &TestApp) -> Self {
        let site = app.site("Kebon").await;
        let router = app.router(site, "Kebon 1").await;
        let package = app.package("12 Jam", &[router]).await;
        Self { site, router, package }
    }

    fn wish(&self) -> Wish {
        Wish { router: self.router, package: self.package, phone: None, knows_offline: true }
    }

    async fn tap(&self, app: &TestApp, admin: i64, form_id: &str) -> Result<Sold, SellError> {
        let actor = actor();
        let asked = Asked { scope: &Scope::All, actor: &actor, admin: AdminId(admin), form_id };
        sell(app, &asked, &self.wish()).await
    }

    /// A batch whose vouchers are all ready.
    async fn stock(&self, app: &TestApp, count: i64) -> BatchId {
        let form = BatchForm { count, ..BatchForm::one(self.router, self.package) };
        let actor = actor();
        let asked = vouchers::Asked { scope: &Scope::All, actor: &actor, form_id: "" };
        let batch = vouchers::add(app, &asked, form).await.unwrap();
        let filter = Filter { batch: Some(batch.id), ..Filter::default() };
        let page = PageOf::new(Some(200), None).unwrap();
        let made = vouchers::list(app, &Scope::All, &filter, &page).await.unwrap().items;
        let item = |voucher: &Voucher| ItemResult {
            kind: Kind::HotspotUser,
            key: voucher.code.clone(),
            rev: 1,
            status: ItemStatus::Verified,
            code: None,
            msg: String::new(),
        };
        self.report(app, Event::DesiredResult { items: made.iter().map(item).collect() }).await;
        batch.id
    }

    async fn report(&self, app: &TestApp, event: Event) {
        let tx = app.db.begin().await.unwrap();
        let report = reported(app, self.router, self.site, event);
        vouchers::uplink::apply(&tx, app, &[report]).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn sell_from(&self, app: &TestApp, batches: Vec<BatchId>) {
        let actor = actor();
        let asked = Asked { scope: &Scope::All, actor: &actor, admin: AdminId(1), form_id: "" };
        set_up(app, &asked, self.router, &SetUp { from_stock: true, batches }).await.unwrap();
    }
}

async fn sale_of(app: &TestApp, sold: Sold) -> Sale {
    find(app, &Scope::All, sold.id).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_double_tap_sells_one_voucher() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        let (one, two) = tokio::join!(shop.tap(&app, 1, TAP), shop.tap(&app, 1, TAP));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.id, two.id);
        assert!(one.again != two.again);
        let sale = sale_of(&app, one).await;
        assert_eq!((sale.price, sale.voucher.status), (Money::idr(3_000), Status::Draft));
        let totals = totals(&app, &Scope::All, AdminId(1), DateTime::UNIX_EPOCH).await.unwrap();
        let expected = Totals { count: 1, revenue: Money::idr(3_000), profit: Some(Money::idr(1_000)) };
        assert_eq!(totals, [expected]);
        // Another tap, and the same tap of somebody else, are other sales.
        assert_ne!(shop.tap(&app, 2, TAP).await.unwrap().id, one.id);
        assert_eq!(place(&app, AdminId(2)).await.unwrap(), Some(shop.router));
    })
    .await;
}

#[tokio::test]
async fn a_router_that_is_away_sells_only_to_who_knows() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        let actor = actor();
        let asked = Asked { scope: &Scope::All, actor: &actor, admin: AdminId(1), form_id: TAP };
        let wish = Wish { knows_offline: false, ..shop.wish() };
        assert!(matches!(sell(&app, &asked, &wish).await, Err(SellError::Offline)));
        let page = PageOf::default();
        assert!(vouchers::list(&app, &Scope::All, &Filter::default(), &page).await.unwrap().items.is_empty());
        assert!(sell(&app, &asked, &shop.wish()).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn two_cashiers_never_get_the_same_voucher_of_the_stock() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        let batch = shop.stock(&app, 12).await;
        shop.sell_from(&app, vec![batch]).await;
        let app = &app;
        let taps: Vec<String> = (0..16).map(|tap| format!("{tap:032}")).collect();
        let sales = taps.iter().enumerate().map(|(at, tap)| shop.tap(app, i64::try_from(at % 2).unwrap() + 1, tap));
        let sold = futures_util::future::join_all(sales).await;
        let mut codes = HashSet::new();
        let mut from_stock = 0;
        for sold in sold {
            let sale = sale_of(app, sold.unwrap()).await;
            from_stock += usize::from(sale.from_stock);
            assert!(codes.insert(sale.voucher.id), "{} was sold twice", sale.voucher.code);
        }
        // The stock first, then new ones.
        assert_eq!((codes.len(), from_stock), (16, 12));
        let offers = offers(app, &Scope::All, shop.router).await.unwrap();
        assert_eq!(offers[0].1, Some(0));
    })
    .await;
}

#[tokio::test]
async fn what_is_sold_over_the_counter_is_no_longer_left() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        let batch = shop.stock(&app, 3).await;
        shop.sell_from(&app, vec![batch]).await;
        let sale = sale_of(&app, shop.tap(&app, 1, TAP).await.unwrap()).await;
        let stock = vouchers::stocks(app.db.read(), &[batch]).await.unwrap()[&batch];
        assert_eq!((stock.left, stock.sold, stock.active), (2, 1, 0));
        for (sold, found) in [(true, 1), (false, 2)] {
            let search = vouchers::Search { sold: Some(sold), ..vouchers::Search::default() };
            let page = vouchers::search::find(&app, &Scope::All, &search, &PageOf::default()).await.unwrap().page;
            let has = page.items.iter().any(|voucher| voucher.id == sale.voucher.id);
            assert_eq!((page.items.len(), has), (found, sold));
        }
        let boss = app.signed_in(Role::Admin, &[]).await;
        let get = async |path: &str| {
            let cookie = format!("hiji_session={boss}; hiji_lang=en");
            let request = Request::get(path).header(header::COOKIE, cookie).body(String::new());
            app.ask(request.unwrap()).await.2
        };
        let list = get("/vouchers").await;
        assert!(list.contains("Left <strong>2</strong>") && list.contains("Sold <strong>1</strong>"), "{list}");
        let found = get("/vouchers/search?sold=yes").await;
        assert!(found.contains(&sale.voucher.code), "{found}");
        let file = get("/vouchers/export?sold=yes&format=csv&delimiter=,&bom=0").await;
        assert!(file.contains(",Sold over the counter,") && file.lines().count() == 2, "{file}");
        // All of them void: nothing is ready to sell.
        let order = vouchers::manage::Order { scope: &Scope::All, actor: &actor(), seen: None };
        let void = vouchers::Act::Void { reason: "hilang".to_owned() };
        vouchers::manage::batch(&app, &order, batch, &void, vouchers::manage::Which::All).await.unwrap();
        let list = get("/vouchers").await;
        assert!(list.contains("None is ready to sell") && !list.contains("Ready to sell<"), "{list}");
    })
    .await;
}

#[tokio::test]
async fn single_sales_stand_among_the_batches_only_for_who_looks_for_them() {
    on_each_database(async |app| {
        let shop = Shop::open(&app).await;
        let batch = shop.stock(&app, 2).await;
        let sold = shop.tap(&app, 1, TAP).await.unwrap();
        let sale = sale_of(&app, sold).await;
        let batches = async |is_stock, q: &str| {
            let filter = vouchers::BatchFilter { router: None, is_stock, q: q.to_owned() };
            let found = vouchers::batches(app.db.read(), &Scope::All, &filter, &PageOf::default()).await.unwrap();
            found.items.into_iter().map(|batch| batch.id).collect::<Vec<_>>()
        };
        assert_eq!(batches(true, "").await, [batch]);
        assert_eq!(batches(false, "").await, [sale.voucher.batch_id, batch]);
        assert_eq!(batches(false, &sale.voucher.batch).await, [sale.voucher.batch_id]);
    })
    .await;
}

#[tokio::test]
async fn the_buttons_stay_in_their_places_for_a_day() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        let cheap = app.package("1 Jam", &[shop.router]).await;
        let sold = async |package, tap: &str| {
            let actor = actor();
            let asked = Asked { scope: &Scope::All, actor: &actor, admin: AdminId(1), form_id: tap };
            sell(&app, &asked, &Wish { package, ..shop.wish() }).await.unwrap();
        };
        let names = async || -> Vec<String> {
            let offers = offers(&app, &Scope::All, shop.router).await.unwrap();
            offers.into_iter().map(|(package, _)| package.name).collect()
        };
        let before = names().await;
        sold(shop.package, TAP).await;
        sold(cheap, "1123456789abcdef0123456789abcdef").await;
        sold(shop.package, "2123456789abcdef0123456789abcdef").await;
        assert_eq!(names().await, before, "a sale moves no button");
        app.clock.advance(Duration::days(1));
        assert_eq!(names().await, ["12 Jam", "1 Jam"], "what was sold most is in front the next day");
    })
    .await;
}

#[tokio::test]
async fn the_oldest_of_the_stock_is_sold_first_and_at_once_ready() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        let old = shop.stock(&app, 1).await;
        let new = shop.stock(&app, 1).await;
        shop.sell_from(&app, vec![new, old]).await;
        let sale = sale_of(&app, shop.tap(&app, 1, TAP).await.unwrap()).await;
        assert_eq!((sale.voucher.batch_id, sale.voucher.status, sale.from_stock), (old, Status::Ready, true));
    })
    .await;
}

#[tokio::test]
async fn an_unused_sale_is_taken_back_and_a_used_one_is_not() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        let batch = shop.stock(&app, 2).await;
        shop.sell_from(&app, vec![batch]).await;
        let actor = actor();
        let asked = Asked { scope: &Scope::All, actor: &actor, admin: AdminId(1), form_id: "" };
        let sold = shop.tap(&app, 1, TAP).await.unwrap();
        let other = Asked { admin: AdminId(2), ..asked };
        let refused = cancel(&app, &other, sold.id, "iseng").await;
        assert!(matches!(refused, Err(CancelError::Stays(Stays::NotYours))));
        app.clock.advance(Duration::minutes(1));
        cancel(&app, &asked, sold.id, "salah paket").await.unwrap();
        let sale = sale_of(&app, sold).await;
        assert_eq!((sale.voucher.status, sale.cancel_reason.as_str()), (Status::Void, "salah paket"));
        assert!(totals(&app, &Scope::All, AdminId(1), DateTime::UNIX_EPOCH).await.unwrap().is_empty());
        let record = vouchers::history::record(&app, &sale.voucher).await.unwrap();
        assert_eq!((&*record.timeline[0].what, &*record.timeline[0].reason), ("void", "salah paket"), "and who did it");
        let again = cancel(&app, &asked, sold.id, "x").await;
        assert!(matches!(again, Err(CancelError::Stays(Stays::Cancelled))));
        // The second one is logged in with.
        let used = shop.tap(&app, 1, "fedcba9876543210fedcba9876543210").await.unwrap();
        let code = sale_of(&app, used).await.voucher.code;
        let login = FirstLogin {
            kind: Kind::HotspotUser,
            user: code,
            sid: String::new(),
            at: app.app.clock.now().timestamp(),
            valid_until: None,
            mac: String::new(),
            address: String::new(),
            src: Source::Poll,
            estimated: false,
        };
        shop.report(&app, Event::FirstLogin(login)).await;
        let refused = cancel(&app, &asked, used.id, "x").await;
        assert!(matches!(refused, Err(CancelError::Stays(Stays::Used))));
        assert_eq!(sale_of(&app, used).await.voucher.status, Status::Active);
    })
    .await;
}

async fn ask(app: &TestApp, token: &str, method: &str, path: &str, form: &str) -> (StatusCode, String, String) {
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

#[tokio::test]
async fn a_cashier_sells_on_the_page_and_sees_nothing_else() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        let token = app.signed_in(Role::Cashier, &[shop.site]).await;
        assert_eq!(ask(&app, &token, "GET", "/", "").await.1, "/counter");
        let (status, _, page) = ask(&app, &token, "GET", "/counter", "").await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert!(page.contains("12 Jam") && page.contains("Rp3.000") && page.contains("data-key=\"1\""), "{page}");
        let form = format!("form_id={TAP}&router_id={}&package_id={}&phone=0812-3456-7890", shop.router, shop.package);
        let (status, _, page) = ask(&app, &token, "POST", "/counter", &form).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("Sell anyway?") && page.contains("name=\"offline\""), "{page}");
        let (status, to, page) = ask(&app, &token, "POST", "/counter", &format!("{form}&offline=on")).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        let (_, again, _) = ask(&app, &token, "POST", "/counter", &format!("{form}&offline=on")).await;
        assert_eq!(again, format!("{to}?again=1"));
        let (status, _, page) = ask(&app, &token, "GET", &to, "").await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert!(
            page.contains("Waiting for the router") && page.contains("https://wa.me/6281234567890?text="),
            "{page}"
        );
        assert!(!page.contains("Cost") && !page.contains("Profit"), "{page}");
        let (_, _, page) = ask(&app, &token, "GET", "/counter", "").await;
        assert!(page.contains("Rp3.000") && !page.contains("Profit"), "{page}");
        let bad = form.replace("0812-3456-7890", "12");
        let (status, _, page) = ask(&app, &token, "POST", "/counter", &bad).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("phone-error"), "{page}");
        for path in ["/vouchers/new", "/routers", "/packages", "/dashboard", "/counter/setup", "/settings/admins"] {
            assert_eq!(ask(&app, &token, "GET", path, "").await.0, StatusCode::FORBIDDEN, "{path}");
        }
        let other = app.signed_in(Role::Operator, &[shop.site]).await;
        assert_eq!(ask(&app, &other, "GET", &to, "").await.0, StatusCode::NOT_FOUND, "another's sale");
        let viewer = app.signed_in(Role::Viewer, &[shop.site]).await;
        assert_eq!(ask(&app, &viewer, "GET", "/counter", "").await.0, StatusCode::FORBIDDEN);
    })
    .await;
}

#[tokio::test]
async fn programs_see_and_set_up_the_counter_of_their_routers() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        let batch = shop.stock(&app, 3).await;
        let rina = app.signed_in(Role::Operator, &[shop.site]).await;
        let api = async |token: &str, method: &str, body: String| {
            let request = Request::builder()
                .method(method)
                .uri(format!("/api/v1/routers/{}/counter", shop.router))
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .header(header::CONTENT_TYPE, "application/json");
            let (status, _, text) = app.ask(request.body(body).unwrap()).await;
            (status, serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default())
        };
        let (status, counter) = api(&rina, "GET", String::new()).await;
        assert_eq!((status, &counter["from_stock"]), (StatusCode::OK, &false.into()), "{counter}");
        assert!(counter["offers"][0]["name"] == "12 Jam" && counter["offers"][0].get("stock").is_none());
        let wish = |batch: i64| format!("{{\"from_stock\": true, \"batch_ids\": [{batch}]}}");
        let (status, problem) = api(&rina, "PUT", wish(99)).await;
        assert_eq!(
            (status, &problem["errors"]["batch_ids"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &"not_offered".into())
        );
        let (status, counter) = api(&rina, "PUT", wish(batch.0)).await;
        assert_eq!((status, &counter["offers"][0]["stock"]), (StatusCode::OK, &3.into()), "{counter}");
        let elsewhere = app.site("Waena").await;
        let cashier = app.signed_in(Role::Cashier, &[elsewhere]).await;
        assert_eq!(api(&cashier, "GET", String::new()).await.0, StatusCode::NOT_FOUND);
        assert_eq!(api(&cashier, "PUT", wish(batch.0)).await.0, StatusCode::FORBIDDEN);
    })
    .await;
}

#[tokio::test]
async fn a_grant_counts_at_once_and_only_those_above_give_it() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        let boss = app.signed_in(Role::SuperAdmin, &[]).await;
        let admin = app.signed_in(Role::Admin, &[]).await;
        let rina = app.signed_in(Role::Operator, &[]).await;
        let form = format!("form_id={TAP}&router_id={}&package_id={}&offline=on", shop.router, shop.package);
        assert_eq!(ask(&app, &rina, "POST", "/counter", &form).await.0, StatusCode::SEE_OTHER);
        assert!(!ask(&app, &rina, "GET", "/counter", "").await.2.contains("Profit"));
        let all = crate::admins::list(app.db.read()).await.unwrap();
        let id = |role: Role| all.iter().find(|each| each.role == role).unwrap().id;
        let path = |role| format!("/settings/admins/{}/grants", id(role));
        let (status, to, _) = ask(&app, &admin, "POST", &path(Role::Operator), "grants=costs_see").await;
        assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, "/settings/admins"));
        // The same session, the next request.
        assert!(ask(&app, &rina, "GET", "/counter", "").await.2.contains("Profit"));
        assert_eq!(ask(&app, &admin, "GET", "/settings/admins", "").await.0, StatusCode::OK);
        assert_eq!(
            ask(&app, &admin, "GET", &format!("/settings/admins/{}", id(Role::Operator)), "").await.0,
            StatusCode::FORBIDDEN
        );
        for (token, role) in [(&admin, Role::Admin), (&admin, Role::SuperAdmin), (&rina, Role::Operator)] {
            let (status, ..) = ask(&app, token, "POST", &path(role), "grants=costs_see").await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{role:?}");
        }
        let (status, ..) = ask(&app, &boss, "POST", &path(Role::Operator), "grants=admins_manage").await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(ask(&app, &boss, "POST", &path(Role::Operator), "").await.0, StatusCode::SEE_OTHER);
        assert!(!ask(&app, &rina, "GET", "/counter", "").await.2.contains("Profit"));
    })
    .await;
}

#[tokio::test]
async fn guests_learn_what_is_left_and_nothing_else() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        let batch = shop.stock(&app, 1).await;
        let filter = Filter { batch: Some(batch), ..Filter::default() };
        let voucher = vouchers::list(&app, &Scope::All, &filter, &PageOf::default()).await.unwrap().items.remove(0);
        let look = async |query: &str| {
            let request = Request::get(format!("/v{query}")).header(header::ACCEPT_LANGUAGE, "en");
            app.ask(request.body(String::new()).unwrap()).await
        };
        let (status, headers, page) = look("").await;
        assert_eq!((status, headers["x-robots-tag"].to_str().unwrap()), (StatusCode::OK, "noindex, nofollow"));
        assert!(!page.contains("No such code"), "{page}");
        let (_, _, page) = look(&format!("?code={}", voucher.code.to_lowercase())).await;
        assert!(page.contains("Ready to use") && page.contains("12 hours of 12 hours"), "{page}");
        assert!(!page.contains("Rp") && !page.contains("Kebon 1"), "{page}");
        let answers = [
            "?code=NOBODY".to_owned(),
            format!("?code={}", "A".repeat(2_000)),
            "?code=%F0%9F%98%80%00%0a".to_owned(),
            "?code=%25' OR 1=1--".replace(' ', "+"),
            format!("?code={}&site=999", voucher.code),
        ];
        for query in answers {
            let (status, _, page) = look(&query).await;
            assert_eq!(status, StatusCode::OK, "{query}");
            assert!(page.contains("No such code") && !page.contains("guest-state"), "{query}: {page}");
        }
        let (_, _, page) = look("?code=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
        assert!(!page.contains("<script>alert"), "{page}");
    })
    .await;
}
