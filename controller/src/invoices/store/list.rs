//! Lists of invoices by due day: each is a few walks along an index, one for each place and state, merged in one statement;
//! so nothing but the rows of a page is sorted, nothing skipped. What a list sums up to is read from the same indexes.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, ExprTrait as _, IdenStatic as _, Order, QueryResult,
    sea_query::{Alias, Asterisk, Expr, Query, SelectStatement, SimpleExpr, UnionType},
};
use serde::Serialize;

use super::{
    super::{
        Filter, Head, Search, Sum,
        rules::{self, Key, Kind, State},
    },
    damaged, money, sql,
};
use crate::{
    db::{
        entity::{
            customer,
            invoice::{Column, Entity},
            invoice_line,
        },
        kept::Version,
    },
    http::access::Scope,
    ids::{CustomerId, InvoiceId, SiteId, SubscriptionId},
    sites::Site,
};

/// Walks of one list; more places and states than that are one walk a state, with a filter.
const MAX_ARMS: usize = 24;

/// Which invoices a list shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tab {
    /// Drafts that wait for approval.
    Draft,
    /// Everything of which something is owed.
    #[default]
    Unpaid,
    Overdue,
    /// Due today.
    Today,
    Partial,
    Paid,
    Void,
    /// Given up.
    Uncollectible,
    /// In whatever state.
    All,
}

impl Tab {
    /// Every tab, as pages offer them.
    pub const ALL: [Self; 9] = [
        Self::Draft,
        Self::Unpaid,
        Self::Overdue,
        Self::Today,
        Self::Partial,
        Self::Paid,
        Self::Void,
        Self::Uncollectible,
        Self::All,
    ];

    /// In queries; its text is `invoice-tab-<tab>`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Unpaid => "unpaid",
            Self::Overdue => "overdue",
            Self::Today => "today",
            Self::Partial => "partial",
            Self::Paid => "paid",
            Self::Void => "void",
            Self::Uncollectible => "uncollectible",
            Self::All => "all",
        }
    }

    /// The tab of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tab| tab.as_str() == text)
    }

    fn states(self) -> &'static [State] {
        match self {
            Self::Draft => &[State::Draft],
            Self::Unpaid | Self::Overdue | Self::Today => &[State::Open, State::PartiallyPaid],
            Self::Partial => &[State::PartiallyPaid],
            Self::Paid => &[State::Paid],
            Self::Void => &[State::Void],
            Self::Uncollectible => &[State::Uncollectible],
            Self::All => &State::ALL,
        }
    }

    /// What is over is shown the latest first.
    fn is_descending(self) -> bool {
        matches!(self, Self::Paid | Self::Void | Self::Uncollectible | Self::All)
    }

    /// The due days it shows, on a day.
    fn days(self, today: NaiveDate) -> Condition {
        match self {
            Self::Overdue => Condition::all().add(Column::DueOn.lt(today)),
            Self::Today => Condition::all().add(Column::DueOn.eq(today)),
            Self::Draft | Self::Unpaid | Self::Partial | Self::Paid | Self::Void | Self::Uncollectible | Self::All => {
                Condition::all()
            }
        }
    }

    fn is_of_today(self) -> bool {
        matches!(self, Self::Overdue | Self::Today)
    }
}

/// A list with all that its conditions need.
#[derive(Debug)]
pub(in super::super) struct Wanted {
    /// Each along one index.
    arms: Vec<Condition>,
    descending: bool,
}

impl Wanted {
    /// What a filter means now, at the sites that are seen.
    pub(in super::super) fn new(scope: &Scope, sites: &[Site], now: DateTime<Utc>, filter: &Filter) -> Self {
        let (tab, rest) = (filter.tab, rest(filter));
        let arms = if is_narrow(filter) {
            let rest = rest.add(any_state(tab)).add(places(scope, sites, now, filter).any());
            let found = filter.search.as_ref().map_or_else(|| vec![Condition::all()], found);
            found.into_iter().map(|found| rest.clone().add(found)).collect()
        } else {
            let places = places(scope, sites, now, filter);
            let one_each = tab.states().len() * places.0.len() <= MAX_ARMS;
            let places = if one_each { places.0 } else { vec![places.any()] };
            let of = |state: &State| {
                let (state, rest) = (Column::State.eq(state.as_str()), rest.clone());
                places.iter().map(move |place| rest.clone().add(state.clone()).add(place.clone())).collect::<Vec<_>>()
            };
            tab.states().iter().flat_map(of).collect()
        };
        Self { arms, descending: tab.is_descending() }
    }

    fn order(&self) -> Order {
        if self.descending { Order::Desc } else { Order::Asc }
    }

    /// The keys of the first rows after a place.
    fn keys(&self, after: Option<Key>, limit: u64) -> SelectStatement {
        let arm = |arm: &Condition| {
            let mut query = Query::select();
            query.columns([Column::Id, Column::DueOn]).from(Entity).cond_where(arm.clone());
            if let Some(after) = after {
                query.cond_where(self.beyond(after));
            }
            query.order_by(Column::DueOn, self.order()).order_by(Column::Id, self.order()).limit(limit);
            Query::select().expr(Expr::col(Asterisk)).from_subquery(query, "arm").to_owned()
        };
        let union = self.arms.iter().map(arm).reduce(|mut all, arm| all.union(UnionType::All, arm).to_owned());
        let union = union.unwrap_or_else(|| arm(&Condition::all().add(Column::Id.is_null())));
        Query::select()
            .columns(["id", "due_on"])
            .from_subquery(union, "arms")
            .order_by("due_on", self.order())
            .order_by("id", self.order())
            .limit(limit)
            .to_owned()
    }

    /// Written so that its first part is a range of the index.
    fn beyond(&self, Key { due_on, id }: Key) -> Condition {
        let (day, own) = (Column::DueOn, Column::Id);
        let (or_equal, strictly, by_id) = if self.descending {
            (day.lte(due_on), day.lt(due_on), own.lt(id.0))
        } else {
            (day.gte(due_on), day.gt(due_on), own.gt(id.0))
        };
        Condition::all().add(or_equal).add(Condition::any().add(strictly).add(by_id))
    }
}

/// Whether so few are left that they may be sorted.
pub(in super::super) fn is_narrow(filter: &Filter) -> bool {
    filter.customer.is_some() || filter.subscription.is_some() || filter.search.is_some()
}

fn any_state(tab: Tab) -> Condition {
    if tab == Tab::All {
        return Condition::all();
    }
    Condition::all().add(Column::State.is_in(tab.states().iter().map(|state| state.as_str())))
}

/// What is said beside tab and place.
fn rest(filter: &Filter) -> Condition {
    let mut all = Condition::all();
    if let Some((from, until)) = filter.due {
        all = all.add(Column::DueOn.gte(from)).add(Column::DueOn.lt(until));
    }
    if let Some(customer) = filter.customer {
        all = all.add(Column::CustomerId.eq(customer.0));
    }
    if let Some(subscription) = filter.subscription {
        all = all.add(Column::SubscriptionId.eq(subscription.0));
    }
    all
}

/// What a search found: invoices of its customers, and the one of its number. One arm each, since each has an index of
/// its own; with an OR the database reads every unpaid invoice.
fn found(search: &Search) -> Vec<Condition> {
    let customers = || search.customers.iter().map(|customer| customer.0);
    let of_number = Condition::all().add(Column::Number.eq(search.number.as_str()));
    if search.customers.is_empty() {
        return vec![of_number];
    }
    let of_customers = Condition::all().add(Column::CustomerId.is_in(customers()));
    vec![of_customers, of_number.add(Column::CustomerId.is_not_in(customers()))]
}

/// Places, each with its days: everywhere, or one site each.
#[derive(Debug)]
struct Places(Vec<Condition>);

impl Places {
    fn any(self) -> Condition {
        self.0.into_iter().fold(Condition::any(), Condition::add)
    }
}

fn places(scope: &Scope, sites: &[Site], now: DateTime<Utc>, filter: &Filter) -> Places {
    let (tab, seen) = (filter.tab, scope.only(filter.site));
    let today = |site: &Site| rules::today(now, site.zone());
    let mut days: Vec<NaiveDate> = sites.iter().filter(|site| seen.sees(site.id)).map(today).collect();
    days.sort_unstable();
    days.dedup();
    match (&seen, days.as_slice()) {
        (Scope::All, [day]) => Places(vec![tab.days(*day)]),
        (Scope::All, _) if !tab.is_of_today() => Places(vec![Condition::all()]),
        (Scope::All | Scope::Sites(_), _) => {
            let at = |site: &Site| tab.days(today(site)).add(Column::SiteId.eq(site.id.0));
            let at: Vec<Condition> = sites.iter().filter(|site| seen.sees(site.id)).map(at).collect();
            if at.is_empty() { Places(vec![Condition::all().add(Column::Id.is_null())]) } else { Places(at) }
        }
    }
}

const LISTED: [Column; 19] = [
    Column::Id,
    Column::Number,
    Column::CustomerId,
    Column::SiteId,
    Column::SubscriptionId,
    Column::Kind,
    Column::PeriodFrom,
    Column::PeriodUntil,
    Column::State,
    Column::Currency,
    Column::Net,
    Column::Tax,
    Column::Total,
    Column::Settled,
    Column::IssuedOn,
    Column::IssuedAt,
    Column::DueOn,
    Column::PaidAt,
    Column::CreatedAt,
];

/// Invoices after a place, with the names of their customers and their first lines.
pub(in super::super) async fn list(
    db: &impl ConnectionTrait,
    wanted: &Wanted,
    after: Option<Key>,
    limit: u64,
) -> Result<Vec<Head>, DbErr> {
    let owner = |column: customer::Column| (customer::Entity, column);
    let first = Query::select()
        .column(invoice_line::Column::Text)
        .from(invoice_line::Entity)
        .and_where(Expr::col((invoice_line::Entity, invoice_line::Column::InvoiceId)).equals((Entity, Column::Id)))
        .and_where(invoice_line::Column::Position.eq(0))
        .limit(1)
        .to_owned();
    let query = Query::select()
        .columns(LISTED.map(|column| (Entity, column)))
        .expr_as(Expr::col(owner(customer::Column::Number)), "customer_number")
        .expr_as(Expr::col(owner(customer::Column::Name)), "customer_name")
        .expr_as(SimpleExpr::SubQuery(None, Box::new(first.into())), "what")
        .from_subquery(wanted.keys(after, limit), "k")
        .inner_join(Entity, Expr::col((Entity, Column::Id)).equals((Alias::new("k"), Alias::new("id"))))
        .inner_join(
            customer::Entity,
            Expr::col((customer::Entity, customer::Column::Id)).equals((Entity, Column::CustomerId)),
        )
        .order_by((Alias::new("k"), Alias::new("due_on")), wanted.order())
        .order_by((Alias::new("k"), Alias::new("id")), wanted.order())
        .to_owned();
    db.query_all(&query).await?.iter().map(read).collect()
}

/// What the database is asked for the keys of a page and for the sums. For the test that looks at its plans.
#[cfg(test)]
pub(in super::super) fn statements(backend: sea_orm::DbBackend, wanted: &Wanted) -> Vec<sea_orm::Statement> {
    let sums = wanted.arms.iter().map(|arm| backend.build(&sum_of(arm)));
    std::iter::once(backend.build(&wanted.keys(None, 51))).chain(sums).collect()
}

fn read(row: &QueryResult) -> Result<Head, DbErr> {
    let id = |column: Column| row.try_get::<i64>("", column.as_str());
    let text = |column: Column| row.try_get::<String>("", column.as_str());
    let day = |column: Column| row.try_get::<Option<NaiveDate>>("", column.as_str());
    let currency = text(Column::Currency)?;
    let (total, settled) = (id(Column::Total)?, id(Column::Settled)?);
    let subscription: Option<i64> = row.try_get("", Column::SubscriptionId.as_str())?;
    Ok(Head {
        id: InvoiceId(id(Column::Id)?),
        number: row.try_get("", Column::Number.as_str())?,
        customer_id: CustomerId(id(Column::CustomerId)?),
        customer_number: row.try_get("", "customer_number")?,
        customer_name: row.try_get("", "customer_name")?,
        site_id: SiteId(id(Column::SiteId)?),
        subscription_id: subscription.map(SubscriptionId),
        kind: Kind::parse(&text(Column::Kind)?).ok_or_else(|| damaged("an invoice of no known kind"))?,
        period_from: day(Column::PeriodFrom)?,
        period_until: day(Column::PeriodUntil)?,
        state: State::parse(&text(Column::State)?).ok_or_else(|| damaged("an invoice of no known state"))?,
        net: money(id(Column::Net)?, &currency)?,
        tax: money(id(Column::Tax)?, &currency)?,
        total: money(total, &currency)?,
        settled: money(settled, &currency)?,
        remaining: money(total - settled, &currency)?,
        what: row.try_get::<Option<String>>("", "what")?.unwrap_or_default(),
        issued_on: day(Column::IssuedOn)?,
        issued_at: row.try_get("", Column::IssuedAt.as_str())?,
        due_on: row.try_get("", Column::DueOn.as_str())?,
        paid_at: row.try_get("", Column::PaidAt.as_str())?,
        created_at: row.try_get("", Column::CreatedAt.as_str())?,
    })
}

fn sum(column: Column) -> SimpleExpr {
    Expr::col(column).sum().cast_as("bigint")
}

/// The sums of an arm; one currency is usual, and then nothing is sorted.
fn sum_of(arm: &Condition) -> SelectStatement {
    Query::select()
        .expr_as(Expr::col(Column::Currency).min(), "lowest")
        .expr_as(Expr::col(Column::Currency).max(), "highest")
        .expr_as(Expr::col(Column::Id).count(), "n")
        .expr_as(sum(Column::Total), "total")
        .expr_as(sum(Column::Settled), "settled")
        .from(Entity)
        .cond_where(arm.clone())
        .to_owned()
}

/// Changes whenever a sum may: an invoice is made, money is booked, or something is recorded of an invoice.
pub(in super::super) async fn version(db: &impl ConnectionTrait) -> Result<Version, DbErr> {
    // SeaORM cannot select without a table.
    const LAST: &str = "SELECT (SELECT COALESCE(MAX(id), 0) FROM invoice),
        (SELECT COALESCE(MAX(id), 0) FROM journal_entry), (SELECT COALESCE(MAX(id), 0) FROM business_event)";
    let row = db.query_one_raw(sql(db, LAST, [])).await?.ok_or_else(|| damaged("a query that answers nothing"))?;
    Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?))
}

/// What a list sums up to, by currency.
pub(in super::super) async fn sums(db: &impl ConnectionTrait, wanted: &Wanted) -> Result<Vec<Sum>, DbErr> {
    let Some(all) = wanted.arms.iter().map(sum_of).reduce(|mut all, arm| all.union(UnionType::All, arm).to_owned())
    else {
        return Ok(Vec::new());
    };
    let mut sums: Vec<Sum> = Vec::new();
    for row in db.query_all(&all).await? {
        let (lowest, highest): (Option<String>, Option<String>) =
            (row.try_get("", "lowest")?, row.try_get("", "highest")?);
        let Some(currency) = lowest else { continue };
        if highest.as_ref() != Some(&currency) {
            return by_currency(db, wanted).await;
        }
        let values = (row.try_get("", "n")?, row.try_get("", "total")?, row.try_get("", "settled")?);
        add(&mut sums, &currency, values)?;
    }
    Ok(sums)
}

/// The same where there are several: by a sort, which one currency does not need.
async fn by_currency(db: &impl ConnectionTrait, wanted: &Wanted) -> Result<Vec<Sum>, DbErr> {
    let any = wanted.arms.iter().fold(Condition::any(), |any, arm| any.add(arm.clone()));
    let query = Query::select()
        .column(Column::Currency)
        .expr_as(Expr::col(Column::Id).count(), "n")
        .expr_as(sum(Column::Total), "total")
        .expr_as(sum(Column::Settled), "settled")
        .from(Entity)
        .cond_where(any)
        .group_by_col(Column::Currency)
        .order_by(Column::Currency, Order::Asc)
        .to_owned();
    let mut sums = Vec::new();
    for row in db.query_all(&query).await? {
        let currency: String = row.try_get("", Column::Currency.as_str())?;
        add(&mut sums, &currency, (row.try_get("", "n")?, row.try_get("", "total")?, row.try_get("", "settled")?))?;
    }
    Ok(sums)
}

fn add(sums: &mut Vec<Sum>, currency: &str, (count, total, settled): (i64, i64, i64)) -> Result<(), DbErr> {
    let (total, remaining) = (money(total, currency)?, money(total - settled, currency)?);
    let too_large = |_| damaged("a sum beyond what fits");
    match sums.iter_mut().find(|sum| sum.total.currency() == total.currency()) {
        Some(sum) => {
            sum.count += count;
            sum.total = sum.total.plus(total).map_err(too_large)?;
            sum.remaining = sum.remaining.plus(remaining).map_err(too_large)?;
        }
        None => sums.push(Sum { count, total, remaining }),
    }
    Ok(())
}
