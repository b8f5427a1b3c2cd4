//! What the page of sessions shows.

use chrono::{DateTime, Utc};
use hiji_shared::device::Service;
use serde::Serialize;

use super::Session;
use crate::{
    http::{form::Choice, page::Page},
    ids::RouterId,
};

/// A session of the list, with where it is.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) session: Session,
    pub(crate) router: String,
    pub(crate) site: String,
    pub(crate) timezone: String,
    /// How long it has lasted.
    pub(crate) lasted_secs: i64,
}

/// The sessions of all routers, or of one.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) lines: Vec<Line>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) routers: Vec<Choice>,
    pub(crate) asked: Chosen,
}

/// What was asked for.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Chosen {
    pub(crate) q: String,
    pub(crate) service: String,
    pub(crate) router_id: String,
    /// `open`, or `all`.
    pub(crate) show: String,
}

impl Line {
    /// Of a session, at a moment.
    pub(crate) fn of(session: Session, (router, site, timezone): (String, String, String), now: DateTime<Utc>) -> Self {
        let lasted_secs = match session.ended_at {
            Some(_) => session.uptime_secs,
            None => (now - session.started_at).num_seconds().max(0),
        };
        Self { session, router, site, timezone, lasted_secs }
    }
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "monitoring/list.html";

    fn samples() -> Vec<Self> {
        let session = |id, service, ended_at| Session {
            id,
            router_id: RouterId(1),
            service,
            username: "KBX7M2QP".to_owned(),
            address: "10.5.50.2".to_owned(),
            mac: "AA:BB:CC:00:11:22".to_owned(),
            server: "hotspot1".to_owned(),
            started_at: DateTime::UNIX_EPOCH,
            ended_at,
            uptime_secs: 4_000,
            bytes_in: 1_000_000,
            bytes_out: 900_000_000,
            reason: if ended_at.is_some() { "lost-service".to_owned() } else { String::new() },
        };
        let place = || ("Kebon".to_owned(), "Kebon".to_owned(), "Asia/Jakarta".to_owned());
        let lines = vec![
            Line::of(session(1, Service::Hotspot, None), place(), DateTime::UNIX_EPOCH),
            Line::of(session(2, Service::Pppoe, Some(DateTime::UNIX_EPOCH)), place(), DateTime::UNIX_EPOCH),
        ];
        let asked = Chosen {
            q: "KB".to_owned(),
            service: "hotspot".to_owned(),
            router_id: "1".to_owned(),
            show: "all".to_owned(),
        };
        let routers = vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")];
        let empty = |asked| Self { lines: Vec::new(), next: None, is_later: false, routers: Vec::new(), asked };
        vec![
            empty(Chosen { show: "open".to_owned(), ..Chosen::default() }),
            empty(asked.clone()),
            Self { lines, next: Some("x".to_owned()), is_later: true, routers, asked },
        ]
    }
}
