//! What htmx 4 and the server tell each other in headers. Everything works without it; these are for the quick way.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};

const REQUEST: &str = "hx-request";
const REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");
const RETARGET: HeaderName = HeaderName::from_static("hx-retarget");
const RESWAP: HeaderName = HeaderName::from_static("hx-reswap");

/// Does htmx ask? It always puts the answer into a part of a page here, also where it selects that part from a whole
/// page itself (and then calls its request "full"): a redirect followed inside, or another page, would empty the part.
#[must_use]
pub fn is_partial(headers: &HeaderMap) -> bool {
    headers.get(REQUEST).is_some_and(|asked| asked == "true")
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
        let headers = |value| HeaderMap::from_iter([(HeaderName::from_static(REQUEST), value)]);
        assert!(is_partial(&headers(HeaderValue::from_static("true"))));
        assert!(!is_partial(&headers(HeaderValue::from_static("no"))));
        assert!(!is_partial(&HeaderMap::new()));
    }

    #[test]
    fn a_redirect_moves_the_whole_page() {
        let response = redirect("/login");
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers()[REDIRECT], "/login");
    }
}
