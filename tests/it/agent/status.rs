//! The guests' page of the agent, asked as a phone asks it.

use hiji_shared::desired::{Mark, Object};
use hiji_tests::router_sim::SimConfig;
use reqwest::StatusCode;

use super::support::{World, until, voucher};

const MAC: &str = "02:00:00:00:00:01";

struct Guest {
    http: reqwest::Client,
    base: String,
}

impl Guest {
    async fn get(&self, path: &str) -> (StatusCode, String) {
        let response = self.http.get(format!("{}{path}", self.base)).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }
}

async fn open() -> (World, Guest) {
    let mut world = World::without_agent(SimConfig::default()).await;
    let address = hiji_tests::world::free_address().unwrap();
    world.use_hook(address);
    world.start_agent();
    until("hello", || !world.controller.got().hellos.is_empty()).await;
    let mut limited = voucher("KB1");
    limited.limit_bytes = Some(1 << 30);
    world.want([Object::User(limited)]).await;
    until("the voucher", || world.user("KB1").is_some()).await;
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::new();
    (world, Guest { http, base: format!("http://{address}") })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_sees_what_is_left_without_the_controller() {
    let (world, guest) = open().await;
    world.controller.go_away(true);
    let (status, page) = guest.get("/").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Cek voucher") && page.len() < 15 * 1_024, "{page}");
    let (_, page) = guest.get("/status?code=kb1&lang=en").await;
    assert!(page.contains("Ready to use") && page.contains("12 h <small>of 12 h"), "{page}");
    world.sim.hotspot_login("KB1", "KB1", MAC).unwrap();
    let mut page = String::new();
    for _ in 0..8 {
        page = guest.get("/status?code=KB1&lang=en").await.1;
        if page.contains("online now") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    assert!(page.contains("Active") && page.contains("online now") && page.contains("Valid until"), "{page}");
    assert!(!page.contains(MAC) && !page.to_lowercase().contains("password"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_else_is_one_and_the_same_unknown_code() {
    let (world, guest) = open().await;
    let mut subscription = voucher("BUDI");
    subscription.mark = Mark::Subscription { comment: "HOTSPOT_SYSTEM|1|2|3|".to_owned() };
    world.want([Object::User(subscription)]).await;
    until("the subscription", || world.user("BUDI").is_some()).await;
    let plain = |page: &str, code: &str| page.replace(code, "X");
    let (status, unknown) = guest.get("/status?code=NOBODY&lang=en").await;
    assert_eq!(status, StatusCode::OK);
    assert!(unknown.contains("No such code"), "{unknown}");
    let (_, budi) = guest.get("/status?code=BUDI&lang=en").await;
    assert_eq!(plain(&budi, "BUDI"), plain(&unknown, "NOBODY"));
    let long = "A".repeat(400);
    for hostile in [long.as_str(), "%22%3E%3Cscript%3Ex%3C/script%3E", "%F0%9F%98%80%00", "%", "%zz%ff"] {
        let (status, page) = guest.get(&format!("/status?code={hostile}&lang=en")).await;
        assert_eq!(status, StatusCode::OK, "{hostile}");
        assert!(page.contains("No such code") && !page.contains("<script"), "{hostile}: {page}");
    }
    // Nothing else is open, and the hook still wants its token.
    assert_eq!(guest.get("/status/x").await.0, StatusCode::NOT_FOUND);
    let hook = guest.http.post(format!("{}/h/login", guest.base)).send().await.unwrap();
    assert_eq!(hook.status(), StatusCode::UNAUTHORIZED);
    let posted = guest.http.post(format!("{}/status", guest.base)).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_is_slowed_down() {
    let (_world, guest) = open().await;
    let mut refused = 0;
    for number in 0..14 {
        refused +=
            u32::from(guest.get(&format!("/status?code=GUESS{number}")).await.0 == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused >= 2, "{refused}");
    assert_eq!(guest.get("/").await.0, StatusCode::OK);
}
