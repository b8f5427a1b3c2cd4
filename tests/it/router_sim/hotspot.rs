//! Phones on the simulated hotspot.

use hiji_tests::router_sim::{Fault, SimConfig, Version};

use super::support::{Bench, DAY, HOUR, MINUTE, until};

const PHONE: &str = "02:00:00:00:00:01";
const OTHER: &str = "02:00:00:00:00:02";
const USER: &str = "/ip/hotspot/user";
const PROFILE: &str = "/ip/hotspot/user/profile";
const ACTIVE: &str = "/ip/hotspot/active";
const COOKIE: &str = "/ip/hotspot/cookie";

async fn bench() -> Bench {
    let bench = Bench::new(Version::V7_16).await;
    bench.sim.add(USER, &[("name", "siti"), ("password", "pw"), ("comment", "VOUCHER_SYSTEM|3000||")]).unwrap();
    bench
}

#[tokio::test]
async fn logins_are_refused_in_the_words_of_errors_txt() {
    let bench = bench().await;
    let sim = &bench.sim;
    let refused = |user: &str, password: &str, mac: &str| sim.hotspot_login(user, password, mac).unwrap_err();
    assert_eq!(refused("nobody", "pw", PHONE), "invalid username or password");
    assert_eq!(refused("siti", "wrong", PHONE), "invalid username or password");
    assert_eq!(refused("default-trial", "", PHONE), "invalid username or password");
    sim.set(USER, "siti", &[("mac-address", OTHER)]).unwrap();
    assert_eq!(refused("siti", "pw", PHONE), "user siti is not allowed to log in from this MAC address");
    sim.set(USER, "siti", &[("mac-address", "00:00:00:00:00:00"), ("disabled", "yes")]).unwrap();
    assert_eq!(refused("siti", "pw", PHONE), "invalid username or password");
    sim.set(USER, "siti", &[("disabled", "no")]).unwrap();
    sim.hotspot_login("siti", "pw", PHONE).unwrap();
    assert_eq!(refused("siti", "pw", OTHER), "no more sessions are allowed for user siti");
    sim.set(PROFILE, "default", &[("shared-users", "2")]).unwrap();
    sim.hotspot_login("siti", "pw", OTHER).unwrap();
    assert_eq!(bench.count(ACTIVE), 2);
}

#[tokio::test]
async fn a_second_login_of_the_same_phone_is_the_same_session() {
    let bench = bench().await;
    let first = bench.sim.hotspot_login("siti", "pw", PHONE).unwrap();
    let again = bench.sim.hotspot_login("siti", "pw", PHONE).unwrap();
    assert_eq!(first.id, again.id);
    assert_eq!((first.server.as_str(), first.login_by.as_str()), ("hs1", "http-pap"));
    assert_eq!(bench.field(ACTIVE, "siti", "comment"), "VOUCHER_SYSTEM|3000||");
}

#[tokio::test]
async fn uptime_counts_over_sessions_and_ends_the_last_one_on_the_second() {
    let bench = bench().await;
    let sim = &bench.sim;
    sim.set(USER, "siti", &[("limit-uptime", "1h")]).unwrap();
    sim.hotspot_login("siti", "pw", PHONE).unwrap();
    bench.pass(20 * MINUTE);
    assert_eq!(bench.field(USER, "siti", "uptime"), "0s", "the user's row moves at logout only");
    assert_eq!(bench.field(ACTIVE, "siti", "uptime"), "20m");
    assert_eq!(bench.field(ACTIVE, "siti", "session-time-left"), "40m");
    assert_eq!(sim.hotspot_logout("siti"), 1);
    assert_eq!(bench.field(USER, "siti", "uptime"), "20m");
    bench.pass(DAY / 24);
    sim.hotspot_login("siti", "pw", PHONE).unwrap();
    bench.pass(3 * HOUR);
    assert_eq!(bench.count(ACTIVE), 0);
    assert_eq!(bench.field(USER, "siti", "uptime"), "1h", "not three hours: it ended when it was due");
    assert_eq!(sim.hotspot_login("siti", "pw", PHONE).unwrap_err(), "user siti has reached uptime limit");
    assert_eq!(sim.hotspot_return(PHONE).unwrap_err(), "user siti has reached uptime limit");
}

#[tokio::test]
async fn bytes_move_with_time_and_end_the_session_at_the_limit() {
    let bench = bench().await;
    let sim = &bench.sim;
    sim.set(USER, "siti", &[("limit-bytes-total", "1M")]).unwrap();
    sim.hotspot_login("siti", "pw", PHONE).unwrap();
    sim.set_rates("siti", 100, 900);
    bench.pass(10_000);
    assert_eq!(
        (bench.field(ACTIVE, "siti", "bytes-in"), bench.field(ACTIVE, "siti", "bytes-out")),
        ("1000".into(), "9000".into())
    );
    sim.transfer("siti", 0, 2_000_000);
    assert_eq!(bench.count(ACTIVE), 0);
    assert_eq!(bench.field(USER, "siti", "bytes-out"), "2009000");
    assert_eq!(sim.hotspot_login("siti", "pw", PHONE).unwrap_err(), "user siti has reached traffic limit");
}

#[tokio::test]
async fn session_and_idle_timeouts_of_the_profile_end_sessions() {
    let bench = bench().await;
    let sim = &bench.sim;
    sim.set(PROFILE, "default", &[("session-timeout", "30m"), ("idle-timeout", "5m"), ("add-mac-cookie", "no")])
        .unwrap();
    sim.hotspot_login("siti", "pw", PHONE).unwrap();
    bench.pass(29 * MINUTE);
    assert_eq!(bench.count(ACTIVE), 1);
    bench.pass(MINUTE);
    assert_eq!(bench.count(ACTIVE), 0);
    sim.hotspot_login("siti", "pw", PHONE).unwrap();
    sim.set_rates("siti", 0, 0);
    bench.pass(5 * MINUTE);
    assert_eq!(bench.count(ACTIVE), 0);
    assert_eq!(bench.field(USER, "siti", "uptime"), "35m");
}

#[tokio::test]
async fn a_kicked_phone_comes_back_by_its_cookie_at_once() {
    let bench = bench().await;
    let sim = &bench.sim;
    let first = sim.hotspot_login("siti", "pw", PHONE).unwrap();
    sim.remove(ACTIVE, "siti").unwrap();
    let sessions = sim.sessions();
    assert_eq!(sessions.len(), 1);
    assert_ne!(sessions[0].id, first.id);
    assert_eq!(sessions[0].login_by, "mac-cookie");
}

#[tokio::test]
async fn a_wrong_expiry_order_leaves_a_ghost_and_the_right_one_does_not() {
    let bench = bench().await;
    let sim = &bench.sim;
    sim.hotspot_login("siti", "pw", PHONE).unwrap();
    sim.remove(ACTIVE, "siti").unwrap();
    sim.remove(COOKIE, "siti").unwrap();
    sim.remove(USER, "siti").unwrap();
    assert_eq!(sim.sessions().len(), 1, "removing the user does not end the session the cookie opened");

    sim.remove(ACTIVE, "siti").unwrap();
    sim.add(USER, &[("name", "siti"), ("password", "pw")]).unwrap();
    sim.hotspot_login("siti", "pw", PHONE).unwrap();
    sim.remove(COOKIE, "siti").unwrap();
    sim.remove(ACTIVE, "siti").unwrap();
    sim.remove(USER, "siti").unwrap();
    assert_eq!(sim.sessions().len(), 0);
    assert_eq!(sim.hotspot_return(PHONE).unwrap_err(), "you are not logged in");
}

#[tokio::test]
async fn cookies_expire_and_a_phone_that_left_stays_away() {
    let bench = bench().await;
    let sim = &bench.sim;
    sim.hotspot_login("siti", "pw", PHONE).unwrap();
    assert_eq!(bench.field(COOKIE, "siti", "expires-in"), "3d");
    sim.hotspot_leave("siti");
    assert_eq!((bench.count(ACTIVE), bench.count(COOKIE)), (0, 1));
    sim.hotspot_return(PHONE).unwrap();
    sim.hotspot_logout("siti");
    bench.pass(3 * DAY);
    assert_eq!(bench.count(COOKIE), 0);
    assert_eq!(sim.hotspot_return(PHONE).unwrap_err(), "you are not logged in");
}

#[tokio::test]
async fn a_reboot_forgets_sessions_and_unflushed_counters_but_not_cookies() {
    let bench = bench().await;
    let sim = &bench.sim;
    let before = sim.hotspot_login("siti", "pw", PHONE).unwrap();
    bench.pass(HOUR);
    sim.fault(Fault::Reboot { clock_1970: true });
    assert_eq!((bench.count(ACTIVE), bench.count(COOKIE)), (0, 1));
    assert_eq!(bench.field(USER, "siti", "uptime"), "0s");
    assert_eq!(bench.field("/system/resource", "", "uptime"), "0s");
    assert_eq!(bench.field("/system/clock", "", "date"), "1970-01-02");
    let after = sim.hotspot_return(PHONE).unwrap();
    assert_eq!(after.id, before.id, "ids of active lists begin anew");
    sim.set_clock_offset(0);
    assert_eq!(bench.field("/system/clock", "", "date"), "2026-11-23");
    assert_eq!(bench.field("/system/clock", "", "time"), "08:00:00");
}

#[tokio::test]
async fn the_licence_and_the_pool_bound_the_sessions() {
    let bench = Bench::with(SimConfig { license_level: 3, ..SimConfig::default() }).await;
    let sim = &bench.sim;
    for name in ["a", "b"] {
        sim.add(USER, &[("name", name)]).unwrap();
    }
    sim.hotspot_login("a", "", PHONE).unwrap();
    assert!(sim.hotspot_login("b", "", OTHER).unwrap_err().starts_with("session limit reached"));
    sim.hotspot_logout("a");
    sim.set("/ip/pool", "hs-pool", &[("ranges", "10.9.9.9")]).unwrap();
    sim.add(USER, &[("name", "c"), ("address", "10.9.9.9")]).unwrap();
    assert_eq!(sim.hotspot_login("c", "", OTHER).unwrap().address, "10.9.9.9");
    sim.hotspot_logout("c");
    sim.hotspot_login("b", "", OTHER).unwrap();
}

#[tokio::test]
async fn queues_and_lists_of_a_profile_come_and_go_with_the_session() {
    let bench = bench().await;
    let sim = &bench.sim;
    sim.set(PROFILE, "default", &[("rate-limit", "2M/5M"), ("address-list", "online")]).unwrap();
    sim.hotspot_login("siti", "pw", PHONE).unwrap();
    assert_eq!(bench.field("/queue/simple", "<hotspot-siti>", "max-limit"), "2000000/5000000");
    assert_eq!(bench.count("/ip/firewall/address-list"), 1);
    sim.hotspot_logout("siti");
    assert_eq!((bench.count("/queue/simple"), bench.count("/ip/firewall/address-list")), (0, 0));
}

#[tokio::test]
async fn hijis_hook_line_is_really_posted() {
    let bench = bench().await;
    let sim = &bench.sim;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/h/login", listener.local_addr().unwrap());
    let service =
        axum::Router::new().route("/h/login", axum::routing::post(|| async { axum::http::StatusCode::NO_CONTENT }));
    tokio::spawn(async move { axum::serve(listener, service).await });
    let script = format!(
        "# hiji begin\n# VOUCHER_SYSTEM\n:do {{/tool fetch url=\"{url}\" http-method=post \
         http-header-field=\"X-Hiji: T0K\" http-data=\"$user|$address|$\"mac-address\"\" output=none}} on-error={{}}\n# hiji end"
    );
    sim.set(PROFILE, "default", &[("on-login", &script), ("on-logout", ":log info bye")]).unwrap();
    let session = sim.hotspot_login("siti", "pw", PHONE).unwrap();
    until("the hook is answered", || sim.hooks().answered == 1).await;
    let call = sim.hooks().calls.remove(0);
    assert_eq!(call.body, format!("siti|{}|{PHONE}", session.address));
    assert_eq!((call.headers, call.status), (vec!["X-Hiji: T0K".to_owned()], Some(204)));
    sim.hotspot_logout("siti");
    assert_eq!(sim.hooks().ignored, 1);
}
