//! What htmx 4 and the server tell each other in headers. Everything works without it; these are for the quick way.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};

const REQUEST_TYPE: &str = "hx-request-type";
const REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");
const RETARGET: HeaderName = HeaderName::from_static("hx-retarget");
const RESWAP: HeaderName = HeaderName::from_static("hx-reswap");

/// Does the browser want a part of a page? htmx says `partial` unless the whole body is its target.
#[must_use]
pub fn is_partial(headers: &HeaderMap) -> bool {
    headers.get(REQUEST_TYPE).is_some_and(|kind| kind == "partial")
}

/// Makes the browser go to another page. A plain redirect would be followed inside and put into the part.
#[must_use]
pub fn redirect(to: &str) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(REDIRECT, to);
    }
    response
}

/// Puts the answer into the notices at the top of the page, wherever it was asked from.
pub(crate) fn into_notices(headers: &mut HeaderMap) {
    headers.insert(RETARGET, HeaderValue::from_static("#notices"));
    headers.insert(RESWAP, HeaderValue::from_static("innerHTML"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_partial_request_is_one() {
        let headers = |value| HeaderMap::from_iter([(HeaderName::from_static(REQUEST_TYPE), value)]);
        assert!(is_partial(&headers(HeaderValue::from_static("partial"))));
        assert!(!is_partial(&headers(HeaderValue::from_static("full"))));
        assert!(!is_partial(&HeaderMap::new()));
    }

    #[test]
    fn a_redirect_moves_the_whole_page() {
        let response = redirect("/login");
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers()[REDIRECT], "/login");
    }
}
