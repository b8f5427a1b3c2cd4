//! Clients of other authors judge the router simulator: librouteros and RouterOS-api, in both login eras.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use hiji_tests::judges;
use hiji_tests::router_sim::{RouterSim, SimConfig, Version};
use tokio::process::Command;

/// librouteros is GPL: it is installed for tests only and nothing of it is shipped.
const REQUIREMENTS: &[&str] = &["librouteros==4.2.2", "RouterOS-api==0.21.0"];
/// Users in the list the judges print.
const ROWS: usize = 20_000;
const WITHIN: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn librouteros_takes_the_simulator_for_a_router() -> anyhow::Result<()> {
    judge("librouteros_judge.py").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routeros_api_takes_the_simulator_for_a_router() -> anyhow::Result<()> {
    judge("routeros_api_judge.py").await
}

/// Lets a script judge each version that answers differently, with the login of its time.
async fn judge(script: &str) -> anyhow::Result<()> {
    let python = judges::python(REQUIREMENTS).await.context(
        "the judges of the router simulator need python3 with venv and pip, and PyPI; `make test` as root installs them",
    )?;
    for (version, era) in [(Version::V6_49, "token"), (Version::V7_8, "plain"), (Version::V7_20, "plain")] {
        let config = SimConfig { version, legacy_login: era == "token", ..SimConfig::default() };
        let sim = RouterSim::start(config).await?;
        sim.bulk_users(ROWS, "default").map_err(anyhow::Error::msg)?;
        let verdict = run(&python, script, &sim, era, version).await;
        sim.stop().await;
        verdict.with_context(|| format!("{script} on {version} with {era} login"))?;
    }
    Ok(())
}

async fn run(python: &Path, script: &str, sim: &RouterSim, era: &str, version: Version) -> anyhow::Result<()> {
    let mut command = Command::new(python);
    command.arg(judges::scripts().join(script)).arg(sim.api_addr().port().to_string());
    command.args([era, &version.to_string(), &ROWS.to_string()]).kill_on_drop(true);
    let output = tokio::time::timeout(WITHIN, command.output()).await.context("the judge did not end in time")??;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
