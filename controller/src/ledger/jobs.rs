//! The ledger's periodic job.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    jobs::{Job, Said},
};

/// Proves the ledger: whole at night, else what came since the checkpoint.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prove {
    pub whole: bool,
}

impl Job for Prove {
    const KIND: &'static str = "ledger.prove";
    /// Differences do not go away by trying again; a database that was away comes back.
    const MAX_ATTEMPTS: i32 = 3;

    async fn run(self, app: &App) -> anyhow::Result<Said> {
        let proof = super::prove_and_keep(app, self.whole).await.context("proving the ledger")?;
        anyhow::ensure!(proof.differences.is_empty(), "{} differences; see the last proof", proof.differences.len());
        Ok(Said::new("ledger_proven").count("count", proof.entries))
    }
}
