//! hiji's block in the scripts of profiles, the hook they call, and the self-test.

use std::{io::ErrorKind, net::SocketAddr};

use hiji_shared::{
    command::{CommandResult, CommandStatus, Op},
    desired::{DesiredProfile, Marking, Object},
    device::Service,
    event::Event,
};
use hiji_tests::router_sim::{Fault, SimConfig, Version};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::support::{World, some, until};

const PROFILE: &str = "/ip/hotspot/user/profile";
const OWN: &str = ":log info hello\r\n:log info two";

async fn world(version: Version) -> World {
    let mut world = World::without_agent(SimConfig { version, ..SimConfig::default() }).await;
    world.use_hook(SocketAddr::from(([127, 0, 0, 1], 0)));
    world.sim.add(PROFILE, &[("name", "12jam"), ("rate-limit", "2M/4M"), ("on-login", OWN)]).unwrap();
    world.start_agent();
    until("hello", || !world.controller.got().hellos.is_empty()).await;
    world
}

fn wanted(hooks: bool, marking: Marking) -> Object {
    let own = DesiredProfile::of_admin(Service::Hotspot, "12jam", "VOUCHER_SYSTEM");
    Object::Profile(DesiredProfile { hooks, marking, ..own })
}

fn script(world: &World, which: &str) -> String {
    world.sim.row(PROFILE, "12jam").unwrap().get(which).cloned().unwrap_or_default()
}

fn installed(world: &World) -> bool {
    script(world, "on-login").starts_with("# hiji begin") && script(world, "on-logout").contains("/h/logout")
}

fn alerts(world: &World, wanted: &str) -> usize {
    world.controller.count(|event| matches!(event, Event::Alert { code, .. } if code == wanted))
}

/// Where the hook listens, as the agent told.
async fn hook(world: &World) -> SocketAddr {
    let url = some("hook url", || {
        world.controller.find(|event| match event {
            Event::RouterFacts(facts) if !facts.hook_url.is_empty() => Some(facts.hook_url.clone()),
            _ => None,
        })
    });
    url.await.strip_prefix("http://").unwrap().parse().unwrap()
}

async fn ask(world: &World, op: Op) -> CommandResult {
    let jti = world.controller.send(op).await;
    some("an answer", || {
        world.controller.find(|event| match event {
            Event::CommandResult(result) if result.id == jti => Some(result.clone()),
            _ => None,
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_installed_put_back_and_removed_without_a_trace() {
    for version in [Version::V6_49, Version::V7_16] {
        let mut world = world(version).await;
        world.want([wanted(true, Marking::Set)]).await;
        until("installed", || installed(&world)).await;
        assert!(script(&world, "on-login").ends_with(OWN), "{version}");
        assert_eq!(world.sim.row(PROFILE, "12jam").unwrap()["rate-limit"], "2M/4M");
        until("proven", || world.controller.results().iter().any(|item| item.key == "12jam")).await;

        world.sim.set(PROFILE, "12jam", &[("on-login", OWN)]).unwrap();
        until("put back", || installed(&world)).await;
        until("told", || alerts(&world, "script_put_back") == 1).await;

        world.sim.fault(Fault::LosesScripts);
        world.sim.set(PROFILE, "12jam", &[("rate-limit", "1M/1M")]).unwrap();
        until("put back after the router lost it", || installed(&world)).await;
        world.sim.clear_faults();
        world.sim.set(PROFILE, "12jam", &[("on-login", OWN), ("on-logout", "")]).unwrap();
        until("put back", || script(&world, "on-login").ends_with(OWN) && installed(&world)).await;

        world.want([wanted(false, Marking::Remove)]).await;
        until("removed", || script(&world, "on-login") == OWN && script(&world, "on-logout").is_empty()).await;
        world.stop_agent().await;
        assert_eq!(alerts(&world, "script_put_back"), 1, "no flood");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unhook_cleans_alone_and_only_while_no_agent_runs() {
    let mut world = world(Version::V7_16).await;
    world.want([wanted(true, Marking::Set)]).await;
    until("installed", || installed(&world)).await;
    let refused = hiji_agent::unhook(&world.config()).await;
    assert!(!refused.well && installed(&world), "{:?}", refused.lines);
    world.stop_agent().await;
    let done = hiji_agent::unhook(&world.config()).await;
    assert!(done.well, "{:?}", done.lines);
    assert_eq!((script(&world, "on-login").as_str(), script(&world, "on-logout").as_str()), (OWN, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn mikhmon_s_script_is_left_alone_without_leave() {
    let world = world(Version::V7_16).await;
    let mikhmon = ":put (\",remc,3000,12h,5000,,Enable,\");";
    world.sim.set(PROFILE, "12jam", &[("on-login", mikhmon)]).unwrap();
    world.want([wanted(true, Marking::Set)]).await;
    until("refused", || world.controller.results().iter().any(|item| item.msg.contains("Mikhmon"))).await;
    assert_eq!(script(&world, "on-login"), mikhmon);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_self_test_tells_what_is_in_the_way() {
    let mut world = world(Version::V7_16).await;
    let reached = |event: &Event| matches!(event, Event::RouterReach { ok: true, .. });
    until("connected", || world.controller.count(reached) == 1).await;
    let result = ask(&world, Op::HookTest).await;
    assert_eq!((result.status, result.code.as_str()), (CommandStatus::Ok, ""), "{}", result.msg);
    assert!(result.msg.parse::<u64>().is_ok_and(|ms| ms < 1_000), "{}", result.msg);
    for (words, code) in [
        ("failure: connection refused", "hook_refused"),
        ("failure: timeout waiting data", "hook_timeout"),
        ("not allowed by device-mode", "hook_device_mode"),
    ] {
        world.sim.fault(Fault::FetchFails { message: words.to_owned() });
        let result = ask(&world, Op::HookTest).await;
        assert_eq!((result.status, result.code.as_str(), result.msg.as_str()), (CommandStatus::Failed, code, words));
    }
    world.sim.clear_faults();
    world.sim.set("/user/group", "full", &[("policy", "read,write,api,test,sensitive")]).unwrap();
    // A group's rights are those of the login.
    world.stop_agent().await;
    world.start_agent();
    until("connected", || world.controller.count(|event| matches!(event, Event::RouterReach { ok: true, .. })) == 2)
        .await;
    assert_eq!(ask(&world, Op::HookTest).await.code, "hook_permission");
}

/// Sends bytes and reads the status, if one comes.
async fn raw(address: SocketAddr, request: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let sent = stream.write_all(request).await;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer).await {
        Ok(_) => {}
        Err(error) if sent.is_err() || error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hook_lets_in_only_its_own_scripts_and_is_never_slow() {
    let world = world(Version::V7_16).await;
    world.want([wanted(true, Marking::Set)]).await;
    until("installed", || installed(&world)).await;
    let address = hook(&world).await;
    let line = script(&world, "on-login");
    let token = line.split("X-Hiji: ").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    let post = |path: &str, token: &str, body: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nX-Hiji: {token}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    let in_path = format!("POST /h/login/{token} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    let cases = [
        (post("/h/login", &token, "h2|10.5.50.2|AA|b|||||KB1"), Some(204)),
        (post("/h/logout", &token, "siti|10.0.0.1"), Some(204)),
        (in_path, Some(204)),
        (post("/h/login", "wrong", "h2|a|b|c|||||x"), Some(401)),
        (post("/h/login", "", ""), Some(401)),
        (post("/h/nowhere", &token, ""), Some(404)),
        (post("/h/login", &token, &"x".repeat(5_000)), Some(413)),
        ("GET /h/login HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), Some(405)),
        (format!("POST /h/login HTTP/1.1\r\nHost: x\r\nX-Hiji: {token}\r\nContent-Length: 99\r\n\r\nhalf"), Some(408)),
        ("POST /h/lo".to_owned(), None),
    ];
    for (request, status) in cases {
        let began = std::time::Instant::now();
        assert_eq!(raw(address, request.as_bytes()).await, status, "{request}");
        assert!(began.elapsed().as_millis() < 1_000, "{request}");
    }
    for _ in 0..50 {
        raw(address, post("/h/login", "wrong", "x").as_bytes()).await;
    }
    until("told", || alerts(&world, "hook_wrong_token") == 1).await;
    let mut let_in = 0;
    for _ in 0..400 {
        let_in += usize::from(raw(address, post("/h/login", &token, "x").as_bytes()).await == Some(204));
    }
    assert!(let_in < 400, "a peer that floods is slowed down");
    assert_eq!(alerts(&world, "hook_wrong_token"), 1, "once is enough");
}
