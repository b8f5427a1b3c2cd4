//! The monthly business by itself: every site's night makes invoices, pays them from balances, reminds, and plans who is
//! isolated; a plan acts in waves, can be read before, held and undone.
//!
//! A night is a row with a cursor. Each chunk of work and the step of the cursor are one transaction, so that it goes on
//! where it was, wherever it was cut off, and doing it again changes nothing. What each step does is said by the features
//! below; here stands only the order, the limits, and who waits for whom.

pub(crate) mod api;
pub mod approvals;
mod comeback;
mod faults;
pub mod foresight;
pub mod night;
pub(crate) mod pages;
pub mod plan;
pub mod preview;
pub(crate) mod routes;
pub mod rules;
pub mod schedule;
mod steps;
mod store;
#[cfg(test)]
mod tests;
mod trace;

use std::collections::HashMap;

use chrono::{DateTime, Days, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::paging::{PageOf, Paged},
    events::{self, BusinessEvent},
    http::access::Scope,
    ids::{AdminId, CustomerId, PlanId, RouterId, RunId, SiteId, SubscriptionId},
    ledger::aging::local_day,
    money::Money,
    sites::{self, Site},
    subscriptions::Access,
};
pub use plan::{Decision, approve, decide, drop_plan, undo};
use rules::Step;
pub use trace::{Did, Traced, traces};

/// Days back that the last run and the last plan of a site are looked for.
const LOOK_BACK_DAYS: u64 = 31;

/// Where a night stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Running,
    Done,
    /// It could not go on; starting it again continues it.
    Failed,
}

impl RunState {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "running" => Self::Running,
            "done" => Self::Done,
            _ => Self::Failed,
        }
    }
}

/// What a night did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Counts {
    /// Starts, pauses, changes and ends whose day had come.
    pub planned: i64,
    /// Invoices made.
    pub invoices: i64,
    /// Of those, how many wait for approval.
    pub drafts: i64,
    /// Drafts issued because they waited long enough.
    pub approved: i64,
    /// Invoices paid from balances.
    pub paid: i64,
    /// Services that went into grace.
    pub lapsed: i64,
    /// Reminders written.
    pub reminders: i64,
    /// Services in the plan of isolation.
    pub isolating: i64,
    /// Services that are due but not in it.
    pub spared: i64,
}

impl Counts {
    fn add(&mut self, more: Self) {
        self.planned += more.planned;
        self.invoices += more.invoices;
        self.drafts += more.drafts;
        self.approved += more.approved;
        self.paid += more.paid;
        self.lapsed += more.lapsed;
        self.reminders += more.reminders;
        self.isolating += more.isolating;
        self.spared += more.spared;
    }
}

/// Something that could not be done in a night.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    pub step: Step,
    /// What it was about: `S000123`, an invoice, a customer.
    pub name: String,
    pub error: String,
}

/// A night of a site.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Run {
    pub id: RunId,
    pub site_id: SiteId,
    /// The site's day.
    pub day: NaiveDate,
    pub state: RunState,
    /// Where it is.
    pub step: Step,
    #[serde(skip)]
    pub after_id: i64,
    pub counts: Counts,
    pub problems: Vec<Problem>,
    pub error: String,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub took_ms: i64,
}

/// Where a plan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// Its services are still being gathered.
    Making,
    /// Made, and about to run.
    Planned,
    /// Waits for a person.
    Held,
    Running,
    Done,
    /// Those it isolated were opened again.
    Undone,
    /// Somebody said no.
    Dropped,
}

impl PlanState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Making, Self::Planned, Self::Held, Self::Running, Self::Done, Self::Undone, Self::Dropped];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Making => "making",
            Self::Planned => "planned",
            Self::Held => "held",
            Self::Running => "running",
            Self::Done => "done",
            Self::Undone => "undone",
            Self::Dropped => "dropped",
        }
    }

    fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.as_str() == text).unwrap_or(Self::Dropped)
    }

    /// Whether somebody may still say no.
    #[must_use]
    pub fn may_be_dropped(self) -> bool {
        matches!(self, Self::Planned | Self::Held | Self::Running)
    }
}

/// Who shall be isolated on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Plan {
    pub id: PlanId,
    pub site_id: SiteId,
    pub day: NaiveDate,
    pub state: PlanState,
    /// Why it waits or waited for a person: `count`, `share`, `failures`.
    pub held_for: String,
    /// The wave it is in; 0 before the first.
    pub wave: i32,
    #[serde(skip)]
    pub wave_at: Option<DateTime<Utc>>,
    /// How many it isolates.
    pub total: i32,
    pub created_at: DateTime<Utc>,
    pub decided_by: Option<AdminId>,
    pub decided_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// What became of somebody in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    Planned,
    /// Isolation was asked for; whether the router has proven it stands beside.
    Done,
    /// The same, and he is to be open again: he paid, promised, or somebody restored him. Never stored, since it follows
    /// from the service.
    Reopened,
    Skipped,
    Undone,
}

impl ItemState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Planned, Self::Done, Self::Reopened, Self::Skipped, Self::Undone];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Done => "done",
            Self::Reopened => "reopened",
            Self::Skipped => "skipped",
            Self::Undone => "undone",
        }
    }

    /// What is stored of an item, beside what its router shall do with the service now.
    fn of(stored: &str, wanted: &str) -> Self {
        let state = Self::named(stored).unwrap_or(Self::Skipped);
        if state == Self::Done && wanted == Access::Open.as_str() { Self::Reopened } else { state }
    }

    /// The state of a name.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A service in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Item {
    pub subscription_id: SubscriptionId,
    pub number: String,
    pub username: String,
    pub router_id: RouterId,
    pub customer_id: CustomerId,
    pub customer_number: String,
    pub customer: String,
    /// 0 of who was never to be isolated.
    pub wave: i32,
    /// What was overdue when the plan was made.
    pub owed: Money,
    /// What is not paid and was not due by then.
    pub not_due: Money,
    /// The last day he had to pay.
    pub due_on: Option<NaiveDate>,
    pub state: ItemState,
    /// Why it was skipped; of one that is open again `paid`, or empty: he promised, or somebody restored him.
    pub reason: String,
    /// What its router shall do with it now.
    pub wanted: String,
    /// What its router does, as far as it is known.
    pub observed: String,
    /// When the router had proven what is wanted.
    pub verified_at: Option<DateTime<Utc>>,
    pub failure: String,
}

/// How many of a plan are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Progress {
    pub planned: i64,
    pub done: i64,
    pub reopened: i64,
    pub skipped: i64,
    pub undone: i64,
}

/// The nights of a site, as the first page shows them.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    pub site: Site,
    pub last: Option<Run>,
    pub plan: Option<Plan>,
    pub next_at: DateTime<Utc>,
}

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum BillingError {
    #[error("no such run, plan or site")]
    NotFound,
    #[error("the night of the site runs already")]
    Running,
    #[error("the plan is {}", .0.as_str())]
    WrongState(PlanState),
    #[error("subscriptions")]
    Subscription(#[from] crate::subscriptions::SubscriptionError),
    #[error("database")]
    Db(#[from] DbErr),
}

/// The sites the caller may see with their nights, by name.
///
/// # Errors
/// The database's.
pub async fn overview(app: &App, scope: &Scope, page: &PageOf) -> Result<Paged<Overview>, DbErr> {
    let db = app.db.read();
    let found = sites::list(db, scope, page).await?;
    let now = app.clock.now();
    let since = look_back(now);
    let ids: Vec<SiteId> = found.items.iter().map(|site| site.id).collect();
    let mut runs = store::last_runs(db, &ids, since).await?;
    let mut plans: HashMap<SiteId, Plan> = store::last_plans(db, &ids, since).await?;
    Ok(found.map(|site| Overview {
        last: runs.remove(&site.id),
        plan: plans.remove(&site.id),
        next_at: rules::next_run(now, site.zone(), hour(&site)),
        site,
    }))
}

fn hour(site: &Site) -> u32 {
    u32::try_from(site.run_hour).unwrap_or(0)
}

/// Nights the caller may see, newest first.
///
/// # Errors
/// The database's.
pub async fn runs(
    db: &impl ConnectionTrait,
    scope: &Scope,
    site: Option<SiteId>,
    page: &PageOf,
) -> Result<Paged<Run>, DbErr> {
    store::list_runs(db, &scope.only(site), page).await
}

/// A night the caller may see.
///
/// # Errors
/// The database's.
pub async fn find_run(db: &impl ConnectionTrait, scope: &Scope, id: RunId) -> Result<Option<Run>, DbErr> {
    store::find_run(db, scope, id).await
}

/// Plans the caller may see, newest first.
///
/// # Errors
/// The database's.
pub async fn plans(
    db: &impl ConnectionTrait,
    scope: &Scope,
    site: Option<SiteId>,
    page: &PageOf,
) -> Result<Paged<Plan>, DbErr> {
    store::list_plans(db, &scope.only(site), page).await
}

/// Plans that are not over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnderWay {
    /// They wait for a person.
    pub held: Vec<PlanId>,
    /// They act soon, or do already; somebody may still say no.
    pub acting: Vec<PlanId>,
}

/// Plans of these sites that are not over, newest first: of the days that are looked back on.
///
/// # Errors
/// The database's.
pub async fn under_way(db: &impl ConnectionTrait, sites: &[SiteId], now: DateTime<Utc>) -> Result<UnderWay, DbErr> {
    let mut found = UnderWay::default();
    for (id, state) in store::plans_under_way(db, sites, look_back(now)).await? {
        if state == PlanState::Held { found.held.push(id) } else { found.acting.push(id) }
    }
    Ok(found)
}

/// The first of the days that are looked back on.
fn look_back(now: DateTime<Utc>) -> NaiveDate {
    now.date_naive().checked_sub_days(Days::new(LOOK_BACK_DAYS)).unwrap_or_default()
}

/// A plan the caller may see.
///
/// # Errors
/// The database's.
pub async fn find_plan(db: &impl ConnectionTrait, scope: &Scope, id: PlanId) -> Result<Option<Plan>, DbErr> {
    store::find_plan(db, scope, id).await
}

/// The plan that a night of a site made.
///
/// # Errors
/// The database's.
pub async fn plan_of_day(db: &impl ConnectionTrait, site: SiteId, day: NaiveDate) -> Result<Option<Plan>, DbErr> {
    store::plan_of_day(db, site, day).await
}

/// Who is in a plan, and what became of him. The caller has found the plan in his scope.
///
/// # Errors
/// The database's.
pub async fn items(
    db: &impl ConnectionTrait,
    plan: PlanId,
    state: Option<ItemState>,
    page: &PageOf,
) -> Result<Paged<Item>, DbErr> {
    let after = page.after_id().ok().flatten();
    let rows = store::items(db, plan, state, (after, page.limit() + 1)).await?;
    Ok(page.cut(rows, |item| item.subscription_id.to_string()))
}

/// How many of a plan are in each state.
///
/// # Errors
/// The database's.
pub async fn progress(db: &impl ConnectionTrait, plan: PlanId) -> Result<Progress, DbErr> {
    let mut progress = Progress::default();
    for (state, count) in store::item_counts(db, plan).await? {
        match state {
            ItemState::Planned => progress.planned += count,
            ItemState::Done => progress.done += count,
            ItemState::Reopened => progress.reopened += count,
            ItemState::Skipped => progress.skipped += count,
            ItemState::Undone => progress.undone += count,
        }
    }
    Ok(progress)
}

/// Begins a site's night of today now, or does it again: what was done stays, only what is new is added.
///
/// # Errors
/// [`BillingError::NotFound`], [`BillingError::Running`], the database's.
pub async fn run_now(app: &App, scope: &Scope, actor: &Actor, site: SiteId) -> Result<RunId, BillingError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let site = sites::find(&*tx, scope, site).await?.ok_or(BillingError::NotFound)?;
    let day = local_day(now, site.zone());
    let id = match store::open(&*tx, now, site.id, day).await? {
        Some(id) => id,
        None => {
            let there = store::of_day(&*tx, site.id, day).await?.ok_or(BillingError::NotFound)?;
            let mut run = store::hold_run(&*tx, there.id).await?.ok_or(BillingError::NotFound)?;
            if run.state == RunState::Running {
                return Err(BillingError::Running);
            }
            if run.state == RunState::Done {
                run = Run { step: Step::ALL[0], after_id: 0, problems: Vec::new(), ..run };
            }
            run = Run { state: RunState::Running, error: String::new(), started_at: now, finished_at: None, ..run };
            store::move_on(&*tx, &run).await?;
            run.id
        }
    };
    schedule::enqueue(&*tx, now, (id, None)).await?;
    let started = BusinessEvent::BillingRunStarted { run_id: id, day };
    events::record(&*tx, now, Some(site.id), &started).await?;
    let detail = serde_json::json!({ "day": day });
    let deed = Deed { action: "billing.run", object: format!("run/{id}"), site: Some(site.id), detail };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    Ok(id)
}
