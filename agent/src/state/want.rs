//! What one router shall have, held compactly: thousands of vouchers share few profiles, servers and markers.

use std::{collections::BTreeSet, sync::Arc};

use hiji_shared::{
    desired::{DesiredProfile, DesiredUser, FailCode, Mark, Rev, valid_until},
    device::{Service, Used},
    event::EndReason,
    isolation::DesiredIsolation,
};

/// Texts that many entries share.
#[derive(Debug, Default)]
pub(crate) struct Texts(BTreeSet<Arc<str>>);

impl Texts {
    /// The shared copy of a text.
    pub(crate) fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

/// One object of the desired state and what became of it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) rev: Rev,
    pub(crate) want: Want,
    /// Facts of its life; absent until there is one.
    pub(crate) life: Option<Box<Life>>,
    /// hiji made it on this router, or adopted it there.
    pub(crate) applied: bool,
    /// Its sessions are of before the last change, and have to end.
    pub(crate) kick_due: bool,
    /// The last revision reported as verified; 0 = none.
    pub(crate) verified_rev: Rev,
    pub(crate) progress: Progress,
    /// The failure last reported, and of which revision.
    pub(crate) told_failure: Option<(Rev, FailCode)>,
}

/// What shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Want {
    User(Box<WantUser>),
    Profile(Box<DesiredProfile>),
    /// What isolates customers.
    Isolation(Box<DesiredIsolation>),
    /// Shall not be there.
    Gone,
    /// The controller began anew and did not name it again yet: left alone.
    Forgotten,
}

/// How far the router is with it; not kept over a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Not compared yet.
    Unknown,
    /// Stands in the queue.
    Queued,
    /// Written, to be read back.
    Written,
    /// As wanted when last seen.
    Verified,
    /// The router would not; again at this monotonic time.
    Failed { code: FailCode, retry_at: u64 },
}

/// A user, compactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantUser {
    /// `None` = the same as its name, as vouchers have it.
    password: Option<Box<str>>,
    pub(crate) profile: Arc<str>,
    pub(crate) server: Option<Arc<str>>,
    pub(crate) disabled: bool,
    pub(crate) mac_lock: bool,
    pub(crate) online_secs: Option<u64>,
    pub(crate) limit_bytes: Option<u64>,
    pub(crate) mac: Option<Box<str>>,
    /// What the controller knows to be used; `None` = nothing, as of most.
    used: Option<Box<Used>>,
    /// How often it was set free for another device.
    pub(crate) moves: u32,
    /// It is over: never made, and switched off where it lies.
    pub(crate) over: bool,
    pub(crate) remote_address: Option<Box<str>>,
    /// One who is there is to be taken over.
    pub(crate) adopt: bool,
    pub(crate) mark: WantMark,
}

/// What the user is to hiji, compactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WantMark {
    Voucher {
        marker: Arc<str>,
        price: u64,
        active_secs: Option<u64>,
        activate_before: Option<i64>,
        first_login: Option<i64>,
        valid_until: Option<i64>,
    },
    Subscription {
        comment: Box<str>,
    },
}

/// Facts that happened to a user on this router.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) first_login: Option<i64>,
    pub(crate) valid_until: Option<i64>,
    /// The first login is reported.
    pub(crate) told: bool,
    /// The MAC of the first login, or of the device it was moved to.
    pub(crate) mac: Option<Box<str>>,
    /// It was set free this often when `mac` came.
    pub(crate) moves: u32,
    /// Used before its row on the router was made: that row counts from 0.
    pub(crate) base: Used,
    /// Used in all by sessions that ended, as last certain.
    pub(crate) closed: Used,
    /// What was told of its use; not kept over a restart.
    pub(crate) told_used: Used,
    /// Decided to be over: why, and when that was decided (epoch seconds).
    pub(crate) ended: Option<(EndReason, i64)>,
    /// The end is done on the router and reported.
    pub(crate) end_done: bool,
}

impl Entry {
    /// An entry nobody has seen on the router yet.
    pub(crate) fn new(rev: Rev, want: Want) -> Self {
        Self {
            rev,
            want,
            life: None,
            applied: false,
            kick_due: false,
            verified_rev: 0,
            progress: Progress::Unknown,
            told_failure: None,
        }
    }

    /// The life, begun if need be.
    pub(crate) fn life_mut(&mut self) -> &mut Life {
        self.life.get_or_insert_default()
    }

    /// The user it wants.
    pub(crate) fn user(&self) -> Option<&WantUser> {
        match &self.want {
            Want::User(user) => Some(user),
            Want::Profile(_) | Want::Isolation(_) | Want::Gone | Want::Forgotten => None,
        }
    }

    /// Its first login, as the agent saw it or else as the controller knows it.
    pub(crate) fn first_login(&self) -> Option<i64> {
        let told = match self.user().map(|user| &user.mark) {
            Some(WantMark::Voucher { first_login, .. }) => *first_login,
            Some(WantMark::Subscription { .. }) | None => None,
        };
        self.life.as_ref().and_then(|life| life.first_login).or(told)
    }

    /// When it ends by the clock. What the controller says goes first: it may have extended it.
    pub(crate) fn valid_until(&self) -> Option<i64> {
        let Some(WantMark::Voucher { active_secs, valid_until: told, .. }) = self.user().map(|user| &user.mark) else {
            return None;
        };
        let seen = self.life.as_ref().and_then(|life| life.valid_until);
        told.or(seen).or_else(|| valid_until(self.first_login()?, *active_secs))
    }

    /// Over, as the agent or the controller decided.
    pub(crate) fn is_over(&self) -> bool {
        self.ended().is_some() || self.user().is_some_and(|user| user.over)
    }

    /// Used before its row on the router was made.
    pub(crate) fn base(&self) -> Used {
        self.life.as_ref().map_or_else(Used::default, |life| life.base)
    }

    /// Used in all by sessions that ended, as the agent or else the controller knows it.
    pub(crate) fn closed(&self) -> Used {
        let seen = self.life.as_ref().map_or_else(Used::default, |life| life.closed);
        self.user().map_or(seen, |user| seen.at_least(user.used()))
    }

    /// Waits for a device to be bound to.
    pub(crate) fn is_free(&self) -> bool {
        let bound = self.life.as_ref().map_or(0, |life| life.moves);
        self.user().is_some_and(|user| user.moves > bound)
    }

    /// Why and when it was decided to be over.
    pub(crate) fn ended(&self) -> Option<(EndReason, i64)> {
        self.life.as_ref().and_then(|life| life.ended)
    }
}

impl WantUser {
    /// Holds a desired user compactly.
    pub(crate) fn new(user: &DesiredUser, texts: &mut Texts) -> Self {
        let some = |text: &str| (!text.is_empty()).then(|| text.into());
        Self {
            password: (user.password != user.name).then(|| user.password.as_str().into()),
            profile: texts.shared(&user.profile),
            server: (!user.server.is_empty()).then(|| texts.shared(&user.server)),
            disabled: user.disabled,
            mac_lock: user.mac_lock,
            online_secs: user.online_secs,
            limit_bytes: user.limit_bytes,
            mac: some(&user.mac),
            used: (!user.used.is_nothing()).then(|| Box::new(user.used)),
            moves: user.moves,
            over: user.over,
            remote_address: some(&user.remote_address),
            adopt: user.adopt,
            mark: match &user.mark {
                Mark::Voucher { marker, price, active_secs, activate_before, first_login, valid_until } => {
                    WantMark::Voucher {
                        marker: texts.shared(marker),
                        price: *price,
                        active_secs: *active_secs,
                        activate_before: *activate_before,
                        first_login: *first_login,
                        valid_until: *valid_until,
                    }
                }
                Mark::Subscription { comment } => WantMark::Subscription { comment: comment.as_str().into() },
            },
        }
    }

    /// Somebody's who pays by the month.
    pub(crate) fn is_subscription(&self) -> bool {
        matches!(self.mark, WantMark::Subscription { .. })
    }

    /// What the controller knows to be used.
    pub(crate) fn used(&self) -> Used {
        self.used.as_deref().copied().unwrap_or_default()
    }

    /// The password of the user with this name; empty: the router's own.
    pub(crate) fn password<'a>(&'a self, name: &'a str) -> &'a str {
        self.password.as_deref().unwrap_or(name)
    }

    /// As it came over the wire.
    pub(crate) fn desired(&self, service: Service, name: &str) -> DesiredUser {
        let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
        DesiredUser {
            service,
            name: name.to_owned(),
            password: self.password(name).to_owned(),
            profile: (*self.profile).to_owned(),
            server: self.server.as_deref().unwrap_or_default().to_owned(),
            disabled: self.disabled,
            online_secs: self.online_secs,
            limit_bytes: self.limit_bytes,
            mac: text(&self.mac),
            mac_lock: self.mac_lock,
            used: self.used(),
            moves: self.moves,
            over: self.over,
            remote_address: text(&self.remote_address),
            adopt: self.adopt,
            mark: match &self.mark {
                WantMark::Voucher { marker, price, active_secs, activate_before, first_login, valid_until } => {
                    Mark::Voucher {
                        marker: (**marker).to_owned(),
                        price: *price,
                        active_secs: *active_secs,
                        activate_before: *activate_before,
                        first_login: *first_login,
                        valid_until: *valid_until,
                    }
                }
                WantMark::Subscription { comment } => Mark::Subscription { comment: (**comment).to_owned() },
            },
        }
    }
}
