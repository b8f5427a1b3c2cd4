//! `/api/v1/admins`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use secrecy::SecretString;
use serde::Deserialize;

use super::{Admin, AdminForm};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::{Permission, Role},
        api::Json,
        error::AppError,
        form::{FieldError, FormErrors},
        session::Signed,
        view::View,
    },
    ids::{AdminId, SiteId},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/admins", get(list).post(add)).route("/admins/{id}", get(show).patch(change))
}

/// What is left out stays; a new admin needs name, role and password.
#[derive(Debug, Deserialize)]
struct Fields {
    username: Option<String>,
    /// Name shown.
    name: Option<String>,
    role: Option<String>,
    /// Empty = all sites.
    site_ids: Option<Vec<SiteId>>,
    password: Option<SecretString>,
    active: Option<bool>,
}

impl Fields {
    fn role(&self) -> Result<Option<Role>, AppError> {
        let Some(name) = &self.role else { return Ok(None) };
        let role = Role::parse(name).ok_or_else(|| FormErrors::of("role", FieldError::new("not_offered")))?;
        Ok(Some(role))
    }

    fn whole(self) -> Result<AdminForm, AppError> {
        let mut errors = FormErrors::default();
        let absent = [
            ("username", self.username.is_none()),
            ("role", self.role.is_none()),
            ("password", self.password.is_none()),
        ];
        for (field, _) in absent.into_iter().filter(|(_, absent)| *absent) {
            errors.add(field, FieldError::new("required"));
        }
        let (Some(role), Some(username)) = (self.role()?, self.username) else { return Err(errors.into()) };
        if !errors.is_empty() {
            return Err(errors.into());
        }
        Ok(AdminForm {
            name: self.name.unwrap_or_else(|| username.clone()),
            username,
            role,
            site_ids: self.site_ids.unwrap_or_default(),
            password: self.password,
            active: self.active.unwrap_or(true),
        })
    }

    fn over(self, admin: Admin) -> Result<AdminForm, AppError> {
        Ok(AdminForm {
            role: self.role()?.unwrap_or(admin.role),
            username: self.username.unwrap_or(admin.username),
            name: self.name.unwrap_or(admin.name),
            site_ids: self.site_ids.unwrap_or(admin.site_ids),
            password: self.password,
            active: self.active.unwrap_or(admin.active),
        })
    }
}

async fn list(State(app): State<App>, Signed(caller): Signed) -> Result<Json<Paged<Admin>>, AppError> {
    caller.allow_everywhere(Permission::AdminsManage)?;
    Ok(Json(Paged { items: super::list(app.db.read()).await?, next_cursor: None }))
}

async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Json(fields): Json<Fields>,
) -> Result<(StatusCode, Json<Admin>), AppError> {
    caller.allow_everywhere(Permission::AdminsManage)?;
    let id = super::add(&app, &Actor::of(&caller, view.ip()), fields.whole()?).await?;
    let made = super::find(app.db.read(), id).await?.ok_or(AppError::NotFound)?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<AdminId>,
) -> Result<Json<Admin>, AppError> {
    caller.allow_everywhere(Permission::AdminsManage)?;
    super::find(app.db.read(), id).await?.map(Json).ok_or(AppError::NotFound)
}

async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<AdminId>,
    Json(fields): Json<Fields>,
) -> Result<Json<Admin>, AppError> {
    caller.allow_everywhere(Permission::AdminsManage)?;
    let before = super::find(app.db.read(), id).await?.ok_or(AppError::NotFound)?;
    super::change(&app, &Actor::of(&caller, view.ip()), id, fields.over(before)?).await?;
    super::find(app.db.read(), id).await?.map(Json).ok_or(AppError::NotFound)
}
