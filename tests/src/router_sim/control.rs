//! Driving a simulated router by HTTP, on loopback only; the same operations as [`RouterSim`].
//!
//! | route | body or query | answer |
//! | --- | --- | --- |
//! | `GET /healthz` | | `{"ok": true, "api": "127.0.0.1:…", "commands": n}` |
//! | `GET /rows?path=/ip/hotspot/user` | | the records |
//! | `GET /sessions` | | open sessions |
//! | `GET /writes` | | write commands that came over the API |
//! | `GET /full_prints?path=…` | | `{"count": n}` |
//! | `GET /hooks` | | what became of the profiles' scripts |
//! | `POST /hotspot/login` | `{user, password, mac}` | the session, or 422 with the guest's error text |
//! | `POST /hotspot/logout` | `{user}` | `{"ended": n}` |
//! | `POST /hotspot/leave` | `{user}` | `{"ended": n}`: out of reach |
//! | `POST /hotspot/return` | `{mac}` | the session, by cookie |
//! | `POST /pppoe/dial` | `{user, password, caller_id}` | the session |
//! | `POST /pppoe/hangup` | `{user}` | `{"ended": n}` |
//! | `POST /rates` | `{user, up, down}` | `{"sessions": n}`; bytes a second |
//! | `POST /transfer` | `{user, up, down}` | `{"sessions": n}`; bytes at once |
//! | `POST /add` | `{path, values: {…}}` | `{"id": "*1"}` |
//! | `POST /set` | `{path, name, values: {…}}` | `{}` |
//! | `POST /remove` | `{path, name}` | `{}` |
//! | `POST /bulk_users` | `{count, profile}` | `{"added": n}` |
//! | `POST /fault` | a [`Fault`]: `{"kind": "slow", "per_command_ms": 20}` | `{}` |
//! | `POST /faults/clear` | | `{}` |
//! | `POST /reboot` | `{clock_1970}` | `{}` |
//! | `POST /clock` | `{offset_ms}` | `{}` |
//!
//! Errors are 422 with `{"error": "…"}`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::Context;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Fault, Record, RouterSim, SessionView, Write};

/// Starts the control interface; it ends with the router.
///
/// # Errors
/// When the address is not a loopback address or cannot be listened on.
pub async fn start(sim: RouterSim, addr: SocketAddr) -> anyhow::Result<SocketAddr> {
    anyhow::ensure!(addr.ip().is_loopback(), "the control interface listens on loopback only, not on {addr}");
    let listener = TcpListener::bind(addr).await.with_context(|| format!("listening on {addr}"))?;
    let bound = listener.local_addr()?;
    let (stop, tasks) = (sim.stop.clone(), sim.tasks.clone());
    let service = routes(sim);
    tasks.spawn(async move {
        let served = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::warn!(%error, "control interface ended");
        }
    });
    Ok(bound)
}

fn routes(sim: RouterSim) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/rows", get(rows))
        .route("/sessions", get(sessions))
        .route("/writes", get(writes))
        .route("/full_prints", get(full_prints))
        .route("/hooks", get(hooks))
        .route("/hotspot/login", post(hotspot_login))
        .route("/hotspot/logout", post(hotspot_logout))
        .route("/hotspot/leave", post(hotspot_leave))
        .route("/hotspot/return", post(hotspot_return))
        .route("/pppoe/dial", post(pppoe_dial))
        .route("/pppoe/hangup", post(pppoe_hangup))
        .route("/rates", post(rates))
        .route("/transfer", post(transfer))
        .route("/add", post(add))
        .route("/set", post(set))
        .route("/remove", post(remove))
        .route("/bulk_users", post(bulk_users))
        .route("/fault", post(fault))
        .route("/faults/clear", post(clear_faults))
        .route("/reboot", post(reboot))
        .route("/clock", post(clock))
        .with_state(sim)
}

/// What was refused, in the router's or the guest's words.
struct Refused(String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": self.0 }))).into_response()
    }
}

type Answer<T> = Result<Json<T>, Refused>;

fn answer<T>(result: Result<T, String>) -> Answer<T> {
    result.map(Json).map_err(Refused)
}

#[derive(Deserialize)]
struct Path {
    path: String,
}

#[derive(Deserialize)]
struct Guest {
    user: String,
    password: String,
    mac: String,
}

#[derive(Deserialize)]
struct Home {
    user: String,
    password: String,
    caller_id: String,
}

#[derive(Deserialize)]
struct User {
    user: String,
}

#[derive(Deserialize)]
struct Phone {
    mac: String,
}

#[derive(Deserialize)]
struct Bytes {
    user: String,
    up: u64,
    down: u64,
}

#[derive(Deserialize)]
struct Item {
    path: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    values: BTreeMap<String, String>,
}

impl Item {
    fn values(&self) -> Vec<(&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

#[derive(Deserialize)]
struct Bulk {
    count: usize,
    profile: String,
}

#[derive(Deserialize)]
struct Reboot {
    #[serde(default)]
    clock_1970: bool,
}

#[derive(Deserialize)]
struct Clock {
    offset_ms: i64,
}

async fn health(State(sim): State<RouterSim>) -> Json<Value> {
    let tls = sim.tls_addr().map(|addr| addr.to_string());
    Json(json!({ "ok": true, "api": sim.api_addr().to_string(), "tls": tls, "commands": sim.commands() }))
}

async fn rows(State(sim): State<RouterSim>, Query(query): Query<Path>) -> Json<Vec<Record>> {
    Json(sim.rows(&query.path))
}

async fn sessions(State(sim): State<RouterSim>) -> Json<Vec<SessionView>> {
    Json(sim.sessions())
}

async fn writes(State(sim): State<RouterSim>) -> Json<Vec<Write>> {
    Json(sim.writes())
}

async fn full_prints(State(sim): State<RouterSim>, Query(query): Query<Path>) -> Json<Value> {
    Json(json!({ "count": sim.full_prints(&query.path) }))
}

async fn hooks(State(sim): State<RouterSim>) -> Json<super::HookStats> {
    Json(sim.hooks())
}

async fn hotspot_login(State(sim): State<RouterSim>, Json(guest): Json<Guest>) -> Answer<SessionView> {
    answer(sim.hotspot_login(&guest.user, &guest.password, &guest.mac))
}

async fn hotspot_logout(State(sim): State<RouterSim>, Json(user): Json<User>) -> Json<Value> {
    Json(json!({ "ended": sim.hotspot_logout(&user.user) }))
}

async fn hotspot_leave(State(sim): State<RouterSim>, Json(user): Json<User>) -> Json<Value> {
    Json(json!({ "ended": sim.hotspot_leave(&user.user) }))
}

async fn hotspot_return(State(sim): State<RouterSim>, Json(phone): Json<Phone>) -> Answer<SessionView> {
    answer(sim.hotspot_return(&phone.mac))
}

async fn pppoe_dial(State(sim): State<RouterSim>, Json(home): Json<Home>) -> Answer<SessionView> {
    answer(sim.pppoe_dial(&home.user, &home.password, &home.caller_id))
}

async fn pppoe_hangup(State(sim): State<RouterSim>, Json(user): Json<User>) -> Json<Value> {
    Json(json!({ "ended": sim.pppoe_hangup(&user.user) }))
}

async fn rates(State(sim): State<RouterSim>, Json(bytes): Json<Bytes>) -> Json<Value> {
    Json(json!({ "sessions": sim.set_rates(&bytes.user, bytes.up, bytes.down) }))
}

async fn transfer(State(sim): State<RouterSim>, Json(bytes): Json<Bytes>) -> Json<Value> {
    Json(json!({ "sessions": sim.transfer(&bytes.user, bytes.up, bytes.down) }))
}

async fn add(State(sim): State<RouterSim>, Json(item): Json<Item>) -> Answer<Value> {
    answer(sim.add(&item.path, &item.values()).map(|id| json!({ "id": id })))
}

async fn set(State(sim): State<RouterSim>, Json(item): Json<Item>) -> Answer<Value> {
    answer(sim.set(&item.path, &item.name, &item.values()).map(|()| json!({})))
}

async fn remove(State(sim): State<RouterSim>, Json(item): Json<Item>) -> Answer<Value> {
    answer(sim.remove(&item.path, &item.name).map(|()| json!({})))
}

async fn bulk_users(State(sim): State<RouterSim>, Json(bulk): Json<Bulk>) -> Answer<Value> {
    answer(sim.bulk_users(bulk.count, &bulk.profile).map(|added| json!({ "added": added })))
}

async fn fault(State(sim): State<RouterSim>, Json(fault): Json<Fault>) -> Json<Value> {
    sim.fault(fault);
    Json(json!({}))
}

async fn clear_faults(State(sim): State<RouterSim>) -> Json<Value> {
    sim.clear_faults();
    Json(json!({}))
}

async fn reboot(State(sim): State<RouterSim>, Json(reboot): Json<Reboot>) -> Json<Value> {
    sim.reboot(reboot.clock_1970);
    Json(json!({}))
}

async fn clock(State(sim): State<RouterSim>, Json(clock): Json<Clock>) -> Json<Value> {
    sim.set_clock_offset(clock.offset_ms);
    Json(json!({}))
}
