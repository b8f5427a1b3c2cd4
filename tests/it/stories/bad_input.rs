//! Bad input gets one clear answer and changes nothing; a double click makes one batch.

use hiji_tests::{
    router_sim::SimConfig,
    world::{Backend, Broker, World},
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_batch_is_refused_by_field_and_makes_nothing() {
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig::default()).await.unwrap();
    let package = world.package("3 Hari", &[&router], json!({ "active_secs": 259_200 })).await.unwrap();
    let good = json!({ "router_id": router.id, "package_id": package, "count": 10, "prefix": "KB" });
    for (field, value) in [
        ("count", json!(0)),
        ("count", json!(10_001)),
        ("prefix", json!("K B")),
        ("price", json!({ "amount": -1, "currency": "IDR" })),
        ("package_id", json!(999_999)),
        ("router_id", json!(999_999)),
        ("length", json!(1)),
    ] {
        let mut bad = good.clone();
        bad[field] = value.clone();
        let reply = world.api.post("/voucher_batches", &bad).await.unwrap();
        assert_eq!(reply.status.as_u16(), 422, "{field} = {value}: {}", reply.body);
        assert!(reply.field_error(field).is_some(), "{field} = {value}: {}", reply.body);
    }
    let batches = world.api.all("/voucher_batches").await.unwrap();
    assert_eq!(batches, Vec::<Value>::new());
    assert_eq!(router.vouchers(), 0);
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_click_makes_one_batch() {
    let mut world = World::start(Backend::Sqlite, Broker::Embedded).await.unwrap();
    let site = world.site("Kebon").await.unwrap();
    let router = world.router(site, SimConfig::default()).await.unwrap();
    let package = world.package("3 Hari", &[&router], json!({ "active_secs": 259_200 })).await.unwrap();
    let body = json!({ "router_id": router.id, "package_id": package, "count": 10 });
    let (first, second) = tokio::join!(
        world.api.post_once("/voucher_batches", &body, "klik-1"),
        world.api.post_once("/voucher_batches", &body, "klik-1"),
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    // The slower one is answered the same, or told to ask again.
    assert!(first.status.is_success() || second.status.is_success());
    let again = world.api.post_once("/voucher_batches", &body, "klik-1").await.unwrap().ok().unwrap();
    let batches = world.api.all("/voucher_batches").await.unwrap();
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0]["id"], again["id"]);
    let other = json!({ "router_id": router.id, "package_id": package, "count": 11 });
    let reused = world.api.post_once("/voucher_batches", &other, "klik-1").await.unwrap();
    assert_eq!(reused.status.as_u16(), 422);
    world.stop().await.unwrap();
}
