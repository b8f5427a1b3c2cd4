//! Sites, routers, enrolment, admins and settings from the outside: a whole app with its database, asked over its router.

use axum::{
    Router,
    http::{StatusCode, header},
};
use chrono::Duration;
use serde_json::{Value, json};

use crate::{
    admins::{self, AdminForm},
    db::paging::PageOf,
    http::{
        access::{Role, Scope},
        testing,
    },
    ids::SiteId,
    routers, sites,
    testing::{TestApp, actor},
};

const PASSWORD: &str = "rahasia-123";

struct World {
    app: TestApp,
    router: Router,
}

impl World {
    async fn open() -> Self {
        let app = TestApp::sqlite().await;
        let router = crate::http::build(&app).unwrap().app;
        Self { app, router }
    }

    /// The token of a new admin of that role and those sites.
    async fn token(&self, role: Role, site_ids: &[SiteId]) -> String {
        let username = format!("{}{}", role.as_str().replace('_', "-"), site_ids.len());
        let form = AdminForm {
            username: username.clone(),
            name: username.clone(),
            role,
            site_ids: site_ids.to_vec(),
            grants: Vec::new(),
            password: Some(PASSWORD.into()),
            active: true,
        };
        admins::add(&self.app, &actor(), form).await.unwrap();
        admins::login(&self.app, &username, &PASSWORD.into(), "127.0.0.1", "test").await.unwrap().token
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> (StatusCode, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [&[("content-type", "application/json"), ("accept-language", "en")], headers].concat();
        let (status, _, text) = testing::ask(self.router.clone(), method, path, &headers, &body).await;
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::Null) })
    }

    async fn api(&self, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let bearer = format!("Bearer {token}");
        let path = format!("/api/v1{path}");
        let (status, answer) = self.ask(method, &path, &[("authorization", &bearer)], &body).await;
        (status.as_u16(), answer)
    }

    async fn enroll(&self, token: &Value, nonce: &str) -> (u16, Value) {
        let body = json!({"token": token, "nonce": nonce.repeat(16), "version": "0.1.0", "board": "hAP ax2"});
        let (status, answer) = self.ask("POST", hiji_shared::enroll::PATH, &[], &body).await;
        (status.as_u16(), answer)
    }

    async fn page(&self, token: &str, path: &str) -> (StatusCode, String) {
        let cookie = format!("hiji_session={token}");
        let headers = [("cookie", cookie.as_str()), ("accept-language", "en")];
        let (status, _, text) = testing::ask(self.router.clone(), "GET", path, &headers, "").await;
        (status, text)
    }
}

fn first_page() -> PageOf {
    PageOf::new(None, None).unwrap()
}

#[tokio::test]
async fn each_role_may_what_the_table_says_and_no_more() {
    let world = World::open().await;
    let site = world.app.site("Kebon").await;
    let router = world.app.router(site, "Kebon 1").await;
    let tokens = [
        world.token(Role::Operator, &[]).await,
        world.token(Role::Admin, &[]).await,
        world.token(Role::SuperAdmin, &[]).await,
    ];
    let router = format!("/routers/{router}");
    let cases: Vec<(&str, String, Value, [u16; 3])> = vec![
        ("GET", "/sites".into(), Value::Null, [403, 200, 200]),
        ("POST", "/sites".into(), json!({"name": ""}), [403, 422, 422]),
        ("GET", "/routers".into(), Value::Null, [200, 200, 200]),
        ("GET", router.clone(), Value::Null, [200, 200, 200]),
        ("POST", "/routers".into(), json!({"site_id": 1, "name": ""}), [403, 422, 422]),
        ("POST", format!("{router}/enrollment"), Value::Null, [403, 201, 201]),
        ("POST", format!("{router}/approve"), Value::Null, [403, 409, 409]),
        ("POST", format!("{router}/sync"), Value::Null, [403, 202, 202]),
        ("GET", format!("{router}/users"), Value::Null, [200, 200, 200]),
        ("GET", format!("{router}/profiles"), Value::Null, [200, 200, 200]),
        ("GET", format!("{router}/sessions?open=1"), Value::Null, [200, 200, 200]),
        ("GET", format!("{router}/commands"), Value::Null, [200, 200, 200]),
        ("GET", format!("{router}/isolation"), Value::Null, [200, 200, 200]),
        ("POST", format!("{router}/isolation/preview"), json!({"list": ""}), [422, 422, 422]),
        ("PUT", format!("{router}/isolation"), json!({"list": ""}), [403, 422, 422]),
        ("DELETE", format!("{router}/isolation"), Value::Null, [403, 404, 404]),
        ("GET", "/sessions".into(), Value::Null, [200, 200, 200]),
        ("GET", "/events?after=0".into(), Value::Null, [200, 200, 200]),
        ("GET", "/admins".into(), Value::Null, [403, 403, 200]),
        ("POST", "/admins".into(), json!({}), [403, 403, 422]),
        ("GET", "/audit".into(), Value::Null, [403, 200, 200]),
        ("GET", "/jobs".into(), Value::Null, [403, 200, 200]),
        ("POST", "/jobs/99/retry".into(), Value::Null, [403, 409, 409]),
        ("GET", "/settings".into(), Value::Null, [403, 200, 200]),
        ("PUT", "/settings".into(), json!({"company_name": ""}), [403, 422, 422]),
    ];
    for (method, path, body, wanted) in cases {
        assert_eq!(world.api("", method, &path, body.clone()).await.0, 401, "{method} {path}");
        for (token, wanted) in tokens.iter().zip(wanted) {
            let (status, answer) = world.api(token, method, &path, body.clone()).await;
            assert_eq!(status, wanted, "{method} {path}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_foreign_site_does_not_exist() {
    let world = World::open().await;
    let (kebon, waena) = (world.app.site("Kebon").await, world.app.site("Waena").await);
    let own = world.app.router(kebon, "Kebon 1").await;
    let foreign = world.app.router(waena, "Waena 1").await;
    let token = world.token(Role::Admin, &[kebon]).await;
    for (method, path) in [
        ("GET", format!("/sites/{waena}")),
        ("GET", format!("/routers/{foreign}")),
        ("GET", format!("/routers/{foreign}/users")),
        ("GET", format!("/routers/{foreign}/profiles")),
        ("GET", format!("/routers/{foreign}/sessions")),
        ("GET", format!("/routers/{foreign}/commands")),
        ("GET", format!("/routers/{foreign}/isolation")),
        ("DELETE", format!("/routers/{foreign}/isolation")),
        ("POST", format!("/routers/{foreign}/enrollment")),
        ("POST", format!("/routers/{foreign}/approve")),
        ("POST", format!("/routers/{foreign}/sync")),
    ] {
        assert_eq!(world.api(&token, method, &path, Value::Null).await.0, 404, "{method} {path}");
        let page = world.page(&token, &path).await.0;
        assert!(method == "POST" || path.ends_with("/sessions") || page == StatusCode::NOT_FOUND, "{path}: {page}");
    }
    assert_eq!(world.api(&token, "PATCH", &format!("/sites/{waena}"), json!({"name": "X"})).await.0, 404);
    assert_eq!(world.api(&token, "POST", "/routers", json!({"site_id": waena, "name": "X"})).await.0, 422);
    assert_eq!(world.api(&token, "GET", &format!("/routers/{own}"), Value::Null).await.0, 200);
    let listed = world.api(&token, "GET", &format!("/routers?site_id={waena}"), Value::Null).await.1;
    assert_eq!(listed["items"], json!([]));
    for path in ["/dashboard", "/routers", "/sites", "/sessions", "/settings/audit"] {
        let (status, html) = world.page(&token, path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(!html.contains("Waena"), "{path} names the foreign site");
    }
    for path in ["/settings/jobs", "/settings/general", "/sites/new"] {
        assert_eq!(world.page(&token, path).await.0, StatusCode::FORBIDDEN, "{path} belongs to no site");
    }
}

#[tokio::test]
async fn a_refused_field_is_named_and_nothing_is_made() {
    let world = World::open().await;
    let token = world.token(Role::SuperAdmin, &[]).await;
    world.app.site("Kebon").await;
    let long = "x".repeat(61);
    for (method, path, body, field, code) in [
        ("POST", "/sites", json!({}), "name", "required"),
        ("POST", "/sites", json!({"name": " "}), "name", "bad_name"),
        ("POST", "/sites", json!({"name": long}), "name", "bad_name"),
        ("POST", "/sites", json!({"name": "Kebon"}), "name", "taken"),
        ("POST", "/sites", json!({"name": "A", "time_zone": "Asia/Bandung"}), "timezone", "bad_zone"),
        ("POST", "/sites", json!({"name": "A", "wifi_name": long}), "wifi_name", "too_long"),
        ("POST", "/sites", json!({"name": 7}), "name", "wrong_type"),
        ("POST", "/routers", json!({"name": "A"}), "site_id", "required"),
        ("POST", "/routers", json!({"site_id": 99, "name": "A"}), "site_id", "not_offered"),
        ("POST", "/routers", json!({"site_id": 1, "name": ""}), "name", "bad_name"),
        ("POST", "/admins", json!({"username": "a", "role": "root", "password": PASSWORD}), "role", "not_offered"),
        (
            "POST",
            "/admins",
            json!({"username": "A b", "role": "admin", "password": PASSWORD}),
            "username",
            "bad_username",
        ),
        (
            "POST",
            "/admins",
            json!({"username": "a", "role": "admin", "password": "kurang"}),
            "password",
            "bad_password",
        ),
        ("POST", "/admins", json!({"username": "a", "role": "admin"}), "password", "required"),
        ("PATCH", "/admins/1", json!({"active": false}), "role", "last_super_admin"),
        ("PUT", "/settings", json!({"voucher_marker": "A|B"}), "voucher_marker", "marker"),
        ("GET", "/routers?limit=x", Value::Null, "limit", "not_a_number"),
        ("GET", "/sessions?service=dial-up", Value::Null, "service", "not_offered"),
        ("GET", "/jobs?state=lost", Value::Null, "state", "not_offered"),
    ] {
        let (status, answer) = world.api(&token, method, path, body.clone()).await;
        assert_eq!((status, &answer["errors"][field]), (422, &json!(code)), "{method} {path} {body}: {answer}");
        assert!(answer["detail"].as_str().is_some_and(|detail| !detail.contains("error-")), "{answer}");
    }
    // All of them at once, also the user name that somebody has.
    let body = json!({"username": "super-admin0", "name": long, "role": "admin", "password": "kurang"});
    let (status, answer) = world.api(&token, "POST", "/admins", body).await;
    let all = json!({"username": "taken", "name": "bad_display_name", "password": "bad_password"});
    assert_eq!((status, &answer["errors"]), (422, &all));
    let db = world.app.db.read();
    assert_eq!(sites::list(db, &Scope::All, &first_page()).await.unwrap().items.len(), 1);
    assert!(routers::list(db, &Scope::All, None, &first_page()).await.unwrap().items.is_empty());
    assert_eq!(admins::list(db).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_repeated_request_adds_one_router() {
    let world = World::open().await;
    let site = world.app.site("Kebon").await;
    let bearer = format!("Bearer {}", world.token(Role::Admin, &[]).await);
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k1")];
    let body = json!({"site_id": site, "name": "Kebon 1"});
    let first = world.ask("POST", "/api/v1/routers", &headers, &body).await;
    let again = world.ask("POST", "/api/v1/routers", &headers, &body).await;
    assert_eq!(first.0, StatusCode::CREATED);
    assert_eq!(first, again);
    let other = world.ask("POST", "/api/v1/routers", &headers, &json!({"site_id": site, "name": "Other"})).await;
    assert_eq!((other.0.as_u16(), &other.1["code"]), (422, &json!("idempotency_key_reused")));
    assert_eq!(routers::list(world.app.db.read(), &Scope::All, None, &first_page()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn an_enrolment_token_buys_one_agent_and_the_same_answer_again() {
    let world = World::open().await;
    let site = world.app.site("Kebon").await;
    let router = world.app.router(site, "Kebon 1").await;
    let token = world.token(Role::Admin, &[]).await;
    let (status, opened) = world.api(&token, "POST", &format!("/routers/{router}/enrollment"), Value::Null).await;
    assert_eq!(status, 201, "{opened}");
    assert!(opened["script"].as_str().is_some_and(|script| script.contains(opened["token"].as_str().unwrap())));
    let (status, first) = world.enroll(&opened["token"], "a1").await;
    assert_eq!((status, &first["approved"]), (200, &json!(false)), "{first}");
    assert_eq!(world.enroll(&opened["token"], "a1").await.1, first, "a lost answer loses nothing");
    let (status, refused) = world.enroll(&opened["token"], "b2").await;
    assert_eq!((status, &refused["code"]), (401, &json!("bad_token")));
    let (_, waiting) = world.api(&token, "GET", &format!("/routers/{router}"), Value::Null).await;
    assert_eq!(
        (&waiting["presence"], &waiting["agent"]["fingerprint"]["board"]),
        (&json!("waiting"), &json!("hAP ax2"))
    );
    let (status, html) = world.page(&token, &format!("/routers/{router}")).await;
    assert!(status == StatusCode::OK && html.contains("Approve") && html.contains("hAP ax2"), "{html}");
    let (status, approved) = world.api(&token, "POST", &format!("/routers/{router}/approve"), Value::Null).await;
    assert_eq!((status, &approved["presence"]), (200, &json!("offline")));
    let (_, next) = world.api(&token, "POST", &format!("/routers/{router}/enrollment"), Value::Null).await;
    world.enroll(&next["token"], "c3").await;
    let (_, beside) = world.api(&token, "GET", &format!("/routers/{router}"), Value::Null).await;
    assert_eq!((&beside["presence"], &beside["waiting_agent"]["state"]), (&json!("offline"), &json!("waiting")));
    assert!(
        world.page(&token, &format!("/routers/{router}")).await.1.contains("Approve"),
        "a replacement is approved too"
    );
    assert_eq!(world.api(&token, "POST", &format!("/routers/{router}/approve"), Value::Null).await.0, 200);
    let (status, again) = world.api(&token, "POST", &format!("/routers/{router}/approve"), Value::Null).await;
    assert_eq!((status, &again["code"]), (409, &json!("nothing_to_approve")));
}

#[tokio::test]
async fn old_replaced_and_malformed_enrolments_are_refused() {
    let world = World::open().await;
    let site = world.app.site("Kebon").await;
    let router = world.app.router(site, "Kebon 1").await;
    let token = world.token(Role::Admin, &[]).await;
    let path = format!("/routers/{router}/enrollment");
    let (_, replaced) = world.api(&token, "POST", &path, Value::Null).await;
    let (_, opened) = world.api(&token, "POST", &path, json!({"auto_approve": true})).await;
    assert_eq!(world.enroll(&replaced["token"], "a1").await.0, 401);
    assert_eq!(world.enroll(&json!("nonsense"), "a1").await.0, 401);
    assert_eq!(world.enroll(&opened["token"], "a").await.0, 422, "the nonce is too short");
    let big = json!({"token": "x", "nonce": "y", "version": "x".repeat(9_000)});
    assert_eq!(world.ask("POST", hiji_shared::enroll::PATH, &[], &big).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    world.app.clock.advance(Duration::minutes(31));
    let (status, late) = world.enroll(&opened["token"], "a1").await;
    assert_eq!((status, &late["code"]), (401, &json!("bad_token")));
}

#[tokio::test]
async fn the_set_up_link_makes_one_super_admin_and_closes() {
    let world = World::open().await;
    let link = admins::setup::open(&world.app).await.unwrap().unwrap();
    let current = admins::setup::open(&world.app).await.unwrap().unwrap();
    let form = |name: &str| format!("username={name}&password={PASSWORD}&password_again={PASSWORD}");
    let post = async |path: String, body: String| {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept-language", "en")];
        testing::ask(world.router.clone(), "POST", &path, &headers, &body).await
    };
    assert_eq!(post(format!("/setup/{link}"), form("rina")).await.0, StatusCode::NOT_FOUND, "an earlier start's link");
    assert_eq!(world.page("", &format!("/setup/{current}")).await.0, StatusCode::OK);
    let differs = post(format!("/setup/{current}"), "username=rina&password=a&password_again=b".to_owned()).await;
    assert_eq!(differs.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(differs.2.contains("The two passwords differ.") && differs.2.contains(r#"value="rina""#), "{}", differs.2);
    let done = post(format!("/setup/{current}"), form("rina")).await;
    assert_eq!((done.0, &done.1.headers[header::LOCATION]), (StatusCode::SEE_OTHER, &"/".parse().unwrap()));
    assert!(done.1.headers[header::SET_COOKIE].to_str().unwrap().starts_with("hiji_session="));
    assert_eq!(post(format!("/setup/{current}"), form("eve")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(admins::setup::open(&world.app).await.unwrap(), None);
    let made = admins::list(world.app.db.read()).await.unwrap();
    assert_eq!((made.len(), made[0].role), (1, Role::SuperAdmin));
}

#[tokio::test]
async fn a_changed_password_signs_the_other_devices_out() {
    let world = World::open().await;
    let token = world.token(Role::Operator, &[]).await;
    let other = admins::login(&world.app, "operator0", &PASSWORD.into(), "127.0.0.1", "test").await.unwrap().token;
    let cookie = format!("hiji_session={token}");
    let post = async |body: &str| {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("cookie", cookie.as_str())];
        testing::ask(world.router.clone(), "POST", "/account/password", &headers, body).await.0
    };
    assert_eq!(post("old_password=wrong&password=lebih-baik&password_again=lebih-baik").await.as_u16(), 422);
    assert_eq!(world.page(&other, "/account").await.0, StatusCode::OK);
    let changed = format!("old_password={PASSWORD}&password=lebih-baik&password_again=lebih-baik");
    assert_eq!(post(&changed).await, StatusCode::SEE_OTHER);
    assert_eq!(world.page(&other, "/account").await.0, StatusCode::SEE_OTHER, "to the login");
    assert_eq!(world.page(&token, "/account").await.0, StatusCode::OK);
    assert!(admins::login(&world.app, "operator0", &"lebih-baik".into(), "127.0.0.1", "test").await.is_ok());
}

#[tokio::test]
async fn an_admin_can_be_limited_to_one_site_or_two_in_the_form() {
    let world = World::open().await;
    let (kebon, waena) = (world.app.site("Kebon").await, world.app.site("Waena").await);
    let cookie = format!("hiji_session={}", world.token(Role::SuperAdmin, &[]).await);
    let post = async |path: &str, body: String| {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("cookie", cookie.as_str())];
        testing::ask(world.router.clone(), "POST", path, &headers, &body).await.0
    };
    let form = |sites: &str| format!("username=rina&name=Rina&role=operator&active=on{sites}");
    let one = form(&format!("&site_ids={kebon}&password={PASSWORD}"));
    assert_eq!(post("/settings/admins", one).await, StatusCode::SEE_OTHER);
    let rina = admins::login(&world.app, "rina", &PASSWORD.into(), "127.0.0.1", "test").await.unwrap().admin;
    assert_eq!(rina.site_ids, [kebon]);
    let two = form(&format!("&site_ids={kebon}&site_ids={waena}&password="));
    assert_eq!(post(&format!("/settings/admins/{}", rina.id), two).await, StatusCode::SEE_OTHER);
    let rina = admins::login(&world.app, "rina", &PASSWORD.into(), "127.0.0.1", "test").await.unwrap().admin;
    assert_eq!(rina.site_ids, [kebon, waena]);
}

#[tokio::test]
async fn a_page_shows_only_what_its_reader_may_do() {
    let world = World::open().await;
    let site = world.app.site("Kebon").await;
    let router = world.app.router(site, "Kebon 1").await;
    let operator = world.token(Role::Operator, &[]).await;
    let admin = world.token(Role::Admin, &[]).await;
    let path = format!("/routers/{router}");
    assert!(world.page(&admin, &path).await.1.contains("/enrollment"));
    assert!(!world.page(&operator, &path).await.1.contains("/enrollment"));
    assert!(world.page(&admin, "/dashboard").await.1.contains("Profit from use today"));
    assert!(!world.page(&operator, "/dashboard").await.1.contains("Profit from use today"));
    for path in ["/routers/new", "/sites", "/settings/general", "/settings/admins", "/settings/audit", "/settings/jobs"]
    {
        assert_eq!(world.page(&operator, path).await.0, StatusCode::FORBIDDEN, "{path}");
    }
}
