//! Cleaning up: vouchers that are over and lay their days on the router, switched off, are taken off it. Their history
//! stays.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::{super::wanted::Spec, begin};
use crate::{
    app::App,
    audit::Actor,
    clock,
    http::access::Scope,
    ids::RouterId,
    jobs::{Job, Said},
    routers, sites,
    vouchers::store,
};
use hiji_shared::device::Kind;

const DAY_SECS: i64 = 86_400;
/// Vouchers taken in one transaction.
const CHUNK: u64 = 500;

/// Asks for the removal of what lay its days, by each site's setting.
#[derive(Debug, Serialize, Deserialize)]
pub struct CleanUp {}

impl Job for CleanUp {
    const KIND: &'static str = "vouchers.clean_up";

    async fn run(self, app: &App) -> anyhow::Result<Said> {
        let mut asked = 0;
        let all = sites::all(app.db.read(), &Scope::All).await.context("reading sites")?;
        for site in all {
            let Some(days) = site.cleanup_days else { continue };
            let before = app.clock.now() - clock::seconds(i64::from(days) * DAY_SECS);
            let mut after = None;
            loop {
                let tx = begin(app).await.context("beginning")?;
                let lying = store::lying(&*tx, site.id, before, after, CHUNK).await.context("reading vouchers")?;
                let Some(last) = lying.last() else { break };
                after = Some(last.id);
                let mut by_router: std::collections::BTreeMap<RouterId, Vec<store::Lying>> =
                    std::collections::BTreeMap::new();
                for each in lying {
                    by_router.entry(each.router).or_default().push(each);
                }
                for (router, lying) in by_router {
                    asked += of_router(&tx, app, router, lying).await?;
                }
                tx.commit().await.context("committing the clean-up")?;
                app.wakes.wake();
            }
        }
        Ok(Said::new("vouchers_cleaned_up").count("count", asked))
    }
}

async fn of_router(tx: &crate::db::Tx, app: &App, router: RouterId, lying: Vec<store::Lying>) -> anyhow::Result<usize> {
    let names: Vec<String> = lying.iter().map(|each| each.code.clone()).collect();
    let asked = routers::wanted_gone(&**tx, router, Kind::HotspotUser, &names).await?;
    let gone = routers::proven_gone(&**tx, router, Kind::HotspotUser, &names).await?;
    let ids: Vec<_> = lying.iter().filter(|each| gone.contains(&each.code)).map(|each| each.id).collect();
    store::set_removed(&**tx, app.clock.now(), &ids).await.context("noting what is removed")?;
    let wants: Vec<_> = names.into_iter().filter(|name| !asked.contains(name)).map(|name| Spec::gone(&name)).collect();
    let count = wants.len();
    if count > 0 {
        routers::want(tx, app, router, &Actor::system("clean-up"), wants).await.context("asking for the removal")?;
    }
    Ok(count)
}
