//! 50,000 customers: bringing them in, and the pages that list and find them.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use hiji_tests::world::{ADMIN, Backend, Broker, World};
use serde_json::{Value, json};

use crate::figures::{Figures, percentile};

pub(crate) const CUSTOMERS: usize = 50_000;
const REQUESTS: u32 = 300;
/// Ticks of a second in /proc (`getconf CLK_TCK`; 100 on every Linux hiji runs on).
const TICK: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) async fn run(figures: &mut Figures) -> anyhow::Result<()> {
    if !figures.wants("customers") {
        return Ok(());
    }
    for (backend, name) in [(Backend::Sqlite, "SQLite"), (Backend::Postgres, "PostgreSQL")] {
        #[expect(clippy::disallowed_methods, reason = "benchmarks are told of their PostgreSQL by the environment")]
        if matches!(backend, Backend::Postgres) && std::env::var("TEST_POSTGRES").is_err() {
            continue;
        }
        let world = World::start(backend, Broker::Embedded).await?;
        pages(figures, &world, name).await?;
        world.stop().await?;
    }
    Ok(())
}

/// Names, streets and numbers of so many as a town has them: a few words very usual, most of them rare.
pub(crate) fn list(count: usize) -> String {
    const FIRST: [&str; 8] = ["Budi", "Siti", "Agus", "Dewi", "Joko", "Rina", "Eko", "Sri"];
    let mut list = String::from("kode,nama,wa,alamat\n");
    for nth in 0..count {
        let first = FIRST[nth % FIRST.len()];
        list += &format!(
            "K{nth},{first} Marga{},08{:09},\"Jl. Melati {} RT{:02}/RW{:02}\"\n",
            nth / 7,
            120_000_000 + nth * 7,
            nth % 300,
            nth % 20,
            nth % 9
        );
    }
    list
}

async fn pages(figures: &mut Figures, world: &World, name: &str) -> anyhow::Result<()> {
    let site = world.site("Kebon").await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let login = json!({ "username": ADMIN.0, "password": ADMIN.1 });
    let login: Value =
        http.post(format!("{}/api/v1/auth/login", world.url())).json(&login).send().await?.json().await?;
    let token = login["token"].as_str().context("a login has a token")?;
    let start = Instant::now();
    let upload = format!("{}/api/v1/customers/imports?site_id={site}", world.url());
    let import: Value = http.post(upload).bearer_auth(token).body(list(CUSTOMERS)).send().await?.json().await?;
    let (checked, id) = (start.elapsed(), import["id"].as_i64().with_context(|| format!("an import: {import}"))?);
    let start = Instant::now();
    world.api.post(&format!("/customers/imports/{id}/commit"), &json!({})).await?.ok()?;
    let mut there = None;
    while start.elapsed() < PATIENCE {
        let import = world.api.get(&format!("/customers/imports/{id}")).await?.ok()?;
        if import["state"] != "queued" {
            there.get_or_insert_with(|| start.elapsed());
        }
        if import["state"] == "done" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let there = there.unwrap_or_default();
    let what = format!("50,000 customers from a file, {name}");
    figures.add(
        &what,
        "–",
        format!("checked in {checked:.1?}, there in {there:.1?}, searchable in {:.1?}", start.elapsed()),
    );
    for (what, path) in [
        ("list", "/customers"),
        ("search by a usual name", "/customers?q=budi"),
        ("search by a rare name", "/customers?q=marga1234"),
        ("search by name and street", "/customers?q=dewi+melati+120"),
        ("search by telephone number", "/customers?q=0812-0004-2"),
        ("search by its last digits", "/customers?q=4242"),
        ("search by number", "/customers?q=C012345"),
        ("a customer", "/customers/40000"),
    ] {
        let url = format!("{}{path}", world.url());
        let (mut samples, before) = (Vec::new(), cpu()?);
        for _ in 0..REQUESTS {
            let asked = Instant::now();
            let page = http.get(&url).header("cookie", format!("hiji_session={token}")).send().await?;
            anyhow::ensure!(page.status().is_success(), "{what}: {}", page.status());
            page.bytes().await?;
            samples.push(asked.elapsed());
        }
        let each = (cpu()? - before) / REQUESTS;
        let (median, p99) = (percentile(&mut samples, 50), percentile(&mut samples, 99));
        let measured = format!("{each:.1?} CPU (with the client's), p50 {median:.1?}, p99 {p99:.1?}");
        figures.add(&format!("customers, {what}, {name}"), "≤ 5 ms CPU, p99 ≤ 50 ms", measured);
    }
    Ok(())
}

/// What this process used of the processors so far.
fn cpu() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("reading /proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    Ok(TICK * (ticks(11) + ticks(12)))
}
