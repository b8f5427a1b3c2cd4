//! A batch of 5,000 vouchers, from the request to the last proof.

use std::time::{Duration, Instant};

use hiji_tests::{
    router_sim::SimConfig,
    world::{Backend, Broker, World},
};
use serde_json::json;

use crate::figures::{Figures, percentile};

const COUNT: usize = 5_000;

pub(crate) async fn run(figures: &mut Figures) -> anyhow::Result<()> {
    for (answer_ms, reach) in [(0, "≤ 5 s"), (1, "≤ 15 s")] {
        if !figures.wants("batch") {
            return Ok(());
        }
        let mut world = World::start(Backend::Sqlite, Broker::Embedded).await?;
        let site = world.site("Kebon").await?;
        let router = world.router(site, SimConfig { answer_ms, ..SimConfig::default() }).await?;
        let package = world.package("3 Hari", &[&router], json!({ "active_secs": 259_200 })).await?;
        let start = Instant::now();
        let batch = world.batch(&router, package, COUNT).await?;
        let answered = start.elapsed();
        // The answer comes after the commit: the codes are there to be read.
        let known = world.vouchers(batch).await?.len();
        anyhow::ensure!(known == COUNT, "{known} codes are in the database when the form is answered");
        // The page stays usable meanwhile.
        let mut pages = Vec::new();
        while router.vouchers() < COUNT && start.elapsed() < Duration::from_secs(120) {
            let asked = Instant::now();
            world.api.get("/routers").await?.ok()?;
            pages.push(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        world.ready(batch).await;
        let what = format!("5,000 vouchers, router answering in {answer_ms} ms");
        let page = percentile(&mut pages, 99);
        figures.add("form of 5,000 vouchers: answered, codes in the database", "≤ 2 s", format!("{answered:.1?}"));
        figures.add(
            &what,
            reach,
            format!("{:.1?} (form {answered:.1?}, a list meanwhile p99 {page:.1?})", start.elapsed()),
        );
        world.stop().await?;
    }
    Ok(())
}
