//! The cashier's search in an operator's usual size: 10,000 customers, each with eleven invoices. Somebody stands at the
//! counter: what he says is found before the cashier looks up.

use std::time::Instant;

use hiji_tests::world::{Backend, Broker, World};

use crate::{
    figures::{Figures, percentile},
    invoices::{ask, load, load_customers, token},
};

const CUSTOMERS: i64 = 10_000;
const REQUESTS: u32 = 200;
/// Before these are counted connections and plans are made.
const WARM: u32 = 5;
const LIMIT: &str = "every answer ≤ 300 ms";

/// What people say at the counter.
const ASKED: [(&str, &str); 9] = [
    ("a usual name", "budi"),
    ("a rare name", "marga1234"),
    ("name and street", "dewi+melati+120"),
    ("a telephone number", "0812-0004-2"),
    ("its last digits", "4242"),
    ("a customer number", "C001234"),
    ("the number of an invoice", "LOAD-60000"),
    ("the beginning of one", "LOAD-6"),
    ("what nobody is called", "zzz"),
];

pub(crate) async fn run(figures: &mut Figures) -> anyhow::Result<()> {
    for (backend, name) in [(Backend::Sqlite, "SQLite"), (Backend::Postgres, "PostgreSQL")] {
        if !figures.wants("search") {
            return Ok(());
        }
        #[expect(clippy::disallowed_methods, reason = "benchmarks are told of their PostgreSQL by the environment")]
        if matches!(backend, Backend::Postgres) && std::env::var("TEST_POSTGRES").is_err() {
            continue;
        }
        let world = World::start(backend, Broker::Embedded).await?;
        let site = world.site("Kebon").await?;
        load_customers(&world, site, CUSTOMERS).await?;
        load(&world, site, CUSTOMERS).await?;
        let token = token(&world).await?;
        let web = hiji_controller::http::build(world.app())?.app;
        for (what, q) in ASKED {
            let path = format!("/payments/new?q={q}");
            let mut took = Vec::new();
            for number in 0..REQUESTS + WARM {
                let asked = Instant::now();
                ask(&web, &token, &path).await?;
                if number >= WARM {
                    took.push(asked.elapsed());
                }
            }
            let (p50, most) = (percentile(&mut took, 50), percentile(&mut took, 100));
            let measured = format!("p50 {p50:.1?}, longest {most:.1?}");
            figures.add(&format!("payments, search by {what}, 10,000 customers, {name}"), LIMIT, measured);
        }
        world.stop().await?;
    }
    Ok(())
}
