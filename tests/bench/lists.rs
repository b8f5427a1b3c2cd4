//! Lists of 100,000 vouchers on both databases: pages of the search by each kind, what ends next, and exports. Asked of
//! the routes themselves, so that CPU and memory are the controller's and no client's.

use std::time::Instant;

use anyhow::Context as _;
use hiji_tests::world::{Backend, Broker, World};
use http_body_util::BodyExt as _;
use sea_orm::ConnectionTrait as _;
use serde_json::json;

use crate::{
    figures::{Figures, percentile, say},
    pages::Pages,
};

const VOUCHERS: u32 = 100_000;

/// What is asked for.
const PAGES: [(&str, &str); 13] = [
    ("all, newest first", "/vouchers/search"),
    ("a code", "/vouchers/search?q=zq050000"),
    ("beginning of a code", "/vouchers/search?q=zq05"),
    ("part of a code (5,000 a page)", "/vouchers/search?q=59999"),
    ("batch number", "/vouchers/search?q=VB-"),
    ("MAC address", "/vouchers/search?q=aabb.cc00.1234"),
    ("status", "/vouchers/search?status=active"),
    ("three statuses", "/vouchers/search?status=active&status=expired&status=used_up"),
    ("seller and package", "/vouchers/search?seller_id=1&package_id=1"),
    ("day of first login", "/vouchers/search?first_from=2026-11-20&first_to=2026-11-20"),
    ("days of ending, two statuses", "/vouchers/search?ended_from=2026-11-01&status=expired&status=used_up"),
    ("what ends next", "/vouchers/monitor"),
    ("just ended", "/vouchers/monitor?show=ended"),
];

pub(crate) async fn run(figures: &mut Figures) -> anyhow::Result<()> {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if !figures.wants("lists") {
            return Ok(());
        }
        let world = World::start(backend, Broker::Embedded).await?;
        load(&world, backend).await?;
        let pages = Pages::of(world.app()).await?;
        for (what, path) in PAGES {
            page(figures, &pages, (&format!("{backend:?}: {what}"), path)).await?;
        }
        for format in ["csv", "xlsx"] {
            export(figures, &pages, (&format!("{backend:?}: export {format}"), format)).await?;
        }
        world.stop().await?;
    }
    Ok(())
}

/// A site, a router, a package, a batch, and the vouchers.
async fn load(world: &World, backend: Backend) -> anyhow::Result<()> {
    let site = world.site("Kebon").await?;
    let router = world.api.post("/routers", &json!({ "site_id": site, "name": "Kebon 1" })).await?.id()?;
    let package = json!({
        "name": "12 Jam", "service": "hotspot", "price": 3000, "cost": 2000, "rate_limit": "2M/4M",
        "validity": { "online_secs": 43_200, "active_secs": 259_200 }, "router_ids": [router],
    });
    let package = world.api.post("/packages", &package).await?.id()?;
    let batch = json!({ "router_id": router, "package_id": package, "count": 1, "prefix": "KB" });
    let batch = world.api.post("/voucher_batches", &batch).await?.id()?;
    let (numbers, at) = match backend {
        Backend::Sqlite => (
            format!("WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {VOUCHERS})"),
            "strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', (n {}) || ' minutes')",
        ),
        Backend::Postgres => {
            (format!("WITH s AS (SELECT generate_series(1, {VOUCHERS}) AS n)"), "now() + (n {}) * interval '1 minute'")
        }
    };
    let (past, future) = (at.replace("{}", "* -1"), at.replace("{}", "* 1"));
    let hex = match backend {
        Backend::Sqlite => "printf('%02X:%02X', n / 256 % 256, n % 256)",
        Backend::Postgres => "upper(lpad(to_hex(n / 256 % 256), 2, '0') || ':' || lpad(to_hex(n % 256), 2, '0'))",
    };
    let code = match backend {
        Backend::Sqlite => "printf('ZQ%06d', n)",
        Backend::Postgres => "'ZQ' || lpad(n::text, 6, '0')",
    };
    let no = match backend {
        Backend::Sqlite => "0",
        Backend::Postgres => "false",
    };
    let sql = format!(
        "{numbers} INSERT INTO voucher (batch_id, site_id, router_id, package_id, number, code, status, currency, price, \
         cost, net_price, seller_id, first_login_at, valid_until, ended_at, end_reason, mac, address, uptime_secs, \
         bytes_in, bytes_out, failure, estimated, created_at) SELECT {batch}, {site}, {router}, {package}, n + 1, {code}, \
         CASE n % 5 WHEN 0 THEN 'ready' WHEN 1 THEN 'active' WHEN 2 THEN 'used_up' ELSE 'expired' END, 'IDR', 3000, \
         2000, 3000, CASE WHEN n % 10 = 0 THEN 1 END, CASE WHEN n % 5 > 0 THEN {past} END, \
         CASE WHEN n % 5 = 1 THEN {future} WHEN n % 5 > 1 THEN {past} END, CASE WHEN n % 5 > 1 THEN {past} END, '', \
         CASE WHEN n % 5 > 0 THEN 'AA:BB:CC:00:' || {hex} ELSE '' END, '', 3600, 1000000, 9000000, '', {no}, {past} FROM s"
    );
    let start = Instant::now();
    let tx = world.app().db.begin().await?;
    tx.execute_unprepared(&sql).await?;
    tx.commit().await?;
    if backend == Backend::Postgres {
        world.app().db.read().execute_unprepared("VACUUM ANALYZE").await?;
    }
    say(&format!("{VOUCHERS} vouchers on {backend:?} in {:.1?}", start.elapsed()));
    Ok(())
}

async fn page(figures: &mut Figures, pages: &Pages, (what, path): (&str, &str)) -> anyhow::Result<()> {
    let (mut took, cpu, size) = pages.alone(path).await?;
    let (p50, p99) = (percentile(&mut took, 50), percentile(&mut took, 99));
    let measured = format!("{cpu:.2?} CPU, p50 {p50:.1?}, p99 {p99:.1?}, {} KiB", size / 1024);
    figures.add(what, "≤ 2 ms CPU, p99 ≤ 50 ms, ≤ 60 KiB", measured);
    Ok(())
}

async fn export(figures: &mut Figures, pages: &Pages, (what, format): (&str, &str)) -> anyhow::Result<()> {
    std::fs::write("/proc/self/clear_refs", "5").context("forgetting the peak of memory")?;
    let before = memory("VmRSS:")?;
    let start = Instant::now();
    let mut body = pages.ask(&format!("/vouchers/export?format={format}")).await?;
    let mut first = None;
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| anyhow::anyhow!("{error}"))?;
        first.get_or_insert_with(|| start.elapsed());
        bytes += frame.data_ref().map_or(0, bytes::Bytes::len);
    }
    let took = start.elapsed();
    let rate = u128::from(VOUCHERS) * 1_000 / took.as_millis().max(1);
    let extra = memory("VmHWM:")?.saturating_sub(before) / 1024;
    let first = first.unwrap_or(took);
    let measured = format!("{rate} rows/s, first byte {first:.1?}, {} KiB, {extra} MiB more memory", bytes / 1024);
    figures.add(what, "first byte ≤ 1 s (CSV), < 64 MiB", measured);
    Ok(())
}

/// A figure of this process's memory, KiB.
fn memory(name: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("a line of memory")?;
    line.split_whitespace().next().and_then(|text| text.parse().ok()).context("a number")
}
