//! A voucher's life: what each report does to it. Pure.
//!
//! Reports come once and in order from the inbox, but several witnesses may tell the same thing, and a proof may come
//! after the first login it should precede. So each step looks at where the voucher stands.

use chrono::{DateTime, Utc};
use hiji_shared::{
    desired,
    device::Used,
    event::{EndReason, Ended, FirstLogin},
};
use serde::Serialize;

/// Ends as stored and shown by key.
pub(super) const EXPIRED: &str = "expired";
pub(super) const USED_UP: &str = "used_up";
pub(super) const NOT_ACTIVATED: &str = "not_activated";
pub(super) const VOIDED: &str = "voided";
pub(super) const REPLACED: &str = "replaced";

/// Where a voucher stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Made; not proven on the router yet.
    Draft,
    /// On the router, to be sold.
    Ready,
    /// Logged in with.
    Active,
    /// Its time by the clock is over.
    Expired,
    /// Its online time is used up.
    UsedUp,
    Blocked,
    Void,
}

impl Status {
    /// All, in the order of a life.
    pub const ALL: [Self; 7] =
        [Self::Draft, Self::Ready, Self::Active, Self::Expired, Self::UsedUp, Self::Blocked, Self::Void];

    /// As stored and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Ready => "ready",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::UsedUp => "used_up",
            Self::Blocked => "blocked",
            Self::Void => "void",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// Nothing more happens to it.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Expired | Self::UsedUp | Self::Void)
    }
}

/// Where a whole batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// On its way to the router.
    Pending,
    /// Everything proven.
    Ready,
    /// Nothing is on its way, but some failed.
    Partial,
}

/// The state of a batch from its counts.
#[must_use]
pub fn batch_state(wanted: i32, applied: i32, failed: i32) -> BatchState {
    if applied >= wanted {
        BatchState::Ready
    } else if applied + failed >= wanted {
        BatchState::Partial
    } else {
        BatchState::Pending
    }
}

/// How many vouchers of a batch stand how. Each is counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Stock {
    /// On their way to the router, or refused by it.
    pub waiting: i64,
    /// Ready, and nobody bought or used them.
    pub left: i64,
    /// Sold over the counter, and nobody used them yet.
    pub sold: i64,
    /// In use.
    pub active: i64,
    /// Used up or expired.
    pub over: i64,
    pub blocked: i64,
    pub void: i64,
}

impl Stock {
    /// Counts vouchers of a status, of which so many were sold over the counter.
    pub fn add(&mut self, status: Status, count: i64, sold: i64) {
        match status {
            Status::Draft => self.waiting += count - sold,
            Status::Ready => self.left += count - sold,
            Status::Active => self.active += count,
            Status::Expired | Status::UsedUp => self.over += count,
            Status::Blocked => self.blocked += count,
            Status::Void => self.void += count,
        }
        if matches!(status, Status::Draft | Status::Ready) {
            self.sold += sold;
        }
    }
}

/// What one voucher allows; its own, of its batch until it is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Online time in all.
    pub online_secs: Option<i64>,
    /// Time from its first login.
    pub active_secs: Option<i64>,
    /// Bytes in all.
    pub limit_bytes: Option<i64>,
    pub activate_before: Option<DateTime<Utc>>,
}

/// What a voucher's life is made of, as reports and people change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    pub status: Status,
    pub first_login_at: Option<DateTime<Utc>>,
    pub valid_until: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub end_reason: String,
    pub mac: String,
    pub address: String,
    pub uptime_secs: i64,
    pub bytes_in: i64,
    pub bytes_out: i64,
    pub failure: String,
    pub estimated: bool,
    pub blocked_at: Option<DateTime<Utc>>,
    pub block_reason: String,
    /// How often it was set free for another device.
    pub moves: i32,
    /// When its user was off the router for good.
    pub removed_at: Option<DateTime<Utc>>,
}

/// A report about one voucher.
#[derive(Debug, Clone)]
pub enum Step {
    /// Its user is on the router as wanted.
    Proved,
    /// The router has a user of that name that is not hiji's.
    NameTaken,
    /// The router would not have it.
    Failed(&'static str),
    Login(FirstLogin),
    /// What it used in all.
    Used(Used),
    /// It was free, and another device came.
    Bound {
        mac: String,
    },
    /// Somebody had removed it on the router; it is back.
    Restored,
    Ended(Ended),
}

/// What a report did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Known already, or out of its time.
    Nothing,
    /// Ready, or failed, or no longer failed.
    Proof,
    /// It needs another code.
    Rename,
    Activated,
    /// Only its counters moved.
    Counted,
    Bound,
    Restored,
    Ended,
}

impl Life {
    /// Applies a report. `active_secs` is the voucher's masa aktif. Each thing happens once, whoever reports it again.
    pub fn step(&mut self, step: &Step, active_secs: Option<i64>) -> Outcome {
        match step {
            Step::Proved if self.status == Status::Draft => {
                self.status = Status::Ready;
                self.failure.clear();
                Outcome::Proof
            }
            Step::NameTaken if self.status == Status::Draft => {
                self.failure.clear();
                Outcome::Rename
            }
            Step::Failed(code) if self.status == Status::Draft && self.failure != *code => {
                (*code).clone_into(&mut self.failure);
                Outcome::Proof
            }
            Step::Proved | Step::NameTaken | Step::Failed(_) => Outcome::Nothing,
            Step::Login(login) => self.login(login, active_secs),
            Step::Used(used) => self.count(*used),
            Step::Bound { mac } => self.bind(mac),
            Step::Restored if !self.status.is_over() => Outcome::Restored,
            Step::Restored => Outcome::Nothing,
            Step::Ended(ended) => self.end(ended),
        }
    }

    /// What it used in all.
    #[must_use]
    pub fn used(&self) -> Used {
        Used {
            uptime_secs: self.uptime_secs.unsigned_abs(),
            bytes_in: self.bytes_in.unsigned_abs(),
            bytes_out: self.bytes_out.unsigned_abs(),
        }
    }

    /// Counters only grow: a late report takes nothing away.
    fn count(&mut self, used: Used) -> Outcome {
        let before = self.used();
        let now = before.at_least(used);
        self.uptime_secs = counted(now.uptime_secs);
        self.bytes_in = counted(now.bytes_in);
        self.bytes_out = counted(now.bytes_out);
        if now == before { Outcome::Nothing } else { Outcome::Counted }
    }

    fn bind(&mut self, mac: &str) -> Outcome {
        if self.status.is_over() || self.mac == mac {
            return Outcome::Nothing;
        }
        mac.clone_into(&mut self.mac);
        Outcome::Bound
    }

    fn login(&mut self, login: &FirstLogin, active_secs: Option<i64>) -> Outcome {
        // A user that is logged in with is on the router: the proof may still be on its way.
        // One that was blocked meanwhile was used all the same, and stays blocked.
        let blocked = self.status == Status::Blocked && self.first_login_at.is_none();
        if !blocked && !matches!(self.status, Status::Draft | Status::Ready) {
            return Outcome::Nothing;
        }
        let until = login.valid_until.or_else(|| desired::valid_until(login.at, active_secs.map(i64::unsigned_abs)));
        if !blocked {
            self.status = Status::Active;
        }
        self.failure.clear();
        self.first_login_at = DateTime::from_timestamp(login.at, 0);
        self.valid_until = until.and_then(|until| DateTime::from_timestamp(until, 0));
        self.mac.clone_from(&login.mac);
        self.address.clone_from(&login.address);
        self.estimated = login.estimated;
        Outcome::Activated
    }

    fn end(&mut self, ended: &Ended) -> Outcome {
        if self.status.is_over() {
            return Outcome::Nothing;
        }
        let (status, reason) = match ended.why {
            EndReason::Expired => (Status::Expired, EXPIRED),
            EndReason::UsedUp => (Status::UsedUp, USED_UP),
            EndReason::NotActivated => (Status::Expired, NOT_ACTIVATED),
        };
        self.status = status;
        reason.clone_into(&mut self.end_reason);
        self.failure.clear();
        self.ended_at = DateTime::from_timestamp(ended.at, 0);
        let Ended { uptime_secs, bytes_in, bytes_out, .. } = *ended;
        self.count(Used { uptime_secs, bytes_in, bytes_out });
        Outcome::Ended
    }
}

fn counted(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use hiji_shared::{device::Kind, event::Source};

    use super::*;

    pub(in super::super) fn life(status: Status) -> Life {
        Life {
            status,
            first_login_at: None,
            valid_until: None,
            ended_at: None,
            end_reason: String::new(),
            mac: String::new(),
            address: String::new(),
            uptime_secs: 0,
            bytes_in: 0,
            bytes_out: 0,
            failure: String::new(),
            estimated: false,
            blocked_at: None,
            block_reason: String::new(),
            moves: 0,
            removed_at: None,
        }
    }

    fn login(at: i64) -> Step {
        Step::Login(FirstLogin {
            kind: Kind::HotspotUser,
            user: "KBX7M2QP".into(),
            sid: String::new(),
            at,
            valid_until: None,
            mac: "AA:BB:CC:00:11:22".into(),
            address: "10.5.50.9".into(),
            src: Source::Poll,
            estimated: false,
        })
    }

    fn ended(why: EndReason) -> Step {
        let user = "KBX7M2QP".into();
        Step::Ended(Ended { kind: Kind::HotspotUser, user, why, at: 500, uptime_secs: 7, bytes_in: 8, bytes_out: 9 })
    }

    #[test]
    fn each_voucher_of_a_batch_is_counted_once_and_sold_ones_are_not_left() {
        let mut stock = Stock::default();
        for (status, count, sold) in [(Status::Draft, 3, 1), (Status::Ready, 10, 4), (Status::Active, 2, 2)] {
            stock.add(status, count, sold);
        }
        for status in [Status::Expired, Status::UsedUp, Status::Blocked, Status::Void] {
            stock.add(status, 1, 1);
        }
        let expected = Stock { waiting: 2, left: 6, sold: 5, active: 2, over: 2, blocked: 1, void: 1 };
        assert_eq!(stock, expected);
    }

    #[test]
    fn a_voucher_lives_from_draft_to_its_end() {
        let mut life = life(Status::Draft);
        assert_eq!(life.step(&Step::Proved, None), Outcome::Proof);
        assert_eq!(life.status, Status::Ready);
        assert_eq!(life.step(&login(100), Some(60)), Outcome::Activated);
        assert_eq!((life.status, life.valid_until.unwrap().timestamp()), (Status::Active, 160));
        assert_eq!(life.step(&ended(EndReason::Expired), Some(60)), Outcome::Ended);
        assert_eq!((life.status, life.uptime_secs, life.bytes_out), (Status::Expired, 7, 9));
    }

    #[test]
    fn two_witnesses_of_a_first_login_are_one() {
        let mut life = life(Status::Ready);
        assert_eq!(life.step(&login(100), None), Outcome::Activated);
        let once = life.clone();
        assert_eq!(life.step(&login(200), None), Outcome::Nothing);
        assert_eq!(life, once);
        assert_eq!(life.valid_until, None);
    }

    #[test]
    fn a_login_before_its_proof_counts_and_the_proof_changes_nothing() {
        let mut life = life(Status::Draft);
        life.failure = "mismatch".into();
        assert_eq!(life.step(&login(100), None), Outcome::Activated);
        assert!(life.failure.is_empty());
        assert_eq!(life.step(&Step::Proved, None), Outcome::Nothing);
        assert_eq!(life.status, Status::Active);
    }

    #[test]
    fn nothing_brings_a_voucher_back() {
        for why in [EndReason::Expired, EndReason::UsedUp, EndReason::NotActivated] {
            let mut life = life(Status::Ready);
            assert_eq!(life.step(&ended(why), None), Outcome::Ended);
            for step in [Step::Proved, Step::NameTaken, Step::Failed("other"), login(1), ended(EndReason::Expired)] {
                assert_eq!(life.step(&step, None), Outcome::Nothing);
            }
        }
    }

    #[test]
    fn a_failure_is_told_once_and_ends_with_a_proof() {
        let mut life = life(Status::Draft);
        assert_eq!(life.step(&Step::Failed("missing_reference"), None), Outcome::Proof);
        assert_eq!(life.step(&Step::Failed("missing_reference"), None), Outcome::Nothing);
        assert_eq!(life.step(&Step::Proved, None), Outcome::Proof);
        assert_eq!((life.status, life.failure.as_str()), (Status::Ready, ""));
    }

    #[test]
    fn only_a_draft_is_renamed() {
        assert_eq!(life(Status::Draft).step(&Step::NameTaken, None), Outcome::Rename);
        assert_eq!(life(Status::Ready).step(&Step::NameTaken, None), Outcome::Nothing);
    }

    #[test]
    fn a_batch_is_ready_when_all_is_proven() {
        assert_eq!(batch_state(120, 0, 0), BatchState::Pending);
        assert_eq!(batch_state(120, 119, 1), BatchState::Partial);
        assert_eq!(batch_state(120, 120, 0), BatchState::Ready);
    }
}
