//! Plans of isolation and who is in them.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    Select,
    sea_query::{Expr, OnConflict},
};

use super::{
    super::{Item, ItemState, Plan, PlanState, rules::Skip},
    CHUNK,
};
use crate::{
    audit::Actor,
    db::{
        entity::{
            customer,
            isolation_plan::{ActiveModel, Column, Entity, Model},
            isolation_plan_item as item, subscription,
        },
        paging::{PageOf, Paged},
    },
    http::access::Scope,
    ids::{AdminId, CustomerId, PlanId, RouterId, SiteId, SubscriptionId},
    money::{Currency, Money},
    subscriptions::{Access, State},
};

/// Somebody who shall be isolated, or why not.
#[derive(Debug, Clone)]
pub(in super::super) struct NewItem {
    pub(in super::super) subscription: SubscriptionId,
    /// 0 of who is skipped.
    pub(in super::super) wave: i32,
    pub(in super::super) owed: i64,
    pub(in super::super) due_on: Option<NaiveDate>,
    pub(in super::super) skip: Option<Skip>,
}

/// Opens the plan of a day; nothing when there is one.
pub(in super::super) async fn open_plan(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    site: SiteId,
    day: NaiveDate,
) -> Result<Option<PlanId>, DbErr> {
    let row = ActiveModel {
        site_id: Set(site.0),
        day: Set(day),
        state: Set(PlanState::Making.as_str().to_owned()),
        held_for: Set(String::new()),
        wave: Set(0),
        total: Set(0),
        created_at: Set(now),
        ..Default::default()
    };
    let once = OnConflict::columns([Column::SiteId, Column::Day]).do_nothing().to_owned();
    let is_new = Entity::insert(row).on_conflict(once).exec_without_returning(tx).await? > 0;
    let found = Entity::find().filter(Column::SiteId.eq(site.0)).filter(Column::Day.eq(day)).one(tx).await?;
    Ok(found.filter(|_| is_new).map(|row| PlanId(row.id)))
}

pub(in super::super) async fn plan_of_day(
    db: &impl ConnectionTrait,
    site: SiteId,
    day: NaiveDate,
) -> Result<Option<Plan>, DbErr> {
    let row = Entity::find().filter(Column::SiteId.eq(site.0)).filter(Column::Day.eq(day)).one(db).await?;
    Ok(row.map(Plan::from))
}

pub(in super::super) async fn insert_items(
    tx: &impl ConnectionTrait,
    plan: PlanId,
    items: &[NewItem],
) -> Result<(), DbErr> {
    for chunk in items.chunks(CHUNK) {
        let rows = chunk.iter().map(|each| item::ActiveModel {
            plan_id: Set(plan.0),
            subscription_id: Set(each.subscription.0),
            wave: Set(each.wave),
            owed: Set(each.owed),
            due_on: Set(each.due_on),
            state: Set(if each.skip.is_some() { ItemState::Skipped } else { ItemState::Planned }.as_str().to_owned()),
            reason: Set(each.skip.map_or_else(String::new, |skip| skip.as_str().to_owned())),
        });
        item::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// A plan that nobody else moves on until the transaction ends.
pub(in super::super) async fn hold_plan(tx: &impl ConnectionTrait, id: PlanId) -> Result<Option<Plan>, DbErr> {
    Ok(Entity::find_by_id(id.0).lock_exclusive().one(tx).await?.map(Plan::from))
}

/// Writes where a plan stands now.
pub(in super::super) async fn save_plan(tx: &impl ConnectionTrait, plan: &Plan) -> Result<(), DbErr> {
    let row = ActiveModel {
        state: Set(plan.state.as_str().to_owned()),
        held_for: Set(plan.held_for.clone()),
        wave: Set(plan.wave),
        wave_at: Set(plan.wave_at),
        total: Set(plan.total),
        created_at: Set(plan.created_at),
        decided_by: Set(plan.decided_by.map(|admin| admin.0)),
        decided_at: Set(plan.decided_at),
        finished_at: Set(plan.finished_at),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(plan.id.0)).exec(tx).await.map(|_| ())
}

/// Marks items of a plan.
pub(in super::super) async fn mark_items(
    tx: &impl ConnectionTrait,
    plan: PlanId,
    ids: &[SubscriptionId],
    (state, reason): (ItemState, Option<Skip>),
) -> Result<(), DbErr> {
    for chunk in ids.chunks(CHUNK) {
        item::Entity::update_many()
            .col_expr(item::Column::State, Expr::value(state.as_str()))
            .col_expr(item::Column::Reason, Expr::value(reason.map_or("", Skip::as_str)))
            .filter(item::Column::PlanId.eq(plan.0))
            .filter(item::Column::SubscriptionId.is_in(chunk.iter().map(|id| id.0)))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Items of a plan in a state, of one wave or of all.
pub(in super::super) async fn items_in(
    db: &impl ConnectionTrait,
    plan: PlanId,
    wave: Option<i32>,
    state: ItemState,
) -> Result<Vec<SubscriptionId>, DbErr> {
    let mut query = item::Entity::find()
        .select_only()
        .column(item::Column::SubscriptionId)
        .filter(item::Column::PlanId.eq(plan.0))
        .filter(item::Column::State.eq(state.as_str()));
    if let Some(wave) = wave {
        query = query.filter(item::Column::Wave.eq(wave));
    }
    let ids: Vec<i64> = query.order_by_asc(item::Column::SubscriptionId).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(SubscriptionId).collect())
}

/// Which of these were isolated by a later plan.
pub(in super::super) async fn isolated_later(
    db: &impl ConnectionTrait,
    plan: PlanId,
    ids: &[SubscriptionId],
) -> Result<Vec<SubscriptionId>, DbErr> {
    let mut found = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let later: Vec<i64> = item::Entity::find()
            .select_only()
            .column(item::Column::SubscriptionId)
            .filter(item::Column::SubscriptionId.is_in(chunk.iter().map(|id| id.0)))
            .filter(item::Column::PlanId.gt(plan.0))
            .filter(item::Column::State.eq(ItemState::Done.as_str()))
            .into_tuple()
            .all(db)
            .await?;
        found.extend(later.into_iter().map(SubscriptionId));
    }
    Ok(found)
}

fn scoped(scope: &Scope) -> Select<Entity> {
    match scope {
        Scope::All => Entity::find(),
        Scope::Sites(sites) => Entity::find().filter(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    }
}

pub(in super::super) async fn find_plan(
    db: &impl ConnectionTrait,
    scope: &Scope,
    id: PlanId,
) -> Result<Option<Plan>, DbErr> {
    Ok(scoped(scope).filter(Column::Id.eq(id.0)).one(db).await?.map(Plan::from))
}

/// Plans, newest first.
pub(in super::super) async fn list_plans(
    db: &impl ConnectionTrait,
    scope: &Scope,
    page: &PageOf,
) -> Result<Paged<Plan>, DbErr> {
    let rows = page.newest(db, scoped(scope), Column::Id).await?;
    Ok(page.cut(rows, |row| row.id.to_string()).map(Plan::from))
}

/// The last plan of each of these sites since a day.
pub(in super::super) async fn last_plans(
    db: &impl ConnectionTrait,
    sites: &[SiteId],
    since: NaiveDate,
) -> Result<HashMap<SiteId, Plan>, DbErr> {
    let rows = Entity::find()
        .filter(Column::SiteId.is_in(sites.iter().map(|site| site.0)))
        .filter(Column::Day.gte(since))
        .order_by_asc(Column::Day)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (SiteId(row.site_id), Plan::from(row))).collect())
}

/// The plans of these sites that are not over since a day, newest first.
pub(in super::super) async fn plans_under_way(
    db: &impl ConnectionTrait,
    sites: &[SiteId],
    since: NaiveDate,
) -> Result<Vec<(PlanId, PlanState)>, DbErr> {
    let states = [PlanState::Held, PlanState::Planned, PlanState::Running].map(PlanState::as_str);
    let rows: Vec<(i64, String)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::State])
        .filter(Column::SiteId.is_in(sites.iter().map(|site| site.0)))
        .filter(Column::Day.gte(since))
        .filter(Column::State.is_in(states))
        .order_by_desc(Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, state)| (PlanId(id), PlanState::parse(&state))).collect())
}

/// Items with their services.
fn with_services(items: Select<item::Entity>) -> Select<item::Entity> {
    let on = item::Entity::belongs_to(subscription::Entity)
        .from(item::Column::SubscriptionId)
        .to(subscription::Column::Id)
        .into();
    items.join(JoinType::InnerJoin, on)
}

/// How many items of a plan are in each state; a state may come several times.
pub(in super::super) async fn item_counts(
    db: &impl ConnectionTrait,
    plan: PlanId,
) -> Result<Vec<(ItemState, i64)>, DbErr> {
    let rows: Vec<(String, String, i64)> = with_services(item::Entity::find())
        .select_only()
        .column(item::Column::State)
        .column(subscription::Column::Wanted)
        .column_as(item::Column::SubscriptionId.count(), "found")
        .filter(item::Column::PlanId.eq(plan.0))
        .group_by(item::Column::State)
        .group_by(subscription::Column::Wanted)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(state, wanted, count)| (ItemState::of(&state, &wanted), count)).collect())
}

/// The items of a state, beside their services.
fn are(state: ItemState) -> Condition {
    let stored = |state: ItemState| Condition::all().add(item::Column::State.eq(state.as_str()));
    let open = Access::Open.as_str();
    match state {
        ItemState::Done => stored(ItemState::Done).add(subscription::Column::Wanted.ne(open)),
        ItemState::Reopened => stored(ItemState::Done).add(subscription::Column::Wanted.eq(open)),
        ItemState::Planned | ItemState::Skipped | ItemState::Undone => stored(state),
    }
}

/// Why somebody who was isolated is open again. Whoever promised and whom somebody restored are left alone until a day
/// alike: nothing more is said of them.
fn why_open(of: &subscription::Model) -> String {
    if of.state == State::Active.as_str() { Skip::Paid.as_str().to_owned() } else { String::new() }
}

type ItemRow = (item::Model, Option<subscription::Model>);

/// The items of a plan with what their services are called, by subscription.
pub(in super::super) async fn items(
    db: &impl ConnectionTrait,
    plan: PlanId,
    state: Option<ItemState>,
    (after, limit): (Option<i64>, u64),
) -> Result<Vec<Item>, DbErr> {
    let Some(day) = Entity::find_by_id(plan.0).one(db).await?.map(|row| row.day) else { return Ok(Vec::new()) };
    let mut query = with_services(item::Entity::find()).filter(item::Column::PlanId.eq(plan.0));
    if let Some(state) = state {
        query = query.filter(are(state));
    }
    if let Some(after) = after {
        query = query.filter(item::Column::SubscriptionId.gt(after));
    }
    let rows: Vec<ItemRow> =
        query.select_also(subscription::Entity).order_by_asc(item::Column::SubscriptionId).limit(limit).all(db).await?;
    let customers: Vec<i64> =
        rows.iter().filter_map(|(_, subscription)| Some(subscription.as_ref()?.customer_id)).collect();
    let ids: Vec<SubscriptionId> = rows.iter().map(|(row, _)| SubscriptionId(row.subscription_id)).collect();
    let owing = super::owed_of(db, &ids, day).await?;
    let not_due: HashMap<SubscriptionId, i64> = owing.into_iter().map(|(id, of)| (id, of.not_due)).collect();
    let names: Vec<(i64, String, String)> = customer::Entity::find()
        .select_only()
        .columns([customer::Column::Id, customer::Column::Number, customer::Column::Name])
        .filter(customer::Column::Id.is_in(customers))
        .into_tuple()
        .all(db)
        .await?;
    let names: HashMap<i64, (String, String)> =
        names.into_iter().map(|(id, number, name)| (id, (number, name))).collect();
    let whole = |(row, subscription): ItemRow| {
        let subscription = subscription?;
        let (customer_number, customer) = names.get(&subscription.customer_id).cloned().unwrap_or_default();
        let currency = Currency::parse(&subscription.currency).unwrap_or(Currency::IDR);
        let state = ItemState::of(&row.state, &subscription.wanted);
        let reason = if state == ItemState::Reopened { why_open(&subscription) } else { row.reason };
        Some(Item {
            subscription_id: SubscriptionId(row.subscription_id),
            number: subscription.number,
            username: subscription.username,
            router_id: RouterId(subscription.router_id),
            customer_id: CustomerId(subscription.customer_id),
            customer_number,
            customer,
            wave: row.wave,
            owed: Money::new(row.owed, currency),
            not_due: Money::new(not_due.get(&SubscriptionId(row.subscription_id)).copied().unwrap_or(0), currency),
            due_on: row.due_on,
            state,
            reason,
            wanted: subscription.wanted,
            observed: subscription.observed,
            verified_at: subscription.verified_at,
            failure: subscription.fail_code,
        })
    };
    Ok(rows.into_iter().filter_map(whole).collect())
}

/// Who says yes or no, in a plan.
pub(in super::super) fn decide(plan: &mut Plan, now: DateTime<Utc>, actor: &Actor) {
    plan.decided_by = actor.admin;
    plan.decided_at = Some(now);
}

impl From<Model> for Plan {
    fn from(row: Model) -> Self {
        Self {
            id: PlanId(row.id),
            site_id: SiteId(row.site_id),
            day: row.day,
            state: PlanState::parse(&row.state),
            held_for: row.held_for,
            wave: row.wave,
            wave_at: row.wave_at,
            total: row.total,
            created_at: row.created_at,
            decided_by: row.decided_by.map(AdminId),
            decided_at: row.decided_at,
            finished_at: row.finished_at,
        }
    }
}
