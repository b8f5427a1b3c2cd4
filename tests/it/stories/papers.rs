//! Invoices and receipts on paper, as a browser prints them: a roll is as wide as its printer, a strip as long as what
//! stands on it.

use hiji_tests::{
    browser::Browser,
    world::{ADMIN, Backend, Broker, World},
};
use serde_json::json;

/// A long bill: each line is printed, none on a second strip.
const LINES: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn invoices_and_receipts_are_as_wide_as_their_paper_and_one_piece() {
    let world = World::start(Backend::Sqlite, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let body = json!({ "name": "Budi Santoso Kusumawardhana dari Perumahan Melati", "site_id": site });
    let customer = world.api.post("/customers", &body).await.unwrap().id().unwrap();
    let line = |text: String| json!({ "text": text, "unit_price": 15_000 });
    let mut invoices = Vec::new();
    for _ in 0..3 {
        let lines: Vec<_> =
            (1..=LINES).map(|nth| line(format!("Kabel dropcore {nth} meter dengan konektor"))).collect();
        let body = json!({ "customer_id": customer, "lines": lines });
        invoices.push(world.api.post("/invoices", &body).await.unwrap().id().unwrap());
    }
    let body = json!({ "method": "cash", "amount": { "amount": 400_000, "currency": "IDR" } });
    let payment = world.api.post(&format!("/customers/{customer}/payments"), &body).await.unwrap().id().unwrap();

    let browser = Browser::start(world.url()).await.unwrap();
    browser.sign_in(ADMIN.0, ADMIN.1).await.unwrap();
    let papers =
        [(format!("/invoices/{}/print", invoices[0]), "invoice"), (format!("/payments/{payment}/print"), "receipt")];
    for (path, name) in papers {
        for (format, width, height) in [("thermal-58", 58, None), ("thermal-80", 80, None), ("a4", 210, Some(297))] {
            browser.open(&format!("{path}?format={format}")).await.unwrap();
            browser.shows("main footer, main .doc-foot").await;
            let pages = browser.pdf(&format!("{name}-{format}")).await.unwrap().pages();
            assert_eq!(pages.len(), 1, "{name} {format}: {pages:?}");
            assert_eq!(pages[0].0, width, "{name} {format}: {pages:?}");
            if let Some(height) = height {
                assert_eq!(pages[0].1, height, "{name} {format}");
            }
        }
    }
    world.stop().await.unwrap();
}
