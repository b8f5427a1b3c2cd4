//! The cashier's search in an operator's usual size: 10,000 customers, each with eleven invoices. Somebody stands at the
//! counter: what he says is found before the cashier looks up.

use hiji_tests::world::{Backend, Broker, World};

use crate::{
    figures::{Figures, percentile},
    invoices::{load, load_customers},
    pages::Pages,
};

const CUSTOMERS: i64 = 10_000;
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
        let pages = Pages::of(world.app()).await?;
        for (what, q) in ASKED {
            let (mut took, _, _) = pages.alone(&format!("/payments/new?q={q}")).await?;
            let (p50, most) = (percentile(&mut took, 50), percentile(&mut took, 100));
            let measured = format!("p50 {p50:.1?}, longest {most:.1?}");
            figures.add(&format!("payments, search by {what}, 10,000 customers, {name}"), LIMIT, measured);
        }
        world.stop().await?;
    }
    Ok(())
}
