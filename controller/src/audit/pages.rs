//! What the page of the audit log shows.

use chrono::DateTime;
use serde::Serialize;

use super::Entry;
use crate::{http::page::Page, ids::SiteId};

/// Entries of the audit log, newest first.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) entries: Vec<Entry>,
    pub(crate) q: String,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) timezone: String,
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
        let page = |entries, q: &str| Self {
            entries,
            q: q.to_owned(),
            next: None,
            is_later: false,
            timezone: "Asia/Jakarta".to_owned(),
        };
        let entries = vec![
            entry("router.add", serde_json::json!({"name": "Kebon", "auto": true})),
            entry("login", serde_json::json!({})),
        ];
        vec![
            page(Vec::new(), ""),
            page(Vec::new(), "rina"),
            Self { next: Some("x".to_owned()), is_later: true, ..page(entries, "rina") },
        ]
    }
}
