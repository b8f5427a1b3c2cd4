//! The voucher status page for guests, on the agent's own listener: it works when the site has no internet.
//!
//! It shows what the agent knows of a code that is hiji's voucher, and nothing else: no password, no device, no other
//! user. Everything else is one and the same "no such code", after one and the same time.

mod limit;
mod page;
mod standing;
mod words;

use std::{
    borrow::Cow,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hiji_shared::device::{Kind, Service, Used};
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    header::{self, HeaderValue},
};
use tokio::{sync::Semaphore, time::Instant};

use self::{
    limit::Limits,
    page::{CSS, Page, Said},
    standing::{Seen, Standing},
    words::Lang,
};
use crate::ctx::Ctx;

/// Longest code looked up, bytes; a longer one is none of ours.
const MAX_CODE: usize = 64;
/// Longest query read.
const MAX_QUERY: usize = 512;
/// Every answer about a code takes this long, whatever it is: time shall tell nothing.
const ANSWER_AFTER: Duration = Duration::from_millis(150);
/// Guests answered at once; more are sent away, so that the router's calls find a free connection.
const MAX_GUESTS: usize = 12;
/// What the browser may do with the page.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Where guests ask.
#[derive(Debug)]
pub(crate) struct Desk {
    limits: Mutex<Limits>,
    seats: Semaphore,
}

impl Default for Desk {
    fn default() -> Self {
        Self { limits: Mutex::default(), seats: Semaphore::new(MAX_GUESTS) }
    }
}

/// Whether a path is the guests'.
pub(crate) fn is_ours(path: &str) -> bool {
    matches!(path, "/" | "/status" | "/status.css")
}

impl Desk {
    /// Answers a guest's request, for a path that [`is_ours`].
    pub(crate) async fn answer<B>(&self, request: &Request<B>, from: IpAddr, ctx: &Ctx) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "");
        }
        if request.uri().path() == "/status.css" {
            return with(StatusCode::OK, "text/css; charset=utf-8", Bytes::from_static(CSS.as_bytes()), true);
        }
        let Ok(_seat) = self.seats.try_acquire() else {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "busy, please try again");
        };
        let query = request.uri().query().filter(|query| query.len() <= MAX_QUERY).unwrap_or_default();
        let lang = value_of(query, "lang")
            .and_then(|tag| Lang::of(&tag))
            .or_else(|| accepted(request.headers()))
            .unwrap_or(Lang::Id);
        let asked = value_of(query, "code").unwrap_or_default();
        let code = asked.trim();
        let began = Instant::now();
        let mut status = StatusCode::OK;
        let mut retry_after = None;
        let mut found = None;
        if !code.is_empty() {
            let allowed = self.limits.lock().unwrap_or_else(PoisonError::into_inner).ask(from, ctx.up_ms());
            match allowed {
                Ok(()) => found = look(ctx, code),
                Err(wait) => (status, retry_after) = (StatusCode::TOO_MANY_REQUESTS, Some(wait)),
            }
        }
        let said = match (&found, retry_after) {
            (_, Some(_)) => Said::TooMany,
            (Some(standing), None) => Said::Voucher(standing),
            (None, None) if code.is_empty() => Said::Nothing,
            (None, None) => Said::Unknown,
        };
        let html = render(ctx, lang, code, said);
        if !code.is_empty() && retry_after.is_none() {
            tokio::time::sleep_until(began + ANSWER_AFTER).await;
        }
        let mut response = with(status, "text/html; charset=utf-8", Bytes::from(html), false);
        if let Some(wait) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        response
    }
}

fn render(ctx: &Ctx, lang: Lang, code: &str, said: Said<'_>) -> String {
    let (now, config) = {
        let core = ctx.core();
        (core.now_ms(ctx.moment()).div_euclid(1_000), core.state.config().clone())
    };
    let shown: String = code.chars().take(MAX_CODE).collect();
    let zone = (config.utc_offset_secs, config.zone.as_str());
    Page { lang, brand: &config.brand, code: &shown, said, now, zone }.html()
}

/// How the voucher of a code stands, as typed or in capitals: phones write small letters.
fn look(ctx: &Ctx, code: &str) -> Option<Standing> {
    if code.len() > MAX_CODE {
        return None;
    }
    let (typed, capitals) = (standing_of(ctx, code), standing_of(ctx, &code.to_uppercase()));
    typed.or(capitals)
}

fn standing_of(ctx: &Ctx, name: &str) -> Option<Standing> {
    let core = ctx.core();
    let now = core.now_ms(ctx.moment()).div_euclid(1_000);
    let entry = core.state.get(Kind::HotspotUser, name)?;
    let row = core.table(Kind::HotspotUser).get(name).and_then(|row| row.user());
    // Somebody else's user of that name is nothing of ours.
    if row.is_some() && !core.owns(Kind::HotspotUser, name, ctx) {
        return None;
    }
    let open = core.sessions.of(Service::Hotspot, name).fold(None, |sum: Option<Used>, open| {
        let sum = sum.unwrap_or_default();
        Some(Used {
            uptime_secs: sum.uptime_secs.saturating_add(open.uptime_secs),
            bytes_in: sum.bytes_in.saturating_add(open.bytes_in),
            bytes_out: sum.bytes_out.saturating_add(open.bytes_out),
        })
    });
    // With what it used before this row was made, perhaps on another router.
    let used = row.map_or_else(|| entry.closed(), |row| entry.base().plus(row.used).at_least(entry.closed()));
    let seen = Seen { present: row.is_some(), used, open };
    standing::of(entry, seen, now)
}

fn accepted(headers: &HeaderMap) -> Option<Lang> {
    headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).and_then(Lang::of)
}

/// The first value of a name in a query, decoded.
fn value_of<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
}

fn decoded(value: &str) -> Cow<'_, str> {
    if !value.contains(['%', '+']) {
        return Cow::Borrowed(value);
    }
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let raw = value.as_bytes();
    let mut bytes = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        let escaped = (*byte == b'%').then(|| digit(raw.get(at + 1)).zip(digit(raw.get(at + 2)))).flatten();
        match escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                at += 3;
            }
            None => {
                bytes.push(if *byte == b'+' { b' ' } else { *byte });
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    with(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()), false)
}

fn with(status: StatusCode, kind: &'static str, body: Bytes, keeps: bool) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let cache = if keeps { "public, max-age=3600" } else { "no-store" };
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, cache),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_and_never_panic() {
        assert_eq!(value_of("lang=en&code=KB+1%2F%c3%a9", "code").as_deref(), Some("KB 1/é"));
        assert_eq!(value_of("code=a&code=b", "code").as_deref(), Some("a"));
        assert_eq!(value_of("code", "code").as_deref(), Some(""));
        assert_eq!(value_of("lang=en", "code"), None);
        for bad in ["%", "%4", "%zz", "%ff%fe", "é%é", "%%41"] {
            let _decoded = decoded(bad);
        }
    }

    #[test]
    fn only_three_paths_are_the_guests() {
        for path in ["/", "/status", "/status.css"] {
            assert!(is_ours(path));
        }
        for path in ["/h/login", "/status/", "//", "/status/../h/login", "/metrics"] {
            assert!(!is_ours(path));
        }
    }
}
