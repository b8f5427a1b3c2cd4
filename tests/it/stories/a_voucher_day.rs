//! W1: vouchers are made, proven on the router, used and over.

use std::time::Duration;

use hiji_tests::{
    router_sim::SimConfig,
    wait,
    world::{PATIENCE, Router, World},
};
use serde_json::json;

use super::WORLDS;

const PHONE: &str = "AA:BB:CC:00:00:01";
const THREE_DAYS: u64 = 3 * 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_day() {
    for (backend, broker) in WORLDS {
        let mut world = World::start(backend, broker).await.unwrap();
        let site = world.site("Kebon").await.unwrap();
        let router = world.router(site, SimConfig::default()).await.unwrap();
        day(&world, &router).await;
        world.stop().await.unwrap();
    }
}

async fn day(world: &World, router: &Router) {
    let validity = json!({ "online_secs": 43_200, "active_secs": THREE_DAYS });
    let package = world.package("12 Jam", &[router], validity).await.unwrap();
    let batch = world.batch(router, package, 20).await.unwrap();
    let shown = world.ready(batch).await;
    assert_eq!(shown["progress"], json!({ "wanted": 20, "applied": 20, "failed": 0 }));

    let vouchers = world.vouchers(batch).await.unwrap();
    assert_eq!(vouchers.len(), 20);
    for voucher in &vouchers {
        let code = voucher["code"].as_str().unwrap();
        let user = router.user(code).unwrap_or_else(|| panic!("{code} is on the router"));
        assert_eq!(user["comment"], "VOUCHER_SYSTEM|3000||");
        assert_eq!(user["limit-uptime"], "12h");
        assert_eq!(user["profile"], "default");
        assert_eq!(voucher["status"], "ready");
    }

    let code = vouchers[0]["code"].as_str().unwrap();
    router.sim.hotspot_login(code, code, PHONE).unwrap();
    let active = world.voucher_is(code, "active").await;
    assert_eq!(active["mac"], PHONE);
    wait::holds("the comment has both times", PATIENCE, || {
        router.user(code).is_some_and(|user| user["comment"].split('|').filter(|field| !field.is_empty()).count() == 4)
    })
    .await;

    // Online for a minute now and again just before its end: within its twelve hours.
    world.clock.advance(Duration::from_secs(60));
    router.sim.hotspot_logout(code);
    world.clock.advance(Duration::from_secs(THREE_DAYS - 120));
    router.sim.hotspot_login(code, code, PHONE).unwrap();
    world.voucher_is(code, "active").await;
    assert!(router.user(code).is_some(), "not before its time");
    world.clock.advance(Duration::from_secs(61));
    world.voucher_is(code, "expired").await;
    assert!(router.user(code).is_none());
    assert!(router.sim.sessions().iter().all(|session| session.user != code), "the phone came back");
    assert!(router.sim.rows("/ip/hotspot/cookie").iter().all(|cookie| cookie["user"] != code));
    assert_eq!(world.vouchers(batch).await.unwrap().len(), 20, "history stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn used_up_and_expired_are_different_ends() {
    let (backend, broker) = WORLDS[0];
    let mut world = World::start(backend, broker).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig::default()).await.unwrap();
    let package = world.package("1 Jam", &[&router], json!({ "online_secs": 3600 })).await.unwrap();
    let batch = world.batch(&router, package, 1).await.unwrap();
    world.ready(batch).await;
    let voucher = world.vouchers(batch).await.unwrap().remove(0);
    let code = voucher["code"].as_str().unwrap();
    router.sim.hotspot_login(code, code, PHONE).unwrap();
    world.voucher_is(code, "active").await;
    world.clock.advance(Duration::from_secs(3601));
    world.voucher_is(code, "used_up").await;
    world.stop().await.unwrap();
}
