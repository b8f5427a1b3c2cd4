//! 50,000 customers: bringing them in, and the pages that list and find them.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use hiji_tests::world::{Backend, Broker, World};
use serde_json::{Value, json};

use crate::{figures::Figures, pages::Pages};

pub(crate) const CUSTOMERS: usize = 50_000;
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
    let asked = Pages::of(world.app()).await?;
    let start = Instant::now();
    let upload = format!("{}/api/v1/customers/imports?site_id={site}", world.url());
    let import: Value = http.post(upload).bearer_auth(asked.token()).body(list(CUSTOMERS)).send().await?.json().await?;
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
        asked.figure(figures, &format!("customers, {what}, {name}"), path).await?;
    }
    Ok(())
}
