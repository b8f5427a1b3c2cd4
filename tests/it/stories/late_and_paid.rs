//! W4 with cash: Budi is late, is isolated by the night's plan, pays at the counter, and is online within seconds as he was before.

use std::time::{Duration, Instant};

use hiji_tests::{
    router_sim::{Packet, RouterSim, SimConfig, Verdict},
    wait,
    world::{Backend, Broker, PATIENCE, World},
};
use serde_json::{Value, json};

pub(super) const DAY: Duration = Duration::from_secs(86_400);
const CALLER: &str = "AA:00:00:00:00:01";
const ADDRESS: &str = "10.20.0.77";
const WEB: &str = "93.184.216.34";
/// From the act to the session on the router.
const WITHIN: Duration = Duration::from_secs(10);

fn rupiah(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "IDR" })
}

/// Profile and list of isolation, as the page would set them up.
pub(super) async fn prepare(world: &World, router: i64) -> anyhow::Result<()> {
    let path = format!("/routers/{router}/isolation");
    let mut wished = world.api.get(&path).await?.ok()?["fields"].clone();
    let hosts: Vec<String> = wished["allowed"].as_str().unwrap_or_default().lines().map(str::to_owned).collect();
    wished["allowed"] = json!(hosts);
    let preview = world.api.post(&format!("{path}/preview"), &wished).await?.ok()?;
    wished["shown_digest"] = preview["digest"].clone();
    world.api.put(&path, &wished).await?.ok()?;
    wait::until("isolation is ready", PATIENCE, || async {
        let standing = world.api.get(&path).await.ok()?.ok().ok()?;
        (standing["isolation"]["state"] == "verified").then_some(())
    })
    .await;
    Ok(())
}

/// Waits for a field of what stands on the router.
pub(super) async fn subscription_is(world: &World, id: i64, field: &str, value: &str) -> Value {
    wait::until(format!("{field} {value}"), PATIENCE, || async {
        let of = world.api.get(&format!("/subscriptions/{id}")).await.ok()?.ok().ok()?;
        (of["on_router"][field] == value).then_some(of)
    })
    .await
}

/// The night plans who is isolated; a plan that waits for a person is approved. Answers when it was done.
pub(super) async fn night(world: &World, site: i64, id: i64) -> Instant {
    let _runs_already = world.api.post(&format!("/billing/sites/{site}/run"), &json!({})).await;
    let plans = format!("/billing/plans?site_id={site}");
    let whole = |plan: &Value| plan["state"] != "making";
    wait::until("a plan", PATIENCE, || async { world.api.all(&plans).await.ok()?.pop().filter(whole) }).await;
    // Time to read it, before it acts.
    world.clock.advance(DAY / 240);
    wait::until("the night isolates", PATIENCE * 2, || async {
        for plan in world.api.all(&plans).await.ok()? {
            if plan["state"] == "held" {
                let _decided = world.api.post(&format!("/billing/plans/{}/approve", plan["id"]), &json!({})).await;
            }
        }
        let of = world.api.get(&format!("/subscriptions/{id}")).await.ok()?.ok().ok()?;
        (of["state"] == "isolated").then(Instant::now)
    })
    .await
}

fn address(sim: &RouterSim) -> Option<String> {
    sim.rows("/ppp/active").first().map(|row| row["address"].clone())
}

fn may_browse(sim: &RouterSim) -> Option<Verdict> {
    address(sim).map(|own| sim.verdict(Packet::tcp(&own, WEB, 443)))
}

async fn day(backend: Backend) -> anyhow::Result<()> {
    let mut world = World::start(backend, Broker::Embedded).await?;
    let site = world.site("Kebon").await?;
    let router = world.router(site, SimConfig::default()).await?;
    let sim = &router.sim;
    prepare(&world, router.id).await?;
    let package = json!({
        "name": "Rumah 10 Mbps", "service": "pppoe", "profile": "Rumah-10M", "rate_limit": "5M/10M",
        "price": rupiah(165_000), "cost": rupiah(90_000), "local_address": "10.20.0.1", "address_pool": "ppp-pool",
        "router_ids": [router.id], "is_prepaid": false, "bill_day": 1, "due_days": 10, "grace_days": 3,
        "on_expiry": "isolate",
    });
    let package = world.api.post("/packages", &package).await?.id()?;
    let customer = json!({ "name": "Budi Santoso", "phones": [{ "number": "0812-3456-7890" }] });
    let body = json!({
        "customer": customer, "router_id": router.id, "package_id": package, "username": "kebon-0001",
        "remote_address": ADDRESS,
    });
    let made = world.api.post_once("/subscriptions", &body, "w4-budi-santoso-1").await?.ok()?;
    let (id, customer) = (made["id"].as_i64().unwrap_or(0), made["customer_id"].as_i64().unwrap_or(0));
    let password = made["password"].as_str().unwrap_or_default().to_owned();
    subscription_is(&world, id, "observed", "open").await;
    sim.pppoe_dial("kebon-0001", &password, CALLER).map_err(anyhow::Error::msg)?;
    assert_eq!((address(sim).as_deref(), may_browse(sim)), (Some(ADDRESS), Some(Verdict::Passes)));
    let before = sim.row("/ppp/secret", "kebon-0001").unwrap();

    // The first invoice is not paid, nor in the days of grace.
    world.clock.advance(DAY * 8);
    let began = night(&world, site, id).await;
    wait::holds("nothing but DNS and the page", PATIENCE, || may_browse(sim) == Some(Verdict::Rejected)).await;
    let shut = began.elapsed();
    let of = subscription_is(&world, id, "observed", "isolated").await;
    assert_eq!((&of["state"], &of["on_router"]["wanted"]), (&json!("isolated"), &json!("isolated")), "{of}");
    let inside = address(sim).unwrap();
    assert!(inside.starts_with("10.254."), "{inside}");
    assert_eq!(sim.verdict(Packet::udp(&inside, "8.8.8.8", 53)), Verdict::Passes);
    assert_eq!(sim.verdict(Packet::tcp(&inside, "wa.me", 443)), Verdict::Passes);
    let secret = sim.row("/ppp/secret", "kebon-0001").unwrap();
    assert_eq!((secret["profile"].as_str(), secret.get("remote-address")), ("isolir", None));

    // He pays what he owes in cash; twice pressed is once paid.
    let invoices = world.api.all(&format!("/invoices?customer_id={customer}")).await?;
    let owed: i64 = invoices.iter().filter_map(|invoice| invoice["remaining"]["amount"].as_i64()).sum();
    assert!(owed > 0, "{invoices:?}");
    let body = json!({ "method": "cash", "amount": rupiah(owed) });
    let path = format!("/customers/{customer}/payments");
    let began = Instant::now();
    let receipt = world.api.post_once(&path, &body, "w4-payment-0001").await?.ok()?;
    wait::holds("his own address", PATIENCE, || address(sim).as_deref() == Some(ADDRESS)).await;
    let open = began.elapsed();
    assert_eq!(world.api.post_once(&path, &body, "w4-payment-0001").await?.ok()?, receipt);
    let of = subscription_is(&world, id, "observed", "open").await;
    assert_eq!((&of["state"], &of["on_router"]["wanted"]), (&json!("active"), &json!("open")), "{of}");
    assert_eq!(may_browse(sim), Some(Verdict::Passes));
    assert!(shut < WITHIN && open < WITHIN, "isolated after {shut:?}, online after {open:?}");
    tracing::info!(?shut, ?open, "from the act to the session on the router");

    // As he was: all but how long it is paid for.
    let after = sim.row("/ppp/secret", "kebon-0001").unwrap();
    for name in ["profile", "remote-address", "password", "service", "disabled", "caller-id"] {
        assert_eq!(after.get(name), before.get(name), "{name}");
    }
    let fields = |comment: &str| comment.split('|').take(4).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(fields(&after["comment"]), fields(&before["comment"]));
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_late_is_isolated_and_online_seconds_after_paying_in_cash() {
    day(Backend::Sqlite).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_late_is_isolated_and_online_seconds_after_paying_in_cash_on_postgres() {
    day(Backend::Postgres).await.unwrap();
}
