//! The OpenAPI 3.1 document: what all resources share; features add their paths.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{
    IntoParams, Modify, OpenApi, PartialSchema as _,
    openapi::{
        OpenApi as Document, PathItem, RefOr, Schema,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::money::Money;

/// An RFC 9457 problem document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the `code` tells problems apart.
    #[schema(example = "about:blank")]
    pub r#type: String,
    /// The status in words.
    #[schema(example = "Unprocessable Entity")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// Stable name of the problem.
    #[schema(example = "invalid")]
    pub code: String,
    /// A sentence for people, in the language of `Accept-Language`.
    pub detail: String,
    /// Per refused field, why.
    #[schema(example = json!({"count": "out_of_range"}))]
    pub errors: Option<std::collections::BTreeMap<String, String>>,
    /// Of an internal error: under which it stands in the log.
    pub reference: Option<String>,
}

/// An amount of money.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct MoneyBody {
    /// Whole minor units: rupiah have none smaller.
    #[schema(example = 165_000)]
    amount: i64,
    /// ISO 4217.
    #[schema(example = "IDR")]
    currency: String,
}

impl utoipa::PartialSchema for Money {
    fn schema() -> RefOr<Schema> {
        MoneyBody::schema()
    }
}

impl utoipa::ToSchema for Money {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Money")
    }
}

/// What every list takes: `params(ListParams)` of a documented handler. [`super::Listing`] reads it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// Rows of a page: 1 to 200, 50 unless asked otherwise.
    pub limit: Option<u64>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// A search.
    pub q: Option<String>,
}

/// What stands beside the paths: how one signs in, and the schemas that every part uses.
struct Shared;

impl Modify for Shared {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
        components.schemas.insert("Problem".to_owned(), Problem::schema());
        components.schemas.insert("Money".to_owned(), Money::schema());
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "hiji",
        description = "Lists answer `{\"items\": [...], \"next_cursor\": ...}` and take `limit`, `cursor` and `q`. \
                       Times are RFC 3339 in UTC. Every POST takes `Idempotency-Key`, kept for 24 hours. Errors are \
                       problem documents with a stable `code`.",
        license(name = "MIT OR Apache-2.0")
    ),
    servers((url = "/api/v1")),
    modifiers(&Shared),
    security(("bearer" = []))
)]
struct Base;

/// The document of all parts; each is a feature's `OpenApi`, its paths relative to `/api/v1`.
#[must_use]
pub fn document(parts: impl IntoIterator<Item = Document>) -> Document {
    let mut joined = parts.into_iter().fold(Base::openapi(), Document::merge_from);
    for (path, item) in &mut joined.paths.paths {
        complete(path, item);
    }
    joined
}

/// What OpenAPI demands and handlers need not repeat: an id of its own for each operation, after method and path (handlers
/// of several features have the same name), and a description of every answer, at least the words of its status.
fn complete(path: &str, item: &mut PathItem) {
    let operations = [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    for (method, operation) in operations {
        let Some(operation) = operation else { continue };
        let words = path.split(['/', '{', '}']).filter(|word| !word.is_empty());
        operation.operation_id = Some(std::iter::once(method).chain(words).collect::<Vec<_>>().join("_"));
        for (status, answer) in &mut operation.responses.responses {
            if let RefOr::T(answer) = answer
                && answer.description.is_empty()
            {
                let words = StatusCode::from_bytes(status.as_bytes()).ok().and_then(|code| code.canonical_reason());
                words.unwrap_or("Answer").clone_into(&mut answer.description);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_openapi_3_1_with_bearer_tokens() {
        let json = serde_json::to_value(document([])).unwrap();
        assert!(json["openapi"].as_str().unwrap().starts_with("3.1"));
        assert_eq!(json["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
        assert!(json["components"]["schemas"]["Problem"]["properties"]["code"].is_object());
    }
}
