//! What people do to vouchers in use, and what the router shows of it.

use std::time::Duration;

use hiji_tests::{
    router_sim::SimConfig,
    wait,
    world::{PATIENCE, Router, World},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::WORLDS;

const PHONE: &str = "AA:BB:CC:00:00:01";
const OTHER_PHONE: &str = "AA:BB:CC:00:00:02";
const USERS: &str = "/ip/hotspot/user";

async fn begin() -> (World, Router) {
    let (backend, broker) = WORLDS[0];
    let mut world = World::start(backend, broker).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig::default()).await.unwrap();
    (world, router)
}

/// A batch of a package with an hour of online time and three days from the first login, proven.
async fn batch(world: &World, router: &Router, count: usize) -> (i64, Vec<Value>) {
    let validity = json!({ "online_secs": 3_600, "active_secs": 259_200 });
    let package = world.package("1 Jam", &[router], validity).await.unwrap();
    let body = json!({
        "router_id": router.id, "package_id": package, "count": count, "prefix": "KB", "mac_lock": true,
    });
    let batch = world.api.post("/voucher_batches", &body).await.unwrap().id().unwrap();
    world.ready(batch).await;
    (batch, world.vouchers(batch).await.unwrap())
}

fn code(voucher: &Value) -> &str {
    voucher["code"].as_str().unwrap()
}

async fn act(world: &World, voucher: &Value, act: &str, body: Value) -> hiji_tests::world::Reply {
    world.api.post(&format!("/vouchers/{}/{act}", voucher["id"]), &body).await.unwrap()
}

fn is(router: &Router, code: &str, field: &str, value: &str) -> bool {
    router.user(code).is_some_and(|user| user.get(field).is_some_and(|seen| seen == value))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_ends_the_session_and_two_operators_block_once() {
    let (world, router) = begin().await;
    let (_, vouchers) = batch(&world, &router, 2).await;
    let code = code(&vouchers[0]);
    router.sim.hotspot_login(code, code, PHONE).unwrap();
    world.voucher_is(code, "active").await;
    let (first, second) = tokio::join!(
        act(&world, &vouchers[0], "block", json!({ "reason": "hilang" })),
        act(&world, &vouchers[0], "block", json!({ "reason": "hilang" })),
    );
    let statuses = [first.status, second.status];
    assert!(statuses.contains(&StatusCode::OK) && statuses.contains(&StatusCode::CONFLICT), "{statuses:?}");
    let refused = if first.status == StatusCode::CONFLICT { first } else { second };
    assert_eq!(refused.body["code"], "voucher_blocked");
    wait::holds("the user is switched off", PATIENCE, || is(&router, code, "disabled", "true")).await;
    wait::holds("the session ended", PATIENCE, || router.sim.sessions().is_empty()).await;
    assert!(router.sim.hotspot_login(code, code, PHONE).is_err());
    act(&world, &vouchers[0], "unblock", json!({})).await.ok().unwrap();
    world.voucher_is(code, "active").await;
    wait::holds("it works again", PATIENCE, || router.sim.hotspot_login(code, code, PHONE).is_ok()).await;
    let record = world.api.get(&format!("/vouchers/{}/record", vouchers[0]["id"])).await.unwrap().ok().unwrap();
    let told: Vec<&str> =
        record["timeline"].as_array().unwrap().iter().map(|entry| entry["what"].as_str().unwrap()).collect();
    assert_eq!(told, ["unblock", "block", "first_login", "made"], "each once");
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_removed_in_winbox_while_in_use_comes_back_with_what_is_left() {
    let (world, router) = begin().await;
    let (_, vouchers) = batch(&world, &router, 2).await;
    let (used, unused) = (code(&vouchers[0]), code(&vouchers[1]));
    router.sim.hotspot_login(used, used, PHONE).unwrap();
    world.voucher_is(used, "active").await;
    world.clock.advance(Duration::from_secs(600));
    router.sim.hotspot_logout(used);
    wait::until("its use is told", PATIENCE, || async {
        let voucher = world.api.get(&format!("/vouchers/{}", vouchers[0]["id"])).await.ok()?.ok().ok()?;
        (voucher["uptime_secs"].as_i64()? >= 600).then_some(())
    })
    .await;
    let comment = router.user(used).unwrap()["comment"].clone();
    router.sim.remove(USERS, used).unwrap();
    router.sim.remove(USERS, unused).unwrap();
    wait::holds("both are back", PATIENCE, || router.user(used).is_some() && router.user(unused).is_some()).await;
    assert_eq!(router.user(unused).unwrap()["limit-uptime"], "1h");
    let back = router.user(used).unwrap();
    assert_eq!(back["comment"], comment);
    let left = &back["limit-uptime"];
    assert!(left.starts_with("49m") || left.starts_with("50m"), "{left}");
    wait::until("the admin sees it", PATIENCE, || async {
        let entries = world.api.all("/audit").await.ok()?;
        entries.into_iter().find(|entry| entry["action"] == "voucher.restored")
    })
    .await;
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_device_is_bound_after_a_move_and_told() {
    let (world, router) = begin().await;
    let (_, vouchers) = batch(&world, &router, 1).await;
    let code = code(&vouchers[0]);
    router.sim.hotspot_login(code, code, PHONE).unwrap();
    world.voucher_is(code, "active").await;
    wait::holds("it is bound", PATIENCE, || is(&router, code, "mac-address", PHONE)).await;
    act(&world, &vouchers[0], "move", json!({})).await.ok().unwrap();
    wait::holds("it is free", PATIENCE, || !is(&router, code, "mac-address", PHONE)).await;
    wait::holds("the first phone is out", PATIENCE, || router.sim.sessions().is_empty()).await;
    wait::holds("the other logs in", PATIENCE, || router.sim.hotspot_login(code, code, OTHER_PHONE).is_ok()).await;
    wait::until("it is told", PATIENCE * 2, || async {
        let voucher = world.api.get(&format!("/vouchers/{}", vouchers[0]["id"])).await.ok()?.ok().ok()?;
        (voucher["mac"] == OTHER_PHONE).then_some(())
    })
    .await;
    wait::holds("and bound", PATIENCE, || is(&router, code, "mac-address", OTHER_PHONE)).await;
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_code_has_what_is_left_and_the_old_one_is_void() {
    let (world, router) = begin().await;
    let (_, vouchers) = batch(&world, &router, 1).await;
    let old = code(&vouchers[0]);
    router.sim.hotspot_login(old, old, PHONE).unwrap();
    let active = world.voucher_is(old, "active").await;
    world.clock.advance(Duration::from_secs(600));
    router.sim.hotspot_logout(old);
    wait::until("its use is told", PATIENCE, || async {
        let voucher = world.api.get(&format!("/vouchers/{}", vouchers[0]["id"])).await.ok()?.ok().ok()?;
        (voucher["uptime_secs"].as_i64()? >= 600).then_some(())
    })
    .await;
    let reply = act(&world, &vouchers[0], "reissue", json!({})).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
    let new = code(&reply.body).to_owned();
    assert_eq!(reply.body["valid_until"], active["valid_until"], "the clock runs on");
    assert!(reply.body["online_secs"].as_i64().unwrap() <= 3_000);
    assert_eq!((&reply.body["replaces_id"], &reply.body["price"]["amount"]), (&vouchers[0]["id"], &json!(0)));
    let void = world.voucher_is(old, "void").await;
    assert_eq!(void["replaced_by_id"], reply.body["id"]);
    world.voucher_is(&new, "ready").await;
    wait::holds("the old one is gone", PATIENCE, || router.user(old).is_none()).await;
    assert!(router.sim.hotspot_login(old, old, PHONE).is_err());
    router.sim.hotspot_login(&new, &new, PHONE).unwrap();
    world.voucher_is(&new, "active").await;
    world.clock.advance(Duration::from_secs(3_001));
    world.voucher_is(&new, "used_up").await;
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_brings_a_used_up_voucher_back() {
    let (world, router) = begin().await;
    let (_, vouchers) = batch(&world, &router, 1).await;
    let code = code(&vouchers[0]);
    router.sim.hotspot_login(code, code, PHONE).unwrap();
    world.voucher_is(code, "active").await;
    world.clock.advance(Duration::from_secs(3_601));
    world.voucher_is(code, "used_up").await;
    wait::holds("it is gone", PATIENCE, || router.user(code).is_none()).await;
    let refused = act(&world, &vouchers[0], "extend", json!({ "active_secs": 60 })).await;
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::CONFLICT, &json!("voucher_still_over")));
    act(&world, &vouchers[0], "extend", json!({ "online_secs": 1_800 })).await.ok().unwrap();
    world.voucher_is(code, "active").await;
    wait::holds("it is back with half an hour", PATIENCE, || {
        router.user(code).is_some_and(|user| user["limit-uptime"] == "30m" || user["limit-uptime"].starts_with("29m"))
    })
    .await;
    router.sim.hotspot_login(code, code, PHONE).unwrap();
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_stays_switched_off_for_its_days_and_is_then_removed() {
    let (world, router) = begin().await;
    let site = world.api.get(&format!("/routers/{}", router.id)).await.unwrap().ok().unwrap()["site_id"].clone();
    let put = json!({ "name": "Kebon", "timezone": "Asia/Jakarta", "cleanup_days": 1 });
    // While the agent is connected: it is told at once.
    world.api.put(&format!("/sites/{site}"), &put).await.unwrap().ok().unwrap();
    let (_, vouchers) = batch(&world, &router, 1).await;
    let code = code(&vouchers[0]);
    router.sim.hotspot_login(code, code, PHONE).unwrap();
    world.voucher_is(code, "active").await;
    world.clock.advance(Duration::from_secs(3_601));
    world.voucher_is(code, "used_up").await;
    wait::holds("it is switched off", PATIENCE, || is(&router, code, "disabled", "true")).await;
    assert!(router.sim.hotspot_login(code, code, PHONE).is_err());
    world.clock.advance(Duration::from_secs(86_400 + 600));
    wait::holds("it is removed", PATIENCE * 4, || router.user(code).is_none()).await;
    wait::until("and noted", PATIENCE * 2, || async {
        let voucher = world.api.get(&format!("/vouchers/{}", vouchers[0]["id"])).await.ok()?.ok().ok()?;
        voucher["removed_at"].is_string().then_some(())
    })
    .await;
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kick_ends_the_session_and_its_answer_is_on_record() {
    let (world, router) = begin().await;
    let (_, vouchers) = batch(&world, &router, 2).await;
    let code = code(&vouchers[0]);
    let refused = act(&world, &vouchers[0], "kick", json!({})).await;
    assert_eq!(refused.body["code"], "voucher_not_bound", "nobody is online with it");
    router.sim.hotspot_login(code, code, PHONE).unwrap();
    world.voucher_is(code, "active").await;
    act(&world, &vouchers[0], "kick", json!({})).await.ok().unwrap();
    wait::holds("the session ended", PATIENCE, || router.sim.sessions().is_empty()).await;
    let path = format!("/vouchers/{}/record", vouchers[0]["id"]);
    let record = wait::until("the answer is on record", PATIENCE, || async {
        let record = world.api.get(&path).await.ok()?.ok().ok()?;
        (record["kick"]["state"] == "verified").then_some(record)
    })
    .await;
    assert_eq!(record["timeline"][0]["what"], "kick");
    // It is no end: the guest logs in again.
    assert_eq!(world.voucher_is(code, "active").await["status"], "active");
    router.sim.hotspot_login(code, code, PHONE).unwrap();
    world.stop().await.unwrap();
}
