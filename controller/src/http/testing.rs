//! What tests of this folder share: sessions that are known by their token, and a call of a router.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, response},
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
use crate::{
    admins::{self, AdminForm},
    app::{App, Parts},
    audit::Actor,
    clock::SystemClock,
    config::Config,
    db::Db,
    events::live::Live,
    ids::AdminId,
    sealed::Keys,
};

/// Status, head and body of an answer.
pub(crate) type Answer = (StatusCode, response::Parts, String);

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
                grants: Vec::new(),
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
        brand: crate::brand::Brand::default(),
        https: true,
        dev: false,
        public_host: "isp.example.net".to_owned(),
        live: Live::default(),
    })
}

/// A keeper of answers on a database of its own, in memory.
pub(super) async fn keeper() -> Keeper {
    let db = Db::connect(&"sqlite::memory:".into()).await.expect("SQLite opens");
    db.migrate().await.expect("migrations run");
    Keeper { db, keys: Keys::from_root([7; 32]), clock: Arc::new(SystemClock), tasks: TaskTracker::new() }
}

/// A whole app on a database of its own, without a broker, with the admins `rina` (operator) and `boss` (super admin);
/// their password is `rahasia-123`.
pub(super) async fn app() -> (App, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut config = Config::for_directory(dir.path().to_owned());
    config.public_url = "http://isp.example.net".to_owned();
    let db = Db::connect(&config.database_url()).await.expect("SQLite opens");
    db.migrate().await.expect("migrations run");
    let keys = Keys::from_root([7; 32]);
    let app = App::new(Parts {
        instance: "test".to_owned(),
        mqtt_public_url: "mqtt://isp.example.net:1883".to_owned(),
        ..Parts::new(config, Arc::new(SystemClock), db, keys)
    });
    for (username, role) in [("boss", Role::SuperAdmin), ("rina", Role::Operator)] {
        let form = AdminForm {
            username: username.to_owned(),
            name: username.to_owned(),
            role,
            site_ids: Vec::new(),
            grants: Vec::new(),
            password: Some("rahasia-123".into()),
            active: true,
        };
        admins::add(&app, &Actor::system("test"), form).await.expect("an admin is added");
    }
    (app, dir)
}

/// Sends one request.
pub(crate) async fn ask(app: Router, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).expect("a request");
    let (parts, body) = app.oneshot(request).await.expect("routers answer").into_parts();
    let bytes = axum::body::to_bytes(body, 4 << 20).await.expect("a body");
    (parts.status, parts, String::from_utf8(bytes.to_vec()).expect("text"))
}
