//! Finding vouchers among many: each search is a few walks along an index, merged; nothing but the few ids of a page is
//! sorted, nothing skipped. A walk is an **arm**: one site and one status, so that index and order are one.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, ExprTrait as _, FromQueryResult,
    IdenStatic as _, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait as _, Select,
    sea_query::{Alias, Asterisk, Expr, Query, SimpleExpr, UnionType},
};

use super::super::{
    life::Status,
    search::rules::{Key, Meaning, Search, Sort, Span},
};
use crate::{
    db::entity::{
        router_session,
        voucher::{Column, Entity, Model},
        voucher_batch,
    },
    http::access::Scope,
    ids::{BatchId, RouterId, SiteId},
};

/// Walks of one search; more sites and statuses than that are one walk with a filter.
const MAX_ARMS: usize = 24;
/// Batches whose number begins as typed, newest first.
const MAX_BATCHES: u64 = 20;
/// Above every character of a code.
const ABOVE: char = '\u{7f}';

/// A zone, and the sites in it.
pub(in super::super) type Zone = (Tz, Vec<SiteId>);

/// A search with all that its conditions need.
#[derive(Debug, Clone)]
pub(in super::super) struct Wanted<'a> {
    pub(in super::super) scope: &'a Scope,
    pub(in super::super) search: &'a Search,
    /// Of the sites that are seen.
    pub(in super::super) zones: &'a [Zone],
    pub(in super::super) meaning: &'a Meaning,
    /// Batches, where the meaning is their number.
    pub(in super::super) batches: &'a [BatchId],
    pub(in super::super) sort: Sort,
    /// Only ids from the first, below the second.
    pub(in super::super) window: Option<(i64, i64)>,
}

/// What is read of a voucher: all of it, or what a line of a list shows. A page is mostly the reading of columns.
pub(in super::super) trait Read: FromQueryResult + Send + Sync {
    /// The query, of these columns only.
    fn columns(query: Select<Entity>) -> Select<Entity>;
    fn id(&self) -> i64;
    /// Its place in an order.
    fn key(&self, sort: Sort) -> Key;
}

impl Read for Model {
    fn columns(query: Select<Entity>) -> Select<Entity> {
        query
    }

    fn id(&self) -> i64 {
        self.id
    }

    fn key(&self, sort: Sort) -> Key {
        let times = Times {
            made: self.created_at,
            first_login: self.first_login_at,
            until: self.valid_until,
            ended: self.ended_at,
            sold: self.sold_at,
        };
        key(sort, (self.id, &self.code), times)
    }
}

/// What a line shows, without names.
#[derive(Debug, FromQueryResult)]
pub(in super::super) struct LineRow {
    pub(super) id: i64,
    pub(super) code: String,
    pub(super) password: Option<Vec<u8>>,
    pub(super) status: String,
    pub(super) failure: String,
    pub(super) site_id: i64,
    pub(super) router_id: i64,
    pub(super) package_id: i64,
    pub(super) seller_id: Option<i64>,
    pub(super) mac: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) first_login_at: Option<DateTime<Utc>>,
    pub(super) valid_until: Option<DateTime<Utc>>,
    pub(super) ended_at: Option<DateTime<Utc>>,
    pub(super) sold_at: Option<DateTime<Utc>>,
}

impl Read for LineRow {
    fn columns(query: Select<Entity>) -> Select<Entity> {
        query.select_only().columns([
            Column::Id,
            Column::Code,
            Column::Password,
            Column::Status,
            Column::Failure,
            Column::SiteId,
            Column::RouterId,
            Column::PackageId,
            Column::SellerId,
            Column::Mac,
            Column::CreatedAt,
            Column::FirstLoginAt,
            Column::ValidUntil,
            Column::EndedAt,
            Column::SoldAt,
        ])
    }

    fn id(&self) -> i64 {
        self.id
    }

    fn key(&self, sort: Sort) -> Key {
        let times = Times {
            made: self.created_at,
            first_login: self.first_login_at,
            until: self.valid_until,
            ended: self.ended_at,
            sold: self.sold_at,
        };
        key(sort, (self.id, &self.code), times)
    }
}

/// Reads what is wanted in its order, as far as it is asked to.
#[derive(Debug)]
pub(in super::super) struct Walk {
    /// What is wanted, each along one index.
    arms: Vec<Select<Entity>>,
    sort: Sort,
    /// The last that was read.
    after: Option<Key>,
    is_over: bool,
}

impl Walk {
    /// A walk that begins after a key.
    pub(in super::super) fn new(backend: DbBackend, wanted: &Wanted<'_>, after: Option<&Key>) -> Self {
        let conditions = conditions(backend, wanted);
        let arms = arms(backend, wanted).into_iter().map(|arm| Entity::find().filter(arm).filter(conditions.clone()));
        Self { arms: arms.collect(), sort: wanted.sort, after: after.cloned(), is_over: false }
    }

    /// The next rows, at most so many; fewer only at the end.
    pub(in super::super) async fn take<R: Read>(
        &mut self,
        db: &impl ConnectionTrait,
        count: u64,
    ) -> Result<Vec<R>, DbErr> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let backend = db.get_database_backend();
        let rows: Vec<R> = match self.arms.as_slice() {
            [only] => R::columns(self.paged(backend, only).limit(count)).into_model().all(db).await?,
            several => self.merged(db, several, count).await?,
        };
        self.is_over = u64::try_from(rows.len()).unwrap_or(u64::MAX) < count;
        self.after = rows.last().map(|row| row.key(self.sort));
        Ok(rows)
    }

    /// The first ids of every arm, the first of these, and only then their rows.
    async fn merged<R: Read>(
        &self,
        db: &impl ConnectionTrait,
        arms: &[Select<Entity>],
        count: u64,
    ) -> Result<Vec<R>, DbErr> {
        let backend = db.get_database_backend();
        let key = || sorted_by(backend, self.sort).unwrap_or_else(|| Expr::col((Entity, Column::Id)));
        let firsts = arms.iter().map(|arm| {
            let ids = self.paged(backend, arm).select_only().column_as(key(), "sort_key").column(Column::Id);
            Query::select().expr(Expr::col(Asterisk)).from_subquery(ids.limit(count).into_query(), "arm").to_owned()
        });
        let union = firsts.reduce(|mut all, arm| all.union(UnionType::All, arm).to_owned());
        let Some(union) = union else { return Ok(Vec::new()) };
        let order = self.order();
        let ids = Query::select()
            .column("id")
            .from_subquery(union, "arms")
            .order_by("sort_key", order.clone())
            .order_by("id", order)
            .limit(count)
            .to_owned();
        let found = db.query_all(&ids).await?;
        let ids = found.iter().map(|row| row.try_get("", "id")).collect::<Result<Vec<i64>, DbErr>>()?;
        let rows = R::columns(Entity::find().filter(Column::Id.is_in(ids.iter().copied())));
        let rows: Vec<R> = rows.into_model().all(db).await?;
        let mut rows: HashMap<i64, R> = rows.into_iter().map(|row| (row.id(), row)).collect();
        Ok(ids.iter().filter_map(|id| rows.remove(id)).collect())
    }

    fn order(&self) -> Order {
        if self.sort.is_descending() { Order::Desc } else { Order::Asc }
    }

    /// What of an arm comes after the last that was read, in its order.
    fn paged(&self, backend: DbBackend, arm: &Select<Entity>) -> Select<Entity> {
        let mut query = arm.clone();
        if let Some(key) = &self.after {
            query = query.filter(beyond(backend, self.sort, key));
        }
        if let Some(first) = sorted_by(backend, self.sort) {
            query = query.order_by(first, self.order());
        }
        query.order_by(Column::Id, self.order())
    }

    /// How many there are, counted up to a limit.
    pub(in super::super) async fn count(&self, db: &impl ConnectionTrait, limit: u64) -> Result<u64, DbErr> {
        let mut total = 0;
        for arm in &self.arms {
            let rows = arm.clone().select_only().column(Column::Id).limit(limit - total).into_query();
            let count = Query::select()
                .expr_as(Expr::col(Alias::new("id")).count(), Alias::new("n"))
                .from_subquery(rows, Alias::new("some"))
                .to_owned();
            let row = db.query_one_raw(db.get_database_backend().build(&count)).await?;
            let counted: i64 = row.map(|row| row.try_get("", "n")).transpose()?.unwrap_or(0);
            total += u64::try_from(counted).unwrap_or(0);
            if total >= limit {
                break;
            }
        }
        Ok(total)
    }

    /// What the database is asked, one statement an arm. For the test that looks at its plans.
    #[cfg(test)]
    pub(in super::super) fn statements(&self, backend: DbBackend, count: u64) -> Vec<sea_orm::Statement> {
        let of = |arm: &Select<Entity>| backend.build(self.paged(backend, arm).limit(count).as_query());
        self.arms.iter().map(of).collect()
    }
}

/// `lower(code)`, byte by byte, as the indexes have it.
fn lower_code(backend: DbBackend) -> SimpleExpr {
    // SeaORM has no words for a collation.
    if backend == DbBackend::Postgres {
        Expr::cust("lower(\"voucher\".\"code\") COLLATE \"C\"")
    } else {
        Expr::cust("lower(\"voucher\".\"code\")")
    }
}

fn raw_mac(backend: DbBackend) -> SimpleExpr {
    if backend == DbBackend::Postgres {
        Expr::cust("\"voucher\".\"mac\" COLLATE \"C\"")
    } else {
        Expr::cust("\"voucher\".\"mac\"")
    }
}

fn time_column(sort: Sort) -> Option<Column> {
    match sort {
        Sort::Made => Some(Column::CreatedAt),
        Sort::FirstLogin => Some(Column::FirstLoginAt),
        Sort::ValidUntil => Some(Column::ValidUntil),
        Sort::Ended => Some(Column::EndedAt),
        Sort::Sold => Some(Column::SoldAt),
        Sort::Newest | Sort::Oldest | Sort::Code => None,
    }
}

fn sorted_by(backend: DbBackend, sort: Sort) -> Option<SimpleExpr> {
    match sort {
        Sort::Code => Some(lower_code(backend)),
        Sort::Newest | Sort::Oldest => None,
        Sort::Made | Sort::FirstLogin | Sort::ValidUntil | Sort::Ended | Sort::Sold => {
            time_column(sort).map(|column| Expr::col((Entity, column)))
        }
    }
}

/// The times of a voucher that lists are in the order of.
#[derive(Clone, Copy)]
struct Times {
    made: DateTime<Utc>,
    first_login: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    ended: Option<DateTime<Utc>>,
    sold: Option<DateTime<Utc>>,
}

fn key(sort: Sort, (id, code): (i64, &str), times: Times) -> Key {
    let nanos = |at: Option<DateTime<Utc>>| at.and_then(|at| at.timestamp_nanos_opt()).unwrap_or(0);
    match sort {
        Sort::Newest | Sort::Oldest => Key::Id(id),
        Sort::Code => Key::Code(code.to_ascii_lowercase(), id),
        Sort::Made => Key::Time(nanos(Some(times.made)), id),
        Sort::FirstLogin => Key::Time(nanos(times.first_login), id),
        Sort::ValidUntil => Key::Time(nanos(times.until), id),
        Sort::Ended => Key::Time(nanos(times.ended), id),
        Sort::Sold => Key::Time(nanos(times.sold), id),
    }
}

/// What comes after a key. Written so that its first part is a range of the index.
fn beyond(backend: DbBackend, sort: Sort, key: &Key) -> Condition {
    let down = sort.is_descending();
    let by_id = |id: i64| if down { Column::Id.lt(id) } else { Column::Id.gt(id) };
    let (id, value) = match key {
        Key::Id(id) => return Condition::all().add(by_id(*id)),
        Key::Code(code, id) => (*id, SimpleExpr::from(code.as_str())),
        Key::Time(nanos, id) => (*id, SimpleExpr::from(DateTime::from_timestamp_nanos(*nanos))),
    };
    let Some(first) = sorted_by(backend, sort) else { return Condition::all().add(by_id(id)) };
    let (or_equal, strictly) = if down {
        (first.clone().lte(value.clone()), first.lt(value))
    } else {
        (first.clone().gte(value.clone()), first.gt(value))
    };
    Condition::all().add(or_equal).add(Condition::any().add(strictly).add(by_id(id)))
}

/// The index that a search walks. It is chosen here and not by the database: SQLite knows too little of the values, and
/// would sort a hundred thousand rows by id rather than read fifty in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lead {
    Batch,
    Mac,
    Code,
    /// The ids themselves.
    Window,
    Seller,
    Router,
    Package,
    /// A time; of the sites' own indexes where there are some.
    Time {
        by_site: bool,
    },
    /// Site and status.
    Place,
}

fn lead(wanted: &Wanted<'_>) -> Lead {
    let search = wanted.search;
    if search.batch.is_some() || !wanted.batches.is_empty() {
        return Lead::Batch;
    }
    match wanted.sort {
        Sort::Code => Lead::Code,
        Sort::Made => Lead::Time { by_site: false },
        Sort::FirstLogin | Sort::Ended | Sort::Sold => Lead::Time { by_site: true },
        Sort::ValidUntil => Lead::Place,
        Sort::Newest | Sort::Oldest => match wanted.meaning {
            Meaning::Mac(_) => Lead::Mac,
            Meaning::Code(_) | Meaning::CodeBegins(_) => Lead::Code,
            Meaning::Nothing | Meaning::Batch(_) | Meaning::CodeHas(_) if !search.mac.is_empty() => Lead::Mac,
            Meaning::Nothing | Meaning::Batch(_) | Meaning::CodeHas(_) if wanted.window.is_some() => Lead::Window,
            Meaning::Nothing | Meaning::Batch(_) | Meaning::CodeHas(_) if search.seller.is_some() => Lead::Seller,
            Meaning::Nothing | Meaning::Batch(_) | Meaning::CodeHas(_) if search.router.is_some() => Lead::Router,
            Meaning::Nothing | Meaning::Batch(_) | Meaning::CodeHas(_) if search.package.is_some() => Lead::Package,
            Meaning::Nothing | Meaning::Batch(_) | Meaning::CodeHas(_) => Lead::Place,
        },
    }
}

/// A column in a condition; where it does not lead, SQLite is kept from leading with it by a plus.
fn col(backend: DbBackend, column: Column, leads: bool) -> SimpleExpr {
    if leads || backend == DbBackend::Postgres {
        Expr::col((Entity, column))
    } else {
        Expr::cust(format!("+\"voucher\".\"{}\"", column.as_str()))
    }
}

/// One condition an arm: the batch, or site and status, as the leading index has them.
fn arms(backend: DbBackend, wanted: &Wanted<'_>) -> Vec<Condition> {
    let (search, lead) = (wanted.search, lead(wanted));
    let place = lead == Lead::Place;
    let by_site = place || matches!(lead, Lead::Code | Lead::Time { by_site: true });
    let sites = wanted.scope.only(search.site).site_ids();
    // What ends next is told apart by status in its index.
    let looked_for = search.looked_for();
    let all = place && wanted.sort == Sort::ValidUntil && looked_for.is_empty();
    let statuses = if all { Status::ALL.to_vec() } else { looked_for };
    let in_sites = |sites: &[SiteId]| col(backend, Column::SiteId, by_site).is_in(sites.iter().map(|site| site.0));
    let in_statuses =
        |statuses: &[Status]| col(backend, Column::Status, place).is_in(statuses.iter().map(|status| status.as_str()));
    let each_site = if by_site { sites.clone() } else { None };
    let each_status = if place { statuses.clone() } else { Vec::new() };
    let several = each_site.as_ref().map_or(1, Vec::len) * each_status.len().max(1);
    let (each_site, each_status) = if several > MAX_ARMS { (None, Vec::new()) } else { (each_site, each_status) };
    let mut common = Condition::all();
    if each_site.is_none() {
        common = common.add_option(sites.as_deref().map(in_sites));
    }
    if each_status.is_empty() && !statuses.is_empty() {
        common = common.add(in_statuses(&statuses));
    }
    if !wanted.batches.is_empty() {
        return wanted.batches.iter().map(|batch| common.clone().add(Column::BatchId.eq(batch.0))).collect();
    }
    let sites: Vec<Option<SiteId>> =
        each_site.map_or_else(|| vec![None], |sites| sites.into_iter().map(Some).collect());
    let statuses: Vec<Option<Status>> =
        if each_status.is_empty() { vec![None] } else { each_status.into_iter().map(Some).collect() };
    let arm = |site: Option<SiteId>, status: Option<Status>| {
        common
            .clone()
            .add_option(site.map(|site| Column::SiteId.eq(site.0)))
            .add_option(status.map(|status| Column::Status.eq(status.as_str())))
    };
    sites.iter().flat_map(|site| statuses.iter().map(|status| arm(*site, *status))).collect()
}

/// What holds in every arm.
fn conditions(backend: DbBackend, wanted: &Wanted<'_>) -> Condition {
    let (search, lead) = (wanted.search, lead(wanted));
    let is = |column: Column, id: Option<i64>, leads: bool| id.map(|id| col(backend, column, leads).eq(id));
    let mut all = Condition::all()
        .add_option(is(Column::BatchId, search.batch.map(|batch| batch.0), lead == Lead::Batch))
        .add_option(is(Column::RouterId, search.router.map(|router| router.0), lead == Lead::Router))
        .add_option(is(Column::PackageId, search.package.map(|package| package.0), lead == Lead::Package))
        .add_option(is(Column::SellerId, search.seller, lead == Lead::Seller));
    let sorted = time_column(wanted.sort).map(|column| column.as_str()).filter(|_| lead != Lead::Batch);
    for (column, span) in [
        (Column::CreatedAt, &search.made),
        (Column::FirstLoginAt, &search.first_login),
        (Column::ValidUntil, &search.until),
        (Column::EndedAt, &search.ended),
    ] {
        all = all.add(within(&col(backend, column, sorted == Some(column.as_str())), span, wanted.zones));
    }
    if !search.mac.is_empty() {
        all = all.add(has_mac(backend, &search.mac));
    }
    if search.online {
        // SeaORM cannot tie a subquery to the row outside.
        all = all.add(Expr::cust(
            "EXISTS (SELECT 1 FROM router_session s WHERE s.router_id = \"voucher\".\"router_id\" AND s.username = \
             \"voucher\".\"code\" AND s.ended_at IS NULL)",
        ));
    }
    match search.sold {
        Some(true) => {
            all = all.add(col(backend, Column::SoldAt, sorted == Some(Column::SoldAt.as_str())).is_not_null())
        }
        Some(false) => {
            all = all.add(col(backend, Column::SoldAt, false).is_null());
            all = all.add(col(backend, Column::FirstLoginAt, false).is_null());
            all = all.add(col(backend, Column::EndedAt, false).is_null());
        }
        None => {}
    }
    if search.endless {
        all = all.add(col(backend, Column::ValidUntil, false).is_null());
    }
    if let Some((from, below)) = wanted.window {
        all = all.add(Column::Id.gte(from)).add(Column::Id.lt(below));
    }
    // Said in so many words, or SQLite does not see that an index of those that have the time will do.
    all = all.add_option(time_column(wanted.sort).filter(|_| wanted.sort != Sort::Made).map(|at| at.is_not_null()));
    match wanted.meaning {
        Meaning::Nothing | Meaning::Batch(_) => all,
        Meaning::Mac(mac) => all.add(has_mac(backend, mac)),
        // A range of one: with an equality SQLite forgets that the index has the order too.
        Meaning::Code(code) => {
            all.add(lower_code(backend).gte(code.as_str())).add(lower_code(backend).lte(code.as_str()))
        }
        Meaning::CodeBegins(code) => {
            let above = format!("{code}{ABOVE}");
            all.add(lower_code(backend).gte(code.as_str())).add(lower_code(backend).lt(above))
        }
        Meaning::CodeHas(part) => all.add(has_part(backend, part)),
    }
}

fn has_part(backend: DbBackend, part: &str) -> SimpleExpr {
    // Not LIKE: a code may hold what LIKE reads as a pattern.
    if backend == DbBackend::Postgres {
        Expr::cust_with_values("strpos(lower(\"voucher\".\"code\"), $1) > 0", [part])
    } else {
        Expr::cust_with_values("instr(lower(\"voucher\".\"code\"), ?) > 0", [part])
    }
}

fn has_mac(backend: DbBackend, mac: &str) -> Condition {
    const WHOLE: usize = 17;
    // Said in so many words: the index is of those that have one.
    let some = Condition::all().add(Expr::cust("\"voucher\".\"mac\" <> ''"));
    if mac.len() == WHOLE {
        return some.add(raw_mac(backend).eq(mac));
    }
    some.add(raw_mac(backend).gte(mac)).add(raw_mac(backend).lt(format!("{mac}{ABOVE}")))
}

/// A span of a column. Where sites have several calendars, the widest span comes first, for the index; then each its own.
fn within(column: &SimpleExpr, span: &Span, zones: &[Zone]) -> Condition {
    let between = |(from, to): (Option<DateTime<Utc>>, Option<DateTime<Utc>>)| {
        Condition::all()
            .add_option(from.map(|at| column.clone().gte(at)))
            .add_option(to.map(|at| column.clone().lt(at)))
    };
    match (span, zones) {
        (Span::Any, _) => Condition::all(),
        (Span::Between(..), _) | (Span::Days(..), []) => between(span.at(Tz::UTC)),
        (Span::Days(..), [(zone, _)]) => between(span.at(*zone)),
        (Span::Days(..), zones) => {
            let spans: Vec<_> = zones.iter().map(|(zone, _)| span.at(*zone)).collect();
            let widest = (spans.iter().filter_map(|span| span.0).min(), spans.iter().filter_map(|span| span.1).max());
            let each = zones.iter().zip(&spans).fold(Condition::any(), |any, ((_, sites), span)| {
                any.add(between(*span).add(Column::SiteId.is_in(sites.iter().map(|site| site.0))))
            });
            between(widest).add(each)
        }
    }
}

/// Batches of a number, or whose number begins so, newest first.
pub(in super::super) async fn batches_numbered(
    db: &impl ConnectionTrait,
    scope: &Scope,
    number: &str,
) -> Result<Vec<BatchId>, DbErr> {
    use voucher_batch::Column as Batch;
    let mut query = voucher_batch::Entity::find().select_only().column(Batch::Id);
    if let Some(sites) = scope.site_ids() {
        query = query.filter(Batch::SiteId.is_in(sites.iter().map(|site| site.0)));
    }
    let query = query.filter(Batch::Number.starts_with(number));
    let ids: Vec<i64> = query.order_by_desc(Batch::Id).limit(MAX_BATCHES).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(BatchId).collect())
}

/// The largest id there is; 0 where there is none.
pub(in super::super) async fn last_id(db: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let last: Option<i64> =
        Entity::find().select_only().column(Column::Id).order_by_desc(Column::Id).limit(1).into_tuple().one(db).await?;
    Ok(last.unwrap_or(0))
}

/// Which of these codes of these routers have an open session. One query, whatever their number.
pub(in super::super) async fn online(
    db: &impl ConnectionTrait,
    codes: &BTreeSet<(RouterId, String)>,
) -> Result<HashSet<(RouterId, String)>, DbErr> {
    use router_session::Column as Session;
    if codes.is_empty() {
        return Ok(HashSet::new());
    }
    let routers: BTreeSet<i64> = codes.iter().map(|(router, _)| router.0).collect();
    let rows: Vec<(i64, String)> = router_session::Entity::find()
        .select_only()
        .columns([Session::RouterId, Session::Username])
        .filter(Session::RouterId.is_in(routers))
        .filter(Session::Username.is_in(codes.iter().map(|(_, code)| code.as_str())))
        .filter(Session::EndedAt.is_null())
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(router, code)| (RouterId(router), code)).filter(|open| codes.contains(open)).collect())
}
