//! The router does what it is told and the line is cut before it can say so.

use hiji_tests::{
    router_sim::{Fault, SimConfig},
    world::World,
};
use serde_json::json;

use super::WORLDS;

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_done_is_not_a_second_user() {
    let (backend, broker) = WORLDS[0];
    let mut world = World::start(backend, broker).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig::default()).await.unwrap();
    let package = world.package("3 Hari", &[&router], json!({ "active_secs": 259_200 })).await.unwrap();
    for round in 0..5 {
        router.sim.fault(Fault::CutBeforeDone { path: "/ip/hotspot/user/add".to_owned() });
        let batch = world.batch(&router, package, 10).await.unwrap();
        let shown = world.ready(batch).await;
        assert_eq!(shown["progress"]["failed"], 0, "round {round}");
        assert_eq!(router.vouchers(), (round + 1) * 10);
        for voucher in world.vouchers(batch).await.unwrap() {
            assert_eq!(voucher["status"], "ready");
        }
    }
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_user_of_the_same_name_is_never_overwritten() {
    let (backend, broker) = WORLDS[0];
    let mut world = World::start(backend, broker).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig::default()).await.unwrap();
    let package = world.package("3 Hari", &[&router], json!({ "active_secs": 259_200 })).await.unwrap();
    // Every code of one letter and this prefix but a few is somebody else's.
    let mut foreign = Vec::new();
    for number in 0..20 {
        let name = format!("TETANGGA{number}");
        router.sim.add("/ip/hotspot/user", &[("name", &name), ("password", "x"), ("comment", "punya orang")]).unwrap();
        foreign.push(name);
    }
    let batch = world.batch(&router, package, 30).await.unwrap();
    world.ready(batch).await;
    for name in foreign {
        let user = router.user(&name).unwrap();
        assert_eq!((user["comment"].as_str(), user["password"].as_str()), ("punya orang", "x"));
    }
    world.stop().await.unwrap();
}
