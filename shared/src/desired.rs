//! What one router shall be: users, profiles and due times, each object with a revision.
//!
//! Revisions count up per router, one for every change of any object, without gaps. The controller sends objects in
//! revision order; the agent keeps them all on disk and says how far it has them. So delivery is a replicated log, and
//! repeating any part of it changes nothing.

use serde::{Deserialize, Serialize};

use crate::{
    device::{Kind, Service, Used},
    isolation::{self, DesiredIsolation},
};

/// A revision of a router's desired state; 0 = nothing yet.
pub type Rev = u64;

/// One object at one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    pub rev: Rev,
    #[serde(flatten)]
    pub object: Object,
}

/// What shall be there, or shall not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "object", rename_all = "snake_case")]
pub enum Object {
    /// A hotspot user or PPP secret.
    User(DesiredUser),
    /// A hotspot user profile or PPP profile.
    Profile(DesiredProfile),
    /// What the router needs to isolate customers; one of a router.
    Isolation(DesiredIsolation),
    /// Was hiji's and shall be gone. Never sent for anything that hiji did not make or adopt.
    Gone { kind: Kind, name: String },
    /// Is wanted no more, and what the router has under that name is not hiji's: leave it alone.
    Forgotten { kind: Kind, name: String },
}

impl Desired {
    /// The kind it belongs to.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match &self.object {
            Object::User(user) => Kind::user_of(user.service),
            Object::Profile(profile) => Kind::profile_of(profile.service),
            Object::Isolation(_) => Kind::Isolation,
            Object::Gone { kind, .. } | Object::Forgotten { kind, .. } => *kind,
        }
    }

    /// Its key within the kind.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.object {
            Object::User(user) => &user.name,
            Object::Profile(profile) => &profile.name,
            Object::Isolation(_) => isolation::NAME,
            Object::Gone { name, .. } | Object::Forgotten { name, .. } => name,
        }
    }
}

/// A user as the controller wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredUser {
    pub service: Service,
    pub name: String,
    /// Empty: the router's own, which nobody else knows. It is never written; who is not there cannot be made.
    pub password: String,
    pub profile: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// Online time allowed in all, seconds (`limit-uptime`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online_secs: Option<u64>,
    /// Bytes allowed in all (`limit-bytes-total`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// MAC or caller id it is bound to.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mac: String,
    /// Bind to the MAC of the first login.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mac_lock: bool,
    /// What the controller knows to be used already, perhaps on another router: taken off the limits.
    #[serde(default, skip_serializing_if = "Used::is_nothing")]
    pub used: Used,
    /// How often it was set free for another device. A higher number than before forgets the bound MAC. Of a
    /// subscription 1 when the MAC it was bound to was taken off: the router's is cleared, and stays so.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub moves: u32,
    /// It is over: it is not made anew, and where it still lies it stays, switched off, until it shall be gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
    /// Static address (PPP).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remote_address: String,
    /// An admin said that one of this name who is there is to become hiji's, unless he carries somebody else's mark.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopt: bool,
    pub mark: Mark,
}

/// What the user is to hiji: becomes its comment, and decides what falls due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mark", rename_all = "snake_case")]
pub enum Mark {
    /// A voucher. Times are epoch seconds UTC.
    Voucher {
        marker: String,
        /// Selling price, whole minor units.
        price: u64,
        /// How long it lives from its first login, seconds; absent = for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        active_secs: Option<u64>,
        /// Not to be activated after; absent = always.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        activate_before: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_login: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valid_until: Option<i64>,
    },
    /// A subscription's user; the comment is made by the controller.
    Subscription { comment: String },
}

/// A profile as the controller wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredProfile {
    pub service: Service,
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rate_limit: String,
    /// Sessions at once; 0 = unlimited.
    #[serde(default)]
    pub shared_users: u32,
    /// PPP: the router's own address, or the pool it comes from; empty = left as it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub local_address: String,
    /// PPP: the pool of customers' addresses (`remote-address`); empty = left as it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address_pool: String,
    /// `VOUCHER_SYSTEM` or `PPPOE_SYSTEM`, or the operator's.
    pub marker: String,
    /// The profile is the admin's: of it only the marker and the scripts are wanted, and it is never made or removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scripts_only: bool,
    /// Its scripts shall call the agent's hook.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hooks: bool,
    #[serde(default, skip_serializing_if = "Marking::is_set")]
    pub marking: Marking,
    /// Mikhmon's script may get hiji's block beside its own lines.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beside_mikhmon: bool,
}

impl DesiredProfile {
    /// A profile that hiji makes, with its marker and without hooks.
    #[must_use]
    pub fn made(service: Service, name: &str, rate_limit: &str, shared_users: u32, marker: &str) -> Self {
        Self {
            service,
            name: name.to_owned(),
            rate_limit: rate_limit.to_owned(),
            shared_users,
            local_address: String::new(),
            address_pool: String::new(),
            marker: marker.to_owned(),
            scripts_only: false,
            hooks: false,
            marking: Marking::Set,
            beside_mikhmon: false,
        }
    }

    /// An admin's own profile, with nothing wanted of it yet.
    #[must_use]
    pub fn of_admin(service: Service, name: &str, marker: &str) -> Self {
        Self { scripts_only: true, marking: Marking::Keep, ..Self::made(service, name, "", 0, marker) }
    }
}

/// What shall be with a profile's marker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marking {
    /// It shall be there.
    #[default]
    Set,
    /// The admin's business.
    Keep,
    /// hiji had set it and shall take it away.
    Remove,
}

impl Marking {
    fn is_set(&self) -> bool {
        *self == Self::Set
    }
}

/// When a voucher ends that was first used at `first_login` (epoch seconds). Both sides use this and nothing else.
#[must_use]
pub fn valid_until(first_login: i64, active_secs: Option<u64>) -> Option<i64> {
    let secs = i64::try_from(active_secs?).unwrap_or(i64::MAX);
    Some(first_login.saturating_add(secs))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// How one object fared on the router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemResult {
    pub kind: Kind,
    pub key: String,
    pub rev: Rev,
    pub status: ItemStatus,
    /// Stable reason of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<FailCode>,
    /// The router's own words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub msg: String,
}

/// Outcome of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// Read back from the router as wanted.
    Verified,
    /// Refused by the router; tried again when something changes, or on request.
    Failed,
    /// A newer revision of the object arrived first.
    Superseded,
}

/// Why the router would not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailCode {
    /// A user of that name exists that is not hiji's.
    NameTaken,
    /// The profile, server or pool named does not exist.
    MissingReference,
    /// A value the router does not accept.
    BadValue,
    /// The API user lacks a policy.
    Permission,
    /// No room left (flash full, licence limit).
    Full,
    /// The router does not know the menu or field.
    Unsupported,
    /// Written, but what was read back differs.
    Mismatch,
    /// Anything else; the message tells.
    Other,
}

impl FailCode {
    /// As stored and shown by key.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NameTaken => "name_taken",
            Self::MissingReference => "missing_reference",
            Self::BadValue => "bad_value",
            Self::Permission => "permission",
            Self::Full => "full",
            Self::Unsupported => "unsupported",
            Self::Mismatch => "mismatch",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_its_shape_on_the_wire() {
        let desired = Desired {
            rev: 7,
            object: Object::User(DesiredUser {
                service: Service::Hotspot,
                name: "KBX7M2QP".into(),
                password: "KBX7M2QP".into(),
                profile: "12jam".into(),
                server: String::new(),
                disabled: false,
                online_secs: Some(43_200),
                limit_bytes: None,
                mac: String::new(),
                mac_lock: true,
                used: Used::default(),
                moves: 0,
                over: false,
                remote_address: String::new(),
                adopt: false,
                mark: Mark::Voucher {
                    marker: "VOUCHER_SYSTEM".into(),
                    price: 3000,
                    active_secs: Some(259_200),
                    activate_before: None,
                    first_login: None,
                    valid_until: None,
                },
            }),
        };
        let text = serde_json::to_string(&desired).unwrap();
        assert_eq!(
            text,
            r#"{"rev":7,"object":"user","service":"hotspot","name":"KBX7M2QP","password":"KBX7M2QP","profile":"12jam","online_secs":43200,"mac_lock":true,"mark":{"mark":"voucher","marker":"VOUCHER_SYSTEM","price":3000,"active_secs":259200}}"#
        );
        assert_eq!(serde_json::from_str::<Desired>(&text).unwrap(), desired);
    }

    #[test]
    fn a_profile_without_addresses_is_as_it_was_on_the_wire() {
        let plain = DesiredProfile::made(Service::Pppoe, "rumah", "10M/10M", 1, "PPPOE_SYSTEM");
        let text = serde_json::to_string(&plain).unwrap();
        assert_eq!(
            text,
            r#"{"service":"pppoe","name":"rumah","rate_limit":"10M/10M","shared_users":1,"marker":"PPPOE_SYSTEM"}"#
        );
        let pooled = DesiredProfile { local_address: "10.0.0.1".into(), address_pool: "pool".into(), ..plain };
        let text = serde_json::to_string(&pooled).unwrap();
        assert_eq!(serde_json::from_str::<DesiredProfile>(&text).unwrap(), pooled);
    }

    #[test]
    fn a_voucher_without_masa_aktif_never_ends_by_the_clock() {
        assert_eq!(valid_until(1_795_351_327, None), None);
        assert_eq!(valid_until(1_795_351_327, Some(259_200)), Some(1_795_610_527));
        assert_eq!(valid_until(i64::MAX, Some(u64::MAX)), Some(i64::MAX));
    }
}
