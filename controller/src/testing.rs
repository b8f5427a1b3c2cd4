//! What tests of features share: an app on a database of its own, with a clock that the test sets, and rows to start
//! from. SQLite always; PostgreSQL too when `TEST_POSTGRES` names an administrator's URL.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use chrono::{DateTime, Duration, Utc};
use hiji_shared::agent_id::AgentId;
use sea_orm::{ConnectionTrait as _, Database};
use secrecy::SecretString;
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::{
    admins::{self, AdminForm},
    app::{App, Parts},
    audit::Actor,
    clock::Clock,
    config::Config,
    db::Db,
    http::access::{Role, Scope},
    ids::{self, RouterId, SiteId},
    mqtt::report::Reported,
    packages::{self, PackageForm},
    routers,
    sealed::Keys,
    sites::{self, SiteForm},
};

/// A clock that stands still until the test moves it.
#[derive(Debug)]
pub(crate) struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().expect("no test panics while it holds the clock") += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("no test panics while it holds the clock")
    }

    fn sleep_until(&self, _until: DateTime<Utc>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// An app and what it stands on.
#[derive(Debug)]
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) clock: Arc<TestClock>,
    _dir: TempDir,
    postgres: Option<(String, String)>,
}

impl std::ops::Deref for TestApp {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

/// Runs a test on each database there is.
pub(crate) async fn on_each_database<F: Future<Output = ()>>(test: impl Fn(TestApp) -> F) {
    Box::pin(test(TestApp::sqlite().await)).await;
    if let Some(url) = admin_url() {
        let app = TestApp::postgres(&url).await;
        let (url, name) = app.postgres.clone().expect("it is one on PostgreSQL");
        Box::pin(test(app)).await;
        let admin = Database::connect(url).await.expect("PostgreSQL answers");
        admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.expect("it is dropped");
    }
}

#[expect(clippy::disallowed_methods, reason = "tests are told of their PostgreSQL by the environment")]
fn admin_url() -> Option<String> {
    std::env::var("TEST_POSTGRES").ok().filter(|url| !url.is_empty())
}

impl TestApp {
    pub(crate) async fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}", dir.path().join("hiji.db").display());
        Self::on(&url.into(), dir, None).await
    }

    async fn postgres(admin_url: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let name = format!("hiji_test_{}", ids::token());
        let admin = Database::connect(admin_url).await.expect("PostgreSQL answers");
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database");
        let (base, _) = admin_url.rsplit_once('/').expect("a URL with a database");
        Self::on(&format!("{base}/{name}").into(), dir, Some((admin_url.to_owned(), name))).await
    }

    async fn on(url: &SecretString, dir: TempDir, postgres: Option<(String, String)>) -> Self {
        let db = Db::connect(url).await.expect("the database opens");
        db.migrate().await.expect("migrations run");
        let start = "2026-11-22T12:00:00Z".parse().expect("an instant");
        let clock = Arc::new(TestClock(Mutex::new(start)));
        let keys = Keys::from_root([7; 32]);
        let config = Config::for_directory(dir.path().to_path_buf());
        let app = App::new(Parts {
            instance: "test".to_owned(),
            mqtt_public_url: "mqtt://127.0.0.1:1883".to_owned(),
            ..Parts::new(config, Arc::clone(&clock) as Arc<dyn Clock>, db, keys)
        });
        Self { app, clock, _dir: dir, postgres }
    }

    /// The token of an admin of this role, who sees these sites (none = all). He is called like his role; a second one of
    /// it like his sites too.
    pub(crate) async fn signed_in(&self, role: Role, sites: &[SiteId]) -> String {
        let mut username = role.as_str().replace('_', "-");
        let form = |username: &str| AdminForm {
            username: username.to_owned(),
            name: username.to_owned(),
            role,
            site_ids: sites.to_vec(),
            grants: Vec::new(),
            password: Some("rahasia-123".into()),
            active: true,
        };
        if admins::add(&self.app, &actor(), form(&username)).await.is_err() {
            username = sites.iter().fold(username, |name, site| format!("{name}-{site}"));
            admins::add(&self.app, &actor(), form(&username)).await.expect("an admin");
        }
        let login = admins::login(&self.app, &username, &"rahasia-123".into(), "127.0.0.1", "test").await;
        login.expect("a login").token
    }

    /// Asks the whole web app; status and body.
    pub(crate) async fn ask(&self, request: Request<impl Into<Body>>) -> (StatusCode, axum::http::HeaderMap, String) {
        let web = crate::http::build(&self.app).expect("the routes join").app;
        let (parts, body) = web.oneshot(request.map(Into::into)).await.expect("routers answer").into_parts();
        let bytes = axum::body::to_bytes(body, 4 << 20).await.expect("a body");
        (parts.status, parts.headers, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A site in Jayapura's zone (UTC+9).
    pub(crate) async fn site(&self, name: &str) -> SiteId {
        let form = SiteForm { name: name.to_owned(), timezone: "Asia/Jayapura".to_owned(), ..SiteForm::default() };
        sites::add(&self.app, &actor(), form).await.expect("a site")
    }

    pub(crate) async fn router(&self, site: SiteId, name: &str) -> RouterId {
        routers::add(&self.app, &Scope::All, &actor(), site, name).await.expect("a router")
    }

    /// A hotspot package for Rp3.000, bought for Rp2.000, 12 hours online, 3 days from the first login.
    pub(crate) async fn package(&self, name: &str, routers: &[RouterId]) -> ids::PackageId {
        let form = package_form(name, routers);
        let draft = packages::rules::check(&form).expect("a good package");
        packages::add(&self.app, &Scope::All, &actor(), draft).await.expect("a package")
    }
}

pub(crate) fn package_form(name: &str, routers: &[RouterId]) -> PackageForm {
    serde_json::from_value(serde_json::json!({
        "name": name, "service": "hotspot", "price": 3000, "cost": 2000, "rate_limit": "2M/4M",
        "validity": { "online_secs": 43_200, "active_secs": 259_200 }, "router_ids": routers,
    }))
    .expect("a form")
}

pub(crate) fn actor() -> Actor {
    Actor { admin: None, name: "rina".to_owned(), ip: "127.0.0.1".to_owned() }
}

/// A report of the router's agent, at the app's time.
pub(crate) fn reported(app: &App, router: RouterId, site: SiteId, event: hiji_shared::event::Event) -> Reported {
    Reported { agent: AgentId::from_random([3; 10]), router, site, at: app.clock.now(), estimated: false, event }
}
