//! W1 (c): the router goes away in the middle of a batch.

use hiji_tests::{
    router_sim::{Fault, SimConfig},
    wait,
    world::{PATIENCE, World},
};
use serde_json::json;

use super::WORLDS;

const COUNT: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn router_goes_away_mid_batch() {
    for (backend, broker) in WORLDS {
        let mut world = World::start(backend, broker).await.unwrap();
        let site = world.site("Kebon").await.unwrap();
        let router = world.router(site, SimConfig { answer_ms: 5, ..SimConfig::default() }).await.unwrap();
        let package = world.package("3 Hari", &[&router], json!({ "active_secs": 259_200 })).await.unwrap();
        let batch = world.batch(&router, package, COUNT).await.unwrap();
        wait::holds("some vouchers are there", PATIENCE, || router.vouchers() >= 20).await;

        router.sim.fault(Fault::ApiDown);
        let there = router.vouchers();
        assert!(there < COUNT, "the router went away in the middle");
        wait::until("the page says the router is away", PATIENCE, || async {
            let shown = world.api.get(&format!("/routers/{}", router.id)).await.ok()?.ok().ok()?;
            (shown["presence"] == "router_down").then_some(())
        })
        .await;

        router.sim.clear_faults();
        world.ready(batch).await;
        assert_eq!(router.vouchers(), COUNT);
        let adds = router.added();
        assert_eq!(adds, COUNT, "each voucher was added once");
        world.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agent_is_away_while_vouchers_are_made() {
    let (backend, broker) = WORLDS[0];
    let mut world = World::start(backend, broker).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let mut router = world.router(site, SimConfig::default()).await.unwrap();
    let package = world.package("3 Hari", &[&router], json!({ "active_secs": 259_200 })).await.unwrap();
    router.agent.stop().await.unwrap();
    let batch = world.batch(&router, package, 50).await.unwrap();
    let shown = world.api.get(&format!("/voucher_batches/{batch}")).await.unwrap().ok().unwrap();
    assert_eq!(shown["progress"], json!({ "wanted": 50, "applied": 0, "failed": 0 }));
    router.agent.restart().await.unwrap();
    world.ready(batch).await;
    assert_eq!(router.vouchers(), 50);
    world.stop().await.unwrap();
}
