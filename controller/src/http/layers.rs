//! The layers around the routes: what every page and every call of the API goes through, in order.

use std::{any::Any, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

use super::{
    Web,
    api::{self, Keeper},
    csrf,
    error::{self, AppError},
    headers,
    health::{self, Figures},
    limit::{self, MAX_BODY_BYTES, PerAddress},
    session::{self, Door},
};

/// Largest body of an agent's enrolment.
const MAX_AGENT_BODY_BYTES: usize = 8 * 1024;

async fn nowhere() -> AppError {
    AppError::NotFound
}

/// Pages: cookie, own language, errors as pages, no foreign forms. `routes` has no fallback of its own.
pub(crate) fn pages<S: Clone + Send + Sync + 'static>(routes: Router<S>, web: &Arc<Web>) -> Router<S> {
    routes
        .fallback(nowhere)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(limit::in_time))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(web.public_host.clone(), csrf::same_site_only))
        .layer(from_fn(error::as_page))
        .layer(from_fn_with_state((Arc::clone(web), Door::Pages), session::identify))
        .layer(CompressionLayer::new())
}

/// The API: bearer tokens, errors as problem documents, a limit per address, repeated requests answered once.
pub(crate) fn resources<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    web: &Arc<Web>,
    keeper: Keeper,
) -> Router<S> {
    routes
        .fallback(nowhere)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(limit::in_time))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(error::as_problem))
        .layer(from_fn_with_state(keeper, api::once))
        .layer(from_fn_with_state(PerAddress::api(), limit::per_address))
        .layer(from_fn(error::as_problem))
        .layer(from_fn_with_state((Arc::clone(web), Door::Api), session::identify))
        .layer(CompressionLayer::new())
}

/// What agents call: strangers until they have enrolled, so little of everything.
pub(crate) fn agents<S: Clone + Send + Sync + 'static>(routes: Router<S>, web: &Arc<Web>) -> Router<S> {
    routes
        .layer(DefaultBodyLimit::max(MAX_AGENT_BODY_BYTES))
        .layer(from_fn(limit::in_time))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(PerAddress::enrolments(), limit::per_address))
        .layer(from_fn(error::as_problem))
        .layer(from_fn_with_state((Arc::clone(web), Door::Api), session::identify))
}

/// Files for the browser: packed, where they do not come packed.
pub(crate) fn files<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes.layer(CompressionLayer::new())
}

/// What stands around all of them.
pub(crate) fn all<S: Clone + Send + Sync + 'static>(routes: Router<S>, figures: &Arc<Figures>) -> Router<S> {
    routes.layer(from_fn(headers::secure)).layer(from_fn_with_state(Arc::clone(figures), health::observe))
}

/// A handler that panics is our fault and nobody else's: the process goes on.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over so")]
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    AppError::Internal(anyhow::anyhow!("a handler panicked: {text}")).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{
        Json,
        http::{StatusCode, header},
        routing::{get, post},
    };
    use serde_json::Value;

    use super::*;
    use crate::http::{
        access::Permission,
        form::{FieldError, FormErrors},
        session::Signed,
        testing,
        view::View,
    };

    async fn secret(Signed(caller): Signed) -> Result<String, AppError> {
        caller.allow(Permission::AuditSee)?;
        Ok(caller.name)
    }

    async fn refuse() -> Result<(), AppError> {
        let mut errors = FormErrors::of("count", FieldError::new("out_of_range").arg("min", 1).arg("max", 10_000));
        errors.add("prefix", FieldError::new("required"));
        Err(errors.into())
    }

    async fn break_down() -> Result<(), AppError> {
        Err(anyhow::anyhow!("secret detail").into())
    }

    async fn fall_over() -> &'static str {
        panic!("fell over")
    }

    async fn say(view: View) -> Response {
        view.go_saying("/", "done-x", [])
    }

    async fn read(Json(value): Json<Value>) -> Json<Value> {
        Json(value)
    }

    fn app(keeper: Keeper) -> Router {
        let web = testing::web();
        let routes = || {
            Router::new()
                .route("/secret", get(secret))
                .route("/refuse", post(refuse))
                .route("/broken", get(break_down))
                .route("/panic", get(fall_over))
                .route("/say", post(say))
                .route("/read", post(read))
        };
        let versions = Router::new().nest("/v1", routes());
        let joined = Router::new().merge(pages(routes(), &web)).nest("/api", resources(versions, &web, keeper));
        all(joined, &Arc::new(Figures::new(|_| {})))
    }

    async fn ask(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> testing::Answer {
        testing::ask(app(testing::keeper().await), method, path, headers, body).await
    }

    fn problem((status, response, body): testing::Answer) -> (u16, Value) {
        assert_eq!(response.headers[header::CONTENT_TYPE], "application/problem+json", "{body}");
        (status.as_u16(), serde_json::from_str(&body).unwrap())
    }

    #[tokio::test]
    async fn a_stranger_is_sent_to_the_login_and_comes_back() {
        let (status, response, _) = ask("GET", "/secret?q=a", &[], "").await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert_eq!(response.headers[header::LOCATION], "/login?next=%2Fsecret%3Fq%3Da");
        let (status, response, _) = ask("GET", "/secret", &[("hx-request", "true")], "").await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        assert_eq!(response.headers["hx-redirect"], "/login");
    }

    #[tokio::test]
    async fn a_cookie_opens_pages_and_a_bearer_opens_the_api_and_neither_the_other() {
        let cookie = [("cookie", "hiji_session=admin")];
        let bearer = [("authorization", "Bearer admin")];
        assert_eq!(ask("GET", "/secret", &cookie, "").await.0, StatusCode::OK);
        assert_eq!(ask("GET", "/secret", &bearer, "").await.0, StatusCode::SEE_OTHER);
        assert_eq!(ask("GET", "/api/v1/secret", &bearer, "").await.0, StatusCode::OK);
        let (status, problem) = problem(ask("GET", "/api/v1/secret", &cookie, "").await);
        assert_eq!((status, &problem["code"]), (401, &Value::from("unauthorized")));
    }

    #[tokio::test]
    async fn a_role_without_the_permission_is_told_so() {
        let (status, _, body) =
            ask("GET", "/secret", &[("cookie", "hiji_session=operator"), ("accept-language", "en")], "").await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(body.contains("Your role does not allow this"), "{body}");
    }

    #[tokio::test]
    async fn sessions_that_cannot_be_looked_up_are_not_a_logout() {
        let (status, _, _) = ask("GET", "/secret", &[("cookie", "hiji_session=down")], "").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test]
    async fn refused_fields_are_named_with_their_codes() {
        let (status, problem) = problem(ask("POST", "/api/v1/refuse", &[("accept-language", "en")], "").await);
        assert_eq!(status, 422);
        assert_eq!(problem["errors"], serde_json::json!({"count": "out_of_range", "prefix": "required"}));
        assert_eq!(problem["detail"], "count: Give a number from 1 to 10,000. prefix: This is needed.");
    }

    #[tokio::test]
    async fn what_axum_refuses_has_our_shape_too() {
        for path in ["/api/v1/nowhere", "/api/v2/secret", "/api"] {
            assert_eq!(problem(ask("GET", path, &[], "").await).1["code"], "not_found", "{path}");
        }
        let answer = ask("DELETE", "/api/v1/secret", &[], "").await;
        assert_eq!(answer.1.headers[header::ALLOW], "GET,HEAD");
        assert_eq!(problem(answer).1["code"], "method_not_allowed");
        assert_eq!(problem(ask("POST", "/api/v1/read", &[], "{}").await).1["code"], "unsupported");
        let json = [("content-type", "application/json")];
        assert_eq!(problem(ask("POST", "/api/v1/read", &json, "{").await).1["code"], "malformed");
        let large = format!("\"{}\"", "x".repeat(MAX_BODY_BYTES));
        assert_eq!(problem(ask("POST", "/api/v1/read", &json, &large).await).1["code"], "too_large");
        let (status, _, body) = ask("GET", "/nowhere", &[], "").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(body.contains("Tidak ditemukan"), "{body}");
    }

    #[tokio::test]
    async fn an_error_leads_back_to_the_page_of_ours_it_came_from() {
        let host = ("host", "isp.example.net");
        let from = |referer| [host, ("referer", referer), ("accept-language", "en")];
        let back = async |method, path, headers: &[(&str, &str)]| {
            let (_, _, body) = ask(method, path, headers, "").await;
            let (_, rest) = body.split_once("data-back href=\"")?;
            rest.split_once('"').map(|(path, _)| path.to_owned())
        };
        let ours = from("https://isp.example.net/vouchers?q=KB");
        assert_eq!(back("POST", "/refuse", &ours).await.as_deref(), Some("/vouchers?q=KB"));
        let same = from("https://isp.example.net/refuse");
        assert_eq!(back("POST", "/refuse", &same).await.as_deref(), Some("/refuse"));
        let proxied = [("host", "127.0.0.1:8080"), ours[1], ("sec-fetch-site", "same-origin")];
        assert_eq!(back("GET", "/broken", &proxied).await.as_deref(), Some("/vouchers?q=KB"));
        for foreign in ["https://evil.example/vouchers", "https://isp.example.net//evil.example", "nonsense", ""] {
            assert_eq!(back("GET", "/broken", &from(foreign)).await, None, "{foreign}");
        }
        // What was asked for itself is no way back.
        assert_eq!(back("GET", "/broken", &from("https://isp.example.net/broken")).await, None);
    }

    #[tokio::test]
    async fn our_faults_show_a_reference_and_no_detail() {
        for path in ["/broken", "/panic", "/api/v1/broken", "/api/v1/panic"] {
            let (status, _, body) = ask("GET", path, &[], "").await;
            assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
            assert!(!body.contains("secret detail") && !body.contains("fell over"), "{body}");
        }
        let (_, _, body) = ask("GET", "/broken", &[("hx-request", "true")], "").await;
        assert!(!body.contains("<html"), "{body}");
    }

    #[tokio::test]
    async fn a_foreign_form_changes_nothing_but_the_api_takes_any_origin() {
        let foreign = [("sec-fetch-site", "cross-site"), ("accept-language", "en")];
        let (status, _, body) = ask("POST", "/say", &foreign, "").await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(body.contains("came from another site"), "{body}");
        assert_eq!(ask("POST", "/api/v1/say", &foreign, "").await.0, StatusCode::SEE_OTHER);
    }

    #[tokio::test]
    async fn cookies_are_kept_from_scripts_and_foreign_sites() {
        let (_, response, _) = ask("POST", "/say", &[], "").await;
        let cookie = response.headers[header::SET_COOKIE].to_str().unwrap();
        for part in ["hiji_flash=", "Path=/", "HttpOnly", "SameSite=Lax", "Secure", "Max-Age=60"] {
            assert!(cookie.contains(part), "{cookie}");
        }
    }

    #[tokio::test]
    async fn every_answer_is_strict_about_what_a_browser_may_load() {
        for path in ["/secret", "/nowhere", "/api/v1/nowhere"] {
            let (_, response, _) = ask("GET", path, &[], "").await;
            let policy = response.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        }
    }
}
