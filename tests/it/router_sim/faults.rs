//! Faults, seen by a client.

use std::time::{Duration, Instant};

use hiji_agent::routeros::{Client, ConnectOptions, Request, Tls};
use hiji_tests::router_sim::{Fault, SimConfig, Version};

use super::support::{Bench, Raw};

const USER: &str = "/ip/hotspot/user";

#[tokio::test]
async fn a_write_cut_before_its_done_has_happened() {
    let bench = Bench::new(Version::V7_16).await;
    let mut raw = Raw::admin(&bench.sim).await;
    bench.sim.fault(Fault::CutBeforeDone { path: USER.to_owned() });
    raw.say(&["/ip/hotspot/user/add", "=name=siti"]).await;
    assert_eq!(raw.hear().await, None);
    assert!(bench.sim.row(USER, "siti").is_some());
    let mut raw = Raw::admin(&bench.sim).await;
    let again = raw.ask(&["/ip/hotspot/user/add", "=name=siti"]).await;
    assert_eq!(again[0][0], "!trap", "the fault happens once");
}

#[tokio::test]
async fn a_cut_in_mid_sentence_leaves_half_of_it() {
    let bench = Bench::new(Version::V7_16).await;
    let mut raw = Raw::admin(&bench.sim).await;
    bench.sim.fault(Fault::CutMidSentence { after: 1 });
    raw.say(&["/user/group/print"]).await;
    assert_eq!(raw.hear().await.map(|words| words[0].clone()).as_deref(), Some("!re"));
    assert_eq!(raw.hear().await, None);
}

#[tokio::test]
async fn a_silent_router_does_nothing_and_a_closed_one_resets() {
    let bench = Bench::new(Version::V7_16).await;
    let sim = &bench.sim;
    let mut raw = Raw::admin(sim).await;
    sim.fault(Fault::Silent);
    raw.say(&["/ip/hotspot/user/add", "=name=siti"]).await;
    assert!(raw.silence().await);
    assert!(sim.row(USER, "siti").is_none());
    sim.fault(Fault::ApiDown);
    assert_eq!(raw.hear().await, None);
    let mut refused = Raw::connect(sim).await;
    assert_eq!(refused.hear().await, None);
    sim.clear_faults();
    Raw::admin(sim).await;
}

#[tokio::test]
async fn a_full_flash_refuses_adds_and_nothing_else() {
    let bench = Bench::new(Version::V7_16).await;
    let mut raw = Raw::admin(&bench.sim).await;
    bench.sim.fault(Fault::FlashFull { after: 1 });
    assert_eq!(raw.ask(&["/ip/hotspot/user/add", "=name=a"]).await.len(), 1);
    let refused = raw.ask(&["/ip/hotspot/user/add", "=name=b"]).await;
    assert_eq!(refused[0][1], "=message=failure: no space left on device");
    assert_eq!(raw.ask(&["/ip/hotspot/user/set", "=.id=a", "=comment=x"]).await.len(), 1);
    bench.sim.clear_faults();
    assert_eq!(raw.ask(&["/ip/hotspot/user/add", "=name=b"]).await.len(), 1);
}

#[tokio::test]
async fn unknown_commands_can_be_swallowed() {
    let bench = Bench::new(Version::V7_16).await;
    let mut raw = Raw::admin(&bench.sim).await;
    bench.sim.fault(Fault::DropUnknown);
    raw.say(&["/no/such/print", ".tag=1"]).await;
    let next = raw.ask(&["/system/identity/print", ".tag=2"]).await;
    assert_eq!(next[0][1], ".tag=2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_take_their_time_one_after_another_over_all_connections() {
    let bench = Bench::with(SimConfig { answer_ms: 1, ..SimConfig::default() }).await;
    let begin = Instant::now();
    let ask = |mut raw: Raw| async move {
        for _ in 0..100 {
            raw.ask(&["/system/identity/print"]).await;
        }
    };
    tokio::join!(ask(Raw::admin(&bench.sim).await), ask(Raw::admin(&bench.sim).await));
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(190), "{took:?}");
    bench.sim.fault(Fault::Slow { per_command_ms: 50 });
    let mut raw = Raw::connect(&bench.sim).await;
    let begin = Instant::now();
    raw.ask(&["/login", "=name=admin", "=password=secret"]).await;
    assert!(begin.elapsed() >= Duration::from_millis(45));
}

#[tokio::test]
async fn a_reboot_command_closes_and_starts_anew() {
    let bench = Bench::new(Version::V7_16).await;
    bench.pass(60_000);
    let mut raw = Raw::admin(&bench.sim).await;
    raw.say(&["/system/reboot"]).await;
    assert_eq!(raw.hear().await, None);
    assert_eq!(bench.field("/system/resource", "", "uptime"), "0s");
    assert_eq!(bench.field("/system/resource", "", "version"), "7.16.1 (stable)");
}

#[tokio::test]
async fn the_agents_client_gets_in_by_tls_with_a_pinned_fingerprint() {
    let bench = Bench::with(SimConfig { tls: true, ..SimConfig::default() }).await;
    let (addr, print) = (bench.sim.tls_addr().unwrap(), bench.sim.fingerprint().unwrap());
    let mut pinned = [0; 32];
    for (index, byte) in pinned.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&print[index * 2..index * 2 + 2], 16).unwrap();
    }
    let mut options = ConnectOptions::new("127.0.0.1", addr.port(), "admin", "secret".into());
    options.tls = Tls::Fingerprint(pinned);
    let client = Client::connect(&options).await.unwrap();
    let answer = client.call(Request::new("/system/identity/print")).await.unwrap();
    assert_eq!(answer.rows[0].text("name"), "Kebon");
    options.tls = Tls::Fingerprint([7; 32]);
    assert!(Client::connect(&options).await.is_err());
}
