//! The first mirror of a router with 20,000 users.

use std::time::{Duration, Instant};

use hiji_tests::{
    router_sim::{RouterSim, SimConfig},
    wait,
    world::{Backend, Broker, World},
};

use crate::figures::Figures;

const USERS: usize = 20_000;

pub(crate) async fn run(figures: &mut Figures) -> anyhow::Result<()> {
    if !figures.wants("mirror") {
        return Ok(());
    }
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await?;
    let site = world.site("Kebon").await?;
    let filled = |sim: &RouterSim| sim.bulk_users(USERS, "default").map(|_| ()).map_err(anyhow::Error::msg);
    let start = Instant::now();
    let router = world.router_with(site, SimConfig::default(), filled).await?;
    let path = format!("/routers/{}", router.id);
    wait::until("all users mirrored", Duration::from_secs(120), || async {
        let shown = world.api.get(&path).await.ok()?.ok().ok()?;
        let users = shown["mirrors"].as_array()?.iter().find(|state| state["kind"] == "hs_user")?;
        (users["rows"].as_u64()? >= USERS as u64).then_some(())
    })
    .await;
    figures.add(
        "first mirror of 20,000 users, from the agent's first start",
        "≤ 10 s",
        format!("{:.1?}", start.elapsed()),
    );
    world.stop().await
}
