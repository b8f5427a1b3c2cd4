//! What agents' reports do to routers: facts, reach, mirror, proof of wanted state, answers to commands.

use std::collections::BTreeMap;

use hiji_shared::{
    desired::{ItemResult, ItemStatus},
    device::{Kind, Row},
    event::{Delta, Event},
};
use sea_orm::DbErr;

use super::store;
use crate::{
    app::App,
    db::Tx,
    events::{self, BusinessEvent},
    ids::RouterId,
    mqtt::report::Reported,
};

/// Mirror changes of one kind, the last of each name.
type Changes = BTreeMap<(RouterId, Kind), BTreeMap<String, Option<Row>>>;

/// Applies the reports that concern routers, in order. Wakes nobody: the caller does so after the commit.
///
/// # Errors
/// The database's.
pub async fn apply(tx: &Tx, app: &App, reports: &[Reported]) -> Result<(), DbErr> {
    let mut changes = Changes::new();
    let mut results: BTreeMap<RouterId, Vec<ItemResult>> = BTreeMap::new();
    let now = app.clock.now();
    for report in reports {
        match &report.event {
            Event::RouterFacts(facts) => store::set_facts(&**tx, report.router, report.at, facts).await?,
            Event::RouterReach { ok, error } => {
                let reach = if *ok { Ok(()) } else { Err(error.as_str()) };
                store::set_reach(&**tx, report.router, report.at, reach).await?;
            }
            Event::Delta(delta) => collect(&mut changes, report.router, delta),
            Event::DesiredHave { rev } => {
                let have = i64::try_from(*rev).unwrap_or(i64::MAX);
                store::set_have_rev(&**tx, &report.agent, have).await?;
                store::deliver_desired(&**tx, report.router, now, have).await?;
            }
            Event::DesiredResult { items } => {
                if let Some(event) = isolation_of(report.router, items) {
                    events::record(&**tx, now, Some(report.site), &event).await?;
                }
                results.entry(report.router).or_default().extend(items.iter().cloned());
            }
            Event::CommandResult(result) => store::finish_command(&**tx, report.router, now, result).await?,
            Event::Alert { code, msg } => {
                store::set_alert(&**tx, &report.agent, &format!("{code}: {msg}")).await?;
            }
            Event::OutboxGap { n, .. } => {
                store::set_alert(&**tx, &report.agent, &format!("outbox_gap: {n} records were lost")).await?;
            }
            // The inbox routes these elsewhere.
            Event::SessionLogin { .. }
            | Event::SessionLogout(_)
            | Event::FirstLogin(_)
            | Event::UserEnded(_)
            | Event::UserUsage { .. }
            | Event::UserBound { .. }
            | Event::UsersRestored { .. }
            | Event::MirrorDigest { .. }
            | Event::Unknown => {}
        }
    }
    write_mirror(tx, app, changes).await?;
    write_results(tx, app, results).await
}

/// What became of a router's isolation, when it is among the outcomes.
fn isolation_of(router: RouterId, items: &[ItemResult]) -> Option<BusinessEvent> {
    let item = items.iter().rev().find(|item| item.kind == Kind::Isolation)?;
    let what = match item.status {
        ItemStatus::Verified => "verified",
        ItemStatus::Failed => "failed",
        ItemStatus::Superseded => return None,
    };
    Some(BusinessEvent::RouterIsolation { router_id: router, what: what.to_owned() })
}

fn collect(changes: &mut Changes, router: RouterId, delta: &Delta) {
    match delta {
        Delta::Put { kind, row } => {
            changes.entry((router, *kind)).or_default().insert(row.key().to_owned(), Some(row.clone()));
        }
        Delta::Del { kind, key } => {
            changes.entry((router, *kind)).or_default().insert(key.clone(), None);
        }
    }
}

async fn write_mirror(tx: &Tx, app: &App, changes: Changes) -> Result<(), DbErr> {
    let now = app.clock.now();
    for ((router, kind), rows) in changes {
        let gone: Vec<String> = rows.iter().filter(|(_, row)| row.is_none()).map(|(name, _)| name.clone()).collect();
        let put: Vec<Row> = rows.into_values().flatten().collect();
        store::drop_mirror(&**tx, router, kind, &gone).await?;
        store::put_mirror(&**tx, router, kind, now, &put).await?;
    }
    Ok(())
}

async fn write_results(tx: &Tx, app: &App, results: BTreeMap<RouterId, Vec<ItemResult>>) -> Result<(), DbErr> {
    let now = app.clock.now();
    for (router, items) in results {
        store::record_results(&**tx, router, now, &items).await?;
        let revs = items.iter().map(|item| i64::try_from(item.rev).unwrap_or(i64::MAX));
        let (low, high) = revs.fold((i64::MAX, 0), |(low, high), rev| (low.min(rev), high.max(rev)));
        store::refresh_progress(&**tx, router, now, (low, high)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hiji_shared::desired::Object;

    use super::*;
    use crate::{
        db::paging::PageOf,
        ids::SiteId,
        routers::{Want, want},
        testing::{TestApp, actor, on_each_database, reported},
    };

    async fn wanted(app: &TestApp, router: RouterId, names: &[&str]) {
        let gone = |name: &&str| Want { object: Object::Gone { kind: Kind::PppSecret, name: (*name).to_owned() } };
        let tx = app.db.begin().await.unwrap();
        want(&tx, app, router, &actor(), names.iter().map(gone).collect()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn told(app: &TestApp, (router, site): (RouterId, SiteId), event: Event) {
        let tx = app.db.begin().await.unwrap();
        apply(&tx, app, &[reported(app, router, site, event)]).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The outcome of each command in the order in which they were asked: its state, and what of it came to nothing.
    async fn commands(app: &TestApp, router: RouterId) -> Vec<(String, i32, i32)> {
        let all = store::commands(app.db.read(), router, &PageOf::default()).await.unwrap().items;
        let mut all: Vec<_> = all.into_iter().map(|row| (row.id, (row.state, row.applied, row.superseded))).collect();
        all.sort();
        all.into_iter().map(|(_, told)| told).collect()
    }

    #[tokio::test]
    async fn what_was_wanted_otherwise_since_is_called_superseded_not_proven() {
        on_each_database(async |app| {
            let site = app.site("Kebon").await;
            let router = app.router(site, "RB-Kebon").await;
            let told = async |event: Event| told(&app, (router, site), event).await;
            let item = |name: &str, rev, status| {
                let (key, msg) = (name.to_owned(), String::new());
                ItemResult { kind: Kind::PppSecret, key, rev, status, code: None, msg }
            };
            // Three commands: all of the first, and half of the second, are wanted otherwise by the third.
            for names in [["budi"].as_slice(), &["ani", "siti"], &["budi", "siti"]] {
                app.clock.advance(chrono::Duration::seconds(1));
                wanted(&app, router, names).await;
            }
            told(Event::DesiredHave { rev: 5 }).await;
            let said = |state: &str, applied, superseded| (state.to_owned(), applied, superseded);
            let before = [said("superseded", 0, 1), said("delivered", 0, 0), said("delivered", 0, 0)];
            assert_eq!(commands(&app, router).await, before);
            // An agent that had it before tells so itself, and changes nothing.
            let items = vec![
                item("budi", 1, ItemStatus::Superseded),
                item("ani", 2, ItemStatus::Verified),
                item("siti", 3, ItemStatus::Superseded),
                item("budi", 4, ItemStatus::Verified),
                item("siti", 5, ItemStatus::Verified),
            ];
            told(Event::DesiredResult { items }).await;
            let after = [said("superseded", 0, 1), said("verified", 1, 1), said("verified", 2, 0)];
            assert_eq!(commands(&app, router).await, after);
        })
        .await;
    }

    #[tokio::test]
    async fn an_agent_that_was_overtaken_leaves_no_proof_of_nothing() {
        let app = TestApp::sqlite().await;
        let site = app.site("Kebon").await;
        let router = app.router(site, "RB-Kebon").await;
        let told = async |event: Event| told(&app, (router, site), event).await;
        wanted(&app, router, &["budi"]).await;
        told(Event::DesiredHave { rev: 1 }).await;
        app.clock.advance(chrono::Duration::seconds(1));
        wanted(&app, router, &["budi"]).await;
        let (kind, key, status) = (Kind::PppSecret, "budi".to_owned(), ItemStatus::Superseded);
        let item = ItemResult { kind, key, rev: 1, status, code: None, msg: String::new() };
        told(Event::DesiredResult { items: vec![item] }).await;
        let states: Vec<String> = commands(&app, router).await.into_iter().map(|(state, ..)| state).collect();
        assert_eq!(states, ["superseded", "requested"]);
    }
}
