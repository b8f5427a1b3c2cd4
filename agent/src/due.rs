//! What falls due when, and whether the clock may be trusted to say so; pure.
//!
//! Nothing is removed on a doubtful clock. Three clocks are compared: the agent's own, the controller's (told with
//! every acknowledgement) and the router's. The controller's is the best witness; without it the agent's own is
//! believed while it is plausible, has not jumped, and the router does not contradict it.

use hiji_shared::{device::Used, event::EndReason};

use crate::state::want::{Entry, Want, WantMark};

/// 2025-01-01: a box that shows less has no clock.
const EARLIEST_OWN_MS: i64 = 1_735_689_600_000;
/// 2020-01-01: a router that shows less has not heard of the time since its start.
const EARLIEST_ROUTER_MS: i64 = 1_577_836_800_000;
/// A router without a clock gets this long to hear of the time.
const ROUTER_START_SECS: u64 = 600;
/// Clocks this near agree.
const AGREE_SECS: i64 = 120;
/// A wrong zone is off by a multiple of this, which is no doubt about the moment.
const ZONE_SECS: i64 = 900;
/// No two zones are further apart.
const ZONES_SPAN_SECS: i64 = 26 * 3_600;
/// How long the controller's word holds.
const CONFIRMED_MS: u64 = 24 * 3_600 * 1_000;
/// And against a router that does not know the time at all: digests make it speak every hour.
const CONFIRMED_LATELY_MS: u64 = 2 * 3_600 * 1_000;
/// A difference to the controller below this is the line, not the clock.
const LINE_MS: i64 = 2_000;
/// An answer that came this soon was not held up on the way.
const PROMPT_MS: u64 = 5_000;
/// So many earlier times in a row are a controller whose clock was set back, not late messages.
const SET_BACK: u32 = 5;

/// What the router says of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RouterClock {
    /// Router minus agent, at the moment it was read.
    skew_secs: i64,
    /// Plainly not set.
    unset: bool,
}

/// Why the clock is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// The agent's own shows an impossible time, or one before the last known.
    Own,
    /// The agent's own jumped, and nobody confirmed where it is now.
    Jumped,
    /// The router started without a clock.
    RouterUnset,
    /// Agent and router disagree and the controller is away.
    Disagree,
}

impl Doubt {
    /// A sentence for the operator.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Own => "the agent's clock shows an impossible time; nothing is ended until it is right",
            Self::Jumped => "the agent's clock jumped; nothing is ended until another clock confirms it",
            Self::RouterUnset => "the router has no time yet after its start; nothing is ended until it has",
            Self::Disagree => "agent and router disagree on the time and the controller is away; nothing is ended",
        }
    }
}

/// The clocks as last seen.
#[derive(Debug)]
pub(crate) struct Clocks {
    last_known_ms: i64,
    /// The controller's time and our monotonic time when it was told.
    controller: Option<(i64, u64)>,
    /// Times told in a row that were earlier than expected.
    behind: u32,
    router: Option<RouterClock>,
    /// When the router started, on the monotonic clock.
    router_start_ms: Option<i64>,
    jumped: bool,
    before: (i64, u64),
}

impl Clocks {
    /// The clocks at the start of a run. `last_known_ms` is from the disk; 0 = none.
    pub(crate) fn new(last_known_ms: i64, wall_ms: i64, mono_ms: u64) -> Self {
        Self {
            last_known_ms,
            controller: None,
            behind: 0,
            router: None,
            router_start_ms: None,
            jumped: false,
            before: (wall_ms, mono_ms),
        }
    }

    /// The corrected time. Once the controller told the time it goes on from there, whatever the own clock does.
    pub(crate) fn now_ms(&self, wall_ms: i64, mono_ms: u64) -> i64 {
        match self.controller {
            Some((told, at)) => told.saturating_add(signed(mono_ms.saturating_sub(at))),
            None => wall_ms,
        }
    }

    /// Looks whether the own clock ran on evenly.
    pub(crate) fn tick(&mut self, wall_ms: i64, mono_ms: u64) {
        let (wall, mono) = self.before;
        let drift = wall_ms.saturating_sub(wall).saturating_sub(signed(mono_ms.saturating_sub(mono)));
        if drift.saturating_abs() > AGREE_SECS * 1_000 {
            self.jumped = true;
            // What the router said was relative to the clock before.
            if self.controller.is_none() {
                self.router = None;
            }
        }
        self.before = (wall_ms, mono_ms);
    }

    /// The controller told its time, in answer to something asked `asked_mono_ms`, or by itself.
    ///
    /// A message may have been held up, so a time it tells is only certain to be past: an earlier one than expected
    /// counts when the answer was prompt, or when it goes on.
    pub(crate) fn controller_says(&mut self, srv_ms: i64, asked_mono_ms: Option<u64>, wall_ms: i64, mono_ms: u64) {
        let prompt = asked_mono_ms.is_some_and(|asked| mono_ms.saturating_sub(asked) <= PROMPT_MS);
        let late = self.controller.is_some() && srv_ms < self.now_ms(wall_ms, mono_ms).saturating_sub(LINE_MS);
        if late && !prompt {
            self.behind += 1;
            if self.behind < SET_BACK {
                return;
            }
        }
        self.behind = 0;
        let agrees = srv_ms.saturating_sub(wall_ms).saturating_abs() < LINE_MS;
        self.controller = Some((if agrees { wall_ms } else { srv_ms }, mono_ms));
        self.jumped = false;
        self.before = (wall_ms, mono_ms);
    }

    /// The router's clock was read: its time as UTC unix ms if it has that menu, its uptime if it tells.
    pub(crate) fn router_says(&mut self, router_ms: Option<i64>, uptime_secs: Option<u64>, wall_ms: i64, mono_ms: u64) {
        let now = self.now_ms(wall_ms, mono_ms);
        self.router_start_ms =
            uptime_secs.map(|secs| signed(mono_ms).saturating_sub(signed(secs).saturating_mul(1_000)));
        self.router = router_ms.map(|router_ms| RouterClock {
            skew_secs: router_ms.saturating_sub(now) / 1_000,
            unset: router_ms < EARLIEST_ROUTER_MS,
        });
        if self.jumped && self.router.is_some_and(|router| !router.unset && router.agrees()) {
            self.jumped = false;
        }
    }

    /// Router minus agent, seconds.
    pub(crate) fn skew_secs(&self) -> Option<i64> {
        self.router.map(|router| router.skew_secs)
    }

    /// Did the controller confirm the time lately?
    pub(crate) fn confirmed(&self, mono_ms: u64) -> bool {
        self.controller.is_some_and(|(_, at)| mono_ms.saturating_sub(at) <= CONFIRMED_MS)
    }

    /// May nothing be ended now, and why?
    pub(crate) fn doubt(&self, wall_ms: i64, mono_ms: u64) -> Option<Doubt> {
        let now = self.now_ms(wall_ms, mono_ms);
        if self.controller.is_none() {
            if now < EARLIEST_OWN_MS || now < self.last_known_ms.saturating_sub(AGREE_SECS * 1_000) {
                return Some(Doubt::Own);
            }
            if self.jumped {
                return Some(Doubt::Jumped);
            }
        }
        let router = self.router?;
        let confirmed = self.confirmed(mono_ms);
        if router.unset {
            let start = self.router_start_ms.unwrap_or(i64::MIN);
            let up_ms = signed(mono_ms).saturating_sub(start);
            let starting = up_ms < signed(ROUTER_START_SECS) * 1_000;
            // What the controller said before the router started says nothing of what happened to it since.
            let confirmed = self
                .controller
                .is_some_and(|(_, at)| signed(at) >= start && mono_ms.saturating_sub(at) <= CONFIRMED_LATELY_MS);
            return (starting || !confirmed).then_some(Doubt::RouterUnset);
        }
        (!confirmed && !router.agrees()).then_some(Doubt::Disagree)
    }

    /// Is the corrected time good enough to date a fact? A doubt of the router's clock alone does not spoil ours.
    pub(crate) fn can_date(&self, wall_ms: i64, mono_ms: u64) -> bool {
        self.controller.is_some() || !matches!(self.doubt(wall_ms, mono_ms), Some(Doubt::Own | Doubt::Jumped))
    }
}

impl RouterClock {
    fn agrees(self) -> bool {
        let off = self.skew_secs.saturating_abs();
        let within_zone = (off % ZONE_SECS).min(ZONE_SECS - off % ZONE_SECS);
        let nearest = if off <= ZONES_SPAN_SECS { within_zone } else { off };
        nearest <= AGREE_SECS
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// When a user ends by the clock (epoch seconds), and as what; `None` = never, or it ended already.
pub(crate) fn falls_due(entry: &Entry) -> Option<(i64, EndReason)> {
    if entry.is_over() {
        return None;
    }
    end_by_clock(entry)
}

fn end_by_clock(entry: &Entry) -> Option<(i64, EndReason)> {
    let Want::User(user) = &entry.want else { return None };
    let WantMark::Voucher { activate_before, .. } = user.mark else { return None };
    match entry.valid_until() {
        Some(until) => Some((until, EndReason::Expired)),
        None if entry.first_login().is_none() => Some((activate_before?, EndReason::NotActivated)),
        None => None,
    }
}

/// Has a voucher used up its online time or its bytes, with what it used in all?
pub(crate) fn used_up(entry: &Entry, used: Used) -> bool {
    let Want::User(user) = &entry.want else { return false };
    let WantMark::Voucher { .. } = user.mark else { return false };
    user.online_secs.is_some_and(|limit| limit > 0 && used.uptime_secs >= limit)
        || user.limit_bytes.is_some_and(|limit| limit > 0 && used.bytes() >= limit)
}

/// Would a voucher that ended be over also as it is wanted now? If not, the controller gave it more.
pub(crate) fn still_over(entry: &Entry, why: EndReason, now_secs: i64) -> bool {
    let by_clock = end_by_clock(entry).is_some_and(|(at, _)| at <= now_secs);
    match why {
        EndReason::Expired | EndReason::NotActivated => by_clock,
        EndReason::UsedUp => by_clock || used_up(entry, entry.closed()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::state::want::{Texts, WantUser};

    const NOW: i64 = 1_795_000_000_000;
    const HOUR: u64 = 3_600_000;

    fn clocks() -> Clocks {
        Clocks::new(NOW - 5_000, NOW, 0)
    }

    #[test]
    fn an_own_clock_that_nobody_contradicts_is_believed() {
        assert_eq!(clocks().doubt(NOW, 0), None);
        let mut clocks = clocks();
        clocks.router_says(None, Some(100), NOW, 0);
        assert_eq!(clocks.doubt(NOW, 0), None, "a router without a clock says nothing");
    }

    #[test]
    fn an_impossible_own_clock_is_doubtful_until_the_controller_tells_the_time() {
        let mut clocks = Clocks::new(NOW, 60_000, 0);
        assert_eq!(clocks.doubt(60_000, 0), Some(Doubt::Own));
        assert!(!clocks.can_date(60_000, 0));
        clocks.controller_says(NOW + 9_000, Some(0), 61_000, 1_000);
        assert_eq!(clocks.doubt(61_000, 1_000), None);
        assert_eq!(clocks.now_ms(62_000, 2_000), NOW + 10_000);
        let late = Clocks::new(NOW + 1_000_000, NOW, 0);
        assert_eq!(late.doubt(NOW, 0), Some(Doubt::Own), "before the last known time");
    }

    #[test]
    fn a_message_that_was_held_up_does_not_set_the_clock_back() {
        let mut clocks = clocks();
        clocks.controller_says(NOW, Some(0), NOW, 10);
        let later = NOW + 3_600_000;
        for _ in 1..SET_BACK {
            clocks.controller_says(NOW + 20, None, later, HOUR);
            assert_eq!(clocks.now_ms(later, HOUR + 10), later);
        }
        clocks.controller_says(NOW + 20, None, later, HOUR);
        assert_eq!(clocks.now_ms(later, HOUR), NOW + 20, "it insists");
        clocks.controller_says(later, None, later, HOUR);
        clocks.controller_says(NOW, Some(HOUR - 100), later, HOUR);
        assert_eq!(clocks.now_ms(later, HOUR), NOW, "a prompt answer is right at once");
    }

    #[test]
    fn a_jump_is_doubtful_until_router_or_controller_confirm_it() {
        for jump in [-7_200_000, 7_200_000] {
            let mut clocks = clocks();
            clocks.tick(NOW + 1_000, 1_000);
            assert_eq!(clocks.doubt(NOW + 1_000, 1_000), None);
            let now = NOW + jump + 2_000;
            clocks.tick(now, 2_000);
            assert!(clocks.doubt(now, 2_000).is_some(), "{jump}");
            let mut by_router = clocks;
            if jump > 0 {
                by_router.router_says(Some(now + 3_000), Some(99_999), now, 2_000);
                assert_eq!(by_router.doubt(now, 2_000), None);
                by_router.tick(now - jump, 2_000);
            }
            by_router.controller_says(NOW + 2_000, Some(0), now, 2_000);
            assert_eq!(by_router.doubt(now, 2_000), None);
            assert_eq!(by_router.now_ms(now, 2_000), NOW + 2_000);
        }
    }

    #[test]
    fn a_router_in_1970_is_doubtful_for_ten_minutes_even_when_the_controller_agrees() {
        let mut clocks = clocks();
        clocks.router_says(Some(86_400_000), Some(30), NOW, 0);
        assert_eq!(clocks.doubt(NOW, 0), Some(Doubt::RouterUnset));
        clocks.controller_says(NOW, Some(0), NOW, 0);
        assert_eq!(clocks.doubt(NOW, 0), Some(Doubt::RouterUnset));
        assert!(clocks.can_date(NOW, 0), "our own time is right all the same");
        assert_eq!(clocks.doubt(NOW + 571_000, 571_000), None);
        assert_eq!(clocks.doubt(NOW, 3 * HOUR), Some(Doubt::RouterUnset), "and again once nobody confirms it");
        clocks.router_says(Some(86_400_000), Some(60), NOW, HOUR);
        assert_eq!(clocks.doubt(NOW, HOUR + 600_000), Some(Doubt::RouterUnset), "a restart since the last word");
    }

    #[test]
    fn a_wrong_zone_is_no_doubt_and_a_wrong_minute_is() {
        for (skew, doubt) in [
            (0, None),
            (119, None),
            (-7 * 3_600, None),
            (9 * 3_600 + 60, None),
            (300, Some(Doubt::Disagree)),
            (-400, Some(Doubt::Disagree)),
            (365 * 86_400, Some(Doubt::Disagree)),
        ] {
            let mut clocks = clocks();
            clocks.router_says(Some(NOW + skew * 1_000), Some(99_999), NOW, 0);
            assert_eq!(clocks.doubt(NOW, 0), doubt, "{skew}");
            clocks.controller_says(NOW, Some(0), NOW, 0);
            assert_eq!(clocks.doubt(NOW, 0), None, "{skew} with the controller");
            assert_eq!(clocks.doubt(NOW, 25 * HOUR), doubt, "{skew} a day later");
        }
    }

    fn voucher(active: Option<u64>, before: Option<i64>, first: Option<i64>) -> Entry {
        let desired = crate::state::tests::voucher(1, "a", 1);
        let hiji_shared::desired::Object::User(user) = desired.object else { panic!() };
        let mut user = WantUser::new(&user, &mut Texts::default());
        user.mark = WantMark::Voucher {
            marker: Arc::from("VOUCHER_SYSTEM"),
            price: 1,
            active_secs: active,
            activate_before: before,
            first_login: first,
            valid_until: None,
        };
        user.limit_bytes = Some(100);
        Entry::new(1, Want::User(Box::new(user)))
    }

    #[test]
    fn a_voucher_ends_counted_from_its_first_login_and_never_from_its_making() {
        assert_eq!(falls_due(&voucher(Some(60), None, None)), None);
        assert_eq!(falls_due(&voucher(Some(60), Some(500), None)), Some((500, EndReason::NotActivated)));
        assert_eq!(falls_due(&voucher(Some(60), Some(500), Some(400))), Some((460, EndReason::Expired)));
        assert_eq!(falls_due(&voucher(None, Some(500), Some(400))), None);
        let mut over = voucher(Some(60), None, Some(400));
        over.life_mut().ended = Some((EndReason::Expired, 460));
        assert_eq!(falls_due(&over), None, "once");
    }

    #[test]
    fn time_or_bytes_use_a_voucher_up() {
        let entry = voucher(None, None, None);
        let used = |uptime_secs, bytes_in, bytes_out| Used { uptime_secs, bytes_in, bytes_out };
        assert!(!used_up(&entry, used(43_199, 50, 49)));
        assert!(used_up(&entry, used(43_200, 0, 0)));
        assert!(used_up(&entry, used(0, 50, 50)));
    }

    #[test]
    fn an_extension_brings_an_ended_voucher_back_and_another_change_does_not() {
        let mut entry = voucher(Some(60), None, Some(400));
        entry.life_mut().ended = Some((EndReason::Expired, 460));
        assert!(still_over(&entry, EndReason::Expired, 470));
        let Want::User(user) = &mut entry.want else { panic!() };
        user.online_secs = Some(50_000);
        if let WantMark::Voucher { valid_until, .. } = &mut user.mark {
            *valid_until = Some(9_000);
        }
        assert!(!still_over(&entry, EndReason::Expired, 470));
        entry.life_mut().closed = Used { uptime_secs: 43_200, ..Used::default() };
        assert!(!still_over(&entry, EndReason::UsedUp, 470), "more online time");
        entry.life_mut().closed = Used { uptime_secs: 50_000, ..Used::default() };
        assert!(still_over(&entry, EndReason::UsedUp, 470));
    }
}
