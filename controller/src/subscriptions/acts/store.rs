//! Queries that only acts make.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter,
    QueryOrder, QuerySelect, Select,
};

use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    db::entity::{subscription, subscription_addon, subscription_event},
    ids::{AddonId, SiteId, SubscriptionId},
    sealed::Keys,
    subscriptions::{
        PASSWORD_PLACE, State,
        store::{MONTHLY, ONE_OFF},
    },
};

/// Entries of the history that a repeated wish is looked for in.
const RECENT: u64 = 20;

/// What a wish was done as, if it was.
pub(super) async fn done_as(
    db: &impl ConnectionTrait,
    id: SubscriptionId,
    form_id: &str,
) -> Result<Option<String>, DbErr> {
    use subscription_event::{Column, Entity};
    let query = Entity::find().filter(Column::SubscriptionId.eq(id.0)).order_by_desc(Column::Id).limit(RECENT);
    let recent = query.all(db).await?;
    Ok(recent.into_iter().find(|event| event.detail["form"] == form_id).map(|event| event.what))
}

/// Whether a promise was given within a time.
pub(super) async fn was_promised(
    db: &impl ConnectionTrait,
    id: SubscriptionId,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<bool, DbErr> {
    use subscription_event::{Column, Entity};
    let query = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::SubscriptionId.eq(id.0))
        .filter(Column::What.eq("promised"))
        .filter(Column::At.gte(from))
        .filter(Column::At.lt(until));
    Ok(query.into_tuple::<i64>().one(db).await?.is_some())
}

/// What was written into the history last under a name, by subscription.
pub(super) async fn last_told(
    db: &impl ConnectionTrait,
    ids: &[SubscriptionId],
    what: &str,
) -> Result<Vec<(SubscriptionId, serde_json::Value)>, DbErr> {
    use subscription_event::{Column, Entity};
    let query = Entity::find()
        .filter(Column::SubscriptionId.is_in(ids.iter().map(|id| id.0)))
        .filter(Column::What.eq(what))
        .order_by_asc(Column::Id);
    let rows = query.all(db).await?;
    Ok(rows.into_iter().map(|event| (SubscriptionId(event.subscription_id), event.detail)).collect())
}

/// Keeps another secret of a user; one that was made waits to be seen by whoever asked for it.
pub(super) async fn set_secret(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    id: SubscriptionId,
    (secret, is_made): (&SecretString, bool),
) -> Result<(), DbErr> {
    use subscription::{ActiveModel, Column, Entity};
    let sealed = keys.seal(PASSWORD_PLACE, secret.expose_secret().as_bytes());
    let row = ActiveModel { password: Set(sealed), is_secret_new: Set(is_made), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id.0)).exec(tx).await.map(|_| ())
}

/// A row of add-ons to be.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) subscription: SubscriptionId,
    /// None: something that is asked for once, of no add-on.
    pub(super) addon: Option<AddonId>,
    pub(super) name: String,
    pub(super) is_one_off: bool,
    pub(super) quantity: i32,
    /// Of one.
    pub(super) price: i64,
    pub(super) cost: i64,
    pub(super) is_taxed: bool,
    pub(super) from: NaiveDate,
    pub(super) until: Option<NaiveDate>,
    pub(super) billed_at: Option<DateTime<Utc>>,
}

pub(super) async fn insert_rows(tx: &impl ConnectionTrait, rows: Vec<Row>) -> Result<(), DbErr> {
    use subscription_addon::{ActiveModel, Entity};
    if rows.is_empty() {
        return Ok(());
    }
    let rows = rows.into_iter().map(|row| ActiveModel {
        subscription_id: Set(row.subscription.0),
        addon_id: Set(row.addon.map(|addon| addon.0)),
        name: Set(row.name),
        kind: Set(if row.is_one_off { ONE_OFF } else { MONTHLY }.to_owned()),
        quantity: Set(row.quantity),
        price: Set(row.price),
        cost: Set(row.cost),
        is_taxed: Set(row.is_taxed),
        from_day: Set(row.from),
        until_day: Set(row.until),
        billed_at: Set(row.billed_at),
        ..Default::default()
    });
    Entity::insert_many(rows).exec_without_returning(tx).await.map(|_| ())
}

pub(super) async fn end_row(tx: &impl ConnectionTrait, row: i64, until: NaiveDate) -> Result<(), DbErr> {
    use subscription_addon::{ActiveModel, Column, Entity};
    let ended = ActiveModel { until_day: Set(Some(until)), ..Default::default() };
    Entity::update_many().set(ended).filter(Column::Id.eq(row)).exec(tx).await.map(|_| ())
}

/// What falls due with a day or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Start,
    Pause,
    Resume,
    Change,
    /// A change that waits for its payment: whether that is late is for the invoice to say.
    LateChange,
    End,
    Promise,
}

/// Subscriptions of a site after an id for which something is due, in the order of their ids.
pub(super) async fn due(
    db: &impl ConnectionTrait,
    (site, due): (SiteId, Due),
    (now, today): (DateTime<Utc>, NaiveDate),
    (after, limit): (SubscriptionId, u64),
) -> Result<Vec<SubscriptionId>, DbErr> {
    use subscription::{Column, Entity};
    let all = Entity::find().select_only().column(Column::Id).filter(Column::SiteId.eq(site.0));
    // Most are among what acts now; promises and changes that wait have indexes of their own.
    let acts = |query: Select<Entity>| query.filter(Column::ActsAt.lte(now));
    let query = match due {
        Due::Start => acts(all).filter(Column::State.eq(State::Pending.as_str())),
        Due::Pause => acts(all)
            .filter(Column::State.is_in([State::Active, State::Grace, State::Isolated].map(State::as_str)))
            .filter(Column::PausedFrom.lte(today)),
        Due::Resume => {
            acts(all).filter(Column::State.eq(State::Paused.as_str())).filter(Column::PausedUntil.lte(today))
        }
        Due::Change => acts(all)
            .filter(Column::State.ne(State::Ended.as_str()))
            .filter(Column::State.ne(State::Paused.as_str()))
            .filter(Column::NextPackageFrom.lte(today)),
        Due::LateChange => all
            .filter(Column::NextPackageId.is_not_null())
            .filter(Column::NextPackageFrom.is_null())
            .filter(Column::State.ne(State::Ended.as_str())),
        Due::End => acts(all).filter(Column::State.ne(State::Ended.as_str())).filter(Column::EndsOn.lte(today)),
        Due::Promise => all.filter(Column::PromiseUntil.lte(now)).filter(Column::State.ne(State::Ended.as_str())),
    };
    let query = query.filter(Column::Id.gt(after.0)).order_by_asc(Column::Id).limit(limit);
    Ok(query.into_tuple::<i64>().all(db).await?.into_iter().map(SubscriptionId).collect())
}

/// Subscriptions of a site after an id for which anything is due, in the order of their ids.
pub(super) async fn due_any(
    db: &impl ConnectionTrait,
    site: SiteId,
    now: DateTime<Utc>,
    (after, limit): (SubscriptionId, u64),
) -> Result<Vec<SubscriptionId>, DbErr> {
    use subscription::{Column, Entity};
    let waits = Column::NextPackageId.is_not_null().and(Column::NextPackageFrom.is_null());
    let any = Condition::any().add(Column::ActsAt.lte(now)).add(Column::PromiseUntil.lte(now)).add(waits);
    let query = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::SiteId.eq(site.0))
        .filter(any)
        .filter(Column::State.ne(State::Ended.as_str()))
        .filter(Column::Id.gt(after.0))
        .order_by_asc(Column::Id)
        .limit(limit);
    Ok(query.into_tuple::<i64>().all(db).await?.into_iter().map(SubscriptionId).collect())
}
