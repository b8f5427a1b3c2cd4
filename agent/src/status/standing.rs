//! How a voucher stands, from what the agent knows. Pure: no clock, no network, nothing that names a device.

use hiji_shared::{device::Used, event::EndReason};

use crate::state::want::{Entry, WantMark};

/// What a guest is told about a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: State,
    /// Seconds of masa aktif from the first login; `None` = for ever.
    pub(crate) active_secs: Option<u64>,
    /// When it ends by the clock, once that is known.
    pub(crate) valid_until: Option<i64>,
    /// Not to be activated after; only told while it is unused.
    pub(crate) activate_before: Option<i64>,
    /// Online time left and allowed, seconds.
    pub(crate) online: Option<Left>,
    /// Bytes left and allowed.
    pub(crate) bytes: Option<Left>,
    /// A device is online with it.
    pub(crate) is_online: bool,
}

/// What is left of an allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) left: u64,
    pub(crate) of: u64,
}

/// Where a voucher is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Not proven on the router yet.
    Preparing,
    /// Never used.
    Ready,
    Active,
    Blocked,
    Ended(EndReason),
}

/// What else is known of the user: its use by closed sessions, by open ones, and whether it stands on the router.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) present: bool,
    pub(crate) used: Used,
    pub(crate) open: Option<Used>,
}

/// How a voucher stands at `now` (epoch seconds); nothing for what is no voucher of ours.
pub(crate) fn of(entry: &Entry, seen: Seen, now: i64) -> Option<Standing> {
    let user = entry.user()?;
    let WantMark::Voucher { active_secs, activate_before, .. } = user.mark else { return None };
    let open = seen.open.unwrap_or_default();
    let uptime = seen.used.uptime_secs.saturating_add(open.uptime_secs);
    let bytes = [seen.used.bytes_in, seen.used.bytes_out, open.bytes_in, open.bytes_out];
    let bytes = bytes.into_iter().fold(0, u64::saturating_add);
    let left = |limit: Option<u64>, used: u64| {
        limit.filter(|limit| *limit > 0).map(|of| Left { left: of.saturating_sub(used), of })
    };
    let (online, bytes) = (left(user.online_secs, uptime), left(user.limit_bytes, bytes));
    let first_login = entry.first_login();
    let valid_until = entry.valid_until();
    let used_up = [online, bytes].into_iter().flatten().any(|left| left.left == 0);
    let state = if let Some((why, _)) = entry.ended() {
        State::Ended(why)
    } else if valid_until.is_some_and(|until| until <= now) {
        State::Ended(EndReason::Expired)
    } else if used_up {
        State::Ended(EndReason::UsedUp)
    } else if first_login.is_none() && activate_before.is_some_and(|before| before <= now) {
        State::Ended(EndReason::NotActivated)
    } else if user.disabled {
        State::Blocked
    } else if first_login.is_some() {
        State::Active
    } else if entry.applied || seen.present {
        State::Ready
    } else {
        State::Preparing
    };
    // Of what is over nothing is left to be used; of what is used up it says what was.
    let is_over = matches!(state, State::Ended(EndReason::Expired | EndReason::NotActivated));
    let (online, bytes) = if is_over { (None, None) } else { (online, bytes) };
    Some(Standing {
        state,
        active_secs,
        valid_until,
        activate_before: activate_before.filter(|_| first_login.is_none()),
        online,
        bytes,
        is_online: seen.open.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use hiji_shared::{
        desired::{DesiredUser, Mark},
        device::Service,
    };

    use super::*;
    use crate::state::want::{Texts, Want, WantUser};

    fn entry(mark: Mark, disabled: bool) -> Entry {
        let user = DesiredUser {
            service: Service::Hotspot,
            name: "KB1".into(),
            password: "KB1".into(),
            profile: "12jam".into(),
            server: String::new(),
            disabled,
            online_secs: Some(600),
            limit_bytes: Some(1_000),
            mac: String::new(),
            mac_lock: false,
            used: Used::default(),
            moves: 0,
            over: false,
            remote_address: String::new(),
            adopt: false,
            mark,
        };
        Entry::new(1, Want::User(Box::new(WantUser::new(&user, &mut Texts::default()))))
    }

    fn voucher(first_login: Option<i64>, activate_before: Option<i64>) -> Mark {
        let marker = "VOUCHER_SYSTEM".into();
        Mark::Voucher {
            marker,
            price: 3_000,
            active_secs: Some(3_600),
            activate_before,
            first_login,
            valid_until: None,
        }
    }

    fn state(entry: &Entry, seen: Seen, now: i64) -> State {
        of(entry, seen, now).unwrap().state
    }

    #[test]
    fn a_voucher_is_told_in_every_part_of_its_life() {
        let present = Seen { present: true, ..Seen::default() };
        let fresh = entry(voucher(None, Some(5_000)), false);
        assert_eq!(state(&fresh, Seen::default(), 100), State::Preparing);
        assert_eq!(state(&fresh, present, 100), State::Ready);
        assert_eq!(state(&fresh, present, 5_000), State::Ended(EndReason::NotActivated));
        let used = entry(voucher(Some(1_000), Some(900)), false);
        assert_eq!(state(&used, present, 1_100), State::Active);
        assert_eq!(state(&used, present, 4_600), State::Ended(EndReason::Expired));
        assert_eq!(state(&entry(voucher(None, None), true), present, 1), State::Blocked);
    }

    #[test]
    fn what_is_left_counts_open_and_closed_sessions() {
        let used = entry(voucher(Some(1_000), None), false);
        let seen = |uptime_secs, bytes_in| Seen {
            present: true,
            used: Used { uptime_secs: 100, bytes_in: 100, bytes_out: 100 },
            open: Some(Used { uptime_secs, bytes_in, bytes_out: 0 }),
        };
        let standing = of(&used, seen(50, 300), 1_100).unwrap();
        assert_eq!(standing.online, Some(Left { left: 450, of: 600 }));
        assert_eq!(standing.bytes, Some(Left { left: 500, of: 1_000 }));
        assert_eq!((standing.valid_until, standing.is_online), (Some(4_600), true));
        assert_eq!(state(&used, seen(500, 0), 1_100), State::Ended(EndReason::UsedUp));
        assert_eq!(state(&used, seen(0, u64::MAX), 1_100), State::Ended(EndReason::UsedUp));
    }

    #[test]
    fn a_subscription_is_no_voucher() {
        assert_eq!(of(&entry(Mark::Subscription { comment: "x".into() }, false), Seen::default(), 0), None);
    }
}
