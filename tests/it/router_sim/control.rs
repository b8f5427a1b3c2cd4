//! The simulator driven by HTTP.

use hiji_tests::router_sim::{Version, control};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::support::Bench;

/// One request; reqwest would want a TLS provider for plain HTTP.
async fn call(addr: std::net::SocketAddr, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let stream = TcpStream::connect(addr).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    let request = request.header(header::CONTENT_TYPE, "application/json");
    let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn everything_can_be_driven_by_http_on_loopback() {
    let bench = Bench::new(Version::V7_16).await;
    let addr = control::start(bench.sim.clone(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    let post = |path: &'static str, body: Value| async move { call(addr, "POST", path, &body).await };
    let user = json!({"path": "/ip/hotspot/user", "values": {"name": "siti", "password": "pw"}});
    assert_eq!(post("/add", user.clone()).await, (StatusCode::OK, json!({"id": "*1"})));
    let (status, error) = post("/add", user).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(error["error"], "failure: already have user with this name for this server");
    let guest = json!({"user": "siti", "password": "pw", "mac": "02:00:00:00:00:01"});
    assert_eq!(post("/hotspot/login", guest).await.1["user"], "siti");
    let guest = json!({"user": "siti", "password": "no", "mac": "02:00:00:00:00:02"});
    assert_eq!(post("/hotspot/login", guest).await.1["error"], "invalid username or password");
    let (_, rows) = call(addr, "GET", "/rows?path=/ip/hotspot/active", &Value::Null).await;
    assert_eq!(rows[0]["user"], "siti");
    assert_eq!(post("/hotspot/logout", json!({"user": "siti"})).await.1["ended"], 1);
    for (path, body) in [
        ("/set", json!({"path": "/ip/hotspot/user", "name": "siti", "values": {"comment": "x"}})),
        ("/remove", json!({"path": "/ip/hotspot/user", "name": "siti"})),
        ("/fault", json!({"kind": "flash_full", "after": 0})),
        ("/faults/clear", json!({})),
        ("/reboot", json!({"clock_1970": true})),
        ("/clock", json!({"offset_ms": 0})),
        ("/bulk_users", json!({"count": 2, "profile": "default"})),
    ] {
        assert_eq!(post(path, body).await.0, StatusCode::OK, "{path}");
    }
    assert_eq!(call(addr, "GET", "/healthz", &Value::Null).await.1["ok"], true);
    assert_eq!(call(addr, "GET", "/writes", &Value::Null).await.1, json!([]), "the admin's own hand is no API write");
}

#[tokio::test]
async fn the_control_interface_refuses_other_addresses() {
    let bench = Bench::new(Version::V7_16).await;
    assert!(control::start(bench.sim.clone(), ([0, 0, 0, 0], 0).into()).await.is_err());
}
