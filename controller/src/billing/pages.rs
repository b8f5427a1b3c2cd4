//! What the pages of billing show.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::{
    Counts, Item, ItemState, Overview, Plan, PlanState, Problem, Progress, Run, RunState, Traced,
    foresight::{Isolating, Reminding},
    preview::{Coming, Sum},
    routes::Show,
    rules::{Hold, Skip, Step},
};
use crate::{
    http::{form::Choice, page::Page},
    ids::{CustomerId, InvoiceId, PlanId, RouterId, RunId, SiteId, SubscriptionId},
    money::Money,
    sites::pages::sample_site,
};

/// Each site's nights.
#[derive(Debug, Serialize)]
pub(crate) struct SitesPage {
    pub(crate) sites: Vec<Overview>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) may_manage: bool,
}

/// One night.
#[derive(Debug, Serialize)]
pub(crate) struct RunPage {
    pub(crate) run: Run,
    pub(crate) site: String,
    pub(crate) timezone: String,
    pub(crate) steps: [Step; 7],
    /// Its place among the steps, from 0.
    pub(crate) at: usize,
    pub(crate) plan: Option<Plan>,
    /// Of which names are shown; empty = none.
    pub(crate) did: String,
    pub(crate) traces: Vec<Traced>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) may_manage: bool,
}

/// Nights, newest first.
#[derive(Debug, Serialize)]
pub(crate) struct RunsPage {
    pub(crate) runs: Vec<Named<Run>>,
    pub(crate) site_id: String,
    pub(crate) sites: Vec<Choice>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
}

/// Plans, newest first.
#[derive(Debug, Serialize)]
pub(crate) struct PlansPage {
    pub(crate) plans: Vec<Named<Plan>>,
    pub(crate) site_id: String,
    pub(crate) sites: Vec<Choice>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
}

/// Something with the name and the zone of its site.
#[derive(Debug, Serialize)]
pub(crate) struct Named<T: Serialize> {
    pub(crate) site: String,
    pub(crate) timezone: String,
    #[serde(flatten)]
    pub(crate) of: T,
}

/// One plan and who is in it.
#[derive(Debug, Serialize)]
pub(crate) struct PlanPage {
    pub(crate) plan: Plan,
    pub(crate) site: String,
    pub(crate) timezone: String,
    pub(crate) progress: Progress,
    pub(crate) acts_at: Option<DateTime<Utc>>,
    pub(crate) items: Vec<Item>,
    pub(crate) state: String,
    pub(crate) states: [ItemState; 5],
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) may_approve: bool,
    pub(crate) may_drop: bool,
    pub(crate) may_undo: bool,
}

/// What the next night would do.
#[derive(Debug, Serialize)]
pub(crate) struct PreviewPage {
    pub(crate) site_id: SiteId,
    pub(crate) site: String,
    /// Periods that begin by this day.
    pub(crate) horizon: NaiveDate,
    pub(crate) sum: Sum,
    pub(crate) timezone: String,
    /// What of it is listed as a whole.
    pub(crate) show: Show,
    pub(crate) coming: Vec<Coming>,
    pub(crate) isolating: Vec<Isolating>,
    pub(crate) reminding: Vec<Reminding>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap_or_default()
}

fn sample_isolating(skip: Option<Skip>) -> Isolating {
    Isolating {
        subscription_id: SubscriptionId(456),
        number: "S000456".to_owned(),
        username: "kebon-0123".to_owned(),
        customer_id: CustomerId(1),
        customer_number: "C000123".to_owned(),
        customer: "Budi <b>".to_owned(),
        owed: Money::idr(165_000),
        not_due: Money::idr(if skip.is_none() { 165_000 } else { 0 }),
        due_on: skip.is_none().then(|| day("2026-12-10")),
        skip,
    }
}

fn sample_reminding() -> Reminding {
    Reminding {
        invoice_id: InvoiceId(7),
        invoice: "INV-202612-000007".to_owned(),
        customer_id: CustomerId(1),
        customer_number: "C000123".to_owned(),
        customer: "Budi <b>".to_owned(),
        template: "reminder_due_3",
        due_on: day("2026-12-10"),
        left: Money::idr(165_000),
    }
}

fn sample_run(state: RunState) -> Run {
    let problem = |step, name: &str| Problem { step, name: name.to_owned(), error: "amount out of range".to_owned() };
    Run {
        id: RunId(3),
        site_id: SiteId(1),
        day: day("2026-12-14"),
        state,
        step: Step::Reminders,
        after_id: 0,
        counts: Counts {
            planned: 2,
            invoices: 96,
            drafts: 4,
            approved: 1,
            paid: 2,
            lapsed: 3,
            reminders: 40,
            isolating: 7,
            spared: 1,
        },
        problems: if state == RunState::Done { vec![problem(Step::Invoices, "S000123")] } else { Vec::new() },
        error: if state == RunState::Failed { "reading invoices".to_owned() } else { String::new() },
        started_at: DateTime::UNIX_EPOCH,
        finished_at: (state == RunState::Done).then_some(DateTime::UNIX_EPOCH),
        took_ms: 4_200,
    }
}

fn sample_plan(state: PlanState, held_for: &str) -> Plan {
    Plan {
        id: PlanId(9),
        site_id: SiteId(1),
        day: day("2026-12-14"),
        state,
        held_for: held_for.to_owned(),
        wave: i32::from(!matches!(state, PlanState::Planned)),
        wave_at: None,
        total: 7,
        created_at: DateTime::UNIX_EPOCH,
        decided_by: None,
        decided_at: Some(DateTime::UNIX_EPOCH),
        finished_at: None,
    }
}

fn sample_traced(is_issued: bool) -> Traced {
    Traced {
        id: 4,
        customer_id: CustomerId(7),
        customer_number: "C000007".to_owned(),
        customer: "Budi Santoso".to_owned(),
        subscription_id: is_issued.then_some(SubscriptionId(9)),
        username: if is_issued { "kebon-0009".to_owned() } else { String::new() },
        invoice_id: Some(InvoiceId(5)),
        invoice_number: is_issued.then(|| "INV-202612-000005".to_owned()),
    }
}

fn sample_item(state: ItemState, reason: &str) -> Item {
    Item {
        subscription_id: SubscriptionId(456),
        number: "S000456".to_owned(),
        username: "kebon-0123".to_owned(),
        router_id: RouterId(1),
        customer_id: CustomerId(1),
        customer_number: "C000123".to_owned(),
        customer: "Budi Santoso".to_owned(),
        wave: 1,
        owed: Money::idr(165_000),
        not_due: Money::idr(if state == ItemState::Planned { 165_000 } else { 0 }),
        due_on: Some(day("2026-12-10")),
        state,
        reason: reason.to_owned(),
        wanted: if state == ItemState::Done { "isolated" } else { "open" }.to_owned(),
        observed: String::new(),
        verified_at: (state == ItemState::Undone).then_some(DateTime::UNIX_EPOCH),
        failure: if state == ItemState::Done { "missing_reference".to_owned() } else { String::new() },
    }
}

impl Page for SitesPage {
    const TEMPLATE: &'static str = "billing/sites.html";

    fn samples() -> Vec<Self> {
        let overview = |last, plan| Overview {
            site: sample_site(1, "Kebon", "Asia/Jakarta"),
            last,
            plan,
            next_at: DateTime::UNIX_EPOCH,
        };
        let runs =
            [RunState::Running, RunState::Done, RunState::Failed].map(|state| overview(Some(sample_run(state)), None));
        let plans = PlanState::ALL.map(|state| overview(None, Some(sample_plan(state, ""))));
        let sites = runs.into_iter().chain(plans).collect();
        vec![
            Self { sites: Vec::new(), next: None, is_later: false, may_manage: true },
            Self { sites, next: Some("x".to_owned()), is_later: true, may_manage: true },
            Self { sites: vec![overview(None, None)], next: None, is_later: false, may_manage: false },
        ]
    }
}

impl Page for RunPage {
    const TEMPLATE: &'static str = "billing/run.html";

    fn samples() -> Vec<Self> {
        let page = |state, plan| Self {
            run: sample_run(state),
            site: "Kebon".to_owned(),
            timezone: "Asia/Jakarta".to_owned(),
            steps: Step::ALL,
            at: 5,
            plan,
            did: String::new(),
            traces: Vec::new(),
            next: None,
            is_later: false,
            may_manage: true,
        };
        vec![
            page(RunState::Running, None),
            page(RunState::Done, Some(sample_plan(PlanState::Held, "share"))),
            Self { may_manage: false, ..page(RunState::Failed, None) },
            Self {
                did: "invoiced".to_owned(),
                traces: vec![sample_traced(true), sample_traced(false)],
                next: Some("9".to_owned()),
                is_later: true,
                ..page(RunState::Done, None)
            },
            Self { did: "lapsed".to_owned(), ..page(RunState::Done, None) },
        ]
    }
}

impl Page for RunsPage {
    const TEMPLATE: &'static str = "billing/runs.html";

    fn samples() -> Vec<Self> {
        let named = |of| Named { site: "Kebon".to_owned(), timezone: "Asia/Jakarta".to_owned(), of };
        let runs = [RunState::Running, RunState::Done, RunState::Failed].map(|state| named(sample_run(state)));
        let sites = || vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")];
        let empty = |site_id: &str| Self {
            runs: Vec::new(),
            site_id: site_id.to_owned(),
            sites: sites(),
            next: None,
            is_later: false,
        };
        let full = Self { runs: runs.into(), next: Some("x".to_owned()), is_later: true, ..empty("1") };
        vec![empty(""), empty("1"), full]
    }
}

impl Page for PlansPage {
    const TEMPLATE: &'static str = "billing/plans.html";

    fn samples() -> Vec<Self> {
        let named = |of| Named { site: "Kebon".to_owned(), timezone: "Asia/Jakarta".to_owned(), of };
        let plans = PlanState::ALL.map(|state| named(sample_plan(state, "count")));
        let sites = || vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")];
        let empty = |site_id: &str| Self {
            plans: Vec::new(),
            site_id: site_id.to_owned(),
            sites: sites(),
            next: None,
            is_later: false,
        };
        let full = Self { plans: plans.into(), next: Some("x".to_owned()), is_later: true, ..empty("1") };
        vec![empty(""), empty("1"), full]
    }
}

impl Page for PlanPage {
    const TEMPLATE: &'static str = "billing/plan.html";

    fn samples() -> Vec<Self> {
        let items = || {
            let skipped = Skip::ALL.into_iter().map(|skip| sample_item(ItemState::Skipped, skip.as_str()));
            ItemState::ALL.into_iter().map(|state| sample_item(state, "")).chain(skipped).collect::<Vec<_>>()
        };
        let page = |plan: Plan, items: Vec<Item>| Self {
            acts_at: super::plan::acts_at(&plan),
            may_approve: matches!(plan.state, PlanState::Held | PlanState::Planned),
            may_drop: plan.state.may_be_dropped(),
            may_undo: super::plan::may_be_undone(&plan),
            plan,
            site: "Kebon".to_owned(),
            timezone: "Asia/Jakarta".to_owned(),
            progress: Progress { planned: 3, done: 2, reopened: 1, skipped: 1, undone: 0 },
            items,
            state: String::new(),
            states: ItemState::ALL,
            next: None,
            is_later: false,
        };
        let held = Hold::ALL.map(|hold| page(sample_plan(PlanState::Held, hold.as_str()), items()));
        let others = PlanState::ALL.map(|state| page(sample_plan(state, "count"), items()));
        let empty = Self { state: "undone".to_owned(), ..page(sample_plan(PlanState::Done, ""), Vec::new()) };
        let nobody = page(sample_plan(PlanState::Done, ""), Vec::new());
        let reader = Self {
            may_approve: false,
            may_drop: false,
            may_undo: false,
            next: Some("x".to_owned()),
            is_later: true,
            ..page(sample_plan(PlanState::Held, "count"), items())
        };
        held.into_iter().chain(others).chain([empty, nobody, reader]).collect()
    }
}

impl Page for PreviewPage {
    const TEMPLATE: &'static str = "billing/preview.html";

    fn samples() -> Vec<Self> {
        let coming = |from: Option<NaiveDate>| Coming {
            subscription_id: SubscriptionId(456),
            customer_id: CustomerId(1),
            customer_number: "C000123".to_owned(),
            customer: "Budi Santoso".to_owned(),
            what: "Rumah 10 Mbps".to_owned(),
            from,
            until: from.map(|_| day("2027-02-01")),
            due_on: day("2027-01-10"),
            total: Money::idr(165_000),
        };
        let page = |coming: Vec<Coming>| Self {
            site_id: SiteId(1),
            site: "Kebon".to_owned(),
            horizon: day("2027-01-01"),
            timezone: "Asia/Jakarta".to_owned(),
            sum: Sum {
                count: 96,
                totals: vec![Money::idr(15_840_000)],
                isolating: 12,
                spared: 1,
                reminders: 40,
                ..Sum::default()
            },
            show: Show::Invoices,
            isolating: vec![sample_isolating(None), sample_isolating(Some(Skip::RouterOffline))],
            reminding: vec![sample_reminding()],
            coming,
            next: None,
            is_later: false,
        };
        let nothing = Self { sum: Sum::default(), isolating: Vec::new(), reminding: Vec::new(), ..page(Vec::new()) };
        let full = page(vec![coming(Some(day("2027-01-01"))), coming(None)]);
        let whole = |show| Self { show, next: Some("x".to_owned()), is_later: true, ..page(Vec::new()) };
        let alone = |show| Self { isolating: Vec::new(), reminding: Vec::new(), ..whole(show) };
        vec![
            whole(Show::Isolation),
            whole(Show::Reminders),
            alone(Show::Isolation),
            alone(Show::Reminders),
            nothing,
            Self { next: Some("x".to_owned()), is_later: true, ..full },
        ]
    }
}
