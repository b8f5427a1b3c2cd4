//! What to do so that a profile is as wanted. One that hiji made follows in everything; of one that is the admin's only
//! the marker and hiji's block in its scripts are touched.

use hiji_shared::{
    desired::{DesiredProfile, FailCode, Marking},
    device::Kind,
    script::{self, ScriptError, Slot},
};

use super::{Around, Fields, Step, taken};
use crate::{
    mirror::{ProfileRow, Script},
    state::want::Entry,
};

/// The step for one profile.
pub(super) fn step(profile: &DesiredProfile, entry: &Entry, row: Option<&ProfileRow>, around: &Around<'_>) -> Step {
    if profile.hooks && profile.scripts_only && around.hook.is_none() {
        let why = "this agent has no hook that the router could call: set HIJI_HOOK_LISTEN";
        return Step::Refuse(FailCode::Unsupported, why.to_owned());
    }
    let wants = profile.hooks || profile.marking == Marking::Set;
    match row {
        None if !profile.scripts_only => {}
        None if !wants => return Step::Right,
        None => return Step::Refuse(FailCode::MissingReference, format!("no profile {} on the router", profile.name)),
        Some(row) if !profile.scripts_only && (row.builtin || !(entry.applied || row.row.marked)) => {
            return taken(&profile.name);
        }
        Some(_) => {}
    }
    let fields = match fields(profile, row, around) {
        Ok(fields) => fields,
        Err(error @ ScriptError::Mikhmon) => return Step::Refuse(FailCode::Other, error.to_string()),
        Err(error @ ScriptError::TooLong { .. }) => return Step::Refuse(FailCode::BadValue, error.to_string()),
    };
    match row {
        None => Step::Add(fields),
        Some(_) if fields == Fields::default() => Step::Right,
        Some(row) => Step::Change { id: row.id.clone(), fields },
    }
}

fn fields(profile: &DesiredProfile, row: Option<&ProfileRow>, around: &Around<'_>) -> Result<Fields, ScriptError> {
    let mut fields = Fields { scripts: scripts(profile, row, around)?, ..Fields::default() };
    if !profile.scripts_only {
        let seen_rate = row.map(|row| normal_rate(&row.row.rate_limit));
        let rate_differs = match seen_rate {
            Some(seen) => seen != normal_rate(&profile.rate_limit),
            None => !profile.rate_limit.is_empty(),
        };
        fields.rate_limit = rate_differs.then(|| profile.rate_limit.clone());
        fields.shared_users = shared_users(profile, row, around);
    }
    if around.kind == Kind::PppProfile && !profile.scripts_only {
        fields.local_address = address(&profile.local_address, row.map(|row| &*row.row.local_address));
        fields.address_pool = address(&profile.address_pool, row.map(|row| &*row.row.address_pool));
    }
    if around.kind == Kind::PppProfile {
        let seen = row.map_or("", |row| &row.row.comment);
        let wanted = script::wanted_comment(profile, seen);
        fields.comment = (wanted != seen).then_some(wanted);
    }
    Ok(fields)
}

/// An address or pool to write. None wanted: what the router has is the admin's.
fn address(wanted: &str, seen: Option<&str>) -> Option<String> {
    (!wanted.is_empty() && seen != Some(wanted)).then(|| wanted.to_owned())
}

fn shared_users(profile: &DesiredProfile, row: Option<&ProfileRow>, around: &Around<'_>) -> Option<u32> {
    if around.kind == Kind::HotspotProfile {
        return row.is_none_or(|row| row.row.shared_users != profile.shared_users).then_some(profile.shared_users);
    }
    // PPP knows only one session or any number.
    let wanted = u32::from(profile.shared_users == 1);
    row.map_or(wanted == 1, |row| row.row.shared_users != wanted).then_some(wanted)
}

fn scripts(
    profile: &DesiredProfile,
    row: Option<&ProfileRow>,
    around: &Around<'_>,
) -> Result<[Option<Script>; 2], ScriptError> {
    let mut changed = [None, None];
    let empty = Script::default();
    for (at, slot) in Slot::of(profile.service).into_iter().enumerate() {
        let wanted = script::wanted(profile, slot, around.hook);
        let seen = row.map_or(&empty, |row| &row.scripts[at]);
        let text = script::plan(&seen.text, slot, wanted, around.syntax)?;
        changed[at] = (*text != *seen.text).then(|| seen.with(text));
    }
    Ok(changed)
}

/// A rate limit in one spelling, so that `2M/4M` and `2000000/4000000` are the same.
pub(crate) fn normal_rate(text: &str) -> String {
    let number = |text: &str| {
        let (digits, factor) = match text.char_indices().last() {
            Some((at, 'k' | 'K')) => (&text[..at], 1_000),
            Some((at, 'm' | 'M')) => (&text[..at], 1_000_000),
            Some((at, 'g' | 'G')) => (&text[..at], 1_000_000_000),
            _ => (text, 1u64),
        };
        let value: Option<u64> = digits.parse().ok().and_then(|value: u64| value.checked_mul(factor));
        value.map_or_else(|| text.to_owned(), |value| value.to_string())
    };
    let words = text.split_whitespace().map(|word| word.split('/').map(number).collect::<Vec<_>>().join("/"));
    words.collect::<Vec<_>>().join(" ")
}
