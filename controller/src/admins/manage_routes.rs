//! Pages of admins.

use axum::{
    Router as Routes,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use axum_extra::extract::Form;
use secrecy::ExposeSecret as _;

use super::{
    Admin, AdminForm,
    manage_pages::{Fields, FormPage, Line, ListPage, roles},
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::{Permission, Role, Scope},
        error::AppError,
        form::{Check, Choice, FormErrors, FormView},
        locale::Arg,
        session::Signed,
        view::View,
    },
    ids::{AdminId, SiteId},
    sites,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/settings/admins", get(list).post(add))
        .route("/settings/admins/new", get(add_form))
        .route("/settings/admins/{id}", get(change_form).post(change))
}

/// What was typed, as a command. An empty password keeps the old one.
fn parse(posted: &Fields) -> Result<AdminForm, FormErrors> {
    let mut check = Check::default();
    let role = check.choice("role", &posted.role, Role::parse);
    let site_ids: Option<Vec<SiteId>> = posted.site_ids.iter().map(|id| check.id("site_ids", id).map(SiteId)).collect();
    let (Some(role), Some(site_ids)) = (role, site_ids) else { return Err(check.into_errors()) };
    Ok(AdminForm {
        username: posted.username.trim().to_owned(),
        name: posted.name.trim().to_owned(),
        role,
        site_ids,
        password: Some(posted.password.clone()).filter(|password| !password.expose_secret().is_empty()),
        active: Check::ticked(&posted.active),
    })
}

async fn site_choices(app: &App) -> Result<Vec<Choice>, AppError> {
    let sites = sites::all(app.db.read(), &Scope::All).await?;
    Ok(sites.into_iter().map(|site| Choice::new(site.id, site.name)).collect())
}

async fn list(State(app): State<App>, Signed(caller): Signed, view: View) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::AdminsManage)?;
    let sites = sites::all(app.db.read(), &Scope::All).await?;
    let line = |admin: Admin| {
        let own = sites.iter().filter(|site| admin.site_ids.contains(&site.id));
        Line { sites: own.map(|site| site.name.clone()).collect(), admin }
    };
    view.page(&ListPage {
        lines: super::list(app.db.read()).await?.into_iter().map(line).collect(),
        own: caller.admin_id,
        timezone: sites::home_zone(app.db.read(), &caller.sites).await?,
    })
}

async fn add_form(State(app): State<App>, Signed(caller): Signed, view: View) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::AdminsManage)?;
    let values = Fields { role: Role::Operator.as_str().to_owned(), active: "on".to_owned(), ..Fields::default() };
    let form = FormView::fresh(values);
    view.page(&FormPage { id: None, form, roles: roles(), sites: site_choices(&app).await? })
}

async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(posted): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::AdminsManage)?;
    let actor = Actor::of(&caller, view.ip());
    let added = match parse(&posted) {
        Ok(form) => super::add(&app, &actor, form).await.map_err(AppError::from),
        Err(errors) => Err(errors.into()),
    };
    match added {
        Ok(_) => Ok(view.go_saying("/settings/admins", "done-admin-added", [("name", Arg::from(posted.username))])),
        Err(AppError::Invalid(errors)) => {
            let form = FormView::again(posted, errors, "");
            view.form_again(&FormPage { id: None, form, roles: roles(), sites: site_choices(&app).await? })
        }
        Err(other) => Err(other),
    }
}

async fn change_form(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<AdminId>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::AdminsManage)?;
    let admin = super::find(app.db.read(), id).await?.ok_or(AppError::NotFound)?;
    let form = FormView::fresh(admin.into());
    view.page(&FormPage { id: Some(id), form, roles: roles(), sites: site_choices(&app).await? })
}

async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<AdminId>,
    Form(posted): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::AdminsManage)?;
    let actor = Actor::of(&caller, view.ip());
    let changed = match parse(&posted) {
        Ok(form) => super::change(&app, &actor, id, form).await.map_err(AppError::from),
        Err(errors) => Err(errors.into()),
    };
    match changed {
        Ok(()) => Ok(view.go_saying("/settings/admins", "done-saved", [])),
        Err(AppError::Invalid(errors)) => {
            let form = FormView::again(posted, errors, "");
            view.form_again(&FormPage { id: Some(id), form, roles: roles(), sites: site_choices(&app).await? })
        }
        Err(other) => Err(other),
    }
}
