//! Pure decisions about isolation: what is proposed for a router, whether what was typed can be, how it stands.

use std::net::Ipv4Addr;

use hiji_shared::{
    device::{Kind, RouterFacts, RouterProfile},
    isolation::{DesiredIsolation, MAX_ALLOWED, POOL_PREFIX, carries_mark, ranges, script_carries_mark},
};
use serde::{Deserialize, Serialize};

use crate::http::form::{Check, FieldError, FormErrors};

/// Characters of names of profiles and lists.
const MAX_NAME: usize = 40;
const MAX_RANGES: usize = 200;
const MAX_RATE: usize = 100;
const MAX_HOST: usize = 253;
/// Addresses of a pool at most: a /16.
const MAX_ADDRESSES: u64 = 65_536;
/// Proposed networks lie in 10.254.0.0/16, one a router.
const NETWORKS: u32 = 254;
/// What a rate limit is made of.
const RATE_CHARS: &str = "0123456789kKmMgG/ ";
/// The router's own profiles.
const BUILT_IN: [&str; 2] = ["default", "default-encryption"];
/// What customers need to write to the operator.
const MESSENGERS: [&str; 3] = ["wa.me", "api.whatsapp.com", "web.whatsapp.com"];

/// What was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fields {
    pub ppp_profile: String,
    pub hotspot_profile: String,
    pub pool: String,
    pub ranges: String,
    pub local_address: String,
    pub rate_limit: String,
    pub list: String,
    pub page: String,
    /// One a line, or with commas.
    pub allowed: String,
}

impl From<&DesiredIsolation> for Fields {
    fn from(spec: &DesiredIsolation) -> Self {
        let spec = spec.clone();
        Self {
            ppp_profile: spec.ppp_profile,
            hotspot_profile: spec.hotspot_profile,
            pool: spec.pool,
            ranges: spec.ranges,
            local_address: spec.local_address,
            rate_limit: spec.rate_limit,
            list: spec.list,
            page: spec.page,
            allowed: spec.allowed.join("\n"),
        }
    }
}

/// How a router stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IsolationState {
    /// On its way to the router.
    Wanted,
    /// Read back from the router.
    Verified,
    /// The router or its agent refuses.
    Failed,
    /// To be taken away, not yet proven.
    Removing,
    /// Taken away.
    Removed,
}

/// The state from what is wanted and what became of it.
pub(super) fn state(is_wanted: bool, status: Option<&str>) -> IsolationState {
    match (status, is_wanted) {
        (Some("failed"), _) => IsolationState::Failed,
        (Some("verified"), true) => IsolationState::Verified,
        (Some("verified"), false) => IsolationState::Removed,
        (_, true) => IsolationState::Wanted,
        (_, false) => IsolationState::Removing,
    }
}

/// What the router shows that a proposal goes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) number: i64,
    pub(super) facts: &'a RouterFacts,
    pub(super) profiles: &'a [(Kind, RouterProfile)],
    /// What other routers have, those of the same site first.
    pub(super) around: &'a [DesiredIsolation],
    /// Where customers find their invoice.
    pub(super) public_host: &'a str,
}

/// A good beginning: as the site's other routers have it, with addresses of its own.
pub(super) fn propose(known: Known<'_>) -> DesiredIsolation {
    let like = known.around.first();
    let name = |kind: Kind| free_name(like.map_or("isolir", |like| &like.list), kind, known.profiles);
    let network = free_network(known);
    let has_hotspot = !known.facts.hotspot_servers.is_empty();
    let mut allowed: Vec<String> = MESSENGERS.map(str::to_owned).to_vec();
    let reachable =
        known.public_host.parse::<Ipv4Addr>().map_or(known.public_host.contains('.'), |ip| !ip.is_loopback());
    if reachable {
        allowed.insert(0, known.public_host.to_owned());
    }
    DesiredIsolation {
        gone: false,
        ppp_profile: name(Kind::PppProfile),
        hotspot_profile: if has_hotspot { name(Kind::HotspotProfile) } else { String::new() },
        pool: format!("{POOL_PREFIX}ir"),
        ranges: format!("10.254.{network}.2-10.254.{network}.254"),
        local_address: format!("10.254.{network}.1"),
        rate_limit: like.map_or("128k/128k", |like| &like.rate_limit).to_owned(),
        list: like.map_or("isolir", |like| &like.list).to_owned(),
        page: like.map(|like| like.page.clone()).unwrap_or_default(),
        allowed: like.map_or(allowed, |like| like.allowed.clone()),
    }
}

/// The host of a URL, without its port.
pub(super) fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or_default()
}

/// The name, unless a profile of the admin's has it.
fn free_name(name: &str, kind: Kind, profiles: &[(Kind, RouterProfile)]) -> String {
    let ours = |profile: &RouterProfile| carries_mark(&profile.comment) || script_carries_mark(&profile.script_begin);
    let taken = profiles.iter().any(|(of, profile)| *of == kind && profile.name == name && !ours(profile));
    if taken { format!("hiji-{name}") } else { name.to_owned() }
}

/// The third number of a network that neither the hotspot nor another router's isolation is in.
fn free_network(known: Known<'_>) -> u32 {
    let first = u32::try_from(known.number.rem_euclid(i64::from(NETWORKS))).unwrap_or(0);
    let mut taken: Vec<ranges::Range> = known.around.iter().flat_map(|spec| ranges::parse(&spec.ranges)).collect();
    taken.extend(ranges::parse(&format!("{}/24", known.facts.hotspot_address)));
    let candidates = (0..NETWORKS).map(|step| 1 + (first + step + NETWORKS - 1) % NETWORKS);
    let is_free = |network: &u32| {
        let own = ranges::parse(&format!("10.254.{network}.0/24"));
        !own.iter().any(|own| taken.iter().any(|taken| ranges::overlap(*own, *taken)))
    };
    candidates.clone().find(is_free).unwrap_or(1)
}

/// What was typed, as it is wanted.
///
/// # Errors
/// What is wrong, field by field.
pub(super) fn check(fields: &Fields) -> Result<DesiredIsolation, FormErrors> {
    let mut check = Check::default();
    let ppp_profile = name(&mut check, "ppp_profile", &fields.ppp_profile);
    let hotspot_profile = name(&mut check, "hotspot_profile", &fields.hotspot_profile);
    if ppp_profile.is_empty() && hotspot_profile.is_empty() && check.is_clean() {
        check.refuse("ppp_profile", FieldError::new("isolation_no_profile"));
    }
    let list = name(&mut check, "list", &fields.list);
    if list.is_empty() {
        check.refuse("list", FieldError::new("required"));
    }
    let (mut pool, mut pool_ranges, mut local_address) = Default::default();
    if !ppp_profile.is_empty() {
        pool = name(&mut check, "pool", &fields.pool);
        if !pool.starts_with(POOL_PREFIX) {
            check.refuse("pool", FieldError::new("isolation_bad_pool").arg("prefix", POOL_PREFIX));
        }
        pool_ranges = ranges_of(&mut check, &fields.ranges);
        local_address = local(&mut check, &fields.local_address, &pool_ranges);
    }
    let rate_limit = fields.rate_limit.split_whitespace().collect::<Vec<_>>().join(" ");
    if !rate_limit.chars().all(|c| RATE_CHARS.contains(c)) || rate_limit.len() > MAX_RATE {
        check.refuse("rate_limit", FieldError::new("isolation_bad_rate"));
    }
    let page = page(&mut check, fields.page.trim());
    let allowed = hosts(&mut check, &fields.allowed);
    if !check.is_clean() {
        return Err(check.into_errors());
    }
    Ok(DesiredIsolation {
        gone: false,
        ppp_profile,
        hotspot_profile,
        pool,
        ranges: pool_ranges,
        local_address,
        rate_limit,
        list,
        page,
        allowed,
    })
}

fn name(check: &mut Check, field: &str, text: &str) -> String {
    let name = text.trim();
    let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.chars().all(usual) || name.len() > MAX_NAME || BUILT_IN.contains(&name) {
        let max = i64::try_from(MAX_NAME).unwrap_or(i64::MAX);
        check.refuse(field, FieldError::new("isolation_bad_name").arg("max", max));
    }
    name.to_owned()
}

fn ranges_of(check: &mut Check, text: &str) -> String {
    let text: String = text.split_whitespace().collect();
    let parts = text.split(',').count();
    let parsed = ranges::parse(&text);
    let addresses: u64 = parsed.iter().map(|(first, last)| u64::from(last - first) + 1).sum();
    let apart = parsed
        .iter()
        .enumerate()
        .all(|(at, one)| parsed.iter().skip(at + 1).all(|other| !ranges::overlap(*one, *other)));
    if text.len() > MAX_RANGES || parsed.len() != parts || !apart || addresses > MAX_ADDRESSES {
        check.refuse("ranges", FieldError::new("isolation_bad_ranges"));
    }
    text
}

fn local(check: &mut Check, text: &str, pool: &str) -> String {
    let address = text.trim();
    let own = if address.parse::<Ipv4Addr>().is_ok() { ranges::parse(address) } else { Vec::new() };
    let given_away = own.iter().any(|own| ranges::parse(pool).iter().any(|pool| ranges::overlap(*own, *pool)));
    if own.is_empty() || given_away {
        check.refuse("local_address", FieldError::new("isolation_bad_local"));
    }
    address.to_owned()
}

fn page(check: &mut Check, text: &str) -> String {
    let (address, port) = text.split_once(':').unwrap_or((text, "80"));
    let usable = address.parse::<Ipv4Addr>().is_ok() && port.parse::<u16>().is_ok_and(|port| port > 0);
    if !text.is_empty() && !usable {
        check.refuse("page", FieldError::new("isolation_bad_page"));
    }
    text.to_owned()
}

fn hosts(check: &mut Check, text: &str) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for host in text.split(|c: char| c.is_whitespace() || c == ',').filter(|host| !host.is_empty()) {
        let host = host.to_ascii_lowercase();
        if !is_host(&host) {
            check.refuse(
                "allowed",
                FieldError::new("isolation_bad_host").arg("host", host.chars().take(60).collect::<String>()),
            );
        }
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    if hosts.len() > MAX_ALLOWED {
        let max = i64::try_from(MAX_ALLOWED).unwrap_or(i64::MAX);
        check.refuse("allowed", FieldError::new("isolation_many_hosts").arg("max", max));
    }
    hosts
}

/// A name of the internet, an IPv4 address or a network.
fn is_host(host: &str) -> bool {
    if host.starts_with(|c: char| c.is_ascii_digit()) && host.chars().all(|c| c.is_ascii_digit() || "./".contains(c)) {
        return ranges::parse(host).len() == 1;
    }
    let label = |label: &str| {
        let usual = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && usual && !label.starts_with('-') && !label.ends_with('-')
    };
    host.len() <= MAX_HOST && host.contains('.') && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use hiji_shared::isolation::{MARK, Release, plan};

    use super::*;

    fn known<'a>(facts: &'a RouterFacts, around: &'a [DesiredIsolation]) -> Known<'a> {
        Known { number: 7, facts, profiles: &[], around, public_host: "bill.kebon.net" }
    }

    fn facts() -> RouterFacts {
        RouterFacts {
            hotspot_servers: vec!["hs1".into()],
            hotspot_address: "10.5.50.1".into(),
            ..RouterFacts::default()
        }
    }

    #[test]
    fn a_proposal_is_accepted_as_it_is() {
        let facts = facts();
        let spec = propose(known(&facts, &[]));
        assert_eq!(check(&Fields::from(&spec)), Ok(spec.clone()));
        assert_eq!((spec.ranges.as_str(), spec.local_address.as_str()), ("10.254.7.2-10.254.7.254", "10.254.7.1"));
        assert_eq!(spec.allowed[0], "bill.kebon.net");
        assert!(!plan(&spec, Release::V7).is_empty());
        let bare = RouterFacts::default();
        assert_eq!(host_of("https://bill.kebon.net:8443/x"), "bill.kebon.net");
        let spec = propose(Known { public_host: host_of("http://127.0.0.1:8080"), ..known(&bare, &[]) });
        assert_eq!((spec.hotspot_profile.as_str(), spec.allowed.len()), ("", MESSENGERS.len()));
    }

    #[test]
    fn routers_of_a_site_are_alike_but_for_their_addresses() {
        let facts = RouterFacts { hotspot_address: "10.254.8.1".into(), ..facts() };
        let other = DesiredIsolation {
            list: "TUNGGAK".into(),
            rate_limit: "64k/64k".into(),
            page: "10.0.0.9:8081".into(),
            ranges: "10.254.7.2-10.254.7.254".into(),
            ..propose(known(&facts, &[]))
        };
        let spec = propose(known(&facts, std::slice::from_ref(&other)));
        assert_eq!((&spec.list, &spec.rate_limit, &spec.page), (&other.list, &other.rate_limit, &other.page));
        assert_eq!(spec.local_address, "10.254.9.1", "7 is the other's, 8 the hotspot's");
    }

    #[test]
    fn a_profile_of_the_admin_s_keeps_its_name() {
        let facts = facts();
        let profile = |kind, comment: &str| {
            (kind, RouterProfile { name: "isolir".into(), comment: comment.into(), ..RouterProfile::default() })
        };
        let foreign = [profile(Kind::PppProfile, "")];
        let spec = propose(Known { profiles: &foreign, ..known(&facts, &[]) });
        assert_eq!((spec.ppp_profile.as_str(), spec.hotspot_profile.as_str()), ("hiji-isolir", "isolir"));
        let own = [profile(Kind::PppProfile, MARK)];
        assert_eq!(propose(Known { profiles: &own, ..known(&facts, &[]) }).ppp_profile, "isolir");
    }

    #[test]
    fn what_is_wrong_is_told_field_by_field() {
        let facts = facts();
        let right = Fields::from(&propose(known(&facts, &[])));
        let of = |change: &dyn Fn(&mut Fields)| {
            let mut fields = right.clone();
            change(&mut fields);
            let errors = check(&fields).err().unwrap_or_default();
            errors.iter().map(|(field, error)| format!("{field}:{}", error.code())).collect::<Vec<_>>().join(" ")
        };
        type Change<'a> = &'a dyn Fn(&mut Fields);
        let table: [(Change<'_>, &str); 16] = [
            (&|_| {}, ""),
            (&|f| (f.ppp_profile, f.hotspot_profile) = Default::default(), "ppp_profile:isolation_no_profile"),
            (&|f| f.ppp_profile = "default".into(), "ppp_profile:isolation_bad_name"),
            (&|f| f.hotspot_profile = "a b".into(), "hotspot_profile:isolation_bad_name"),
            (&|f| f.pool = "ppp-pool".into(), "pool:isolation_bad_pool"),
            (&|f| f.ranges = "10.0.0.9-10.0.0.2".into(), "ranges:isolation_bad_ranges"),
            (&|f| f.ranges = String::new(), "ranges:isolation_bad_ranges"),
            (&|f| f.ranges = "11.0.0.0/8".into(), "ranges:isolation_bad_ranges"),
            (&|f| f.ranges = "10.0.0.2-10.0.0.9,10.0.0.5".into(), "ranges:isolation_bad_ranges"),
            (&|f| f.local_address = "10.254.7.9".into(), "local_address:isolation_bad_local"),
            (&|f| f.local_address = "gateway".into(), "local_address:isolation_bad_local"),
            (&|f| f.rate_limit = "slow".into(), "rate_limit:isolation_bad_rate"),
            (&|f| f.list = String::new(), "list:required"),
            (&|f| f.page = "page.kebon.net".into(), "page:isolation_bad_page"),
            (&|f| f.page = "10.0.0.9:0".into(), "page:isolation_bad_page"),
            (&|f| f.allowed = "wa.me, -bad-.net".into(), "allowed:isolation_bad_host"),
        ];
        for (change, expected) in table {
            assert_eq!(of(change), expected);
        }
        let many = (0..=MAX_ALLOWED).map(|n| format!("h{n}.net ")).collect::<String>();
        assert_eq!(of(&|f| f.allowed.clone_from(&many)), "allowed:isolation_many_hosts");
    }

    #[test]
    fn hosts_are_split_lowered_and_kept_once() {
        let mut check = Check::default();
        assert_eq!(hosts(&mut check, "WA.me, wa.me\n10.0.0.9\n10.0.0.0/24"), ["wa.me", "10.0.0.9", "10.0.0.0/24"]);
        assert!(check.is_clean());
        for bad in ["localhost", "10.0.0", "a..b", "http://x.net", "x.net:80", "*.x.net"] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn a_hotspot_alone_needs_no_pool() {
        let facts = facts();
        let fields =
            Fields { ppp_profile: String::new(), pool: "x".into(), ..Fields::from(&propose(known(&facts, &[]))) };
        let spec = check(&fields).unwrap();
        assert_eq!((spec.pool.as_str(), spec.ranges.as_str()), ("", ""));
    }

    #[test]
    fn the_state_says_what_the_router_proved() {
        assert_eq!(state(true, None), IsolationState::Wanted);
        assert_eq!(state(true, Some("wanted")), IsolationState::Wanted);
        assert_eq!(state(true, Some("verified")), IsolationState::Verified);
        assert_eq!(state(false, Some("failed")), IsolationState::Failed);
        assert_eq!(state(false, Some("wanted")), IsolationState::Removing);
        assert_eq!(state(false, Some("verified")), IsolationState::Removed);
    }
}
