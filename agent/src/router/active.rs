//! Who is online: polls an active list, at once when something wakes it.
//!
//! The poll is the truth; `listen` and the login hook only say when to look. Where neither works only latency suffers.

use std::{collections::BTreeMap, time::Duration};

use hiji_shared::{
    device::{Kind, Service},
    event::{Event, Source},
    script::Hint,
};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Reader, close, is_lost};
use crate::{
    ctx::Ctx,
    knowledge::slot,
    life,
    menus::active,
    routeros::{CallError, Row, RowStream, TrapKind},
    sessions::{ActiveRow, Look},
    usage,
};

/// Between a change and the look at it, so that several changes are one look.
const SETTLE: Duration = Duration::from_millis(100);
/// At least this long between looks.
const REST: Duration = Duration::from_millis(300);
/// A stream that ended or was refused is asked for again after this.
const LISTEN_AGAIN: Duration = Duration::from_secs(10);
/// Without `listen` the active list is asked for this often: a login is seen within five seconds all the same.
const ALONE: Duration = Duration::from_secs(4);
/// Until the look for a session that a script told of and the list did not show.
const EXPECTED: Duration = Duration::from_millis(500);
/// An answer slower than this, or a router busier than that, is asked half as often.
const SLOW_ANSWER: Duration = Duration::from_secs(1);
const BUSY_CPU_PERCENT: u32 = 85;
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// The look that follows a connection, before the menus are read.
///
/// # Errors
/// The connection is lost.
pub(super) async fn first_look(reader: &Reader<'_>, service: Service) -> Result<(), CallError> {
    match look(reader, service, Source::Resync).await {
        Err(error) if is_lost(&error) => Err(error),
        Err(error) => {
            tracing::warn!(%error, service = service.as_str(), "cannot read who is online");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// Looks once more, for counters as they are now.
///
/// # Errors
/// The router would not say.
pub(crate) async fn refresh(reader: &Reader<'_>, service: Service) -> Result<(), CallError> {
    look(reader, service, Source::Poll).await.map(drop)
}

/// Polls until the connection is lost.
pub(super) async fn run(reader: &Reader<'_>, service: Service) -> CallError {
    let mut listener = reader.client.listen(active::path(service)).await.ok();
    let mut took = Duration::ZERO;
    let mut expected = false;
    let mut ended: Option<Instant> = None;
    let mut last = Instant::now();
    loop {
        let interval = match (expected, &listener) {
            (true, _) => EXPECTED,
            (false, Some(_)) => interval(reader, took),
            (false, None) => interval(reader, took).min(ALONE.max(took * 4)),
        };
        let source = tokio::select! {
            row = next(&mut listener) => {
                match row {
                    Some(Ok(row)) => {
                        glimpse(reader.ctx, service, &row);
                        sleep(SETTLE).await;
                        Source::Stream
                    }
                    Some(Err(_)) | None => {
                        (listener, ended) = (None, Some(Instant::now()));
                        Source::Poll
                    }
                }
            }
            () = reader.ctx.active_wake(service).notified() => Source::Hook,
            () = sleep(interval) => Source::Poll,
        };
        sleep_until(last + REST.max(took * 2).min(LONGEST_INTERVAL)).await;
        drain(reader.ctx, service, &mut listener).await;
        let began = Instant::now();
        match look(reader, service, source).await {
            Ok(true) => {}
            Ok(false) => return std::future::pending().await,
            Err(error) if is_lost(&error) => return error,
            Err(error) => tracing::warn!(%error, service = service.as_str(), "cannot read who is online"),
        }
        expected = unseen(reader.ctx, service);
        (took, last) = (began.elapsed(), Instant::now());
        // A router that will not stream is not asked again with every look.
        if listener.is_none() && ended.is_none_or(|at| at.elapsed() >= LISTEN_AGAIN) {
            listener = reader.client.listen(active::path(service)).await.ok();
        }
    }
}

fn interval(reader: &Reader<'_>, took: Duration) -> Duration {
    let core = reader.ctx.core();
    let wanted = Duration::from_secs(u64::from(core.state.config().active_poll_secs.max(1)));
    let slow = took > SLOW_ANSWER || core.cpu_percent.is_some_and(|percent| percent > BUSY_CPU_PERCENT);
    if slow { (wanted * 2).min(LONGEST_INTERVAL.max(wanted)) } else { wanted }
}

async fn next(listener: &mut Option<RowStream>) -> Option<Result<Row, CallError>> {
    match listener {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

/// Throws away changes that the coming look will show anyway; who came is remembered.
async fn drain(ctx: &Ctx, service: Service, listener: &mut Option<RowStream>) {
    while let Ok(row) = tokio::time::timeout(Duration::ZERO, next(listener)).await {
        match row {
            Some(Ok(row)) => glimpse(ctx, service, &row),
            Some(Err(_)) | None => {
                *listener = None;
                return;
            }
        }
    }
}

/// Remembers who is in a row of the stream: he may be gone before the look.
fn glimpse(ctx: &Ctx, service: Service, row: &Row) {
    let Some(row) = active::read(service, row) else { return };
    let Some(uptime) = row.uptime_secs else { return };
    let now = ctx.moment();
    let mut core = ctx.core();
    let age_ms = i64::try_from(uptime).unwrap_or(i64::MAX).saturating_mul(1_000);
    let at_ms = core.now_ms(now).saturating_sub(age_ms);
    let (user, address, mac) = (row.user.into(), row.address.into(), row.mac.into());
    let hint = Hint { user, address, mac, ..Hint::default() };
    core.glimpses.login(service, &hint, Source::Stream, at_ms, now.mono_ms);
}

/// Deals with those who were told to have come and whom the list does not show. True: look again soon, a script may
/// run before its session stands in the list.
fn unseen(ctx: &Ctx, service: Service) -> bool {
    let now = ctx.moment();
    let mut core = ctx.core();
    let (expected, missing) = {
        let sessions = &core.sessions;
        core.glimpses.unseen(service, now.mono_ms, |user| sessions.of(service, user).next().is_some())
    };
    let kind = Kind::user_of(service);
    for user in missing {
        if life::glimpsed(ctx, &mut core, kind, &user) {
            // Counters of a session that ended are in the user's row.
            core.recheck[slot(kind)].insert(user);
            ctx.wake.menus[slot(kind)].notify_one();
        }
    }
    expected > 0
}

/// Reads the list and reports what changed. False: this router has no such list.
async fn look(reader: &Reader<'_>, service: Service, source: Source) -> Result<bool, CallError> {
    let ctx = reader.ctx;
    let asked_mono_ms = ctx.moment().mono_ms;
    let answer = match reader.client.call(active::print(service)).await {
        Ok(answer) => answer,
        Err(CallError::Trap(trap)) if trap.kind() == TrapKind::NoSuchCommand => {
            tracing::info!(service = service.as_str(), "this router has no such service");
            return Ok(false);
        }
        Err(error) => return Err(error),
    };
    let answered = ctx.moment();
    let mut rows: Vec<ActiveRow> = answer.rows.iter().filter_map(|row| active::read(service, row)).collect();
    if service == Service::Pppoe && !rows.is_empty() {
        add_counters(reader, &mut rows).await?;
    }
    let changed = {
        let mut core = ctx.core();
        let wall_ms = core.now_ms(answered);
        let at = Look { asked_mono_ms, answered_mono_ms: answered.mono_ms, wall_ms };
        let changes = core.sessions.look(service, &rows, at);
        let changed = !changes.logins.is_empty() || !changes.logouts.is_empty();
        for session in &changes.logins {
            // Known before it is told: a crash in between tells it again under the same sid.
            core.state.session_opened(session);
            core.notes.opened = true;
            ctx.emit(&mut core, &Event::SessionLogin { session: session.clone(), src: source });
        }
        close(ctx, &mut core, changes.logouts);
        usage::looked(&mut core, service, asked_mono_ms);
        life::sessions_seen(ctx, &mut core, service, source) || changed
    };
    if changed {
        ctx.commit().await;
    }
    Ok(true)
}

/// PPPoE sessions are counted by their dynamic interfaces.
async fn add_counters(reader: &Reader<'_>, rows: &mut [ActiveRow]) -> Result<(), CallError> {
    let answer = match reader.client.call(active::print_ppp_counters()).await {
        Ok(answer) => answer,
        Err(error) if is_lost(&error) => return Err(error),
        // Counters only: the list itself stands.
        Err(_refused) => return Ok(()),
    };
    let counters: BTreeMap<String, (u64, u64)> = answer
        .rows
        .iter()
        .filter_map(active::read_ppp_counter)
        .map(|(user, bytes_in, bytes_out)| (user, (bytes_in, bytes_out)))
        .collect();
    for row in rows {
        if let Some((bytes_in, bytes_out)) = counters.get(&*row.user) {
            (row.bytes_in, row.bytes_out) = (Some(*bytes_in), Some(*bytes_out));
        }
    }
    Ok(())
}
