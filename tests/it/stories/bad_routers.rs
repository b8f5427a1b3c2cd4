//! Routers that refuse: names taken, flash full, a field they do not know, an agent killed in the middle of a block.

use hiji_tests::{
    router_sim::{Fault, RouterSim, SimConfig},
    wait,
    world::{Backend, Broker, PATIENCE, Router, World},
};
use serde_json::{Value, json};

const USERS: &str = "/ip/hotspot/user";
const PROFILES: &str = "/ip/hotspot/user/profile";
const BATCH: usize = 60;

async fn begin() -> (World, Router, i64) {
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig::default()).await.unwrap();
    let package = world.package("3 Hari", &[&router], json!({ "online_secs": 3_600, "active_secs": 259_200 })).await;
    (world, router, package.unwrap())
}

async fn shown(world: &World, batch: i64) -> Value {
    world.api.get(&format!("/voucher_batches/{batch}")).await.unwrap().ok().unwrap()
}

async fn failed(world: &World, batch: i64, count: usize) -> Value {
    wait::until(format!("{count} of batch {batch} failed"), PATIENCE * 2, || async {
        let batch = world.api.get(&format!("/voucher_batches/{batch}")).await.ok()?.ok().ok()?;
        (batch["progress"]["failed"] == count).then_some(batch)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flash_that_is_full_half_way_is_told_and_a_retry_proves_the_rest() {
    let (world, router, package) = begin().await;
    router.sim.fault(Fault::FlashFull { after: 40 });
    let batch = world.batch(&router, package, BATCH).await.unwrap();
    let partial = failed(&world, batch, BATCH - 40).await;
    assert_eq!(partial["state"], "partial");
    let failures = partial["failures"].as_array().unwrap();
    assert_eq!(failures.len(), BATCH - 40, "by name");
    assert!(failures.iter().all(|failure| failure["reason"] == "full"));
    router.sim.clear_faults();
    world.api.post(&format!("/voucher_batches/{batch}/retry"), &json!({})).await.unwrap().ok().unwrap();
    let whole = world.ready(batch).await;
    assert_eq!((&whole["progress"]["failed"], router.vouchers()), (&json!(0), BATCH));
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_the_router_does_not_know_is_told_as_such() {
    let (world, router, package) = begin().await;
    router.sim.fault(Fault::UnknownField { field: "limit-uptime".to_owned() });
    let batch = world.batch(&router, package, 3).await.unwrap();
    let partial = failed(&world, batch, 3).await;
    assert_eq!(partial["failures"][0]["reason"], "unsupported");
    let words = partial["failures"][0]["message"].as_str().unwrap();
    assert!(words.contains("unknown parameter"), "the router's own words are told: {words}");
    router.sim.clear_faults();
    world.api.post(&format!("/voucher_batches/{batch}/retry"), &json!({})).await.unwrap().ok().unwrap();
    world.ready(batch).await;
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_deleted_meanwhile_is_named_and_its_return_proves_the_batch() {
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let profile = |sim: &RouterSim| {
        sim.add(PROFILES, &[("name", "12jam")]).map(|_id| ()).map_err(|error| anyhow::anyhow!("{error:?}"))
    };
    let router = world.router_with(site, SimConfig::default(), profile).await.unwrap();
    // A profile that hiji made would be made again; this one is the admin's own.
    let body = json!({
        "name": "12 Jam", "service": "hotspot", "profile": "12jam", "create_profile": false,
        "price": { "amount": 3000, "currency": "IDR" }, "cost": { "amount": 2000, "currency": "IDR" },
        "validity": { "active_secs": 259_200 }, "router_ids": [router.id],
    });
    let package = world.api.post("/packages", &body).await.unwrap().id().unwrap();
    router.sim.remove(PROFILES, "12jam").unwrap();
    let batch = world.batch(&router, package, 5).await.unwrap();
    let partial = failed(&world, batch, 5).await;
    assert_eq!((&partial["profile"], &partial["state"]), (&json!("12jam"), &json!("partial")));
    let failures = partial["failures"].as_array().unwrap();
    assert!(failures.len() == 5 && failures.iter().all(|failure| failure["reason"] == "missing_reference"));
    assert_eq!(router.vouchers(), 0);
    profile(&router.sim).unwrap();
    world.api.post(&format!("/voucher_batches/{batch}/retry"), &json!({})).await.unwrap().ok().unwrap();
    world.ready(batch).await;
    assert_eq!(router.vouchers(), 5);
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_in_the_middle_of_a_batch_block_finishes_it() {
    let (world, mut router, package) = begin().await;
    let batch = world.batch(&router, package, BATCH).await.unwrap();
    world.ready(batch).await;
    router.agent.stop().await.unwrap();
    router.sim.set_answer_ms(5);
    let mut agent = router.agent.process().unwrap();
    let reply = world.api.post(&format!("/voucher_batches/{batch}/block"), &json!({})).await.unwrap().ok().unwrap();
    assert_eq!((&reply["touched"], &reply["skipped"]), (&json!(BATCH), &json!(0)));
    let off = || router.sim.rows(USERS).iter().filter(|user| user.get("disabled").is_some_and(|x| x == "true")).count();
    wait::holds("some are off", PATIENCE, || off() >= 5).await;
    agent.kill().await.unwrap();
    let again = world.api.post(&format!("/voucher_batches/{batch}/block"), &json!({})).await.unwrap();
    assert_eq!(again.body["code"], "nothing_to_do");
    let _agent = router.agent.process().unwrap();
    wait::holds("all are off", PATIENCE * 2, || off() == BATCH).await;
    assert_eq!(router.vouchers(), BATCH, "none twice");
    assert_eq!(shown(&world, batch).await["progress"]["applied"], BATCH);
    world.stop().await.unwrap();
}
