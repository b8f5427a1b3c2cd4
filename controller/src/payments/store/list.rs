//! Reading payments.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait as _, Select,
    sea_query::{Alias, Expr, Query, SelectStatement, SimpleExpr, UnionType},
};

use super::{
    super::{Filter, Kind, Method, Payment, Sum},
    damaged,
};
use crate::{
    db::{
        entity::{
            customer,
            payment::{Column, Entity, Model},
            site,
        },
        paging::{BadCursor, PageOf},
    },
    http::access::Scope,
    ids::{AdminId, CustomerId, EntryId, PaymentId, SiteId},
    money::{Currency, Money},
};

/// Above every character of a number.
const ABOVE: char = '\u{7f}';
/// Payments that the beginning of a number finds.
const MOST_BY_NUMBER: u64 = 500;

/// A place in lists: the instant, and the payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct After {
    at: DateTime<Utc>,
    id: PaymentId,
}

impl After {
    pub(in super::super) fn of(page: &PageOf) -> Result<Option<Self>, BadCursor> {
        let Some(text) = page.after() else { return Ok(None) };
        let (micros, id) = text.split_once('.').ok_or(BadCursor)?;
        let micros = micros.parse().map_err(|_not_ours| BadCursor)?;
        let id = PaymentId(id.parse().map_err(|_not_ours| BadCursor)?);
        Ok(Some(Self { at: DateTime::from_timestamp_micros(micros).ok_or(BadCursor)?, id }))
    }

    pub(in super::super) fn key(payment: &Payment) -> String {
        format!("{}.{}", payment.received_at.timestamp_micros(), payment.id)
    }

    /// After a payment, for those who read on by themselves.
    pub(in super::super) fn payment(payment: &Payment) -> Self {
        Self { at: payment.received_at, id: payment.id }
    }
}

fn scoped(scope: &Scope) -> Select<Entity> {
    match scope.site_ids() {
        None => Entity::find(),
        Some(sites) => Entity::find().filter(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    }
}

pub(in super::super) async fn find(
    db: &impl ConnectionTrait,
    scope: &Scope,
    id: PaymentId,
) -> Result<Option<Payment>, DbErr> {
    let rows = scoped(scope).filter(Column::Id.eq(id.0)).all(db).await?;
    Ok(with_names(db, rows).await?.pop())
}

/// What a search means: payments whose number begins so, and those of the customers it found. Each is a range of an index
/// (LIKE would not use one on every database), looked up first, so that no list is walked for it. Where no day bounds
/// them, a beginning that all numbers have in common means the last ones.
fn of_search(filter: &Filter) -> SimpleExpr {
    let begins = |q: &str| Condition::all().add(Column::Number.gte(q)).add(Column::Number.lt(format!("{q}{ABOVE}")));
    let spellings = BTreeSet::from([filter.q.clone(), filter.q.to_uppercase()]);
    if filter.found.is_empty() && filter.from.is_some() {
        return spellings.iter().map(|q| begins(q)).fold(Condition::any(), Condition::add).into();
    }
    let ids = || Entity::find().select_only().column(Column::Id);
    let numbered = |q: &String| {
        let last = ids().filter(begins(q)).order_by_desc(Column::Number).limit(MOST_BY_NUMBER).into_query();
        Query::select().column(Alias::new("id")).from_subquery(last, "numbered").to_owned()
    };
    let mut any: Vec<SelectStatement> = spellings.iter().map(numbered).collect();
    if !filter.found.is_empty() {
        any.push(ids().filter(Column::CustomerId.is_in(filter.found.iter().map(|who| who.0))).into_query());
    }
    let any = any.into_iter().reduce(|mut all, some| all.union(UnionType::All, some).to_owned());
    any.map_or_else(|| Column::Id.is_null(), |any| Column::Id.in_subquery(any))
}

fn filtered(scope: &Scope, filter: &Filter) -> Select<Entity> {
    let mut wanted = Condition::all();
    if let Some(from) = filter.from {
        wanted = wanted.add(Column::ReceivedAt.gte(from));
    }
    if let Some(until) = filter.until {
        wanted = wanted.add(Column::ReceivedAt.lt(until));
    }
    if let Some(kind) = filter.kind {
        wanted = wanted.add(Column::Kind.eq(kind.as_str()));
    }
    if let Some(method) = filter.method {
        wanted = wanted.add(Column::Method.eq(method.as_str()));
    }
    if let Some(site) = filter.site {
        wanted = wanted.add(Column::SiteId.eq(site.0));
    }
    if let Some(customer) = filter.customer {
        wanted = wanted.add(Column::CustomerId.eq(customer.0));
    }
    if let Some(cashier) = filter.cashier {
        wanted = wanted.add(Column::TakenBy.eq(cashier.0));
    }
    if !filter.q.is_empty() {
        wanted = wanted.add(of_search(filter));
    }
    scoped(scope).filter(wanted)
}

/// What the database is asked for a page. For the test that looks at its plan.
#[cfg(test)]
pub(in super::super) fn statement(backend: sea_orm::DbBackend, scope: &Scope, filter: &Filter) -> sea_orm::Statement {
    let query = filtered(scope, filter).order_by_desc(Column::ReceivedAt).order_by_desc(Column::Id);
    backend.build(&query.limit(51).into_query())
}

pub(in super::super) async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &Filter,
    (after, limit): (Option<After>, u64),
) -> Result<Vec<Payment>, DbErr> {
    let mut query = filtered(scope, filter);
    if let Some(After { at, id }) = after {
        let later = Condition::any().add(Column::ReceivedAt.lt(at)).add(Column::Id.lt(id.0));
        query = query.filter(Column::ReceivedAt.lte(at)).filter(later);
    }
    let rows = query.order_by_desc(Column::ReceivedAt).order_by_desc(Column::Id).limit(limit).all(db).await?;
    with_names(db, rows).await
}

pub(in super::super) async fn sums(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &Filter,
) -> Result<Vec<Sum>, DbErr> {
    let rows: Vec<(String, String, String, i64, i64)> = filtered(scope, filter)
        .select_only()
        .columns([Column::Kind, Column::Method, Column::Currency])
        .column_as(Column::Id.count(), "n")
        .column_as(Expr::col(Column::Amount).sum().cast_as(Alias::new("BIGINT")), "total")
        .filter(Column::ReversedAt.is_null())
        .group_by(Column::Kind)
        .group_by(Column::Method)
        .group_by(Column::Currency)
        .order_by_asc(Column::Kind)
        .order_by_asc(Column::Method)
        .into_tuple()
        .all(db)
        .await?;
    let sum = |(kind, method, currency, count, total): (String, String, String, i64, i64)| {
        let currency = Currency::parse(&currency).ok_or_else(|| damaged("no currency"))?;
        Ok(Sum { kind: kind_of(&kind)?, method: method_of(&method)?, count, amount: Money::new(total, currency) })
    };
    rows.into_iter().map(sum).collect()
}

fn kind_of(text: &str) -> Result<Kind, DbErr> {
    Kind::parse(text).ok_or_else(|| damaged("no known kind"))
}

fn method_of(text: &str) -> Result<Method, DbErr> {
    Method::parse(text).ok_or_else(|| damaged("no known method"))
}

async fn with_names(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<Payment>, DbErr> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: BTreeSet<i64> = rows.iter().map(|row| row.customer_id).collect();
    let customers: Vec<(i64, String, String)> = customer::Entity::find()
        .select_only()
        .columns([customer::Column::Id, customer::Column::Number, customer::Column::Name])
        .filter(customer::Column::Id.is_in(ids))
        .into_tuple()
        .all(db)
        .await?;
    let customers: HashMap<i64, (String, String)> =
        customers.into_iter().map(|(id, number, name)| (id, (number, name))).collect();
    let ids: BTreeSet<i64> = rows.iter().map(|row| row.site_id).collect();
    let sites = site::Entity::find().filter(site::Column::Id.is_in(ids)).all(db).await?;
    let sites: HashMap<i64, site::Model> = sites.into_iter().map(|site| (site.id, site)).collect();
    rows.into_iter().map(|row| read(row, &customers, &sites)).collect()
}

fn read(
    row: Model,
    customers: &HashMap<i64, (String, String)>,
    sites: &HashMap<i64, site::Model>,
) -> Result<Payment, DbErr> {
    let currency = Currency::parse(&row.currency).ok_or_else(|| damaged("no currency"))?;
    let money = |minor| Money::new(minor, currency);
    let (customer_number, customer) = customers.get(&row.customer_id).cloned().unwrap_or_default();
    let site = sites.get(&row.site_id);
    Ok(Payment {
        id: PaymentId(row.id),
        number: row.number,
        kind: kind_of(&row.kind)?,
        method: method_of(&row.method)?,
        customer_id: CustomerId(row.customer_id),
        customer_number,
        customer,
        site_id: SiteId(row.site_id),
        site: site.map(|site| site.name.clone()).unwrap_or_default(),
        timezone: site.map(|site| site.timezone.clone()).unwrap_or_default(),
        amount: money(row.amount),
        given: money(row.given),
        change: money(row.change),
        to_credit: money(row.to_credit),
        is_promised: row.is_promised,
        entry_id: EntryId(row.entry_id),
        received_at: row.received_at,
        note: row.note,
        reversed_at: row.reversed_at,
        reverse_reason: row.reverse_reason,
        printed: row.printed,
        taken_by: row.taken_by.map(AdminId),
        cashier: row.taken_name,
    })
}
