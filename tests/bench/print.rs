//! Printing 5,000 vouchers: when the first of them arrive, and what memory the whole costs.

use std::{fs, time::Instant};

use anyhow::Context as _;
use hiji_tests::{
    router_sim::SimConfig,
    world::{Backend, Broker, World},
};
use serde_json::json;

use crate::figures::Figures;

const COUNT: usize = 5_000;

pub(crate) async fn run(figures: &mut Figures) -> anyhow::Result<()> {
    if !figures.wants("print") {
        return Ok(());
    }
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await?;
    let site = world.site("Kebon").await?;
    let router = world.router(site, SimConfig::default()).await?;
    let package = world.package("12 Jam", &[&router], json!({ "online_secs": 43_200 })).await?;
    let batch = world.batch(&router, package, COUNT).await?;
    world.ready(batch).await;
    for format in ["a4-120", "a4-36-qr"] {
        // From now on the kernel remembers the peak anew.
        fs::write("/proc/self/clear_refs", "5").context("resetting the peak of memory")?;
        let before = memory("VmRSS:")?;
        let start = Instant::now();
        let mut answer = world.api.open(&format!("/voucher_batches/{batch}/print?format={format}")).await?;
        let (mut first, mut bytes, mut cells, mut rest) = (None, 0, 0, String::new());
        while let Some(chunk) = answer.chunk().await? {
            bytes += chunk.len();
            rest.push_str(&String::from_utf8_lossy(&chunk));
            cells += rest.matches("class=\"p-cell").count();
            // A mark that is cut in two is counted with the next piece.
            rest = rest.chars().rev().take(12).collect::<Vec<_>>().into_iter().rev().collect();
            if cells > 0 {
                first.get_or_insert_with(|| start.elapsed());
            }
        }
        let peak = memory("VmHWM:")?.saturating_sub(before) / 1024;
        let first = first.context("vouchers arrived")?;
        figures.add(
            &format!("5,000 vouchers printed ({format}), first ones here"),
            "≤ 1 s",
            format!("{first:.1?} (all {cells} in {:.1?}, {} KiB)", start.elapsed(), bytes / 1024),
        );
        figures.add(
            &format!("5,000 vouchers printed ({format}), memory"),
            "≤ 64 MiB",
            format!("{peak} MiB more at the peak"),
        );
    }
    world.stop().await
}

/// KiB of this process.
fn memory(name: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(name)).context("a line of /proc")?;
    Ok(line.split_whitespace().nth(1).context("a number")?.parse()?)
}
