//! The vocabulary both sides speak about a router: services, users, profiles, sessions, facts.
//!
//! These are observations. Times are unix milliseconds of the agent's corrected clock; durations are seconds; bytes
//! follow the router: `bytes_in` is what the router received from the client (upload).

use serde::{Deserialize, Serialize};

/// What a user logs in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    Hotspot,
    Pppoe,
}

impl Service {
    /// As it stands in tables, topics and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hotspot => "hotspot",
            Self::Pppoe => "pppoe",
        }
    }
}

/// A mirrored menu whose rows the controller keeps, or what is wanted beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    #[serde(rename = "hs_user")]
    HotspotUser,
    #[serde(rename = "ppp_secret")]
    PppSecret,
    #[serde(rename = "hs_profile")]
    HotspotProfile,
    #[serde(rename = "ppp_profile")]
    PppProfile,
    /// What isolates customers; wanted, never mirrored.
    #[serde(rename = "isolation")]
    Isolation,
}

impl Kind {
    /// All that are mirrored, in the order they are snapshot: profiles before the users that name them.
    pub const ALL: [Self; 4] = [Self::HotspotProfile, Self::PppProfile, Self::HotspotUser, Self::PppSecret];
    /// All that something can be wanted of.
    pub const WANTED: [Self; 5] =
        [Self::HotspotProfile, Self::PppProfile, Self::HotspotUser, Self::PppSecret, Self::Isolation];

    /// As it stands in tables and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HotspotUser => "hs_user",
            Self::PppSecret => "ppp_secret",
            Self::HotspotProfile => "hs_profile",
            Self::PppProfile => "ppp_profile",
            Self::Isolation => "isolation",
        }
    }

    /// The kind a stored text names.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::WANTED.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The service its users or profiles belong to. Isolation is of both; PPPoE is where it is needed most.
    #[must_use]
    pub fn service(self) -> Service {
        match self {
            Self::HotspotUser | Self::HotspotProfile => Service::Hotspot,
            Self::PppSecret | Self::PppProfile | Self::Isolation => Service::Pppoe,
        }
    }

    /// The user kind of a service.
    #[must_use]
    pub fn user_of(service: Service) -> Self {
        match service {
            Service::Hotspot => Self::HotspotUser,
            Service::Pppoe => Self::PppSecret,
        }
    }

    /// The profile kind of a service.
    #[must_use]
    pub fn profile_of(service: Service) -> Self {
        match service {
            Service::Hotspot => Self::HotspotProfile,
            Service::Pppoe => Self::PppProfile,
        }
    }
}

/// What a user has used in all. Bytes as the router counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    #[serde(default)]
    pub uptime_secs: u64,
    #[serde(default)]
    pub bytes_in: u64,
    #[serde(default)]
    pub bytes_out: u64,
}

impl Used {
    /// Nothing yet?
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            uptime_secs: self.uptime_secs.saturating_add(other.uptime_secs),
            bytes_in: self.bytes_in.saturating_add(other.bytes_in),
            bytes_out: self.bytes_out.saturating_add(other.bytes_out),
        }
    }

    /// What is left of it without the other; nothing is below zero.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self {
            uptime_secs: self.uptime_secs.saturating_sub(other.uptime_secs),
            bytes_in: self.bytes_in.saturating_sub(other.bytes_in),
            bytes_out: self.bytes_out.saturating_sub(other.bytes_out),
        }
    }

    /// The larger of each counter.
    #[must_use]
    pub fn at_least(self, other: Self) -> Self {
        Self {
            uptime_secs: self.uptime_secs.max(other.uptime_secs),
            bytes_in: self.bytes_in.max(other.bytes_in),
            bytes_out: self.bytes_out.max(other.bytes_out),
        }
    }

    /// Bytes of both directions.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.bytes_in.saturating_add(self.bytes_out)
    }
}

/// A hotspot user or PPP secret as the router has it. Counters are left out: they change without meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterUser {
    pub name: String,
    pub profile: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// Hotspot server, empty = all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// Bound MAC address (hotspot) or caller id (PPP), empty = any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mac: String,
    /// Online time allowed, seconds; 0 = no limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub limit_uptime_secs: u64,
    /// Bytes allowed in all, 0 = no limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub limit_bytes_total: u64,
    /// Static address of a PPP secret, empty = from the pool.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remote_address: String,
    /// First 16 hex characters of HMAC-SHA256(agent's mirror key, password); empty when the router hides it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pwh: String,
}

/// A hotspot user profile or PPP profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterProfile {
    pub name: String,
    /// `rx/tx …` as typed on the router; rx is the client's upload.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rate_limit: String,
    /// Sessions allowed at once, 0 = unlimited; PPP: 1 when `only-one=yes`, else 0.
    #[serde(default)]
    pub shared_users: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address_pool: String,
    /// PPP: the router's own address, or the pool it comes from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub local_address: String,
    /// The profile's comment (PPP only: hotspot profiles have none in any version).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Does it carry hiji's marker (comment on PPP, marked block in on-login on hotspot)?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub marked: bool,
    /// The on-login or on-up script, without the hook's token, cut behind [`crate::limits::MAX_SHOWN_SCRIPT`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub script_begin: String,
    /// The on-logout or on-down script, alike.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub script_end: String,
}

/// One row of the mirror.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Row {
    // Tried in this order: only a user has the required field `profile`.
    User(RouterUser),
    Profile(RouterProfile),
}

impl Row {
    /// The key within its kind: the name.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Profile(profile) => &profile.name,
            Self::User(user) => &user.name,
        }
    }

    /// Reads a stored or received row of a known kind; an untagged guess would mix the two up.
    ///
    /// # Errors
    /// The JSON error when the value does not have the shape of that kind.
    pub fn from_json(kind: Kind, value: serde_json::Value) -> Result<Self, serde_json::Error> {
        match kind {
            Kind::HotspotUser | Kind::PppSecret => serde_json::from_value(value).map(Self::User),
            Kind::HotspotProfile | Kind::PppProfile => serde_json::from_value(value).map(Self::Profile),
            Kind::Isolation => Err(serde::de::Error::custom("isolation has no mirrored rows")),
        }
    }
}

/// A session that is open on the router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterSession {
    pub service: Service,
    pub user: String,
    /// The agent's key for this session: survives id reuse and reboots, unique per router.
    pub sid: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// MAC address or caller id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mac: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// When it began, unix ms: the moment it was seen minus its uptime.
    pub started_ts: i64,
}

/// What the router is and how it fares. Unknown figures are absent, never zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RouterFacts {
    #[serde(default)]
    pub identity: String,
    #[serde(default)]
    pub board: String,
    #[serde(default)]
    pub arch: String,
    /// RouterOS version without its channel: `7.16.1`.
    #[serde(default)]
    pub version: String,
    /// Serial number, or the licence's id on routers without one.
    #[serde(default)]
    pub serial: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_secs: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_free: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_total: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_free: Option<u64>,
    /// Router clock minus the agent's, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_skew_secs: Option<i64>,
    /// Names of the hotspot servers.
    #[serde(default)]
    pub hotspot_servers: Vec<String>,
    /// `dns-name` of the first hotspot server profile, for login links.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hotspot_dns_name: String,
    /// `hotspot-address` of the same profile: where the login page is when it has no name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hotspot_address: String,
    /// Devices seen by the hotspot, logged in or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hotspot_hosts: Option<u64>,
    /// Phones that come back without typing their code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hotspot_cookies: Option<u64>,
    /// Where the router reaches the agent's hook, as far as the agent knows; empty = it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hook_url: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}
