//! What guests' pages show.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::rules::Standing;
use crate::http::page::Page;

/// The voucher status page.
#[derive(Debug, Serialize)]
pub(crate) struct StatusPage {
    /// What was typed.
    pub(crate) code: String,
    /// The site asked for; empty = any.
    pub(crate) site: String,
    /// Whether something was asked.
    pub(crate) asked: bool,
    pub(crate) too_many: bool,
    pub(crate) cards: Vec<Card>,
}

/// A voucher.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Card {
    pub(crate) standing: Standing,
    pub(crate) valid_until: Option<DateTime<Utc>>,
    pub(crate) active_secs: Option<i64>,
    pub(crate) activate_before: Option<DateTime<Utc>>,
    /// When its router was last heard.
    pub(crate) heard_at: Option<DateTime<Utc>>,
    pub(crate) site: String,
    pub(crate) timezone: String,
}

fn sample(state: &'static str, tone: &'static str, full: bool) -> Card {
    let at = full.then_some(DateTime::UNIX_EPOCH);
    Card {
        standing: Standing {
            state,
            tone,
            lives: tone != "bad",
            left_secs: full.then_some(3_600),
            online: full.then_some((3_600, 43_200)),
            bytes: full.then_some((1 << 30, 2 << 30)),
            is_online: full.then_some(true),
        },
        valid_until: at,
        active_secs: Some(259_200),
        activate_before: at,
        heard_at: at,
        site: "Kebon".to_owned(),
        timezone: "Asia/Jakarta".to_owned(),
    }
}

impl Page for StatusPage {
    const TEMPLATE: &'static str = "portal/status.html";

    fn samples() -> Vec<Self> {
        let page =
            |asked, cards| Self { code: "KBX7M2QP".to_owned(), site: String::new(), asked, too_many: false, cards };
        let states = [
            ("preparing", "warn"),
            ("ready", "ok"),
            ("active", "ok"),
            ("expired", "bad"),
            ("used-up", "bad"),
            ("too-late", "bad"),
            ("blocked", "bad"),
            ("void", "bad"),
        ];
        vec![
            page(false, Vec::new()),
            page(true, Vec::new()),
            Self { too_many: true, ..page(true, Vec::new()) },
            page(true, vec![sample("active", "ok", true)]),
            page(true, states.map(|(state, tone)| sample(state, tone, false)).to_vec()),
        ]
    }
}
