//! What agents' reports do to vouchers.

use sea_orm::DbErr;

use crate::{app::App, db::Tx, mqtt::report::Reported};

/// Applies proofs, first logins and ends.
///
/// # Errors
/// The database's.
pub async fn apply(_tx: &Tx, _app: &App, _reports: &[Reported]) -> Result<(), DbErr> {
    Ok(())
}
