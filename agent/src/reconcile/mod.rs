//! What to do so that the router is as wanted: (wanted, seen) -> a step; pure.
//!
//! Only objects that are hiji's are changed: hiji made them here, or they carry its mark and agree with what is
//! wanted. So an `add` whose answer was lost is found and adopted, and a name that somebody else uses is left alone,
//! unless an admin said that he is to be taken over.

mod profiles;

use hiji_shared::{
    comment::{self, Comment, VoucherMark},
    desired::FailCode,
    device::Kind,
    script,
};

pub(crate) use self::profiles::normal_rate;
use crate::{
    mirror::{Observed, Script, UserRow, password_hash},
    state::want::{Entry, Progress, Want, WantMark, WantUser},
};

/// What to do about one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is as wanted.
    Right,
    Add(Fields),
    Change {
        id: Box<str>,
        fields: Fields,
    },
    Remove {
        id: Box<str>,
    },
    /// It cannot be done as things stand.
    Refuse(FailCode, String),
}

/// Values to write; `None` = leave alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) password: Option<String>,
    pub(crate) profile: Option<String>,
    /// Empty = all servers.
    pub(crate) server: Option<String>,
    pub(crate) disabled: Option<bool>,
    /// Seconds; 0 = no limit.
    pub(crate) limit_uptime: Option<u64>,
    /// Bytes; 0 = no limit.
    pub(crate) limit_bytes: Option<u64>,
    pub(crate) mac: Option<String>,
    pub(crate) remote_address: Option<String>,
    pub(crate) comment: Option<String>,
    pub(crate) rate_limit: Option<String>,
    /// 0 = unlimited.
    pub(crate) shared_users: Option<u32>,
    /// Of a PPP profile: an address, or the name of a pool.
    pub(crate) local_address: Option<String>,
    pub(crate) address_pool: Option<String>,
    /// The whole scripts of a profile, as a session begins and as it ends.
    pub(crate) scripts: [Option<Script>; 2],
}

impl Fields {
    /// Does a session that is open now have to end for the change to matter?
    pub(crate) fn ends_sessions(&self) -> bool {
        let set_free = self.mac.as_deref() == Some("");
        set_free || self.disabled == Some(true) || self.profile.is_some() || self.remote_address.is_some()
    }
}

/// What a decision needs to know besides.
pub(crate) struct Around<'a> {
    pub(crate) kind: Kind,
    pub(crate) mirror_key: &'a [u8; 32],
    /// The operator's marker of voucher users.
    pub(crate) voucher_marker: &'a str,
    /// Does this profile exist? `None` = the profiles were not read.
    pub(crate) has_profile: &'a dyn Fn(&str) -> Option<bool>,
    /// Vouchers that are over stay on the router for a while, switched off.
    pub(crate) keeps_over: bool,
    /// Where scripts reach the agent's hook, if it has one.
    pub(crate) hook: Option<script::Call<'a>>,
    /// What the router's scripts understand.
    pub(crate) syntax: script::Syntax,
}

impl std::fmt::Debug for Around<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Around").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The step for one entry, given the row of its name.
pub(crate) fn step(name: &str, entry: &Entry, row: Option<&Observed>, around: &Around<'_>) -> Step {
    let over = entry.is_over();
    match &entry.want {
        // Isolation is done in a place of its own.
        Want::Forgotten | Want::Isolation(_) => Step::Right,
        Want::User(user) if !over => match row.and_then(Observed::user) {
            None => add_user(name, user, entry, around),
            Some(row) => change_user(name, user, entry, row, around),
        },
        Want::Profile(profile) => profiles::step(profile, entry, row.and_then(Observed::profile), around),
        Want::User(user) if user.over || around.keeps_over => match row.and_then(Observed::user) {
            Some(row) if !row.disabled && is_ours(name, user, entry, row, around) => {
                Step::Change { id: row.id.clone(), fields: Fields { disabled: Some(true), ..Fields::default() } }
            }
            Some(_) | None => Step::Right,
        },
        Want::User(_) | Want::Gone => match row {
            None => Step::Right,
            Some(row) => remove(name, entry, row, around),
        },
    }
}

fn remove(name: &str, entry: &Entry, row: &Observed, around: &Around<'_>) -> Step {
    let (builtin, marked) = match row {
        Observed::Profile(profile) => (profile.builtin, profile.row.marked),
        Observed::User(user) => {
            let ours = match &entry.want {
                Want::User(want) => is_ours(name, want, entry, user, around),
                Want::Gone => carries_a_mark(&user.comment, around.voucher_marker),
                Want::Profile(_) | Want::Isolation(_) | Want::Forgotten => false,
            };
            (user.builtin, ours)
        }
    };
    if !builtin && (entry.applied || marked) {
        return Step::Remove { id: row.id().into() };
    }
    // Somebody else's by now: as far as hiji goes it is gone.
    if entry.ended().is_some() { Step::Right } else { taken(name) }
}

fn carries_a_mark(comment: &str, marker: &str) -> bool {
    !matches!(comment::read(comment, marker), Comment::Foreign(_))
}

fn taken(name: &str) -> Step {
    Step::Refuse(FailCode::NameTaken, format!("{name} exists and is not hiji's"))
}

fn missing_profile(profile: &str, around: &Around<'_>) -> Option<Step> {
    let missing = (around.has_profile)(profile) == Some(false);
    missing.then(|| Step::Refuse(FailCode::MissingReference, format!("no profile {profile} on the router")))
}

/// Is the row hiji's own?
fn is_ours(name: &str, want: &WantUser, entry: &Entry, row: &UserRow, around: &Around<'_>) -> bool {
    if row.builtin {
        return false;
    }
    if entry.applied {
        return true;
    }
    match &want.mark {
        WantMark::Voucher { marker, price, .. } => {
            let Comment::Voucher(mark) = comment::read(&row.comment, marker) else { return false };
            let agrees = |seen: Option<i64>, wanted: Option<i64>| seen.is_none() || wanted.is_none() || seen == wanted;
            let password = row.pwh == 0 || row.pwh == password_hash(around.mirror_key, want.password(name));
            mark.price == *price && password && agrees(mark.first_login, entry.first_login())
        }
        WantMark::Subscription { comment } => {
            is_subscriber(comment, &row.comment)
                || (want.adopt && !comment::is_marked(&row.comment, around.voucher_marker, comment))
        }
    }
}

/// Does a row carry the mark of the same customer and subscription?
fn is_subscriber(wanted: &str, seen: &str) -> bool {
    if wanted.is_empty() {
        return false;
    }
    let mark = wanted.split('|').next().unwrap_or_default();
    // The operator's marker may be another than when it was written.
    let whose = |text: &str| -> Option<(String, String)> {
        let marks = [mark, comment::PPPOE_MARKER, comment::HOTSPOT_MARKER];
        let (customer, number) = marks.into_iter().find_map(|mark| comment::subscriber(text, mark))?;
        Some((customer.to_owned(), number.to_owned()))
    };
    wanted == seen || whose(wanted).is_some_and(|whose_it_is| whose(seen) == Some(whose_it_is))
}

fn add_user(name: &str, user: &WantUser, entry: &Entry, around: &Around<'_>) -> Step {
    if let Some(refusal) = missing_profile(&user.profile, around) {
        return refusal;
    }
    if user.password(name).is_empty() {
        let why = format!("{name} is not on the router, and hiji was never told the password: give a new one");
        return Step::Refuse(FailCode::BadValue, why);
    }
    let hotspot = around.kind == Kind::HotspotUser;
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Step::Add(Fields {
        password: Some(user.password(name).to_owned()),
        profile: Some((*user.profile).to_owned()),
        server: if hotspot { user.server.as_deref().and_then(some) } else { None },
        disabled: user.disabled.then_some(true),
        limit_uptime: left(user.online_secs, entry.base().uptime_secs).filter(|_| hotspot),
        limit_bytes: left(user.limit_bytes, entry.base().bytes()).filter(|_| hotspot),
        mac: wanted_mac(user, entry).and_then(some),
        remote_address: if hotspot { None } else { user.remote_address.as_deref().and_then(some) },
        comment: some(&wanted_comment(user, entry)),
        ..Fields::default()
    })
}

fn change_user(name: &str, user: &WantUser, entry: &Entry, row: &UserRow, around: &Around<'_>) -> Step {
    if !is_ours(name, user, entry, row, around) {
        return taken(name);
    }
    let hotspot = around.kind == Kind::HotspotUser;
    let changed = |seen: Option<&str>, wanted: &str| (seen.unwrap_or_default() != wanted).then(|| wanted.to_owned());
    let limit = |seen: u64, wanted: Option<u64>| {
        let wanted = wanted.unwrap_or(0);
        (hotspot && seen != wanted).then_some(wanted)
    };
    let fields = Fields {
        password: new_password(name, user, entry, row, around),
        profile: changed(Some(&row.profile), &user.profile),
        server: changed(row.server.as_deref(), user.server.as_deref().unwrap_or_default()).filter(|_| hotspot),
        disabled: (row.disabled != user.disabled).then_some(user.disabled),
        limit_uptime: limit(row.limit_uptime_secs, left(user.online_secs, entry.base().uptime_secs)),
        limit_bytes: limit(row.limit_bytes_total, left(user.limit_bytes, entry.base().bytes())),
        // No MAC wanted = not hiji's to say.
        mac: wanted_mac(user, entry)
            .filter(|mac| !row.mac.as_deref().unwrap_or_default().eq_ignore_ascii_case(mac))
            .map(str::to_owned),
        // A static address left behind keeps an isolated customer out of the isolation pool.
        remote_address: changed(row.remote_address.as_deref(), user.remote_address.as_deref().unwrap_or_default())
            .filter(|_| !hotspot),
        comment: changed(Some(&row.comment), &wanted_comment(user, entry)),
        ..Fields::default()
    };
    if fields == Fields::default() {
        return Step::Right;
    }
    if fields.profile.is_some()
        && let Some(refusal) = missing_profile(&user.profile, around)
    {
        return refusal;
    }
    Step::Change { id: row.id.clone(), fields }
}

/// A password to write: a visible one that differs, or, when the router hides it, one whose revision is new.
fn new_password(name: &str, user: &WantUser, entry: &Entry, row: &UserRow, around: &Around<'_>) -> Option<String> {
    let wanted = user.password(name);
    // REQUIREMENTS, failure 6: nothing known is nothing written.
    if wanted.is_empty() {
        return None;
    }
    let differs = if row.pwh == 0 {
        let written = matches!(entry.progress, Progress::Written);
        entry.applied && entry.verified_rev != 0 && entry.verified_rev != entry.rev && !written
    } else {
        row.pwh != password_hash(around.mirror_key, wanted)
    };
    differs.then(|| wanted.to_owned())
}

/// What a limit leaves to a row that counts from 0. Never 0: that is no limit to the router.
fn left(limit: Option<u64>, base: u64) -> Option<u64> {
    limit.filter(|limit| *limit > 0).map(|limit| limit.saturating_sub(base).max(1))
}

/// The MAC it is bound to, empty while it waits for another device; `None` = not hiji's to say.
fn wanted_mac<'a>(user: &'a WantUser, entry: &'a Entry) -> Option<&'a str> {
    let locked = || entry.life.as_ref().filter(|_| user.mac_lock)?.mac.as_deref();
    let bound = || if entry.is_free() { Some("") } else { locked() };
    user.mac.as_deref().or_else(bound)
}

fn wanted_comment(user: &WantUser, entry: &Entry) -> String {
    match &user.mark {
        WantMark::Subscription { comment } => (**comment).to_owned(),
        WantMark::Voucher { marker, price, .. } => {
            let (first_login, valid_until) = (entry.first_login(), entry.valid_until());
            comment::print_voucher(marker, &VoucherMark { price: *price, first_login, valid_until })
        }
    }
}

#[cfg(test)]
mod tests;
