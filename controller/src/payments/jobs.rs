//! The periodic job of payments.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    jobs::{Job, Said},
};

/// Proves that documents are what the ledger says: states of invoices, payments and their entries, numbers without gaps.
#[derive(Debug, Serialize, Deserialize)]
pub struct ProveDocuments {}

impl Job for ProveDocuments {
    const KIND: &'static str = "payments.prove";
    /// Differences do not go away by trying again; a database that was away comes back.
    const MAX_ATTEMPTS: i32 = 3;

    async fn run(self, app: &App) -> anyhow::Result<Said> {
        let differences = super::prove(app.db.read()).await.context("proving invoices and payments")?;
        for difference in &differences {
            let crate::ledger::Difference { check, object, expected, found } = difference;
            tracing::error!(check, object, expected, found, "documents are not what the ledger says");
        }
        anyhow::ensure!(differences.is_empty(), "{} differences; `hiji doctor` names them", differences.len());
        Ok(Said::new("documents_proven"))
    }
}
