//! H2: the site goes on by itself while the controller is away.

use std::time::Duration;

use hiji_tests::{
    router_sim::SimConfig,
    wait,
    world::{PATIENCE, World},
};
use serde_json::json;

use super::WORLDS;

const PHONE: &str = "AA:BB:CC:00:00:02";

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_expires_while_the_controller_is_away() {
    for (backend, broker) in WORLDS {
        let mut world = World::start(backend, broker).await.unwrap();
        let site = world.site("Kebon").await.unwrap();
        let router = world.router(site, SimConfig::default()).await.unwrap();
        let package = world.package("1 Jam", &[&router], json!({ "active_secs": 3600 })).await.unwrap();
        let batch = world.batch(&router, package, 3).await.unwrap();
        world.ready(batch).await;
        let codes: Vec<String> = world
            .vouchers(batch)
            .await
            .unwrap()
            .iter()
            .map(|voucher| voucher["code"].as_str().unwrap().to_owned())
            .collect();
        router.sim.hotspot_login(&codes[0], &codes[0], PHONE).unwrap();
        world.voucher_is(&codes[0], "active").await;

        world.stop_controller().await.unwrap();
        // First used while the controller is away …
        router.sim.hotspot_login(&codes[1], &codes[1], "AA:BB:CC:00:00:03").unwrap();
        wait::holds("the agent dates the second voucher by itself", PATIENCE, || {
            router.user(&codes[1]).is_some_and(|user| user["comment"].split('|').all(|field| !field.is_empty()))
        })
        .await;
        // … and both over while it is away.
        world.clock.advance(Duration::from_secs(3601));
        wait::holds("the agent ends both by itself", PATIENCE, || {
            router.user(&codes[0]).is_none() && router.user(&codes[1]).is_none()
        })
        .await;
        assert!(router.user(&codes[2]).is_some(), "an unused voucher does not end");

        world.start_controller().await.unwrap();
        for code in &codes[..2] {
            let voucher = world.voucher_is(code, "expired").await;
            assert!(voucher["first_login_at"].is_string() && voucher["ended_at"].is_string());
        }
        assert_eq!(world.voucher_is(&codes[2], "ready").await["status"], "ready");
        world.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_ends_while_the_routers_clock_says_1970() {
    let (backend, broker) = WORLDS[0];
    let mut world = World::start(backend, broker).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig::default()).await.unwrap();
    let package = world.package("1 Jam", &[&router], json!({ "active_secs": 3600 })).await.unwrap();
    let batch = world.batch(&router, package, 1).await.unwrap();
    world.ready(batch).await;
    let code = world.vouchers(batch).await.unwrap()[0]["code"].as_str().unwrap().to_owned();
    router.sim.hotspot_login(&code, &code, PHONE).unwrap();
    world.voucher_is(&code, "active").await;
    world.clock.advance(Duration::from_secs(3400));
    world.stop_controller().await.unwrap();
    let before = router.sim.commands();
    router.sim.reboot(true);
    wait::holds("the agent has read the router anew", PATIENCE, || router.sim.commands() > before + 15).await;
    // Its time comes within the ten minutes that a router is given to find the time after its boot.
    world.clock.advance(Duration::from_secs(300));
    let before = router.sim.commands();
    wait::holds("the agent has looked at the router again", PATIENCE, || router.sim.commands() > before + 1).await;
    assert!(router.user(&code).is_some(), "ended in doubt");
    router.sim.set_clock_offset(0);
    wait::holds("ended once the clock is right", PATIENCE * 2, || router.user(&code).is_none()).await;
    world.stop().await.unwrap();
}
