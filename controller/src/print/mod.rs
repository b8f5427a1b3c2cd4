//! Printing vouchers: which, on what paper, how often.
//!
//! A print has a key. Opening it again with its key, by the same person within the hour, counts nothing; without one
//! the print is a new one, and when it takes vouchers that were printed before it needs a reason. The pages of paper
//! are a stream (`stream`): 5,000 vouchers are never in memory at once.

pub(crate) mod api;
mod cells;
pub mod format;
pub mod layout;
pub mod layouts;
pub(crate) mod pages;
pub(crate) mod routes;
pub mod rules;
mod store;
#[cfg(test)]
mod stories;
mod stream;
mod styles;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use hiji_shared::device::RouterFacts;
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use self::{
    cells::Context,
    format::{Family, Format},
    layout::Document,
    store::{NewPrint, Taken},
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    clock,
    http::{
        access::Scope,
        error::AppError,
        form::{FieldError, FormErrors},
    },
    ids::{AdminId, BatchId, LayoutId, SiteId, VoucherId},
    routers, sites,
    vouchers::{self, Batch, BatchState, Mode},
};

pub(crate) use pages::sample as sample_printed;
pub(crate) use styles::routes as style_routes;

/// Vouchers that a search may hand over at once.
pub const MAX_CHOSEN: usize = 500;
/// Longest reason for a reprint, characters.
pub const MAX_REASON: usize = 200;
/// How long a print may be opened again without being counted: paper jams are noticed soon.
const OPEN_AGAIN_SECS: i64 = 3_600;

/// Which vouchers of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Part {
    /// All that can still be used.
    All,
    /// Those nobody has used or bought over the counter.
    #[default]
    Unsold,
    /// From a number to a number, both included.
    Range(i32, i32),
}

/// Which vouchers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    Batch {
        id: BatchId,
        part: Part,
    },
    /// Some, of any batch; at most [`MAX_CHOSEN`].
    Chosen(Vec<VoucherId>),
}

impl Which {
    /// As recorded; its text is `print-what-<name>`.
    fn name(&self) -> &'static str {
        match self {
            Self::Batch { part: Part::All, .. } => "all",
            Self::Batch { part: Part::Unsold, .. } => "unsold",
            Self::Batch { part: Part::Range(..), .. } => "range",
            Self::Chosen(_) => "chosen",
        }
    }
}

/// What is to be printed.
#[derive(Debug, Clone)]
pub struct Job {
    pub which: Which,
    pub format: Format,
    /// The default of the site when there is none.
    pub layout: Option<LayoutId>,
    /// Also what the router has not proven yet.
    pub unproven: bool,
}

/// A print as recorded, for one batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Printed {
    /// Its key; the same for all batches of a print.
    pub id: String,
    pub batch_id: BatchId,
    /// `all`, `unsold`, `range`, `chosen`.
    pub what: String,
    pub first: i32,
    pub last: i32,
    pub count: i32,
    pub format: String,
    pub layout_id: Option<LayoutId>,
    /// Vouchers that were not proven were printed too.
    pub unproven: bool,
    /// Why it was printed again.
    pub reason: String,
    pub admin_id: Option<AdminId>,
    pub by: String,
    pub at: DateTime<Utc>,
}

/// How somebody prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Preference {
    /// The paper used last.
    pub format: Format,
    /// The roll used last, for single vouchers.
    pub roll: Format,
    /// Does the print open by itself after a sale?
    pub opens: bool,
}

impl Default for Preference {
    fn default() -> Self {
        Self { format: Format::default(), roll: Format::Thermal58, opens: true }
    }
}

impl Preference {
    /// After something was printed so.
    #[must_use]
    pub fn using(self, format: Format) -> Self {
        let roll = if format.family() == Family::Thermal { format } else { self.roll };
        Self { format, roll, ..self }
    }
}

/// Why nothing is printed.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    #[error("no such batch or voucher")]
    NotFound,
    #[error("no voucher of these can be sold")]
    NothingToPrint,
    #[error("the router has not proven the batch")]
    NotReady,
    #[error("printed before: a reason is needed")]
    ReasonNeeded,
    #[error("the reason is too long")]
    ReasonTooLong,
    #[error("no such layout for this format and site")]
    NoSuchLayout,
    #[error("more than {MAX_CHOSEN} vouchers")]
    TooMany,
    #[error("database")]
    Db(#[from] DbErr),
}

impl From<PrintError> for AppError {
    fn from(error: PrintError) -> Self {
        let field = |name, code| FormErrors::of(name, FieldError::new(code)).into();
        match error {
            PrintError::NotFound => Self::NotFound,
            PrintError::NothingToPrint => Self::Conflict { code: "nothing_to_print" },
            PrintError::NotReady => Self::Conflict { code: "batch_not_ready" },
            PrintError::ReasonNeeded => field("reason", "reason_needed"),
            PrintError::ReasonTooLong => {
                let max = i64::try_from(MAX_REASON).unwrap_or(i64::MAX);
                FormErrors::of("reason", FieldError::new("too_long").arg("max", max)).into()
            }
            PrintError::NoSuchLayout => field("layout", "not_offered"),
            PrintError::TooMany => field("ids", "too_many_vouchers"),
            PrintError::Db(error) => error.into(),
        }
    }
}

/// A print that can be made: what it takes, and what stands on all of its vouchers.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) job: Job,
    pub(crate) batches: Vec<Batch>,
    taken: Vec<Taken>,
    contexts: HashMap<BatchId, Context>,
    document: Document,
    /// Address of the layout's logo, or empty.
    logo: String,
}

impl Prepared {
    /// Vouchers it prints.
    pub(crate) fn count(&self) -> usize {
        self.taken.iter().map(|taken| usize::try_from(taken.count).unwrap_or(0)).sum()
    }

    /// A router has told no name and no address for login codes that the format would show.
    pub(crate) fn lacks_login_host(&self) -> bool {
        let wanted = self.job.format.has_qr() && self.document.fields.qr;
        wanted && self.contexts.values().any(|context| context.login_host.is_empty())
    }
}

/// Finds what a job takes.
///
/// # Errors
/// [`PrintError`]; `NotReady` while the router has not proven a batch and the job does not insist.
pub(crate) async fn prepare(app: &App, scope: &Scope, job: Job) -> Result<Prepared, PrintError> {
    let db = app.db.read();
    let ids = match &job.which {
        Which::Batch { id, .. } => vec![*id],
        Which::Chosen(ids) if ids.len() > MAX_CHOSEN => return Err(PrintError::TooMany),
        Which::Chosen(ids) => store::batches_of(db, scope, ids).await?,
    };
    let mut batches = Vec::with_capacity(ids.len());
    for id in ids {
        batches.extend(vouchers::batch(db, scope, id).await?);
    }
    let Some(first) = batches.first() else { return Err(PrintError::NotFound) };
    let (document, logo) = document_for(db, scope, &job, first.site_id).await?;
    if !job.unproven && batches.iter().any(|batch| batch.state == BatchState::Pending) {
        return Err(PrintError::NotReady);
    }
    let taken = store::taken(db, scope, &job.which, job.unproven).await?;
    if taken.is_empty() {
        return Err(PrintError::NothingToPrint);
    }
    let mut contexts = HashMap::with_capacity(batches.len());
    for batch in &batches {
        let has_more = taken.iter().any(|taken| taken.batch == batch.id && taken.has_more);
        contexts.insert(batch.id, Context { has_more, ..context(db, scope, batch).await? });
    }
    Ok(Prepared { job, batches, taken, contexts, document, logo })
}

/// The layout of a job, or the default of the site, or hiji's own; with the address of its logo.
async fn document_for(
    db: &impl ConnectionTrait,
    scope: &Scope,
    job: &Job,
    site: SiteId,
) -> Result<(Document, String), PrintError> {
    let family = job.format.family();
    let layout = match job.layout {
        Some(id) => {
            let found = layouts::find(db, scope, id).await?;
            let fits = |layout: &layouts::Layout| layout.family == family && layout.site_id.is_none_or(|of| of == site);
            Some(found.filter(fits).ok_or(PrintError::NoSuchLayout)?)
        }
        None => layouts::default(db, site, family).await?,
    };
    Ok(layout.map_or_else(
        || (Document::of(family), String::new()),
        |layout| (layout.document, layout.logo.unwrap_or_default()),
    ))
}

async fn context(db: &impl ConnectionTrait, scope: &Scope, batch: &Batch) -> Result<Context, DbErr> {
    let site = sites::find(db, scope, batch.site_id).await?;
    let facts = routers::find(db, scope, batch.router_id).await?.map(|router| router.facts).unwrap_or_default();
    let host = rules::login_host(&facts.hotspot_dns_name, &facts.hotspot_address);
    Ok(Context {
        wifi: site.map(|site| site.wifi_name).unwrap_or_default(),
        package: batch.package.clone(),
        seller: batch.seller.clone(),
        zone: batch.timezone.parse().unwrap_or(chrono_tz::Tz::UTC),
        login_host: host.unwrap_or_default().to_owned(),
        separate: batch.mode == Mode::Separate.as_str(),
        code_chars: batch.prefix.chars().count() + usize::try_from(batch.length).unwrap_or(0),
        has_more: false,
    })
}

/// The address that logs a guest in, as QR codes hold it; nothing where the router has told no name and no address for it.
#[must_use]
pub fn login_url(facts: &RouterFacts, code: &str, password: Option<&str>) -> Option<String> {
    let host = rules::login_host(&facts.hotspot_dns_name, &facts.hotspot_address)?;
    Some(rules::login_url(host, code, password))
}

/// Who prints, under which key, and why again.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) key: &'a str,
    pub(crate) reason: &'a str,
}

/// Records a print, once a key, in one transaction for all of its batches.
///
/// # Errors
/// [`PrintError::ReasonNeeded`] when vouchers of it were printed before; then nothing is counted.
pub(crate) async fn record(app: &App, prepared: &Prepared, opening: &Opening<'_>) -> Result<Vec<Printed>, PrintError> {
    let reason = opening.reason.trim();
    if reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
        return Err(PrintError::ReasonTooLong);
    }
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let Job { which, format, layout, unproven } = &prepared.job;
    let new = NewPrint {
        key: opening.key,
        what: which.name(),
        format: *format,
        layout: *layout,
        unproven: *unproven,
        reason,
        admin: opening.actor.admin,
        admin_name: &opening.actor.name,
        now,
    };
    for taken in &prepared.taken {
        store::count_up(&*tx, taken.batch).await?;
    }
    // Only now nobody else counts the same batches.
    let known = store::of_key(&*tx, opening.key).await?;
    if !known.is_empty() {
        return Ok(known);
    }
    for taken in &prepared.taken {
        let before = store::ranges(&*tx, taken.batch).await?;
        let again = before.into_iter().any(|range| rules::overlap(range, (taken.first, taken.last)));
        if again && reason.is_empty() {
            return Err(PrintError::ReasonNeeded);
        }
        store::insert(&*tx, *taken, &new).await?;
        let detail = serde_json::json!({
            "format": format.as_str(), "what": which.name(), "count": taken.count, "again": again, "reason": reason,
        });
        let site = prepared.batches.iter().find(|batch| batch.id == taken.batch).map(|batch| batch.site_id);
        let deed = Deed { action: "voucher.print", object: format!("batch/{}", taken.batch), site, detail };
        audit::record(&*tx, now, opening.actor, deed).await?;
    }
    let printed = store::of_key(&*tx, opening.key).await?;
    if let Some(admin) = opening.actor.admin {
        let liked = store::preference(&*tx, admin).await?;
        if liked.format != *format {
            store::set_preference(&*tx, now, admin, liked.using(*format)).await?;
        }
    }
    tx.commit().await?;
    for batch in &prepared.batches {
        app.live.send(format!("batch-{}", batch.id), Some(batch.site_id));
    }
    Ok(printed)
}

/// Whether a key may show its print again without counting: it is theirs, of these batches, and not long ago.
pub(crate) async fn may_open_again(
    app: &App,
    prepared: &Prepared,
    admin: Option<AdminId>,
    key: &str,
) -> Result<Known, DbErr> {
    let printed = store::of_key(app.db.read(), key).await?;
    if printed.is_empty() {
        return Ok(Known::New);
    }
    let since = app.clock.now() - clock::seconds(OPEN_AGAIN_SECS);
    let covers = |taken: &Taken| {
        let covered = |each: &&Printed| {
            each.batch_id == taken.batch
                && (each.unproven || !prepared.job.unproven)
                && each.first <= taken.first
                && each.last >= taken.last
        };
        printed.iter().any(|each| covered(&each))
    };
    let theirs = printed.iter().all(|each| each.admin_id == admin && each.at >= since);
    Ok(if theirs && prepared.taken.iter().all(covers) { Known::Open } else { Known::Spent })
}

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing: a print may be recorded under it.
    New,
    /// Its print may be shown again.
    Open,
    /// It is somebody else's, of other vouchers, or of long ago.
    Spent,
}

/// A recent print of these vouchers by somebody, whatever the paper.
pub(crate) async fn recent(app: &App, prepared: &Prepared, admin: Option<AdminId>) -> Result<Option<String>, DbErr> {
    let Some(first) = prepared.taken.first() else { return Ok(None) };
    for printed in store::history(app.db.read(), first.batch).await? {
        if may_open_again(app, prepared, admin, &printed.id).await? == Known::Open {
            return Ok(Some(printed.id));
        }
    }
    Ok(None)
}

/// The prints of a batch, newest first; at most 50.
///
/// # Errors
/// The database's.
pub async fn history(db: &impl ConnectionTrait, batch: BatchId) -> Result<Vec<Printed>, DbErr> {
    store::history(db, batch).await
}

/// How somebody prints.
///
/// # Errors
/// The database's.
pub async fn preference(db: &impl ConnectionTrait, admin: AdminId) -> Result<Preference, DbErr> {
    store::preference(db, admin).await
}

/// Keeps how somebody prints.
///
/// # Errors
/// The database's.
pub async fn prefer(app: &App, admin: AdminId, preference: Preference) -> Result<(), DbErr> {
    let tx = app.db.begin().await?;
    store::set_preference(&*tx, app.clock.now(), admin, preference).await?;
    tx.commit().await
}

/// The batch that a form of a sale made, once it is there.
pub(crate) async fn batch_of_form(app: &App, scope: &Scope, form_id: &str) -> Result<Option<BatchId>, DbErr> {
    store::batch_of_form(app.db.read(), scope, form_id).await
}
