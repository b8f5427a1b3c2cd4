//! What the page of a router's isolation shows.

use chrono::DateTime;
use hiji_shared::{device::RouterFacts, isolation::DesiredIsolation};
use serde::Serialize;

use super::{
    Fields, Isolation, IsolationState, Preview,
    rules::{Known, propose},
    shown,
};
use crate::{
    http::{
        form::{FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::RouterId,
    routers::{
        pages::{Head, sample_head, sample_router},
        rules::Presence,
    },
};

/// What a router has to isolate customers, the form, and the lines that it would make.
#[derive(Debug, Serialize)]
pub(crate) struct IsolationPage {
    pub(crate) head: Head,
    pub(crate) isolation: Option<Isolation>,
    /// Users that have one of its profiles.
    pub(crate) users: u64,
    pub(crate) form: FormView<Fields>,
    pub(crate) preview: Option<Preview>,
}

fn sample_spec() -> DesiredIsolation {
    let facts = RouterFacts { hotspot_servers: vec!["hs1".to_owned()], ..RouterFacts::default() };
    let known = Known { number: 1, facts: &facts, profiles: &[], around: &[], public_host: "bill.kebon.net" };
    DesiredIsolation { page: "172.17.0.2:8081".to_owned(), ..propose(known) }
}

pub(crate) fn sample_isolation(state: IsolationState) -> Isolation {
    let spec = sample_spec();
    let failed = state == IsolationState::Failed;
    Isolation {
        router_id: RouterId(1),
        ppp_profile: spec.ppp_profile,
        hotspot_profile: spec.hotspot_profile,
        pool: spec.pool,
        ranges: spec.ranges,
        local_address: spec.local_address,
        rate_limit: spec.rate_limit,
        list: spec.list,
        page: spec.page,
        allowed: spec.allowed,
        state,
        code: if failed { "name_taken".to_owned() } else { String::new() },
        message: if failed { "/ppp/profile isolir exists and is not hiji's".to_owned() } else { String::new() },
        set_at: DateTime::UNIX_EPOCH,
        verified_at: (state == IsolationState::Verified).then_some(DateTime::UNIX_EPOCH),
    }
}

impl Page for IsolationPage {
    const TEMPLATE: &'static str = "routers/isolation.html";

    fn samples() -> Vec<Self> {
        let fields = || Fields::from(&sample_spec());
        let page = |presence, isolation, users| Self {
            head: sample_head(presence, "isolation"),
            isolation,
            users,
            form: FormView::fresh(fields()),
            preview: None,
        };
        let mut pages: Vec<Self> = [
            IsolationState::Wanted,
            IsolationState::Verified,
            IsolationState::Failed,
            IsolationState::Removing,
            IsolationState::Removed,
        ]
        .into_iter()
        .map(|state| page(Presence::Online, Some(sample_isolation(state)), 0))
        .collect();
        pages.push(page(Presence::Online, Some(sample_isolation(IsolationState::Verified)), 3));
        pages.push(page(Presence::Offline, None, 0));
        pages.push(page(Presence::New, None, 0));
        let preview = shown(&sample_router(Presence::Online), &sample_spec());
        pages.push(Self { preview: Some(preview.clone()), ..page(Presence::Online, None, 0) });
        let not_shown = FormErrors::of("", FieldError::new("isolation_not_shown"));
        let form = FormView::again(fields(), not_shown, "");
        pages.push(Self { preview: Some(preview), form, ..page(Presence::Online, None, 0) });
        let mut errors = FormErrors::of("ppp_profile", FieldError::new("isolation_no_profile"));
        errors.add("pool", FieldError::new("isolation_bad_pool").arg("prefix", "hiji-isol"));
        errors.add("ranges", FieldError::new("isolation_bad_ranges"));
        errors.add("local_address", FieldError::new("isolation_bad_local"));
        errors.add("rate_limit", FieldError::new("isolation_bad_rate"));
        errors.add("list", FieldError::new("isolation_bad_name").arg("max", 40));
        errors.add("page", FieldError::new("isolation_bad_page"));
        errors.add("allowed", FieldError::new("isolation_bad_host").arg("host", "x"));
        pages.push(Self { form: FormView::again(fields(), errors, ""), ..page(Presence::Online, None, 0) });
        pages
    }
}
