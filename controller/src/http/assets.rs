//! Style sheets, scripts and icons: embedded in the binary, read from disk in debug builds, served under their hash.
//!
//! `web/dist` is what npm fetched (see `web/build.mjs`), `web/static` is ours. A URL carries the hash of the content, so
//! browsers may keep the file for ever.

use std::{collections::HashMap, fmt::Write as _, sync::LazyLock};

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
const HASH_BYTES: usize = 6;

#[derive(RustEmbed)]
#[folder = "../web/dist"]
struct Fetched;

#[derive(RustEmbed)]
#[folder = "../web/static"]
struct Own;

/// Hashes of what npm fetched; it does not change while we run.
static FETCHED: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    Fetched::iter().filter_map(|name| Fetched::get(&name).map(|file| (name.into_owned(), hash(&file)))).collect()
});

/// Hashes of our own files. In debug builds they are edited while we run, so there they are read anew.
static OWN: LazyLock<HashMap<String, String>> = LazyLock::new(own_hashes);

fn own_hashes() -> HashMap<String, String> {
    Own::iter().filter_map(|name| Own::get(&name).map(|file| (name.into_owned(), hash(&file)))).collect()
}

fn hash(file: &EmbeddedFile) -> String {
    let mut text = String::with_capacity(HASH_BYTES * 2);
    for byte in file.metadata.sha256_hash().iter().take(HASH_BYTES) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn hash_of(name: &str) -> Option<String> {
    if let Some(hash) = FETCHED.get(name) {
        return Some(hash.clone());
    }
    if cfg!(debug_assertions) { Own::get(name).map(|file| hash(&file)) } else { OWN.get(name).cloned() }
}

/// The URL of an asset, or nothing when there is none of that name.
#[must_use]
pub fn url(name: &str) -> Option<String> {
    hash_of(name).map(|hash| format!("/assets/{hash}/{name}"))
}

/// The names of the icons in the sprite (`web/icons.txt`).
#[must_use]
pub fn icons() -> Vec<String> {
    let sprite = Fetched::get("icons.svg").map(|file| String::from_utf8_lossy(&file.data).into_owned());
    let sprite = sprite.unwrap_or_default();
    let symbols = sprite.split("<symbol id=\"").skip(1);
    symbols.filter_map(|symbol| symbol.split_once('"')).map(|(name, _)| name.to_owned()).collect()
}

/// `GET /assets/{hash}/{name}`.
pub(crate) async fn serve(Path((asked, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(file) = Fetched::get(&name).or_else(|| Own::get(&name)).filter(|_| !name.ends_with(".gz")) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // A stale hash still gets the file, but no promise: the page that asks is older than we are.
    let fresh = hash_of(&name).is_some_and(|hash| hash == asked);
    let kind = mime_guess::from_path(&name).first_or_octet_stream();
    let kind = if kind.type_() == "text" { format!("{kind}; charset=utf-8") } else { kind.to_string() };
    let zipped = accepts_gzip(&headers).then(|| Fetched::get(&format!("{name}.gz"))).flatten();
    let mut response = match zipped {
        Some(packed) => ([(header::CONTENT_ENCODING, "gzip")], packed.data).into_response(),
        None => file.data.into_response(),
    };
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, if fresh { FOR_EVER } else { ASK_AGAIN });
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(kind) = HeaderValue::from_str(&kind) {
        out.insert(header::CONTENT_TYPE, kind);
    }
    response
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(|value| {
        value.split(',').any(|part| {
            let mut fields = part.split(';').map(str::trim);
            fields.next() == Some("gzip") && fields.next() != Some("q=0")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(path: &str, encoding: &'static str) -> Response {
        let (hash, name) = path.trim_start_matches("/assets/").split_once('/').unwrap();
        let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(encoding))]);
        serve(Path((hash.to_owned(), name.to_owned())), headers).await
    }

    #[tokio::test]
    async fn a_named_asset_is_kept_for_ever_and_packed() {
        let response = get(&url("bootstrap.min.css").unwrap(), "br, gzip").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CACHE_CONTROL], FOR_EVER);
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/css; charset=utf-8");
    }

    #[tokio::test]
    async fn a_stale_hash_is_answered_without_a_promise() {
        let response = get("/assets/000000000000/app.css", "identity").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CACHE_CONTROL], ASK_AGAIN);
        assert!(!response.headers().contains_key(header::CONTENT_ENCODING));
    }

    #[tokio::test]
    async fn nothing_outside_the_folders_is_served() {
        for path in
            ["/assets/x/nothing.css", "/assets/x/../package.json", "/assets/x/bootstrap.min.css.gz", "/assets/x/"]
        {
            assert_eq!(get(path, "gzip").await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
