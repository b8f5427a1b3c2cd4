//! kill -9, at any moment: nothing is lost and nothing happens twice.

use std::time::Duration;

use hiji_tests::{
    router_sim::SimConfig,
    wait,
    world::{Backend, Broker, PATIENCE, World},
};
use serde_json::json;

const BATCH: usize = 400;
const KILLS: usize = 4;
const GUESTS: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn controller_killed_between_inbox_and_effect() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let mut world = World::start(backend, Broker::Embedded).await.unwrap();
        let site = world.site("Kebon").await.unwrap();
        let router = world.router(site, SimConfig { answer_ms: 1, ..SimConfig::default() }).await.unwrap();
        let package = world.package("3 Hari", &[&router], json!({ "active_secs": 259_200 })).await.unwrap();
        world.stop_controller().await.unwrap();

        let mut controller = world.controller_process().unwrap();
        world.answering().await;
        let batch = world.batch(&router, package, BATCH).await.unwrap();
        for kill in 1..=KILLS {
            // Each time somewhere in the middle of the agent's reports.
            let some = BATCH * kill / (KILLS + 2);
            wait::holds(format!("{some} vouchers"), PATIENCE, || router.vouchers() >= some).await;
            controller.kill().await.unwrap();
            controller = world.controller_process().unwrap();
            world.answering().await;
        }
        world.ready(batch).await;
        assert_eq!(router.vouchers(), BATCH);

        let vouchers = world.vouchers(batch).await.unwrap();
        for (number, voucher) in vouchers.iter().take(GUESTS).enumerate() {
            let code = voucher["code"].as_str().unwrap();
            let mac = format!("AA:BB:CC:00:01:{number:02X}");
            router.sim.hotspot_login(code, code, &mac).unwrap();
            if number == GUESTS / 2 {
                controller.kill().await.unwrap();
                controller = world.controller_process().unwrap();
            }
        }
        world.answering().await;
        let active = wait::until("every guest is active once", PATIENCE, || async {
            let active = world.api.all(&format!("/vouchers?batch_id={batch}&status=active")).await.ok()?;
            (active.len() == GUESTS).then_some(active)
        })
        .await;
        assert_eq!(active.len(), GUESTS);
        let sessions = wait::until("every session is shown", PATIENCE, || async {
            let open = world.api.all(&format!("/routers/{}/sessions?open=true", router.id)).await.ok()?;
            (open.len() >= GUESTS).then_some(open)
        })
        .await;
        assert_eq!(sessions.len(), GUESTS, "no session twice");
        controller.kill().await.unwrap();
        world.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agent_killed_in_the_middle_of_a_batch() {
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let mut router = world.router(site, SimConfig { answer_ms: 2, ..SimConfig::default() }).await.unwrap();
    let package = world.package("3 Hari", &[&router], json!({ "active_secs": 259_200 })).await.unwrap();
    router.agent.stop().await.unwrap();
    let mut agent = router.agent.process().unwrap();
    let batch = world.batch(&router, package, BATCH).await.unwrap();
    for kill in 1..=KILLS {
        let some = BATCH * kill / (KILLS + 2);
        wait::holds(format!("{some} vouchers"), PATIENCE, || router.vouchers() >= some).await;
        agent.kill().await.unwrap();
        agent = router.agent.process().unwrap();
    }
    world.ready(batch).await;
    assert_eq!(router.vouchers(), BATCH);
    let adds = router.added();
    assert_eq!(adds, BATCH, "each voucher was added once");

    // First logins, with the agent killed right after each: reported once all the same.
    for (number, voucher) in world.vouchers(batch).await.unwrap().iter().take(3).enumerate() {
        let code = voucher["code"].as_str().unwrap();
        router.sim.hotspot_login(code, code, &format!("AA:BB:CC:00:02:{number:02X}")).unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await; // any moment will do
        agent.kill().await.unwrap();
        agent = router.agent.process().unwrap();
        world.voucher_is(code, "active").await;
    }
    agent.kill().await.unwrap();
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn broker_restarts_while_vouchers_are_applied() {
    let mut world = World::start(Backend::Sqlite, Broker::Mosquitto).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig { answer_ms: 2, ..SimConfig::default() }).await.unwrap();
    let package = world.package("3 Hari", &[&router], json!({ "active_secs": 259_200 })).await.unwrap();
    let batch = world.batch(&router, package, BATCH).await.unwrap();
    wait::holds("some vouchers", PATIENCE, || router.vouchers() >= BATCH / 4).await;
    let broker = world.mosquitto().unwrap();
    broker.kill().await.unwrap();
    broker.revive().await.unwrap();
    world.ready(batch).await;
    assert_eq!(router.vouchers(), BATCH);
    world.stop().await.unwrap();
}
