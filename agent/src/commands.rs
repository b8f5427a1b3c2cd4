//! Commands of the controller: believed only with its signature, done once, answered with an event.

use hiji_shared::{
    agent_id::AgentId,
    command::{Command, CommandResult, CommandStatus, Op},
    desired::{Desired, ItemStatus, Rev},
    device::Kind,
    event::Event,
    signed,
};

use crate::{
    ctx::Ctx,
    due,
    knowledge::{Core, HookTest, Kick, slot},
    routeros::CallError,
    state::PutError,
};

/// Answers one command as it came over the wire.
pub(crate) async fn handle(ctx: &Ctx, token: &[u8]) {
    let began = ctx.moment().mono_ms;
    let Ok(token) = std::str::from_utf8(token) else {
        tracing::warn!("a command that is no text is dropped");
        return;
    };
    let command: Command = match signed::verify(&ctx.keys.command, token) {
        Ok(command) => command,
        Err(error) => {
            // Without a signature there is nobody to answer.
            tracing::warn!(%error, "a command is not believed");
            return;
        }
    };
    answer(ctx, command, began);
    ctx.commit().await;
}

fn answer(ctx: &Ctx, command: Command, began: u64) {
    let mut core = ctx.core();
    if let Some(known) = core.state.result(&command.jti).cloned() {
        ctx.emit(&mut core, &Event::CommandResult(known));
        return;
    }
    let Command { aud, jti, exp, op, .. } = command;
    let name = op.name();
    let outcome = match refusal(ctx, &core, &aud, exp) {
        Some((status, code)) => Some((status, code, String::new())),
        None => run(ctx, &mut core, op, &jti, began),
    };
    if let Some((status, code, msg)) = outcome {
        finish(
            ctx,
            &mut core,
            CommandResult {
                id: jti,
                op: name.to_owned(),
                status,
                code: code.to_owned(),
                msg,
                took_ms: took(ctx, began),
            },
        );
    }
}

type Outcome = (CommandStatus, &'static str, String);

fn ok() -> Outcome {
    (CommandStatus::Ok, "", String::new())
}

fn refusal(ctx: &Ctx, core: &Core, aud: &AgentId, exp: i64) -> Option<(CommandStatus, &'static str)> {
    if *aud != ctx.agent {
        return Some((CommandStatus::Rejected, "not_for_this_agent"));
    }
    let now = ctx.moment();
    // A clock that nobody vouches for refuses nothing.
    let knows = core.clocks.confirmed(now.mono_ms);
    (knows && exp < core.now_ms(now) / 1_000).then_some((CommandStatus::Expired, "expired"))
}

/// Does it; `None` = it is answered later.
fn run(ctx: &Ctx, core: &mut Core, op: Op, jti: &str, began: u64) -> Option<Outcome> {
    match op {
        Op::Ping => Some(ok()),
        Op::DesiredPut { from_rev, to_rev, reset, objects } => Some(put(ctx, core, (from_rev, to_rev), reset, objects)),
        Op::DesiredRetry => {
            core.retry_failed();
            core.rescan = [true; 4];
            ctx.wake.apply.notify_one();
            ctx.wake.isolation.notify_one();
            ctx.wake.router.notify_one();
            ctx.wake.menus.iter().for_each(tokio::sync::Notify::notify_one);
            Some(ok())
        }
        Op::Snapshot { kind } => {
            for kind in Kind::ALL.into_iter().filter(|known| kind.is_none_or(|kind| kind == *known)) {
                core.rescan[slot(kind)] = true;
                ctx.wake.menus[slot(kind)].notify_one();
            }
            Some(ok())
        }
        Op::HookTest => {
            if core.reach != Some(true) {
                return Some((CommandStatus::Failed, "router_unreachable", String::new()));
            }
            // The same again while it runs is the same test.
            if core.hook_tests.iter().all(|test| test.jti != jti) {
                core.hook_tests.push(HookTest { jti: jti.to_owned(), since_mono_ms: began });
            }
            ctx.wake.hook_test.notify_one();
            None
        }
        Op::SessionKick { service, user } => {
            if core.reach != Some(true) {
                return Some((CommandStatus::Failed, "router_unreachable", String::new()));
            }
            let op = "session.kick";
            core.kicks.push(Kick { service, user, jti: jti.to_owned(), op, since_mono_ms: began });
            ctx.wake.due.notify_one();
            None
        }
    }
}

fn put(ctx: &Ctx, core: &mut Core, (from_rev, to_rev): (Rev, Rev), reset: bool, objects: Vec<Desired>) -> Outcome {
    let ended: Vec<_> = objects
        .iter()
        .filter_map(|object| {
            let (why, _) = core.state.get(object.kind(), object.name())?.ended()?;
            Some((object.kind(), object.name().to_owned(), why))
        })
        .collect();
    let taken = match core.state.put(from_rev, to_rev, reset, objects) {
        Ok(taken) => taken,
        Err(error @ PutError::Gap { .. }) => return (CommandStatus::Rejected, "gap", error.to_string()),
        Err(PutError::Disk(error)) => {
            tracing::error!(%error, "cannot keep the desired state");
            return (CommandStatus::Failed, "disk_full", error.to_string());
        }
    };
    let now = core.now_ms(ctx.moment()) / 1_000;
    // What ended and is wanted with more than it had is not over any more.
    for (kind, name, why) in ended {
        let Some(entry) = core.state.get(kind, &name) else { continue };
        if entry.user().is_some_and(|user| !user.over) && !due::still_over(entry, why, now) {
            core.state.set_life(kind, &name, |life| (life.ended, life.end_done) = (None, false));
        }
    }
    for (kind, name, rev) in &taken.stale {
        core.report(*kind, name, *rev, ItemStatus::Superseded, None);
    }
    for (kind, name) in &taken.fresh {
        if *kind == Kind::Isolation {
            ctx.wake.isolation.notify_one();
        } else {
            core.enqueue(*kind, name);
        }
    }
    let rev = core.state.have_rev();
    ctx.emit(core, &Event::DesiredHave { rev });
    ctx.wake.apply.notify_one();
    ctx.wake.due.notify_one();
    ok()
}

/// A kick was done, or could not be.
pub(crate) fn kicked(ctx: &Ctx, kick: &Kick, error: Option<CallError>) {
    let (status, code) = match &error {
        None => (CommandStatus::Ok, ""),
        Some(error) if crate::router::is_lost(error) => (CommandStatus::Failed, "router_unreachable"),
        Some(_) => (CommandStatus::Failed, "router_refused"),
    };
    let result = CommandResult {
        id: kick.jti.clone(),
        op: kick.op.to_owned(),
        status,
        code: code.to_owned(),
        msg: error.map(|error| error.to_string()).unwrap_or_default(),
        took_ms: took(ctx, kick.since_mono_ms),
    };
    finish(ctx, &mut ctx.core(), result);
}

/// Keeps a result, then reports it.
fn finish(ctx: &Ctx, core: &mut Core, result: CommandResult) {
    tracing::info!(command = result.op, status = ?result.status, code = result.code, "a command was answered");
    core.state.remember_result(&result);
    ctx.emit(core, &Event::CommandResult(result));
}

fn took(ctx: &Ctx, began: u64) -> u32 {
    u32::try_from(ctx.moment().mono_ms.saturating_sub(began)).unwrap_or(u32::MAX)
}
