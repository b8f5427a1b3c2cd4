//! The agent as it is shipped: size, memory with 5,000 users, what it asks of an idle router.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use hiji_tests::{
    router_sim::{RouterSim, SimConfig},
    world::{Backend, Broker, World},
};

use crate::figures::Figures;

const USERS: usize = 5_000;
/// Idle time watched; the figure is for ten minutes.
const IDLE: Duration = Duration::from_secs(600);
const MENUS: [&str; 4] = ["/ip/hotspot/user", "/ip/hotspot/user/profile", "/ppp/secret", "/ppp/profile"];

pub(crate) async fn run(figures: &mut Figures) -> anyhow::Result<()> {
    if !figures.wants("agent") {
        return Ok(());
    }
    let binary = shipped()?;
    let size = std::fs::metadata(&binary)?.len();
    figures.add("agent, stripped binary", "≤ 4 MiB", format!("{} KiB", size / 1024));

    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await?;
    let site = world.site("Kebon").await?;
    let filled = |sim: &RouterSim| sim.bulk_users(USERS, "default").map(|_| ()).map_err(anyhow::Error::msg);
    let mut router = world.router_with(site, SimConfig::default(), filled).await?;
    router.agent.stop().await?;
    let mut process = router.agent.process_of(&binary)?;
    world.online(&router).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let before: Vec<u64> = MENUS.iter().map(|menu| router.sim.full_prints(menu)).collect();
    tokio::time::sleep(IDLE).await;
    let prints: Vec<u64> =
        MENUS.iter().zip(before).map(|(menu, before)| router.sim.full_prints(menu) - before).collect();
    let (rss, cpu) = usage(process.id().context("the agent runs")?)?;
    figures.add("agent, 5,000 users mirrored, resident memory", "≤ 8 MiB", format!("{rss} KiB"));
    figures.add("agent, CPU since its start over 10 idle minutes", "< 1 % of a core", format!("{cpu:.1} s"));
    figures.add("full prints of each menu in 10 idle minutes", "≤ 1", format!("{prints:?}"));
    process.kill().await?;
    world.stop().await
}

/// The binary of `cargo build --profile agent`, beside this one's directory.
fn shipped() -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let target = here.parent().and_then(std::path::Path::parent).context("runs from target/dist")?;
    let path = target.join("agent/hiji-agent");
    anyhow::ensure!(path.is_file(), "{} is not built: cargo build --profile agent -p hiji-agent", path.display());
    Ok(path)
}

/// Resident KiB and CPU seconds of a process, from /proc.
#[expect(clippy::float_arithmetic, reason = "a figure to print")]
fn usage(pid: u32) -> anyhow::Result<(u64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("VmRSS in /proc")?;
    let rss = line.split_whitespace().nth(1).context("a number")?.parse()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").context("/proc stat")?;
    let ticks: f64 = rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok((rss, ticks / 100.0))
}
