//! What `make run` has to show: packages, vouchers, customers with subscriptions, invoices and payments, all made through
//! the API. A second start finds what is there.

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::world::Api;

/// Vouchers made for each router at the first start.
const VOUCHERS: u32 = 20;
/// Who lives where: name, telephone number, address, which package, and what was paid at once.
const CUSTOMERS: [(&str, &str, &str, Sold, Paid); 8] = [
    ("Budi Santoso", "0812-3456-7890", "Jl. Melati 5 RT02/RW03", Sold::Home10, Paid::All),
    ("Siti Aminah", "0813-2222-1001", "Jl. Kenanga 12", Sold::Home20, Paid::Part),
    ("Kost Bu Ratna", "0857-3333-2002", "Gg. Mawar 3", Sold::Home20, Paid::Nothing),
    ("Warung Pak Joko", "0821-4444-3003", "Jl. Raya 88", Sold::Member, Paid::All),
    ("Yosef Wenda", "0811-5555-4004", "Jl. Buper Waena 7", Sold::Home10, Paid::All),
    ("Maria Kogoya", "0822-6666-5005", "Perumnas III Blok C4", Sold::Home10, Paid::Nothing),
    ("SD Inpres Waena", "0967-571234", "Jl. SPG 1", Sold::Home20, Paid::TooMuch),
    ("Agus Rumbiak", "0852-7777-6006", "Jl. Yabansai 21", Sold::Member, Paid::Nothing),
];

#[derive(Debug, Clone, Copy)]
enum Sold {
    Home10,
    Home20,
    Member,
}

#[derive(Debug, Clone, Copy)]
enum Paid {
    All,
    Part,
    TooMuch,
    Nothing,
}

/// The packages of subscriptions.
#[derive(Debug, Clone, Copy)]
pub struct Packages {
    home_10: i64,
    home_20: i64,
    member: i64,
}

/// The id of what a list has under a name, or of what is made of the body.
///
/// # Errors
/// When it is refused.
pub async fn found_or_made(api: &Api, list: &str, name: &str, body: &Value) -> anyhow::Result<i64> {
    let items = api.all(list).await?;
    match items.iter().find(|item| item["name"] == name).and_then(|item| item["id"].as_i64()) {
        Some(id) => Ok(id),
        None => api.post(list, body).await?.id(),
    }
}

async fn routers(api: &Api) -> anyhow::Result<Vec<i64>> {
    Ok(api.all("/routers").await?.iter().filter_map(|router| router["id"].as_i64()).collect())
}

fn rupiah(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "IDR" })
}

/// A package of vouchers on both routers, and at the first start some vouchers for each.
///
/// # Errors
/// When something is refused.
pub async fn sell(api: &Api) -> anyhow::Result<()> {
    let routers = routers(api).await?;
    let package = json!({
        "name": "12 Jam", "service": "hotspot", "profile": "hiji-12jam", "create_profile": true,
        "price": rupiah(3_000), "cost": rupiah(2_000), "rate_limit": "2M/4M", "shared_users": 1, "router_ids": routers,
        "validity": { "online_secs": 43_200, "active_secs": 259_200 },
    });
    let package = found_or_made(api, "/packages", "12 Jam", &package).await?;
    if !api.all("/voucher_batches").await?.is_empty() {
        return Ok(());
    }
    for router in routers {
        let body = json!({ "router_id": router, "package_id": package, "count": VOUCHERS, "prefix": "HJ" });
        api.post_once("/voucher_batches", &body, &format!("demo-{router}")).await?.ok()?;
    }
    Ok(())
}

/// Packages of subscriptions on both routers, and add-ons.
///
/// # Errors
/// When something is refused.
pub async fn offer(api: &Api) -> anyhow::Result<Packages> {
    let routers = routers(api).await?;
    let home = |name: &str, profile: &str, rate: &str, price: i64, cost: i64| {
        json!({
            "name": name, "service": "pppoe", "profile": profile, "rate_limit": rate, "price": rupiah(price),
            "cost": rupiah(cost), "local_address": "10.20.0.1", "address_pool": "ppp-pool", "router_ids": routers,
            "is_prepaid": false, "bill_day": 1, "due_days": 10, "grace_days": 3, "setup_fee": rupiah(200_000),
        })
    };
    let member = json!({
        "name": "Member Hotspot", "service": "hotspot", "sold_as": "subscription", "profile": "hiji-member",
        "rate_limit": "5M/5M", "price": rupiah(100_000), "cost": rupiah(40_000), "router_ids": routers,
        "cycle": "days_30", "grace_days": 1, "on_expiry": "isolate",
    });
    let home_10 = home("Rumah 10 Mbps", "Rumah-10M", "10M/10M 15M/15M 8M/8M 10/10", 165_000, 90_000);
    let home_20 = home("Rumah 20 Mbps", "Rumah-20M", "20M/20M", 225_000, 120_000);
    for (name, kind, price, cost) in
        [("IP statis", "monthly", 50_000, 10_000), ("Modem ONT", "one_off", 350_000, 280_000)]
    {
        let addon = json!({ "name": name, "kind": kind, "price": rupiah(price), "cost": rupiah(cost) });
        found_or_made(api, "/addons", name, &addon).await?;
    }
    Ok(Packages {
        home_10: found_or_made(api, "/packages", "Rumah 10 Mbps", &home_10).await?,
        home_20: found_or_made(api, "/packages", "Rumah 20 Mbps", &home_20).await?,
        member: found_or_made(api, "/packages", "Member Hotspot", &member).await?,
    })
}

/// At the first start customers with a subscription each, half of them at each router, some of whom paid.
///
/// # Errors
/// When something is refused.
pub async fn subscribe(api: &Api, packages: Packages) -> anyhow::Result<()> {
    if !api.all("/subscriptions").await?.is_empty() {
        return Ok(());
    }
    let routers = routers(api).await?;
    for (at, (name, phone, address, sold, paid)) in CUSTOMERS.into_iter().enumerate() {
        let Some(router) = routers.get(at * routers.len() / CUSTOMERS.len()) else { continue };
        let package = match sold {
            Sold::Home10 => packages.home_10,
            Sold::Home20 => packages.home_20,
            Sold::Member => packages.member,
        };
        let customer = json!({ "name": name, "address": address, "phones": [{ "number": phone }] });
        let body = json!({ "customer": customer, "router_id": router, "package_id": package });
        let made = api.post_once("/subscriptions", &body, &format!("demo-subscription-{at}")).await?.ok()?;
        let customer = made["customer_id"].as_i64().context("a subscription has a customer")?;
        pay(api, (at, customer), paid).await.with_context(|| format!("payment of {name}"))?;
    }
    Ok(())
}

/// What somebody pays of his first invoice.
async fn pay(api: &Api, (at, customer): (usize, i64), paid: Paid) -> anyhow::Result<()> {
    let invoices = api.all(&format!("/invoices?customer_id={customer}")).await?;
    let due: i64 = invoices.iter().filter_map(|invoice| invoice["total"]["amount"].as_i64()).sum();
    let amount = match paid {
        Paid::Nothing => return Ok(()),
        Paid::All => due,
        Paid::Part => due / 2,
        Paid::TooMuch => due + 100_000,
    };
    let body = json!({ "method": "cash", "amount": rupiah(amount) });
    api.post_once(&format!("/customers/{customer}/payments"), &body, &format!("demo-payment-{at}")).await?.ok()?;
    Ok(())
}
