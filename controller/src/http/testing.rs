//! What tests of this folder share: sessions that are known by their token, and a call of a router.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, response::Parts},
};
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::{
    Web,
    access::{Role, Scope},
    api::Keeper,
    locale::Texts,
    page::Pages,
    session::{Caller, SessionError, Sessions, Verified},
};
use crate::{clock::SystemClock, db::Db, ids::AdminId, sealed::Keys};

/// Status, head and body of an answer.
pub(super) type Answer = (StatusCode, Parts, String);

/// Takes `operator` and `admin` as tokens; `down` cannot be looked up.
#[derive(Debug)]
struct Known;

impl Sessions for Known {
    fn verify<'a>(&'a self, token: &'a str) -> Verified<'a> {
        let known = match token {
            "operator" => Ok((2, Role::Operator)),
            "admin" => Ok((1, Role::Admin)),
            "down" => Err(SessionError::Unavailable(anyhow::anyhow!("no database"))),
            _ => Err(SessionError::Invalid),
        };
        Box::pin(async move {
            let (id, role) = known?;
            Ok(Caller {
                admin_id: AdminId(id),
                name: "Rina".to_owned(),
                role,
                sites: Scope::All,
                session_id: "s1".to_owned(),
                locale: None,
            })
        })
    }
}

/// Strict pages behind https, with the known sessions.
pub(super) fn web() -> Arc<Web> {
    Arc::new(Web {
        pages: Pages::strict(Texts::load().expect("texts are there")),
        sessions: Arc::new(Known),
        https: true,
        dev: false,
        public_host: "isp.example.net".to_owned(),
    })
}

/// A keeper of answers on a database of its own, in memory.
pub(super) async fn keeper() -> Keeper {
    let db = Db::connect(&"sqlite::memory:".into()).await.expect("SQLite opens");
    db.migrate().await.expect("migrations run");
    Keeper { db, keys: Keys::from_root([7; 32]), clock: Arc::new(SystemClock), tasks: TaskTracker::new() }
}

/// Sends one request.
pub(super) async fn ask(app: Router, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).expect("a request");
    let (parts, body) = app.oneshot(request).await.expect("routers answer").into_parts();
    let bytes = axum::body::to_bytes(body, 4 << 20).await.expect("a body");
    (parts.status, parts, String::from_utf8(bytes.to_vec()).expect("text"))
}
