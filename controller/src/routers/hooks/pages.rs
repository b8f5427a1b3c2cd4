//! What the pages of profiles and their scripts show.

use chrono::DateTime;
use hiji_shared::device::Service;
use serde::Serialize;

use super::{Change, HookState, Preview, ProfileHooks, Wish};
use crate::{
    http::page::Page,
    routers::{
        pages::{Head, sample_head},
        rules::Presence,
        store::CommandRow,
    },
};

/// What came of the last self-test, as far as a page tells it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TestResult {
    pub(crate) command: CommandRow,
    /// Its time in ms, when it arrived.
    pub(crate) ms: Option<u64>,
}

impl TestResult {
    pub(crate) fn of(command: CommandRow) -> Self {
        let ms = (command.state == "verified").then(|| command.message.parse().ok()).flatten();
        Self { command, ms }
    }
}

/// One profile and what hiji would do to it.
#[derive(Debug, Serialize)]
pub(crate) struct ProfilePage {
    pub(crate) head: Head,
    pub(crate) preview: Preview,
    /// `install`, `mark` or `remove`.
    pub(crate) act: &'static str,
    pub(crate) changes_any: bool,
    /// It may be made a package.
    pub(crate) may_sell: bool,
}

impl ProfilePage {
    pub(crate) fn new(head: Head, preview: Preview, act: &'static str, may_sell: bool) -> Self {
        let changes_any = preview.changes.iter().any(|change| change.changed);
        Self { head, preview, act, changes_any, may_sell }
    }
}

pub(crate) fn sample_hooks(state: HookState) -> ProfileHooks {
    ProfileHooks {
        service: Service::Hotspot,
        name: "12jam-3rb".to_owned(),
        marked: state != HookState::None,
        calls: state == HookState::Installed,
        mikhmon: state == HookState::Failed,
        made: state == HookState::Pending,
        wish: Wish { mark: true, hooks: true, beside_mikhmon: false },
        state,
        code: if state == HookState::Failed { "permission".to_owned() } else { String::new() },
        message: if state == HookState::Failed { "not enough permissions (9)".to_owned() } else { String::new() },
        proven_at: Some(DateTime::UNIX_EPOCH),
    }
}

pub(crate) const STATES: [HookState; 6] = [
    HookState::None,
    HookState::Found,
    HookState::Pending,
    HookState::Installed,
    HookState::Drifted,
    HookState::Failed,
];

impl Page for ProfilePage {
    const TEMPLATE: &'static str = "routers/profile.html";

    fn samples() -> Vec<Self> {
        let change = |what, changed: bool| Change {
            what,
            before: ":log info hello".to_owned(),
            after: if changed { "# hiji begin\n# hiji end\n:log info hello" } else { ":log info hello" }.to_owned(),
            changed,
        };
        let acts = ["install", "mark", "remove"].into_iter().cycle();
        let page = |(state, act)| {
            let refused = match state {
                HookState::Failed => Some("script_mikhmon"),
                HookState::Found => Some("hook_off"),
                HookState::Drifted => Some("script_too_long"),
                HookState::None | HookState::Pending | HookState::Installed => None,
            };
            let changes = vec![change("on-login", state == HookState::None), change("on-logout", false)];
            let changes = if refused.is_some() { Vec::new() } else { changes };
            let preview = Preview { hooks: sample_hooks(state), wish: Wish::default(), changes, refused };
            Self::new(sample_head(Presence::Online, "profiles"), preview, act, true)
        };
        let watched = |page: Self| Self { head: sample_head(Presence::Offline, "profiles"), may_sell: false, ..page };
        let pages: Vec<Self> = STATES.into_iter().zip(acts.clone()).map(page).collect();
        pages.into_iter().chain(STATES.into_iter().zip(acts).map(page).map(watched)).collect()
    }
}
