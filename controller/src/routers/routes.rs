//! Pages of routers.

use std::collections::BTreeMap;

use axum::{
    Router as Routes,
    extract::{Path, State},
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::{Form, Query};
use serde::Deserialize;

use super::{
    Place, SyncState,
    detail::{self, Rows},
    enroll,
    hooks::{self, pages::TestResult},
    isolation,
    pages::{
        AddPage, Around, CommandsPage, EnrollmentPage, Fields, Head, Line, ListPage, ProfileLine, ProfilesPage,
        ShowPage, UserLine, UsersPage,
    },
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::{Permission, Scope},
        api::{Listing, service_of},
        error::AppError,
        form::{Check, Choice, FormView},
        session::{Caller, Signed},
        view::View,
    },
    ids::{RouterId, SiteId},
    sites,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/routers", get(list).post(add))
        .route("/routers/new", get(add_form))
        .route("/routers/{id}", get(show))
        .route("/routers/{id}/enrollment", post(open_enrollment))
        .route("/routers/{id}/approve", post(approve))
        .route("/routers/{id}/sync", post(sync))
        .route("/routers/{id}/users", get(users))
        .route("/routers/{id}/profiles", get(profiles))
        .route("/routers/{id}/commands", get(commands))
        .merge(hooks::routes::routes())
        .merge(isolation::routes::routes())
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    site_id: String,
    #[serde(default)]
    service: String,
}

/// The sites somebody may choose from.
async fn site_choices(app: &App, scope: &Scope) -> Result<Vec<Choice>, AppError> {
    let sites = sites::all(app.db.read(), scope).await?;
    Ok(sites.into_iter().map(|site| Choice::new(site.id, site.name)).collect())
}

async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    caller.allow(Permission::RoutersSee)?;
    listing.page.after_id()?;
    let site = asked.site_id.parse().ok().map(SiteId);
    let page = super::list(app.db.read(), &caller.sites, site, &listing.page).await?;
    let places = super::places(app.db.read(), &caller.sites).await?;
    let places: BTreeMap<RouterId, Place> = places.into_iter().map(|place| (place.id, place)).collect();
    let syncs = detail::sync_states(app.db.read(), page.items.iter().map(|router| router.id)).await?;
    let line = |router: super::Router| {
        let sync = syncs.get(&router.id).copied().unwrap_or(SyncState::InSync);
        Some(Line { place: places.get(&router.id)?.clone(), sync, router })
    };
    view.page(&ListPage {
        lines: page.items.into_iter().filter_map(line).collect(),
        next: page.next_cursor,
        is_later: listing.is_later,
        sites: site_choices(&app, &caller.sites).await?,
        site,
        may_add: caller.may(Permission::RoutersManage),
    })
}

async fn add_form(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    caller.allow(Permission::RoutersManage)?;
    let sites = site_choices(&app, &caller.sites).await?;
    let site_id = match sites.as_slice() {
        [only] => only.value.clone(),
        _ => asked.site_id,
    };
    view.page(&AddPage { form: FormView::fresh(Fields { site_id, name: String::new() }), sites })
}

async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::RoutersManage)?;
    let mut check = Check::default();
    let site = check.id("site_id", &fields.site_id);
    let added = match site {
        None => Err(check.into_errors().into()),
        Some(site) => {
            let actor = Actor::of(&caller, view.ip());
            super::add(&app, &caller.sites, &actor, SiteId(site), &fields.name).await.map_err(AppError::from)
        }
    };
    match added {
        Ok(id) => Ok(view.go_saying(&format!("/routers/{id}"), "done-router-added", [])),
        Err(AppError::Invalid(errors)) => {
            let sites = site_choices(&app, &caller.sites).await?;
            view.form_again(&AddPage { form: FormView::again(fields, errors, ""), sites })
        }
        Err(other) => Err(other),
    }
}

/// What stands at the head of every page of one router; not found for a foreign one.
pub(super) async fn head(app: &App, caller: &Caller, id: RouterId, tab: &'static str) -> Result<Head, AppError> {
    caller.allow(Permission::RoutersSee)?;
    let router = super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let site = sites::find(app.db.read(), &caller.sites, router.site_id).await?.ok_or(AppError::NotFound)?;
    let place = Place { id, name: router.name.clone(), site_id: site.id, site: site.name, timezone: site.timezone };
    Ok(Head {
        router,
        place,
        may_manage: caller.may(Permission::RoutersManage),
        may_see_sessions: caller.may(Permission::SessionsSee),
        tab,
    })
}

async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
) -> Result<Response, AppError> {
    let head = head(&app, &caller, id, "overview").await?;
    let found = detail::detail(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    view.page(&ShowPage::of(head, found))
}

#[derive(Debug, Deserialize)]
struct EnrollmentFields {
    #[serde(default)]
    auto_approve: String,
}

/// Answers the page itself and no redirect: the token is shown once and kept nowhere.
async fn open_enrollment(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
    Form(fields): Form<EnrollmentFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::RoutersManage)?;
    let auto_approve = Check::ticked(&fields.auto_approve);
    let actor = Actor::of(&caller, view.ip());
    let opened = enroll::open(&app, &caller.sites, &actor, id, auto_approve).await?;
    view.page(&EnrollmentPage {
        head: head(&app, &caller, id, "overview").await?,
        token: opened.token,
        expires_at: opened.expires_at,
        script: opened.script,
        environment: opened.environment,
        auto_approve,
    })
}

async fn approve(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::RoutersManage)?;
    super::approve(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok(view.go_saying(&format!("/routers/{id}"), "done-router-approved", []))
}

async fn sync(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::RoutersManage)?;
    detail::sync(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok(view.go_saying(&format!("/routers/{id}"), "done-router-sync", []))
}

async fn users(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
    listing: Listing,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    let head = head(&app, &caller, id, "users").await?;
    let wanted = (Rows::Users, service_of(Some(&asked.service))?);
    let page = detail::mirrored(app.db.read(), id, wanted, &listing.q, &listing.page).await?;
    let lines = page.items.into_iter().map(UserLine::from).collect();
    let around = Around { q: listing.q, service: asked.service, next: page.next_cursor, is_later: listing.is_later };
    view.page(&UsersPage { head, lines, around })
}

async fn profiles(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
    listing: Listing,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    let head = head(&app, &caller, id, "profiles").await?;
    let wanted = (Rows::Profiles, service_of(Some(&asked.service))?);
    let page = detail::mirrored(app.db.read(), id, wanted, &listing.q, &listing.page).await?;
    let known = hooks::list(app.db.read(), &caller.sites, id).await?;
    let lines = page.items.into_iter().map(|row| ProfileLine::of(row, &known)).collect();
    let test = hooks::last_test(app.db.read(), id).await?.map(TestResult::of);
    let around = Around { q: listing.q, service: asked.service, next: page.next_cursor, is_later: listing.is_later };
    view.page(&ProfilesPage { head, test, lines, around })
}

async fn commands(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
    listing: Listing,
) -> Result<Response, AppError> {
    let head = head(&app, &caller, id, "commands").await?;
    let page = detail::commands(app.db.read(), id, &listing.page).await?;
    let around = Around { next: page.next_cursor, is_later: listing.is_later, ..Around::default() };
    view.page(&CommandsPage { head, commands: page.items, around })
}
