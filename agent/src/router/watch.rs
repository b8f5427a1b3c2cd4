//! Watches one mirrored menu: `listen` tells which rows changed and only these are read again; where it does not run,
//! and now and then all the same, the menu is read in full.

use std::{collections::BTreeSet, time::Duration};

use hiji_shared::device::Kind;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Reader, is_lost};
use crate::{
    knowledge::{Core, slot},
    menus,
    routeros::{CallError, Row, RowStream, values},
    state::want::Progress,
};

/// Full print where `listen` runs.
const FULL_EVERY: Duration = Duration::from_secs(600);
/// Changes are collected for this long before the rows are read.
const COLLECT: Duration = Duration::from_millis(200);
/// Changes collected at most; more are read by a full print.
const MANY: usize = 200;
/// A full print that many changes ask for waits this long, so that an import of thousands asks once.
const MANY_WAIT: Duration = Duration::from_secs(5);

/// Watches until the connection is lost.
pub(crate) async fn run(reader: &Reader<'_>, kind: Kind) -> CallError {
    if reader.unsupported(kind) {
        return std::future::pending().await;
    }
    let mut listener = listen(reader, kind).await;
    let mut full_at = Instant::now() + full_every(reader, listener.is_some());
    loop {
        let done = tokio::select! {
            row = next(&mut listener) => changed(reader, kind, row, &mut listener, &mut full_at).await,
            () = reader.ctx.wake.menus[slot(kind)].notified() => asked(reader, kind).await,
            () = sleep_until(full_at) => {
                full_at = Instant::now() + full_every(reader, listener.is_some());
                let scanned = reader.scan(kind).await;
                if listener.is_none() {
                    listener = listen(reader, kind).await;
                }
                scanned
            }
        };
        match done {
            Err(error) if is_lost(&error) => return error,
            Err(error) => tracing::warn!(%error, menu = menus::of(kind).path(), "cannot read a menu"),
            Ok(()) => {}
        }
    }
}

fn full_every(reader: &Reader<'_>, listening: bool) -> Duration {
    if listening { FULL_EVERY } else { Duration::from_secs(u64::from(reader.ctx.config.poll_secs)) }
}

async fn listen(reader: &Reader<'_>, kind: Kind) -> Option<RowStream> {
    reader.client.listen(menus::of(kind).path()).await.ok()
}

/// The next change; never, where nothing listens.
async fn next(listener: &mut Option<RowStream>) -> Option<Result<Row, CallError>> {
    match listener {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

/// Collects changes for a moment, then reads the rows they name.
async fn changed(
    reader: &Reader<'_>,
    kind: Kind,
    first: Option<Result<Row, CallError>>,
    listener: &mut Option<RowStream>,
    full_at: &mut Instant,
) -> Result<(), CallError> {
    let until = Instant::now() + COLLECT;
    let (mut names, mut ids) = (BTreeSet::new(), Vec::new());
    let mut row = first;
    loop {
        match row {
            Some(Ok(row)) if row.has(".dead") && values::parse_bool(&row.text(".dead")) != Some(false) => {
                ids.push(row.text(".id").into_owned());
            }
            Some(Ok(row)) => {
                names.insert(Box::from(row.text("name").as_ref()));
            }
            Some(Err(error)) => {
                tracing::debug!(%error, menu = menus::of(kind).path(), "listening ended");
                *listener = if error == CallError::Lagged { listen(reader, kind).await } else { None };
                *full_at = (*full_at).min(Instant::now() + full_every(reader, false));
                break;
            }
            None => {
                *listener = None;
                *full_at = (*full_at).min(Instant::now() + full_every(reader, false));
                break;
            }
        }
        match timeout_at(until, next(listener)).await {
            Ok(more) => row = more,
            Err(_elapsed) => break,
        }
    }
    let names: Vec<Box<str>> = {
        let core = reader.ctx.core();
        names.extend(core.table(kind).names_of(&ids));
        names.into_iter().filter(|name| !name.is_empty() && !being_written(&core, kind, name)).collect()
    };
    if names.len() > MANY {
        *full_at = (*full_at).min(Instant::now() + MANY_WAIT);
        return Ok(());
    }
    reader.by_names(kind, &names).await
}

/// Is it hiji's own change, which is read back anyway?
fn being_written(core: &Core, kind: Kind, name: &str) -> bool {
    let progress = core.state.get(kind, name).map(|entry| &entry.progress);
    matches!(progress, Some(Progress::Queued | Progress::Written))
}

/// Somebody asked for rows, or for the whole menu.
async fn asked(reader: &Reader<'_>, kind: Kind) -> Result<(), CallError> {
    let (all, names) = {
        let mut core = reader.ctx.core();
        let names = std::mem::take(&mut core.recheck[slot(kind)]);
        (std::mem::take(&mut core.rescan[slot(kind)]), names)
    };
    if all {
        let scanned = reader.scan(kind).await;
        reader.ctx.core().snapshots.insert(kind);
        reader.ctx.wake.uplink.notify_one();
        return scanned;
    }
    let names: Vec<Box<str>> = names.into_iter().collect();
    reader.by_names(kind, &names).await
}
