//! What belongs to subscriptions: add-ons and history. History has no update and no delete.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::Value;

use super::{
    super::{Addon, Happened},
    CHUNK, IN,
};
use crate::{
    audit::Actor,
    db::{
        entity::{subscription_addon, subscription_event},
        paging::{PageOf, Paged},
    },
    ids::{AddonId, AdminId, SubscriptionId},
    money::{Currency, Money},
};

/// As stored.
pub(in super::super) const ONE_OFF: &str = "one_off";
/// As stored.
pub(in super::super) const MONTHLY: &str = "monthly";

/// An add-on to be inserted.
#[derive(Debug, Clone)]
pub(in super::super) struct NewAddon {
    pub(in super::super) addon: AddonId,
    pub(in super::super) name: String,
    pub(in super::super) is_one_off: bool,
    pub(in super::super) quantity: i32,
    pub(in super::super) price: Money,
    pub(in super::super) cost: Money,
    pub(in super::super) is_taxed: bool,
    pub(in super::super) from: NaiveDate,
}

pub(in super::super) async fn insert_addons(
    tx: &impl ConnectionTrait,
    id: SubscriptionId,
    addons: &[NewAddon],
) -> Result<(), DbErr> {
    use subscription_addon::{ActiveModel, Entity};
    for chunk in addons.chunks(CHUNK) {
        let rows = chunk.iter().map(|addon| ActiveModel {
            subscription_id: Set(id.0),
            addon_id: Set(Some(addon.addon.0)),
            name: Set(addon.name.clone()),
            kind: Set(if addon.is_one_off { ONE_OFF } else { MONTHLY }.to_owned()),
            quantity: Set(addon.quantity),
            price: Set(addon.price.minor()),
            cost: Set(addon.cost.minor()),
            is_taxed: Set(addon.is_taxed),
            from_day: Set(addon.from),
            until_day: Set(None),
            billed_at: Set(None),
            ..Default::default()
        });
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// The add-ons of subscriptions, oldest first.
pub(in super::super) async fn addons(
    db: &impl ConnectionTrait,
    of: &[(SubscriptionId, Currency)],
) -> Result<HashMap<SubscriptionId, Vec<Addon>>, DbErr> {
    use subscription_addon::{Column, Entity};
    let mut found: HashMap<SubscriptionId, Vec<Addon>> = HashMap::new();
    for chunk in of.chunks(IN) {
        let currencies: HashMap<i64, Currency> = chunk.iter().map(|(id, currency)| (id.0, *currency)).collect();
        let ids = chunk.iter().map(|(id, _)| id.0);
        let query = Entity::find().filter(Column::SubscriptionId.is_in(ids)).order_by_asc(Column::Id);
        for row in query.all(db).await? {
            let Some(currency) = currencies.get(&row.subscription_id) else { continue };
            found.entry(SubscriptionId(row.subscription_id)).or_default().push(addon(row, *currency));
        }
    }
    Ok(found)
}

fn addon(row: subscription_addon::Model, currency: Currency) -> Addon {
    Addon {
        id: row.id,
        addon_id: row.addon_id.map(AddonId),
        name: row.name,
        is_one_off: row.kind == ONE_OFF,
        quantity: row.quantity,
        price: Money::new(row.price, currency),
        cost: Some(Money::new(row.cost, currency)),
        is_taxed: row.is_taxed,
        from: row.from_day,
        until: row.until_day,
        billed_at: row.billed_at,
    }
}

/// Marks one-off add-ons as invoiced.
pub(in super::super) async fn addons_billed(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    ids: &[i64],
) -> Result<(), DbErr> {
    use subscription_addon::{ActiveModel, Column, Entity};
    for chunk in ids.chunks(IN) {
        let row = ActiveModel { billed_at: Set(Some(now)), ..Default::default() };
        Entity::update_many().set(row).filter(Column::Id.is_in(chunk.iter().copied())).exec(tx).await?;
    }
    Ok(())
}

/// Something to be written into the history of a subscription.
#[derive(Debug, Clone)]
pub(in super::super) struct Note {
    pub(in super::super) subscription: SubscriptionId,
    pub(in super::super) what: &'static str,
    pub(in super::super) detail: Value,
}

pub(in super::super) async fn note(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    notes: &[Note],
) -> Result<(), DbErr> {
    use subscription_event::{ActiveModel, Entity};
    for chunk in notes.chunks(CHUNK) {
        let rows = chunk.iter().map(|note| ActiveModel {
            subscription_id: Set(note.subscription.0),
            at: Set(now),
            admin_id: Set(actor.admin.map(|admin| admin.0)),
            actor: Set(actor.name.clone()),
            what: Set(note.what.to_owned()),
            detail: Set(note.detail.clone()),
            ..Default::default()
        });
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

pub(in super::super) async fn history(
    db: &impl ConnectionTrait,
    id: SubscriptionId,
    page: &PageOf,
) -> Result<Paged<Happened>, DbErr> {
    use subscription_event::{Column, Entity};
    let mut query =
        Entity::find().filter(Column::SubscriptionId.eq(id.0)).order_by_desc(Column::Id).limit(page.limit() + 1);
    if let Ok(Some(after)) = page.after_id() {
        query = query.filter(Column::Id.lt(after));
    }
    let happened = |row: subscription_event::Model| Happened {
        id: row.id,
        at: row.at,
        who: row.actor,
        admin_id: row.admin_id.map(AdminId),
        what: row.what,
        detail: row.detail,
    };
    let rows: Vec<Happened> = query.all(db).await?.into_iter().map(happened).collect();
    Ok(page.cut(rows, |happened| happened.id.to_string()))
}

/// What the history tells of a subscription under some names, oldest first.
pub(in super::super) async fn told(
    db: &impl ConnectionTrait,
    id: SubscriptionId,
    whats: &[&str],
) -> Result<Vec<(String, Value)>, DbErr> {
    use subscription_event::{Column, Entity};
    let query = Entity::find()
        .filter(Column::SubscriptionId.eq(id.0))
        .filter(Column::What.is_in(whats.iter().copied()))
        .order_by_asc(Column::Id);
    Ok(query.all(db).await?.into_iter().map(|event| (event.what, event.detail)).collect())
}
