//! Pages of price rules.

use axum::{
    Router as Routes,
    extract::State,
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::Form;

use super::{
    Rule, RuleError, RuleForm,
    pages::{Fields, FormPage, ListPage, Row, typed_in},
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::{MAX_LIMIT, PageOf},
    http::{
        access::Permission,
        api::Listing,
        error::AppError,
        form::{Choice, FormView},
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::RuleId,
    money::Currency,
    packages::{self, At, Package, SoldAs},
    sellers, settings,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/sellers/rules", get(list).post(add))
        .route("/sellers/rules/new", get(add_form))
        .route("/sellers/rules/{id}", get(change_form).post(change))
        .route("/sellers/rules/{id}/remove", post(remove))
}

async fn packages(app: &App, caller: &Caller) -> Result<Vec<Package>, AppError> {
    let filter = packages::Filter { sold_as: Some(SoldAs::Voucher), ..packages::Filter::default() };
    let page = PageOf::new(Some(MAX_LIMIT), None)?;
    let at = At::everywhere(app.clock.now());
    Ok(packages::list(app.db.read(), &caller.sites, &filter, &page, at).await?.items)
}

async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
) -> Result<Response, AppError> {
    caller.allow(Permission::PackagesManage)?;
    listing.page.after_id()?;
    let page = super::list(app.db.read(), &listing.page).await?;
    let packages = packages(&app, &caller).await?;
    let at = At::everywhere(app.clock.now());
    let mut rules = Vec::with_capacity(page.items.len());
    for rule in page.items {
        let name = match rule.package_id {
            None => String::new(),
            Some(id) => match packages.iter().find(|package| package.id == id) {
                Some(package) => package.name.clone(),
                // One that is no longer offered.
                None => packages::find(app.db.read(), &caller.sites, id, at)
                    .await?
                    .map_or_else(|| id.to_string(), |package| package.name),
            },
        };
        rules.push(Row::new(rule, name));
    }
    let may_change = caller.allow_everywhere(Permission::PackagesManage).is_ok();
    view.page(&ListPage { rules, next: page.next_cursor, is_later: listing.is_later, may_change })
}

async fn form_page(
    app: &App,
    caller: &Caller,
    id: Option<RuleId>,
    form: FormView<Fields>,
) -> Result<FormPage, AppError> {
    let packages = packages(app, caller).await?;
    let choices = packages.into_iter().map(|package| Choice::new(package.id, package.name)).collect();
    let levels = sellers::levels(app.db.read(), &caller.sites).await?;
    let currency_sign = currency(app, caller, &form.values).await?.sign().to_owned();
    Ok(FormPage { id, form, packages: choices, levels, currency_sign })
}

/// The currency of the chosen package, or that of the settings.
async fn currency(app: &App, caller: &Caller, fields: &Fields) -> Result<Currency, AppError> {
    let at = At::everywhere(app.clock.now());
    if let Some(id) = fields.package()
        && let Some(package) = packages::find(app.db.read(), &caller.sites, id, at).await?
    {
        return Ok(package.price.currency());
    }
    Ok(Currency::parse(&settings::load(app.db.read()).await?.currency).unwrap_or(Currency::IDR))
}

async fn add_form(State(app): State<App>, Signed(caller): Signed, view: View) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    view.page(&form_page(&app, &caller, None, FormView::fresh(Fields::fresh())).await?)
}

async fn read(app: &App, caller: &Caller, fields: &Fields) -> Result<Result<RuleForm, RuleError>, AppError> {
    let currency = currency(app, caller, fields).await?;
    Ok(fields.read(currency).map_err(RuleError::Refused))
}

async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    let done = match read(&app, &caller, &fields).await? {
        Ok(form) => super::add(&app, &caller.sites, &Actor::of(&caller, view.ip()), &form).await.map(|_| ()),
        Err(error) => Err(error),
    };
    answer(&app, &caller, &view, (None, fields), done).await
}

async fn rule(app: &App, id: RuleId) -> Result<Rule, AppError> {
    super::find(app.db.read(), id).await?.ok_or(AppError::NotFound)
}

async fn change_form(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RuleId>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    let rule = rule(&app, id).await?;
    view.page(&form_page(&app, &caller, Some(id), FormView::fresh(Fields::of(&rule, view.locale()))).await?)
}

async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RuleId>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    let done = match read(&app, &caller, &fields).await? {
        Ok(form) => super::change(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &form).await,
        Err(error) => Err(error),
    };
    answer(&app, &caller, &view, (Some(id), fields), done).await
}

async fn remove(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RuleId>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    super::remove(&app, &Actor::of(&caller, view.ip()), id).await?;
    Ok(view.go_saying("/sellers/rules", "done-rule-removed", []))
}

/// Back to the list, or the form again with what is wrong.
async fn answer(
    app: &App,
    caller: &Caller,
    view: &View,
    (id, fields): (Option<RuleId>, Fields),
    done: Result<(), RuleError>,
) -> Result<Response, AppError> {
    match done {
        Ok(()) => Ok(view.go_saying("/sellers/rules", "done-rule-saved", [])),
        Err(RuleError::Refused(errors)) => {
            let form_id = fields.form_id.clone();
            let form = FormView::again(fields, typed_in(&errors), &form_id);
            view.form_again(&form_page(app, caller, id, form).await?)
        }
        Err(other) => Err(other.into()),
    }
}
