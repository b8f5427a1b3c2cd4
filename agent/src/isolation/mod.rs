//! Makes the router have what isolates customers: reads the few menus it is about, does what is missing in order, reads
//! back, and reports the proof or the router's own words. Looks again and again, so that what somebody deleted in
//! WinBox comes back.
//!
//! Nothing here needs to survive: each round compares what is wanted (in the state, on disk) with what is there, so a
//! round that was cut off anywhere is finished by the next one.

mod diff;

use std::time::Duration;

use hiji_shared::{
    desired::{FailCode, ItemResult, ItemStatus, Rev},
    device::Kind,
    event::Event,
    isolation::{self, DesiredIsolation, Line, Menu, NAME, Release},
};
use tokio::time::{Instant, sleep};

use self::diff::{Act, Refusal, Seen};
use crate::{
    ctx::Ctx,
    knowledge::Core,
    router::{Reader, fail_code, is_lost},
    routeros::{CallError, Request, TrapKind, values},
    state::want::Want,
};

/// Rounds of looking and doing, before what is there counts as wrong.
const ROUNDS: usize = 4;
/// All of it is read again this often; in between it is only counted, which costs a router next to nothing.
const LOOK_AGAIN: Duration = Duration::from_secs(600);
/// After the first look of a connection.
const LOOK_SOON: Duration = Duration::from_secs(5);
/// Tried again when the router would not, doubling.
const RETRY_FIRST: Duration = Duration::from_secs(60);
const RETRY_LONGEST: Duration = Duration::from_secs(600);
/// Rules that were put back are told at most this often.
const PUT_BACK_TELL_MS: u64 = 600_000;

/// What is wanted, and of which revision.
#[derive(Debug, Clone)]
struct Wanted {
    rev: Rev,
    spec: DesiredIsolation,
}

/// How a look ended.
enum Outcome {
    /// Nothing is wanted, or all of it was proven before.
    Still,
    /// As wanted; this was done for it.
    Right {
        acts: usize,
    },
    Refused(Refusal),
}

/// Keeps it so until the connection is lost.
pub(crate) async fn run(reader: &Reader<'_>) -> CallError {
    let mut retry = RETRY_FIRST;
    // What the last connection had on its way may come after the first look: another follows soon.
    let mut is_first = true;
    loop {
        let wanted = wanted(&reader.ctx.core());
        let outcome = match &wanted {
            None => Ok(Outcome::Still),
            Some(wanted) => look(reader, wanted).await,
        };
        let well = match outcome {
            Err(error) if is_lost(&error) => return error,
            Err(error) => {
                tracing::warn!(%error, "cannot look after what isolates customers");
                false
            }
            Ok(outcome) => !matches!(outcome, Outcome::Refused(_)),
        };
        let wait = match (well, std::mem::take(&mut is_first)) {
            (false, _) => retry,
            (true, true) => LOOK_SOON,
            (true, false) => LOOK_AGAIN,
        };
        retry = if well { RETRY_FIRST } else { (retry * 2).min(RETRY_LONGEST) };
        tokio::select! {
            () = reader.ctx.wake.isolation.notified() => {}
            () = sleep(wait) => {}
            error = missing(reader, wanted.as_ref().filter(|_| well)) => if let Some(error) = error { return error },
        }
    }
}

/// Waits until there is less or more of it than after the last look, counting now and then; or says that the connection
/// is lost.
async fn missing(reader: &Reader<'_>, wanted: Option<&Wanted>) -> Option<CallError> {
    let Some(wanted) = wanted else { return std::future::pending().await };
    let lines = isolation::plan(&wanted.spec, Release::of(&reader.ctx.core().facts.version));
    let mut before = None;
    loop {
        let counts = match counts(reader, &lines).await {
            Ok(counts) => counts,
            Err(error) if is_lost(&error) => return Some(error),
            Err(error) => {
                tracing::debug!(%error, "the router does not count");
                return std::future::pending().await;
            }
        };
        if *before.get_or_insert_with(|| counts.clone()) != counts {
            return None;
        }
        sleep(Duration::from_secs(u64::from(reader.ctx.config.poll_secs))).await;
    }
}

/// How many of each menu's lines are there. Profiles are mirrored and tell of themselves.
async fn counts(reader: &Reader<'_>, lines: &[Line]) -> Result<Vec<Option<String>>, CallError> {
    let mut counts = Vec::new();
    for menu in [Menu::Pool, Menu::AddressList, Menu::Filter, Menu::Nat] {
        counts.push(reader.client.call(count(menu, lines)).await?.ret);
    }
    Ok(counts)
}

/// Asks how many of a menu's lines are there.
fn count(menu: Menu, lines: &[Line]) -> Request {
    let field = if menu == Menu::Pool { "name" } else { "comment" };
    let mut values: Vec<&str> = lines.iter().filter(|line| line.menu == menu).map(|line| line.field(field)).collect();
    values.dedup();
    // One that nobody has, so that no values are no query for all.
    values.push("-");
    let print = Request::new(&format!("{}/print", menu.path())).attr("count-only", "");
    let request = values.iter().fold(print, |request, value| request.query(format!("?{field}={value}")));
    if values.len() > 1 { request.query(format!("?#{}", "|".repeat(values.len() - 1))) } else { request }
}

fn wanted(core: &Core) -> Option<Wanted> {
    let entry = core.state.get(Kind::Isolation, NAME)?;
    let spec = match &entry.want {
        Want::Isolation(spec) => (**spec).clone(),
        Want::Gone => DesiredIsolation { gone: true, ..DesiredIsolation::default() },
        Want::User(_) | Want::Profile(_) | Want::Forgotten => return None,
    };
    // What is gone and was told so needs no more looks.
    let done = spec.gone && entry.verified_rev == entry.rev;
    (!done).then_some(Wanted { rev: entry.rev, spec })
}

/// Looks, does what is missing, and reports what is new.
async fn look(reader: &Reader<'_>, wanted: &Wanted) -> Result<Outcome, CallError> {
    let began = Instant::now();
    let outcome = settle(reader, wanted).await?;
    match &outcome {
        Outcome::Still => {}
        Outcome::Right { acts } => {
            proven(reader.ctx, wanted.rev, *acts);
            if *acts > 0 {
                tracing::info!(acts, took_ms = began.elapsed().as_millis(), "what isolates customers is as wanted");
                // Users that wait for these profiles go on at once.
                let spec = &wanted.spec;
                for (kind, name) in
                    [(Kind::PppProfile, &spec.ppp_profile), (Kind::HotspotProfile, &spec.hotspot_profile)]
                {
                    if !name.is_empty() {
                        reader.by_names(kind, &[name.as_str().into()]).await?;
                    }
                }
            }
        }
        Outcome::Refused((code, why)) => refused(reader.ctx, wanted.rev, *code, why),
    }
    reader.ctx.commit().await;
    Ok(outcome)
}

async fn settle(reader: &Reader<'_>, wanted: &Wanted) -> Result<Outcome, CallError> {
    let release = Release::of(&reader.ctx.core().facts.version);
    let lines = isolation::plan(&wanted.spec, release);
    let mut done = 0;
    for _ in 0..ROUNDS {
        let seen = match read(reader).await? {
            Ok(seen) => seen,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        let acts = {
            let core = reader.ctx.core();
            if self::wanted(&core).is_none_or(|now| now.rev != wanted.rev) {
                // Something else is wanted by now: that is looked at next.
                reader.ctx.wake.isolation.notify_one();
                return Ok(Outcome::Still);
            }
            diff::acts(&lines, &seen, &|menu, name| users_of(&core, menu, name))
        };
        let acts = match acts {
            Ok(acts) if acts.is_empty() => return Ok(Outcome::Right { acts: done }),
            Ok(acts) => acts,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        for act in &acts {
            if let Err(refusal) = perform(reader, act).await? {
                return Ok(Outcome::Refused(refusal));
            }
            done += 1;
        }
    }
    Ok(Outcome::Refused((FailCode::Mismatch, "what was read back differs from what was written".to_owned())))
}

/// How many users have a profile, as far as was seen.
fn users_of(core: &Core, menu: Menu, name: &str) -> usize {
    let kind = match menu {
        Menu::PppProfile => Kind::PppSecret,
        Menu::HotspotProfile => Kind::HotspotUser,
        Menu::Pool | Menu::AddressList | Menu::Filter | Menu::Nat => return 0,
    };
    core.table(kind).rows().filter_map(|row| row.user()).filter(|user| &*user.profile == name).count()
}

/// Reads the menus. A menu the router does not have is left out; one it does not show is a refusal.
async fn read(reader: &Reader<'_>) -> Result<Result<Seen, Refusal>, CallError> {
    let mut seen = Seen::new();
    for menu in Menu::ALL {
        let request = Request::new(&format!("{}/print", menu.path())).proplist(&diff::fields(menu));
        match reader.client.call(request).await {
            Ok(answer) => {
                let is_static = |row: &crate::routeros::Row| values::parse_bool(&row.text("dynamic")) != Some(true);
                seen.insert(menu, answer.rows.into_iter().filter(is_static).collect());
            }
            Err(CallError::Trap(trap)) if trap.kind() == TrapKind::NoSuchCommand => {}
            Err(CallError::Trap(trap)) => {
                return Ok(Err((fail_code(trap.kind()), format!("{}: {trap}", menu.path()))));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Ok(seen))
}

/// Does one act. What is not known to have happened, or was done already, shows at the next look.
async fn perform(reader: &Reader<'_>, act: &Act) -> Result<Result<(), Refusal>, CallError> {
    match reader.client.write(request(act)).await {
        Ok(_) | Err(CallError::OutcomeUnknown) => Ok(Ok(())),
        Err(CallError::Trap(trap)) if matches!(trap.kind(), TrapKind::NoSuchItem | TrapKind::Duplicate) => Ok(Ok(())),
        Err(CallError::Trap(trap)) => {
            let why = format!("{}: {trap}", diff::menu_of(act).path());
            tracing::warn!(%trap, ?act, "the router would not");
            Ok(Err((fail_code(trap.kind()), why)))
        }
        Err(error) => Err(error),
    }
}

fn request(act: &Act) -> Request {
    let command = |verb: &str| Request::new(&format!("{}/{verb}", diff::menu_of(act).path()));
    match act {
        Act::Add { fields, before, .. } => {
            let request = fields.iter().fold(command("add"), |request, (name, value)| request.attr(name, value));
            match before {
                Some(id) => request.attr("place-before", id),
                None => request,
            }
        }
        Act::Set { id, fields, .. } => {
            fields.iter().fold(command("set").attr(".id", id), |request, (name, value)| match value {
                Some(value) => request.attr(name, value),
                None => request.clear(name),
            })
        }
        Act::Move { id, before, .. } => command("move").attr("numbers", id).attr("destination", before),
        Act::Remove { id, .. } => command("remove").attr(".id", id),
    }
}

/// It is as wanted: told once for each revision, and when it was put back.
fn proven(ctx: &Ctx, rev: Rev, acts: usize) {
    let mut core = ctx.core();
    let Some(entry) = core.state.get_mut(Kind::Isolation, NAME).filter(|entry| entry.rev == rev) else { return };
    let known = entry.verified_rev == rev;
    let news = !known || entry.told_failure.take().is_some();
    if news {
        report(ctx, &mut core, rev, ItemStatus::Verified, None);
        core.notes.applied.push((Kind::Isolation, NAME.to_owned(), rev));
    } else if acts > 0 {
        let now = ctx.moment().mono_ms;
        if core.isolation_told.is_none_or(|told| now.saturating_sub(told) >= PUT_BACK_TELL_MS) {
            core.isolation_told = Some(now);
            let msg = "what isolates customers was changed on the router and was put back".to_owned();
            ctx.emit(&mut core, &Event::Alert { code: "isolation_put_back".to_owned(), msg });
        }
    }
}

/// It cannot be now: told once for each reason.
fn refused(ctx: &Ctx, rev: Rev, code: FailCode, why: &str) {
    let mut core = ctx.core();
    let Some(entry) = core.state.get_mut(Kind::Isolation, NAME).filter(|entry| entry.rev == rev) else { return };
    if entry.told_failure.replace((rev, code)) != Some((rev, code)) {
        tracing::warn!(?code, why, "what isolates customers cannot be made");
        report(ctx, &mut core, rev, ItemStatus::Failed, Some((code, why)));
    }
}

fn report(ctx: &Ctx, core: &mut Core, rev: Rev, status: ItemStatus, why: Option<(FailCode, &str)>) {
    let mut msg = why.map(|(_, msg)| msg.to_owned()).unwrap_or_default();
    msg.truncate(msg.floor_char_boundary(crate::knowledge::MAX_MESSAGE));
    let code = why.map(|(code, _)| code);
    let item = ItemResult { kind: Kind::Isolation, key: NAME.to_owned(), rev, status, code, msg };
    ctx.emit(core, &Event::DesiredResult { items: vec![item] });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_by_what_they_are_known_by() {
        let spec = DesiredIsolation {
            hotspot_profile: "isolir".to_owned(),
            list: "isolir".to_owned(),
            allowed: vec!["wa.me".to_owned(), "x.net".to_owned()],
            ..DesiredIsolation::default()
        };
        let lines = isolation::plan(&spec, Release::V7);
        let words = |menu| -> Vec<String> {
            count(menu, &lines).words().iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
        };
        let both_hosts =
            ["/ip/firewall/address-list/print", "=count-only=", "?comment=hiji isolation", "?comment=-", "?#|"];
        assert_eq!(words(Menu::AddressList), both_hosts);
        assert_eq!(words(Menu::Nat), ["/ip/firewall/nat/print", "=count-only=", "?comment=-"]);
    }
}
