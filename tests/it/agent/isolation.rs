//! What isolates customers is made, kept and removed; customers go in and come out, whatever goes wrong on the way.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hiji_shared::{
    command::Op,
    desired::{DesiredProfile, DesiredUser, FailCode, ItemResult, ItemStatus, Mark, Object, Rev},
    device::{Kind, Service},
    isolation::{self, DesiredIsolation, MARK},
};
use hiji_tests::router_sim::{Fault, Packet, SimConfig, Verdict, Version};

use super::support::{World, some, until, voucher};

const CALLER: &str = "AA:00:00:00:00:01";
const FILTER: &str = "/ip/firewall/filter";
const MENUS: [&str; 6] = [
    "/ip/pool",
    "/ppp/profile",
    "/ip/hotspot/user/profile",
    "/ip/firewall/address-list",
    "/ip/firewall/filter",
    "/ip/firewall/nat",
];
/// What the owner asks for.
const WITHIN: Duration = Duration::from_secs(10);

fn spec() -> DesiredIsolation {
    DesiredIsolation {
        gone: false,
        ppp_profile: "isolir".into(),
        hotspot_profile: "isolir".into(),
        pool: "hiji-isolir".into(),
        ranges: "10.254.1.2-10.254.1.254".into(),
        local_address: "10.254.1.1".into(),
        rate_limit: "128k/128k".into(),
        list: "isolir".into(),
        page: "172.17.0.2:8081".into(),
        allowed: vec!["wa.me".into()],
    }
}

fn made() -> Object {
    Object::Isolation(spec())
}

fn outcome(world: &World, rev: Rev, status: ItemStatus) -> Option<ItemResult> {
    world.controller.results().into_iter().find(|item| item.rev == rev && item.status == status)
}

async fn proven(world: &World, rev: Rev) {
    until("proven", || outcome(world, rev, ItemStatus::Verified).is_some()).await;
}

/// Every row of the menus by its place, without ids.
fn rows(world: &World) -> Vec<(&'static str, BTreeMap<String, String>)> {
    let of = |menu: &'static str| world.sim.rows(menu).into_iter().map(move |row| (menu, row));
    let mut rows: Vec<_> = MENUS.into_iter().flat_map(of).collect();
    for (_, row) in &mut rows {
        row.remove(".id");
        row.remove("creation-time");
    }
    rows
}

fn customer(profile: &str, address: &str) -> Object {
    Object::User(DesiredUser {
        service: Service::Pppoe,
        name: "kebon-0001".into(),
        password: "rahasia".into(),
        profile: profile.into(),
        online_secs: None,
        mac_lock: false,
        remote_address: address.into(),
        adopt: false,
        mark: Mark::Subscription { comment: "PPPOE_SYSTEM|C000001|S000001|165000|1798675200".into() },
        ..voucher("kebon-0001")
    })
}

fn package() -> Object {
    Object::Profile(DesiredProfile::made(Service::Pppoe, "Rumah-10M", "5M/10M", 1, "PPPOE_SYSTEM"))
}

fn address(world: &World) -> Option<String> {
    world.sim.rows("/ppp/active").first().map(|row| row["address"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_made_once_before_the_admin_s_rules_and_works() {
    for version in [Version::V6_49, Version::V7_8, Version::V7_20] {
        let world = World::with(SimConfig { version, ..SimConfig::default() }).await;
        let foreign = rows(&world);
        let rev = world.want([made()]).await;
        proven(&world, rev).await;
        let lines = isolation::plan(&spec(), isolation::Release::of(&version.to_string()));
        for line in &lines {
            let there = world.sim.rows(line.menu.path()).into_iter().filter(|row| {
                // The router spells these in its own way.
                let same = |(name, value): &&(&str, String)| {
                    matches!(*name, "use-ipv6" | "rate-limit") || row.get(*name) == Some(value)
                };
                line.fields.iter().filter(|field| !same(field)).count() == 0
            });
            assert_eq!(there.count(), 1, "{version}: {line:?}");
        }
        let writes = world.sim.writes().len();
        assert_eq!(writes, lines.len(), "{version}: each line is one write");
        let kept: Vec<_> = rows(&world).into_iter().filter(|row| foreign.contains(row)).collect();
        assert_eq!(kept, foreign, "{version}");
        world.sim.add("/ip/firewall/address-list", &[("list", "isolir"), ("address", "10.254.1.9")]).unwrap();
        let from = |packet: fn(&'static str, &'static str, u16) -> Packet<'static>, dst, port| {
            world.sim.verdict(packet("10.254.1.9", dst, port))
        };
        assert_eq!(from(Packet::udp, "8.8.8.8", 53), Verdict::Passes);
        assert_eq!(from(Packet::tcp, "wa.me", 443), Verdict::Passes);
        assert_eq!(from(Packet::tcp, "93.184.216.34", 80), Verdict::Led("172.17.0.2:8081".into()));
        assert_eq!(from(Packet::tcp, "93.184.216.34", 443), Verdict::Rejected);
        assert_eq!(from(Packet::udp, "93.184.216.34", 443), Verdict::Dropped);
        let open_before = Packet { is_known: true, ..Packet::tcp("10.254.1.9", "93.184.216.34", 443) };
        assert_eq!(world.sim.verdict(open_before), Verdict::Rejected, "also what was open before");
        assert_eq!(world.sim.verdict(Packet::tcp("10.20.0.9", "93.184.216.34", 443)), Verdict::Passes);
        // Again, and after a restart of the agent: nothing is written.
        world.controller.send(Op::DesiredRetry).await;
        let again = world.want([made()]).await;
        proven(&world, again).await;
        assert_eq!(world.sim.writes().len(), writes, "{version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_deleted_or_changed_in_winbox_comes_back() {
    let world = World::start().await;
    let rev = world.want([made()]).await;
    proven(&world, rev).await;
    let right = rows(&world);
    let id = |comment: &str| {
        let rule =
            world.sim.rows(FILTER).into_iter().find(|row| row.get("comment").is_some_and(|c| c.ends_with(comment)));
        rule.map(|row| row[".id"].clone())
    };
    world.sim.remove(FILTER, &id(": jump").unwrap()).unwrap();
    world.sim.set(FILTER, &id(": drop").unwrap(), &[("action", "accept")]).unwrap();
    world.sim.add(FILTER, &[("chain", "hiji-isolation"), ("action", "log"), ("comment", "the admin's own")]).unwrap();
    world.controller.send(Op::DesiredRetry).await;
    let same = || rows(&world).into_iter().filter(|(_, row)| row.get("comment").is_none_or(|c| c != "the admin's own"));
    until("put right", || same().eq(right.iter().cloned())).await;
    assert!(id("the admin's own").is_some());
    // A profile tells of itself, without anybody asking.
    world.sim.set("/ppp/profile", "isolir", &[("address-list", ""), ("rate-limit", "10M/10M")]).unwrap();
    until("the profile too", || same().eq(right.iter().cloned())).await;
    world.sim.remove("/ppp/profile", "isolir").unwrap();
    until("and when it is gone", || world.sim.row("/ppp/profile", "isolir").is_some_and(|row| row["comment"] == MARK))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_it_leaves_nothing_and_waits_for_those_inside() {
    for version in [Version::V6_49, Version::V7_16] {
        let world = World::with(SimConfig { version, ..SimConfig::default() }).await;
        let before = rows(&world);
        world.want([made(), customer("isolir", "")]).await;
        until("inside", || world.sim.row("/ppp/secret", "kebon-0001").is_some()).await;
        let gone = || Object::Isolation(DesiredIsolation { gone: true, ..spec() });
        let rev = world.want([gone()]).await;
        let refused = some("a refusal", || outcome(&world, rev, ItemStatus::Failed)).await;
        assert!(refused.msg.contains("isolir is still the profile of 1 users"), "{refused:?}");
        world.want([Object::Gone { kind: Kind::PppSecret, name: "kebon-0001".into() }]).await;
        until("nobody is inside", || world.sim.row("/ppp/secret", "kebon-0001").is_none()).await;
        let rev = world.want([gone()]).await;
        proven(&world, rev).await;
        assert_eq!(rows(&world), before, "{version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_others_a_full_flash_and_missing_menus_are_told_in_the_router_s_words() {
    let world = World::start().await;
    world.sim.add("/ppp/profile", &[("name", "isolir"), ("rate-limit", "1M/1M")]).unwrap();
    let before = rows(&world);
    let rev = world.want([made()]).await;
    let taken = some("a refusal", || outcome(&world, rev, ItemStatus::Failed)).await;
    assert_eq!((taken.kind, taken.code), (Kind::Isolation, Some(FailCode::NameTaken)));
    assert_eq!(rows(&world), before, "nothing was touched");
    world.sim.remove("/ppp/profile", "isolir").unwrap();
    world.sim.fault(Fault::FlashFull { after: 4 });
    let rev = world.want([made()]).await;
    let full = some("the flash is full", || outcome(&world, rev, ItemStatus::Failed)).await;
    assert_eq!(full.code, Some(FailCode::Full));
    assert!(full.msg.contains("no space left"), "{full:?}");
    world.sim.clear_faults();
    world.controller.send(Op::DesiredRetry).await;
    proven(&world, rev).await;
    let old = World::start().await;
    old.sim.fault(Fault::UnknownField { field: "address-list".into() });
    let rev = old.want([made()]).await;
    let unknown = some("an old version", || outcome(&old, rev, ItemStatus::Failed)).await;
    assert_eq!(unknown.code, Some(FailCode::Unsupported));
    assert!(unknown.msg.starts_with("/ppp/profile: unknown parameter"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_off_and_killed_in_the_middle_it_is_finished() {
    let mut world = World::start().await;
    world.sim.fault(Fault::CutBeforeDone { path: FILTER.to_owned() });
    let rev = world.want([made()]).await;
    proven(&world, rev).await;
    let right = rows(&world);
    let gone = world.want([Object::Isolation(DesiredIsolation { gone: true, ..spec() })]).await;
    proven(&world, gone).await;
    world.sim.set_answer_ms(40);
    let rev = world.want([made()]).await;
    let rules =
        || world.sim.rows(FILTER).iter().filter(|row| row.get("comment").is_some_and(|c| c.starts_with(MARK))).count();
    until("some are there", || rules() >= 3).await;
    assert!(rules() < 9);
    world.kill_agent().await;
    world.sim.set_answer_ms(0);
    world.start_agent();
    proven(&world, rev).await;
    // What was on its way as the agent died may have come after the new one's look: its next one mends that.
    until("each rule is there once", || rows(&world) == right).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_with_a_static_address_is_isolated_and_restored_exactly() {
    let world = World::start().await;
    world.want([made(), package(), customer("Rumah-10M", "10.20.0.77")]).await;
    until("the secret", || world.sim.row("/ppp/secret", "kebon-0001").is_some()).await;
    world.sim.pppoe_dial("kebon-0001", "rahasia", CALLER).unwrap();
    assert_eq!(address(&world).as_deref(), Some("10.20.0.77"));
    let before = world.sim.row("/ppp/secret", "kebon-0001").unwrap();

    let began = Instant::now();
    let rev = world.want([customer("isolir", "")]).await;
    let listed = || {
        let address = address(&world)?;
        let row = world.sim.rows("/ip/firewall/address-list").into_iter().find(|row| row["address"] == address)?;
        (row["list"] == "isolir" && address.starts_with("10.254.1.")).then_some(address)
    };
    let inside = some("a session in the list", listed).await;
    proven(&world, rev).await;
    assert!(began.elapsed() < WITHIN, "{:?}", began.elapsed());
    assert_eq!(world.sim.verdict(Packet::tcp(&inside, "93.184.216.34", 443)), Verdict::Rejected);

    let began = Instant::now();
    let rev = world.want([customer("Rumah-10M", "10.20.0.77")]).await;
    until("the old address", || address(&world).as_deref() == Some("10.20.0.77")).await;
    proven(&world, rev).await;
    assert!(began.elapsed() < WITHIN, "{:?}", began.elapsed());
    let mut after = world.sim.row("/ppp/secret", "kebon-0001").unwrap();
    for moving in ["last-logged-out", "last-disconnect-reason", "last-caller-id"] {
        after.remove(moving);
    }
    let same = |(name, value): (&String, &String)| before.get(name) == Some(value);
    assert!(after.iter().all(same), "{before:?} {after:?}");
    assert_eq!(world.sim.verdict(Packet::tcp("10.20.0.77", "93.184.216.34", 443)), Verdict::Passes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_outlived_a_cut_or_a_crash_is_ended_before_anything_is_proven() {
    let mut world = World::start().await;
    world.want([made(), package(), customer("Rumah-10M", "10.20.0.77")]).await;
    until("the secret", || world.sim.row("/ppp/secret", "kebon-0001").is_some()).await;
    for profile in ["isolir", "Rumah-10M", "isolir"] {
        until("the package's address", || {
            address(&world).is_some() || world.sim.pppoe_dial("kebon-0001", "rahasia", CALLER).is_ok()
        })
        .await;
        let session = world.sim.rows("/ppp/active").first().unwrap()["session-id"].clone();
        // The change is done, and the connection is gone before the session could be ended.
        world.sim.fault(Fault::CutBeforeDone { path: "/ppp/secret".to_owned() });
        let static_address = if profile == "isolir" { "" } else { "10.20.0.77" };
        let rev = world.want([customer(profile, static_address)]).await;
        proven(&world, rev).await;
        let again = world.sim.rows("/ppp/active").first().map(|row| row["session-id"].clone());
        assert_ne!(again, Some(session), "{profile}");
    }
    // The same with kill -9 between the two.
    world.sim.set_answer_ms(150);
    let rev = world.want([customer("Rumah-10M", "10.20.0.77")]).await;
    let changed = || world.sim.row("/ppp/secret", "kebon-0001").is_some_and(|row| row["profile"] == "Rumah-10M");
    until("changed", changed).await;
    world.kill_agent().await;
    world.sim.set_answer_ms(0);
    world.start_agent();
    proven(&world, rev).await;
    until("back", || address(&world).as_deref() == Some("10.20.0.77")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offline_router_gets_only_the_newest_within_ten_seconds() {
    let world = World::start().await;
    world.want([made(), package(), customer("Rumah-10M", "10.20.0.77")]).await;
    until("the secret", || world.sim.row("/ppp/secret", "kebon-0001").is_some()).await;
    world.sim.pppoe_dial("kebon-0001", "rahasia", CALLER).unwrap();
    world.sim.fault(Fault::ApiDown);
    world.want([customer("isolir", "")]).await;
    world.want([customer("Rumah-10M", "10.20.0.77")]).await;
    let rev = world.want([customer("isolir", "")]).await;
    let writes = world.sim.writes().len();
    world.sim.clear_faults();
    let began = Instant::now();
    proven(&world, rev).await;
    assert!(began.elapsed() < WITHIN, "{:?}", began.elapsed());
    let profiles: Vec<String> = world.sim.writes()[writes..]
        .iter()
        .filter(|write| write.command == "/ppp/secret/set")
        .flat_map(|write| write.args.iter().filter(|(name, _)| name == "profile").map(|(_, value)| value.clone()))
        .collect();
    assert_eq!(profiles, ["isolir"], "older revisions never reach the router");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hotspot_member_loses_cookie_and_session_and_comes_back_into_the_list() {
    let world = World::start().await;
    let member = |profile: &str| {
        Object::User(DesiredUser {
            profile: profile.into(),
            online_secs: None,
            mac_lock: false,
            mark: Mark::Subscription { comment: "HOTSPOT_SYSTEM|C000002|S000002|75000|".into() },
            ..voucher("siti")
        })
    };
    let member_profile = DesiredProfile::made(Service::Hotspot, "Member-5M", "2M/5M", 2, "VOUCHER_SYSTEM");
    world.want([made(), Object::Profile(member_profile), member("Member-5M")]).await;
    until("the member", || world.user("siti").is_some_and(|row| row["profile"] == "Member-5M")).await;
    world.sim.hotspot_login("siti", "siti", "AA:BB:CC:00:00:01").unwrap();
    let began = Instant::now();
    let rev = world.want([member("isolir")]).await;
    proven(&world, rev).await;
    assert!(began.elapsed() < WITHIN);
    assert!(world.sim.rows("/ip/hotspot/active").is_empty() && world.sim.rows("/ip/hotspot/cookie").is_empty());
    let session = world.sim.hotspot_login("siti", "siti", "AA:BB:CC:00:00:01").unwrap();
    let listed = world.sim.rows("/ip/firewall/address-list").into_iter().find(|row| row["address"] == session.address);
    assert_eq!(listed.unwrap()["list"], "isolir");
    let rev = world.want([member("Member-5M")]).await;
    proven(&world, rev).await;
    let session = world.sim.hotspot_login("siti", "siti", "AA:BB:CC:00:00:01").unwrap();
    assert!(world.sim.rows("/ip/firewall/address-list").iter().all(|row| row["address"] != session.address));
}
