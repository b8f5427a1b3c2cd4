//! Queries of the message table.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait as _, Select, UpdateMany,
    sea_query::{Asterisk, Expr, OnConflict, Query},
};

use super::{Filter, Message, MessageState, Ready, Reason, Template};
use crate::{
    db::entity::{
        customer, customer_phone,
        message::{ActiveModel, Column, Entity, Model},
        site,
    },
    http::access::Scope,
    ids::{CustomerId, InvoiceId, MessageId, SiteId, SubscriptionId},
    phone::Phone,
};

/// Rows of one INSERT, values of one IN.
pub(super) const CHUNK: usize = 500;
/// Messages forgotten in one go.
const PURGE: u64 = 2_000;

/// Which of these were written before.
pub(super) async fn known(
    db: &impl ConnectionTrait,
    dedupes: impl Iterator<Item = &str>,
) -> Result<HashSet<String>, DbErr> {
    let query = Entity::find().select_only().column(Column::Dedupe).filter(Column::Dedupe.is_in(dedupes));
    Ok(query.into_tuple::<String>().all(db).await?.into_iter().collect())
}

/// Inserts; another may have written the same a moment ago.
pub(super) async fn insert(tx: &impl ConnectionTrait, now: DateTime<Utc>, ready: &[Ready<'_>]) -> Result<usize, DbErr> {
    if ready.is_empty() {
        return Ok(0);
    }
    let mut rows = Vec::with_capacity(ready.len());
    for Ready { draft, to, language, vars, body, not_before } in ready {
        let state = if to.is_some() { MessageState::Draft } else { MessageState::ToCall };
        let vars = serde_json::to_value(vars).map_err(|error| DbErr::Custom(format!("variables: {error}")))?;
        rows.push(ActiveModel {
            dedupe: Set(draft.dedupe.clone()),
            customer_id: Set(draft.customer.0),
            site_id: Set(draft.site.0),
            invoice_id: Set(draft.invoice.map(|id| id.0)),
            subscription_id: Set(draft.subscription.map(|id| id.0)),
            to_number: Set(to.as_ref().map_or_else(String::new, |phone| phone.as_str().to_owned())),
            template: Set(draft.template.as_str().to_owned()),
            language: Set(language.tag().to_owned()),
            vars: Set(vars),
            body: Set(body.clone()),
            state: Set(state.as_str().to_owned()),
            reason: Set(String::new()),
            not_before: Set(*not_before),
            created_at: Set(now),
            ..Default::default()
        });
    }
    let known = OnConflict::column(Column::Dedupe).do_nothing().to_owned();
    let inserted = Entity::insert_many(rows).on_conflict(known).exec_without_returning(tx).await?;
    Ok(usize::try_from(inserted).unwrap_or(usize::MAX))
}

fn waiting() -> UpdateMany<Entity> {
    let states = [MessageState::Draft, MessageState::ToCall].map(MessageState::as_str);
    Entity::update_many().filter(Column::State.is_in(states))
}

fn over(update: UpdateMany<Entity>, state: MessageState, reason: Reason) -> UpdateMany<Entity> {
    update.col_expr(Column::State, Expr::value(state.as_str())).col_expr(Column::Reason, Expr::value(reason.as_str()))
}

fn dropped(update: UpdateMany<Entity>, reason: Reason) -> UpdateMany<Entity> {
    over(update, MessageState::Dropped, reason)
}

fn money_requests() -> impl Iterator<Item = &'static str> {
    Template::ALL.into_iter().filter(|template| template.asks_for_money()).map(Template::as_str)
}

/// Drops what asks for the money of the invoices that these reminders are about, but for themselves.
pub(super) async fn supersede(tx: &impl ConnectionTrait, ready: &[Ready<'_>]) -> Result<(), DbErr> {
    let reminders = || ready.iter().filter(|ready| matches!(ready.draft.template, Template::Reminder(_)));
    let invoices: Vec<i64> = reminders().filter_map(|ready| Some(ready.draft.invoice?.0)).collect();
    if invoices.is_empty() {
        return Ok(());
    }
    let selves = reminders().map(|ready| ready.draft.dedupe.as_str());
    dropped(waiting(), Reason::Superseded)
        .filter(Column::InvoiceId.is_in(invoices))
        .filter(Column::Template.is_in(money_requests()))
        .filter(Column::Dedupe.is_not_in(selves))
        .exec(tx)
        .await?;
    Ok(())
}

pub(super) async fn drop_of_invoices(
    tx: &impl ConnectionTrait,
    invoices: &[InvoiceId],
    reason: Reason,
) -> Result<u64, DbErr> {
    let mut count = 0;
    for chunk in invoices.chunks(CHUNK) {
        let update = dropped(waiting(), reason)
            .filter(Column::InvoiceId.is_in(chunk.iter().map(|id| id.0)))
            .filter(Column::Template.is_in(money_requests()));
        count += update.exec(tx).await?.rows_affected;
    }
    Ok(count)
}

pub(super) async fn drop_of_subscription(
    tx: &impl ConnectionTrait,
    (customer, subscription): (CustomerId, SubscriptionId),
    template: Template,
    reason: Reason,
) -> Result<u64, DbErr> {
    let update = dropped(waiting(), reason)
        .filter(Column::CustomerId.eq(customer.0))
        .filter(Column::SubscriptionId.eq(subscription.0))
        .filter(Column::Template.eq(template.as_str()));
    Ok(update.exec(tx).await?.rows_affected)
}

pub(super) async fn drop_one(tx: &impl ConnectionTrait, id: MessageId, reason: Reason) -> Result<u64, DbErr> {
    Ok(dropped(waiting(), reason).filter(Column::Id.eq(id.0)).exec(tx).await?.rows_affected)
}

/// Only what waits to be written; who is to be called has no number to send it to.
pub(super) async fn send_one(tx: &impl ConnectionTrait, id: MessageId, reason: Reason) -> Result<u64, DbErr> {
    let draft = Entity::update_many().filter(Column::State.eq(MessageState::Draft.as_str()));
    Ok(over(draft, MessageState::Sent, reason).filter(Column::Id.eq(id.0)).exec(tx).await?.rows_affected)
}

/// Looks at the oldest of each state only, so that it costs the same however many there are.
pub(super) async fn purge(tx: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<u64, DbErr> {
    let mut count = 0;
    for state in [MessageState::Dropped, MessageState::Sent] {
        let oldest = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::State.eq(state.as_str()))
            .order_by_asc(Column::Id)
            .limit(PURGE);
        let ids: Vec<i64> = oldest.into_tuple().all(tx).await?;
        let old = Entity::delete_many().filter(Column::Id.is_in(ids)).filter(Column::CreatedAt.lt(before));
        count += old.exec(tx).await?.rows_affected;
    }
    Ok(count)
}

fn scoped(scope: &Scope) -> Select<Entity> {
    match scope {
        Scope::All => Entity::find(),
        Scope::Sites(sites) => Entity::find().filter(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    }
}

pub(super) async fn find(db: &impl ConnectionTrait, scope: &Scope, id: MessageId) -> Result<Option<Message>, DbErr> {
    let row = scoped(scope).filter(Column::Id.eq(id.0)).all(db).await?;
    Ok(complete(db, row).await?.pop())
}

pub(super) async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: Filter,
    (after, limit): (Option<i64>, u64),
) -> Result<Vec<Message>, DbErr> {
    let scope = scope.only(filter.site);
    let mut query = scoped(&scope).filter(Column::State.eq(filter.state.as_str()));
    if let Some(template) = filter.template {
        query = query.filter(Column::Template.eq(template.as_str()));
    }
    if let Some(customer) = filter.customer {
        query = query.filter(Column::CustomerId.eq(customer.0));
    }
    if let Some(after) = after {
        query = query.filter(Column::Id.lt(after));
    }
    let rows = query.order_by_desc(Column::Id).limit(limit).all(db).await?;
    complete(db, rows).await
}

/// How many there are of a state: along its index, and never more than a limit.
pub(super) async fn count(
    db: &impl ConnectionTrait,
    scope: &Scope,
    state: MessageState,
    limit: u64,
) -> Result<u64, DbErr> {
    let mut some = scoped(scope).select_only().column(Column::Id).filter(Column::State.eq(state.as_str())).into_query();
    some.limit(limit);
    let all = Query::select().expr(Expr::col(Asterisk).count()).from_subquery(some, "found").to_owned();
    let row = db.query_one(&all).await?;
    let count: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Rows with the names of their customers and sites, and the number to call where there is none to write to.
async fn complete(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<Message>, DbErr> {
    let ids: HashSet<i64> = rows.iter().map(|row| row.customer_id).collect();
    let silent: HashSet<i64> = rows.iter().filter(|row| row.to_number.is_empty()).map(|row| row.customer_id).collect();
    let who: Vec<(i64, String, String)> = customer::Entity::find()
        .select_only()
        .columns([customer::Column::Id, customer::Column::Number, customer::Column::Name])
        .filter(customer::Column::Id.is_in(ids))
        .into_tuple()
        .all(db)
        .await?;
    let who: HashMap<i64, (String, String)> = who.into_iter().map(|(id, number, name)| (id, (number, name))).collect();
    let mut phones: HashMap<i64, String> = HashMap::new();
    if !silent.is_empty() {
        let found: Vec<(i64, String)> = customer_phone::Entity::find()
            .select_only()
            .columns([customer_phone::Column::CustomerId, customer_phone::Column::E164])
            .filter(customer_phone::Column::CustomerId.is_in(silent))
            .order_by_asc(customer_phone::Column::IsPrimary)
            .into_tuple()
            .all(db)
            .await?;
        phones.extend(found);
    }
    let places: HashSet<i64> = rows.iter().map(|row| row.site_id).collect();
    let places = site::Entity::find().filter(site::Column::Id.is_in(places)).all(db).await?;
    let places: HashMap<i64, (String, String)> =
        places.into_iter().map(|row| (row.id, (row.name, row.timezone))).collect();
    let whole = |row: Model| {
        let (customer_number, customer) = who.get(&row.customer_id).cloned().unwrap_or_default();
        let (site, timezone) = places.get(&row.site_id).cloned().unwrap_or_default();
        let number = if row.to_number.is_empty() { phones.get(&row.customer_id).cloned() } else { Some(row.to_number) };
        Message {
            id: MessageId(row.id),
            customer_id: CustomerId(row.customer_id),
            customer,
            customer_number,
            site_id: SiteId(row.site_id),
            site,
            timezone: if timezone.parse::<chrono_tz::Tz>().is_ok() { timezone } else { "UTC".to_owned() },
            invoice_id: row.invoice_id.map(InvoiceId),
            subscription_id: row.subscription_id.map(SubscriptionId),
            to: number.map(|e164| Phone::stored(e164).shown()).unwrap_or_default(),
            template: row.template,
            body: row.body,
            state: MessageState::parse(&row.state).unwrap_or_default(),
            reason: row.reason,
            not_before: row.not_before,
            created_at: row.created_at,
        }
    };
    Ok(rows.into_iter().map(whole).collect())
}
