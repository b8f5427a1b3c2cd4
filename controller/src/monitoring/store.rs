//! Queries of the session table.

use chrono::{DateTime, Utc};
use hiji_shared::device::{RouterSession, Service};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Alias, Expr, OnConflict, SelectStatement},
};

use super::{ActiveCounts, Filter, Session, Use};
use crate::{
    db::{
        entity::{
            router,
            router_session::{ActiveModel, Column, Entity, Model},
        },
        paging::{PageOf, Paged},
    },
    http::access::Scope,
    ids::{RouterId, SiteId},
};

/// Rows of one INSERT: 14 columns.
const CHUNK: usize = 100;

/// What is known of a session after a batch of reports.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub router: RouterId,
    pub session: RouterSession,
    pub started_at: DateTime<Utc>,
    pub ended: Option<Ended>,
    pub seen_at: DateTime<Utc>,
}

/// How a session ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub at: DateTime<Utc>,
    pub uptime_secs: i64,
    pub bytes_in: i64,
    pub bytes_out: i64,
    pub reason: String,
}

/// Adds sessions that are open; ones that are known stay as they are (a login told twice, or after its logout).
pub(super) async fn open(tx: &impl ConnectionTrait, seen: &[Seen]) -> Result<(), DbErr> {
    for chunk in seen.chunks(CHUNK) {
        Entity::insert_many(chunk.iter().map(model_of))
            .on_conflict(OnConflict::columns([Column::RouterId, Column::Sid]).do_nothing().to_owned())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// Ends sessions, also ones whose login was never seen.
pub(super) async fn close(tx: &impl ConnectionTrait, seen: &[Seen]) -> Result<(), DbErr> {
    for chunk in seen.chunks(CHUNK) {
        Entity::insert_many(chunk.iter().map(model_of))
            .on_conflict(
                OnConflict::columns([Column::RouterId, Column::Sid])
                    .update_columns([
                        Column::EndedAt,
                        Column::UptimeSecs,
                        Column::BytesIn,
                        Column::BytesOut,
                        Column::Reason,
                        Column::SeenAt,
                    ])
                    .to_owned(),
            )
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

fn model_of(seen: &Seen) -> ActiveModel {
    let session = &seen.session;
    let ended = seen.ended.as_ref();
    ActiveModel {
        router_id: Set(seen.router.0),
        sid: Set(session.sid.clone()),
        service: Set(session.service.as_str().to_owned()),
        username: Set(session.user.clone()),
        address: Set(session.address.clone()),
        mac: Set(session.mac.clone()),
        server: Set(session.server.clone()),
        started_at: Set(seen.started_at),
        ended_at: Set(ended.map(|ended| ended.at)),
        uptime_secs: Set(ended.map_or(0, |ended| ended.uptime_secs)),
        bytes_in: Set(ended.map_or(0, |ended| ended.bytes_in)),
        bytes_out: Set(ended.map_or(0, |ended| ended.bytes_out)),
        reason: Set(ended.map_or_else(String::new, |ended| ended.reason.clone())),
        seen_at: Set(seen.seen_at),
        ..Default::default()
    }
}

/// Counters of an open session that moved.
pub(super) async fn count(
    tx: &impl ConnectionTrait,
    router: RouterId,
    now: DateTime<Utc>,
    (sid, uptime, bytes_in, bytes_out): (&str, i64, i64, i64),
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::UptimeSecs, Expr::value(uptime))
        .col_expr(Column::BytesIn, Expr::value(bytes_in))
        .col_expr(Column::BytesOut, Expr::value(bytes_out))
        .col_expr(Column::SeenAt, Expr::value(now))
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::Sid.eq(sid))
        .filter(Column::EndedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// Ids of the routers in a scope, as a subquery.
fn routers_of(scope: &Scope, site: Option<SiteId>) -> SelectStatement {
    let mut query = router::Entity::find().select_only().column(router::Column::Id);
    if let Scope::Sites(sites) = scope {
        query = query.filter(router::Column::SiteId.is_in(sites.iter().map(|site| site.0)));
    }
    if let Some(site) = site {
        query = query.filter(router::Column::SiteId.eq(site.0));
    }
    sea_orm::QueryTrait::into_query(query)
}

pub(super) async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &Filter,
    page: &PageOf,
) -> Result<Paged<Session>, DbErr> {
    let mut query = Entity::find().order_by_desc(Column::Id).limit(page.limit() + 1);
    if let Ok(Some(after)) = page.after_id() {
        query = query.filter(Column::Id.lt(after));
    }
    if filter.open {
        query = query.filter(Column::EndedAt.is_null());
    }
    if let Some(service) = filter.service {
        query = query.filter(Column::Service.eq(service.as_str()));
    }
    if let Some(router) = filter.router {
        query = query.filter(Column::RouterId.eq(router.0));
    }
    if *scope != Scope::All {
        query = query.filter(Column::RouterId.in_subquery(routers_of(scope, None)));
    }
    if !filter.q.is_empty() {
        let q = filter.q.as_str();
        query = query.filter(Column::Username.contains(q).or(Column::Address.contains(q)).or(Column::Mac.contains(q)));
    }
    let rows: Vec<Session> = query.all(db).await?.into_iter().map(Session::from).collect();
    Ok(page.cut(rows, |row| row.id.to_string()))
}

pub(super) async fn active(
    db: &impl ConnectionTrait,
    scope: &Scope,
    site: Option<SiteId>,
) -> Result<ActiveCounts, DbErr> {
    let mut query = Entity::find()
        .select_only()
        .column(Column::Service)
        .column_as(Column::Id.count(), "n")
        .filter(Column::EndedAt.is_null());
    if *scope != Scope::All || site.is_some() {
        query = query.filter(Column::RouterId.in_subquery(routers_of(scope, site)));
    }
    let rows: Vec<(String, i64)> = query.group_by(Column::Service).into_tuple().all(db).await?;
    let of = |service: Service| rows.iter().find(|(name, _)| name == service.as_str()).map_or(0, |(_, n)| *n);
    Ok(ActiveCounts { hotspot: of(Service::Hotspot), pppoe: of(Service::Pppoe) })
}

impl From<Model> for Session {
    fn from(row: Model) -> Self {
        let pppoe = row.service == Service::Pppoe.as_str();
        Self {
            id: row.id,
            router_id: RouterId(row.router_id),
            service: if pppoe { Service::Pppoe } else { Service::Hotspot },
            username: row.username,
            address: row.address,
            mac: row.mac,
            server: row.server,
            started_at: row.started_at,
            ended_at: row.ended_at,
            uptime_secs: row.uptime_secs,
            bytes_in: row.bytes_in,
            bytes_out: row.bytes_out,
            reason: row.reason,
        }
    }
}

/// What all hotspot sessions of a user took together, and whether one is open.
pub(super) async fn use_of(db: &impl ConnectionTrait, router: RouterId, user: &str) -> Result<Use, DbErr> {
    // PostgreSQL sums bigints to numerics.
    let sum = |column: Column| Expr::col(column).sum().cast_as(Alias::new("bigint"));
    let sums = Entity::find()
        .select_only()
        .column_as(sum(Column::UptimeSecs), "uptime")
        .column_as(sum(Column::BytesIn), "received")
        .column_as(sum(Column::BytesOut), "sent")
        .column_as(Column::Id.count(), "n")
        .column_as(Column::EndedAt.count(), "ended")
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::Service.eq(Service::Hotspot.as_str()))
        .filter(Column::Username.eq(user))
        .into_tuple::<(Option<i64>, Option<i64>, Option<i64>, i64, i64)>();
    let (uptime, received, sent, count, ended) = sums.one(db).await?.unwrap_or_default();
    Ok(Use {
        uptime_secs: uptime.unwrap_or(0),
        bytes: received.unwrap_or(0).saturating_add(sent.unwrap_or(0)),
        is_online: count > ended,
    })
}
