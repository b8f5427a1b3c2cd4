//! Pages of add-ons.

use axum::{
    Router as Routes,
    extract::State,
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::{Form, Query};
use serde::Deserialize;

use super::{
    Addon, Filter,
    api::{priced, shown},
    pages::{Fields, FormPage, ListPage},
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::Listing,
        error::AppError,
        form::{Check, FormView},
        locale::Arg,
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::AddonId,
    money::Currency,
    packages::PackageError,
    settings,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/packages/addons", get(list).post(add))
        .route("/packages/addons/new", get(add_form))
        .route("/packages/addons/{id}", get(change_form).post(change))
        .route("/packages/addons/{id}/archive", post(archive))
        .route("/packages/addons/{id}/restore", post(restore))
}

/// Those offered, or those no longer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shelf {
    archived: String,
}

async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(shelf): Query<Shelf>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PackagesSee)?;
    let filter = Filter { archived: Check::ticked(&shelf.archived), q: listing.q };
    let page = super::list(app.db.read(), &filter, &listing.page).await?;
    view.page(&ListPage {
        addons: page.items.into_iter().map(|addon| shown(&caller, addon)).collect(),
        q: filter.q,
        archived: filter.archived,
        next: page.next_cursor,
        is_later: listing.is_later,
        may_change: caller.allow_everywhere(Permission::PackagesManage).is_ok(),
    })
}

async fn found(app: &App, id: AddonId) -> Result<Addon, AppError> {
    super::find(app.db.read(), id).await?.ok_or(AppError::NotFound)
}

async fn currency(app: &App, addon: Option<&Addon>) -> Result<Currency, AppError> {
    if let Some(addon) = addon {
        return Ok(addon.price.currency());
    }
    Ok(Currency::parse(&settings::load(app.db.read()).await?.currency).unwrap_or(Currency::IDR))
}

async fn form_page(
    app: &App,
    caller: &Caller,
    addon: Option<&Addon>,
    form: FormView<Fields>,
) -> Result<FormPage, AppError> {
    Ok(FormPage {
        id: addon.map(|addon| addon.id),
        form,
        archived: addon.is_some_and(|addon| addon.archived_at.is_some()),
        currency_sign: currency(app, addon).await?.sign().to_owned(),
        sees_costs: caller.may(Permission::CostsSee),
    })
}

async fn add_form(State(app): State<App>, Signed(caller): Signed, view: View) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    view.page(&form_page(&app, &caller, None, FormView::fresh(Fields::fresh())).await?)
}

async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    let draft = fields.read(currency(&app, None).await?);
    let done = match draft.and_then(|draft| priced(&caller, draft, false, None)) {
        Ok(draft) => super::add(&app, &Actor::of(&caller, view.ip()), &draft).await.map(|_| ()),
        Err(errors) => Err(PackageError::Refused(errors)),
    };
    answer(&app, &caller, &view, (None, fields), done).await
}

async fn change_form(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<AddonId>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    let addon = shown(&caller, found(&app, id).await?);
    view.page(&form_page(&app, &caller, Some(&addon), FormView::fresh(Fields::of(&addon))).await?)
}

async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<AddonId>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    let addon = found(&app, id).await?;
    let draft = fields.read(addon.price.currency());
    let done = match draft.and_then(|draft| priced(&caller, draft, false, addon.cost)) {
        Ok(draft) => super::change(&app, &Actor::of(&caller, view.ip()), id, &draft).await,
        Err(errors) => Err(PackageError::Refused(errors)),
    };
    answer(&app, &caller, &view, (Some(&addon), fields), done).await
}

async fn archive(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<AddonId>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    let name = Arg::from(found(&app, id).await?.name);
    super::archive(&app, &Actor::of(&caller, view.ip()), id, true).await?;
    Ok(view.go_saying("/packages/addons", "done-addon-archived", [("name", name)]))
}

async fn restore(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<AddonId>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    let name = Arg::from(found(&app, id).await?.name);
    super::archive(&app, &Actor::of(&caller, view.ip()), id, false).await?;
    Ok(view.go_saying("/packages/addons", "done-addon-restored", [("name", name)]))
}

/// Back to the list, or the form again with what is wrong.
async fn answer(
    app: &App,
    caller: &Caller,
    view: &View,
    (addon, fields): (Option<&Addon>, Fields),
    done: Result<(), PackageError>,
) -> Result<Response, AppError> {
    match done {
        Ok(()) => {
            let name = Arg::from(fields.name.trim());
            Ok(view.go_saying("/packages/addons", "done-addon-saved", [("name", name)]))
        }
        Err(PackageError::Refused(errors)) => {
            let form_id = fields.form_id.clone();
            view.form_again(&form_page(app, caller, addon, FormView::again(fields, errors, &form_id)).await?)
        }
        Err(other) => Err(other.into()),
    }
}
