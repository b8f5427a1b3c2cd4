//! The router becomes what the controller wants, whatever goes wrong on the way.

use std::{collections::BTreeSet, time::Instant};

use hiji_shared::{
    command::{CommandStatus, Op},
    desired::{DesiredProfile, FailCode, ItemStatus, Object},
    device::{Kind, Row, Service},
    event::{Delta, Event},
};
use hiji_tests::router_sim::{Fault, SimConfig};

use super::support::{World, some, until, voucher, vouchers};

fn verified(world: &World) -> usize {
    let results = world.controller.results();
    results
        .iter()
        .filter(|item| item.status == ItemStatus::Verified)
        .map(|item| &item.key)
        .collect::<BTreeSet<_>>()
        .len()
}

#[tokio::test(flavor = "multi_thread")]
async fn wanted_vouchers_appear_and_are_proven() {
    let world = World::start().await;
    let rev = world.want(vouchers(120)).await;
    until("120 verified", || verified(&world) == 120).await;
    assert_eq!(world.users().len(), 120);
    let user = world.user("KB00007").unwrap();
    assert_eq!(user["comment"], "VOUCHER_SYSTEM|3000||");
    assert_eq!((user["limit-uptime"].as_str(), user["password"].as_str()), ("12h", "KB00007"));
    until("have", || world.controller.count(|e| matches!(e, Event::DesiredHave { rev: have } if *have == rev)) > 0)
        .await;
    let adds = world.sim.writes().iter().filter(|write| write.command.ends_with("/add")).count();
    assert_eq!(adds, 120, "each is added once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_done_is_not_a_second_user() {
    let world = World::start().await;
    until("hello", || !world.controller.got().hellos.is_empty()).await;
    world.sim.fault(Fault::CutBeforeDone { path: "/ip/hotspot/user".to_owned() });
    world.want(vouchers(30)).await;
    until("30 verified", || verified(&world) == 30).await;
    assert_eq!(world.users().len(), 30);
    assert!(world.controller.results().iter().all(|item| item.status == ItemStatus::Verified));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_goes_away_mid_batch_is_resumed() {
    let world = World::start().await;
    world.sim.set_answer_ms(3);
    world.want(vouchers(300)).await;
    until("some are there", || world.users().len() > 60).await;
    world.sim.fault(Fault::ApiDown);
    until("told", || world.controller.count(|e| matches!(e, Event::RouterReach { ok: false, .. })) > 0).await;
    assert!(world.users().len() < 300);
    world.sim.clear_faults();
    until("all verified", || verified(&world) == 300).await;
    assert_eq!(world.users().len(), 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_mid_batch_goes_on() {
    let mut world = World::start().await;
    world.sim.set_answer_ms(5);
    let rev = world.want(vouchers(300)).await;
    let has =
        |world: &World| world.controller.count(|e| matches!(e, Event::DesiredHave { rev: have } if *have == rev)) > 0;
    until("it has them all", || has(&world)).await;
    until("some are there", || world.users().len() > 60).await;
    world.kill_agent().await;
    assert!(world.users().len() < 300);
    world.start_agent();
    until("all verified", || verified(&world) == 300).await;
    assert_eq!(world.users().len(), 300);
    let adds = world.sim.writes().iter().filter(|write| write.command.ends_with("/add")).count();
    assert!(adds <= 364, "{adds}: at most a window was repeated");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_wait_for_their_profile() {
    let world = World::start().await;
    let mut user = voucher("KB1");
    user.profile = "12jam".to_owned();
    world.want([Object::User(user)]).await;
    let failed = some("a failure", || world.controller.results().first().cloned()).await;
    assert_eq!((failed.status, failed.code), (ItemStatus::Failed, Some(FailCode::MissingReference)));
    assert!(world.users().is_empty());
    world.want([Object::Profile(DesiredProfile::made(Service::Hotspot, "12jam", "2M/4M", 1, "VOUCHER_SYSTEM"))]).await;
    until("both verified", || verified(&world) == 2).await;
    let profile = world.sim.row("/ip/hotspot/user/profile", "12jam").unwrap();
    assert_eq!(profile["on-login"], "# hiji begin\n# VOUCHER_SYSTEM\n# hiji end");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_users_stay_and_drift_of_ours_is_put_right() {
    let world = World::start().await;
    world.sim.add("/ip/hotspot/user", &[("name", "KB00001"), ("comment", "Budi")]).unwrap();
    world.want(vouchers(3)).await;
    until("two verified", || verified(&world) == 2).await;
    let taken =
        some("a failure", || world.controller.results().into_iter().find(|r| r.status == ItemStatus::Failed)).await;
    assert_eq!((taken.key.as_str(), taken.code), ("KB00001", Some(FailCode::NameTaken)));
    assert_eq!(world.user("KB00001").unwrap()["comment"], "Budi");
    world.sim.set("/ip/hotspot/user", "KB00002", &[("comment", "scribble"), ("disabled", "yes")]).unwrap();
    until("put right", || {
        let user = world.user("KB00002").unwrap();
        user["comment"] == "VOUCHER_SYSTEM|3000||" && user["disabled"] == "false"
    })
    .await;
    world.sim.remove("/ip/hotspot/user", "KB00000").unwrap();
    until("made again", || world.user("KB00000").is_some()).await;
    world.want([Object::Gone { kind: Kind::HotspotUser, name: "KB00002".to_owned() }]).await;
    until("gone", || world.user("KB00002").is_none()).await;
    world.want([Object::Gone { kind: Kind::HotspotUser, name: "KB00001".to_owned() }]).await;
    until("refused", || world.controller.results().iter().filter(|r| r.status == ItemStatus::Failed).count() == 2)
        .await;
    assert!(world.user("KB00001").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mirror_is_the_router() {
    let world = World::without_agent(SimConfig::default()).await;
    let mut world = world;
    world.sim.bulk_users(1_200, "default").unwrap();
    world.start_agent();
    until("snapshots", || world.controller.got().snapshots.get(&Kind::HotspotUser).is_some_and(|s| s.len() >= 1_200))
        .await;
    world.sim.set("/ip/hotspot/user", "bulk00007", &[("comment", "VIP")]).unwrap();
    world.sim.remove("/ip/hotspot/user", "bulk00008").unwrap();
    world.sim.add("/ip/hotspot/user", &[("name", "gratis1")]).unwrap();
    let deltas = |world: &World| {
        let got = world.controller.got();
        let mut rows = got.snapshots[&Kind::HotspotUser].clone();
        for event in &got.events {
            match event {
                Event::Delta(Delta::Put { kind: Kind::HotspotUser, row }) => {
                    rows.insert(row.key().to_owned(), row.clone());
                }
                Event::Delta(Delta::Del { kind: Kind::HotspotUser, key }) => {
                    rows.remove(key);
                }
                _ => {}
            }
        }
        rows
    };
    until("the changes", || {
        let rows = deltas(&world);
        let vip = matches!(rows.get("bulk00007"), Some(Row::User(user)) if user.comment == "VIP");
        vip && !rows.contains_key("bulk00008") && rows.contains_key("gratis1")
    })
    .await;
    assert_eq!(deltas(&world).len(), world.sim.rows("/ip/hotspot/user").len());
    assert!(world.sim.full_prints("/ip/hotspot/user") <= 1, "{}", world.sim.full_prints("/ip/hotspot/user"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_big_batch_is_quick_and_read_back() {
    let world = World::start().await;
    until("hello", || !world.controller.got().hellos.is_empty()).await;
    let began = Instant::now();
    world.want(vouchers(1_500)).await;
    until("all verified", || verified(&world) == 1_500).await;
    println!("1500 vouchers: {:?}, {} commands", began.elapsed(), world.sim.commands());
    assert_eq!(world.users().len(), 1_500);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_believed_only_when_signed_and_done_once() {
    let world = World::start().await;
    until("hello", || !world.controller.got().hellos.is_empty()).await;
    let controller = &world.controller;
    controller.send_as("forged", Op::Ping, 60, b"another key").await;
    let gap = controller.send(Op::DesiredPut { from_rev: 9, to_rev: 10, reset: false, objects: vec![] }).await;
    let ping = controller.send(Op::Ping).await;
    let result = |jti: &str| {
        controller.find(|event| match event {
            Event::CommandResult(result) if result.id == jti => Some(result.clone()),
            _ => None,
        })
    };
    assert_eq!(some("pong", || result(&ping)).await.status, CommandStatus::Ok);
    let gap = some("gap", || result(&gap)).await;
    assert_eq!((gap.status, gap.code.as_str()), (CommandStatus::Rejected, "gap"));
    assert!(result("forged").is_none());
    let key = hiji_shared::signed::derive(&[5; 32], hiji_shared::signed::Purpose::Command);
    controller.send_as("late", Op::Ping, -10, &key).await;
    assert_eq!(some("late", || result("late")).await.status, CommandStatus::Expired);
    controller.send_as(&ping, Op::Ping, 60, &key).await;
    until("answered again", || controller.count(|e| matches!(e, Event::CommandResult(r) if r.id == ping)) == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_the_controller_was_away_arrives_once_and_in_order() {
    let mut world = World::start().await;
    world.want(vouchers(5)).await;
    until("verified", || verified(&world) == 5).await;
    world.controller.go_away(true);
    for n in 0..5 {
        world.sim.hotspot_login(&format!("KB0000{n}"), &format!("KB0000{n}"), &format!("02:00:00:00:00:0{n}")).unwrap();
        world.sim.tick();
    }
    until("comments", || world.users().iter().all(|user| !user["comment"].ends_with("||"))).await;
    world.kill_agent().await;
    world.start_agent();
    world.controller.go_away(false);
    until("logins", || world.controller.count(|e| matches!(e, Event::FirstLogin(_))) >= 5).await;
    let got = world.controller.got();
    let firsts = got.events.iter().filter(|e| matches!(e, Event::FirstLogin(_))).count();
    let logins: Vec<&str> = got
        .events
        .iter()
        .filter_map(|event| match event {
            Event::SessionLogin { session, .. } => Some(session.sid.as_str()),
            _ => None,
        })
        .collect();
    let sids: BTreeSet<&str> = logins.iter().copied().collect();
    assert_eq!((firsts, sids.len()), (5, 5), "{logins:?}");
}

/// REQUIREMENTS 2.1 and 2.2: by `listen` at once, without it by the next full reading, every 30 s unless set otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_gets_the_marker_is_told_whether_or_not_the_router_listens() {
    const PROFILES: &str = "/ip/hotspot/user/profile";
    for listens in [true, false] {
        let mut world = World::without_agent(SimConfig::default()).await;
        world.sim.add(PROFILES, &[("name", "12jam"), ("on-login", ":log info x")]).unwrap();
        if listens {
            // Nothing but `listen` can be as quick.
            world.scan_every(3_600);
        } else {
            world.sim.fault(Fault::NoListen);
            world.scan_every(1);
        }
        world.start_agent();
        let marked = |world: &World, name: &str| {
            let got = world.controller.got();
            let first = got.snapshots.get(&Kind::HotspotProfile).and_then(|rows| rows.get(name));
            let later = got.events.iter().rev().find_map(|event| match event {
                Event::Delta(Delta::Put { kind: Kind::HotspotProfile, row }) if row.key() == name => Some(row),
                _ => None,
            });
            later.or(first).is_some_and(|row| matches!(row, Row::Profile(profile) if profile.marked))
        };
        let known = |world: &World| world.controller.got().snapshots.contains_key(&Kind::HotspotProfile);
        until("the first snapshot", || known(&world)).await;
        assert!(!marked(&world, "12jam"), "{listens}");
        world.sim.set(PROFILES, "12jam", &[("on-login", "# VOUCHER_SYSTEM\r\n:log info x")]).unwrap();
        until("the marker", || marked(&world, "12jam")).await;
        world.sim.add(PROFILES, &[("name", "baru"), ("on-login", "# VOUCHER_SYSTEM")]).unwrap();
        until("a new profile", || marked(&world, "baru")).await;
    }
}
