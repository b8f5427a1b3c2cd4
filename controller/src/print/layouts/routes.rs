//! Pages of layouts: Settings ▸ Print. How somebody likes to print is everybody's own; layouts are the operator's.

use axum::{
    Router as Routes,
    extract::{Multipart, Path, State},
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::{Form, Query};
use serde::Deserialize;

use super::{
    pages::{Fields, FormPage, ListPage, PreviewPart, facts, placeholders},
    preview,
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        error::AppError,
        form::{Check, Choice, FieldError, FormErrors, FormView},
        locale::Locale,
        logo::file_of,
        session::{Caller, Signed},
        view::View,
    },
    ids::LayoutId,
    print::{
        self, Preference,
        format::{Family, Format},
        layout::Document,
    },
    sites,
};

const LIST: &str = "/settings/prints";

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route(LIST, get(list).post(add))
        .route("/settings/prints/mine", post(prefer))
        .route("/settings/prints/new", get(add_form))
        .route("/settings/prints/preview", get(look))
        .route("/settings/prints/{id}", get(change_form).post(change))
        .route("/settings/prints/{id}/remove", post(remove))
        .route("/settings/prints/{id}/logo", post(set_logo))
}

async fn site_choices(app: &App, caller: &Caller) -> Result<Vec<Choice>, AppError> {
    let sites = sites::all(app.db.read(), &caller.sites).await?;
    Ok(sites.into_iter().map(|site| Choice::new(site.id, site.name)).collect())
}

async fn list(State(app): State<App>, Signed(caller): Signed, view: View) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersSell)?;
    view.page(&ListPage {
        layouts: super::list(app.db.read(), &caller.sites).await?,
        sites: site_choices(&app, &caller).await?,
        families: Family::ALL.to_vec(),
        formats: Format::ALL.to_vec(),
        preference: print::preference(app.db.read(), caller.admin_id).await?,
        may_change: caller.may(Permission::SettingsManage),
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Liked {
    format: String,
    opens: String,
}

async fn prefer(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(liked): Form<Liked>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersSell)?;
    let format =
        Format::parse(&liked.format).ok_or_else(|| FormErrors::of("format", FieldError::new("not_offered")))?;
    let before = print::preference(app.db.read(), caller.admin_id).await?;
    let preference = Preference { opens: Check::ticked(&liked.opens), ..before.using(format) };
    print::prefer(&app, caller.admin_id, preference).await?;
    Ok(view.go_saying(LIST, "done-saved", []))
}

/// The picture of what was typed; the usual one where it cannot be read.
fn picture(view: &View, fields: &Fields, logo: Option<&str>) -> PreviewPart {
    let (form, unread) = fields.read();
    let mut problems: Vec<FieldError> = unread.iter().map(|(_, error)| error.clone()).collect();
    let document = match form.document.check(form.family) {
        Ok(document) => document,
        Err(errors) => {
            problems.extend(errors.iter().map(|(_, error)| error.clone()));
            Document::of(form.family)
        }
    };
    let formats = form.family.formats();
    let chosen = Format::parse(&fields.format).filter(|format| formats.contains(format));
    let format = chosen.or_else(|| formats.first().copied()).unwrap_or_default();
    let drawn = preview::draw(view.texts(), view.locale(), format, &document, logo.is_some());
    PreviewPart {
        family: form.family,
        format,
        formats,
        style: drawn.style,
        one: drawn.cells.first().cloned().into_iter().collect(),
        sheet: drawn.cells,
        logo: logo.unwrap_or_default().to_owned(),
        problems,
    }
}

async fn form_page(
    app: &App,
    (caller, view): (&Caller, &View),
    id: Option<LayoutId>,
    form: FormView<Fields>,
) -> Result<FormPage, AppError> {
    let logo = match id {
        Some(id) => super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?.logo,
        None => None,
    };
    let family = form.values.family();
    Ok(FormPage {
        id,
        preview: picture(view, &form.values, logo.as_deref()),
        form,
        family,
        sites: site_choices(app, caller).await?,
        languages: Locale::ALL
            .into_iter()
            .map(|locale| Choice::new(locale.tag(), view.text(&format!("layout-language-{}", locale.tag()))))
            .collect(),
        facts: facts(family),
        placeholders: placeholders(),
        logo,
        logo_error: None,
    })
}

async fn add_form(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(asked): Query<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SettingsManage)?;
    let form = FormView::fresh(Fields::fresh(asked.family()));
    view.page(&form_page(&app, (&caller, &view), None, form).await?)
}

async fn look(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(fields): Query<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SettingsManage)?;
    let logo = match fields.layout.parse() {
        Ok(id) => super::find(app.db.read(), &caller.sites, LayoutId(id)).await?.and_then(|layout| layout.logo),
        Err(_) => None,
    };
    view.page(&picture(&view, &fields, logo.as_deref()))
}

async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SettingsManage)?;
    let actor = Actor::of(&caller, view.ip());
    let (form, mut unread) = fields.read();
    let made = if unread.is_empty() {
        super::add(&app, &caller.sites, &actor, form).await.map_err(AppError::from)
    } else {
        unread.extend(&super::faults(&form));
        Err(unread.into())
    };
    match made {
        // A logo is put on what is there.
        Ok(layout) => Ok(view.go_saying(&format!("{LIST}/{}", layout.id), "done-saved", [])),
        Err(AppError::Invalid(errors)) => {
            let form = FormView::again(fields, errors, "");
            view.form_again(&form_page(&app, (&caller, &view), None, form).await?)
        }
        Err(other) => Err(other),
    }
}

async fn change_form(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<LayoutId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SettingsManage)?;
    let layout = super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    view.page(&form_page(&app, (&caller, &view), Some(id), FormView::fresh(layout.into())).await?)
}

async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<LayoutId>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SettingsManage)?;
    let actor = Actor::of(&caller, view.ip());
    let (form, mut unread) = fields.read();
    let done = if unread.is_empty() {
        super::change(&app, &caller.sites, &actor, id, form).await.map_err(AppError::from)
    } else {
        unread.extend(&super::faults(&form));
        Err(unread.into())
    };
    match done {
        Ok(_) => Ok(view.go_saying(LIST, "done-saved", [])),
        Err(AppError::Invalid(errors)) => {
            let form = FormView::again(fields, errors, "");
            view.form_again(&form_page(&app, (&caller, &view), Some(id), form).await?)
        }
        Err(other) => Err(other),
    }
}

async fn remove(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<LayoutId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SettingsManage)?;
    super::remove(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok(view.go_saying(LIST, "done-layout-removed", []))
}

async fn set_logo(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<LayoutId>,
    form: Multipart,
) -> Result<Response, AppError> {
    caller.allow(Permission::SettingsManage)?;
    let actor = Actor::of(&caller, view.ip());
    let done = match file_of(form).await {
        Ok(file) => super::set_logo(&app, &caller.sites, &actor, id, file).await.map_err(AppError::from),
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => Ok(view.go_saying(&format!("{LIST}/{id}"), "done-saved", [])),
        Err(AppError::Invalid(errors)) => {
            let layout = super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
            let page = form_page(&app, (&caller, &view), Some(id), FormView::fresh(layout.into())).await?;
            let logo_error = errors.iter().map(|(_, error)| error.clone()).next();
            view.form_again(&FormPage { logo_error, ..page })
        }
        Err(other) => Err(other),
    }
}
