//! Pages of billing.

use std::collections::HashMap;

use axum::{
    Router as Routes,
    extract::State,
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::Query;
use serde::{Deserialize, Serialize};

use super::{
    Decision, Did, ItemState, Plan, PlanState, Run, foresight,
    pages::{Named, PlanPage, PlansPage, PreviewPage, RunPage, RunsPage, SitesPage},
    plan::{acts_at, may_be_undone},
    preview,
    rules::Step,
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::{PageOf, Paged},
    http::{
        access::Permission,
        api::Listing,
        error::AppError,
        form::{Check, Choice},
        locale::Arg,
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::{PlanId, RunId, SiteId},
    sites::{self, Site},
};

/// So many of each are named where others are listed.
const FORESEEN: u64 = 10;

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/billing", get(overview))
        .route("/billing/sites/{id}/run", post(run_now))
        .route("/billing/sites/{id}/preview", get(show_preview))
        .route("/billing/runs", get(runs))
        .route("/billing/runs/{id}", get(run))
        .route("/billing/plans", get(plans))
        .route("/billing/plans/{id}", get(plan))
        .route("/billing/plans/{id}/{decision}", post(decide))
}

/// What a list is narrowed to; empty = not.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Narrow {
    pub(super) site_id: String,
    pub(super) state: String,
    pub(super) did: String,
}

impl Narrow {
    /// The site asked for.
    ///
    /// # Errors
    /// What is no id.
    pub(super) fn site(&self) -> Result<Option<SiteId>, AppError> {
        let mut check = Check::default();
        let site = if self.site_id.is_empty() { None } else { check.id("site_id", &self.site_id) };
        if check.is_clean() { Ok(site.map(SiteId)) } else { Err(check.into_errors().into()) }
    }

    /// What kind of deeds of a night is asked for.
    ///
    /// # Errors
    /// What is none.
    pub(super) fn did(&self) -> Result<Option<Did>, AppError> {
        let mut check = Check::default();
        let did = if self.did.is_empty() { None } else { check.choice("did", &self.did, Did::parse) };
        if check.is_clean() { Ok(did) } else { Err(check.into_errors().into()) }
    }

    /// The state of items asked for.
    ///
    /// # Errors
    /// What is none.
    pub(super) fn item_state(&self) -> Result<Option<ItemState>, AppError> {
        let mut check = Check::default();
        let state = if self.state.is_empty() { None } else { check.choice("state", &self.state, ItemState::named) };
        if check.is_clean() { Ok(state) } else { Err(check.into_errors().into()) }
    }
}

async fn overview(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
) -> Result<Response, AppError> {
    caller.allow(Permission::BillingSee)?;
    let page = super::overview(&app, &caller.sites, &listing.page).await?;
    view.page(&SitesPage {
        sites: page.items,
        next: page.next_cursor,
        is_later: listing.is_later,
        may_manage: caller.may(Permission::BillingManage),
    })
}

async fn run_now(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SiteId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::BillingManage)?;
    let run = super::run_now(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok(view.go_saying(&format!("/billing/runs/{run}"), "done-billing-started", []))
}

/// A site of the caller's.
async fn site_of(app: &App, caller: &Caller, id: SiteId) -> Result<Site, AppError> {
    sites::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)
}

/// What of a preview is listed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Show {
    Invoices,
    Isolation,
    Reminders,
}

impl Show {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "invoices" => Some(Self::Invoices),
            "isolation" => Some(Self::Isolation),
            "reminders" => Some(Self::Reminders),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Look {
    show: String,
}

impl Look {
    /// What is asked for; invoices unless said.
    ///
    /// # Errors
    /// What is none.
    fn show(&self) -> Result<Show, AppError> {
        let mut check = Check::default();
        let show =
            if self.show.is_empty() { Some(Show::Invoices) } else { check.choice("show", &self.show, Show::parse) };
        show.ok_or_else(|| check.into_errors().into())
    }
}

async fn show_preview(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SiteId>,
    listing: Listing,
    Query(look): Query<Look>,
) -> Result<Response, AppError> {
    caller.allow(Permission::BillingSee)?;
    listing.page.after_id()?;
    let show = look.show()?;
    let night = preview::night(&app, &caller.sites, id).await?;
    let sum = preview::sum(&app, &caller.sites, id).await?;
    let mut page = PreviewPage {
        site_id: id,
        site: night.site.name,
        timezone: night.site.timezone,
        horizon: night.horizon,
        sum,
        show,
        coming: Vec::new(),
        isolating: Vec::new(),
        reminding: Vec::new(),
        next: None,
        is_later: listing.is_later,
    };
    // The first of each, and all of what is asked for.
    let first = PageOf::new(Some(FORESEEN), None).unwrap_or_default();
    let of = |shown: Show| if show == shown { &listing.page } else { &first };
    if matches!(show, Show::Invoices) {
        let found = preview::coming(&app, &caller.sites, id, &listing.page).await?;
        (page.coming, page.next) = (found.items, found.next_cursor);
    }
    if matches!(show, Show::Invoices | Show::Isolation) {
        let found = foresight::isolating(&app, &caller.sites, id, of(Show::Isolation)).await?;
        page.isolating = found.items;
        page.next = page.next.or(found.next_cursor.filter(|_| show == Show::Isolation));
    }
    if matches!(show, Show::Invoices | Show::Reminders) {
        let found = foresight::reminding(&app, &caller.sites, id, of(Show::Reminders)).await?;
        page.reminding = found.items;
        page.next = page.next.or(found.next_cursor.filter(|_| show == Show::Reminders));
    }
    view.page(&page)
}

async fn run(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RunId>,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Response, AppError> {
    caller.allow(Permission::BillingSee)?;
    listing.page.after_id()?;
    let run = super::find_run(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let site = site_of(&app, &caller, run.site_id).await?;
    let plan = super::plan_of_day(app.db.read(), run.site_id, run.day).await?;
    let names = match narrow.did()? {
        Some(did) => super::traces(app.db.read(), id, did, &listing.page).await?,
        None => Paged { items: Vec::new(), next_cursor: None },
    };
    view.page(&RunPage {
        site: site.name,
        timezone: site.timezone,
        steps: Step::ALL,
        at: Step::ALL.iter().position(|step| *step == run.step).unwrap_or(0),
        run,
        plan,
        did: narrow.did,
        traces: names.items,
        next: names.next_cursor,
        is_later: listing.is_later,
        may_manage: caller.may(Permission::BillingManage),
    })
}

async fn named<T: Serialize>(
    app: &App,
    caller: &Caller,
    items: Vec<T>,
    of: impl Fn(&T) -> SiteId,
) -> Result<(Vec<Named<T>>, Vec<Choice>), AppError> {
    let sites = sites::all(app.db.read(), &caller.sites).await?;
    let choices = sites.iter().map(|site| Choice::new(site.id, site.name.clone())).collect();
    let names: HashMap<SiteId, (String, String)> =
        sites.into_iter().map(|site| (site.id, (site.name, site.timezone))).collect();
    let named = |item: T| {
        let unknown = || (String::new(), "UTC".to_owned());
        let (site, timezone) = names.get(&of(&item)).cloned().unwrap_or_else(unknown);
        Named { site, timezone, of: item }
    };
    Ok((items.into_iter().map(named).collect(), choices))
}

async fn runs(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Response, AppError> {
    caller.allow(Permission::BillingSee)?;
    listing.page.after_id()?;
    let page = super::runs(app.db.read(), &caller.sites, narrow.site()?, &listing.page).await?;
    let (runs, sites) = named(&app, &caller, page.items, |run: &Run| run.site_id).await?;
    let (next, is_later) = (page.next_cursor, listing.is_later);
    view.page(&RunsPage { runs, site_id: narrow.site_id, sites, next, is_later })
}

async fn plans(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Response, AppError> {
    caller.allow(Permission::BillingSee)?;
    listing.page.after_id()?;
    let page = super::plans(app.db.read(), &caller.sites, narrow.site()?, &listing.page).await?;
    let (plans, sites) = named(&app, &caller, page.items, |plan: &Plan| plan.site_id).await?;
    let (next, is_later) = (page.next_cursor, listing.is_later);
    view.page(&PlansPage { plans, site_id: narrow.site_id, sites, next, is_later })
}

async fn plan(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PlanId>,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Response, AppError> {
    caller.allow(Permission::BillingSee)?;
    listing.page.after_id()?;
    let plan = super::find_plan(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let site = site_of(&app, &caller, plan.site_id).await?;
    let page = super::items(app.db.read(), id, narrow.item_state()?, &listing.page).await?;
    let may = caller.may(Permission::BillingManage);
    view.page(&PlanPage {
        site: site.name,
        timezone: site.timezone,
        progress: super::progress(app.db.read(), id).await?,
        acts_at: acts_at(&plan),
        items: page.items,
        state: narrow.state,
        states: ItemState::ALL,
        next: page.next_cursor,
        is_later: listing.is_later,
        may_approve: may && matches!(plan.state, PlanState::Held | PlanState::Planned),
        may_drop: may && plan.state.may_be_dropped(),
        may_undo: may && may_be_undone(&plan),
        plan,
    })
}

async fn decide(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, decision)): Path<(PlanId, Decision)>,
) -> Result<Response, AppError> {
    caller.allow(Permission::BillingManage)?;
    let opened = super::decide(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, decision).await?;
    let said = match decision {
        Decision::Approve => "done-plan-approved",
        Decision::Drop => "done-plan-dropped",
        Decision::Undo => "done-plan-undone",
    };
    let count = Arg::from(i64::try_from(opened).unwrap_or(i64::MAX));
    Ok(view.go_saying(&format!("/billing/plans/{id}"), said, [("count", count)]))
}
