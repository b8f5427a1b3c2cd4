//! What a router shall have of a voucher: the document its agent gets. Pure.

use chrono::{DateTime, Utc};
use hiji_shared::{
    desired::{DesiredUser, Mark, Object},
    device::{Kind, Service, Used},
};

use super::{
    life::{Allowance, Life, Status},
    make::Random,
    rules::{self, Mode},
};
use crate::{money::Money, routers::Want};

/// What a guest types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) code: String,
    /// `None`: the code.
    pub(super) password: Option<String>,
}

impl Login {
    pub(super) fn new(code: String, mode: Mode, random: &mut Random) -> Self {
        let digits = rules::Charset::Digits.alphabet();
        let password = match mode {
            Mode::Same => None,
            Mode::Separate => Some(rules::random_text(digits, rules::PASSWORD_DIGITS, &mut || random.byte())),
        };
        Self { code, password }
    }
}

/// What the users of one batch have in common on the router.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub(super) profile: String,
    pub(super) server: String,
    pub(super) mac_lock: bool,
    pub(super) marker: String,
}

impl Spec {
    /// The user of a voucher that was just made.
    pub(super) fn fresh(&self, login: &Login, price: Money, allowance: &Allowance) -> Want {
        self.user(login, price, allowance, None)
    }

    /// The user of a voucher as its life is; what is over stays on the router, switched off, where `keeps_over`.
    pub(super) fn of_life(
        &self,
        login: &Login,
        price: Money,
        (allowance, life): (&Allowance, &Life),
        keeps_over: bool,
    ) -> Want {
        let gone = match life.status {
            Status::Void => true,
            Status::Expired | Status::UsedUp => !keeps_over,
            Status::Draft | Status::Ready | Status::Active | Status::Blocked => false,
        };
        if gone { Self::gone(&login.code) } else { self.user(login, price, allowance, Some(life)) }
    }

    /// Its user shall not be there.
    pub(super) fn gone(code: &str) -> Want {
        Want { object: Object::Gone { kind: Kind::HotspotUser, name: code.to_owned() } }
    }

    fn user(&self, login: &Login, price: Money, allowance: &Allowance, life: Option<&Life>) -> Want {
        let number = |value: Option<i64>| value.map(i64::unsigned_abs);
        let epoch = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp());
        let mark = Mark::Voucher {
            marker: self.marker.clone(),
            price: price.minor().unsigned_abs(),
            active_secs: number(allowance.active_secs),
            activate_before: epoch(allowance.activate_before),
            first_login: epoch(life.and_then(|life| life.first_login_at)),
            valid_until: epoch(life.and_then(|life| life.valid_until)),
        };
        let over = life.is_some_and(|life| life.status.is_over());
        let blocked = life.is_some_and(|life| life.status == Status::Blocked);
        // The MAC of the first login is bound only where the batch says so.
        let mac = life.filter(|_| self.mac_lock).map_or_else(String::new, |life| life.mac.clone());
        let object = Object::User(DesiredUser {
            service: Service::Hotspot,
            name: login.code.clone(),
            password: login.password.clone().unwrap_or_else(|| login.code.clone()),
            profile: self.profile.clone(),
            server: self.server.clone(),
            disabled: over || blocked,
            online_secs: number(allowance.online_secs),
            limit_bytes: number(allowance.limit_bytes),
            mac,
            mac_lock: self.mac_lock,
            used: life.map_or_else(Used::default, Life::used),
            moves: life.map_or(0, |life| life.moves.unsigned_abs()),
            over,
            remote_address: String::new(),
            adopt: false,
            mark,
        });
        Want { object }
    }
}
