//! What is on a router before anybody configures it, and the demo shop `--seed demo` adds.

use super::commands::write;
use super::menus;
use super::router::{Router, format_id};
use super::value::Text;
use super::world::crowd::{Crowd, Guest};

/// All policies, as the group `full` has them.
const FULL: &str =
    "local,telnet,ssh,ftp,reboot,read,write,policy,test,winbox,password,web,sniff,sensitive,api,romon,rest-api";
const WRITE: &str =
    "local,telnet,ssh,reboot,read,write,test,winbox,password,web,sniff,sensitive,api,romon,rest-api,!ftp,!policy";
const READ: &str =
    "local,telnet,ssh,reboot,read,test,winbox,password,web,sniff,sensitive,api,romon,rest-api,!ftp,!write,!policy";

/// `.id` of the PPP profile `default-encryption`.
const DEFAULT_ENCRYPTION: u32 = 0xFFFF_FFFE;

/// What tells this router from others.
#[derive(Debug)]
pub(crate) struct Owner<'a> {
    pub(crate) identity: &'a str,
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) serial: &'a str,
    pub(crate) license_level: u8,
    pub(crate) dns_name: &'a str,
}

/// The defaults, a hotspot server `hs1`, and the API user.
pub(crate) fn factory(router: &mut Router, owner: &Owner<'_>) {
    let level = owner.license_level.to_string();
    single(router, "/system/identity", &[("name", owner.identity)]);
    single(router, "/system/resource", &[]);
    single(router, "/system/clock", &[]);
    single(router, "/system/routerboard", &[("serial-number", owner.serial)]);
    single(router, "/system/license", &[("nlevel", &level)]);
    for (name, policy) in [("read", READ), ("write", WRITE), ("full", FULL)] {
        put(router, "/user/group", None, &[("name", name), ("policy", policy), ("default", "true")]);
    }
    for port in 1..=5u8 {
        let mac = format!("48:A9:8A:00:00:0{port}");
        let name = format!("ether{port}");
        put(router, "/interface", None, &[("name", &name), ("type", "ether"), ("mac-address", &mac)]);
    }
    put(router, "/interface", None, &[("name", "bridge"), ("type", "bridge"), ("mac-address", "48:A9:8A:00:00:10")]);
    put(router, "/ip/hotspot/profile", Some(0), &[("name", "default"), ("default", "true")]);
    put(router, "/ip/hotspot/user/profile", Some(0), &[("name", "default"), ("default", "true")]);
    let trial = [("name", "default-trial"), ("comment", "counters and limits for trial users"), ("default", "true")];
    put(router, "/ip/hotspot/user", Some(0), &trial);
    put(router, "/ppp/profile", Some(0), &[("name", "default"), ("change-tcp-mss", "yes"), ("default", "true")]);
    let encrypted =
        [("name", "default-encryption"), ("use-encryption", "yes"), ("change-tcp-mss", "yes"), ("default", "true")];
    put(router, "/ppp/profile", Some(DEFAULT_ENCRYPTION), &encrypted);

    add(router, "/user", &[("name", owner.user), ("group", "full"), ("password", owner.password)]);
    add(router, "/ip/pool", &[("name", "hs-pool"), ("ranges", "10.5.50.2-10.5.113.254")]);
    add(router, "/ip/pool", &[("name", "ppp-pool"), ("ranges", "10.20.0.2-10.20.63.254")]);
    let login_by = ("login-by", "cookie,http-chap,http-pap,mac-cookie");
    let profile = [("name", "hsprof1"), ("hotspot-address", "10.5.50.1"), ("dns-name", owner.dns_name), login_by];
    add(router, "/ip/hotspot/profile", &profile);
    let server = [("name", "hs1"), ("interface", "bridge"), ("address-pool", "hs-pool"), ("profile", "hsprof1")];
    add(router, "/ip/hotspot", &server);
    firewall(router);
}

/// What RouterOS sets up by itself: among it an `accept` that everything passes which is open already.
fn firewall(router: &mut Router) {
    const FILTER: &str = "/ip/firewall/filter";
    let counters = ("comment", "special dummy rule to show fasttrack counters");
    put(router, FILTER, None, &[("chain", "forward"), ("action", "passthrough"), ("dynamic", "true"), counters]);
    let known = ("connection-state", "established,related,untracked");
    add(router, FILTER, &[("chain", "input"), ("action", "accept"), known, ("comment", "defconf: accept established")]);
    add(router, FILTER, &[("chain", "input"), ("action", "drop"), ("connection-state", "invalid")]);
    add(router, FILTER, &[("chain", "forward"), ("action", "fasttrack-connection"), known]);
    add(
        router,
        FILTER,
        &[("chain", "forward"), ("action", "accept"), known, ("comment", "defconf: accept established")],
    );
    add(router, FILTER, &[("chain", "forward"), ("action", "drop"), ("connection-state", "invalid")]);
    let outside = [("chain", "srcnat"), ("action", "masquerade"), ("out-interface", "ether1")];
    add(router, "/ip/firewall/nat", &outside);
}

/// A small shop: profiles marked for vouchers and PPPoE, 30 hotspot users, 10 secrets, and so many clients of theirs
/// that come and go by themselves.
pub(crate) fn demo(router: &mut Router, clients: usize) {
    let vouchers =
        [("3JAM", "2M/2M", "1"), ("1HARI", "3M/3M", "1"), ("7HARI", "5M/5M", "1"), ("30HARI", "5M/10M", "2")];
    for (name, rate, shared) in vouchers {
        let fields = [("name", name), ("rate-limit", rate), ("shared-users", shared), ("on-login", VOUCHER_BLOCK)];
        add(router, "/ip/hotspot/user/profile", &fields);
    }
    add(router, "/ip/hotspot/user/profile", &[("name", "TAMU"), ("rate-limit", "1M/1M"), ("shared-users", "5")]);
    for (name, rate) in [("10M", "5M/10M"), ("20M", "10M/20M"), ("50M", "25M/50M")] {
        let fields = [
            ("name", name),
            ("rate-limit", rate),
            ("local-address", "10.20.0.1"),
            ("remote-address", "ppp-pool"),
            ("comment", "PPPOE_SYSTEM"),
        ];
        add(router, "/ppp/profile", &fields);
    }
    let mut guests = Vec::new();
    for number in 1..=30u32 {
        let name = format!("tamu{number:02}");
        let profile = if number % 3 == 0 { "1HARI" } else { "TAMU" };
        let fields = [("name", name.as_str()), ("password", &name), ("profile", profile), ("server", "hs1")];
        add(router, "/ip/hotspot/user", &fields);
        guests.push(Guest::Phone(name));
    }
    for number in 1..=10u32 {
        let name = format!("rumah{number:02}");
        let profile = ["10M", "20M", "50M"][usize::from(number % 3 == 0) + usize::from(number % 5 == 0)];
        let comment = format!("Rumah RT 0{} no {number}", 1 + number % 4);
        let fields = [
            ("name", name.as_str()),
            ("password", &name),
            ("service", "pppoe"),
            ("profile", profile),
            ("comment", &comment),
        ];
        add(router, "/ppp/secret", &fields);
        guests.insert(usize::try_from(number).unwrap_or(0) * 4 - 1, Guest::Home(name));
    }
    router.world.crowd = Some(Crowd::new(guests, clients));
}

/// A profile of vouchers before hiji has installed its hook: only the mark.
const VOUCHER_BLOCK: &str = "# hiji begin\n# VOUCHER_SYSTEM\n# hiji end";

fn single(router: &mut Router, path: &'static str, values: &[(&'static str, &str)]) {
    put(router, path, Some(0), values);
}

/// An item as the factory makes it: no checks, read-only fields too.
fn put(router: &mut Router, path: &'static str, id: Option<u32>, values: &[(&'static str, &str)]) {
    let values = values.iter().map(|(name, value)| (*name, value.as_bytes().to_vec()));
    match id {
        Some(id) => router.menu_mut(path).insert_as(id, values),
        None => {
            router.menu_mut(path).insert(values);
        }
    }
}

/// An item as an admin adds it.
fn add(router: &mut Router, path: &'static str, values: &[(&str, &str)]) {
    let args: Vec<(Text, Text)> = values.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let menu = menus::find(path).expect("seeds name menus of this crate");
    if let Err(trap) = write::add(router, menu, &args) {
        tracing::warn!(path, message = %trap.message, "seed item refused");
    }
}

/// Adds `count` hotspot users `bulk00001`… of a profile, each with its name as password.
pub(crate) fn bulk_users(router: &mut Router, count: usize, profile: &str) -> Result<usize, String> {
    let found = router.menu("/ip/hotspot/user/profile").find("name", profile.as_bytes()).map(|row| row.id);
    let profile = format_id(found.ok_or_else(|| format!("no hotspot user profile `{profile}`"))?).into_bytes();
    let users = router.menu_mut("/ip/hotspot/user");
    let before = users.len();
    for number in before..before + count {
        let name = format!("bulk{number:05}").into_bytes();
        users.insert([("name", name.clone()), ("password", name), ("profile", profile.clone())]);
    }
    Ok(count)
}
