//! JSON bodies: in, with faults that name their field; out, as axum does it.

use axum::{
    extract::{FromRequest, OptionalFromRequest, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::error::Category;

use crate::http::{
    error::AppError,
    form::{FieldError, FormErrors},
};

/// A JSON body. As an extractor it answers 422 with `errors: {field: code}` when a field is missing or of the wrong type.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AppError> {
        if !is_json(request.headers()) {
            return Err(AppError::Unsupported);
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|error| unreadable(&error))?;
        parse(&bytes).map(Self)
    }
}

/// As above; an empty body is nothing.
impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Json<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, AppError> {
        let json = is_json(request.headers());
        let bytes = Bytes::from_request(request, state).await.map_err(|error| unreadable(&error))?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if !json {
            return Err(AppError::Unsupported);
        }
        parse(&bytes).map(|value| Some(Self(value)))
    }
}

fn unreadable(error: &BytesRejection) -> AppError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE { AppError::TooLarge } else { AppError::Malformed }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, AppError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| named(&error))?;
    reader.end().map_err(|_more| AppError::Invalid(FormErrors::of("", FieldError::new("malformed_json"))))?;
    Ok(value)
}

/// The field that a fault is in. serde tells missing and unknown fields by their text only.
fn named(error: &serde_path_to_error::Error<serde_json::Error>) -> AppError {
    let inner = error.inner();
    match inner.classify() {
        Category::Io | Category::Syntax | Category::Eof => {
            return FormErrors::of("", FieldError::new("malformed_json")).into();
        }
        Category::Data => {}
    }
    let text = inner.to_string();
    let path = error.path().to_string();
    let path = if path == "." { "" } else { path.as_str() };
    let (field, code) = match (quoted(&text, "missing field `"), quoted(&text, "unknown field `")) {
        (Some(field), _) => (inside(path, field), "required"),
        // The path already ends with it.
        (None, Some(field)) => (if path.is_empty() { field.to_owned() } else { path.to_owned() }, "unknown_field"),
        (None, None) => (path.to_owned(), "wrong_type"),
    };
    FormErrors::of(&field, FieldError::new(code)).into()
}

fn quoted<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.split('`').next()
}

fn inside(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Batch {
        #[expect(dead_code, reason = "only its parsing matters")]
        count: u32,
        #[expect(dead_code, reason = "only its parsing matters")]
        validity: Validity,
    }

    #[derive(Debug, Deserialize)]
    struct Validity {
        #[expect(dead_code, reason = "only its parsing matters")]
        active_secs: u32,
    }

    fn fault(json: &str) -> (String, String) {
        let AppError::Invalid(errors) = parse::<Batch>(json.as_bytes()).unwrap_err() else { panic!("{json}") };
        let (field, error) = errors.iter().next().unwrap();
        (field.to_owned(), error.code().to_owned())
    }

    #[test]
    fn faults_name_their_field() {
        for (json, field, code) in [
            (r#"{"validity": {"active_secs": 1}}"#, "count", "required"),
            (r#"{"count": "x", "validity": {"active_secs": 1}}"#, "count", "wrong_type"),
            (r#"{"count": -1, "validity": {"active_secs": 1}}"#, "count", "wrong_type"),
            (r#"{"count": 1, "validity": {}}"#, "validity.active_secs", "required"),
            (r#"{"count": 1, "validity": {"active_secs": 1.5}}"#, "validity.active_secs", "wrong_type"),
            (r#"{"count": 1, "colour": 2, "validity": {"active_secs": 1}}"#, "colour", "unknown_field"),
            ("[]", "", "wrong_type"),
            ("{", "", "malformed_json"),
            ("", "", "malformed_json"),
            (r#"{"count": 1, "validity": {"active_secs": 1}} x"#, "", "malformed_json"),
        ] {
            assert_eq!(fault(json), (field.to_owned(), code.to_owned()), "{json}");
        }
    }

    #[test]
    fn kinds_of_json_are_known() {
        let is = |kind: &'static str| {
            is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, header::HeaderValue::from_static(kind))]))
        };
        assert!(is("application/json") && is("application/json; charset=utf-8") && is("application/merge-patch+json"));
        assert!(!is("text/plain") && !is("application/x-www-form-urlencoded") && !is_json(&HeaderMap::new()));
    }
}
