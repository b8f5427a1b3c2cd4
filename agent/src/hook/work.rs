//! What a call of a script sets in motion, after it was answered.

use std::{sync::atomic::Ordering, time::Duration};

use hiji_shared::{
    device::Kind,
    event::{Event, Source},
    script::Hint,
};
use tokio::{sync::mpsc, time::Instant};

use super::{Endpoint, Report};
use crate::{ctx::Ctx, knowledge::slot};

/// Wrong tokens are counted this often, and told at most so often.
const COUNT_EVERY: Duration = Duration::from_secs(5);
const TELL_EVERY: Duration = Duration::from_secs(3_600);

/// Works until the endpoint is gone.
pub(super) async fn run(ctx: &Ctx, endpoint: &Endpoint, mut reports: mpsc::Receiver<Report>) {
    let mut count = tokio::time::interval(COUNT_EVERY);
    let mut told: Option<Instant> = None;
    loop {
        tokio::select! {
            report = reports.recv() => match report {
                Some(report) => take(ctx, report),
                None => return,
            },
            _ = count.tick() => {
                if told.is_none_or(|at| at.elapsed() >= TELL_EVERY) && endpoint.wrong.load(Ordering::Relaxed) > 0 {
                    told = Some(Instant::now());
                    tell_wrong(ctx, endpoint.wrong.swap(0, Ordering::Relaxed));
                    ctx.commit().await;
                }
            }
        }
    }
}

fn tell_wrong(ctx: &Ctx, calls: u32) {
    tracing::warn!(calls, "the hook was called with a wrong token: an old script, or somebody tries");
    let msg = format!("{calls} calls with a wrong token: an old script on the router, or somebody tries");
    ctx.emit(&mut ctx.core(), &Event::Alert { code: "hook_wrong_token".to_owned(), msg });
}

fn take(ctx: &Ctx, Report { slot: script, hint }: Report) {
    let service = script.service();
    if let Some(hint) = hint {
        let now = ctx.moment();
        let mut core = ctx.core();
        if script.begins() {
            let at_ms = core.now_ms(now);
            core.glimpses.login(service, &hint, Source::Hook, at_ms, now.mono_ms);
        } else {
            let kind = Kind::user_of(service);
            if core.state.get(kind, &hint.user).is_some() {
                // Its counters are in its row now, also when no look ever showed the session.
                core.recheck[slot(kind)].insert(hint.user.as_str().into());
                ctx.wake.menus[slot(kind)].notify_one();
            }
            let at_ms = core.now_ms(now);
            // The call of the login may have been lost, or be behind this one.
            let lived_ms = i64::try_from(hint.uptime_secs.unwrap_or(0)).unwrap_or(0).saturating_mul(1_000);
            core.glimpses.login(service, &hint, Source::Hook, at_ms.saturating_sub(lived_ms), now.mono_ms);
            core.glimpses.logout(service, bounded(hint), at_ms, now.mono_ms);
        }
    }
    ctx.active_wake(service).notify_one();
}

/// The parts of a hint that are kept.
fn bounded(hint: Hint) -> Hint {
    Hint { interface: String::new(), address: String::new(), ..hint }
}
