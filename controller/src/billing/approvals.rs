//! Drafts that waited long enough are issued soon after, not only in the night: whoever set 12 hours means 12 hours.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::{night::CHUNK, steps, store};
use crate::{
    app::App,
    http::access::Scope,
    ids::SiteId,
    jobs::{Job, Said},
    sites, subscriptions,
};

/// Issues them at every site.
#[derive(Debug, Serialize, Deserialize)]
pub struct Approve {}

impl Job for Approve {
    const KIND: &'static str = "billing.approvals";

    async fn run(self, app: &App) -> anyhow::Result<Said> {
        let mut count = 0;
        for site in sites::all(app.db.read(), &Scope::All).await.context("reading sites")? {
            count += at(app, site.id).await.with_context(|| format!("drafts of site {}", site.id))?;
        }
        Ok(Said::new("drafts_issued").count("count", count))
    }
}

/// Issues those of a site, a chunk at a time; how many there were.
async fn at(app: &App, site: SiteId) -> anyhow::Result<usize> {
    let now = app.clock.now();
    let (mut count, mut after) = (0, 0);
    loop {
        // Usually nothing waits: that is seen without holding up who writes.
        let Some(before) = steps::waited_since(app.db.read(), now).await? else { return Ok(count) };
        if store::drafts(app.db.read(), (site, before), (after, 1)).await?.is_empty() {
            return Ok(count);
        }
        let tx = app.db.begin().await?;
        subscriptions::hold(&*tx).await?;
        let (issued, last) = steps::issue_waited(&tx, app, site, (after, CHUNK)).await?;
        tx.commit().await.context("committing drafts that were issued")?;
        app.wakes.wake();
        count += issued.len();
        match last {
            Some(last) => after = last,
            None => return Ok(count),
        }
    }
}
