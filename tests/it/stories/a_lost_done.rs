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

/// W1 (b): somebody made users of seven of its names while the router was away.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_taken_meanwhile_are_made_anew_and_never_overwritten() {
    let (backend, broker) = WORLDS[0];
    let mut world = World::start(backend, broker).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let mut router = world.router(site, SimConfig::default()).await.unwrap();
    let package = world.package("3 Hari", &[&router], json!({ "active_secs": 259_200 })).await.unwrap();
    router.agent.stop().await.unwrap();
    let batch = world.batch(&router, package, 30).await.unwrap();
    let codes = async || -> Vec<String> {
        let vouchers = world.vouchers(batch).await.unwrap();
        vouchers.iter().map(|voucher| voucher["code"].as_str().unwrap().to_owned()).collect()
    };
    let before = codes().await;
    let taken = &before[..7];
    for name in taken {
        let fields = [("name", name.as_str()), ("password", "x"), ("comment", "punya orang")];
        router.sim.add("/ip/hotspot/user", &fields).unwrap();
    }
    router.agent.restart().await.unwrap();
    let shown = world.ready(batch).await;
    assert_eq!(shown["progress"], json!({ "wanted": 30, "applied": 30, "failed": 0 }));
    for name in taken {
        let user = router.user(name).unwrap();
        assert_eq!((user["comment"].as_str(), user["password"].as_str()), ("punya orang", "x"));
    }
    let after = codes().await;
    assert_eq!((after.len(), &after[7..]), (30, &before[7..]), "the others keep their codes");
    for code in &after {
        assert!(!taken.contains(code), "{code} is somebody else's");
        assert_eq!(router.user(code).unwrap()["comment"], "VOUCHER_SYSTEM|3000||");
    }
    assert_eq!(router.vouchers(), 30);
    world.stop().await.unwrap();
}
