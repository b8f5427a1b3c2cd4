//! Refuses unsafe requests that another site makes a browser send. For pages: they are entered by a cookie.
//!
//! Browsers say where a request comes from (`Sec-Fetch-Site`, and `Origin` where that is missing: plain http on a LAN).
//! So no hidden tokens. A request with neither is no browser's, and carries no cookie that it did not mean to.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::error::AppError;

/// Where a request comes from, as browsers say it.
pub(crate) const FETCH_SITE: &str = "sec-fetch-site";

/// Layer of the pages. The state is the host of the public URL, which a proxy may hide from the `Host` header.
pub(crate) async fn same_site_only(State(public_host): State<String>, request: Request, next: Next) -> Response {
    if is_foreign(request.method(), request.headers(), &public_host) {
        return AppError::CrossSite.into_response();
    }
    next.run(request).await
}

fn is_foreign(method: &Method, headers: &HeaderMap, public_host: &str) -> bool {
    if method.is_safe() {
        return false;
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text(FETCH_SITE) {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN.as_str()) else { return false };
    let origin_host = host_of(origin);
    origin_host != Some(public_host) && (origin_host.is_none() || origin_host != text(header::HOST.as_str()))
}

/// The host and port of an origin or URL.
pub(crate) fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split('/').next().filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn foreign(method: &Method, headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        is_foreign(method, &headers, "isp.example.net")
    }

    #[test]
    fn our_own_forms_pass() {
        assert!(!foreign(&Method::POST, &[("sec-fetch-site", "same-origin")]));
        assert!(!foreign(&Method::POST, &[("host", "192.168.1.5:8080"), ("origin", "http://192.168.1.5:8080")]));
        assert!(!foreign(&Method::POST, &[("host", "127.0.0.1:8080"), ("origin", "https://isp.example.net")]));
        assert!(!foreign(&Method::POST, &[("host", "127.0.0.1:8080")]));
    }

    #[test]
    fn another_sites_forms_do_not() {
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://isp.example.net")],
            &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:9999")],
            &[("host", "127.0.0.1:8080"), ("origin", "https://evil.example")],
            &[("host", "127.0.0.1:8080"), ("origin", "null")],
            &[("origin", "null")],
        ] {
            assert!(foreign(&Method::POST, headers), "{headers:?}");
            assert!(foreign(&Method::DELETE, headers), "{headers:?}");
            assert!(!foreign(&Method::GET, headers), "{headers:?}");
        }
    }
}
