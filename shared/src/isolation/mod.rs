//! What a router needs to isolate customers: a pool, a profile for each service, an address-list and firewall rules.
//!
//! [`plan`] says line by line what that is, per version. The web app shows these very lines before they are wanted, and
//! the agent makes them; there is no second place that knows them. Everything carries hiji's mark, and only what
//! carries it is ever changed or removed. Leaves out who is isolated: that is the profile of a user.
//!
//! How it works on the router: whoever gets a session with one of the profiles stands in the address-list. What he
//! sends through the router goes through a chain of hiji's own, which lets DNS, the page and the allowed hosts pass and
//! nothing else. Rules in the admin's chains stand before his own, since an `accept` of his above them would let
//! everything pass. What he sends to the router itself is the admin's business, as for every customer: only DNS is let
//! in, and nothing is dropped, since a hotspot's login page is there too.

pub mod ranges;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::signed::hex;

/// The one object of a router has this name.
pub const NAME: &str = "isolation";
/// What the comments of hiji's rules, pools and profiles begin with, and the line of a hotspot profile's on-login.
pub const MARK: &str = "hiji isolation";
/// The chain of hiji's own.
pub const CHAIN: &str = "hiji-isolation";
/// What the name of the pool begins with: on some versions pools have no comment that could carry the mark.
pub const POOL_PREFIX: &str = "hiji-isol";
/// Hosts that may stay reachable at most.
pub const MAX_ALLOWED: usize = 32;
/// The page's port when none is named.
const PAGE_PORT: &str = "80";

/// What a router needs to isolate customers, as the controller wants it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredIsolation {
    /// Nothing of it shall be there any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// The PPP profile of isolated customers; empty = this router isolates none by PPPoE.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ppp_profile: String,
    /// The hotspot user profile of isolated members; empty = none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hotspot_profile: String,
    /// The pool that isolated PPPoE customers get their address from, and its ranges.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pool: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ranges: String,
    /// The router's own address in their sessions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub local_address: String,
    /// Empty = as fast as the line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rate_limit: String,
    /// The address-list that sessions of these profiles stand in.
    pub list: String,
    /// `address` or `address:port` of the page that http is led to; empty = nowhere.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub page: String,
    /// Hosts and addresses that stay reachable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
}

impl DesiredIsolation {
    /// The address-list of what stays reachable.
    #[must_use]
    pub fn allowed_list(&self) -> String {
        format!("{}-allowed", self.list)
    }
}

/// What a version knows. Asked here and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    V6,
    V7,
}

impl Release {
    /// Of a version as the router tells it, `7.16.1`. An unknown one is taken for an old one.
    #[must_use]
    pub fn of(version: &str) -> Self {
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major >= 7) { Self::V7 } else { Self::V6 }
    }

    /// Pools can be commented. Of 6.x that is not known: there the name alone tells whose it is.
    fn has_pool_comments(self) -> bool {
        self == Self::V7
    }

    /// `use-ipv6` is there whatever packages are installed: on 6.x IPv6 is a package of its own.
    fn has_ipv6(self) -> bool {
        self == Self::V7
    }
}

/// The menus that isolation needs, in the order their lines are added; they are removed the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Menu {
    Pool,
    PppProfile,
    HotspotProfile,
    AddressList,
    Filter,
    Nat,
}

impl Menu {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Pool, Self::PppProfile, Self::HotspotProfile, Self::AddressList, Self::Filter, Self::Nat];

    /// Its path on the API.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Pool => "/ip/pool",
            Self::PppProfile => "/ppp/profile",
            Self::HotspotProfile => "/ip/hotspot/user/profile",
            Self::AddressList => "/ip/firewall/address-list",
            Self::Filter => "/ip/firewall/filter",
            Self::Nat => "/ip/firewall/nat",
        }
    }

    /// Its items are known by their name, not by their comment.
    #[must_use]
    pub fn is_named(self) -> bool {
        matches!(self, Self::Pool | Self::PppProfile | Self::HotspotProfile)
    }

    /// The order of its items matters.
    #[must_use]
    pub fn is_ordered(self) -> bool {
        matches!(self, Self::Filter | Self::Nat)
    }
}

/// One item that shall be on the router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    pub menu: Menu,
    /// Fields as the API takes them, in the order they are shown.
    pub fields: Vec<(&'static str, String)>,
    /// It has to stand before every rule of the admin's in its chain.
    pub is_first: bool,
}

impl Line {
    /// The value of a field, empty when it has none.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| *field == name).map_or("", |(_, value)| value)
    }

    /// As one would type it on the console of that release.
    #[must_use]
    pub fn text(&self, release: Release) -> String {
        let path = self.menu.path();
        let mut text = match release {
            Release::V7 => format!("{path}/add"),
            Release::V6 => format!("/{} add", path.trim_start_matches('/').replace('/', " ")),
        };
        for (name, value) in &self.fields {
            text.push(' ');
            text.push_str(name);
            text.push('=');
            text.push_str(&quoted(value));
        }
        text
    }
}

/// A value as the console takes it.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ',' | '-' | '/' | '!' | ':' | '_');
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '$') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}

/// Does a comment say that the item is hiji's?
#[must_use]
pub fn carries_mark(comment: &str) -> bool {
    comment.strip_prefix(MARK).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
}

/// Does a hotspot profile's on-login say so?
#[must_use]
pub fn script_carries_mark(script: &str) -> bool {
    crate::script::is_marked(script, MARK)
}

/// What shall be on a router of that release, in the order it is added. Nothing when it shall be gone.
#[must_use]
pub fn plan(spec: &DesiredIsolation, release: Release) -> Vec<Line> {
    if spec.gone {
        return Vec::new();
    }
    let mut lines = Vec::new();
    if !spec.ppp_profile.is_empty() {
        lines.extend(ppp(spec, release));
    }
    if !spec.hotspot_profile.is_empty() {
        lines.push(hotspot(spec));
    }
    let list = spec.allowed_list();
    lines.extend(spec.allowed.iter().map(|host| Line {
        menu: Menu::AddressList,
        fields: vec![("list", list.clone()), ("address", host.clone()), ("comment", MARK.to_owned())],
        is_first: false,
    }));
    lines.extend(filter(spec));
    lines.extend(nat(spec));
    lines
}

fn ppp(spec: &DesiredIsolation, release: Release) -> [Line; 2] {
    let mut pool = vec![("name", spec.pool.clone()), ("ranges", spec.ranges.clone())];
    if release.has_pool_comments() {
        pool.push(("comment", MARK.to_owned()));
    }
    let mut profile = vec![
        ("name", spec.ppp_profile.clone()),
        ("local-address", spec.local_address.clone()),
        ("remote-address", spec.pool.clone()),
        ("address-list", spec.list.clone()),
    ];
    if !spec.rate_limit.is_empty() {
        profile.push(("rate-limit", spec.rate_limit.clone()));
    }
    if release.has_ipv6() {
        // The list is one of IPv4 addresses: with IPv6 there would be a way around it.
        profile.push(("use-ipv6", "no".to_owned()));
    }
    profile.push(("comment", MARK.to_owned()));
    [
        Line { menu: Menu::Pool, fields: pool, is_first: false },
        Line { menu: Menu::PppProfile, fields: profile, is_first: false },
    ]
}

/// Hotspot profiles have no comment in any version: the mark is a line of the script.
fn hotspot(spec: &DesiredIsolation) -> Line {
    let mut fields = vec![("name", spec.hotspot_profile.clone()), ("address-list", spec.list.clone())];
    if !spec.rate_limit.is_empty() {
        fields.push(("rate-limit", spec.rate_limit.clone()));
    }
    fields.push(("on-login", format!("# {MARK}")));
    Line { menu: Menu::HotspotProfile, fields, is_first: false }
}

fn filter(spec: &DesiredIsolation) -> Vec<Line> {
    let from = |chain: &str, what: &str, rest: &[(&'static str, &str)]| {
        let mut fields = vec![("chain", chain.to_owned())];
        fields.extend(rest.iter().map(|(name, value)| (*name, (*value).to_owned())));
        if chain != CHAIN {
            fields.push(("src-address-list", spec.list.clone()));
        }
        fields.push(("comment", format!("{MARK}: {what}")));
        Line { menu: Menu::Filter, fields, is_first: chain != CHAIN }
    };
    let dns = |protocol| [("action", "accept"), ("protocol", protocol), ("dst-port", "53")];
    let mut lines = vec![
        from("input", "router dns udp", &dns("udp")),
        from("input", "router dns tcp", &dns("tcp")),
        from("forward", "jump", &[("action", "jump"), ("jump-target", CHAIN)]),
        from(CHAIN, "dns udp", &dns("udp")),
        from(CHAIN, "dns tcp", &dns("tcp")),
    ];
    if let Some((address, _)) = page(spec) {
        lines.push(from(CHAIN, "page", &[("action", "accept"), ("dst-address", address)]));
    }
    if !spec.allowed.is_empty() {
        let list = spec.allowed_list();
        lines.push(from(CHAIN, "allowed", &[("action", "accept"), ("dst-address-list", &list)]));
    }
    // Refused rather than lost, so that a browser gives up at once.
    let refused = [("action", "reject"), ("protocol", "tcp"), ("reject-with", "tcp-reset")];
    lines.push(from(CHAIN, "refuse", &refused));
    lines.push(from(CHAIN, "drop", &[("action", "drop")]));
    lines
}

fn nat(spec: &DesiredIsolation) -> Option<Line> {
    let (address, port) = page(spec)?;
    let mut fields = vec![
        ("chain", "dstnat".to_owned()),
        ("action", "dst-nat".to_owned()),
        ("protocol", "tcp".to_owned()),
        ("dst-port", "80".to_owned()),
        ("src-address-list", spec.list.clone()),
    ];
    if !spec.allowed.is_empty() {
        fields.push(("dst-address-list", format!("!{}", spec.allowed_list())));
    }
    fields.push(("to-addresses", address.to_owned()));
    fields.push(("to-ports", port.to_owned()));
    fields.push(("comment", format!("{MARK}: page")));
    Some(Line { menu: Menu::Nat, fields, is_first: true })
}

/// Address and port of the page, if there is one.
fn page(spec: &DesiredIsolation) -> Option<(&str, &str)> {
    if spec.page.is_empty() {
        return None;
    }
    Some(spec.page.split_once(':').unwrap_or((&spec.page, PAGE_PORT)))
}

/// What was shown is what is made: the same lines have the same digest.
#[must_use]
pub fn digest(lines: &[Line], release: Release) -> String {
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(line.text(release).as_bytes());
        hash.update([u8::from(line.is_first), b'\n']);
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests;
