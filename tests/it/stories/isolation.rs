//! W4 steps 1 and 6, W8 step 4: what isolates customers is shown, applied, kept and removed; a customer is isolated and
//! comes back exactly as he was.

use std::time::Instant;

use hiji_controller::{audit::Actor, ids::RouterId, routers};
use hiji_shared::{
    desired::{DesiredProfile, DesiredUser, Mark, Object},
    device::{Service, Used},
};
use hiji_tests::{
    router_sim::{Packet, SimConfig, Verdict, Version},
    wait,
    world::{Backend, Broker, PATIENCE, Router, World},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

const CALLER: &str = "AA:00:00:00:00:01";
const SECRET: &str = "/ppp/secret";

/// What is proposed, with the digest of its lines.
async fn proposed(world: &World, path: &str) -> (Value, Value) {
    let standing = world.api.get(path).await.unwrap().ok().unwrap();
    let mut wished = standing["fields"].clone();
    let hosts: Vec<&str> = wished["allowed"].as_str().unwrap().lines().collect();
    wished["allowed"] = json!(hosts);
    let preview = world.api.post(&format!("{path}/preview"), &wished).await.unwrap().ok().unwrap();
    wished["shown_digest"] = preview["digest"].clone();
    (wished, preview)
}

async fn state_is(world: &World, path: &str, state: &str) -> Value {
    wait::until(format!("isolation {state}"), PATIENCE, || async {
        let standing = world.api.get(path).await.ok()?.ok().ok()?;
        (standing["isolation"]["state"] == state).then(|| standing["isolation"].clone())
    })
    .await
}

fn customer(profile: &str, address: &str) -> Object {
    Object::User(DesiredUser {
        service: Service::Pppoe,
        name: "kebon-0001".to_owned(),
        password: "rahasia".to_owned(),
        profile: profile.to_owned(),
        server: String::new(),
        disabled: false,
        online_secs: None,
        limit_bytes: None,
        mac: String::new(),
        mac_lock: false,
        used: Used::default(),
        moves: 0,
        over: false,
        remote_address: address.to_owned(),
        adopt: false,
        mark: Mark::Subscription { comment: "PPPOE_SYSTEM|C000001|S000001|165000|1798675200".to_owned() },
    })
}

async fn want(world: &World, router: &Router, objects: Vec<Object>) {
    let app = world.app();
    let tx = app.db.begin().await.unwrap();
    let objects = objects.into_iter().map(|object| routers::Want { object }).collect();
    routers::want(&tx, app, RouterId(router.id), &Actor::system("story"), objects).await.unwrap();
    tx.commit().await.unwrap();
    app.wakes.wake();
}

fn address(router: &Router) -> Option<String> {
    router.sim.rows("/ppp/active").first().map(|row| row["address"].clone())
}

async fn day(backend: Backend, version: Version) {
    let mut world = World::start(backend, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig { version, ..SimConfig::default() }).await.unwrap();
    let path = format!("/routers/{}/isolation", router.id);
    let menus = ["/ip/pool", "/ppp/profile", "/ip/firewall/filter", "/ip/firewall/nat", "/ip/firewall/address-list"];
    let rows = || menus.map(|menu| router.sim.rows(menu));
    let before = rows();

    // Proposed and shown; only what was shown can be applied.
    let (mut wished, preview) = proposed(&world, &path).await;
    let lines = preview["lines"].as_array().unwrap();
    let begins =
        if version == Version::V6_49 { "/ip pool add name=hiji-isolir" } else { "/ip/pool/add name=hiji-isolir" };
    assert!(lines[0]["text"].as_str().unwrap().starts_with(begins), "{preview}");
    assert!(rows() == before, "showing changes nothing");
    let digest = wished["shown_digest"].take();
    for other in [json!(""), json!("0000")] {
        wished["shown_digest"] = other;
        let refused = world.api.put(&path, &wished).await.unwrap();
        assert_eq!((refused.status, &refused.body["code"]), (StatusCode::CONFLICT, &json!("isolation_not_shown")));
    }
    wished["rate_limit"] = json!("64k/64k");
    wished["shown_digest"] = digest.clone();
    assert_eq!(world.api.put(&path, &wished).await.unwrap().status, StatusCode::CONFLICT, "another rate was shown");
    wished["rate_limit"] = json!("128k/128k");
    wished["pool"] = json!("ppp-pool");
    let refused = world.api.put(&path, &wished).await.unwrap();
    assert_eq!(refused.field_error("pool"), Some("isolation_bad_pool"), "{:?}", refused.body);
    wished["pool"] = json!("hiji-isolir");
    assert_eq!(world.api.put(&path, &wished).await.unwrap().status, StatusCode::ACCEPTED);
    let ready = state_is(&world, &path, "verified").await;
    assert!(ready["verified_at"].is_string(), "{ready}");
    let shown = world.api.get(&format!("/routers/{}", router.id)).await.unwrap().ok().unwrap();
    assert_eq!(shown["isolation"]["state"], "verified");
    assert_eq!(router.sim.row("/ppp/profile", "isolir").unwrap()["comment"], "hiji isolation");

    // A customer with an address of his own goes in ...
    let profile = Object::Profile(DesiredProfile::made(Service::Pppoe, "Rumah-10M", "5M/10M", 1, "PPPOE_SYSTEM"));
    want(&world, &router, vec![profile, customer("Rumah-10M", "10.20.0.77")]).await;
    wait::holds("the secret", PATIENCE, || router.sim.row(SECRET, "kebon-0001").is_some()).await;
    router.sim.pppoe_dial("kebon-0001", "rahasia", CALLER).unwrap();
    assert_eq!(address(&router).as_deref(), Some("10.20.0.77"));
    let own = router.sim.row(SECRET, "kebon-0001").unwrap();
    let began = Instant::now();
    want(&world, &router, vec![customer("isolir", "")]).await;
    let inside = wait::until("a session in the list", PATIENCE, || async {
        let address = address(&router)?;
        let listed = router.sim.rows("/ip/firewall/address-list");
        listed.iter().any(|row| row["address"] == address && row["list"] == "isolir").then_some(address)
    })
    .await;
    assert!(began.elapsed().as_secs() < 10, "isolated after {:?}", began.elapsed());
    assert_eq!(router.sim.verdict(Packet::tcp(&inside, "93.184.216.34", 443)), Verdict::Rejected);
    assert_eq!(router.sim.verdict(Packet::tcp(&inside, "wa.me", 443)), Verdict::Passes);

    // ... as long as he is inside nothing can be taken away or renamed ...
    let refused = world.api.delete(&path).await.unwrap();
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::CONFLICT, &json!("isolation_in_use")));
    let (mut renamed, _) = proposed(&world, &path).await;
    renamed["ppp_profile"] = json!("TUNGGAK");
    let preview = world.api.post(&format!("{path}/preview"), &renamed).await.unwrap().ok().unwrap();
    renamed["shown_digest"] = preview["digest"].clone();
    let refused = world.api.put(&path, &renamed).await.unwrap();
    assert_eq!(refused.body["code"], "isolation_in_use", "{:?}", refused.body);

    // ... and he comes back exactly as he was.
    let began = Instant::now();
    want(&world, &router, vec![customer("Rumah-10M", "10.20.0.77")]).await;
    wait::holds("his own address", PATIENCE, || address(&router).as_deref() == Some("10.20.0.77")).await;
    assert!(began.elapsed().as_secs() < 10, "restored after {:?}", began.elapsed());
    let mut back = router.sim.row(SECRET, "kebon-0001").unwrap();
    back.retain(|name, _| !name.starts_with("last-"));
    assert!(back.iter().all(|(name, value)| own.get(name) == Some(value)), "{own:?} {back:?}");

    // A second router of the site is proposed alike, with addresses of its own.
    let second = world.router(site, SimConfig { version, ..SimConfig::default() }).await.unwrap();
    let (other, _) = proposed(&world, &format!("/routers/{}/isolation", second.id)).await;
    assert_eq!((&other["list"], &other["ppp_profile"]), (&json!("isolir"), &json!("isolir")));
    assert_ne!(other["ranges"], wished["ranges"]);

    // In the end nothing of it is left.
    want(&world, &router, vec![Object::Gone { kind: hiji_shared::device::Kind::PppSecret, name: "kebon-0001".into() }])
        .await;
    wait::until("removed", PATIENCE, || async {
        let reply = world.api.delete(&path).await.ok()?;
        (reply.status == StatusCode::ACCEPTED).then_some(())
    })
    .await;
    wait::until("nothing is left", PATIENCE, || async {
        let standing = world.api.get(&path).await.ok()?.ok().ok()?;
        standing["isolation"].is_null().then_some(())
    })
    .await;
    router.sim.remove("/ppp/profile", "Rumah-10M").unwrap();
    let after = rows();
    for (before, after) in before.iter().zip(&after) {
        let static_rows = |rows: &[std::collections::BTreeMap<String, String>]| {
            rows.iter()
                .filter(|row| row.get("dynamic").is_none_or(|dynamic| dynamic != "true"))
                .cloned()
                .collect::<Vec<_>>()
        };
        let kept: Vec<_> = static_rows(after)
            .into_iter()
            .filter(|row| row.get("name").is_none_or(|name| name != "Rumah-10M"))
            .collect();
        assert_eq!(static_rows(before), kept);
    }
    assert_eq!(world.api.delete(&path).await.unwrap().status, StatusCode::NOT_FOUND);
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn isolation_is_shown_applied_and_removed_and_a_customer_comes_back_as_he_was() {
    day(Backend::Sqlite, Version::V7_16).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn isolation_is_shown_applied_and_removed_and_a_customer_comes_back_as_he_was_on_6_49_and_postgres() {
    day(Backend::Postgres, Version::V6_49).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offline_router_says_so_and_gets_the_newest_when_it_returns() {
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let mut router = world.router(site, SimConfig::default()).await.unwrap();
    let path = format!("/routers/{}/isolation", router.id);
    let (wished, _) = proposed(&world, &path).await;
    router.agent.stop().await.unwrap();
    world.api.put(&path, &wished).await.unwrap().ok().unwrap();
    assert_eq!(world.api.get(&path).await.unwrap().ok().unwrap()["isolation"]["state"], "wanted");
    want(&world, &router, vec![customer("isolir", "")]).await;
    want(&world, &router, vec![customer("default", "")]).await;
    want(&world, &router, vec![customer("isolir", "")]).await;
    let writes = router.sim.writes().len();
    router.agent.restart().await.unwrap();
    let began = Instant::now();
    wait::holds("the newest", PATIENCE, || {
        router.sim.row(SECRET, "kebon-0001").is_some_and(|row| row["profile"] == "isolir")
    })
    .await;
    state_is(&world, &path, "verified").await;
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    let old = router.sim.writes()[writes..]
        .iter()
        .flat_map(|write| write.args.clone())
        .filter(|(name, value)| name == "profile" && value == "default")
        .count();
    assert_eq!(old, 0, "older wishes never reach the router");
    world.stop().await.unwrap();
}
