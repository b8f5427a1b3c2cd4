//! Vouchers on paper, as a browser prints them: how many fit, how wide a roll is, what the QR codes say, and the tab
//! that opens beside a sale.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::{Context as _, ensure};
use fantoccini::wd::WindowHandle;
use hiji_tests::{
    browser::Browser,
    judges,
    router_sim::SimConfig,
    world::{ADMIN, Backend, Broker, Router, World},
};
use serde_json::{Value, json};
use tokio::process::Command;

/// Independent of ours: another decoder, reading pictures of the page.
const DECODER: &[&str] = &["zxing-cpp==3.1.1", "pillow==13.0.0"];
const A4: (i32, i32) = (210, 297);
/// The longest a WiFi name may be on the air.
const WIFI: &str = "Warung Bu Tini & Keluarga Besar!";

struct Shop {
    world: World,
    router: Router,
    package: i64,
    browser: Browser,
}

impl Shop {
    async fn open(package: Value) -> anyhow::Result<Self> {
        let mut world = World::start(Backend::Sqlite, Broker::Embedded).await?;
        let body = json!({ "name": "Kebon", "timezone": "Asia/Jakarta", "wifi_name": WIFI });
        let site = world.api.post("/sites", &body).await?.id()?;
        let router = world.router(site, SimConfig::default()).await?;
        let mut body = json!({
            "name": "Paket", "service": "hotspot", "profile": "default",
            "price": { "amount": 3000, "currency": "IDR" }, "router_ids": [router.id],
        });
        body.as_object_mut().context("an object")?.extend(package.as_object().cloned().unwrap_or_default());
        let package = world.api.post("/packages", &body).await?.id()?;
        let browser = Browser::start(world.url()).await?;
        browser.sign_in(ADMIN.0, ADMIN.1).await?;
        Ok(Self { world, router, package, browser })
    }

    async fn batch(&self, more: Value) -> anyhow::Result<i64> {
        let mut body = json!({ "router_id": self.router.id, "package_id": self.package, "prefix": "KB" });
        body.as_object_mut().context("an object")?.extend(more.as_object().cloned().unwrap_or_default());
        let batch = self.world.api.post("/voucher_batches", &body).await?.id()?;
        self.world.ready(batch).await;
        Ok(batch)
    }

    /// Pages of a batch's first numbers on some paper. Each range is a print of its own, recorded with a reason.
    async fn printed(&self, batch: i64, format: &str, count: usize, name: &str) -> anyhow::Result<Vec<(i32, i32)>> {
        let body = json!({ "format": format, "what": "range", "from": 1, "to": count, "reason": "uji" });
        let print = self.world.api.post(&format!("/voucher_batches/{batch}/prints"), &body).await?.ok()?;
        let key = print["id"].as_str().context("a print has an id")?;
        ensure!(print["count"] == json!(count), "{print}");
        let path = format!("/vouchers/batches/{batch}/print?format={format}&what=range&from=1&to={count}&print={key}");
        self.browser.open(&path).await?;
        self.browser.shows(".p-last .p-cell").await;
        Ok(self.browser.pdf(name).await?.pages())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_holds_as_many_as_its_name_says() {
    let plain = json!({ "validity": { "online_secs": 43_200, "active_secs": 259_200 } });
    let shop = Shop::open(plain).await.unwrap();
    let batch = shop.batch(json!({ "count": 240 })).await.unwrap();
    for (format, count, pages) in [
        ("a4-120", 1, 1),
        ("a4-120", 120, 1),
        ("a4-120", 121, 2),
        ("a4-120", 240, 2),
        ("a4-36-qr", 36, 1),
        ("a4-36-qr", 37, 2),
        ("a4-30-qr", 30, 1),
        ("a4-30-qr", 31, 2),
    ] {
        let sheets = shop.printed(batch, format, count, &format!("print-{format}-{count}")).await.unwrap();
        assert_eq!(sheets, vec![A4; pages], "{count} on {format}");
    }
    for (format, width) in [("thermal-58", 58), ("thermal-80", 80)] {
        let strips = shop.printed(batch, format, 10, &format!("print-{format}-10")).await.unwrap();
        assert_eq!(strips.iter().map(|(width, _)| *width).collect::<Vec<_>>(), [width], "one strip: {strips:?}");
        let strips = shop.printed(batch, format, 100, &format!("print-{format}-100")).await.unwrap();
        assert!(strips.iter().all(|(wide, high)| *wide == width && *high <= 3_276), "{strips:?}");
    }
    shop.world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_texts_do_not_push_a_voucher_to_the_next_page() {
    let dear = json!({
        "price": { "amount": 1_250_000, "currency": "IDR" },
        "validity": { "online_secs": 129_600, "active_secs": 2_592_000 },
    });
    let shop = Shop::open(dear).await.unwrap();
    let long = json!({
        "count": 120, "prefix": "WARUNGBT", "length": 12, "mode": "separate", "activate_before": "2027-12-31T16:59:59Z",
    });
    let batch = shop.batch(long).await.unwrap();
    for (format, count) in [("a4-120", 120), ("a4-36-qr", 36), ("a4-30-qr", 30)] {
        let sheets = shop.printed(batch, format, count, &format!("print-long-{format}")).await.unwrap();
        assert_eq!(sheets, [A4], "{count} on {format}");
        assert_eq!(cut_off(&shop.browser).await.unwrap(), json!([]), "{format}");
    }
    for (format, width) in [("thermal-58", 58), ("thermal-80", 80)] {
        let strips = shop.printed(batch, format, 5, &format!("print-long-{format}")).await.unwrap();
        assert_eq!(strips.iter().map(|(width, _)| *width).collect::<Vec<_>>(), [width], "{strips:?}");
        assert_eq!(cut_off(&shop.browser).await.unwrap(), json!([]), "{format}");
    }
    shop.world.stop().await.unwrap();
}

/// Codes and passwords that are not wholly inside of their cell.
async fn cut_off(browser: &Browser) -> anyhow::Result<Value> {
    let script = "const inside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
        return [...document.querySelectorAll('.p-cell')].slice(0, 6).flatMap(cell => {
          const box = cell.getBoundingClientRect();
          return [...cell.querySelectorAll('.p-code, .p-pass, .p-line, .qr')]
            .filter(part => part.getBoundingClientRect().height && !inside(part.getBoundingClientRect(), box))
            .map(part => part.className.baseVal ?? part.className + ': ' + part.textContent);
        })";
    Ok(browser.page.execute(script, vec![]).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_decoder_reads_the_login_from_the_paper() {
    let plain = json!({ "validity": { "online_secs": 43_200 } });
    let shop = Shop::open(plain).await.unwrap();
    let batch = shop.batch(json!({ "count": 4, "mode": "separate" })).await.unwrap();
    // High enough that nothing has to be scrolled to.
    shop.browser.resize(1280, 2400).await.unwrap();
    let facts = shop.world.api.get(&format!("/routers/{}", shop.router.id)).await.unwrap().ok().unwrap();
    let host = facts["facts"]["hotspot_dns_name"].as_str().unwrap().to_owned();
    let wanted: BTreeSet<String> = shop
        .world
        .vouchers(batch)
        .await
        .unwrap()
        .iter()
        .map(|each| {
            let (code, password) = (each["code"].as_str().unwrap(), each["password"].as_str().unwrap());
            format!("http://{host}/login?username={code}&password={password}")
        })
        .collect();
    for format in ["a4-36-qr", "a4-30-qr", "thermal-58", "thermal-80"] {
        shop.printed(batch, format, 4, &format!("print-qr-{format}")).await.unwrap();
        let mut pictures = Vec::new();
        for number in 1..=4 {
            let css = format!(".p-cell:nth-child({number}) .qr");
            pictures.push(shop.browser.picture_of(&css, &format!("qr-{format}-{number}")).await.unwrap());
        }
        assert_eq!(decoded(&pictures).await.unwrap(), wanted, "{format}");
    }
    shop.world.stop().await.unwrap();
}

async fn decoded(pictures: &[PathBuf]) -> anyhow::Result<BTreeSet<String>> {
    let python = judges::python(DECODER).await?;
    let output = Command::new(python).arg(judges::scripts().join("qr_judge.py")).args(pictures).output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}

/// The address of the tab that the sale's button opens.
async fn waiting_tab(browser: &Browser) -> String {
    let form = browser.page.execute("return document.querySelector('#batch-form [name=form_id]').value", vec![]);
    format!("/vouchers/print/after/{}", form.await.unwrap().as_str().unwrap())
}

/// Opens the tab that waits, and then presses the button that sells and prints. Stays on the form's tab.
async fn press(browser: &Browser, tab: &str) -> WindowHandle {
    let here = browser.page.window().await.unwrap();
    let there = browser.page.new_window(true).await.unwrap().handle;
    browser.page.switch_to_window(there.clone()).await.unwrap();
    browser.open(tab).await.unwrap();
    browser.shows("#print-wait").await;
    let note = "window.close = () => document.documentElement.classList.add('would-close')";
    browser.page.execute(note, vec![]).await.unwrap();
    browser.page.switch_to_window(here).await.unwrap();
    let note = "window.open = (to) => { window.name = to; return window; }";
    browser.page.execute(note, vec![]).await.unwrap();
    browser.click("#batch-form [data-opens]").await.unwrap();
    let opened = browser.page.execute("return window.name", vec![]).await.unwrap();
    assert_eq!(opened.as_str(), Some(tab));
    there
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_opens_its_print_beside_it() {
    let plain = json!({ "validity": { "online_secs": 43_200, "active_secs": 259_200 } });
    let shop = Shop::open(plain).await.unwrap();
    let browser = &shop.browser;
    browser.open("/vouchers/new").await.unwrap();
    browser.choose("[name=package_id]", &shop.package.to_string()).await.unwrap();
    browser.fill("[name=count]", "12").await.unwrap();
    let here = browser.page.window().await.unwrap();
    // chromedriver never answers a click whose tab goes to the back, so the page's own `window.open` is only noted down
    // and the test opens that tab itself, before there is a batch.
    let there = press(browser, &waiting_tab(browser).await).await;
    // This tab shows the batch, the other one becomes the paper by itself.
    browser.says("VB-").await;
    browser.page.switch_to_window(there).await.unwrap();
    browser.shows(".p-last .p-cell:nth-child(12)").await;
    browser.picture("print-after-sale").await.unwrap();
    browser.page.close_window().await.unwrap();
    browser.page.switch_to_window(here.clone()).await.unwrap();
    browser.says("dicetak 1×, terakhir oleh").await;

    // A wrong form stays where it is, with what was typed, and the tab that waited closes.
    browser.open("/vouchers/new").await.unwrap();
    browser.choose("[name=package_id]", &shop.package.to_string()).await.unwrap();
    browser.fill("[name=count]", "10001").await.unwrap();
    let there = press(browser, &waiting_tab(browser).await).await;
    browser.shows(".is-invalid[name=count]").await;
    browser.page.switch_to_window(there).await.unwrap();
    browser.shows("html.would-close").await;
    assert_eq!(shop.world.api.all("/voucher_batches").await.unwrap().len(), 1);
    shop.world.stop().await.unwrap();
}
