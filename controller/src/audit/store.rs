//! Queries of the audit log. There is no update and no delete.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{Actor, Broken, Deed, Entry, Filter, chain};
use crate::{
    db::{
        self,
        entity::audit_entry::{ActiveModel, Column, Entity, Model},
        paging::{PageOf, Paged},
    },
    ids::SiteId,
};

/// Entries read at once while proving.
const PROVE_CHUNK: u64 = 1000;

pub(super) async fn append(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    deed: Deed<'_>,
) -> Result<(), DbErr> {
    db::one_at_a_time(tx, db::Guard::Audit).await?;
    let last = Entity::find().order_by_desc(Column::Id).one(tx).await?;
    let prev = last.map_or_else(String::new, |row| row.hash);
    let hash = chain(&prev, now, [&actor.name, deed.action, &deed.object, &actor.ip], &deed.detail);
    let row = ActiveModel {
        at: Set(now),
        admin_id: Set(actor.admin.map(|admin| admin.0)),
        actor: Set(actor.name.clone()),
        action: Set(deed.action.to_owned()),
        object: Set(deed.object),
        site_id: Set(deed.site.map(|site| site.0)),
        detail: Set(deed.detail),
        ip: Set(actor.ip.clone()),
        prev_hash: Set(prev),
        hash: Set(hash),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

pub(super) async fn list(db: &impl ConnectionTrait, filter: &Filter, page: &PageOf) -> Result<Paged<Entry>, DbErr> {
    let mut query = Entity::find();
    if let Some(sites) = &filter.sites {
        query = query.filter(Column::SiteId.is_in(sites.iter().map(|site| site.0)));
    }
    if !filter.q.is_empty() {
        let q = filter.q.as_str();
        query = query.filter(Column::Actor.contains(q).or(Column::Action.contains(q)).or(Column::Object.contains(q)));
    }
    Ok(page.cut(page.newest(db, query, Column::Id).await?, |row| row.id.to_string()).map(Entry::from))
}

pub(super) async fn prove(db: &impl ConnectionTrait) -> Result<Result<u64, Broken>, DbErr> {
    let (mut after, mut prev, mut proven) = (0, String::new(), 0);
    loop {
        let rows =
            Entity::find().filter(Column::Id.gt(after)).order_by_asc(Column::Id).limit(PROVE_CHUNK).all(db).await?;
        let Some(last) = rows.last() else { return Ok(Ok(proven)) };
        after = last.id;
        for row in &rows {
            let hash = chain(&prev, row.at, [&row.actor, &row.action, &row.object, &row.ip], &row.detail);
            if row.prev_hash != prev || row.hash != hash {
                return Ok(Err(Broken { id: row.id }));
            }
            prev.clone_from(&row.hash);
            proven += 1;
        }
    }
}

impl From<Model> for Entry {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            at: row.at,
            actor: row.actor,
            action: row.action,
            object: row.object,
            site_id: row.site_id.map(SiteId),
            detail: row.detail,
            ip: row.ip,
        }
    }
}
