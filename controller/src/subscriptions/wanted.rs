//! What a router shall have of a subscription: the document its agent gets. Pure.

use hiji_shared::{
    comment::{self, SubscriptionMark},
    desired::{DesiredUser, Mark, Object},
    device::{Service, Used},
};
use secrecy::ExposeSecret as _;

use super::{Access, State, store::Held};
use crate::{ledger::aging::day_start, routers::Want};

/// A user as he stands in the row, with what is not in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct User<'a> {
    pub(super) held: &'a Held,
    /// The profile of isolated users; `None` = the router has none.
    pub(super) isolation_profile: Option<&'a str>,
    pub(super) marker: &'a str,
}

impl User<'_> {
    /// What the router shall have so that `access` is so. Nothing when nothing is wanted; a router that has nothing to
    /// isolate with switches off instead.
    pub(super) fn want(&self, access: Access) -> Option<Want> {
        let subscription = &self.held.subscription;
        let (own, address) = (self.held.profile.as_str(), subscription.remote_address.as_str());
        let object = match access {
            Access::None => return None,
            // Who has a password that only the router knows could never be made again.
            Access::Removed if !self.held.has_password() && subscription.state != State::Ended => {
                self.user(own, true, address)
            }
            Access::Removed => Object::Gone { kind: subscription.kind(), name: subscription.username.clone() },
            Access::Open => self.user(own, false, address),
            Access::Disabled => self.user(own, true, address),
            // A static address would keep him out of the pool of the isolated.
            Access::Isolated => match self.isolation_profile {
                Some(profile) => self.user(profile, false, ""),
                None => self.user(own, true, address),
            },
        };
        Some(Want { object })
    }

    fn user(&self, profile: &str, disabled: bool, remote_address: &str) -> Object {
        let subscription = &self.held.subscription;
        let is_ppp = subscription.service == Service::Pppoe;
        Object::User(DesiredUser {
            service: subscription.service,
            name: subscription.username.clone(),
            password: self.held.password.expose_secret().to_owned(),
            profile: profile.to_owned(),
            server: subscription.server.clone(),
            disabled,
            online_secs: None,
            limit_bytes: None,
            mac: subscription.mac.clone(),
            mac_lock: false,
            used: Used::default(),
            // Any number above 0: without a device of hiji's own none is to be bound.
            moves: subscription.is_mac_freed.into(),
            over: false,
            remote_address: if is_ppp { remote_address.to_owned() } else { String::new() },
            adopt: self.held.is_adopted,
            mark: Mark::Subscription { comment: self.comment() },
        })
    }

    /// `PPPOE_SYSTEM|customer|subscription|price|covered until`.
    fn comment(&self) -> String {
        let subscription = &self.held.subscription;
        let until = subscription.covered_until.map(|day| day_start(day, subscription.zone()).timestamp());
        let mark = SubscriptionMark {
            customer: subscription.customer_number.clone(),
            subscription: subscription.number.clone(),
            price: subscription.price.minor().unsigned_abs(),
            valid_until: until,
        };
        comment::print_subscription(self.marker, &mark)
    }
}

#[cfg(test)]
mod tests {
    use hiji_shared::device::Kind;

    use super::{super::tests::held, *};

    fn user<'a>(held: &'a Held, isolation_profile: Option<&'a str>) -> User<'a> {
        User { held, isolation_profile, marker: comment::PPPOE_MARKER }
    }

    fn made(want: Option<Want>) -> DesiredUser {
        let object = want.unwrap().object;
        let Object::User(user) = object else { panic!("{object:?}") };
        user
    }

    #[test]
    fn an_open_user_has_his_package_and_the_mark_of_his_subscription() {
        let held = held();
        let found = made(user(&held, None).want(Access::Open));
        assert_eq!((&*found.name, &*found.password, &*found.profile), ("kebon-0123", "s3rahasia", "Rumah-10M"));
        assert_eq!((&*found.remote_address, found.disabled), ("10.20.0.9", false));
        let comment = "PPPOE_SYSTEM|C000123|S000456|165000|1796058000".to_owned();
        assert_eq!(found.mark, Mark::Subscription { comment });
    }

    #[test]
    fn restoring_is_the_exact_inverse_of_isolating() {
        let held = held();
        let before = user(&held, Some("isolir")).want(Access::Open).unwrap();
        let isolated = made(user(&held, Some("isolir")).want(Access::Isolated));
        // REQUIREMENTS, failure 7: his static address would keep him out of the pool.
        assert_eq!((&*isolated.profile, &*isolated.remote_address, isolated.disabled), ("isolir", "", false));
        let after = user(&held, Some("isolir")).want(Access::Open).unwrap();
        assert_eq!(before.object, after.object);
        let off = made(user(&held, Some("isolir")).want(Access::Disabled));
        assert_eq!(DesiredUser { disabled: false, ..off }, made(Some(before)));
        assert!(user(&held, None).want(Access::None).is_none());
    }

    #[test]
    fn who_has_a_password_that_only_the_router_knows_is_switched_off_and_not_removed() {
        let mut adopted = Held { password: String::new().into(), is_adopted: true, ..held() };
        let open = made(user(&adopted, None).want(Access::Open));
        assert!(open.adopt && open.password.is_empty());
        assert!(made(user(&adopted, None).want(Access::Removed)).disabled);
        adopted.subscription.state = State::Ended;
        assert!(matches!(user(&adopted, None).want(Access::Removed).unwrap().object, Object::Gone { .. }));
        assert!(!made(user(&held(), None).want(Access::Open)).adopt);
    }

    #[test]
    fn a_router_without_an_isolation_profile_switches_off() {
        let held = held();
        let found = made(user(&held, None).want(Access::Isolated));
        assert_eq!((&*found.profile, found.disabled, &*found.remote_address), ("Rumah-10M", true, "10.20.0.9"));
        let gone = user(&held, None).want(Access::Removed).unwrap();
        assert_eq!(gone.object, Object::Gone { kind: Kind::PppSecret, name: "kebon-0123".into() });
    }
}
