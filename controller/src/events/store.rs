//! Queries of the business event table, which is also the outbox of the public stream.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::BusinessEvent;
use crate::{
    db::entity::business_event::{ActiveModel, Column, Entity, Model},
    ids::SiteId,
};

/// Rows of one INSERT.
const CHUNK: usize = 100;

/// An event as recorded.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Recorded {
    pub id: i64,
    pub at: DateTime<Utc>,
    #[serde(rename = "site_id")]
    pub site: Option<SiteId>,
    pub class: String,
    pub name: String,
    pub subject: String,
    /// Place in the public stream; `None` = not published yet.
    pub hseq: Option<i64>,
    pub data: serde_json::Value,
}

impl Recorded {
    /// The event itself; `None` when a newer version of hiji wrote it.
    #[must_use]
    pub fn event(&self) -> Option<BusinessEvent> {
        serde_json::from_value(self.data.clone()).ok()
    }
}

impl From<Model> for Recorded {
    fn from(row: Model) -> Self {
        let Model { id, at, site_id, class, name, subject, data, hseq } = row;
        Self { id, at, site: site_id.map(SiteId), class, name, subject, hseq, data }
    }
}

pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    site: Option<SiteId>,
    events: &[BusinessEvent],
) -> Result<(), DbErr> {
    for chunk in events.chunks(CHUNK) {
        let rows = chunk.iter().map(|event| {
            let (class, name) = event.topic();
            ActiveModel {
                at: Set(now),
                site_id: Set(site.map(|site| site.0)),
                class: Set(class.to_owned()),
                name: Set(name.to_owned()),
                subject: Set(event.subject()),
                data: Set(serde_json::to_value(event).unwrap_or_default()),
                hseq: Set(None),
                ..Default::default()
            }
        });
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Events nobody has reacted to, oldest first.
pub(super) async fn pending(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<Recorded>, DbErr> {
    let rows = Entity::find().filter(Column::Hseq.is_null()).order_by_asc(Column::Id).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(Recorded::from).collect())
}

/// The last number given in the public stream.
pub(super) async fn last_hseq(db: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let last: Option<Option<i64>> =
        Entity::find().select_only().column_as(Column::Hseq.max(), "last").into_tuple().one(db).await?;
    Ok(last.flatten().unwrap_or(0))
}

/// Gives an event its place in the stream.
pub(super) async fn publish(tx: &impl ConnectionTrait, id: i64, hseq: i64) -> Result<(), DbErr> {
    Entity::update_many().col_expr(Column::Hseq, Expr::value(hseq)).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

pub(super) async fn published_after(
    db: &impl ConnectionTrait,
    after: i64,
    limit: u64,
    sites: Option<&[SiteId]>,
) -> Result<Vec<Recorded>, DbErr> {
    let mut query = Entity::find().filter(Column::Hseq.gt(after)).order_by_asc(Column::Hseq).limit(limit);
    if let Some(sites) = sites {
        query = query.filter(Column::SiteId.is_in(sites.iter().map(|site| site.0)));
    }
    Ok(query.all(db).await?.into_iter().map(Recorded::from).collect())
}
