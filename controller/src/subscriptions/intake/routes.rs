//! Pages of many subscriptions on their way in.

use axum::{
    Router as Routes,
    extract::{DefaultBodyLimit, Multipart, Path, State as Of},
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::{Form, Query};
use serde::Deserialize;

use super::{
    Intake, List, Number, Place,
    pages::{CredentialsPage, Fields, IntakePage, IntakesPage, Shown, field_key},
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::PageOf,
    http::{
        access::Permission,
        api::Listing,
        error::AppError,
        form::{Check, Choice, FieldError, FormErrors, FormView},
        limit::MAX_UPLOAD_BYTES,
        session::{Caller, Signed},
        view::View,
    },
    ids::{IntakeId, PackageId, RouterId},
    packages::{self, SoldAs},
    routers,
    subscriptions::{Asked, SubscriptionError},
    tables::{File, Upload},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/subscriptions/many", get(list).post(upload).layer(DefaultBodyLimit::max(MAX_UPLOAD_BYTES)))
        .route("/subscriptions/many/number", post(by_number))
        .route("/subscriptions/many/{id}", get(show))
        .route("/subscriptions/many/{id}/adopt", post(adopt))
        .route("/subscriptions/many/{id}/commit", post(commit))
        .route("/subscriptions/many/{id}/credentials", post(credentials))
}

async fn list_page(
    app: &App,
    caller: &Caller,
    (page, is_later): (&PageOf, bool),
    form: FormView<Fields>,
) -> Result<IntakesPage, AppError> {
    let db = app.db.read();
    let intakes = super::list(db, &caller.sites, page).await?;
    let routers = routers::places(db, &caller.sites).await?;
    let packages = packages::names(db, &caller.sites, SoldAs::Subscription).await?;
    Ok(IntakesPage {
        intakes: intakes.items,
        form,
        routers: routers.into_iter().map(|at| Choice::new(at.id, format!("{} · {}", at.site, at.name))).collect(),
        packages: packages.into_iter().map(|(id, name)| Choice::new(id, name)).collect(),
        max_rows: super::MAX_ROWS,
        next: intakes.next_cursor,
        is_later,
    })
}

async fn list(Of(app): Of<App>, Signed(caller): Signed, view: View, listing: Listing) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    let form = FormView::fresh(Fields::default());
    view.page(&list_page(&app, &caller, (&listing.page, listing.is_later), form).await?)
}

/// The fields and the file of an upload.
async fn parts(form: Multipart) -> Result<(Fields, Option<File>), AppError> {
    let mut sent = Upload::read(form).await?;
    let fields = Fields {
        form_id: sent.field("form_id"),
        router_id: sent.field("router_id"),
        package_id: sent.field("package_id"),
        is_takeover: sent.field("is_takeover"),
        adopts: sent.field("adopts"),
        ..Fields::default()
    };
    Ok((fields, sent.file))
}

fn place(check: &mut Check, fields: &Fields) -> Option<Place> {
    let router = check.id("router_id", &fields.router_id).map(RouterId);
    let package = check.id("package_id", &fields.package_id).map(PackageId);
    Some(Place { router: router?, package: package? })
}

/// To what was made, or the forms again with what is wrong.
async fn answer(
    app: &App,
    (caller, view): (&Caller, &View),
    fields: Fields,
    made: Result<IntakeId, SubscriptionError>,
) -> Result<Response, AppError> {
    let error = match made {
        Ok(id) => return Ok(view.go(&format!("/subscriptions/many/{id}"))),
        Err(error) => error,
    };
    let SubscriptionError::Refused(errors) = error else { return Err(error.into()) };
    let form_id = fields.form_id.clone();
    let form = FormView::again(fields, errors, &form_id);
    view.form_again(&list_page(app, caller, (&PageOf::default(), false), form).await?)
}

async fn upload(Of(app): Of<App>, Signed(caller): Signed, view: View, form: Multipart) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    let (fields, file) = parts(form).await?;
    let mut check = Check::default();
    let place = place(&mut check, &fields);
    if file.is_none() {
        check.refuse("file", FieldError::new("required"));
    }
    let made = match (place, file) {
        (Some(place), Some(file)) => {
            let actor = Actor::of(&caller, view.ip());
            let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &fields.form_id };
            let (is_takeover, adopts) = (Check::ticked(&fields.is_takeover), Check::ticked(&fields.adopts));
            super::upload(&app, &asked, place, List { file, is_takeover, adopts }).await
        }
        _ => Err(SubscriptionError::Refused(check.into_errors())),
    };
    answer(&app, (&caller, &view), fields, made).await
}

async fn by_number(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    let mut check = Check::default();
    let place = place(&mut check, &fields);
    let max = i64::try_from(super::MAX_ROWS).unwrap_or(i64::MAX);
    let count = check.int("count", &fields.count, 1..=max);
    let starts_on = check.optional_day("starts_on", &fields.starts_on);
    let made = match (place, count, check.is_clean()) {
        (Some(place), Some(count), true) => {
            let actor = Actor::of(&caller, view.ip());
            let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &fields.form_id };
            let number = Number {
                count,
                customer_number: fields.customer_number.trim().to_uppercase(),
                placeholder: fields.placeholder.clone(),
                starts_on,
            };
            super::number(&app, &asked, place, &number).await
        }
        _ => Err(SubscriptionError::Refused(check.into_errors())),
    };
    answer(&app, (&caller, &view), fields, made).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Which {
    only: String,
}

pub(super) async fn found(app: &App, caller: &Caller, id: IntakeId) -> Result<Intake, AppError> {
    super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)
}

async fn show(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    (Path(id), listing): (Path<IntakeId>, Listing),
    Query(which): Query<Which>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    let intake = found(&app, &caller, id).await?;
    let only_bad = which.only == "bad";
    let mut lines = super::lines(&app, id, only_bad, &listing.page).await?;
    for error in lines.items.iter_mut().flat_map(|line| &mut line.errors) {
        error.field = field_key(&error.field);
    }
    super::hide_secrets(&intake.columns, &mut lines.items);
    let columns = intake.columns.iter().map(Shown::new).collect();
    let (next, is_later) = (lines.next_cursor, listing.is_later);
    let on_router = super::on_router(app.db.read(), id).await?;
    let late = super::late(&app, &caller.sites, &intake).await?;
    view.page(&IntakePage { intake, columns, lines: lines.items, on_router, late, only_bad, next, is_later })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Adopts {
    adopts: String,
}

/// The same lines, with those who are on the router taken over or left alone.
async fn adopt(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<IntakeId>,
    Form(wish): Form<Adopts>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    let (actor, adopts) = (Actor::of(&caller, view.ip()), Check::ticked(&wish.adopts));
    super::adopt(&app, (&caller.sites, &actor), id, adopts).await?;
    Ok(view.go(&format!("/subscriptions/many/{id}")))
}

async fn commit(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<IntakeId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    let intake = found(&app, &caller, id).await?;
    super::commit(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    // What was made by number comes from no file.
    let said = if intake.file_name.is_empty() { "done-accounts-started" } else { "done-import-started" };
    Ok(view.go_saying(&format!("/subscriptions/many/{id}"), said, []))
}

/// Names and secrets on paper; that they were looked at is written down.
async fn credentials(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<IntakeId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    let intake = found(&app, &caller, id).await?;
    let actor = Actor::of(&caller, view.ip());
    let credentials = super::credentials(&app, (&caller.sites, &actor), id).await?;
    if credentials.is_empty() {
        return Err(FormErrors::of("", FieldError::new("nothing_made_yet")).into());
    }
    view.page(&CredentialsPage { intake, credentials })
}
