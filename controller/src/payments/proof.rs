//! Proving documents against the ledger: what is kept beside the postings for lists is what they say, each payment has
//! its entry, and no number of a series is missing. Every night, and by `hiji doctor`.

use sea_orm::{ConnectionTrait, DbErr};

use super::{SERIES, store};
use crate::{invoices, ledger::Difference};

/// What is not as it must be: `invoice_settled`, `invoice_state`, `invoice_written_off`, `payment_amount`,
/// `payment_state`, `number_changed`, `number_gap`.
///
/// # Errors
/// The database's.
pub async fn prove(db: &impl ConnectionTrait) -> Result<Vec<Difference>, DbErr> {
    let mut differences = invoices::prove(db).await?;
    differences.extend(store::unlike_entries(db).await?);
    differences.extend(store::unlike_reversals(db).await?);
    differences.extend(store::renumbered(db).await?);
    differences.extend(store::gap(db, SERIES).await?);
    Ok(differences)
}
