//! Packages of PPP profiles: one that carries the mark is found, takes the speed it is given, and a pool that the router
//! does not have is told in the router's own words.

use hiji_tests::{
    router_sim::SimConfig,
    wait,
    world::{Backend, Broker, PATIENCE, World},
};
use serde_json::{Value, json};

const PROFILE: &str = "/ppp/profile";

async fn verdict_is(world: &World, package: i64, verdict: &str) -> Value {
    wait::until(format!("package {package} {verdict}"), PATIENCE * 2, || async {
        let list = world.api.get(&format!("/packages/{package}/routers")).await.ok()?.ok().ok()?;
        let row = list["items"][0].clone();
        (row["verdict"] == verdict).then_some(row)
    })
    .await
}

async fn found(world: &World, name: &str) -> Value {
    wait::until(format!("profile {name} found"), PATIENCE * 2, || async {
        let list = world.api.get("/packages/found_profiles").await.ok()?.ok().ok()?;
        list["items"].as_array()?.iter().find(|profile| profile["name"] == name).cloned()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marked_ppp_profile_becomes_a_package_and_a_missing_pool_is_told() {
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig::default()).await.unwrap();
    let marked = [
        ("name", "10M"),
        ("rate-limit", "5M/10M"),
        ("local-address", "10.20.0.1"),
        ("remote-address", "ppp-pool"),
        ("comment", "PPPOE_SYSTEM"),
    ];
    router.sim.add(PROFILE, &marked).unwrap();
    let seen = found(&world, "10M").await;
    assert_eq!((&seen["marked"], &seen["address_pool"]), (&json!(true), &json!("ppp-pool")), "{seen}");
    assert_eq!((&seen["local_address"], &seen["rate_limit"]), (&json!("10.20.0.1"), &json!("5M/10M")));

    // Price and bandwidth are given; the profile follows.
    let body = |name: &str, profile: &str, rate: &str, pool: &str| {
        json!({
            "name": name, "service": "pppoe", "profile": profile, "create_profile": true, "price": 165_000,
            "rate_limit": rate, "local_address": "10.20.0.1", "address_pool": pool, "router_ids": [router.id],
        })
    };
    let rate = "10M/10M 15M/15M 8M/8M 10/10";
    let package = world.api.post("/packages", &body("Rumah 10M", "10M", rate, "ppp-pool")).await.unwrap().id().unwrap();
    let proven = verdict_is(&world, package, "proven").await;
    assert_eq!(proven["seen"]["rate_limit"], rate, "{proven}");
    let field =
        |name: &str, field: &str| router.sim.row(PROFILE, name).unwrap().get(field).cloned().unwrap_or_default();
    assert_eq!((field("10M", "rate-limit"), field("10M", "remote-address")), (rate.to_owned(), "ppp-pool".to_owned()));

    // A pool that is not there: the router's own words, and nothing half-made.
    let body_20 = body("Rumah 20M", "20M", "20M/20M", "pool-rumah");
    let package = world.api.post("/packages", &body_20).await.unwrap().id().unwrap();
    let refused = verdict_is(&world, package, "refused").await;
    assert!(refused["message"].as_str().is_some_and(|words| !words.is_empty()), "{refused}");
    assert!(router.sim.row(PROFILE, "20M").is_none());

    // Made on the router, it is asked for once more and proven.
    router.sim.add("/ip/pool", &[("name", "pool-rumah"), ("ranges", "10.30.0.2-10.30.0.254")]).unwrap();
    let retried = world.api.post(&format!("/packages/{package}/retry"), &json!({})).await.unwrap().ok().unwrap();
    assert_eq!(retried["count"], 1);
    verdict_is(&world, package, "proven").await;
    assert_eq!(field("20M", "remote-address"), "pool-rumah");
    assert_eq!(field("20M", "comment"), "PPPOE_SYSTEM");
    world.stop().await.unwrap();
}
