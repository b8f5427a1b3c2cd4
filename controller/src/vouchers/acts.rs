//! What people do to a voucher: block, unblock, extend, void, set free for another device. Pure.
//!
//! Each is refused with a reason that is a sentence on the page and a code in the API; nothing is done twice.

use chrono::{DateTime, Utc};

use super::life::{Allowance, EXPIRED, Life, NOT_ACTIVATED, REPLACED, Status, USED_UP, VOIDED};
use crate::clock;

/// Something to do to a voucher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    Block {
        reason: String,
    },
    Unblock,
    Extend(Extension),
    Void {
        reason: String,
    },
    /// Let the next device have it.
    Move,
    /// Another code takes its place.
    Replace,
}

/// What a voucher gets on top.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extension {
    /// Of masa aktif.
    pub active_secs: i64,
    /// Of online time.
    pub online_secs: i64,
    pub bytes: i64,
    /// A new last moment for the first login.
    pub activate_before: Option<DateTime<Utc>>,
}

/// Why it is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Blocked,
    NotBlocked,
    Over,
    Void,
    /// The router has not proven it yet.
    NotReady,
    /// Nobody used it: there is no device to part it from.
    NotBound,
    /// What it would get is nothing, or nothing that it has a limit of.
    NothingAdded,
    /// It would be over with that as well.
    StillOver,
}

impl Refusal {
    /// For programs; its sentence is the text `error-<code>`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Blocked => "voucher_blocked",
            Self::NotBlocked => "voucher_not_blocked",
            Self::Over => "voucher_over",
            Self::Void => "voucher_void",
            Self::NotReady => "voucher_not_ready",
            Self::NotBound => "voucher_not_bound",
            Self::NothingAdded => "voucher_nothing_added",
            Self::StillOver => "voucher_still_over",
        }
    }
}

impl Act {
    /// As in the history, the audit log and the API's paths.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Block { .. } => "block",
            Self::Unblock => "unblock",
            Self::Extend(_) => "extend",
            Self::Void { .. } => "void",
            Self::Move => "move",
            Self::Replace => "reissue",
        }
    }

    /// Why, where somebody said so.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Block { reason } | Self::Void { reason } => reason,
            Self::Unblock | Self::Extend(_) | Self::Move | Self::Replace => "",
        }
    }
}

impl Life {
    /// Does it, or says why not; then nothing is changed.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn act(&mut self, allowance: &mut Allowance, act: &Act, now: DateTime<Utc>) -> Result<(), Refusal> {
        if self.status == Status::Void {
            return Err(Refusal::Void);
        }
        match act {
            Act::Block { reason } => self.block(reason, now),
            Act::Unblock => self.unblock(allowance, now),
            Act::Extend(extension) => self.extend(allowance, extension, now),
            Act::Void { .. } => {
                self.close(Status::Void, VOIDED, now);
                Ok(())
            }
            Act::Move => self.set_free(),
            Act::Replace if self.status == Status::Draft => Err(Refusal::NotReady),
            Act::Replace if self.status.is_over() => Err(Refusal::Over),
            Act::Replace => {
                self.close(Status::Void, REPLACED, now);
                Ok(())
            }
        }
    }

    fn close(&mut self, status: Status, reason: &str, at: DateTime<Utc>) {
        self.status = status;
        reason.clone_into(&mut self.end_reason);
        self.failure.clear();
        self.ended_at.get_or_insert(at);
    }

    fn block(&mut self, reason: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
        match self.status {
            Status::Ready | Status::Active => {}
            Status::Blocked => return Err(Refusal::Blocked),
            Status::Draft => return Err(Refusal::NotReady),
            Status::Expired | Status::UsedUp | Status::Void => return Err(Refusal::Over),
        }
        self.status = Status::Blocked;
        self.blocked_at = Some(now);
        reason.clone_into(&mut self.block_reason);
        Ok(())
    }

    /// Back to what it is by its facts: the clock ran on meanwhile.
    fn unblock(&mut self, allowance: &Allowance, now: DateTime<Utc>) -> Result<(), Refusal> {
        if self.status != Status::Blocked {
            return Err(Refusal::NotBlocked);
        }
        self.blocked_at = None;
        self.block_reason.clear();
        match self.standing(allowance, now) {
            (status, None) => self.status = status,
            (status, Some((reason, at))) => self.close(status, reason, at),
        }
        Ok(())
    }

    /// Where it stands by its times and counters alone, and since when and why when it is over.
    fn standing(&self, allowance: &Allowance, now: DateTime<Utc>) -> (Status, Option<(&'static str, DateTime<Utc>)>) {
        let bytes = self.bytes_in.saturating_add(self.bytes_out);
        let passed = |at: Option<DateTime<Utc>>| at.filter(|at| *at <= now);
        let reached = |limit: Option<i64>, used: i64| limit.is_some_and(|limit| limit > 0 && used >= limit);
        if let Some(at) = passed(self.valid_until) {
            (Status::Expired, Some((EXPIRED, at)))
        } else if let (None, Some(at)) = (self.first_login_at, passed(allowance.activate_before)) {
            (Status::Expired, Some((NOT_ACTIVATED, at)))
        } else if reached(allowance.online_secs, self.uptime_secs) || reached(allowance.limit_bytes, bytes) {
            (Status::UsedUp, Some((USED_UP, now)))
        } else if self.first_login_at.is_some() {
            (Status::Active, None)
        } else {
            (Status::Ready, None)
        }
    }

    fn extend(&mut self, allowance: &mut Allowance, more: &Extension, now: DateTime<Utc>) -> Result<(), Refusal> {
        let (mut life, mut allows) = (self.clone(), allowance.clone());
        // Somebody with a limit gets more of it; who has none needs nothing.
        let add = |limit: &mut Option<i64>, more: i64| {
            if let Some(limit) = limit.as_mut().filter(|_| more > 0) {
                *limit = limit.saturating_add(more);
            }
        };
        add(&mut allows.online_secs, more.online_secs);
        add(&mut allows.limit_bytes, more.bytes);
        match life.valid_until.filter(|_| more.active_secs > 0) {
            Some(until) => {
                // One that is over gets it from now on, not from the day it ended.
                let until = until.max(now) + clock::seconds(more.active_secs);
                life.valid_until = Some(until);
                if let (Some(_), Some(first)) = (allows.active_secs, life.first_login_at) {
                    allows.active_secs = Some((until - first).num_seconds());
                }
            }
            None => add(&mut allows.active_secs, more.active_secs),
        }
        if life.first_login_at.is_none() && more.activate_before.is_some() {
            allows.activate_before = more.activate_before;
        }
        if (&life, &allows) == (&*self, &*allowance) {
            return Err(Refusal::NothingAdded);
        }
        if life.status.is_over() {
            let (status, over) = life.standing(&allows, now);
            if over.is_some() {
                return Err(Refusal::StillOver);
            }
            life.status = status;
            (life.ended_at, life.removed_at) = (None, None);
            life.end_reason.clear();
        }
        (*self, *allowance) = (life, allows);
        Ok(())
    }

    fn set_free(&mut self) -> Result<(), Refusal> {
        if self.status.is_over() {
            return Err(Refusal::Over);
        }
        if self.mac.is_empty() {
            return Err(Refusal::NotBound);
        }
        self.mac.clear();
        self.moves = self.moves.saturating_add(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::life::tests::life, *};

    fn at(secs: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(secs, 0).unwrap()
    }

    fn active() -> (Life, Allowance) {
        let mut life = life(Status::Active);
        (life.first_login_at, life.valid_until) = (Some(at(100)), Some(at(1_100)));
        life.mac = "AA:BB:CC:00:11:22".into();
        let allowance = Allowance { active_secs: Some(1_000), online_secs: Some(500), ..Allowance::default() };
        (life, allowance)
    }

    fn block() -> Act {
        Act::Block { reason: "hilang".into() }
    }

    fn longer(active_secs: i64) -> Act {
        Act::Extend(Extension { active_secs, ..Extension::default() })
    }

    #[test]
    fn a_second_block_is_refused_and_unblocking_goes_back_by_the_facts() {
        let (mut life, mut allows) = active();
        life.act(&mut allows, &block(), at(200)).unwrap();
        assert_eq!((life.status, life.block_reason.as_str()), (Status::Blocked, "hilang"));
        assert_eq!(life.act(&mut allows, &block(), at(200)), Err(Refusal::Blocked));
        life.act(&mut allows, &Act::Unblock, at(300)).unwrap();
        assert_eq!((life.status, life.blocked_at), (Status::Active, None));
        assert_eq!(life.act(&mut allows, &Act::Unblock, at(300)), Err(Refusal::NotBlocked));
    }

    #[test]
    fn what_expired_while_it_was_blocked_is_expired_when_unblocked() {
        let (mut life, mut allows) = active();
        life.act(&mut allows, &block(), at(200)).unwrap();
        life.act(&mut allows, &Act::Unblock, at(1_100)).unwrap();
        assert_eq!((life.status, life.end_reason.as_str()), (Status::Expired, "expired"));
        assert_eq!(life.ended_at, Some(at(1_100)));
    }

    #[test]
    fn an_extension_of_an_active_one_counts_from_its_end_and_of_an_expired_one_from_now() {
        let (mut life, mut allows) = active();
        life.act(&mut allows, &longer(60), at(200)).unwrap();
        assert_eq!((life.valid_until, allows.active_secs), (Some(at(1_160)), Some(1_060)));
        life.status = Status::Expired;
        (life.ended_at, life.end_reason) = (Some(at(1_160)), "expired".into());
        life.act(&mut allows, &longer(60), at(5_000)).unwrap();
        assert_eq!((life.status, life.valid_until), (Status::Active, Some(at(5_060))));
        assert_eq!((life.ended_at, life.end_reason.as_str()), (None, ""));
    }

    #[test]
    fn a_used_up_one_needs_what_it_lacks() {
        let (mut life, mut allows) = active();
        (life.status, life.uptime_secs) = (Status::UsedUp, 500);
        assert_eq!(life.act(&mut allows, &longer(60), at(200)), Err(Refusal::StillOver));
        let more = Act::Extend(Extension { online_secs: 60, ..Extension::default() });
        life.act(&mut allows, &more, at(200)).unwrap();
        assert_eq!((life.status, allows.online_secs), (Status::Active, Some(560)));
    }

    #[test]
    fn nothing_is_added_to_what_has_no_limit() {
        let (mut life, mut allows) = active();
        let bytes = Act::Extend(Extension { bytes: 1_000, ..Extension::default() });
        assert_eq!(life.act(&mut allows, &bytes, at(200)), Err(Refusal::NothingAdded));
        assert_eq!(life.act(&mut allows, &longer(0), at(200)), Err(Refusal::NothingAdded));
    }

    #[test]
    fn an_unused_one_gets_another_last_day_and_longer_masa_aktif() {
        let mut life = life(Status::Expired);
        (life.ended_at, life.end_reason) = (Some(at(400)), NOT_ACTIVATED.into());
        let mut allows = Allowance { activate_before: Some(at(400)), active_secs: Some(60), ..Allowance::default() };
        let later = Extension { activate_before: Some(at(900)), active_secs: 30, ..Extension::default() };
        life.act(&mut allows, &Act::Extend(later), at(500)).unwrap();
        assert_eq!((life.status, allows.activate_before, allows.active_secs), (Status::Ready, Some(at(900)), Some(90)));
    }

    #[test]
    fn only_a_bound_one_moves_and_void_is_for_ever() {
        let (mut life, mut allows) = active();
        life.act(&mut allows, &Act::Move, at(200)).unwrap();
        assert_eq!((life.mac.as_str(), life.moves), ("", 1));
        assert_eq!(life.act(&mut allows, &Act::Move, at(200)), Err(Refusal::NotBound));
        life.act(&mut allows, &Act::Void { reason: "salah cetak".into() }, at(300)).unwrap();
        for act in [block(), Act::Unblock, longer(60), Act::Move, Act::Replace, Act::Void { reason: String::new() }] {
            assert_eq!(life.act(&mut allows, &act, at(400)), Err(Refusal::Void));
        }
    }
}
