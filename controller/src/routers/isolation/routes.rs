//! The page of a router's isolation, and what is pressed there.

use axum::{
    Router as Routes,
    extract::{Path, State},
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::{Form, Query};
use serde::Deserialize;

use super::{Fields, IsolationError, pages::IsolationPage};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        error::AppError,
        form::{FieldError, FormErrors, FormView},
        session::{Caller, Signed},
        view::View,
    },
    ids::RouterId,
    routers::routes::head,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/routers/{id}/isolation", get(show).post(apply))
        .route("/routers/{id}/isolation/remove", post(remove))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// `preview`: these fields were typed.
    act: String,
    shown_digest: String,
    #[serde(flatten)]
    fields: Fields,
}

/// The page with fields as typed; what is wrong is refused or only shown.
async fn page(
    app: &App,
    caller: &Caller,
    id: RouterId,
    typed: Option<(&Fields, FormErrors)>,
) -> Result<IsolationPage, AppError> {
    let head = head(app, caller, id, "isolation").await?;
    let standing = super::standing(app.db.read(), app, &caller.sites, id).await?;
    let (form, preview) = match typed {
        None => (FormView::fresh(standing.fields.clone()), None),
        Some((fields, errors)) => match super::preview(app.db.read(), &caller.sites, id, fields).await {
            Ok(preview) => (FormView::again(fields.clone(), errors, ""), Some(preview)),
            Err(IsolationError::Fields(errors)) => (FormView::again(fields.clone(), errors, ""), None),
            Err(other) => return Err(other.into()),
        },
    };
    Ok(IsolationPage { head, isolation: standing.isolation, users: standing.users, form, preview })
}

async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    let typed = (asked.act == "preview").then(|| (&asked.fields, FormErrors::default()));
    let page = page(&app, &caller, id, typed).await?;
    if page.form.errors.is_empty() { view.page(&page) } else { view.form_again(&page) }
}

async fn apply(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
    Form(asked): Form<Asked>,
) -> Result<Response, AppError> {
    caller.allow(Permission::RoutersManage)?;
    let actor = Actor::of(&caller, view.ip());
    let errors = match super::apply(&app, &caller.sites, &actor, id, (&asked.fields, &asked.shown_digest)).await {
        Ok(_) => return Ok(view.go_saying(&format!("/routers/{id}/isolation"), "done-isolation-applied", [])),
        Err(IsolationError::Fields(errors)) => errors,
        Err(IsolationError::NotShown) => FormErrors::of("", FieldError::new("isolation_not_shown")),
        Err(IsolationError::InUse { users }) => {
            let users = i64::try_from(users).unwrap_or(i64::MAX);
            FormErrors::of("", FieldError::new("isolation_in_use").arg("count", users))
        }
        Err(IsolationError::OldAgent) => FormErrors::of("", FieldError::new("isolation_old_agent")),
        Err(other @ (IsolationError::NotFound | IsolationError::Db(_))) => return Err(other.into()),
    };
    view.form_again(&page(&app, &caller, id, Some((&asked.fields, errors))).await?)
}

async fn remove(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::RoutersManage)?;
    super::remove(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok(view.go_saying(&format!("/routers/{id}/isolation"), "done-isolation-removed", []))
}
