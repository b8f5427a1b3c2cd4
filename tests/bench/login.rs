//! Hotspot login on the router → voucher active in the controller.

use std::time::{Duration, Instant};

use hiji_tests::{
    router_sim::SimConfig,
    world::{Backend, Broker, World},
};
use serde_json::json;

use crate::figures::{Figures, percentile};

const GUESTS: usize = 200;
const STEP: Duration = Duration::from_millis(5);

pub(crate) async fn run(figures: &mut Figures) -> anyhow::Result<()> {
    if !figures.wants("login") {
        return Ok(());
    }
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await?;
    let site = world.site("Kebon").await?;
    let router = world.router(site, SimConfig::default()).await?;
    let package = world.package("3 Hari", &[&router], json!({ "active_secs": 259_200 })).await?;
    let batch = world.batch(&router, package, GUESTS).await?;
    world.ready(batch).await;
    let mut samples = Vec::new();
    for (number, voucher) in world.vouchers(batch).await?.iter().enumerate() {
        let (Some(id), Some(code)) = (voucher["id"].as_i64(), voucher["code"].as_str()) else { continue };
        let mac = format!("AA:BB:CC:00:{:02X}:{:02X}", number / 256, number % 256);
        let start = Instant::now();
        router.sim.hotspot_login(code, code, &mac).map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
        while world.api.get(&format!("/vouchers/{id}")).await?.ok()?["status"] != "active" {
            tokio::time::sleep(STEP).await;
        }
        samples.push(start.elapsed());
    }
    let (median, p99) = (percentile(&mut samples, 50), percentile(&mut samples, 99));
    figures.add("hotspot login → active in the controller", "p99 ≤ 1 s", format!("p50 {median:.0?}, p99 {p99:.0?}"));
    world.stop().await
}
