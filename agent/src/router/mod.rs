//! The router's side of the agent: keeps one connection, reads what is there, and runs what watches and changes it.
//!
//! A lost connection is normal: everything is read again after the next one, so nothing depends on having seen every
//! change. Each job is a loop of its own in one file; they share the connection, which answers many commands at once.

pub(crate) mod active;
mod read;
mod watch;

use std::time::Duration;

use hiji_shared::{
    device::{Kind, RouterFacts, Service},
    event::{Event, Logout},
};
use secrecy::SecretString;

pub(crate) use self::read::{Reader, fail_code, row_json, wire_rows};
use crate::{
    apply,
    config::RouterTls,
    ctx::Ctx,
    hook, isolation,
    knowledge::Core,
    life,
    menus::system,
    routeros::{CallError, Client, ConnectError, ConnectOptions, Tls, backoff::Backoff},
    state::want::{Progress, Want},
};

/// A connection that held this long was a good one.
const GOOD_CONNECTION: Duration = Duration::from_secs(30);
/// Clock, uptime and load are looked at this often while the clock is in doubt, and every so many rounds otherwise.
const CLOCK_TICK: Duration = Duration::from_secs(10);
const CLOCK_EVERY_TICKS: u32 = 6;
/// Facts are read and told every so many ticks.
const FACTS_EVERY_TICKS: u32 = 60;
/// An uptime this much behind is a reboot.
const REBOOT_SECS: u64 = 10;

/// How to reach the router of these settings.
pub(crate) fn options(address: &crate::config::RouterAddress) -> ConnectOptions {
    let password = SecretString::from(address.password.expose().to_owned());
    let tls = match &address.tls {
        RouterTls::Off => Tls::Plain,
        RouterTls::Unverified => Tls::Insecure,
        RouterTls::Fingerprint(print) => Tls::Fingerprint(*print),
    };
    ConnectOptions { tls, ..ConnectOptions::new(&address.host, address.port, &address.user, password) }
}

/// Keeps the router connected and served until the agent stops.
pub(crate) async fn keep(ctx: &Ctx) {
    let options = options(&ctx.config.router);
    let mut backoff = Backoff::new();
    loop {
        let connected = tokio::select! {
            connected = Client::connect(&options) => connected,
            () = ctx.stop.cancelled() => return,
        };
        match connected {
            Ok(client) => {
                let since = tokio::time::Instant::now();
                let ended = tokio::select! {
                    ended = serve(ctx, &client) => ended,
                    reason = client.closed() => { tracing::warn!(%reason, "the router's connection ended"); None }
                    () = ctx.stop.cancelled() => return,
                };
                if let Some(error) = ended {
                    tracing::warn!(%error, "the router could not be served; connecting anew");
                }
                if since.elapsed() > GOOD_CONNECTION {
                    backoff.reset();
                }
                lost(ctx, "the connection was lost");
            }
            Err(error) => lost(ctx, &plain(&error)),
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next_wait()) => {}
            () = ctx.wake.router.notified() => backoff.reset(),
            () = ctx.stop.cancelled() => return,
        }
    }
}

/// A connection error as a sentence, with its cause.
pub(crate) fn plain(error: &ConnectError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error} ({source})"),
        None => error.to_string(),
    }
}

fn lost(ctx: &Ctx, why: &str) {
    let mut core = ctx.core();
    if core.reach != Some(false) {
        tracing::warn!(router = ctx.config.router.host, why, "the router cannot be reached");
        core.reach = Some(false);
        ctx.emit(&mut core, &Event::RouterReach { ok: false, error: why.to_owned() });
    }
    // What was on its way has an unknown outcome; the next connection compares everything.
    core.queue.clear();
    for kind in Kind::ALL {
        core.table_mut(kind).abort_scan();
        let names: Vec<Box<str>> = core
            .state
            .iter(kind)
            .filter(|(_, entry)| matches!(entry.progress, Progress::Queued | Progress::Written))
            .map(|(name, _)| name.into())
            .collect();
        for name in names {
            if let Some(entry) = core.state.get_mut(kind, &name) {
                entry.progress = Progress::Unknown;
            }
        }
    }
}

/// Serves one connection until it fails. Who is online and what falls due is looked after while the menus are still
/// being read: on a weak router with many users that takes a while.
async fn serve(ctx: &Ctx, client: &Client) -> Option<CallError> {
    let reader = Reader::new(ctx, client);
    if let Err(error) = begin(ctx, client, &reader).await {
        return Some(error);
    }
    let ended = tokio::select! {
        ended = mirror(&reader) => ended,
        ended = life::run(&reader) => ended,
        ended = facts(ctx, client) => ended,
        ended = hook::probe::run(&reader) => ended,
        ended = active::run(&reader, Service::Hotspot) => ended,
        ended = active::run(&reader, Service::Pppoe) => ended,
    };
    Some(ended)
}

/// Reads every mirrored menu, then keeps up with them and makes them as wanted.
async fn mirror(reader: &Reader<'_>) -> CallError {
    for kind in Kind::ALL {
        if let Err(error) = reader.scan(kind).await {
            return error;
        }
    }
    reader.ctx.commit().await;
    tokio::select! {
        ended = apply::run(reader) => ended,
        ended = isolation::run(reader) => ended,
        ended = watch::run(reader, Kind::HotspotProfile) => ended,
        ended = watch::run(reader, Kind::PppProfile) => ended,
        ended = watch::run(reader, Kind::HotspotUser) => ended,
        ended = watch::run(reader, Kind::PppSecret) => ended,
    }
}

/// The first look at a router: who it is and who is online.
async fn begin(ctx: &Ctx, client: &Client, reader: &Reader<'_>) -> Result<(), CallError> {
    let seen = system::read(client).await?;
    {
        let mut core = ctx.core();
        core.hook_url = ctx.hook_url(client.local_ip());
        note_clock(ctx, &mut core, seen.clock);
        tell_facts(ctx, &mut core, seen.facts);
        if core.reach != Some(true) {
            core.reach = Some(true);
            ctx.emit(&mut core, &Event::RouterReach { ok: true, error: String::new() });
        }
    }
    tracing::info!(router = ctx.config.router.host, "connected to the router");
    for service in [Service::Hotspot, Service::Pppoe] {
        active::first_look(reader, service).await?;
    }
    Ok(())
}

/// Looks at clock and load, and now and then at all facts.
async fn facts(ctx: &Ctx, client: &Client) -> CallError {
    let mut tick: u32 = 0;
    loop {
        tokio::time::sleep(CLOCK_TICK).await;
        tick = tick.wrapping_add(1);
        let all = tick.is_multiple_of(FACTS_EVERY_TICKS);
        if !all && !tick.is_multiple_of(CLOCK_EVERY_TICKS) && ctx.core().doubt.is_none() {
            continue;
        }
        let read = if all {
            system::read(client).await
        } else {
            let clock = system::read_clock(client).await;
            clock.map(|clock| system::Seen { facts: ctx.core().facts.clone(), clock })
        };
        let seen = match read {
            Ok(seen) => seen,
            Err(error) if is_lost(&error) => return error,
            Err(error) => {
                tracing::warn!(%error, "cannot read the router's clock");
                continue;
            }
        };
        let mut core = ctx.core();
        note_clock(ctx, &mut core, seen.clock);
        let changed = identity(&core.facts) != identity(&seen.facts);
        if changed || all {
            tell_facts(ctx, &mut core, seen.facts);
        }
        ctx.wake.due.notify_one();
    }
}

/// What of the facts is worth a report of its own when it changes.
fn identity(facts: &RouterFacts) -> ([&str; 5], &[String]) {
    let words = [&facts.identity, &facts.version, &facts.serial, &facts.hotspot_dns_name, &facts.hotspot_address];
    (words.map(String::as_str), &facts.hotspot_servers)
}

fn tell_facts(ctx: &Ctx, core: &mut Core, mut facts: RouterFacts) {
    facts.clock_skew_secs = core.clocks.skew_secs();
    facts.hook_url = core.hook_url.clone().unwrap_or_default();
    core.facts = facts.clone();
    ctx.emit(core, &Event::RouterFacts(facts));
}

/// Takes the router's clock as evidence, and notices a reboot.
fn note_clock(ctx: &Ctx, core: &mut Core, clock: system::Clock) {
    let now = ctx.moment();
    let expected = core.boot.map(|(at, uptime)| uptime.saturating_add(now.mono_ms.saturating_sub(at) / 1_000));
    if let (Some(uptime), Some(expected)) = (clock.uptime_secs, expected)
        && uptime.saturating_add(REBOOT_SECS) < expected
    {
        tracing::warn!("the router was restarted");
        let logouts = core.sessions.reboot();
        close(ctx, core, logouts);
    }
    if let Some(uptime) = clock.uptime_secs {
        core.boot = Some((now.mono_ms, uptime));
    }
    core.cpu_percent = clock.cpu_percent;
    core.clocks.router_says(clock.now_ms, clock.uptime_secs, now.wall_ms, now.mono_ms);
}

/// Reports sessions that closed.
fn close(ctx: &Ctx, core: &mut Core, logouts: Vec<Logout>) {
    if logouts.is_empty() {
        return;
    }
    core.notes.closed.extend(logouts.iter().map(|logout| logout.session.sid.clone()));
    let now = ctx.moment();
    for mut logout in logouts {
        core.glimpses.finish(&mut logout, now.mono_ms);
        // Its counters are in the user's row now.
        let kind = Kind::user_of(logout.session.service);
        if core.state.get(kind, &logout.session.user).is_some_and(|entry| matches!(entry.want, Want::User(_))) {
            core.recheck[crate::knowledge::slot(kind)].insert(logout.session.user.as_str().into());
            ctx.wake.menus[crate::knowledge::slot(kind)].notify_one();
        }
        ctx.emit(core, &Event::SessionLogout(logout));
    }
}

/// Is the connection gone, rather than one command refused?
pub(crate) fn is_lost(error: &CallError) -> bool {
    match error {
        CallError::Closed | CallError::Fatal(_) => true,
        CallError::Trap(_)
        | CallError::IdleTimeout
        | CallError::OutcomeUnknown
        | CallError::Lagged
        | CallError::TooLarge(_) => false,
    }
}
