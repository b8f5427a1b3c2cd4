//! What else may happen to who does not pay: his user is switched off, or removed from the router. Paying brings back the
//! same user, field by field.

use hiji_tests::{
    router_sim::{Record, RouterSim, SimConfig},
    wait,
    world::{Backend, Broker, PATIENCE, Router, World},
};
use serde_json::{Value, json};

use super::late_and_paid::{DAY, night, subscription_is};

/// What the router counts or remembers by itself.
const OF_THE_ROUTER: [&str; 3] = ["last-logged-out", "last-disconnect-reason", "last-caller-id"];

/// A service of one kind with one expiry.
struct Case {
    service: &'static str,
    expiry: &'static str,
    /// What stands on the router when it was not paid.
    access: &'static str,
    id: i64,
    customer: i64,
    before: Record,
}

impl Case {
    fn name(&self) -> String {
        format!("{}-{}", self.service, self.expiry)
    }

    fn secret(&self) -> String {
        format!("rahasia-{}", self.name())
    }

    fn mac(&self) -> String {
        format!("AA:BB:CC:00:00:{:02X}", self.id)
    }

    fn menu(&self) -> &'static str {
        if self.service == "pppoe" { "/ppp/secret" } else { "/ip/hotspot/user" }
    }

    /// The user as the router has him, without what the router counts; and the part of the comment that stays.
    fn user(&self, sim: &RouterSim) -> Option<Record> {
        let mut row = sim.row(self.menu(), &self.name())?;
        row.retain(|name, _| {
            let is_count = name.starts_with("bytes-") || name.starts_with("packets-") || name == "uptime";
            !is_count && name != ".id" && !OF_THE_ROUTER.contains(&name.as_str())
        });
        let comment = row.get("comment").map(|comment| comment.split('|').take(4).collect::<Vec<_>>().join("|"));
        row.extend(comment.map(|comment| ("comment".to_owned(), comment)));
        Some(row)
    }

    fn is_online(&self, sim: &RouterSim) -> bool {
        let (menu, field) =
            if self.service == "pppoe" { ("/ppp/active", "name") } else { ("/ip/hotspot/active", "user") };
        sim.rows(menu).iter().any(|row| row[field] == self.name())
    }

    fn go_online(&self, sim: &RouterSim) -> bool {
        let (name, secret, mac) = (self.name(), self.secret(), self.mac());
        let session = match self.service {
            "pppoe" => sim.pppoe_dial(&name, &secret, &mac),
            _ => sim.hotspot_login(&name, &secret, &mac),
        };
        session.is_ok()
    }

    async fn subscribe(&mut self, world: &World, router: &Router, site: i64) -> anyhow::Result<()> {
        let pppoe = self.service == "pppoe";
        let mut package = json!({
            "name": self.name(), "service": self.service, "sold_as": "subscription", "profile": self.name(),
            "create_profile": true, "rate_limit": "5M/10M", "price": 165_000, "router_ids": [router.id],
            "is_prepaid": false, "bill_day": 1, "due_days": 10, "grace_days": 3, "on_expiry": self.expiry,
        });
        if pppoe {
            package["local_address"] = json!("10.20.0.1");
            package["address_pool"] = json!("ppp-pool");
        }
        let package = world.api.post("/packages", &package).await?.id()?;
        let mut body = json!({
            "customer": { "site_id": site, "name": self.name(), "phones": [] }, "router_id": router.id,
            "package_id": package, "username": self.name(), "password": self.secret(),
        });
        if pppoe {
            body["remote_address"] = json!(format!("10.20.0.{}", 70 + package));
        } else {
            body["server"] = json!("hs1");
        }
        let made = world.api.post("/subscriptions", &body).await?.ok()?;
        (self.id, self.customer) = (made["id"].as_i64().unwrap_or(0), made["customer_id"].as_i64().unwrap_or(0));
        subscription_is(world, self.id, "observed", "open").await;
        assert!(self.go_online(&router.sim), "{}", self.name());
        self.before = self.user(&router.sim).unwrap_or_default();
        assert_eq!(self.before["password"], self.secret());
        Ok(())
    }

    async fn pay(&self, world: &World) -> anyhow::Result<Value> {
        let invoices = world.api.all(&format!("/invoices?customer_id={}", self.customer)).await?;
        let owed: i64 = invoices.iter().filter_map(|invoice| invoice["remaining"]["amount"].as_i64()).sum();
        let body = json!({ "method": "cash", "amount": owed });
        world.api.post(&format!("/customers/{}/payments", self.customer), &body).await?.ok()
    }
}

async fn day(backend: Backend) -> anyhow::Result<()> {
    let mut world = World::start(backend, Broker::Embedded).await?;
    let site = world.site("Kebon").await?;
    let router = world.router(site, SimConfig::default()).await?;
    let sim = &router.sim;
    let mut cases = [
        ("pppoe", "disable", "disabled"),
        ("pppoe", "remove", "removed"),
        ("hotspot", "disable", "disabled"),
        ("hotspot", "remove", "removed"),
    ]
    .map(|(service, expiry, access)| Case { service, expiry, access, id: 0, customer: 0, before: Record::new() });
    for case in &mut cases {
        case.subscribe(&world, &router, site).await?;
    }
    world.clock.advance(DAY * 8);
    night(&world, site, cases[0].id).await;
    for case in &cases {
        let of = subscription_is(&world, case.id, "observed", case.access).await;
        assert_eq!((&of["state"], &of["on_router"]["wanted"]), (&json!("isolated"), &json!(case.access)), "{of}");
        wait::holds(format!("{} is offline", case.name()), PATIENCE, || !case.is_online(sim)).await;
        assert!(!case.go_online(sim), "{}", case.name());
        match case.user(sim) {
            None => assert_eq!(case.access, "removed", "{}", case.name()),
            Some(mut off) => {
                assert_eq!(case.access, "disabled", "{}", case.name());
                assert_eq!(off.insert("disabled".to_owned(), case.before["disabled"].clone()).as_deref(), Some("true"));
                assert_eq!(off, case.before, "nothing else changes");
            }
        }
    }
    for case in &cases {
        case.pay(&world).await?;
        let of = subscription_is(&world, case.id, "observed", "open").await;
        assert_eq!((&of["state"], &of["on_router"]["wanted"]), (&json!("active"), &json!("open")), "{of}");
        assert_eq!(case.user(sim), Some(case.before.clone()), "{}", case.name());
        wait::holds(format!("{} is online", case.name()), PATIENCE, || case.is_online(sim) || case.go_online(sim))
            .await;
    }
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_switched_off_or_removed_comes_back_with_the_same_secret_and_fields() {
    day(Backend::Sqlite).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_switched_off_or_removed_comes_back_with_the_same_secret_and_fields_on_postgres() {
    day(Backend::Postgres).await.unwrap();
}
