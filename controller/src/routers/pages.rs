//! What the pages of routers show.

use chrono::{DateTime, Utc};
use hiji_shared::device::{RouterFacts, Service};
use serde::{Deserialize, Serialize};

use super::{
    Agent, AgentState, Place, Presence, Router, SyncState,
    detail::{Detail, Sync},
    hooks::{
        ProfileHooks,
        pages::{STATES, TestResult, sample_hooks},
    },
    isolation::{Isolation, IsolationState, pages::sample_isolation},
    store::{CommandRow, FailedObject, MirrorRow, MirrorState},
};
use crate::{
    http::{
        form::{Choice, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::{RouterId, SiteId},
};

/// A router of the list.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) router: Router,
    pub(crate) place: Place,
    pub(crate) sync: SyncState,
}

/// The list of routers.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) lines: Vec<Line>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) sites: Vec<Choice>,
    pub(crate) site: Option<SiteId>,
    pub(crate) may_add: bool,
}

/// A new router's fields as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) site_id: String,
    pub(crate) name: String,
}

/// The form of a new router.
#[derive(Debug, Serialize)]
pub(crate) struct AddPage {
    pub(crate) form: FormView<Fields>,
    pub(crate) sites: Vec<Choice>,
}

/// What stands at the head of every page of one router.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Head {
    pub(crate) router: Router,
    pub(crate) place: Place,
    pub(crate) may_manage: bool,
    pub(crate) may_see_sessions: bool,
    /// Which tab is open.
    pub(crate) tab: &'static str,
}

/// One router.
#[derive(Debug, Serialize)]
pub(crate) struct ShowPage {
    pub(crate) head: Head,
    /// To be compared and approved.
    pub(crate) waiting: Option<Agent>,
    pub(crate) sync: Sync,
    pub(crate) mirrors: Vec<MirrorState>,
    /// The clocks differ by more than is harmless.
    pub(crate) skewed: bool,
    /// What it has to isolate customers.
    pub(crate) isolation: Option<Isolation>,
}

/// What an enrolment needs, shown once.
#[derive(Debug, Serialize)]
pub(crate) struct EnrollmentPage {
    pub(crate) head: Head,
    pub(crate) token: String,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) script: String,
    pub(crate) environment: String,
    pub(crate) auto_approve: bool,
}

/// A mirrored user.
#[derive(Debug, Serialize)]
pub(crate) struct UserLine {
    pub(crate) row: MirrorRow,
    pub(crate) mac: String,
    /// 0 = no limit.
    pub(crate) limit_uptime_secs: i64,
}

/// A mirrored profile.
#[derive(Debug, Serialize)]
pub(crate) struct ProfileLine {
    pub(crate) row: MirrorRow,
    pub(crate) rate_limit: String,
    /// 0 = no limit.
    pub(crate) shared_users: i64,
    /// What hiji has in its scripts.
    pub(crate) hooks: Option<ProfileHooks>,
}

/// What a list below a router was asked for, and where it goes on.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Around {
    pub(crate) q: String,
    pub(crate) service: String,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
}

/// Users of a router.
#[derive(Debug, Serialize)]
pub(crate) struct UsersPage {
    pub(crate) head: Head,
    pub(crate) lines: Vec<UserLine>,
    pub(crate) around: Around,
}

/// Profiles of a router.
#[derive(Debug, Serialize)]
pub(crate) struct ProfilesPage {
    pub(crate) head: Head,
    /// The last self-test of the hook.
    pub(crate) test: Option<TestResult>,
    pub(crate) lines: Vec<ProfileLine>,
    pub(crate) around: Around,
}

/// What was asked of a router's agent.
#[derive(Debug, Serialize)]
pub(crate) struct CommandsPage {
    pub(crate) head: Head,
    pub(crate) commands: Vec<CommandRow>,
    pub(crate) around: Around,
}

fn text(row: &MirrorRow, field: &str) -> String {
    row.fields.get(field).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

fn number(row: &MirrorRow, field: &str) -> i64 {
    row.fields.get(field).and_then(serde_json::Value::as_i64).unwrap_or(0)
}

impl From<MirrorRow> for UserLine {
    fn from(row: MirrorRow) -> Self {
        Self { mac: text(&row, "mac"), limit_uptime_secs: number(&row, "limit_uptime_secs"), row }
    }
}

impl ProfileLine {
    /// A mirrored profile, with its hooks among those of its router.
    pub(crate) fn of(row: MirrorRow, hooks: &[ProfileHooks]) -> Self {
        let hooks = hooks.iter().find(|hooks| hooks.name == row.name && hooks.service == row.service).cloned();
        Self { rate_limit: text(&row, "rate_limit"), shared_users: number(&row, "shared_users"), hooks, row }
    }
}

/// A router for samples.
pub(crate) fn sample_router(presence: Presence) -> Router {
    let agent = (presence != Presence::New).then(|| Agent {
        id: hiji_shared::agent_id::AgentId::from_random([7; 10]),
        state: if presence == Presence::Waiting { AgentState::Waiting } else { AgentState::Approved },
        version: "0.1.0".to_owned(),
        fingerprint: serde_json::json!({
            "identity": "kebon", "board": "hAP ax2", "serial": "HF2", "router_version": "7.16.1", "ip": "10.0.0.2",
        }),
        enrolled_at: DateTime::UNIX_EPOCH,
        approved_at: None,
        alert: "outbox nearly full".to_owned(),
    });
    let facts = RouterFacts {
        identity: "kebon".to_owned(),
        board: "hAP ax2".to_owned(),
        version: "7.16.1".to_owned(),
        uptime_secs: Some(90_061),
        cpu_percent: Some(7),
        memory_free: Some(500_000_000),
        memory_total: Some(1_000_000_000),
        disk_free: Some(9_000_000),
        clock_skew_secs: Some(-120),
        hotspot_servers: vec!["hotspot1".to_owned()],
        hook_url: "http://10.0.0.2:8081".to_owned(),
        ..RouterFacts::default()
    };
    Router {
        id: RouterId(1),
        site_id: SiteId(1),
        name: "Kebon".to_owned(),
        presence,
        since: Some(DateTime::UNIX_EPOCH),
        last_seen_at: Some(DateTime::UNIX_EPOCH),
        reach: presence == Presence::Online,
        reach_error: "connection refused".to_owned(),
        facts: if presence == Presence::New { RouterFacts::default() } else { facts },
        facts_at: None,
        desired_rev: 120,
        observed_rev: 74,
        agent,
        created_at: DateTime::UNIX_EPOCH,
    }
}

/// A place for samples.
pub(crate) fn sample_place() -> Place {
    Place {
        id: RouterId(1),
        name: "Kebon".to_owned(),
        site_id: SiteId(1),
        site: "Kebon".to_owned(),
        timezone: "Asia/Jakarta".to_owned(),
    }
}

const PRESENCES: [Presence; 5] =
    [Presence::New, Presence::Waiting, Presence::Online, Presence::RouterDown, Presence::Offline];

pub(super) fn sample_head(presence: Presence, tab: &'static str) -> Head {
    let may_manage = presence != Presence::Offline;
    Head { router: sample_router(presence), place: sample_place(), may_manage, may_see_sessions: true, tab }
}

fn sample_row(service: Service, name: &str, fields: serde_json::Value) -> MirrorRow {
    MirrorRow {
        service,
        name: name.to_owned(),
        profile: "12jam-3rb".to_owned(),
        comment: "VOUCHER_SYSTEM|3000||".to_owned(),
        disabled: service == Service::Pppoe,
        marked: service == Service::Hotspot,
        fields,
        seen_at: DateTime::UNIX_EPOCH,
    }
}

fn sample_command(op: &str, state: &str, wanted: i32) -> CommandRow {
    CommandRow {
        id: "01J".to_owned(),
        op: op.to_owned(),
        state: state.to_owned(),
        code: if state == "failed" { "router_unreachable".to_owned() } else { String::new() },
        message: if state == "failed" { "connection refused".to_owned() } else { String::new() },
        wanted,
        applied: wanted / 2,
        failed: 0,
        superseded: if state == "superseded" { wanted } else { 0 },
        requested_by: "rina".to_owned(),
        requested_at: DateTime::UNIX_EPOCH,
        delivered_at: None,
        finished_at: None,
    }
}

fn sample_around() -> Around {
    Around { q: "KB".to_owned(), service: "hotspot".to_owned(), next: Some("x".to_owned()), is_later: true }
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "routers/list.html";

    fn samples() -> Vec<Self> {
        let sites = vec![Choice::new(1, "Kebon")];
        let syncs = [SyncState::InSync, SyncState::Pending, SyncState::Failed].into_iter().cycle();
        let line = |(presence, sync)| Line { router: sample_router(presence), place: sample_place(), sync };
        let page = |lines, sites, site, may_add| Self { lines, next: None, is_later: false, sites, site, may_add };
        let lines = PRESENCES.into_iter().zip(syncs).map(line).collect();
        vec![
            page(Vec::new(), Vec::new(), None, true),
            page(Vec::new(), sites.clone(), Some(SiteId(1)), true),
            page(Vec::new(), sites.clone(), None, false),
            Self { next: Some("x".to_owned()), is_later: true, ..page(lines, sites, Some(SiteId(1)), true) },
        ]
    }
}

impl Page for AddPage {
    const TEMPLATE: &'static str = "routers/form.html";

    fn samples() -> Vec<Self> {
        let mut errors = FormErrors::of("name", FieldError::new("taken"));
        errors.add("site_id", FieldError::new("not_offered"));
        let values = Fields { site_id: "1".to_owned(), name: "Kebon".to_owned() };
        vec![
            Self { form: FormView::fresh(Fields::default()), sites: Vec::new() },
            Self { form: FormView::again(values, errors, ""), sites: vec![Choice::new(1, "Kebon")] },
        ]
    }
}

impl ShowPage {
    /// From all that is known of a router.
    pub(crate) fn of(head: Head, detail: Detail) -> Self {
        let skewed = detail.clock_skew_secs.is_some_and(super::rules::is_skewed);
        Self {
            head,
            waiting: detail.waiting_agent,
            sync: detail.sync,
            mirrors: detail.mirrors,
            skewed,
            isolation: detail.isolation,
        }
    }
}

impl Page for ShowPage {
    const TEMPLATE: &'static str = "routers/show.html";

    fn samples() -> Vec<Self> {
        let failure = FailedObject {
            kind: hiji_shared::device::Kind::HotspotUser,
            name: "KBX7M2QP".to_owned(),
            code: "missing_reference".to_owned(),
            message: "input does not match any value of profile".to_owned(),
        };
        let mirror = |kind, synced_at, stale| MirrorState { kind, rows: 380, synced_at, stale };
        let kinds = hiji_shared::device::Kind::ALL;
        let page = |presence| Self {
            head: sample_head(presence, "overview"),
            waiting: sample_router(Presence::Waiting).agent.filter(|_| presence != Presence::Online),
            sync: Sync {
                state: SyncState::Pending,
                wanted: 40,
                verified: 79,
                failed: 1,
                failures: vec![failure.clone()],
            },
            mirrors: vec![
                mirror(kinds[0], Some(DateTime::UNIX_EPOCH), false),
                mirror(kinds[1], Some(DateTime::UNIX_EPOCH), true),
                mirror(kinds[2], None, false),
            ],
            skewed: true,
            isolation: match presence {
                Presence::Online => Some(sample_isolation(IsolationState::Verified)),
                Presence::RouterDown => Some(sample_isolation(IsolationState::Wanted)),
                Presence::Offline => Some(sample_isolation(IsolationState::Failed)),
                Presence::New | Presence::Waiting => None,
            },
        };
        let quiet = Self {
            sync: Sync { state: SyncState::InSync, wanted: 0, verified: 0, failed: 0, failures: Vec::new() },
            mirrors: Vec::new(),
            skewed: false,
            isolation: None,
            ..page(Presence::Online)
        };
        PRESENCES.into_iter().map(page).chain([quiet]).collect()
    }
}

impl Page for EnrollmentPage {
    const TEMPLATE: &'static str = "routers/enrollment.html";

    fn samples() -> Vec<Self> {
        let page = |auto_approve| Self {
            head: sample_head(Presence::New, "overview"),
            token: "abc".to_owned(),
            expires_at: DateTime::UNIX_EPOCH,
            script: "/user/add name=hiji".to_owned(),
            environment: "HIJI_CONTROLLER_URL=https://isp.example.net\n".to_owned(),
            auto_approve,
        };
        vec![page(true), page(false)]
    }
}

impl Page for UsersPage {
    const TEMPLATE: &'static str = "routers/users.html";

    fn samples() -> Vec<Self> {
        let lines = vec![
            UserLine::from(sample_row(
                Service::Hotspot,
                "KBX7M2QP",
                serde_json::json!({"mac": "AA:BB", "limit_uptime_secs": 43_200}),
            )),
            UserLine::from(sample_row(Service::Pppoe, "budi", serde_json::json!({}))),
        ];
        let head = || sample_head(Presence::Online, "users");
        vec![
            Self { head: head(), lines: Vec::new(), around: Around::default() },
            Self { head: head(), lines: Vec::new(), around: sample_around() },
            Self { head: head(), lines, around: sample_around() },
        ]
    }
}

impl Page for ProfilesPage {
    const TEMPLATE: &'static str = "routers/profiles.html";

    fn samples() -> Vec<Self> {
        let fields = serde_json::json!({"rate_limit": "2M/4M", "shared_users": 1});
        let line = |state| {
            let row = sample_row(Service::Hotspot, "12jam-3rb", fields.clone());
            ProfileLine::of(row, &[sample_hooks(state)])
        };
        let mut lines: Vec<ProfileLine> = STATES.into_iter().map(line).collect();
        lines.push(ProfileLine::of(sample_row(Service::Pppoe, "default", serde_json::json!({})), &[]));
        let head = || sample_head(Presence::Online, "profiles");
        let test = |state: &str, code: &str, message: &str| {
            let (code, message) = (code.to_owned(), message.to_owned());
            Some(TestResult::of(CommandRow { code, message, ..sample_command("hook.test", state, 0) }))
        };
        vec![
            Self { head: head(), test: None, lines: Vec::new(), around: Around::default() },
            Self { head: head(), test: test("verified", "", "12"), lines: Vec::new(), around: sample_around() },
            Self { head: head(), test: test("requested", "", ""), lines: Vec::new(), around: sample_around() },
            Self { head: head(), test: test("expired", "", ""), lines: Vec::new(), around: sample_around() },
            Self { head: head(), test: test("failed", "hook_refused", "refused"), lines, around: sample_around() },
        ]
    }
}

impl Page for CommandsPage {
    const TEMPLATE: &'static str = "routers/commands.html";

    fn samples() -> Vec<Self> {
        let states = ["requested", "delivered", "verified", "failed", "expired", "superseded"];
        let ops = ["desired.put", "desired.retry", "session.kick", "sync.snapshot", "hook.test", "desired.put"];
        let commands = ops.into_iter().zip(states).map(|(op, state)| sample_command(op, state, 20)).collect();
        let head = || sample_head(Presence::Online, "commands");
        vec![
            Self { head: head(), commands: Vec::new(), around: Around::default() },
            Self { head: head(), commands, around: sample_around() },
        ]
    }
}
