//! Background jobs: work that leaves the process or waits for its time. Enqueued in the caller's transaction, so it
//! exists exactly when what caused it does.

pub mod registry;
mod said;
pub mod schedule;
mod store;
pub mod worker;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::{Serialize, de::DeserializeOwned};

use crate::app::App;

pub use said::Said;
pub use store::{JobRow, JobState, counts, list};

/// One kind of work. It may run more than once (a crash after its effect, before its mark): it must be idempotent.
pub trait Job: Serialize + DeserializeOwned + Send + Sync {
    /// Name in the table; never changed once released.
    const KIND: &'static str;
    /// Tries before it is parked for a person to look at.
    const MAX_ATTEMPTS: i32 = 10;

    /// Does it, and says what came of it.
    fn run(self, app: &App) -> impl Future<Output = anyhow::Result<Said>> + Send;
}

/// When, and whether another of the same is enough.
#[derive(Debug, Clone, Default)]
pub struct When {
    /// Not before; `None` = at once.
    pub at: Option<DateTime<Utc>>,
    /// A job with this key that exists already makes this one unnecessary.
    pub dedupe: Option<String>,
}

/// Enqueues a job in the caller's transaction. False: one with the same key exists.
///
/// # Errors
/// The database's.
pub async fn enqueue<J: Job>(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    job: &J,
    when: When,
) -> Result<bool, DbErr> {
    let payload = serde_json::to_value(job).map_err(|error| DbErr::Custom(format!("job payload: {error}")))?;
    store::insert(tx, now, J::KIND, payload, when).await
}

/// Puts a parked job back to work. False: there is no such job, or it is not parked.
///
/// # Errors
/// The database's.
pub async fn retry(tx: &impl ConnectionTrait, now: DateTime<Utc>, id: i64) -> Result<bool, DbErr> {
    store::retry(tx, now, id).await
}
