//! Home routers that dial in to the simulated router.

use hiji_tests::router_sim::Version;

use super::support::{Bench, HOUR, MINUTE};

const CALLER: &str = "AA:00:00:00:00:01";
const SECRET: &str = "/ppp/secret";
const PROFILE: &str = "/ppp/profile";
const ACTIVE: &str = "/ppp/active";

async fn bench(version: Version) -> Bench {
    let bench = Bench::new(version).await;
    let profile =
        [("name", "10M"), ("rate-limit", "5M/10M"), ("remote-address", "ppp-pool"), ("comment", "PPPOE_SYSTEM")];
    bench.sim.add(PROFILE, &profile).unwrap();
    bench.sim.add(SECRET, &[("name", "budi"), ("password", "pw"), ("profile", "10M")]).unwrap();
    bench
}

#[tokio::test]
async fn a_dial_makes_an_active_row_an_interface_and_a_queue() {
    let bench = bench(Version::V7_16).await;
    let session = bench.sim.pppoe_dial("budi", "pw", CALLER).unwrap();
    assert_eq!((session.server.as_str(), session.address.as_str()), ("<pppoe-budi>", "10.20.0.2"));
    bench.sim.set_rates("budi", 1_000, 8_000);
    bench.pass(MINUTE);
    assert_eq!(bench.field("/interface", "<pppoe-budi>", "rx-byte"), "60000", "rx is the client's upload");
    assert_eq!(bench.field("/interface", "<pppoe-budi>", "tx-byte"), "480000");
    assert_eq!(bench.field("/queue/simple", "<pppoe-budi>", "max-limit"), "5000000/10000000");
    assert_eq!(bench.field(ACTIVE, "budi", "uptime"), "1m");
    assert_eq!(bench.field(ACTIVE, "budi", "caller-id"), CALLER);
    assert_eq!(bench.sim.pppoe_hangup("budi"), 1);
    assert!(bench.sim.row("/interface", "<pppoe-budi>").is_none());
    assert_eq!(bench.field(SECRET, "budi", "last-disconnect-reason"), "peer-request");
    assert_eq!(bench.field(SECRET, "budi", "last-logged-out"), "2026-11-23 07:01:00");
}

#[tokio::test]
async fn older_versions_write_dates_with_month_names() {
    let bench = bench(Version::V7_8).await;
    bench.sim.pppoe_dial("budi", "pw", CALLER).unwrap();
    bench.sim.pppoe_hangup("budi");
    assert_eq!(bench.field(SECRET, "budi", "last-logged-out"), "nov/23/2026 07:00:00");
    assert_eq!(bench.field("/system/clock", "", "date"), "nov/23/2026");
}

#[tokio::test]
async fn dials_are_refused_by_password_caller_and_only_one() {
    let bench = bench(Version::V7_16).await;
    let sim = &bench.sim;
    assert_eq!(sim.pppoe_dial("budi", "wrong", CALLER).unwrap_err(), "user budi authentication failed");
    sim.set(SECRET, "budi", &[("caller-id", "AA:00:00:00:00:99")]).unwrap();
    assert_eq!(sim.pppoe_dial("budi", "pw", CALLER).unwrap_err(), "user budi authentication failed");
    sim.set(SECRET, "budi", &[("caller-id", "")]).unwrap();
    sim.set(PROFILE, "10M", &[("only-one", "yes")]).unwrap();
    sim.pppoe_dial("budi", "pw", CALLER).unwrap();
    assert_eq!(sim.pppoe_dial("budi", "pw", "AA:00:00:00:00:02").unwrap_err(), "user budi is already active");
    assert_eq!(bench.count(ACTIVE), 1);
}

#[tokio::test]
async fn disabling_a_secret_ends_nothing_but_keeps_the_kicked_out() {
    let bench = bench(Version::V7_16).await;
    let sim = &bench.sim;
    let first = sim.pppoe_dial("budi", "pw", CALLER).unwrap();
    sim.set(SECRET, "budi", &[("disabled", "yes")]).unwrap();
    bench.pass(HOUR);
    assert_eq!(bench.count(ACTIVE), 1);
    sim.remove(ACTIVE, "budi").unwrap();
    assert_eq!(bench.field(SECRET, "budi", "last-disconnect-reason"), "admin-reset");
    bench.pass(MINUTE);
    assert_eq!(bench.count(ACTIVE), 0, "it dials and is refused");
    sim.set(SECRET, "budi", &[("disabled", "no")]).unwrap();
    bench.pass(MINUTE);
    let sessions = sim.sessions();
    assert_eq!(sessions.len(), 1);
    assert_ne!(sessions[0].id, first.id);
}

#[tokio::test]
async fn an_isolated_customer_lands_in_the_isolation_list_after_a_kick() {
    let bench = bench(Version::V7_16).await;
    let sim = &bench.sim;
    sim.add("/ip/pool", &[("name", "isolir"), ("ranges", "10.99.0.2-10.99.0.9")]).unwrap();
    sim.add(PROFILE, &[("name", "ISOLIR"), ("remote-address", "isolir"), ("address-list", "ISOLIR-LIST")]).unwrap();
    sim.pppoe_dial("budi", "pw", CALLER).unwrap();
    sim.set(SECRET, "budi", &[("profile", "ISOLIR")]).unwrap();
    assert_eq!(bench.field(ACTIVE, "budi", "address"), "10.20.0.2", "nothing happens before the kick");
    sim.remove(ACTIVE, "budi").unwrap();
    bench.pass(1_000);
    assert_eq!(bench.field(ACTIVE, "budi", "address"), "10.99.0.2");
    assert_eq!(bench.field("/ip/firewall/address-list", "10.99.0.2", "list"), "ISOLIR-LIST");
}

#[tokio::test]
async fn a_removed_profile_shows_as_its_id_and_a_renamed_one_by_its_new_name() {
    let bench = bench(Version::V7_16).await;
    let sim = &bench.sim;
    sim.set(PROFILE, "10M", &[("name", "12M")]).unwrap();
    assert_eq!(bench.field(SECRET, "budi", "profile"), "12M");
    let id = bench.field(PROFILE, "12M", ".id");
    sim.remove(PROFILE, "12M").unwrap();
    assert_eq!(bench.field(SECRET, "budi", "profile"), id);
    assert!(sim.remove(PROFILE, "default-encryption").is_err());
}
