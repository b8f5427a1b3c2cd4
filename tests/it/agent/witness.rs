//! Three witnesses of a login: the script's call, the stream of the active list, the look at it. Any two may fail.

use std::{net::SocketAddr, time::Duration};

use hiji_shared::{
    desired::{DesiredProfile, Marking, Object},
    device::Service,
    event::{Event, FirstLogin, Logout, Source},
};
use hiji_tests::router_sim::{Fault, SimConfig, Version};

use super::support::{World, some, until, voucher};

const MAC: &str = "02:00:00:00:00:01";
/// So long that no look comes by itself.
const NEVER_SECS: u32 = 3_600;
const OFTEN_SECS: u32 = 1;
const VERSIONS: [Version; 3] = [Version::V6_49, Version::V7_16, Version::V7_20];

/// Who still sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seeing {
    hook: bool,
    stream: bool,
    poll: bool,
}

const ALONE: [(Seeing, Source); 3] = [
    (Seeing { hook: true, stream: false, poll: false }, Source::Hook),
    (Seeing { hook: false, stream: true, poll: false }, Source::Stream),
    (Seeing { hook: false, stream: false, poll: true }, Source::Poll),
];

fn path(service: Service) -> &'static str {
    match service {
        Service::Hotspot => "/ip/hotspot/user/profile",
        Service::Pppoe => "/ppp/profile",
    }
}

/// A router with a hooked profile and a voucher, where only some can see.
async fn world(version: Version, service: Service, seeing: Seeing) -> World {
    let mut world = World::without_agent(SimConfig { version, ..SimConfig::default() }).await;
    world.use_hook(SocketAddr::from(([127, 0, 0, 1], 0)));
    let marker = if service == Service::Pppoe { "PPPOE_SYSTEM" } else { "VOUCHER_SYSTEM" };
    let (begin, end) = if service == Service::Pppoe { ("on-up", "on-down") } else { ("on-login", "on-logout") };
    world.sim.add(path(service), &[("name", "12jam"), (begin, ":log info hello\r\n:log info two"), (end, "")]).unwrap();
    if !seeing.stream {
        world.sim.fault(Fault::NoListen);
    }
    if !seeing.hook {
        world.sim.fault(Fault::NoScripts);
    }
    world.start_agent();
    until("hello", || !world.controller.got().hellos.is_empty()).await;
    world.controller.poll_every(if seeing.poll { OFTEN_SECS } else { NEVER_SECS }).await;
    let profile =
        DesiredProfile { hooks: true, marking: Marking::Set, ..DesiredProfile::of_admin(service, "12jam", marker) };
    let mut user = voucher("KB1");
    (user.service, user.profile) = (service, "12jam".to_owned());
    world.want([Object::Profile(profile), Object::User(user)]).await;
    let menu = if service == Service::Pppoe { "/ppp/secret" } else { "/ip/hotspot/user" };
    until("the voucher", || world.sim.row(menu, "KB1").is_some()).await;
    until("the voucher's proof", || world.controller.results().iter().any(|item| item.key == "KB1")).await;
    until("the block", || world.sim.row(path(service), "12jam").unwrap()[begin].starts_with("# hiji begin")).await;
    world
}

fn login(world: &World, service: Service) {
    match service {
        Service::Hotspot => drop(world.sim.hotspot_login("KB1", "KB1", MAC).unwrap()),
        Service::Pppoe => drop(world.sim.pppoe_dial("KB1", "KB1", MAC).unwrap()),
    }
}

fn logout(world: &World, service: Service) {
    match service {
        Service::Hotspot => world.sim.hotspot_logout("KB1"),
        Service::Pppoe => world.sim.pppoe_hangup("KB1"),
    };
}

fn first_login(world: &World) -> Option<FirstLogin> {
    world.controller.find(|event| if let Event::FirstLogin(first) = event { Some(first.clone()) } else { None })
}

fn last_logout(world: &World) -> Option<Logout> {
    world.controller.find(|event| if let Event::SessionLogout(logout) = event { Some(logout.clone()) } else { None })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_witness_alone_sees_a_first_login_and_dates_it_to_the_second() {
    for version in VERSIONS {
        for service in [Service::Hotspot, Service::Pppoe] {
            for (seeing, src) in ALONE {
                let case = format!("{version} {service:?} {seeing:?}");
                let mut world = world(version, service, seeing).await;
                let (came, began) = (world.clock.true_ms() / 1_000, std::time::Instant::now());
                login(&world, service);
                let first = some(&case, || first_login(&world)).await;
                let took = began.elapsed();
                assert!((first.at - came).abs() <= 2, "{case}: {} {came}", first.at);
                assert_eq!((first.src, first.mac.as_str(), first.estimated), (src, MAC, false), "{case}");
                let patience = Duration::from_millis(if seeing.poll { 2_500 } else { 1_000 });
                assert!(took < patience, "{case}: after {took:?}");
                world.stop_agent().await;
                assert_eq!(world.controller.count(|event| matches!(event, Event::FirstLogin(_))), 1, "{case}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_witnesses_together_activate_once() {
    for version in VERSIONS {
        let mut world = world(version, Service::Hotspot, Seeing { hook: true, stream: true, poll: true }).await;
        login(&world, Service::Hotspot);
        some("first login", || first_login(&world)).await;
        logout(&world, Service::Hotspot);
        some("logout", || last_logout(&world)).await;
        login(&world, Service::Hotspot);
        until("two logins", || world.controller.count(|event| matches!(event, Event::SessionLogin { .. })) == 2).await;
        world.stop_agent().await;
        assert_eq!(world.controller.count(|event| matches!(event, Event::FirstLogin(_))), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_while_the_agent_was_down_is_dated_from_the_session_s_own_uptime() {
    for version in VERSIONS {
        let mut world = world(version, Service::Hotspot, Seeing { hook: true, stream: true, poll: true }).await;
        world.stop_agent().await;
        let came = world.clock.true_ms() / 1_000;
        login(&world, Service::Hotspot);
        world.clock.advance(1_200);
        world.start_agent();
        let first = some("first login", || first_login(&world)).await;
        assert!((first.at - came).abs() <= 2, "{version}: {} {came}", first.at);
        assert!(!first.estimated && first.src != Source::Scan, "{version}: {first:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_who_came_and_went_between_two_looks_is_found() {
    let hook = Seeing { hook: true, stream: false, poll: false };
    let scan = Seeing { hook: false, stream: false, poll: true };
    for version in VERSIONS {
        for (seeing, src) in [(hook, Source::Hook), (scan, Source::Scan)] {
            let case = format!("{version} {seeing:?}");
            let world = world(version, Service::Hotspot, seeing).await;
            if seeing.poll {
                world.controller.poll_every(NEVER_SECS).await;
                // The one look that is due already.
                tokio::time::sleep(Duration::from_millis(1_200)).await;
            }
            let came = world.clock.true_ms() / 1_000;
            login(&world, Service::Hotspot);
            world.sim.transfer("KB1", 10, 20);
            if !seeing.hook {
                world.clock.advance(5);
            }
            logout(&world, Service::Hotspot);
            if !seeing.hook {
                world.controller.send(hiji_shared::command::Op::Snapshot { kind: None }).await;
            }
            let first = some(&case, || first_login(&world)).await;
            assert_eq!((first.src, first.estimated), (src, false), "{case}");
            assert!((first.at - came).abs() <= 2, "{case}: {} {came}", first.at);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_s_last_words_finish_a_session() {
    for version in VERSIONS {
        let world = world(version, Service::Hotspot, Seeing { hook: true, stream: true, poll: false }).await;
        login(&world, Service::Hotspot);
        some("first login", || first_login(&world)).await;
        world.sim.set_rates("KB1", 0, 0);
        world.clock.advance(100);
        world.sim.transfer("KB1", 123_456, 654_321);
        world.sim.hotspot_leave("KB1");
        let logout = some("logout", || last_logout(&world)).await;
        assert_eq!(logout.reason, "keepalive timeout", "{version}");
        assert!(logout.bytes_in >= 123_456 && logout.bytes_out >= 654_321, "{version}: {logout:?}");
        assert!((99..=103).contains(&logout.uptime_secs), "{version}: {logout:?}");
    }
}
