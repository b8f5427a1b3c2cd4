//! `/api/v1/admins`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, put},
};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

use super::{Admin, AdminForm, manage_routes::grants_of};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::{Permission, Role},
        api::{Json, openapi::Problem},
        error::AppError,
        form::{FieldError, FormErrors},
        session::Signed,
        view::View,
    },
    ids::{AdminId, SiteId},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/admins", get(list).post(add))
        .route("/admins/{id}", get(show).patch(change))
        .route("/admins/{id}/grants", put(grant))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, add, show, change, grant))]
    struct Part;
    Part::openapi()
}

/// What is left out stays; a new admin needs name, role and password.
#[derive(Debug, Deserialize, ToSchema)]
struct AdminFields {
    username: Option<String>,
    /// Name shown.
    name: Option<String>,
    role: Option<String>,
    /// Empty = all sites.
    site_ids: Option<Vec<SiteId>>,
    /// What the admin may beyond the role: `costs_see`, `vouchers_manage`, `vouchers_void`, `vouchers_import`,
    /// `sessions_kick`.
    grants: Option<Vec<String>>,
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
    active: Option<bool>,
}

impl AdminFields {
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
            grants: grants_of(&self.grants.unwrap_or_default())?,
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
            grants: self.grants.map_or(Ok(admin.grants), |grants| grants_of(&grants))?,
            password: self.password,
            active: self.active.unwrap_or(admin.active),
        })
    }
}

#[utoipa::path(get, path = "/admins", tag = "admins", responses(
    (status = 200, description = "Admins, by user name"),
    (status = 403, body = Problem, description = "not allowed"),
))]
async fn list(State(app): State<App>, Signed(caller): Signed) -> Result<Json<Paged<Admin>>, AppError> {
    caller.allow_everywhere(Permission::AdminsManage)?;
    Ok(Json(Paged { items: super::list(app.db.read()).await?, next_cursor: None }))
}

#[utoipa::path(post, path = "/admins", tag = "admins", request_body = AdminFields, responses(
    (status = 201, description = "The admin"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Json(fields): Json<AdminFields>,
) -> Result<(StatusCode, Json<Admin>), AppError> {
    caller.allow_everywhere(Permission::AdminsManage)?;
    let id = super::add(&app, &Actor::of(&caller, view.ip()), fields.whole()?).await?;
    let made = super::find(app.db.read(), id).await?.ok_or(AppError::NotFound)?;
    Ok((StatusCode::CREATED, Json(made)))
}

#[utoipa::path(get, path = "/admins/{id}", tag = "admins", params(("id" = i64, Path)), responses(
    (status = 200, description = "The admin"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<AdminId>,
) -> Result<Json<Admin>, AppError> {
    caller.allow_everywhere(Permission::AdminsManage)?;
    super::find(app.db.read(), id).await?.map(Json).ok_or(AppError::NotFound)
}

#[utoipa::path(patch, path = "/admins/{id}", tag = "admins", params(("id" = i64, Path)), request_body = AdminFields, responses(
    (status = 200, description = "The admin"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<AdminId>,
    Json(fields): Json<AdminFields>,
) -> Result<Json<Admin>, AppError> {
    caller.allow_everywhere(Permission::AdminsManage)?;
    let before = super::find(app.db.read(), id).await?.ok_or(AppError::NotFound)?;
    super::change(&app, &Actor::of(&caller, view.ip()), id, fields.over(before)?).await?;
    super::find(app.db.read(), id).await?.map(Json).ok_or(AppError::NotFound)
}

/// What an admin may beyond the role.
#[derive(Debug, Deserialize, ToSchema)]
struct GrantFields {
    /// `costs_see`, `vouchers_manage`, `vouchers_void`, `vouchers_import`, `sessions_kick`.
    grants: Vec<String>,
}

#[utoipa::path(put, path = "/admins/{id}/grants", tag = "admins", operation_id = "set_grants",
    params(("id" = i64, Path)), request_body = GrantFields, responses(
    (status = 200, description = "The admin; open sessions have it at their next request"),
    (status = 403, body = Problem, description = "not allowed: an admin grants to operators, cashiers and viewers"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn grant(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<AdminId>,
    Json(fields): Json<GrantFields>,
) -> Result<Json<Admin>, AppError> {
    caller.allow_everywhere(Permission::GrantsManage)?;
    let grants = grants_of(&fields.grants)?;
    super::grant(&app, &Actor::of(&caller, view.ip()), caller.role, id, &grants).await?;
    super::find(app.db.read(), id).await?.map(Json).ok_or(AppError::NotFound)
}
