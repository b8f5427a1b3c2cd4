//! The database: connections, and the one write transaction of an operation.
//!
//! SQLite (WAL) has one writer: writes wait for each other on a pool of one connection, reads go beside them.
//! PostgreSQL uses one pool for both.

pub mod entity;
pub mod kept;
pub mod paging;

use std::{ops::Deref, sync::Arc, time::Duration};

use anyhow::Context as _;
use hiji_migrations::{Migrator, MigratorTrait as _};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement,
    TransactionTrait as _,
    sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Notify, futures::Notified};

const READERS: u32 = 6;
/// Compiled statements a connection keeps: more than hiji has, counting the lengths of its lists.
const STATEMENTS: usize = 600;
const POSTGRES_CONNECTIONS: u32 = 12;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(20);
/// A connection that served a moment ago is there still: asking first would double the way to PostgreSQL and back.
const ASKED_WHEN_IDLE_FOR: Duration = Duration::from_secs(1);

/// An open database.
#[derive(Debug, Clone)]
pub struct Db {
    write: DatabaseConnection,
    read: DatabaseConnection,
    committed: Arc<Notify>,
}

/// The write transaction of one operation. Dropped without [`Tx::commit`] it changes nothing.
#[derive(Debug)]
pub struct Tx {
    inner: DatabaseTransaction,
    committed: Arc<Notify>,
}

impl Db {
    /// Connects, making the SQLite file when it is not there.
    ///
    /// # Errors
    /// When the database cannot be reached or opened.
    pub async fn connect(url: &SecretString) -> anyhow::Result<Self> {
        let url = url.expose_secret();
        if url.starts_with("sqlite:") { Self::sqlite(url).await } else { Self::postgres(url).await }
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// When a migration fails; it has then changed nothing.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        Migrator::up(&self.write, None).await.context("migrating the database")
    }

    /// Starts the one write transaction of an operation.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn begin(&self) -> Result<Tx, DbErr> {
        Ok(Tx { inner: self.write.begin().await?, committed: Arc::clone(&self.committed) })
    }

    /// For reading. A reader sees what was committed before.
    #[must_use]
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// Completes after the next commit from now on, also one before it is first polled.
    pub fn committed(&self) -> Notified<'_> {
        self.committed.notified()
    }

    /// Which database it is.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.read.get_database_backend()
    }

    /// Closes all connections.
    ///
    /// # Errors
    /// When the database reports one.
    pub async fn close(self) -> Result<(), DbErr> {
        self.read.close().await?;
        self.write.close().await
    }

    async fn sqlite(url: &str) -> anyhow::Result<Self> {
        if let Some(parent) = std::path::Path::new(url.trim_start_matches("sqlite://")).parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        }
        let url = if url.contains('?') { url.to_owned() } else { format!("{url}?mode=rwc") };
        let open = async |connections: u32| {
            let mut options = ConnectOptions::new(url.clone());
            options
                .max_connections(connections)
                .min_connections(1)
                // A file does not hang up; asking first would double the way to the connection's thread and back.
                .test_before_acquire(false)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .sqlx_logging(false);
            options.map_sqlx_sqlite_opts(|sqlite| {
                sqlite
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Normal)
                    .busy_timeout(ACQUIRE_TIMEOUT)
                    .foreign_keys(true)
                    .statement_cache_capacity(STATEMENTS)
                    .pragma("temp_store", "memory")
                    .pragma("cache_size", "-16000")
            });
            Database::connect(options).await.context("opening the SQLite database")
        };
        let write = open(1).await?;
        let read = open(READERS).await?;
        Ok(Self { write, read, committed: Arc::new(Notify::new()) })
    }

    async fn postgres(url: &str) -> anyhow::Result<Self> {
        let mut options = ConnectOptions::new(url.to_owned());
        options
            .max_connections(POSTGRES_CONNECTIONS)
            .test_before_acquire_if_idle_for(ASKED_WHEN_IDLE_FOR)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .sqlx_logging(false);
        let pool = Database::connect(options).await.context("connecting to PostgreSQL")?;
        Ok(Self { write: pool.clone(), read: pool, committed: Arc::new(Notify::new()) })
    }
}

impl Tx {
    /// Makes everything of this transaction last, and wakes who waits for new jobs and events.
    ///
    /// # Errors
    /// When the database refuses; then nothing was changed.
    pub async fn commit(self) -> Result<(), DbErr> {
        self.inner.commit().await?;
        self.committed.notify_waiters();
        Ok(())
    }
}

impl Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.inner
    }
}

/// The name of a violated unique constraint, in either database's words.
#[must_use]
pub fn violates(error: &DbErr, columns: &str) -> bool {
    match error.sql_err() {
        Some(sea_orm::SqlErr::UniqueConstraintViolation(text)) => text.contains(columns),
        _ => false,
    }
}

/// Things that only one transaction at a time may extend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The audit log's hash chain.
    Audit,
    /// The number series of voucher batches.
    BatchNumbers,
    /// The sums of the ledger's accounts.
    LedgerCheckpoint,
    /// The life of vouchers: agents' reports and what people do are one after the other.
    Vouchers,
    /// What is proposed, issued, voided and credited: the same is made once.
    Invoices,
    /// The places in the public stream of events.
    EventStream,
    /// Price rules, and dated prices: no two say the same.
    PriceRules,
    /// What is asked of customers: written and dropped one after the other.
    Messages,
}

/// Waits until no other transaction holds the guard, and holds it until this one ends. SQLite has one writer anyway.
///
/// # Errors
/// The database's.
pub async fn one_at_a_time(tx: &impl ConnectionTrait, guard: Guard) -> Result<(), DbErr> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    // SeaORM has no words for advisory locks.
    let key = match guard {
        Guard::Audit => 0x6869_0001_i64,
        Guard::BatchNumbers => 0x6869_0002_i64,
        Guard::LedgerCheckpoint => 0x6869_0003_i64,
        Guard::Vouchers => 0x6869_0008_i64,
        Guard::Invoices => 0x6869_0009_i64,
        Guard::EventStream => 0x6869_000b_i64,
        Guard::PriceRules => 0x6869_000d_i64,
        Guard::Messages => 0x6869_000e_i64,
    };
    let statement =
        Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_advisory_xact_lock($1)", [key.into()]);
    tx.execute_raw(statement).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

    use crate::testing::TestApp;

    /// As `.cargo/config.toml` says; without it pages compile each of their statements anew.
    #[tokio::test]
    async fn sqlite_plans_without_bound_values() {
        let app = TestApp::sqlite().await;
        let asked = Statement::from_string(DbBackend::Sqlite, "PRAGMA compile_options");
        let rows = app.db.read().query_all_raw(asked).await.unwrap();
        let options: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        assert!(options.iter().any(|option| option == "ENABLE_QPSG"), "{options:?}");
    }
}
