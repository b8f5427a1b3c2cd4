//! Drafts that wait for approval.

use serde::{Deserialize, Serialize};

use super::{
    super::{Head, Sum, rules::State},
    sample_head, sample_sum,
};
use crate::http::{form::Choice, page::Page};

/// The drafts, to be chosen from.
#[derive(Debug, Serialize)]
pub(crate) struct DraftsPage {
    pub(crate) rows: Vec<Head>,
    /// Of all that wait, not only of these.
    pub(crate) sums: Vec<Sum>,
    pub(crate) site_id: String,
    pub(crate) sites: Vec<Choice>,
    /// After so many hours they are issued by themselves; 0 = never.
    pub(crate) hours: i64,
    pub(crate) nothing_chosen: bool,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) may_manage: bool,
    pub(crate) timezone: String,
}

/// What was chosen.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DraftFields {
    pub(crate) site_id: String,
    pub(crate) ids: Vec<String>,
    /// `all`, or those that are ticked.
    pub(crate) which: String,
}

impl Page for DraftsPage {
    const TEMPLATE: &'static str = "invoices/drafts.html";

    fn samples() -> Vec<Self> {
        let page = |rows, sums, hours, may_manage| Self {
            rows,
            sums,
            site_id: String::new(),
            sites: vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")],
            hours,
            nothing_chosen: false,
            next: None,
            is_later: false,
            may_manage,
            timezone: "Asia/Jakarta".to_owned(),
        };
        let rows = || vec![sample_head(State::Draft)];
        vec![
            page(Vec::new(), Vec::new(), 0, true),
            page(rows(), vec![sample_sum()], 24, false),
            Self {
                nothing_chosen: true,
                next: Some("x".to_owned()),
                is_later: true,
                ..page(rows(), vec![sample_sum()], 24, true)
            },
        ]
    }
}
