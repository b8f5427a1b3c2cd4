//! Proving invoices: what is kept beside the ledger is what its postings say, and no number is missing.

use sea_orm::{ConnectionTrait, DbErr};

use super::{change::NOTES, make::SERIES, store};
use crate::ledger::Difference;

/// What is not as it must be: `invoice_settled`, `invoice_state`, `invoice_written_off`, `number_changed`, `number_gap`.
///
/// # Errors
/// The database's.
pub async fn prove(db: &impl ConnectionTrait) -> Result<Vec<Difference>, DbErr> {
    let mut differences = store::unlike_postings(db).await?;
    differences.extend(store::unlike_states(db).await?);
    differences.extend(store::unlike_write_offs(db).await?);
    differences.extend(store::renumbered(db).await?);
    differences.extend(store::gaps(db, (SERIES, NOTES)).await?);
    Ok(differences)
}
