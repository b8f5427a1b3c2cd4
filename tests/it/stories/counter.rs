//! At the counter: a tap makes a code, the router has it, and a guest logs in with it.

use hiji_tests::{
    router_sim::SimConfig,
    wait,
    world::{PATIENCE, World},
};
use serde_json::json;

use super::WORLDS;

const PHONE: &str = "AA:BB:CC:00:00:07";

#[tokio::test(flavor = "multi_thread")]
async fn a_tap_sells_a_voucher_and_a_guest_logs_in() {
    for (backend, broker) in WORLDS {
        let mut world = World::start(backend, broker).await.unwrap();
        let site = world.site("Kebon").await.unwrap();
        let router = world.router(site, SimConfig::default()).await.unwrap();
        world.online(&router).await;
        let validity = json!({ "online_secs": 43_200, "active_secs": 259_200 });
        let package = world.package("12 Jam", &[&router], validity).await.unwrap();
        let tap = json!({ "router_id": router.id, "package_id": package, "phone": "0812-3456-7890" });
        let sale = world.api.post_once("/voucher_sales", &tap, "one-tap").await.unwrap().ok().unwrap();
        let again = world.api.post_once("/voucher_sales", &tap, "one-tap").await.unwrap().ok().unwrap();
        assert_eq!(sale["id"], again["id"]);
        assert_eq!(sale["phone"], "+6281234567890");
        let code = sale["voucher"]["code"].as_str().unwrap();
        world.voucher_is(code, "ready").await;
        wait::holds("the code is on the router", PATIENCE, || router.user(code).is_some()).await;
        router.sim.hotspot_login(code, code, PHONE).unwrap();
        world.voucher_is(code, "active").await;
        let cancel = format!("/voucher_sales/{}/cancel", sale["id"]);
        let refused = world.api.post(&cancel, &json!({ "reason": "salah" })).await.unwrap();
        assert_eq!(refused.body["code"], "sale_used");
        // One that nobody used is taken back, and leaves the router.
        let other = world.api.post("/voucher_sales", &tap).await.unwrap().ok().unwrap();
        let code = other["voucher"]["code"].as_str().unwrap();
        world.voucher_is(code, "ready").await;
        let cancel = format!("/voucher_sales/{}/cancel", other["id"]);
        let taken = world.api.post(&cancel, &json!({ "reason": "salah" })).await.unwrap().ok().unwrap();
        assert_eq!(taken["voucher"]["status"], "void");
        wait::holds("the code is gone", PATIENCE, || router.user(code).is_none()).await;
        world.stop().await.unwrap();
    }
}
