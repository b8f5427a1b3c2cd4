//! Finding vouchers: by what is typed, by filters, by what ends next. Pages, API and exports read through here.

pub mod api;
pub(crate) mod monitor;
pub(crate) mod pages;
pub(crate) mod query;
pub(crate) mod routes;
pub mod rules;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sea_orm::DbErr;

use rules::{After, Meaning, meanings};
pub use rules::{Search, Sort, Span};

use super::{
    Status, Voucher,
    store::{self, LineRow, Read, Walk, Wanted, Zone},
};
use crate::{
    app::App,
    db::paging::{BadCursor, PageOf, Paged},
    http::access::Scope,
    ids::{BatchId, RouterId, VoucherId},
    routers::{self, Place},
    sites,
};

/// Ids in which one page looks for a part of a code; the next page looks in those below.
pub const PART_WINDOW: i64 = 5_000;
/// Lines of a page: some screens of a phone, and read within 2 ms.
pub(crate) const LINES: u64 = 36;
/// Vouchers are counted up to here; beyond it a page says "more than".
pub const COUNTED: u64 = 1_000;
/// Rows read at once while all are read.
const CHUNK: u64 = 1_000;

/// Why nothing is found: not because there is nothing.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("the cursor is not of this search")]
    BadCursor,
    #[error("database")]
    Db(#[from] DbErr),
}

impl From<BadCursor> for SearchError {
    fn from(_: BadCursor) -> Self {
        Self::BadCursor
    }
}

/// A voucher as lists show it.
#[derive(Debug, Clone)]
pub struct VoucherLine {
    pub id: VoucherId,
    pub code: String,
    /// Missing where it is the code.
    pub password: Option<String>,
    pub status: Status,
    pub failure: String,
    pub router_id: RouterId,
    pub router: String,
    /// Zone of its site.
    pub timezone: String,
    pub package: String,
    pub seller: Option<String>,
    pub mac: String,
    pub valid_until: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    /// Over the counter, when.
    pub sold_at: Option<DateTime<Utc>>,
}

/// What a search found: of each voucher `T`.
#[derive(Debug)]
pub struct Found<T> {
    pub page: Paged<T>,
    /// How what was typed was understood.
    pub meaning: Meaning,
    /// Older vouchers were not looked at yet: `next_cursor` goes on with them, also from an empty page.
    pub is_partly: bool,
    /// All there are, where that is known cheaply; more than [`COUNTED`] is [`COUNTED`] + 1.
    pub total: Option<u64>,
}

/// What a walk through everything found needs to know.
struct Plan {
    search: Search,
    zones: Vec<Zone>,
    meaning: Meaning,
    batches: Vec<BatchId>,
    sort: Sort,
    window: Option<(i64, i64)>,
}

impl Plan {
    fn wanted<'a>(&'a self, scope: &'a Scope) -> Wanted<'a> {
        Wanted {
            scope,
            search: &self.search,
            zones: &self.zones,
            meaning: &self.meaning,
            batches: &self.batches,
            sort: self.sort,
            window: self.window,
        }
    }
}

/// One page of the vouchers the caller may see. What was typed is understood in its closest meaning that finds something.
///
/// # Errors
/// [`SearchError`].
pub async fn find(app: &App, scope: &Scope, search: &Search, page: &PageOf) -> Result<Found<Voucher>, SearchError> {
    let Found { page, meaning, is_partly, total } = rows(app, scope, search, page).await?;
    let items = store::with_names(app.db.read(), &app.keys, page.items).await?;
    Ok(Found { page: Paged { items, next_cursor: page.next_cursor }, meaning, is_partly, total })
}

/// The same for a list: only what a line shows is read.
///
/// # Errors
/// [`SearchError`].
pub async fn lines(
    app: &App,
    scope: &Scope,
    search: &Search,
    page: &PageOf,
) -> Result<Found<VoucherLine>, SearchError> {
    let Found { page, meaning, is_partly, total } = rows(app, scope, search, page).await?;
    let items = store::lines_with_names(app.db.read(), &app.keys, page.items).await?;
    Ok(Found { page: Paged { items, next_cursor: page.next_cursor }, meaning, is_partly, total })
}

async fn rows<R: Read>(app: &App, scope: &Scope, search: &Search, page: &PageOf) -> Result<Found<R>, SearchError> {
    let after = page.after().map(After::parse).transpose()?;
    let db = app.db.read();
    let zones = zones(app, scope, search).await?;
    for meaning in meanings(&search.q) {
        if !continues(&meaning, search, after.as_ref()) {
            continue;
        }
        let plan = plan(app, scope, search, (meaning, zones.clone()), after.as_ref().map(|after| &after.1)).await?;
        let key = match &after {
            Some((of, After::Row(key))) if of.is_none_or(|of| of == plan.sort) => Some(key),
            Some((_, After::Row(_))) => return Err(SearchError::BadCursor),
            Some((_, After::Part(_))) | None => None,
        };
        if matches!(plan.meaning, Meaning::Batch(_)) && plan.batches.is_empty() {
            continue;
        }
        let mut walk = Walk::new(app.db.backend(), &plan.wanted(scope), key);
        let rows: Vec<R> = walk.take(db, page.limit() + 1).await?;
        let is_last_meaning = matches!(plan.meaning, Meaning::CodeHas(_) | Meaning::Nothing);
        if rows.is_empty() && !is_last_meaning {
            continue;
        }
        let mut cut = page.cut(rows, |row| After::Row(row.key(plan.sort)).text(plan.sort));
        let lowest = plan.window.map(|(from, _)| from).filter(|from| *from > 1);
        let is_partly = lowest.is_some() && cut.next_cursor.is_none();
        if let (true, Some(from)) = (is_partly, lowest) {
            cut.next_cursor = Some(PageOf::cursor(&After::Part(from).text(plan.sort)));
        }
        let total = match (&after, cut.next_cursor.is_some()) {
            (None, false) => u64::try_from(cut.items.len()).ok(),
            (None, true) if is_cheap(&plan) => {
                Some(Walk::new(app.db.backend(), &plan.wanted(scope), None).count(db, COUNTED + 1).await?)
            }
            _ => None,
        };
        return Ok(Found { page: cut, meaning: plan.meaning, is_partly, total });
    }
    let page = Paged { items: Vec::new(), next_cursor: None };
    Ok(Found { page, meaning: Meaning::Nothing, is_partly: false, total: Some(0) })
}

/// Whether a meaning is worth a try on this page: later pages go on with the meaning of the first.
fn continues(meaning: &Meaning, search: &Search, after: Option<&(Option<Sort>, After)>) -> bool {
    match after {
        Some((_, After::Part(_))) => matches!(meaning, Meaning::CodeHas(_)),
        Some((Some(Sort::Code), _)) => !matches!(meaning, Meaning::Code(_) | Meaning::CodeHas(_)),
        Some((None, _)) if search.sort.is_none() && search.batch.is_none() => {
            !matches!(meaning, Meaning::Code(_) | Meaning::CodeBegins(_))
        }
        // A part is looked for in the order of making only: that is how its work is bounded.
        Some(_) | None => {
            !matches!(meaning, Meaning::CodeHas(_)) || matches!(search.sort, None | Some(Sort::Newest | Sort::Code))
        }
    }
}

async fn plan(
    app: &App,
    scope: &Scope,
    search: &Search,
    (meaning, zones): (Meaning, Vec<Zone>),
    after: Option<&After>,
) -> Result<Plan, DbErr> {
    let batches = if let Meaning::Batch(number) = &meaning {
        store::batches_numbered(app.db.read(), scope, number).await?
    } else {
        Vec::new()
    };
    let by_code = matches!(meaning, Meaning::Code(_) | Meaning::CodeBegins(_));
    let part = matches!(meaning, Meaning::CodeHas(_)) && search.batch.is_none();
    let sort = if part {
        Sort::Newest
    } else if by_code && search.sort.is_none() && search.batch.is_none() {
        Sort::Code
    } else {
        search.order()
    };
    let window = match after {
        _ if !part => None,
        Some(After::Part(below)) => Some((below - PART_WINDOW, *below)),
        // A page in the midst of a window: its rows were all below the key, within one window of it.
        Some(After::Row(rules::Key::Id(id))) => Some((id - PART_WINDOW, *id)),
        Some(After::Row(_)) | None => {
            let last = store::last_id(app.db.read()).await?;
            Some((last + 1 - PART_WINDOW, last + 1))
        }
    };
    Ok(Plan { search: search.clone(), zones, meaning, batches, sort, window })
}

/// Whether a limited count reads little: one index says it all.
fn is_cheap(plan: &Plan) -> bool {
    let search = &plan.search;
    let narrowed = [
        search.batch.is_some(),
        search.router.is_some(),
        search.package.is_some(),
        search.seller.is_some(),
        !search.statuses.is_empty(),
        !search.mac.is_empty(),
        search.sold.is_some(),
        !search.made.is_any() || !search.first_login.is_any() || !search.until.is_any() || !search.ended.is_any(),
        !matches!(plan.meaning, Meaning::Nothing),
    ];
    let narrowings = narrowed.into_iter().filter(|is| *is).count();
    narrowings <= 1 && plan.window.is_none() && !search.online && !search.endless
}

/// The calendars a search by days needs: of its site or router, else of all sites seen.
async fn zones(app: &App, scope: &Scope, search: &Search) -> Result<Vec<Zone>, DbErr> {
    let by_days = [search.made, search.first_login, search.until, search.ended];
    if !by_days.iter().any(|span| matches!(span, Span::Days(..))) {
        return Ok(Vec::new());
    }
    let mut zones: Vec<Zone> = Vec::new();
    for site in sites::all(app.db.read(), &scope.only(search.site)).await? {
        let zone = site.zone();
        match zones.iter_mut().find(|(known, _)| *known == zone) {
            Some((_, sites)) => sites.push(site.id),
            None => zones.push((zone, vec![site.id])),
        }
    }
    Ok(zones)
}

/// Reads everything a search finds, chunk by chunk, in the order of its pages.
pub(super) struct Reader {
    walk: Walk,
}

impl Reader {
    /// A reader of what is found; nothing where the search finds nothing. A part of a code is looked for everywhere.
    pub(super) async fn new(app: &App, scope: &Scope, search: &Search) -> Result<Option<Self>, DbErr> {
        let zones = zones(app, scope, search).await?;
        for meaning in meanings(&search.q) {
            let mut plan = plan(app, scope, search, (meaning, zones.clone()), None).await?;
            plan.window = None;
            if matches!(plan.meaning, Meaning::Batch(_)) && plan.batches.is_empty() {
                continue;
            }
            let begin = || Walk::new(app.db.backend(), &plan.wanted(scope), None);
            if !begin().take::<LineRow>(app.db.read(), 1).await?.is_empty() {
                return Ok(Some(Self { walk: begin() }));
            }
        }
        Ok(None)
    }

    /// How many it will read, counted up to a limit.
    pub(super) async fn count(&self, app: &App, limit: u64) -> Result<u64, DbErr> {
        self.walk.count(app.db.read(), limit).await
    }

    /// The next vouchers; none at the end.
    pub(super) async fn next(&mut self, app: &App) -> Result<Vec<Voucher>, DbErr> {
        let rows = self.walk.take(app.db.read(), CHUNK).await?;
        store::with_names(app.db.read(), &app.keys, rows).await
    }
}

/// Which of these codes of these routers have an open session.
///
/// # Errors
/// The database's.
pub async fn online(app: &App, codes: &BTreeSet<(RouterId, String)>) -> Result<HashSet<(RouterId, String)>, DbErr> {
    store::online(app.db.read(), codes).await
}

/// The places a caller may filter by, and the zone in which a page without a site speaks of days.
pub(super) async fn places(app: &App, scope: &Scope) -> Result<Vec<Place>, DbErr> {
    routers::places(app.db.read(), scope).await
}

/// The zone of a site or router among these; else of the first.
pub(super) fn zone_of(places: &[Place], router: Option<RouterId>) -> Tz {
    let chosen = places.iter().find(|place| Some(place.id) == router).or_else(|| places.first());
    chosen.and_then(|place| place.timezone.parse().ok()).unwrap_or(Tz::UTC)
}
