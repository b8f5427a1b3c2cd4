//! hiji starts when the night is due already, as after a power cut: its agents are still on their way back, which is no
//! outage of theirs.

use hiji_tests::{
    router_sim::SimConfig,
    wait,
    world::{Backend, Broker, PATIENCE, World},
};
use serde_json::json;

use super::late_and_paid::DAY;

#[tokio::test(flavor = "multi_thread")]
async fn a_night_that_is_due_at_the_start_waits_for_the_agents_and_spares_nobody() {
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig::default()).await.unwrap();
    let package = json!({
        "name": "Rumah 10 Mbps", "service": "pppoe", "profile": "Rumah-10M", "create_profile": true, "price": 165_000,
        "local_address": "10.20.0.1", "address_pool": "ppp-pool", "router_ids": [router.id], "is_prepaid": false,
        "bill_day": 1, "due_days": 10, "grace_days": 3, "on_expiry": "disable",
    });
    let package = world.api.post("/packages", &package).await.unwrap().id().unwrap();
    let customer = json!({ "site_id": site, "name": "Budi", "phones": [{ "number": "0812-3456-7890" }] });
    let body = json!({ "router_id": router.id, "package_id": package, "username": "budi", "customer": customer });
    let id = world.api.post("/subscriptions", &body).await.unwrap().id().unwrap();
    wait::holds("the user", PATIENCE, || router.sim.row("/ppp/secret", "budi").is_some()).await;

    world.stop_controller().await.unwrap();
    world.clock.advance(DAY * 8);
    world.start_controller().await.unwrap();
    world.answering().await;
    let plan = wait::until("a plan", PATIENCE, || async {
        let plans = world.api.all(&format!("/billing/plans?site_id={site}")).await.ok()?;
        plans.into_iter().find(|plan| plan["state"] != "making")
    })
    .await;
    let items = world.api.all(&format!("/billing/plans/{}/items", plan["id"])).await.unwrap();
    assert_eq!((&items[0]["subscription_id"], &items[0]["reason"]), (&json!(id), &json!("")), "{items:?}");
    assert_eq!((&plan["total"], &plan["state"]), (&json!(1), &json!("planned")), "{plan}");

    // Started again before the plan acts: its job waits as well.
    world.stop_controller().await.unwrap();
    world.clock.advance(DAY / 240);
    world.start_controller().await.unwrap();
    world.answering().await;
    wait::until("the plan acts", PATIENCE, || async {
        let of = world.api.get(&format!("/subscriptions/{id}")).await.ok()?.ok().ok()?;
        (of["state"] == "isolated").then_some(())
    })
    .await;
    world.stop().await.unwrap();
}
