//! Proving the ledger: every entry sums to zero and is as it was written, balances are what the postings say. Run every
//! hour over what came since, every night over all; also by `hiji doctor`.

use chrono::{DateTime, Duration, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::{Deserialize, Serialize};

use super::store;
use crate::{app::App, ids::EntryId};

/// Entries younger than this are not summed up yet: one with a lower number may still be on its way into the database.
const SETTLED_MINUTES: i64 = 10;

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Difference {
    /// `entry_unbalanced`, `entry_changed`, `entry_empty`, `allocation`, `customer_receivable`, `customer_credit`,
    /// `account_balance`, `invoice_over_settled`.
    pub check: String,
    /// `customer/17 IDR`, `entry/4711`.
    pub object: String,
    /// What the postings say.
    pub expected: i64,
    /// What was found.
    pub found: i64,
}

impl Difference {
    pub(super) fn new(check: &str, object: String, expected: i64, found: i64) -> Self {
        Self { check: check.to_owned(), object, expected, found }
    }
}

/// The outcome of a proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Proof {
    pub at: DateTime<Utc>,
    /// Over all entries, not only what came since the checkpoint.
    pub whole: bool,
    /// Accounts are summed up to here.
    pub through_entry: EntryId,
    /// How many entries were looked at.
    pub entries: u64,
    /// What is not as it must be; nothing when all is well.
    pub differences: Vec<Difference>,
}

/// Proves all entries, or those since the checkpoint; changes nothing.
///
/// # Errors
/// The database's.
pub async fn prove(db: &impl ConnectionTrait, now: DateTime<Utc>, whole: bool) -> Result<Proof, DbErr> {
    let through_entry = store::checkpoint_at(db, now - Duration::minutes(SETTLED_MINUTES)).await?;
    let from = if whole { EntryId(0) } else { store::checkpoint(db).await? };
    let (entries, differences) = store::look(db, from).await?;
    Ok(Proof { at: now, whole, through_entry, entries, differences })
}

/// Proves, keeps the outcome and moves the checkpoint.
///
/// # Errors
/// The database's.
pub async fn prove_and_keep(app: &App, whole: bool) -> Result<Proof, DbErr> {
    let proof = prove(app.db.read(), app.clock.now(), whole).await?;
    let tx = app.db.begin().await?;
    store::keep(&*tx, &proof).await?;
    tx.commit().await?;
    for difference in &proof.differences {
        let Difference { check, object, expected, found } = difference;
        tracing::error!(check, object, expected, found, "the ledger does not prove");
    }
    Ok(proof)
}

/// The outcome of the last proof over all entries.
///
/// # Errors
/// The database's.
pub async fn last_proof(db: &impl ConnectionTrait) -> Result<Option<Proof>, DbErr> {
    store::last_proof(db).await
}
