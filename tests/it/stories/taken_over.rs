//! An ISP comes with users who are on the router already: they are taken over from a list or one by one, keep their
//! passwords, addresses and sessions, and who carries somebody else's mark is left alone.

use hiji_tests::{
    router_sim::{RouterSim, SimConfig},
    wait,
    world::{Backend, Broker, PATIENCE, Router, World},
};
use serde_json::{Value, json};

const SECRET: &str = "/ppp/secret";
const USER: &str = "/ip/hotspot/user";
const CALLER: &str = "AA:00:00:00:00:01";
const LIST: &str = "nama;wa;user;password;lunas sampai\n\
    Budi;0812-3456-7001;budi;;31-12-2028\n\
    Siti;0812-3456-7002;siti;;31-12-2028\n\
    Wati;0812-3456-7003;wati;b4ru-lagi;31-12-2028\n\
    Tono;0812-3456-7004;tono;;31-12-2028\n\
    Rudi;0812-3456-7005;rudi;;31-12-2028\n";

/// Secrets and a member as an admin made them.
fn prepare(sim: &RouterSim) -> anyhow::Result<()> {
    let add = |menu: &str, fields: &[(&str, &str)]| sim.add(menu, fields).map(drop).map_err(anyhow::Error::msg);
    let pool = [("local-address", "10.20.0.1"), ("remote-address", "ppp-pool")];
    for name in ["Rumah-10M", "lama-5M"] {
        add("/ppp/profile", &[("name", name), pool[0], pool[1]])?;
    }
    let secret = |name: &str, profile: &str, comment: &str| {
        add(SECRET, &[("name", name), ("password", "l4ma-sekali"), ("profile", profile), ("comment", comment)])
    };
    secret("budi", "Rumah-10M", "Pak Budi, Jl. Melati 5")?;
    secret("siti", "lama-5M", "")?;
    secret("wati", "Rumah-10M", "Bu Wati")?;
    secret("tono", "Rumah-10M", "PPPOE_SYSTEM|C000909|S000909|165000|")?;
    sim.set(SECRET, "budi", &[("remote-address", "10.20.0.77")]).map_err(anyhow::Error::msg)?;
    add(
        USER,
        &[
            ("name", "member1"),
            ("password", "l4ma-sekali"),
            ("profile", "default"),
            ("server", "hs1"),
            ("comment", "warung"),
        ],
    )
}

fn field(router: &Router, menu: &str, name: &str, field: &str) -> String {
    router.sim.row(menu, name).and_then(|row| row.get(field).cloned()).unwrap_or_default()
}

fn session(router: &Router, name: &str) -> Option<String> {
    let active = router.sim.rows("/ppp/active");
    active.iter().find(|row| row["name"] == name).map(|row| row[".id"].clone())
}

async fn package(world: &World, router: &Router, service: &str, profile: &str) -> i64 {
    let body = json!({
        "name": format!("Paket {service}"), "service": service, "sold_as": "subscription", "profile": profile,
        "create_profile": false, "price": 165_000, "router_ids": [router.id], "is_prepaid": false, "bill_day": 1,
        "due_days": 9, "on_expiry": "disable",
    });
    world.api.post("/packages", &body).await.unwrap().id().unwrap()
}

async fn intake(world: &World, id: i64, field: &str, value: &str) -> Value {
    wait::until(format!("{field} {value}"), PATIENCE, || async {
        let of = world.api.get(&format!("/subscription_intakes/{id}")).await.ok()?.ok().ok()?;
        (of[field] == value).then_some(of)
    })
    .await
}

async fn named(world: &World, username: &str) -> Value {
    let found = world.api.all(&format!("/subscriptions?q={username}")).await.unwrap();
    found.into_iter().find(|of| of["username"] == username).unwrap_or(Value::Null)
}

async fn proven(world: &World, username: &str) -> Value {
    wait::until(format!("{username} proven"), PATIENCE, || async {
        let of = named(world, username).await;
        of["on_router"]["verified_at"].is_string().then_some(of)
    })
    .await
}

/// Lines with their first reason.
async fn lines(world: &World, id: i64) -> Vec<(bool, String)> {
    let lines = world.api.all(&format!("/subscription_intakes/{id}/lines")).await.unwrap();
    let why = |line: &Value| line["errors"][0]["error"]["code"].as_str().unwrap_or_default().to_owned();
    lines.iter().map(|line| (line["is_on_router"] == true, why(line))).collect()
}

async fn day(backend: Backend) {
    let mut world = World::start(backend, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let mut router = world.router_with(site, SimConfig::default(), prepare).await.unwrap();
    let package = package(&world, &router, "pppoe", "Rumah-10M").await;
    for (name, caller) in [("budi", CALLER), ("siti", "AA:00:00:00:00:02"), ("wati", "AA:00:00:00:00:03")] {
        router.sim.pppoe_dial(name, "l4ma-sekali", caller).unwrap();
    }
    let before = [session(&router, "budi"), session(&router, "siti")];
    assert!(before.iter().all(Option::is_some));

    // Without the tick everybody who is there is refused, each with his reason.
    let path = format!("/subscription_intakes/file?router_id={}&package_id={package}&is_takeover=true", router.id);
    let made = world.api.upload(&path, LIST, "taken-over-list-0001").await.unwrap().ok().unwrap();
    let id = made["id"].as_i64().unwrap();
    assert_eq!((&made["good"], &made["bad"]), (&json!(1), &json!(4)), "{made}");
    let on_router = (true, "username_on_router".to_owned());
    let marked = (false, "username_marked".to_owned());
    let free = (false, String::new());
    let expected = [on_router.clone(), on_router.clone(), on_router, marked.clone(), free.clone()];
    assert_eq!(lines(&world, id).await, expected);

    // With it all but the marked one come in. The router's agent is away meanwhile.
    let adopt = format!("/subscription_intakes/{id}/adopt");
    let made = world.api.post(&adopt, &json!({ "adopts": true })).await.unwrap().ok().unwrap();
    assert_eq!((&made["good"], &made["bad"], &made["adopts"]), (&json!(4), &json!(1), &json!(true)), "{made}");
    let there = (true, String::new());
    assert_eq!(lines(&world, id).await, [there.clone(), there.clone(), there, marked, free]);
    router.agent.stop().await.unwrap();
    let commit = format!("/subscription_intakes/{id}/commit");
    for _twice in 0..2 {
        world.api.post(&commit, &json!({})).await.unwrap().ok().unwrap();
    }
    let done = intake(&world, id, "state", "done").await;
    assert_eq!(done["done"], 4, "{done}");
    let waits = named(&world, "budi").await;
    assert_eq!((&waits["on_router"]["wanted"], &waits["on_router"]["verified_at"]), (&json!("open"), &Value::Null));
    assert_eq!(field(&router, SECRET, "budi", "comment"), "Pak Budi, Jl. Melati 5", "nothing happened yet");
    let late = world.api.post(&adopt, &json!({ "adopts": false })).await.unwrap();
    assert_eq!(late.status, 409, "{:?}", late.body);

    // It comes back: marks are put on, and nobody is cut off for them.
    router.agent.restart().await.unwrap();
    for name in ["budi", "siti", "wati", "rudi"] {
        let of = proven(&world, name).await;
        let mark = format!(
            "PPPOE_SYSTEM|{}|{}|165000|",
            of["customer_number"].as_str().unwrap(),
            of["number"].as_str().unwrap()
        );
        let comment = field(&router, SECRET, name, "comment");
        assert!(comment.starts_with(&mark), "{comment}");
        assert_eq!(field(&router, SECRET, name, "profile"), "Rumah-10M");
    }
    assert_eq!(field(&router, SECRET, "budi", "password"), "l4ma-sekali");
    assert_eq!(field(&router, SECRET, "budi", "remote-address"), "10.20.0.77");
    assert_eq!(named(&world, "budi").await["remote_address"], "10.20.0.77");
    assert_eq!(session(&router, "budi"), before[0], "only his comment changed: his session stays");
    wait::holds("siti dials again with the profile of her package", PATIENCE, || {
        let now = session(&router, "siti");
        now.is_some() && now != before[1]
    })
    .await;
    assert_eq!(field(&router, SECRET, "siti", "password"), "l4ma-sekali");
    assert_eq!(field(&router, SECRET, "wati", "password"), "b4ru-lagi");
    assert_eq!(field(&router, SECRET, "tono", "comment"), "PPPOE_SYSTEM|C000909|S000909|165000|");

    // Once more: the same upload is the same list, and another one finds nobody to take over.
    let again = world.api.upload(&path, LIST, "taken-over-list-0001").await.unwrap().ok().unwrap();
    assert_eq!(again["id"], id);
    let other = format!("{path}&adopts=true");
    let other = world.api.upload(&other, LIST, "taken-over-list-0002").await.unwrap().ok().unwrap();
    let taken = (false, "username_taken".to_owned());
    let found = lines(&world, other["id"].as_i64().unwrap()).await;
    assert_eq!([&found[0], &found[1], &found[2], &found[4]], [&taken; 4]);

    // What only the router knows stays so through isolation and restoring, until a new one is given.
    let id = named(&world, "budi").await["id"].as_i64().unwrap();
    let path = |act: &str| format!("/subscriptions/{id}/{act}");
    let secret = world.api.post(&path("secret"), &json!({})).await.unwrap().ok().unwrap();
    assert_eq!(secret["password"], Value::Null, "{secret}");
    world.api.post(&path("isolate"), &json!({ "reason": "telat" })).await.unwrap().ok().unwrap();
    wait::holds("switched off", PATIENCE, || field(&router, SECRET, "budi", "disabled") == "true").await;
    world.api.post(&path("restore"), &json!({})).await.unwrap().ok().unwrap();
    wait::holds("open again", PATIENCE, || field(&router, SECRET, "budi", "disabled") == "false").await;
    assert_eq!(field(&router, SECRET, "budi", "password"), "l4ma-sekali");
    let refused = world.api.post(&path("rename"), &json!({ "username": "budi-2" })).await.unwrap();
    assert_eq!((refused.status.as_u16(), refused.field_error("username")), (422, Some("password_unknown")));
    world.api.post(&path("password"), &json!({ "password": "s3karang" })).await.unwrap().ok().unwrap();
    wait::holds("the new password", PATIENCE, || field(&router, SECRET, "budi", "password") == "s3karang").await;
    world.api.post(&path("rename"), &json!({ "username": "budi-2" })).await.unwrap().ok().unwrap();
    wait::holds("the new name", PATIENCE, || {
        router.sim.row(SECRET, "budi").is_none() && field(&router, SECRET, "budi-2", "password") == "s3karang"
    })
    .await;
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_are_there_are_taken_over_from_a_list_and_nobody_is_cut_off() {
    day(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_are_there_are_taken_over_from_a_list_and_nobody_is_cut_off_on_postgres() {
    day(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_is_there_is_taken_over_by_the_form_of_one() {
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router_with(site, SimConfig::default(), prepare).await.unwrap();
    let package = package(&world, &router, "hotspot", "default").await;
    router.sim.hotspot_login("member1", "l4ma-sekali", CALLER).unwrap();
    let active = || router.sim.rows("/ip/hotspot/active").first().map(|row| row[".id"].clone());
    let before = active();
    let mut body = json!({
        "router_id": router.id, "package_id": package, "username": "member1",
        "customer": { "site_id": site, "name": "Warung Bu Sri", "phones": [] },
    });
    let refused = world.api.post("/subscriptions", &body).await.unwrap();
    assert_eq!((refused.status.as_u16(), refused.field_error("username")), (422, Some("username_on_router")));
    assert_eq!(field(&router, USER, "member1", "comment"), "warung");
    body["adopt"] = json!(true);
    let made = world.api.post_once("/subscriptions", &body, "take-member-over-1").await.unwrap().ok().unwrap();
    assert_eq!((&made["password"], &made["server"]), (&Value::Null, &json!("hs1")), "{made}");
    let again = world.api.post_once("/subscriptions", &body, "take-member-over-1").await.unwrap().ok().unwrap();
    assert_eq!(again["id"], made["id"]);
    proven(&world, "member1").await;
    assert!(field(&router, USER, "member1", "comment").starts_with("HOTSPOT_SYSTEM|"));
    assert_eq!(field(&router, USER, "member1", "password"), "l4ma-sekali");
    assert_eq!(field(&router, USER, "member1", "server"), "hs1");
    assert_eq!(active(), before, "his session stays");
    // The next one of that name is somebody who is here.
    let (_, taken) = (made, world.api.post("/subscriptions", &body).await.unwrap());
    assert_eq!(taken.field_error("username"), Some("username_taken"));
    world.stop().await.unwrap();
}
