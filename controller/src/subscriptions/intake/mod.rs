//! Many subscriptions at once: a number of them for new or known customers, or those of a list. Read and checked at once,
//! shown, and taken by a job when somebody says so.
//!
//! The lines of a list come in together or not at all; a line that is wrong is told with its reasons and stays out. What
//! ran elsewhere is taken over: paid until its day, owing what it owed. A number of new ones is made a few at a time, and
//! goes on where it stopped.

pub(crate) mod api;
mod check;
mod columns;
pub mod job;
mod late;
pub(crate) mod pages;
pub(crate) mod routes;
mod rules;
mod store;
#[cfg(test)]
mod stories;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::{Asked, SubscriptionError, store as rows};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    clock,
    db::paging::{PageOf, Paged},
    http::{
        access::Scope,
        form::{self, Check, FieldError, FormErrors},
    },
    ids::{AdminId, IntakeId, PackageId, RouterId, SiteId, SubscriptionId},
    jobs::{self, When},
    packages::{self, At, Package, SoldAs},
    phone::Phone,
    routers, sites,
    tables::{self, File, ReadError, RowError},
};

use check::{Checked, check};
pub use columns::{ColumnUse, Field, Use};
pub use late::{Late, LateOnes, of as late};
use rules::Usual;
pub use rules::{Kind, Taken};

/// Most lines of a list, and services made by number.
pub const MAX_ROWS: usize = 1_000;
/// As many rows, for a query.
const ALL_ROWS: u64 = 1_000;
/// Longest name of a file or of placeholders, characters.
const MAX_NAME: usize = 60;
/// Days the lines of a list are kept.
const KEEP_DAYS: i64 = 7;
const DAY_SECS: i64 = 86_400;

/// Where many are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Read and checked; somebody has to say yes.
    Ready,
    /// The job is on its way.
    Queued,
    Done,
}

impl State {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Queued => "queued",
            Self::Done => "done",
        }
    }

    /// The state of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Ready, Self::Queued, Self::Done].into_iter().find(|state| state.as_str() == name)
    }
}

/// Many subscriptions, as pages and API show them.
#[derive(Debug, Clone, Serialize)]
pub struct Intake {
    pub id: IntakeId,
    pub site_id: SiteId,
    pub site: String,
    pub timezone: String,
    pub router_id: RouterId,
    pub package_id: PackageId,
    /// Whether they ran elsewhere.
    pub is_takeover: bool,
    /// Whether users who are on the router already are taken over.
    pub adopts: bool,
    /// Empty: made by number.
    pub file_name: String,
    pub found: String,
    pub columns: Vec<ColumnUse>,
    pub starts_on: Option<NaiveDate>,
    pub state: State,
    /// Lines that come in, or came.
    pub good: i32,
    /// Lines that stay out.
    pub bad: i32,
    /// Made.
    pub done: i32,
    /// Why the last try ended, empty when it did not.
    pub failure: String,
    #[serde(skip)]
    pub created_by: Option<AdminId>,
    pub created_name: String,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    pub line: i32,
    pub cells: Vec<String>,
    /// Empty: it comes in.
    pub errors: Vec<RowError>,
    /// Its user is on the router already: it comes in when he is taken over.
    pub is_on_router: bool,
    /// What it became.
    pub subscription_id: Option<SubscriptionId>,
}

/// A list that was uploaded, and what is meant by it.
#[derive(Debug)]
pub struct List {
    pub file: File,
    /// Services that run already, from elsewhere.
    pub is_takeover: bool,
    /// Users who are on the router already are taken over.
    pub adopts: bool,
}

/// So many services of one package.
#[derive(Debug, Clone, Default)]
pub struct Number {
    pub count: i64,
    /// Whose they all are; else each is of a new customer.
    pub customer_number: String,
    /// What new customers are called, with a number behind it.
    pub placeholder: String,
    pub starts_on: Option<NaiveDate>,
}

/// Where many shall be.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub router: RouterId,
    pub package: PackageId,
}

/// Reads and checks a list, and keeps it until somebody says yes. The same upload twice is one.
///
/// # Errors
/// [`SubscriptionError`]; faults of the file at the field `file`.
pub async fn upload(app: &App, asked: &Asked<'_>, place: Place, list: List) -> Result<IntakeId, SubscriptionError> {
    let form_id = if form::is_form_id(asked.form_id) { asked.form_id.to_owned() } else { form::new_form_id() };
    if let Some(known) = store::of_form(app.db.read(), asked.scope, &form_id).await? {
        return Ok(known);
    }
    let List { file, is_takeover, adopts } = list;
    let file_name = file.kept_name(MAX_NAME);
    let kind = if is_takeover { Kind::Takeover } else { Kind::New };
    let usual = Usual { adopts, ..usual(app, asked.scope, place, (kind, None)).await? };
    let read = tokio::task::spawn_blocking(move || tables::read(&file.bytes, MAX_ROWS)).await;
    let read = read.map_err(|error| DbErr::Custom(format!("reading a list: {error}")))?;
    let table = read.map_err(|error: ReadError| SubscriptionError::field("file", error.told()))?;
    let uses = columns::uses(&table.header, |at| table.sample(at));
    if ![Field::Name, Field::CustomerNumber, Field::Phone].into_iter().any(|field| columns::has(&uses, field)) {
        return Err(SubscriptionError::field("file", FieldError::new("file_without_names")));
    }
    if table.rows.is_empty() {
        return Err(SubscriptionError::field("file", FieldError::new("file_empty")));
    }
    let line = |row: tables::Row| Line {
        line: i32::try_from(row.line).unwrap_or(i32::MAX),
        cells: row.cells,
        errors: Vec::new(),
        is_on_router: false,
        subscription_id: None,
    };
    let lines: Vec<Line> = table.rows.into_iter().map(line).collect();
    let new = store::New {
        form_id: &form_id,
        place,
        usual: &usual,
        file_name: &file_name,
        found: &table.found,
        columns: &uses,
        actor: asked.actor,
        now: app.clock.now(),
    };
    keep(app, asked, &new, lines).await
}

/// Makes the lines of so many services, checked as those of a list.
///
/// # Errors
/// [`SubscriptionError`].
pub async fn number(
    app: &App,
    asked: &Asked<'_>,
    place: Place,
    number: &Number,
) -> Result<IntakeId, SubscriptionError> {
    let form_id = if form::is_form_id(asked.form_id) { asked.form_id.to_owned() } else { form::new_form_id() };
    if let Some(known) = store::of_form(app.db.read(), asked.scope, &form_id).await? {
        return Ok(known);
    }
    let mut check = Check::default();
    let max = i64::try_from(MAX_ROWS).unwrap_or(i64::MAX);
    if !(1..=max).contains(&number.count) {
        check.refuse("count", FieldError::new("out_of_range").arg("min", 1).arg("max", max));
    }
    let whose = number.customer_number.trim();
    let name = check.optional("placeholder", &number.placeholder, MAX_NAME).unwrap_or_default();
    if whose.is_empty() == name.is_empty() {
        let code = if whose.is_empty() { "required" } else { "customer_twice" };
        check.refuse("placeholder", FieldError::new(code));
    }
    if !check.is_clean() {
        return Err(SubscriptionError::Refused(check.into_errors()));
    }
    let usual = usual(app, asked.scope, place, (Kind::New, number.starts_on)).await?;
    let uses = if whose.is_empty() {
        vec![columns::made("nama", Field::Name)]
    } else {
        vec![columns::made("kode", Field::CustomerNumber)]
    };
    let line = |nth: i64| Line {
        line: i32::try_from(nth).unwrap_or(i32::MAX),
        cells: vec![if whose.is_empty() { format!("{name} {nth:03}") } else { whose.to_owned() }],
        errors: Vec::new(),
        is_on_router: false,
        subscription_id: None,
    };
    let new = store::New {
        form_id: &form_id,
        place,
        usual: &usual,
        file_name: "",
        found: "",
        columns: &uses,
        actor: asked.actor,
        now: app.clock.now(),
    };
    keep(app, asked, &new, (1..=number.count).map(line).collect()).await
}

/// Checks lines and keeps them.
async fn keep(
    app: &App,
    asked: &Asked<'_>,
    new: &store::New<'_>,
    lines: Vec<Line>,
) -> Result<IntakeId, SubscriptionError> {
    let checked = check(app.db.read(), asked.scope, (new.columns, new.usual, new.now), lines).await?;
    let lines: Vec<Line> = checked.into_iter().map(|checked| checked.line).collect();
    let tx = app.db.begin().await?;
    if let Some(known) = store::of_form(&*tx, asked.scope, new.form_id).await? {
        return Ok(known);
    }
    let id = store::insert(&*tx, &app.keys, new, &lines).await?;
    tx.commit().await?;
    Ok(id)
}

/// What lines may name at a place that the caller sees.
async fn usual(
    app: &App,
    scope: &Scope,
    place: Place,
    (kind, starts_on): (Kind, Option<NaiveDate>),
) -> Result<Usual, SubscriptionError> {
    let (db, now) = (app.db.read(), app.clock.now());
    let not_offered = |field: &str| SubscriptionError::field(field, FieldError::new("not_offered"));
    let router = routers::find(db, scope, place.router).await?.ok_or_else(|| not_offered("router_id"))?;
    let site = sites::find(db, scope, router.site_id).await?.ok_or_else(|| not_offered("router_id"))?;
    let package = packages::find(db, scope, place.package, At::on(router.id, now)).await?;
    let sold = |package: &Package| {
        package.sold_as == SoldAs::Subscription
            && package.archived_at.is_none()
            && package.router_ids.contains(&place.router)
    };
    let package = package.filter(sold).ok_or_else(|| not_offered("package_id"))?;
    let places = routers::places(db, scope).await?;
    let of_site = places.into_iter().filter(|other| other.site_id == site.id);
    Ok(Usual {
        kind,
        site: site.id,
        router: router.id,
        package: package.id,
        packages: packages::names(db, scope, SoldAs::Subscription).await?,
        routers: of_site.map(|router| (router.id, router.name)).collect(),
        currency: package.price.currency(),
        today: crate::ledger::aging::local_day(now, site.zone()),
        starts_on,
        adopts: false,
    })
}

/// Lines whose users are on the router already.
///
/// # Errors
/// The database's.
pub async fn on_router(db: &impl ConnectionTrait, id: IntakeId) -> Result<u64, DbErr> {
    store::on_router(db, id).await
}

/// Says whether users who are on the router already are taken over, and checks the lines anew.
///
/// # Errors
/// [`SubscriptionError::NotFound`]; [`SubscriptionError::Changed`] when somebody said yes meanwhile; the database's.
pub async fn adopt(
    app: &App,
    (scope, actor): (&Scope, &Actor),
    id: IntakeId,
    adopts: bool,
) -> Result<(), SubscriptionError> {
    let now = app.clock.now();
    let intake = store::find(app.db.read(), scope, id).await?.ok_or(SubscriptionError::NotFound)?;
    if intake.adopts == adopts {
        return Ok(());
    }
    let place = Place { router: intake.router_id, package: intake.package_id };
    let kind = if intake.is_takeover { Kind::Takeover } else { Kind::New };
    let usual = Usual { adopts, ..usual(app, scope, place, (kind, intake.starts_on)).await? };
    let mut lines = store::lines(app.db.read(), &app.keys, id, None, (i32::MIN, ALL_ROWS)).await?;
    for line in &mut lines {
        line.errors.clear();
        line.is_on_router = false;
    }
    let tx = app.db.begin().await?;
    let checked = check(&*tx, scope, (&intake.columns, &usual, now), lines).await?;
    let lines: Vec<Line> = checked.into_iter().map(|checked| checked.line).collect();
    if !store::check_anew(&*tx, &app.keys, id, (adopts, &lines)).await? {
        return Err(SubscriptionError::Changed);
    }
    let detail = serde_json::json!({ "adopts": adopts });
    let (object, site) = (format!("subscription_intake/{id}"), Some(intake.site_id));
    audit::record(&*tx, now, actor, Deed { action: "subscription.intake_adopt", object, site, detail }).await?;
    tx.commit().await?;
    Ok(())
}

/// Says yes: a job takes the good lines. Saying it twice changes nothing.
///
/// # Errors
/// [`SubscriptionError::NotFound`], [`SubscriptionError::Refused`] when no line is good, the database's.
pub async fn commit(app: &App, scope: &Scope, actor: &Actor, id: IntakeId) -> Result<(), SubscriptionError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let intake = store::find(&*tx, scope, id).await?.ok_or(SubscriptionError::NotFound)?;
    if intake.good == 0 {
        return Err(SubscriptionError::Refused(FormErrors::of("file", FieldError::new("file_nothing_good"))));
    }
    if !store::move_on(&*tx, id, State::Ready, State::Queued).await? {
        return Ok(());
    }
    let taken = job::Take { intake: id, actor: actor.name.clone(), ip: actor.ip.clone() };
    let once = When { at: None, dedupe: Some(format!("subscription_intake/{id}")) };
    jobs::enqueue(&*tx, now, &taken, once).await?;
    let detail = serde_json::json!({
        "lines": intake.good, "left_out": intake.bad, "takeover": intake.is_takeover, "adopts": intake.adopts,
    });
    let (object, site) = (format!("subscription_intake/{id}"), Some(intake.site_id));
    audit::record(&*tx, now, actor, Deed { action: "subscription.intake", object, site, detail }).await?;
    tx.commit().await?;
    Ok(())
}

/// One that the caller may see.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, scope: &Scope, id: IntakeId) -> Result<Option<Intake>, DbErr> {
    store::find(db, scope, id).await
}

/// Those that the caller may see, newest first.
///
/// # Errors
/// The database's.
pub async fn list(db: &impl ConnectionTrait, scope: &Scope, page: &PageOf) -> Result<Paged<Intake>, DbErr> {
    store::list(db, scope, page).await
}

/// Lines of one that the caller has found in his scope, in their order.
///
/// # Errors
/// The database's.
pub async fn lines(app: &App, id: IntakeId, only_bad: bool, page: &PageOf) -> Result<Paged<Line>, DbErr> {
    let after = page.after_id().ok().flatten().and_then(|after| i32::try_from(after).ok()).unwrap_or(i32::MIN);
    let wanted = only_bad.then_some(false);
    let rows = store::lines(app.db.read(), &app.keys, id, wanted, (after, page.limit() + 1)).await?;
    Ok(page.cut(rows, |line| line.line.to_string()))
}

/// Secrets of lines are nobody's to read.
pub(crate) fn hide_secrets(columns: &[ColumnUse], lines: &mut [Line]) {
    let secret = columns.iter().position(|column| column.to == Use::Taken(Field::Password));
    let Some(at) = secret else { return };
    for cell in lines.iter_mut().filter_map(|line| line.cells.get_mut(at)).filter(|cell| !cell.is_empty()) {
        columns::HIDDEN.clone_into(cell);
    }
}

/// What a technician takes along: names and secrets of what was made.
#[derive(Debug, Clone, Serialize)]
pub struct Credential {
    pub number: String,
    pub customer: String,
    pub username: String,
    pub password: String,
    pub package: String,
}

/// The names and secrets of what was made, in the order of the lines. That they were looked at is written down.
///
/// # Errors
/// [`SubscriptionError`].
pub async fn credentials(
    app: &App,
    (scope, actor): (&Scope, &Actor),
    id: IntakeId,
) -> Result<Vec<Credential>, SubscriptionError> {
    use secrecy::ExposeSecret as _;
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let intake = store::find(&*tx, scope, id).await?.ok_or(SubscriptionError::NotFound)?;
    let made = store::made(&*tx, id).await?;
    let held = rows::hold(&*tx, &app.keys, &made).await?;
    let detail = serde_json::json!({ "services": held.len() });
    let (object, site) = (format!("subscription_intake/{id}"), Some(intake.site_id));
    audit::record(&*tx, now, actor, Deed { action: "subscription.secrets", object, site, detail }).await?;
    tx.commit().await?;
    let credential = |held: rows::Held| Credential {
        number: held.subscription.number,
        customer: held.subscription.customer,
        username: held.subscription.username,
        password: held.password.expose_secret().to_owned(),
        package: held.subscription.package,
    };
    Ok(held.into_iter().map(credential).collect())
}

/// Forgets lines that are a week old. How many.
///
/// # Errors
/// The database's.
pub async fn purge(tx: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64, DbErr> {
    store::purge(tx, now - clock::seconds(KEEP_DAYS * DAY_SECS)).await
}

/// The telephone of a wish, as a key.
fn phone_key(phone: Option<&Phone>) -> Option<String> {
    phone.map(|phone| phone.as_str().to_owned())
}
