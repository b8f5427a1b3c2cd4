//! The ledger: payments booked a second, and reading with 500,000 postings loaded; on both databases.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use hiji_controller::{
    audit::Actor,
    db::{Db, paging::PageOf},
    ids::{CustomerId, InvoiceId},
    ledger::{
        self,
        allocation::Settlement,
        chart::Place,
        draft::{Fact, Source},
        rules::{self, Bill, Income, Payment},
    },
    money::{Currency, Money},
};
use hiji_tests::world::{Backend, Database};
use sea_orm::{ConnectionTrait as _, DbBackend};

use crate::figures::{Figures, percentile};

/// Payments booked by the first figure.
const PAYMENTS: i64 = 2_000;
/// Of which so many at a time.
const SIDE_BY_SIDE: i64 = 8;
/// Entries loaded, of two postings each, over `CUSTOMERS`.
const ENTRIES: i64 = 250_000;
const CUSTOMERS: i64 = 50_000;
/// Reads of each kind.
const READS: i64 = 1_000;

pub(crate) async fn run(figures: &mut Figures) -> anyhow::Result<()> {
    for (name, backend) in [("SQLite", Backend::Sqlite), ("PostgreSQL", Backend::Postgres)] {
        if !figures.wants("ledger") {
            return Ok(());
        }
        let dir = tempfile::tempdir()?;
        let database = Database::create(backend).await?;
        let url = database.as_ref().map_or_else(
            || format!("sqlite://{}", dir.path().join("ledger.db").display()),
            |database| database.url().to_owned(),
        );
        let db = Db::connect(&url.into()).await?;
        db.migrate().await?;
        book(figures, name, &db).await?;
        load(&db).await?;
        read(figures, name, &db).await?;
        db.close().await?;
        if let Some(database) = database {
            database.drop().await?;
        }
    }
    Ok(())
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default()
}

fn fact(kind: &str, id: i64) -> Fact {
    Fact { source: Source::new(kind, id), occurred_at: start(), site: None, memo: String::new() }
}

/// An invoice and its payment, each in a transaction of its own, as a cashier's screen does it.
async fn one(db: &Db, id: i64) -> anyhow::Result<()> {
    let (actor, customer, amount) = (Actor::system("bench"), CustomerId(CUSTOMERS + id), Money::idr(165_000));
    let nothing = Money::idr(0);
    let bill = Bill { customer, lines: vec![(Income::Service, amount)], tax: nothing, rounding: nothing };
    let tx = db.begin().await?;
    ledger::next_number(&*tx, "invoice", "2026-11").await?;
    let issued = rules::invoice_issued(fact("invoice", ENTRIES + id), InvoiceId(ENTRIES + id), &bill)?;
    ledger::post(&*tx, start(), &actor, &issued).await?;
    tx.commit().await?;
    let tx = db.begin().await?;
    ledger::lock(&*tx, customer, Currency::IDR).await?;
    let settlement = Settlement::of_invoice(InvoiceId(ENTRIES + id), amount);
    let what = Payment { customer, into: Place::cash(1), settlement: &settlement, attempt: None };
    ledger::post(&*tx, start(), &actor, &rules::payment(fact("payment", ENTRIES + id), &what)?).await?;
    tx.commit().await?;
    Ok(())
}

async fn book(figures: &mut Figures, name: &str, db: &Db) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for lane in 0..SIDE_BY_SIDE {
        let db = db.clone();
        running.spawn(async move {
            for id in (lane..PAYMENTS).step_by(usize::try_from(SIDE_BY_SIDE)?) {
                one(&db, id).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    let took = began.elapsed();
    let millis = i64::try_from(took.as_millis())?.max(1);
    let entries = PAYMENTS * 2 * 1_000 / millis;
    figures.add(
        &format!("invoices and payments booked, 8 at a time, {name}"),
        "–",
        format!("{entries} entries/s, {} postings/s", entries * 2),
    );
    Ok(())
}

/// 250,000 entries at once: every customer gets invoices and pays them, in turn.
async fn load(db: &Db) -> anyhow::Result<()> {
    let postgres = db.backend() == DbBackend::Postgres;
    let (numbers, time) = if postgres {
        (format!("SELECT n FROM generate_series(1, {ENTRIES}) AS n"), "now() - (n || ' seconds')::interval")
    } else {
        let numbers = format!(
            "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {ENTRIES}) SELECT n FROM s"
        );
        (numbers, "strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '-' || n || ' seconds')")
    };
    let tx = db.begin().await?;
    if postgres {
        tx.execute_unprepared("ALTER TABLE posting DISABLE TRIGGER ALL").await?;
        tx.execute_unprepared("ALTER TABLE journal_entry DISABLE TRIGGER ALL").await?;
    }
    tx.execute_unprepared(&format!(
        "INSERT INTO journal_entry (id, occurred_at, recorded_at, kind, source_type, source_id, memo, actor, digest)
         SELECT 1000000 + n, {time}, {time}, CASE WHEN n % 2 = 0 THEN 'payment' ELSE 'invoice_issued' END,
                'loaded', CAST(n AS TEXT), '', 'bench', '' FROM ({numbers}) numbers"
    ))
    .await?;
    for (code, sign, customer) in [("1200", "", true), ("4000", "-", false)] {
        let account = format!("(SELECT id FROM account WHERE code = '{code}' LIMIT 1)");
        let customer = if customer { format!("1 + (n / 2) % {CUSTOMERS}") } else { "NULL".to_owned() };
        tx.execute_unprepared(&format!(
            "INSERT INTO posting (entry_id, account_id, amount_minor, currency, customer_id, occurred_at)
             SELECT 1000000 + n, {account}, {sign}(CASE WHEN n % 2 = 0 THEN -165000 ELSE 165000 END), 'IDR', {customer},
                    {time} FROM ({numbers}) numbers"
        ))
        .await?;
    }
    if postgres {
        tx.execute_unprepared("ALTER TABLE posting ENABLE TRIGGER ALL").await?;
        tx.execute_unprepared("ALTER TABLE journal_entry ENABLE TRIGGER ALL").await?;
    }
    tx.commit().await?;
    db.read().execute_unprepared("ANALYZE").await?;
    Ok(())
}

async fn read(figures: &mut Figures, name: &str, db: &Db) -> anyhow::Result<()> {
    let page = PageOf::default();
    let mut samples = Vec::new();
    for at in 0..READS {
        let asked = Instant::now();
        let customer = CustomerId(1 + (at * 7_919) % CUSTOMERS);
        ledger::statement(db.read(), customer, Currency::IDR, &page).await??;
        samples.push(asked.elapsed());
    }
    let p99 = percentile(&mut samples, 99);
    figures.add(&format!("statement with 500,000 postings, {name}"), "p99 ≤ 50 ms", format!("p99 {p99:.2?}"));

    let account = ledger::accounts(db.read()).await?.into_iter().find(|account| account.code == "1200");
    let filter = ledger::JournalFilter { account: account.map(|account| account.id), ..Default::default() };
    let mut samples: Vec<Duration> = Vec::new();
    for _ in 0..READS / 10 {
        let asked = Instant::now();
        ledger::journal(db.read(), &filter, &page).await??;
        samples.push(asked.elapsed());
    }
    let p99 = percentile(&mut samples, 99);
    figures.add(&format!("journal of an account, {name}"), "p99 ≤ 50 ms", format!("p99 {p99:.2?}"));

    let asked = Instant::now();
    let proof = ledger::prove(db.read(), start(), true).await?;
    let took = asked.elapsed();
    figures.add(&format!("proof of {} entries, {name}", proof.entries), "–", format!("{took:.1?}"));
    Ok(())
}
