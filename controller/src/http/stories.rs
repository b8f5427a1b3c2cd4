//! Login, sessions and switches, from the outside: a whole app with its database, asked over its router.

use axum::{
    Router,
    http::{StatusCode, header},
};
use serde_json::{Value, json};

use super::testing::{self, Answer};

struct Site {
    app: crate::app::App,
    router: Router,
    _dir: tempfile::TempDir,
}

impl Site {
    async fn open() -> Self {
        let (app, dir) = testing::app().await;
        let router = super::build(&app).expect("the routes join").app;
        Self { app, router, _dir: dir }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        testing::ask(self.router.clone(), method, path, headers, body).await
    }

    async fn form(&self, path: &str, body: &str) -> Answer {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept-language", "en")];
        self.ask("POST", path, &headers, body).await
    }

    async fn api_login(&self, username: &str, password: &str) -> (StatusCode, Value) {
        let body = json!({"username": username, "password": password}).to_string();
        let (status, _, text) =
            self.ask("POST", "/api/v1/auth/login", &[("content-type", "application/json")], &body).await;
        (status, serde_json::from_str(&text).expect("JSON"))
    }

    async fn api(&self, method: &str, path: &str, token: &str) -> (StatusCode, Value) {
        let bearer = format!("Bearer {token}");
        let (status, _, text) = self.ask(method, path, &[("authorization", &bearer)], "").await;
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") })
    }
}

fn cookie(answer: &Answer) -> String {
    let set = answer.1.headers.get_all(header::SET_COOKIE).iter();
    let session = set.filter_map(|value| value.to_str().ok()).find(|value| value.starts_with("hiji_session="));
    session.and_then(|value| value.split(';').next()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn who_logs_in_comes_to_where_he_wanted_to_go() {
    let site = Site::open().await;
    let (status, _, page) = site.ask("GET", "/login?next=%2Fvouchers", &[], "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains(r#"name="next" value="/vouchers""#), "{page}");
    let answer = site.form("/login", "username=rina&password=rahasia-123&next=%2Fvouchers").await;
    assert_eq!(answer.0, StatusCode::SEE_OTHER);
    assert_eq!(answer.1.headers[header::LOCATION], "/vouchers");
    let cookie = cookie(&answer);
    let (status, parts, _) = site.ask("GET", "/login?next=//evil.example", &[("cookie", &cookie)], "").await;
    assert_eq!((status, &parts.headers[header::LOCATION]), (StatusCode::SEE_OTHER, &"/".parse().expect("a value")));
}

#[tokio::test]
async fn a_wrong_password_is_told_without_telling_whether_the_user_is_there() {
    let site = Site::open().await;
    let (status, _, known) = site.form("/login", "username=rina&password=wrong").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(known.contains("User name or password is wrong."), "{known}");
    assert!(known.contains(r#"value="rina""#) && !known.contains("value=\"wrong\""), "{known}");
    let (status, _, unknown) = site.form("/login", "username=nobody&password=wrong").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unknown.contains("User name or password is wrong."));
    assert_eq!(site.form("/login", "").await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let site = Site::open().await;
    for _ in 0..5 {
        site.form("/login", "username=rina&password=wrong").await;
    }
    let (status, parts, page) = site.form("/login", "username=rina&password=rahasia-123").await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert!(parts.headers.contains_key(header::RETRY_AFTER));
    assert!(page.contains("Too many attempts"), "{page}");
    let (status, problem) = site.api_login("rina", "rahasia-123").await;
    assert_eq!((status, &problem["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("too_many")));
}

#[tokio::test]
async fn a_log_out_ends_the_session_everywhere() {
    let site = Site::open().await;
    let cookie = cookie(&site.form("/login", "username=boss&password=rahasia-123").await);
    let (status, parts, _) = site.ask("POST", "/logout", &[("cookie", &cookie)], "").await;
    assert_eq!(
        (status, &parts.headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/login".parse().expect("a value"))
    );
    let token = cookie.trim_start_matches("hiji_session=");
    assert_eq!(site.api("GET", "/api/v1/me", token).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_api_says_who_is_signed_in_and_lists_and_ends_sessions() {
    let site = Site::open().await;
    let (status, login) = site.api_login("rina", "rahasia-123").await;
    assert_eq!((status, &login["user"]["role"]), (StatusCode::OK, &json!("operator")));
    let token = login["token"].as_str().expect("a token");
    let (_, me) = site.api("GET", "/api/v1/me", token).await;
    assert_eq!(me, login["user"]);
    site.api_login("rina", "rahasia-123").await;
    let (_, sessions) = site.api("GET", "/api/v1/me/sessions", token).await;
    let items = sessions["items"].as_array().expect("a list");
    assert_eq!(items.len(), 2);
    let own = items.iter().find(|session| session["current"] == true).expect("the current one");
    let path = format!("/api/v1/me/sessions/{}", own["id"].as_str().expect("an id"));
    assert_eq!(site.api("DELETE", &path, token).await.0, StatusCode::NO_CONTENT);
    assert_eq!(site.api("GET", "/api/v1/me", token).await.0, StatusCode::UNAUTHORIZED);
    let (status, problem) = site.api_login("rina", "x").await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("bad_credentials")));
}

#[tokio::test]
async fn language_and_theme_are_kept_in_cookies_and_show_on_every_page() {
    let site = Site::open().await;
    let (status, parts, _) = site.form("/preferences", "locale=en&theme=dark&next=%2Flogin").await;
    assert_eq!(
        (status, &parts.headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/login".parse().expect("a value"))
    );
    assert_eq!(parts.headers.get_all(header::SET_COOKIE).iter().count(), 2);
    let (_, _, page) = site.ask("GET", "/login", &[("cookie", "hiji_lang=en; hiji_theme=dark")], "").await;
    assert!(page.contains(r#"<html lang="en""#) && page.contains(r#"data-bs-theme="dark""#), "{page}");
    let (_, _, page) = site.ask("GET", "/login", &[("accept-language", "de")], "").await;
    assert!(page.starts_with("<!doctype html>") && page.contains(r#"<html lang="id""#), "{page}");
}

#[tokio::test]
async fn those_who_watch_us_need_no_login() {
    let site = Site::open().await;
    assert_eq!(site.ask("GET", "/healthz", &[], "").await.0, StatusCode::OK);
    let (status, _, text) = site.ask("GET", "/readyz", &[], "").await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let (status, _, text) = site.ask("GET", "/api/v1/openapi.json", &[], "").await;
    let document: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((status, &document["paths"]["/auth/login"]["post"]["tags"]), (StatusCode::OK, &json!(["auth"])));
    assert_eq!(site.ask("GET", "/metrics", &[], "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn live_changes_come_as_a_stream_to_who_is_signed_in() {
    use axum::body::Body;
    use futures_util::StreamExt as _;
    use tower::ServiceExt as _;

    let (app, _dir) = testing::app().await;
    let router = super::build(&app).expect("the routes join").app;
    let site = Site { app: app.clone(), router: router.clone(), _dir };
    assert_eq!(site.ask("GET", "/live?topic=dashboard", &[], "").await.0, StatusCode::SEE_OTHER);
    let cookie = cookie(&site.form("/login", "username=boss&password=rahasia-123").await);
    let request = axum::http::Request::get("/live?topic=dashboard&topic=batch-1").header("cookie", cookie);
    let response = router.oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    app.live.send("dashboard", None);
    let first = response.into_body().into_data_stream().next().await.expect("an event").expect("bytes");
    assert_eq!(first, "event: change\ndata: dashboard\n\n");
}

#[tokio::test]
async fn a_page_hears_of_what_changed_while_it_was_loading() {
    let site = Site::open().await;
    let cookie = cookie(&site.form("/login", "username=boss&password=rahasia-123").await);
    let (_, _, page) = site.ask("GET", "/routers", &[("cookie", &cookie)], "").await;
    let mark = page.split_once("data-live-mark=\"").and_then(|(_, rest)| rest.split_once('"')).expect("a mark").0;
    site.app.live.send("routers", None);
    // The stream ends with the controller; what was told by then is its body.
    site.app.stop.cancel();
    let told = async |topic: &str, mark: &str| {
        let path = format!("/live?topic={topic}&since={mark}");
        let (status, _, body) = site.ask("GET", &path, &[("cookie", &cookie)], "").await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body.replace("\n\n", "\n").trim_end().replace('\n', " ")
    };
    assert_eq!(told("routers", mark).await, "event: change data: routers");
    assert_eq!(told("vouchers", mark).await, "");
    assert_eq!(told("routers", &site.app.live.mark()).await, "");
    assert_eq!(told("vouchers", "another-7").await, "event: refresh data: all");
}
