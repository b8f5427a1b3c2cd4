//! W4 with a hotspot member: Siti is late, the night's plan puts her phone behind the page of the isolated, and paying in
//! cash gives her back exactly what she had.

use hiji_tests::{
    router_sim::{Packet, Record, RouterSim, SimConfig, Verdict},
    wait,
    world::{Backend, Broker, PATIENCE, World},
};
use serde_json::json;

use super::late_and_paid::{DAY, night, prepare, subscription_is};

const USER: &str = "/ip/hotspot/user";
const NAME: &str = "siti";
const SECRET: &str = "s3rahasia";
const PHONE: &str = "AA:BB:CC:00:00:11";
const WEB: &str = "93.184.216.34";

/// The user as the router has her, without what the router counts.
fn user(sim: &RouterSim) -> Record {
    let mut row = sim.row(USER, NAME).unwrap_or_default();
    row.retain(|name, _| !name.starts_with("bytes-") && !name.starts_with("packets-") && name != "uptime");
    row
}

fn is_online(sim: &RouterSim) -> bool {
    sim.rows("/ip/hotspot/active").iter().any(|row| row["user"] == NAME)
}

/// She types name and password; what becomes of a page she opens, and whether her address is in a list.
fn login(sim: &RouterSim) -> (Verdict, bool) {
    let session = sim.hotspot_login(NAME, SECRET, PHONE).unwrap();
    let listed = sim.rows("/ip/firewall/address-list").iter().any(|row| row["address"] == session.address);
    (sim.verdict(Packet::tcp(&session.address, WEB, 443)), listed)
}

async fn day(backend: Backend) -> anyhow::Result<()> {
    let mut world = World::start(backend, Broker::Embedded).await?;
    let site = world.site("Kebon").await?;
    let router = world.router(site, SimConfig::default()).await?;
    let sim = &router.sim;
    prepare(&world, router.id).await?;
    let isolated = world.api.get(&format!("/routers/{}/isolation", router.id)).await?.ok()?["isolation"].clone();
    let package = json!({
        "name": "Member-5M", "service": "hotspot", "sold_as": "subscription", "profile": "Member-5M",
        "create_profile": true, "rate_limit": "2M/5M", "price": 75_000, "cost": 40_000, "router_ids": [router.id],
        "is_prepaid": false, "bill_day": 1, "due_days": 10, "grace_days": 3, "on_expiry": "isolate",
    });
    let package = world.api.post("/packages", &package).await?.id()?;
    let body = json!({
        "customer": { "site_id": site, "name": "Siti Aminah", "phones": [] }, "router_id": router.id,
        "package_id": package, "username": NAME, "password": SECRET, "server": "hs1", "mac": PHONE,
    });
    let made = world.api.post("/subscriptions", &body).await?.ok()?;
    let (id, customer) = (made["id"].as_i64().unwrap_or(0), made["customer_id"].as_i64().unwrap_or(0));
    subscription_is(&world, id, "observed", "open").await;
    assert_eq!(login(sim), (Verdict::Passes, false));
    let before = user(sim);
    let had = |field: &str| before.get(field).map(String::as_str);
    assert_eq!((had("profile"), had("server"), had("mac-address")), (Some("Member-5M"), Some("hs1"), Some(PHONE)));
    assert!(before["comment"].starts_with("HOTSPOT_SYSTEM|"), "{before:?}");

    world.clock.advance(DAY * 8);
    assert!(is_online(sim), "late is not isolated");
    night(&world, site, id).await;
    wait::holds("her session is over", PATIENCE, || !is_online(sim)).await;
    let of = subscription_is(&world, id, "observed", "isolated").await;
    assert_eq!((&of["state"], &of["on_router"]["wanted"]), (&json!("isolated"), &json!("isolated")), "{of}");
    let inside = user(sim);
    let profile = isolated["hotspot_profile"].as_str().filter(|name| !name.is_empty()).unwrap();
    assert_eq!(inside["profile"], profile);
    assert!(sim.hotspot_return(PHONE).is_err(), "no cookie lets the phone back in");
    // She may log in, and sees nothing but the page of the isolated.
    assert_eq!(login(sim), (Verdict::Rejected, true));

    let invoices = world.api.all(&format!("/invoices?customer_id={customer}")).await?;
    let owed: i64 = invoices.iter().filter_map(|invoice| invoice["remaining"]["amount"].as_i64()).sum();
    assert!(owed > 0, "{invoices:?}");
    let body = json!({ "method": "cash", "amount": owed });
    world.api.post(&format!("/customers/{customer}/payments"), &body).await?.ok()?;
    let of = subscription_is(&world, id, "observed", "open").await;
    assert_eq!((&of["state"], &of["on_router"]["wanted"]), (&json!("active"), &json!("open")), "{of}");
    wait::holds("the session of the isolated is over", PATIENCE, || !is_online(sim)).await;

    // All as it was, but how long it is paid for.
    let (mut before, mut after) = (before, user(sim));
    let fields = |row: &mut Record| {
        let comment = row.remove("comment").unwrap_or_default();
        comment.split('|').take(4).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(fields(&mut after), fields(&mut before));
    assert_eq!(after, before);
    assert_eq!(login(sim), (Verdict::Passes, false));
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_is_late_is_isolated_by_the_plan_and_is_as_she_was_after_paying() {
    day(Backend::Sqlite).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_is_late_is_isolated_by_the_plan_and_is_as_she_was_after_paying_on_postgres() {
    day(Backend::Postgres).await.unwrap();
}
