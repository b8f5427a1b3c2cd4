//! The demo's own words.

use std::{net::TcpListener, process::Command};

#[test]
fn a_taken_port_is_said_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let said = Command::new(env!("CARGO_BIN_EXE_hiji-demo"))
        .env("HIJI_HTTP_LISTEN", &address)
        .env("HIJI_DATA_DIR", dir.path())
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    let error = String::from_utf8(said.stderr).unwrap();
    assert_eq!((said.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    assert!(error.contains(&address) && error.contains("HIJI_HTTP_LISTEN"), "{error}");
}
