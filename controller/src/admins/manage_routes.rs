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
    manage_pages::{Fields, FormPage, Grants, GrantsPage, Line, ListPage, granted, grants, roles},
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::{Permission, Role, Scope, may_grant},
        error::AppError,
        form::{Check, Choice, FieldError, FormErrors, FormView},
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
        .route("/settings/admins/{id}/grants", get(grants_form).post(grant))
}

/// Names of grants as permissions, in their order and each once.
pub(super) fn grants_of<T: AsRef<str>>(names: &[T]) -> Result<Vec<Permission>, FormErrors> {
    let mut found = Vec::new();
    for name in names {
        let grant = Permission::of_grant(name.as_ref());
        found.push(grant.ok_or_else(|| FormErrors::of("grants", FieldError::new("not_offered")))?);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// What was typed, as a command. An empty password keeps the old one.
fn parse(posted: &Fields) -> Result<AdminForm, FormErrors> {
    let mut check = Check::default();
    let role = check.choice("role", &posted.role, Role::parse);
    let site_ids: Option<Vec<SiteId>> = posted.site_ids.iter().map(|id| check.id("site_ids", id).map(SiteId)).collect();
    let (Some(role), Some(site_ids)) = (role, site_ids) else { return Err(check.into_errors()) };
    let grants = grants_of(&posted.grants)?;
    Ok(AdminForm {
        grants,
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
    caller.allow_everywhere(Permission::GrantsManage)?;
    let sites = sites::all(app.db.read(), &Scope::All).await?;
    let line = |admin: Admin| {
        let own = sites.iter().filter(|site| admin.site_ids.contains(&site.id));
        let may_grant = may_grant(caller.role, admin.role);
        Line { sites: own.map(|site| site.name.clone()).collect(), may_grant, admin }
    };
    view.page(&ListPage {
        lines: super::list(app.db.read()).await?.into_iter().map(line).collect(),
        own: caller.admin_id,
        manages: caller.may(Permission::AdminsManage),
        timezone: sites::home_zone(app.db.read(), &caller.sites).await?,
    })
}

async fn add_form(State(app): State<App>, Signed(caller): Signed, view: View) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::AdminsManage)?;
    let values = Fields { role: Role::Operator.as_str().to_owned(), active: "on".to_owned(), ..Fields::default() };
    let form = FormView::fresh(values);
    view.page(&FormPage { id: None, form, roles: roles(), grants: grants(), sites: site_choices(&app).await? })
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
            view.form_again(&FormPage {
                id: None,
                form,
                roles: roles(),
                grants: grants(),
                sites: site_choices(&app).await?,
            })
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
    view.page(&FormPage { id: Some(id), form, roles: roles(), grants: grants(), sites: site_choices(&app).await? })
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
            view.form_again(&FormPage {
                id: Some(id),
                form,
                roles: roles(),
                grants: grants(),
                sites: site_choices(&app).await?,
            })
        }
        Err(other) => Err(other),
    }
}

async fn grants_form(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<AdminId>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::GrantsManage)?;
    let admin = super::find(app.db.read(), id).await?.ok_or(AppError::NotFound)?;
    if !may_grant(caller.role, admin.role) {
        return Err(AppError::Forbidden);
    }
    let form = FormView::fresh(Grants { grants: granted(&admin) });
    view.page(&GrantsPage { admin, form, grants: grants() })
}

async fn grant(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<AdminId>,
    Form(posted): Form<Grants>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::GrantsManage)?;
    let granted = grants_of(&posted.grants)?;
    super::grant(&app, &Actor::of(&caller, view.ip()), caller.role, id, &granted).await?;
    Ok(view.go_saying("/settings/admins", "done-saved", []))
}
