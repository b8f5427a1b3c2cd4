//! What happened with customers. There is no update and no delete.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::{
    super::{Entry, Moment},
    CHUNK,
};
use crate::{
    audit::Actor,
    db::{
        entity::customer_event::{ActiveModel, Column, Entity, Model},
        paging::{PageOf, Paged},
    },
    ids::{AdminId, CustomerId},
};

fn row(now: DateTime<Utc>, actor: &Actor, id: CustomerId, entry: &Entry<'_>) -> ActiveModel {
    ActiveModel {
        customer_id: Set(id.0),
        at: Set(now),
        admin_id: Set(actor.admin.map(|admin| admin.0)),
        actor: Set(actor.name.clone()),
        what: Set(entry.what.to_owned()),
        detail: Set(entry.detail.clone()),
        link: Set(entry.link.clone()),
        ..Default::default()
    }
}

pub(in super::super) async fn insert_event(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    id: CustomerId,
    entry: Entry<'_>,
) -> Result<(), DbErr> {
    Entity::insert(row(now, actor, id, &entry)).exec_without_returning(tx).await?;
    Ok(())
}

/// The same for many customers at once.
pub(in super::super) async fn insert_events(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    events: &[(CustomerId, Entry<'_>)],
) -> Result<(), DbErr> {
    for chunk in events.chunks(CHUNK) {
        let rows = chunk.iter().map(|(id, entry)| row(now, actor, *id, entry));
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

pub(in super::super) async fn events(
    db: &impl ConnectionTrait,
    id: CustomerId,
    page: &PageOf,
) -> Result<Paged<Moment>, DbErr> {
    let rows = page.newest(db, Entity::find().filter(Column::CustomerId.eq(id.0)), Column::Id).await?;
    Ok(page.cut(rows, |row| row.id.to_string()).map(Moment::from))
}

impl From<Model> for Moment {
    fn from(row: Model) -> Self {
        let Model { id, customer_id: _, at, admin_id, actor, what, detail, link } = row;
        Self { id, at, who: actor, admin_id: admin_id.map(AdminId), what, detail, link }
    }
}
