//! A static address is taken away by emptying its field: on an open user and on an isolated one, whose address is only
//! remembered. And a pause, as the operator wants it, shows the page of the isolated.

use hiji_tests::{
    router_sim::SimConfig,
    wait,
    world::{Backend, Broker, PATIENCE, Router, World},
};
use serde_json::{Value, json};

use super::late_and_paid::prepare;

const SECRET: &str = "/ppp/secret";
const CALLER: &str = "AA:00:00:00:00:01";
const ADDRESS: &str = "10.20.0.77";

fn secret(router: &Router, field: &str) -> Option<String> {
    router.sim.row(SECRET, "budi").and_then(|row| row.get(field).cloned()).filter(|value| !value.is_empty())
}

fn address(router: &Router) -> Option<String> {
    router.sim.rows("/ppp/active").first().map(|row| row["address"].clone())
}

struct Story {
    world: World,
    router: Router,
    id: i64,
}

impl Story {
    async fn act(&self, act: &str, body: Value) -> Value {
        self.world.api.post(&format!("/subscriptions/{}/{act}", self.id), &body).await.unwrap().ok().unwrap()
    }

    async fn shown(&self) -> Option<Value> {
        self.world.api.get(&format!("/subscriptions/{}", self.id)).await.ok()?.ok().ok()
    }

    async fn is(&self, observed: &str) -> Value {
        wait::until(format!("{observed} proven"), PATIENCE, || async {
            let of = self.shown().await?;
            let on = &of["on_router"];
            (on["wanted"] == observed && on["observed"] == observed && on["verified_at"].is_string()).then_some(of)
        })
        .await
    }
}

async fn begin() -> Story {
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig::default()).await.unwrap();
    prepare(&world, router.id).await.unwrap();
    let package = json!({
        "name": "Rumah-10M", "service": "pppoe", "profile": "Rumah-10M", "create_profile": true, "price": 165_000,
        "rate_limit": "5M/10M", "local_address": "10.20.0.1", "address_pool": "ppp-pool", "router_ids": [router.id],
        "is_prepaid": false, "bill_day": 1, "due_days": 9, "on_expiry": "isolate",
    });
    let package = world.api.post("/packages", &package).await.unwrap().id().unwrap();
    let body = json!({
        "router_id": router.id, "package_id": package, "username": "budi", "password": "s3rahasia",
        "remote_address": ADDRESS, "customer": { "site_id": site, "name": "Budi", "phones": [] },
    });
    let id = world.api.post("/subscriptions", &body).await.unwrap().id().unwrap();
    let story = Story { world, router, id };
    story.is("open").await;
    story.router.sim.pppoe_dial("budi", "s3rahasia", CALLER).unwrap();
    assert_eq!(
        (address(&story.router).as_deref(), secret(&story.router, "remote-address").as_deref()),
        (Some(ADDRESS), Some(ADDRESS))
    );
    story
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_static_address_is_cleared_on_the_router_and_the_modem_dials_again() {
    let story = begin().await;
    let router = &story.router;
    story.act("details", json!({ "remote_address": "" })).await;
    wait::holds("no static address", PATIENCE, || secret(router, "remote-address").is_none()).await;
    wait::holds("an address of the pool", PATIENCE, || address(router).is_some_and(|own| own != ADDRESS)).await;
    assert_eq!(secret(router, "password").as_deref(), Some("s3rahasia"));
    // It is the field that was emptied: nothing else of it changes, and it can be given again.
    let (path, again) = (format!("/subscriptions/{}/details", story.id), json!({ "remote_address": "" }));
    assert_eq!(story.world.api.post(&path, &again).await.unwrap().status, 422, "nothing changed");
    story.act("details", json!({ "remote_address": ADDRESS })).await;
    wait::holds("his own address", PATIENCE, || address(router).as_deref() == Some(ADDRESS)).await;

    // Isolated: the address is only remembered, and does not come back when it was taken away meanwhile.
    story.act("isolate", json!({ "reason": "telat" })).await;
    story.is("isolated").await;
    assert_eq!((secret(router, "profile").as_deref(), secret(router, "remote-address")), (Some("isolir"), None));
    story.act("details", json!({ "remote_address": "" })).await;
    story.act("restore", json!({})).await;
    let of = story.is("open").await;
    assert_eq!(of["remote_address"], "", "{of}");
    assert_eq!((secret(router, "profile").as_deref(), secret(router, "remote-address")), (Some("Rumah-10M"), None));
    wait::holds("an address of the pool", PATIENCE, || address(router).is_some_and(|own| own != ADDRESS)).await;
    story.world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_isolates_where_the_operator_wants_it_also_of_one_who_is_isolated() {
    let story = begin().await;
    let (api, router) = (&story.world.api, &story.router);
    let mut settings = api.get("/settings").await.unwrap().ok().unwrap();
    settings["services"]["pause_isolates"] = json!(true);
    api.put("/settings", &settings).await.unwrap().ok().unwrap();
    story.act("pause", json!({ "reason": "mudik" })).await;
    let of = story.is("isolated").await;
    assert_eq!(of["state"], "paused", "{of}");
    assert_eq!((secret(router, "profile").as_deref(), secret(router, "remote-address")), (Some("isolir"), None));
    assert_eq!(secret(router, "disabled").as_deref(), Some("false"));
    story.act("resume", json!({})).await;
    story.is("open").await;
    assert_eq!(secret(router, "remote-address").as_deref(), Some(ADDRESS));

    // Isolated by a person, then paused: what comes after is looked at anew.
    story.act("isolate", json!({ "reason": "telat" })).await;
    story.is("isolated").await;
    story.act("pause", json!({})).await;
    assert_eq!(story.is("isolated").await["state"], "paused");
    story.act("resume", json!({})).await;
    let of = story.is("open").await;
    assert_eq!((&of["state"], &of["is_held"]), (&json!("active"), &json!(false)), "{of}");
    story.world.stop().await.unwrap();
}
