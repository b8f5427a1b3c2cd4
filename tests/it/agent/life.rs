//! A voucher's life on the router: first login, expiry at its second, and clocks that lie.

use hiji_shared::{
    command::Op,
    desired::{Mark, Object},
    device::Service,
    event::{EndReason, Event, FirstLogin, Logout},
};
use hiji_tests::router_sim::Fault;

use super::support::{START_MS, World, some, until, voucher};

const MAC: &str = "02:00:00:00:00:01";

fn first_login(world: &World) -> Option<FirstLogin> {
    world.controller.find(|event| if let Event::FirstLogin(first) = event { Some(first.clone()) } else { None })
}

fn ended(world: &World) -> Option<hiji_shared::event::Ended> {
    world.controller.find(|event| if let Event::UserEnded(ended) = event { Some(ended.clone()) } else { None })
}

fn logout(world: &World) -> Option<Logout> {
    world.controller.find(|event| if let Event::SessionLogout(logout) = event { Some(logout.clone()) } else { None })
}

async fn with_voucher() -> World {
    let world = World::start().await;
    world.want([Object::User(voucher("KB1"))]).await;
    until("the voucher", || world.user("KB1").is_some()).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_login_is_seen_within_a_second_and_written_down() {
    let world = with_voucher().await;
    let began = std::time::Instant::now();
    world.sim.hotspot_login("KB1", "KB1", MAC).unwrap();
    let first = some("first login", || first_login(&world)).await;
    println!("first login reported after {:?}", began.elapsed());
    assert!(began.elapsed().as_millis() < 1_000);
    assert!((first.at - START_MS / 1_000).abs() < 20 && first.valid_until == Some(first.at + 3_600));
    assert_eq!((first.mac.as_str(), first.estimated), (MAC, false));
    until("comment and MAC", || {
        let user = world.user("KB1").unwrap();
        user["comment"] == format!("VOUCHER_SYSTEM|3000|{}|{}", first.at, first.at + 3_600)
            && user.get("mac-address").is_some_and(|mac| mac == MAC)
    })
    .await;
    assert_eq!(world.controller.count(|e| matches!(e, Event::FirstLogin(_))), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_expires_while_the_controller_is_away_and_the_phone_does_not_come_back() {
    let world = with_voucher().await;
    world.sim.hotspot_login("KB1", "KB1", MAC).unwrap();
    let first = some("first login", || first_login(&world)).await;
    world.controller.go_away(true);
    world.clock.advance(3_590);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(world.user("KB1").is_some(), "not a second early");
    world.clock.advance(20);
    until("the user is gone", || world.user("KB1").is_none()).await;
    until("the session is gone", || world.sim.sessions().is_empty()).await;
    assert!(world.sim.hotspot_return(MAC).is_err(), "no cookie lets the phone in");
    assert!(world.sim.hotspot_login("KB1", "KB1", MAC).is_err());
    world.controller.go_away(false);
    let ended = some("the end is told", || ended(&world)).await;
    assert_eq!((ended.why, ended.user.as_str()), (EndReason::Expired, "KB1"));
    assert!(ended.at >= first.at + 3_600 && ended.uptime_secs >= 3_590, "{ended:?}");
    let logout = some("logout", || logout(&world)).await;
    assert_eq!(logout.reason, "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_while_it_ends_a_voucher_finishes() {
    let mut world = with_voucher().await;
    world.sim.hotspot_login("KB1", "KB1", MAC).unwrap();
    some("first login", || first_login(&world)).await;
    until("told", || world.user("KB1").unwrap()["comment"].matches('|').count() == 3).await;
    world.sim.fault(Fault::CutBeforeDone { path: "/ip/hotspot/user/remove".to_owned() });
    world.clock.advance(3_700);
    until("the user is gone", || world.user("KB1").is_none()).await;
    world.kill_agent().await;
    world.start_agent();
    until("no session", || world.sim.sessions().is_empty()).await;
    some("the end is told", || ended(&world)).await;
    assert!(world.sim.hotspot_return(MAC).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn used_up_online_time_ends_a_voucher() {
    let world = World::start().await;
    let mut user = voucher("KB1");
    user.online_secs = Some(600);
    world.want([Object::User(user)]).await;
    until("the voucher", || world.user("KB1").is_some()).await;
    world.sim.hotspot_login("KB1", "KB1", MAC).unwrap();
    some("first login", || first_login(&world)).await;
    world.clock.advance(700);
    world.sim.tick();
    let ended = some("the end", || ended(&world)).await;
    assert_eq!(ended.why, EndReason::UsedUp);
    until("gone", || world.user("KB1").is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unused_voucher_ends_at_its_sell_by_date_and_a_used_one_does_not() {
    let world = World::start().await;
    let with_date = |name: &str| {
        let mut user = voucher(name);
        let Mark::Voucher { activate_before, active_secs, .. } = &mut user.mark else { panic!() };
        (*activate_before, *active_secs) = (Some(START_MS / 1_000 + 1_000), Some(86_400));
        Object::User(user)
    };
    world.want([with_date("KB1"), with_date("KB2")]).await;
    until("both", || world.users().len() == 2).await;
    world.sim.hotspot_login("KB2", "KB2", MAC).unwrap();
    some("first login", || first_login(&world)).await;
    world.clock.advance(1_100);
    let ended = some("the end", || ended(&world)).await;
    assert_eq!((ended.why, ended.user.as_str()), (EndReason::NotActivated, "KB1"));
    assert!(world.user("KB2").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_ended_while_the_router_s_clock_is_1970() {
    let world = with_voucher().await;
    world.sim.hotspot_login("KB1", "KB1", MAC).unwrap();
    some("first login", || first_login(&world)).await;
    until("comment", || !world.user("KB1").unwrap()["comment"].ends_with("||")).await;
    world.clock.advance(60);
    world.sim.reboot(true);
    until("an alert", || {
        world.controller.count(|e| matches!(e, Event::Alert { code, .. } if code == "clock_doubtful")) == 1
    })
    .await;
    let closed = some("logout", || logout(&world)).await;
    assert_eq!(closed.reason, "router-reboot");
    // Ten minutes after its start the router is believed to have no clock at all; the voucher has 50 minutes left.
    world.clock.advance(590);
    world.clock.jump(7_200);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(world.user("KB1").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_of_the_agent_s_clock_ends_nothing() {
    let world = with_voucher().await;
    world.sim.hotspot_login("KB1", "KB1", MAC).unwrap();
    some("first login", || first_login(&world)).await;
    world.controller.go_away(true);
    world.clock.jump(90 * 86_400);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(world.user("KB1").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_both_services_come_and_go() {
    let world = World::start().await;
    world.sim.add("/ip/hotspot/user", &[("name", "siti"), ("password", "x")]).unwrap();
    world.sim.add("/ppp/secret", &[("name", "budi"), ("password", "y"), ("service", "pppoe")]).unwrap();
    until("hello", || !world.controller.got().hellos.is_empty()).await;
    world.sim.hotspot_login("siti", "x", MAC).unwrap();
    world.sim.pppoe_dial("budi", "y", "02:00:00:00:00:02").unwrap();
    until("both logins", || world.controller.count(|e| matches!(e, Event::SessionLogin { .. })) == 2).await;
    world.controller.send(Op::SessionKick { service: Service::Hotspot, user: "siti".to_owned() }).await;
    let kicked = some("kicked", || logout(&world)).await;
    assert_eq!((kicked.session.user.as_str(), kicked.reason.as_str()), ("siti", "kicked"));
    world.sim.pppoe_hangup("budi");
    until("both logouts", || world.controller.count(|e| matches!(e, Event::SessionLogout(_))) == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_was_restarted_knows_its_sessions() {
    let mut world = with_voucher().await;
    world.sim.hotspot_login("KB1", "KB1", MAC).unwrap();
    some("first login", || first_login(&world)).await;
    world.stop_agent().await;
    world.start_agent();
    until("hello", || world.controller.got().hellos.len() >= 2).await;
    world.sim.hotspot_logout("KB1");
    let logout = some("logout", || logout(&world)).await;
    let login = world.controller.find(|event| match event {
        Event::SessionLogin { session, .. } => Some(session.sid.clone()),
        _ => None,
    });
    assert_eq!(Some(logout.session.sid), login);
    assert_eq!(world.controller.count(|e| matches!(e, Event::SessionLogin { .. })), 1);
    assert_eq!(world.controller.count(|e| matches!(e, Event::FirstLogin(_))), 1);
}
