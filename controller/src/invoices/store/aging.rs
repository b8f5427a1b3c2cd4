//! What is owed, by customer and by site. As of today it is read from what is kept beside the ledger.

use std::collections::{BTreeMap, HashMap};

use chrono::{Days, NaiveDate};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, IdenStatic as _, Order, QueryFilter, QuerySelect,
    sea_query::{Expr, Query, SelectStatement, SimpleExpr, UnionType},
};

use super::{super::rules::State, IN, damaged};
use crate::{
    db::entity::{
        customer,
        invoice::{Column, Entity},
    },
    http::access::Scope,
    ids::{CustomerId, InvoiceId, SiteId},
    ledger::aging::Aging,
    money::{Currency, Money},
};

/// Sites of one statement: ten walks each.
const SITES: usize = 40;

/// Who a customer is.
#[derive(Debug, Clone)]
pub(in super::super) struct Owner {
    pub(in super::super) number: String,
    pub(in super::super) name: String,
    pub(in super::super) site: SiteId,
}

/// The due days of the buckets: from the first on, before the second.
fn buckets(as_of: NaiveDate) -> [(Option<NaiveDate>, Option<NaiveDate>); 5] {
    let back = |days: u64| as_of.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN);
    [
        (Some(as_of), None),
        (Some(back(30)), Some(as_of)),
        (Some(back(60)), Some(back(30))),
        (Some(back(90)), Some(back(60))),
        (None, Some(back(90))),
    ]
}

fn within((from, until): (Option<NaiveDate>, Option<NaiveDate>)) -> sea_orm::Condition {
    let mut all = sea_orm::Condition::all();
    if let Some(from) = from {
        all = all.add(Column::DueOn.gte(from));
    }
    if let Some(until) = until {
        all = all.add(Column::DueOn.lt(until));
    }
    all
}

fn left() -> SimpleExpr {
    Expr::col(Column::Total).sub(Expr::col(Column::Settled))
}

fn put(aging: &mut Aging, bucket: usize, money: Money) -> Result<(), DbErr> {
    let into = match bucket {
        0 => &mut aging.not_due,
        1 => &mut aging.to_30,
        2 => &mut aging.to_60,
        3 => &mut aging.to_90,
        _ => &mut aging.older,
    };
    *into = into.plus(money).map_err(|_too_large| damaged("a sum beyond what fits"))?;
    Ok(())
}

/// What is owed at sites: a walk of the index for each bucket, which adds up what it meets.
pub(in super::super) async fn owed_at_sites(
    db: &impl ConnectionTrait,
    sites: &[SiteId],
    currency: Currency,
    as_of: NaiveDate,
) -> Result<BTreeMap<SiteId, Aging>, DbErr> {
    let mut found: BTreeMap<SiteId, Aging> = sites.iter().map(|site| (*site, Aging::none(currency))).collect();
    for chunk in sites.chunks(SITES) {
        let mut arms: Vec<SelectStatement> = Vec::new();
        for site in chunk {
            for state in [State::Open, State::PartiallyPaid] {
                let buckets = buckets(as_of).into_iter().zip(0_i64..);
                arms.extend(buckets.map(|(days, bucket)| arm((*site, state, currency), days, bucket)));
            }
        }
        let Some(all) = arms.into_iter().reduce(|mut all, arm| all.union(UnionType::All, arm).to_owned()) else {
            continue;
        };
        for row in db.query_all(&all).await? {
            let Some(owed) = row.try_get::<Option<i64>>("", "owed")? else { continue };
            let bucket = usize::try_from(row.try_get::<i64>("", "bucket")?).unwrap_or(usize::MAX);
            if let Some(aging) = found.get_mut(&SiteId(row.try_get("", "site")?)) {
                put(aging, bucket, Money::new(owed, currency))?;
            }
        }
    }
    Ok(found)
}

fn arm(
    (site, state, currency): (SiteId, State, Currency),
    days: (Option<NaiveDate>, Option<NaiveDate>),
    bucket: i64,
) -> SelectStatement {
    Query::select()
        .expr_as(Expr::val(site.0).cast_as("bigint"), "site")
        .expr_as(Expr::val(bucket).cast_as("bigint"), "bucket")
        .expr_as(left().sum().cast_as("bigint"), "owed")
        .from(Entity)
        .and_where(Column::SiteId.eq(site.0))
        .and_where(Column::State.eq(state.as_str()))
        .and_where(Column::Currency.eq(currency.code()))
        .cond_where(within(days))
        .to_owned()
}

/// What customers owe after one of them, in their order.
pub(in super::super) async fn owed_by_customers(
    db: &impl ConnectionTrait,
    scope: &Scope,
    (currency, as_of): (Currency, NaiveDate),
    (after, limit): (CustomerId, u64),
) -> Result<Vec<(CustomerId, Aging)>, DbErr> {
    let owed = [State::Open, State::PartiallyPaid].map(State::as_str);
    let mut query = Query::select();
    query.column(Column::CustomerId);
    for (days, name) in buckets(as_of).into_iter().zip(["b0", "b1", "b2", "b3", "b4"]) {
        let one = Expr::case(within(days), left()).finally(0);
        query.expr_as(Expr::expr(one).sum().cast_as("bigint"), name);
    }
    query
        .from(Entity)
        .and_where(Column::CustomerId.gt(after.0))
        // Hidden from the planner: it shall walk by customer until the page is full, not collect everything owed.
        .and_where(Expr::cust("COALESCE(state, '')").is_in(owed))
        .and_where(Column::Currency.eq(currency.code()));
    if let Scope::Sites(sites) = scope {
        query.and_where(Expr::col(Column::SiteId).add(0).is_in(sites.iter().map(|site| site.0)));
    }
    query.group_by_col(Column::CustomerId).order_by(Column::CustomerId, Order::Asc).limit(limit);
    let mut found = Vec::new();
    for row in db.query_all(&query).await? {
        let mut aging = Aging::none(currency);
        for (bucket, name) in ["b0", "b1", "b2", "b3", "b4"].into_iter().enumerate() {
            put(&mut aging, bucket, Money::new(row.try_get("", name)?, currency))?;
        }
        found.push((CustomerId(row.try_get("", Column::CustomerId.as_str())?), aging));
    }
    Ok(found)
}

/// Who customers are.
pub(in super::super) async fn owners(
    db: &impl ConnectionTrait,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, Owner>, DbErr> {
    use customer::Column as Of;
    let mut found = HashMap::with_capacity(customers.len());
    for chunk in customers.chunks(IN) {
        let query = customer::Entity::find().select_only().columns([Of::Id, Of::Number, Of::Name, Of::SiteId]);
        let query = query.filter(Of::Id.is_in(chunk.iter().map(|customer| customer.0)));
        let rows: Vec<(i64, String, String, i64)> = query.into_tuple().all(db).await?;
        let owner = |(id, number, name, site)| (CustomerId(id), Owner { number, name, site: SiteId(site) });
        found.extend(rows.into_iter().map(owner));
    }
    Ok(found)
}

/// When invoices are due, and at which site.
pub(in super::super) async fn due_at(
    db: &impl ConnectionTrait,
    invoices: &[InvoiceId],
) -> Result<HashMap<InvoiceId, (NaiveDate, SiteId)>, DbErr> {
    let mut found = HashMap::with_capacity(invoices.len());
    for chunk in invoices.chunks(IN) {
        let query = Entity::find().select_only().columns([Column::Id, Column::DueOn, Column::SiteId]);
        let query = query.filter(Column::Id.is_in(chunk.iter().map(|invoice| invoice.0)));
        let rows: Vec<(i64, NaiveDate, i64)> = query.into_tuple().all(db).await?;
        found.extend(rows.into_iter().map(|(id, due_on, site)| (InvoiceId(id), (due_on, SiteId(site)))));
    }
    Ok(found)
}
