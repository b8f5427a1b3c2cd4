//! Profiles and scripts: an admin sees what hiji would write, has it written, somebody takes it out in WinBox, it comes
//! back, and in the end nothing of it is left.

use hiji_tests::{
    router_sim::{RouterSim, SimConfig},
    wait,
    world::{Backend, Broker, PATIENCE, World},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

const PROFILE: &str = "/ip/hotspot/user/profile";
const OWN: &str = ":log info hello";

fn prepare(sim: &RouterSim) -> anyhow::Result<()> {
    let fields = [("name", "12jam-3rb"), ("rate-limit", "2M/4M"), ("on-login", OWN)];
    sim.add(PROFILE, &fields).map_err(anyhow::Error::msg)?;
    let fields = [("name", "lama"), ("on-login", ":put (\",rem,3000,12h,5000,,Enable,\");")];
    sim.add(PROFILE, &fields).map_err(anyhow::Error::msg)?;
    sim.add("/ppp/profile", &[("name", "Rumah-10M"), ("comment", "PPPOE_SYSTEM")]).map_err(anyhow::Error::msg)?;
    Ok(())
}

async fn hooks(world: &World, router: i64, name: &str) -> Option<Value> {
    let all = world.api.get(&format!("/routers/{router}/hooks")).await.ok()?.ok().ok()?;
    all["profiles"].as_array()?.iter().find(|profile| profile["name"] == name).cloned()
}

async fn state_is(world: &World, router: i64, name: &str, state: &str) -> Value {
    wait::until(format!("{name} {state}"), PATIENCE, || async {
        hooks(world, router, name).await.filter(|profile| profile["state"] == state)
    })
    .await
}

async fn day(backend: Backend) -> anyhow::Result<()> {
    let mut world = World::start(backend, Broker::Embedded).await?;
    let site = world.site("Kebon").await?;
    let router = world.router_with(site, SimConfig::default(), prepare).await?;
    let path = format!("/routers/{}/profiles/12jam-3rb/hooks", router.id);
    let script = |which: &str| router.sim.row(PROFILE, "12jam-3rb").unwrap().get(which).cloned().unwrap_or_default();

    // Shown before anything is written, without the token.
    let shown = wait::until("the agent's hook", PATIENCE, || async {
        let shown = world.api.get(&path).await.ok()?.ok().ok()?;
        shown["refused"].is_null().then_some(shown)
    })
    .await;
    let after = shown["changes"][0]["after"].as_str().unwrap().to_owned();
    assert!(after.starts_with("# hiji begin\n# VOUCHER_SYSTEM\n:do {/tool fetch") && after.ends_with(OWN));
    assert!(after.contains("X-Hiji: ********") && script("on-login") == OWN);

    assert_eq!(world.api.put(&path, &json!({})).await?.status, StatusCode::ACCEPTED);
    let hooked = state_is(&world, router.id, "12jam-3rb", "installed").await;
    assert_eq!((&hooked["marked"], &hooked["calls"]), (&json!(true), &json!(true)));
    let written = script("on-login");
    let masked = written.lines().map(|line| match line.split_once("X-Hiji: ") {
        Some((head, tail)) => format!("{head}X-Hiji: ********{}\n", &tail[tail.find('"').unwrap()..]),
        None => format!("{line}\n"),
    });
    assert_eq!(masked.collect::<String>().trim_end(), after, "what was shown is what was written");

    // The hook arrives.
    world.api.post(&format!("/routers/{}/hooks/test", router.id), &json!({})).await?.ok()?;
    let test = wait::until("the self-test", PATIENCE, || async {
        let all = world.api.get(&format!("/routers/{}/hooks", router.id)).await.ok()?.ok().ok()?;
        (all["last_test"]["state"] == "verified").then(|| all["last_test"].clone())
    })
    .await;
    assert!(test["message"].as_str().unwrap().parse::<u64>().is_ok(), "{test}");

    // Taken out in WinBox, it comes back.
    router.sim.set(PROFILE, "12jam-3rb", &[("on-login", OWN)]).unwrap();
    wait::until("put back", PATIENCE, || async { script("on-login").starts_with("# hiji begin").then_some(()) }).await;
    state_is(&world, router.id, "12jam-3rb", "installed").await;

    // Mikhmon's script wants leave; all marked ones are done at once.
    let lama = format!("/routers/{}/profiles/lama/hooks", router.id);
    assert_eq!(world.api.get(&lama).await?.ok()?["refused"], "script_mikhmon");
    assert_eq!(world.api.put(&lama, &json!({})).await?.status, StatusCode::CONFLICT);
    let all = format!("/routers/{}/hooks", router.id);
    let many = world.api.post(&all, &json!({ "hooks": true })).await?.ok()?;
    assert_eq!(many["changed"], json!(["Rumah-10M"]));
    state_is(&world, router.id, "Rumah-10M", "installed").await;

    // An admin marks a profile himself: it is offered within moments. The marker is a setting.
    let marked = async |name: &str| hooks(&world, router.id, name).await.is_some_and(|hooks| hooks["marked"] == true);
    router.sim.add(PROFILE, &[("name", "1hari"), ("on-login", "# VOUCHER_SYSTEM\r\n:log info x")]).unwrap();
    router.sim.add(PROFILE, &[("name", "lain"), ("on-login", "# WIFI_KU")]).unwrap();
    wait::until("the marked profile", PATIENCE, || async { marked("1hari").await.then_some(()) }).await;
    wait::until("the other profile", PATIENCE, || hooks(&world, router.id, "lain")).await;
    assert!(!marked("lain").await);
    let found = world.api.get(&format!("/routers/{}/profiles", router.id)).await?.ok()?;
    assert!(found["items"].as_array().unwrap().iter().any(|it| it["name"] == "1hari" && it["marked"] == true));
    let mut settings = world.api.get("/settings").await?.ok()?;
    settings["voucher_marker"] = json!("WIFI_KU");
    world.api.put("/settings", &settings).await?.ok()?;
    wait::until("the other marker", PATIENCE, || async { marked("lain").await.then_some(()) }).await;
    assert!(!marked("1hari").await);
    settings["voucher_marker"] = json!("VOUCHER_SYSTEM");
    world.api.put("/settings", &settings).await?.ok()?;
    wait::until("the marker as it was", PATIENCE, || async { marked("1hari").await.then_some(()) }).await;
    router.sim.remove(PROFILE, "1hari").unwrap();
    router.sim.remove(PROFILE, "lain").unwrap();

    // And nothing of it is left.
    let many = world.api.post(&all, &json!({ "hooks": false })).await?.ok()?;
    assert_eq!(many["changed"].as_array().map(Vec::len), Some(2), "{many}");
    state_is(&world, router.id, "12jam-3rb", "none").await;
    state_is(&world, router.id, "Rumah-10M", "none").await;
    assert_eq!((script("on-login").as_str(), script("on-logout").as_str()), (OWN, ""));
    let ppp = router.sim.row("/ppp/profile", "Rumah-10M").unwrap();
    assert_eq!((ppp["comment"].as_str(), ppp["on-up"].as_str()), ("PPPOE_SYSTEM", ""));
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_shown_installed_kept_and_removed() {
    day(Backend::Sqlite).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_shown_installed_kept_and_removed_on_postgres() {
    day(Backend::Postgres).await.unwrap();
}
