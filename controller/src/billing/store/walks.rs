//! What a night walks over: invoices to remind of, customers with a balance, services that are late, routers that answer.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, FromQueryResult, JoinType, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};

use super::{super::ItemState, CHUNK};
use crate::{
    db::entity::{agent, customer, customer_balance, invoice, isolation_plan_item, router, subscription},
    ids::{CustomerId, InvoiceId, PlanId, RouterId, SiteId, SubscriptionId},
    invoices,
    money::{Currency, Money},
    subscriptions::{Access, State},
};

/// An unpaid invoice, with what says whether its customer is reminded of it.
#[derive(Debug, Clone)]
pub(in super::super) struct Unpaid {
    pub(in super::super) id: InvoiceId,
    pub(in super::super) number: String,
    pub(in super::super) customer: CustomerId,
    pub(in super::super) subscription: Option<SubscriptionId>,
    pub(in super::super) due_on: NaiveDate,
    pub(in super::super) issued_on: NaiveDate,
    pub(in super::super) left: Money,
    /// Where the service it is for hangs.
    pub(in super::super) router: Option<RouterId>,
    pub(in super::super) is_paused: bool,
    pub(in super::super) promise_until: Option<DateTime<Utc>>,
}

#[derive(Debug, FromQueryResult)]
struct UnpaidRow {
    id: i64,
    number: Option<String>,
    customer_id: i64,
    subscription_id: Option<i64>,
    due_on: NaiveDate,
    issued_on: Option<NaiveDate>,
    currency: String,
    total: i64,
    settled: i64,
    router_id: Option<i64>,
    state: Option<String>,
    promise_until: Option<DateTime<Utc>>,
}

fn owed() -> [&'static str; 2] {
    [invoices::State::Open, invoices::State::PartiallyPaid].map(invoices::State::as_str)
}

/// Invoices of a site after an id that are not paid and due within these days, both included.
pub(in super::super) async fn unpaid(
    db: &impl ConnectionTrait,
    site: SiteId,
    (first, last): (NaiveDate, NaiveDate),
    (after, limit): (i64, u64),
) -> Result<Vec<Unpaid>, DbErr> {
    use invoice::Column;
    let of = invoice::Entity::belongs_to(subscription::Entity)
        .from(Column::SubscriptionId)
        .to(subscription::Column::Id)
        .into();
    let rows = invoice::Entity::find()
        .select_only()
        .columns([Column::Id, Column::Number, Column::CustomerId, Column::SubscriptionId, Column::DueOn])
        .columns([Column::IssuedOn, Column::Currency, Column::Total, Column::Settled])
        .column_as(subscription::Column::RouterId, "router_id")
        .column_as(subscription::Column::State, "state")
        .column_as(subscription::Column::PromiseUntil, "promise_until")
        .join(JoinType::LeftJoin, of)
        .filter(Column::SiteId.eq(site.0))
        .filter(Column::State.is_in(owed()))
        .filter(Column::DueOn.between(first, last))
        .filter(Column::Id.gt(after))
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_model::<UnpaidRow>()
        .all(db)
        .await?;
    let unpaid = |row: UnpaidRow| Unpaid {
        id: InvoiceId(row.id),
        number: row.number.unwrap_or_default(),
        customer: CustomerId(row.customer_id),
        subscription: row.subscription_id.map(SubscriptionId),
        due_on: row.due_on,
        issued_on: row.issued_on.unwrap_or(row.due_on),
        left: Money::new(row.total - row.settled, Currency::parse(&row.currency).unwrap_or(Currency::IDR)),
        router: row.router_id.map(RouterId),
        is_paused: row.state.as_deref() == Some(State::Paused.as_str()),
        promise_until: row.promise_until,
    };
    Ok(rows.into_iter().map(unpaid).collect())
}

/// Drafts of periods of a site after an id, made before an instant, with their services.
pub(in super::super) async fn drafts(
    db: &impl ConnectionTrait,
    (site, before): (SiteId, DateTime<Utc>),
    (after, limit): (i64, u64),
) -> Result<Vec<(InvoiceId, Option<SubscriptionId>)>, DbErr> {
    use invoice::Column;
    let rows: Vec<(i64, Option<i64>)> = invoice::Entity::find()
        .select_only()
        .columns([Column::Id, Column::SubscriptionId])
        .filter(Column::SiteId.eq(site.0))
        .filter(Column::State.eq(invoices::State::Draft.as_str()))
        .filter(Column::Kind.eq(invoices::Kind::Period.as_str()))
        .filter(Column::CreatedAt.lte(before))
        .filter(Column::Id.gt(after))
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, of)| (InvoiceId(id), of.map(SubscriptionId))).collect())
}

/// Customers of a site after an id who owe something and have a balance.
pub(in super::super) async fn with_balance(
    db: &impl ConnectionTrait,
    site: SiteId,
    (after, limit): (i64, u64),
) -> Result<Vec<CustomerId>, DbErr> {
    use customer_balance::Column;
    let of =
        customer_balance::Entity::belongs_to(customer::Entity).from(Column::CustomerId).to(customer::Column::Id).into();
    let ids: Vec<i64> = customer_balance::Entity::find()
        .select_only()
        .column(Column::CustomerId)
        .distinct()
        .join(JoinType::InnerJoin, of)
        .filter(customer::Column::SiteId.eq(site.0))
        .filter(Column::Credit.gt(0))
        .filter(Column::Receivable.gt(0))
        .filter(Column::CustomerId.gt(after))
        .order_by_asc(Column::CustomerId)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(CustomerId).collect())
}

/// Services of a site after an id that are in grace and may be isolated, as far as their rows say.
pub(in super::super) async fn late(
    db: &impl ConnectionTrait,
    (site, now): (SiteId, DateTime<Utc>),
    (after, limit): (i64, u64),
) -> Result<Vec<SubscriptionId>, DbErr> {
    use subscription::Column;
    let ids: Vec<i64> = subscription::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::SiteId.eq(site.0))
        .filter(Column::State.eq(State::Grace.as_str()))
        .filter(Column::IsExempt.eq(false))
        .filter(Column::PromiseUntil.is_null().or(Column::PromiseUntil.lte(now)))
        .filter(Column::LapsesAt.lte(now))
        .filter(Column::Id.gt(after))
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(SubscriptionId).collect())
}

/// How many services of a site are served.
pub(in super::super) async fn served(db: &impl ConnectionTrait, site: SiteId) -> Result<usize, DbErr> {
    use subscription::Column;
    let count: Option<i64> = subscription::Entity::find()
        .select_only()
        .column_as(Expr::col(Column::Id).count(), "found")
        .filter(Column::SiteId.eq(site.0))
        .filter(Column::State.is_in([State::Active, State::Grace].map(State::as_str)))
        .into_tuple()
        .one(db)
        .await?;
    Ok(usize::try_from(count.unwrap_or(0)).unwrap_or(0))
}

/// What is left of the unpaid invoices of a service, in minor units.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Owing {
    /// Of those whose last day to pay is over.
    pub(in super::super) overdue: i64,
    pub(in super::super) not_due: i64,
    /// The oldest last day to pay.
    pub(in super::super) due_on: NaiveDate,
}

/// What is left of the unpaid invoices of these services on a day.
pub(in super::super) async fn owed_of(
    db: &impl ConnectionTrait,
    ids: &[SubscriptionId],
    today: NaiveDate,
) -> Result<BTreeMap<SubscriptionId, Owing>, DbErr> {
    use invoice::Column;
    let mut found: BTreeMap<SubscriptionId, Owing> = BTreeMap::new();
    for chunk in ids.chunks(CHUNK) {
        let rows: Vec<(i64, i64, i64, NaiveDate)> = invoice::Entity::find()
            .select_only()
            .columns([Column::SubscriptionId, Column::Total, Column::Settled, Column::DueOn])
            .filter(Column::SubscriptionId.is_in(chunk.iter().map(|id| id.0)))
            .filter(Column::State.is_in(owed()))
            .into_tuple()
            .all(db)
            .await?;
        for (id, total, settled, due_on) in rows {
            let none = Owing { overdue: 0, not_due: 0, due_on };
            let of = found.entry(SubscriptionId(id)).or_insert(none);
            let sum = if due_on < today { &mut of.overdue } else { &mut of.not_due };
            *sum = sum.saturating_add(total - settled);
            of.due_on = Ord::min(of.due_on, due_on);
        }
    }
    Ok(found)
}

/// Routers whose agents are connected and reach them.
pub(in super::super) async fn online(db: &impl ConnectionTrait) -> Result<BTreeSet<RouterId>, DbErr> {
    let of = agent::Entity::belongs_to(router::Entity).from(agent::Column::RouterId).to(router::Column::Id).into();
    let ids: Vec<i64> = agent::Entity::find()
        .select_only()
        .column(agent::Column::RouterId)
        .join(JoinType::InnerJoin, of)
        .filter(agent::Column::State.eq(crate::routers::AgentState::Approved.as_str()))
        .filter(agent::Column::Online.eq(true))
        .filter(router::Column::Reach.eq(true))
        .filter(router::Column::ArchivedAt.is_null())
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(RouterId).collect())
}

/// Whether an agent is away that was there since an instant.
pub(in super::super) async fn is_one_away(db: &impl ConnectionTrait, since: DateTime<Utc>) -> Result<bool, DbErr> {
    let of = agent::Entity::belongs_to(router::Entity).from(agent::Column::RouterId).to(router::Column::Id).into();
    let away = agent::Entity::find()
        .join(JoinType::InnerJoin, of)
        .filter(agent::Column::State.eq(crate::routers::AgentState::Approved.as_str()))
        .filter(agent::Column::Online.eq(false))
        .filter(agent::Column::LastSeenAt.gte(since))
        .filter(router::Column::ArchivedAt.is_null());
    Ok(away.one(db).await?.is_some())
}

/// The routers of a site.
pub(in super::super) async fn routers_of(db: &impl ConnectionTrait, site: SiteId) -> Result<BTreeSet<RouterId>, DbErr> {
    let ids: Vec<i64> = router::Entity::find()
        .select_only()
        .column(router::Column::Id)
        .filter(router::Column::SiteId.eq(site.0))
        .filter(router::Column::ArchivedAt.is_null())
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(RouterId).collect())
}

/// How a wave stands on the routers: asked for, verified, failed. Who was opened again meanwhile is no failure.
pub(in super::super) async fn wave(
    db: &impl ConnectionTrait,
    plan: PlanId,
    wave: i32,
) -> Result<super::super::rules::Wave, DbErr> {
    use isolation_plan_item::Column;
    let on = isolation_plan_item::Entity::belongs_to(subscription::Entity)
        .from(Column::SubscriptionId)
        .to(subscription::Column::Id)
        .into();
    let rows: Vec<(String, Option<DateTime<Utc>>, String)> = isolation_plan_item::Entity::find()
        .select_only()
        .column(subscription::Column::Wanted)
        .column(subscription::Column::VerifiedAt)
        .column(subscription::Column::FailCode)
        .join(JoinType::InnerJoin, on)
        .filter(Column::PlanId.eq(plan.0))
        .filter(Column::Wave.eq(wave))
        .filter(Column::State.eq(ItemState::Done.as_str()))
        .into_tuple()
        .all(db)
        .await?;
    let mut stands = super::super::rules::Wave { asked: rows.len(), ..Default::default() };
    for (wanted, verified_at, fail_code) in rows {
        let is_away = wanted == Access::Open.as_str();
        if is_away || verified_at.is_some() {
            stands.verified += 1;
        } else if !fail_code.is_empty() {
            stands.failed += 1;
        }
    }
    Ok(stands)
}
