//! W1 in the browser: a batch is sold on the page, goes green by itself, and a login shows within a second.

use std::time::Duration;

use hiji_tests::{
    browser::Browser,
    router_sim::SimConfig,
    wait,
    world::{ADMIN, Backend, Broker, World},
};
use serde_json::json;

const PAGES: [&str; 11] = [
    "/dashboard",
    "/vouchers",
    "/vouchers/new",
    "/vouchers/search",
    "/sessions",
    "/routers",
    "/packages",
    "/sites",
    "/settings",
    "/admins",
    "/audit",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_in_the_browser() {
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig::default()).await.unwrap();
    let package = world.package("3 Hari", &[&router], json!({ "active_secs": 259_200 })).await.unwrap();
    let browser = Browser::start(world.url()).await.unwrap();
    browser.sign_in(ADMIN.0, ADMIN.1).await.unwrap();

    // A wrong count comes back with its sentence and what was typed.
    browser.open("/vouchers/new").await.unwrap();
    browser.choose("[name=package_id]", &package.to_string()).await.unwrap();
    browser.fill("[name=count]", "10001").await.unwrap();
    browser.click("#batch-form [type=submit]:not([data-opens])").await.unwrap();
    browser.shows(".is-invalid[name=count]").await;
    assert_eq!(router.vouchers(), 0);

    browser.fill("[name=count]", "20").await.unwrap();
    // The only router needs no choice; the figures follow while somebody types.
    browser.says("Rp60.000").await;
    browser.click("#more > summary").await.unwrap();
    browser.fill("[name=prefix]", "KB").await.unwrap();
    browser.click("#batch-form [type=submit]:not([data-opens])").await.unwrap();
    browser.says("VB-").await;
    browser.says("Siap dijual").await;
    browser.picture("batch-ready").await.unwrap();
    assert_eq!(router.vouchers(), 20);

    // The dashboard is open while a guest logs in.
    browser.open("/dashboard").await.unwrap();
    browser.says("Kebon").await;
    let batch = world.api.all("/voucher_batches").await.unwrap()[0]["id"].as_i64().unwrap();
    let code = world.vouchers(batch).await.unwrap()[0]["code"].as_str().unwrap().to_owned();
    router.sim.hotspot_login(&code, &code, "AA:BB:CC:00:00:09").unwrap();
    browser.says(&code).await;
    browser.says("Rp3.000").await;
    browser.picture("dashboard-live").await.unwrap();
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_breaks_on_a_phone_in_any_language() {
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig::default()).await.unwrap();
    let package = world.package("3 Hari", &[&router], json!({ "active_secs": 259_200 })).await.unwrap();
    let batch = world.batch(&router, package, 5).await.unwrap();
    world.ready(batch).await;
    let browser = Browser::start(world.url()).await.unwrap();
    browser.sign_in(ADMIN.0, ADMIN.1).await.unwrap();
    let pages = PAGES
        .map(str::to_owned)
        .into_iter()
        .chain([format!("/routers/{}", router.id), format!("/vouchers/batches/{batch}")])
        .chain(["/sellers", "/sellers/new", "/sellers/rules", "/sellers/rules/new"].map(str::to_owned))
        .chain([format!("/packages/{package}"), format!("/packages/{package}/prices")]);
    let pages: Vec<String> = pages.collect();
    for language in ["id", "en"] {
        let cookie = format!("document.cookie = 'hiji_lang={language}; path=/'");
        browser.page.execute(&cookie, vec![]).await.unwrap();
        for width in [360, 1280] {
            browser.resize(width, 800).await.unwrap();
            for path in &pages {
                browser.open(path).await.unwrap();
                browser.shows("h1").await;
                let name = path.replace('/', "-");
                browser.picture(&format!("{language}-{width}{name}")).await.unwrap();
                assert!(browser.overflow().await.unwrap() <= 0, "{path} is wider than {width} px in {language}");
            }
        }
    }
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clicks_make_one_batch() {
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig::default()).await.unwrap();
    let package = world.package("3 Hari", &[&router], json!({ "active_secs": 259_200 })).await.unwrap();
    let browser = Browser::start(world.url()).await.unwrap();
    browser.sign_in(ADMIN.0, ADMIN.1).await.unwrap();
    browser.open("/vouchers/new").await.unwrap();
    browser.choose("[name=package_id]", &package.to_string()).await.unwrap();
    browser.fill("[name=count]", "5").await.unwrap();
    // Twice the same form, faster than any finger and without the page's own guard.
    let twice = "const form = document.querySelector('#batch-form');
        const send = () => fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
        return Promise.all([send(), send()]).then(answers => answers.map(answer => answer.status));";
    browser.page.execute(twice, vec![]).await.unwrap();
    wait::until("the batch", Duration::from_secs(10), || async {
        (!world.api.all("/voucher_batches").await.ok()?.is_empty()).then_some(())
    })
    .await;
    assert_eq!(world.api.all("/voucher_batches").await.unwrap().len(), 1);
    world.stop().await.unwrap();
}
