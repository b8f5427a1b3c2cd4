//! What the page of the audit log shows.

use chrono::DateTime;
use serde::Serialize;

use super::Entry;
use crate::{http::page::Page, ids::SiteId};

/// Entries of the audit log, newest first.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) lines: Vec<Line>,
    pub(crate) q: String,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) timezone: String,
}

/// An entry, with what changed in words.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) entry: Entry,
    /// `name: Kebon, timezone: Asia/Jakarta`.
    pub(crate) detail: String,
}

impl From<Entry> for Line {
    fn from(entry: Entry) -> Self {
        Self { detail: in_words(&entry.detail), entry }
    }
}

/// The fields of a detail, one after the other.
fn in_words(detail: &serde_json::Value) -> String {
    let Some(fields) = detail.as_object() else { return String::new() };
    let word = |(name, value): (&String, &serde_json::Value)| match value.as_str() {
        Some(text) => format!("{name}: {text}"),
        None => format!("{name}: {value}"),
    };
    fields.iter().map(word).collect::<Vec<_>>().join(", ")
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "audit/list.html";

    fn samples() -> Vec<Self> {
        let entry = |action: &str, detail| Entry {
            id: 1,
            at: DateTime::UNIX_EPOCH,
            actor: "rina".to_owned(),
            action: action.to_owned(),
            object: "router/7".to_owned(),
            site_id: Some(SiteId(1)),
            detail,
            ip: "10.0.0.2".to_owned(),
        };
        let page = |lines, q: &str| Self {
            lines,
            q: q.to_owned(),
            next: None,
            is_later: false,
            timezone: "Asia/Jakarta".to_owned(),
        };
        let lines = vec![
            Line::from(entry("router.add", serde_json::json!({"name": "Kebon", "auto": true}))),
            Line::from(entry("login", serde_json::json!({}))),
        ];
        vec![
            page(Vec::new(), ""),
            page(Vec::new(), "rina"),
            Self { next: Some("x".to_owned()), is_later: true, ..page(lines, "rina") },
        ]
    }
}
