//! W11 on the whole system: another package reaches the router and the modem dials again within seconds; a pause switches
//! the user off and gives him back; what is ended is gone.

use std::time::Instant;

use hiji_tests::{
    router_sim::SimConfig,
    wait,
    world::{Backend, Broker, PATIENCE, Router, World},
};
use serde_json::{Value, json};

const CALLER: &str = "AA:00:00:00:00:01";
const SECRET: &str = "/ppp/secret";
const QUICK_SECS: u64 = 10;

fn secret(router: &Router, field: &str) -> String {
    router.sim.row(SECRET, "budi").and_then(|row| row.get(field).cloned()).unwrap_or_default()
}

fn is_online(router: &Router) -> bool {
    router.sim.rows("/ppp/active").iter().any(|row| row["name"] == "budi")
}

async fn package(world: &World, router: &Router, name: &str, price: i64) -> i64 {
    let body = json!({
        "name": name, "service": "pppoe", "profile": name, "create_profile": true, "price": price,
        "rate_limit": "5M/10M", "local_address": "10.20.0.1", "address_pool": "ppp-pool", "router_ids": [router.id],
        "is_prepaid": false, "bill_day": 1, "due_days": 9,
    });
    let id = world.api.post("/packages", &body).await.unwrap().id().unwrap();
    wait::holds("the profile", PATIENCE, || router.sim.row("/ppp/profile", name).is_some()).await;
    id
}

/// What the API shows, once the router has proven it.
async fn proven(world: &World, id: i64, wanted: &str) -> Value {
    wait::until(format!("{wanted} proven"), PATIENCE, || async {
        let shown = world.api.get(&format!("/subscriptions/{id}")).await.ok()?.ok().ok()?;
        let on = &shown["on_router"];
        (on["wanted"] == wanted && on["verified_at"].is_string()).then_some(shown)
    })
    .await
}

async fn day(backend: Backend) {
    let mut world = World::start(backend, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig::default()).await.unwrap();
    let small = package(&world, &router, "Rumah-10M", 165_000).await;
    let large = package(&world, &router, "Rumah-20M", 225_000).await;
    let body = json!({
        "router_id": router.id, "package_id": small, "username": "budi", "password": "s3rahasia",
        "customer": { "site_id": site, "name": "Budi", "phones": [] },
    });
    let id = world.api.post("/subscriptions", &body).await.unwrap().id().unwrap();
    proven(&world, id, "open").await;
    router.sim.pppoe_dial("budi", "s3rahasia", CALLER).unwrap();
    let path = |act: &str| format!("/subscriptions/{id}/{act}");

    // Looked at, then done: the profile changes, and the modem dials again.
    let change = json!({ "package_id": large, "paying": "next_invoice" });
    let shown = world.api.post(&path("change_package/preview"), &change).await.unwrap().ok().unwrap();
    assert_eq!(secret(&router, "profile"), "Rumah-10M", "looking changes nothing");
    let began = Instant::now();
    let session = router.sim.rows("/ppp/active").first().and_then(|row| row.get(".id").cloned());
    let done = world.api.post(&path("change_package"), &change).await.unwrap().ok().unwrap();
    assert_eq!(done["plan"]["charge"], shown["plan"]["charge"], "what was shown is what is done");
    wait::holds("the new profile", PATIENCE, || secret(&router, "profile") == "Rumah-20M").await;
    wait::holds("a new session", PATIENCE, || {
        let now = router.sim.rows("/ppp/active").first().and_then(|row| row.get(".id").cloned());
        now.is_some() && now != session
    })
    .await;
    assert!(began.elapsed().as_secs() < QUICK_SECS, "changed after {:?}", began.elapsed());
    assert!(secret(&router, "comment").contains("|225000|"), "{}", secret(&router, "comment"));

    // A pause from today on.
    world.api.post(&path("pause"), &json!({ "reason": "mudik" })).await.unwrap().ok().unwrap();
    wait::holds("switched off", PATIENCE, || secret(&router, "disabled") == "true" && !is_online(&router)).await;
    let paused = proven(&world, id, "disabled").await;
    assert_eq!(paused["state"], "paused", "{paused}");
    world.api.post(&path("resume"), &json!({})).await.unwrap().ok().unwrap();
    wait::holds("open again", PATIENCE, || secret(&router, "disabled") != "true").await;
    assert_eq!(proven(&world, id, "open").await["state"], "active");
    assert_eq!(secret(&router, "password"), "s3rahasia");

    // The end, yesterday having been the last day.
    let today = world.api.get(&format!("/subscriptions/{id}")).await.unwrap().ok().unwrap();
    let started = today["started_on"].as_str().unwrap().parse::<chrono::NaiveDate>().unwrap();
    let last = started.pred_opt().unwrap();
    let end = json!({ "last_day": last, "reason": "pindah" });
    let ended = world.api.post(&path("end"), &end).await.unwrap().ok().unwrap();
    assert_eq!(ended["subscription"]["state"], "ended", "{ended}");
    wait::holds("the secret is gone", PATIENCE, || router.sim.row(SECRET, "budi").is_none()).await;
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_package_a_pause_and_the_end_reach_the_router() {
    day(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_package_a_pause_and_the_end_reach_the_router_on_postgres() {
    day(Backend::Postgres).await;
}
