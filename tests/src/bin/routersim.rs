//! `hiji-routersim`: the router simulator, by hand.
//!
//! Prints one line of JSON with its addresses on stdout, logs on stderr, ends with Ctrl-C or SIGTERM.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use hiji_tests::router_sim::{RouterSim, SimConfig, Version, control};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A simulated MikroTik router: RouterOS API, clients that come and go, faults on demand.
#[derive(Debug, Parser)]
struct Args {
    /// Where the API listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8728")]
    listen: SocketAddr,
    /// Where the HTTP control interface listens (loopback only); none without it
    #[arg(long)]
    control: Option<SocketAddr>,
    /// RouterOS version, such as 6.49, 7.8, 7.16 or 7.20
    #[arg(long, default_value = "7.16")]
    version: Version,
    /// API user
    #[arg(long, default_value = "admin")]
    user: String,
    /// Password of the API user
    #[arg(long, default_value = "secret")]
    password: String,
    /// Name of the router
    #[arg(long, default_value = "Kebon")]
    identity: String,
    /// dns-name of the hotspot; by default `wifi.<identity>.test`
    #[arg(long, default_value = "")]
    dns_name: String,
    /// Also listen with TLS, on the next port
    #[arg(long)]
    tls: bool,
    /// Milliseconds each command takes, one after another
    #[arg(long, default_value_t = 0)]
    answer_ms: u64,
    /// The login of before 6.43
    #[arg(long)]
    legacy_login: bool,
    /// What is on the router besides its defaults
    #[arg(long, value_enum, default_value_t = Seed::None)]
    seed: Seed,
    /// Clients of the demo that come and go by themselves
    #[arg(long, default_value_t = 12)]
    clients: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Seed {
    None,
    Demo,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_env("HIJI_LOG").unwrap_or_else(|_| EnvFilter::new("info")))
        .with_writer(std::io::stderr)
        .init();
    let args = Args::parse();
    let sim = RouterSim::start(SimConfig {
        version: args.version,
        identity: args.identity.clone(),
        user: args.user,
        password: args.password,
        listen: args.listen,
        tls: args.tls,
        legacy_login: args.legacy_login,
        answer_ms: args.answer_ms,
        dns_name: args.dns_name,
        ..SimConfig::default()
    })
    .await?;
    if args.seed == Seed::Demo {
        sim.seed_demo(args.clients);
    }
    let control = match args.control {
        Some(addr) => Some(control::start(sim.clone(), addr).await?),
        None => None,
    };
    let line = serde_json::json!({
        "identity": args.identity,
        "api": sim.api_addr().to_string(),
        "tls": sim.tls_addr().map(|addr| addr.to_string()),
        "fingerprint": sim.fingerprint(),
        "control": control.map(|addr| addr.to_string()),
    });
    writeln!(std::io::stdout(), "{line}").context("printing the addresses")?;
    stopped().await?;
    sim.stop().await;
    Ok(())
}

async fn stopped() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
