//! Invoices: the pages of money with 50,000 customers, 550,000 invoices and 500,000 payments loaded; and 50,000 more
//! issued as the nightly run does it. A feature that has pages over them adds its lines to [`PAGES`].

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use chrono::{Days, NaiveDate};
use futures_util::future::join_all;
use hiji_controller::{
    audit::Actor,
    http::access::Scope,
    ids::{self, CustomerId, SiteId},
    invoices::{self, Issue, Kind, LineKind, NewLine, Proposal},
    ledger,
    money::{Currency, Money},
    payments,
};
use hiji_tests::world::{Backend, Broker, World};
use sea_orm::{ConnectionTrait as _, DbBackend};
use serde_json::{Value, json};

use crate::{
    customers,
    figures::{Figures, percentile, say},
    pages::Pages,
};

const CUSTOMERS: i64 = 50_000;
/// Invoices of each customer; all but the last are paid.
const EACH: i64 = 11;
/// Proposals of one transaction.
const CHUNK: usize = 500;
/// Payments at the same time.
const PAYMENTS: i64 = 100;
const PATIENCE: Duration = Duration::from_secs(600);

/// What is asked for.
const PAGES: [(&str, &str); 21] = [
    ("unpaid", "/invoices"),
    ("overdue", "/invoices?tab=overdue"),
    ("due today", "/invoices?tab=today"),
    ("paid, a month", "/invoices?tab=paid&month=2026-03"),
    ("all, a month", "/invoices?tab=all&month=2026-03"),
    ("search by a usual name", "/invoices?q=budi"),
    ("search by a rare name", "/invoices?q=marga1234&tab=all"),
    ("search by number", "/invoices?q=LOAD-300000&tab=all"),
    ("an invoice", "/invoices/300000"),
    ("statement", "/customers/30000/statement"),
    ("aging", "/reports/aging"),
    ("customers", "/customers"),
    ("customers, a usual name", "/customers?q=budi"),
    ("a customer", "/customers/30000"),
    ("payments of a day", "/payments?from=2026-03-03&to=2026-03-03"),
    ("payments of all days", "/payments?all=1"),
    ("payments of a customer", "/payments?customer_id=30000"),
    ("a receipt", "/payments/250000"),
    ("the cashier's search", "/payments/new?q=budi"),
    ("the cashier's search by an invoice", "/payments/new?q=LOAD-300000"),
    ("the pay card", "/customers/30000/pay"),
];

pub(crate) async fn run(figures: &mut Figures) -> anyhow::Result<()> {
    for (backend, name) in [(Backend::Sqlite, "SQLite"), (Backend::Postgres, "PostgreSQL")] {
        if !figures.wants("invoices") {
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
        for (what, path) in PAGES {
            pages.figure(figures, &format!("invoices, {what}, {name}"), path).await?;
        }
        pay(figures, &world, name).await?;
        issue(figures, &world, (site, name)).await?;
        world.stop().await?;
    }
    Ok(())
}

/// Through the import, so that they are found by their words.
pub(crate) async fn load_customers(world: &World, site: i64, count: i64) -> anyhow::Result<()> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let pages = Pages::of(world.app()).await?;
    let upload = format!("{}/api/v1/customers/imports?site_id={site}", world.url());
    let import: Value = http
        .post(upload)
        .bearer_auth(pages.token())
        .body(customers::list(usize::try_from(count)?))
        .send()
        .await?
        .json()
        .await?;
    let id = import["id"].as_i64().with_context(|| format!("an import: {import}"))?;
    world.api.post(&format!("/customers/imports/{id}/commit"), &json!({})).await?.ok()?;
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if world.api.get(&format!("/customers/imports/{id}")).await?.ok()?["state"] == "done" {
            say(&format!("{count} customers in {:.1?}", start.elapsed()));
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    anyhow::bail!("the customers did not come in")
}

/// A hundred payments at the same time: of one customer, then of a hundred. Every rupiah is booked once.
async fn pay(figures: &mut Figures, world: &World, name: &str) -> anyhow::Result<()> {
    let app = world.app();
    let owed = async |customer: i64| {
        let balance = ledger::balance(app.db.read(), CustomerId(customer), Currency::IDR).await?;
        anyhow::Ok(balance.receivable.minor() - balance.credit.minor())
    };
    for (what, first, step) in [("one customer", 20_000, 0), ("a hundred customers", 20_001, 1)] {
        let customers: Vec<i64> = (0..PAYMENTS).map(|nth| first + nth * step).collect();
        let mut before = 0;
        for customer in customers.iter().copied().collect::<BTreeSet<_>>() {
            before += owed(customer).await?;
        }
        let start = Instant::now();
        let one = async |customer: i64| {
            let actor = Actor::system("bench");
            let asked = payments::Asked { scope: &Scope::All, actor: &actor, form_id: &ids::token() };
            let wish = payments::Wish::Take(payments::Take {
                customer: CustomerId(customer),
                method: payments::Method::Cash,
                given: Money::idr(1_000),
                choices: Vec::new(),
                keeps_rest: true,
                note: String::new(),
            });
            let asked_at = Instant::now();
            payments::book(app, &asked, &wish).await?;
            anyhow::Ok(asked_at.elapsed())
        };
        let mut took = join_all(customers.iter().map(|customer| one(*customer)))
            .await
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        let all = start.elapsed();
        let mut after = 0;
        for customer in customers.iter().copied().collect::<BTreeSet<_>>() {
            after += owed(customer).await?;
        }
        ensure!(before - after == 1_000 * PAYMENTS, "booked {} of {}", before - after, 1_000 * PAYMENTS);
        let (p50, most) = (percentile(&mut took, 50), percentile(&mut took, 100));
        let measured = format!("all booked once in {all:.1?}, p50 {p50:.1?}, longest {most:.1?}");
        figures.add(&format!("{PAYMENTS} payments at the same time of {what}, {name}"), "right", measured);
    }
    Ok(())
}

/// 50,000 invoices made and issued, some hundred a transaction.
async fn issue(figures: &mut Figures, world: &World, (site, name): (i64, &str)) -> anyhow::Result<()> {
    let (app, actor) = (world.app(), Actor::system("bench"));
    let first = NaiveDate::from_ymd_opt(2026, 12, 1).context("a day")?;
    let proposal = |customer: i64| Proposal {
        proposal: format!("sub/{customer}/{first}"),
        customer: CustomerId(customer),
        site: SiteId(site),
        subscription: None,
        kind: Kind::Period,
        period: Some((first, first + Days::new(31))),
        due_on: first + Days::new(9),
        lines: vec![NewLine {
            kind: LineKind::Package,
            text: "Rumah 10 Mbps".to_owned(),
            quantity: 1,
            unit_price: Money::idr(165_000),
            amount: Money::idr(165_000),
            cost: Money::idr(90_000),
            is_taxed: true,
            package: None,
            addon: None,
            from: Some(first),
            until: Some(first + Days::new(31)),
        }],
        notes: String::new(),
    };
    let all: Vec<i64> = (1..=CUSTOMERS).collect();
    for (what, is_new) in [("invoices made and issued", true), ("the same proposed again", false)] {
        let start = Instant::now();
        for chunk in all.chunks(CHUNK) {
            let tx = app.db.begin().await?;
            let wanted = chunk.iter().map(|customer| proposal(*customer)).collect();
            let made = invoices::propose(&*tx, app.clock.now(), &actor, wanted, Issue::Now).await?;
            ensure!(made.iter().all(|made| made.is_new == is_new), "they were there before");
            tx.commit().await?;
        }
        figures.add(&format!("50,000 {what}, {name}"), "well within 60 s", format!("{:.1?}", start.elapsed()));
    }
    Ok(())
}

/// Eleven invoices of every customer, ten of them paid, as the ledger and the lists know them.
pub(crate) async fn load(world: &World, site: i64, customers: i64) -> anyhow::Result<()> {
    let db = &world.app().db;
    let postgres = db.backend() == DbBackend::Postgres;
    let all = customers * EACH;
    let numbers = if postgres {
        format!("SELECT n FROM generate_series(1, {all}) AS n")
    } else {
        format!("WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {all}) SELECT n FROM s")
    };
    // Month m of a year: customer c has invoice n = (m - 1) × customers + c.
    let (customer, month) = (format!("1 + (n - 1) % {customers}"), format!("1 + (n - 1) / {customers}"));
    let (day, at) = if postgres {
        (
            format!("make_date(2026, CAST({month} AS int), 10)"),
            format!("make_timestamptz(2026, CAST({month} AS int), 1 + CAST(n % 9 AS int), 3, 0, 0, 'UTC')"),
        )
    } else {
        (
            format!("printf('2026-%02d-10', {month})"),
            format!("printf('2026-%02d-%02dT03:00:00+00:00', {month}, 1 + n % 9)"),
        )
    };
    let paid = format!("{month} < {EACH}");
    let start = Instant::now();
    let tx = db.begin().await?;
    let run =
        async |sql: String| tx.execute_unprepared(&sql).await.with_context(|| sql.chars().take(80).collect::<String>());
    if postgres {
        for table in ["posting", "journal_entry"] {
            run(format!("ALTER TABLE {table} DISABLE TRIGGER ALL")).await?;
        }
    }
    for (code, kind, sub) in [("1100", "asset", "shift/0"), ("1200", "asset", ""), ("4000", "income", "")] {
        run(format!(
            "INSERT INTO account (code, kind, currency, sub, created_at) SELECT '{code}', '{kind}', 'IDR', '{sub}', {at}
             FROM (SELECT 1 AS n) one WHERE NOT EXISTS (SELECT 1 FROM account WHERE code = '{code}' AND sub = '{sub}')"
        ))
        .await?;
    }
    run(format!(
        "INSERT INTO invoice (id, number, proposal, token, customer_id, site_id, kind, state, currency, net, tax, total,
             settled, tax_label, issued_at, issued_on, due_on, paid_at, notes, void_reason, created_at)
         SELECT n, 'LOAD-' || n, 'load/' || n, 'load' || n, {customer}, {site}, 'period',
                CASE WHEN {paid} THEN 'paid' ELSE 'open' END, 'IDR', 165000, 0, 165000,
                CASE WHEN {paid} THEN 165000 ELSE 0 END, '', {at}, {day}, {day}, CASE WHEN {paid} THEN {at} END, '', '', {at}
         FROM ({numbers}) numbers"
    ))
    .await?;
    run(format!(
        "INSERT INTO invoice_line (invoice_id, position, kind, text, quantity, unit_price, amount, cost, is_taxed)
         SELECT n, 0, 'package', 'Rumah 10 Mbps', 1, 165000, 165000, 90000, {no} FROM ({numbers}) numbers",
        no = if postgres { "false" } else { "0" }
    ))
    .await?;
    entries(&run, (&numbers, &customer, &at), "invoice_issued", ("1200", "4000"), (0, "1 = 1")).await?;
    entries(&run, (&numbers, &customer, &at), "payment", ("1100", "1200"), (all, &paid)).await?;
    run(format!(
        "INSERT INTO allocation (entry_id, invoice_id, customer_id, amount_minor, currency, occurred_at)
         SELECT 1000000 + {all} + n, n, {customer}, 165000, 'IDR', {at} FROM ({numbers}) numbers WHERE {paid}"
    ))
    .await?;
    run(format!(
        "INSERT INTO payment (id, number, form_id, customer_id, site_id, kind, method, currency, amount, given, change,
             to_credit, is_promised, entry_id, received_at, note, state, reverse_reason, printed, taken_name, created_at)
         SELECT n, 'KW-' || n, 'load' || n, {customer}, {site}, 'payment', 'cash', 'IDR', 165000, 165000, 0,
                0, {no}, 1000000 + {all} + n, {at}, '', 'booked', '', 0, 'bench', {at} FROM ({numbers}) numbers WHERE {paid}",
        no = if postgres { "false" } else { "0" }
    ))
    .await?;
    run(format!(
        "INSERT INTO customer_balance (customer_id, currency, receivable, credit)
         SELECT n, 'IDR', 165000, 0 FROM ({numbers}) numbers WHERE n <= {customers}"
    ))
    .await?;
    if postgres {
        for table in ["posting", "journal_entry"] {
            run(format!("ALTER TABLE {table} ENABLE TRIGGER ALL")).await?;
        }
        // Ids were given by hand.
        for table in ["invoice", "invoice_line", "journal_entry", "posting", "allocation", "payment", "account"] {
            run(format!("SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))"))
                .await?;
        }
    }
    tx.commit().await?;
    if postgres {
        db.read().execute_unprepared("VACUUM ANALYZE").await?;
    }
    say(&format!("{all} invoices, {} payments in {:.1?}", customers * (EACH - 1), start.elapsed()));
    Ok(())
}

/// Entries of a kind: a debit and a credit each, of which the one on 1200 is the customer's.
async fn entries(
    run: &impl AsyncFn(String) -> anyhow::Result<sea_orm::ExecResult>,
    (numbers, customer, at): (&str, &str, &str),
    kind: &str,
    (debit, credit): (&str, &str),
    (offset, only): (i64, &str),
) -> anyhow::Result<()> {
    run(format!(
        "INSERT INTO journal_entry (id, occurred_at, recorded_at, kind, source_type, source_id, memo, actor, digest)
         SELECT 1000000 + {offset} + n, {at}, {at}, '{kind}', 'loaded', CAST(n AS TEXT), 'LOAD-' || n, 'bench', ''
         FROM ({numbers}) numbers WHERE {only}"
    ))
    .await?;
    for (code, amount) in [(debit, 165_000), (credit, -165_000)] {
        let (of, invoice) = if code == "1200" { (customer, "n") } else { ("NULL", "NULL") };
        run(format!(
            "INSERT INTO posting (entry_id, account_id, amount_minor, currency, customer_id, invoice_id, occurred_at)
             SELECT 1000000 + {offset} + n, (SELECT id FROM account WHERE code = '{code}' LIMIT 1), {amount}, 'IDR', {of},
                    {invoice}, {at} FROM ({numbers}) numbers WHERE {only}"
        ))
        .await?;
    }
    Ok(())
}
