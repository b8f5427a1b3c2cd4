//! Wanted objects and what is proven of them.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use hiji_shared::{
    desired::{Desired, DesiredProfile, DesiredUser, ItemResult, ItemStatus, Object},
    device::{Kind, RouterUser},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde::Serialize;

use super::super::{AgentState, Want};
use crate::{
    db::entity::{
        agent,
        desired_object::{ActiveModel, Column, Entity, Model},
        mirror_row,
    },
    ids::RouterId,
    sealed::Keys,
};

pub(super) const WANTED: &str = "wanted";
pub(super) const VERIFIED: &str = "verified";
const FAILED: &str = "failed";
pub(super) const DELIVERED: &str = "delivered";
/// Names of one IN.
const NAMES: usize = 500;
/// Rows of one INSERT: 12 columns, below SQLite's and PostgreSQL's limits of bound values.
const CHUNK: usize = 100;
/// Refused objects shown of a router.
const MAX_FAILED: u64 = 50;
/// Wanted profiles of a router that are looked at.
const MAX_PROFILES: u64 = 1_000;
const PASSWORD_PLACE: &str = "desired.password";

/// How many objects of a router are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DesiredCounts {
    pub wanted: i64,
    pub verified: i64,
    pub failed: i64,
}

/// An object the router refuses.
#[derive(Debug, Clone, Serialize)]
pub struct FailedObject {
    pub kind: Kind,
    pub name: String,
    /// Stable reason.
    pub code: String,
    /// The router's own words.
    pub message: String,
}

/// How far one object is on its router.
#[derive(Debug, Clone, Serialize)]
pub struct ObjectState {
    /// Shall it be gone?
    pub gone: bool,
    /// Shall it be switched off?
    pub disabled: bool,
    /// `wanted`, `delivered`, `verified`, `failed`.
    pub status: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// The router's own words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    pub wanted_at: DateTime<Utc>,
    pub verified_at: Option<DateTime<Utc>>,
    /// As the router showed it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<RouterUser>,
}

pub(crate) async fn object_state(
    db: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    name: &str,
) -> Result<Option<ObjectState>, DbErr> {
    let key = (router.0, kind.as_str().to_owned(), name.to_owned());
    let Some(row) = Entity::find_by_id(key.clone()).one(db).await? else { return Ok(None) };
    let have: Option<i64> = agent::Entity::find()
        .select_only()
        .column(agent::Column::HaveRev)
        .filter(agent::Column::RouterId.eq(router.0))
        .filter(agent::Column::State.eq(AgentState::Approved.as_str()))
        .into_tuple()
        .one(db)
        .await?;
    let seen = mirror_row::Entity::find_by_id(key).one(db).await?;
    let delivered = row.status == WANTED && have.is_some_and(|have| have >= row.rev);
    Ok(Some(ObjectState {
        gone: row.gone,
        disabled: row.doc["disabled"] == true,
        status: if delivered { DELIVERED.to_owned() } else { row.status },
        code: row.code,
        message: row.message,
        wanted_at: row.updated_at,
        verified_at: row.proven_at.filter(|at| *at >= row.updated_at),
        seen: seen.and_then(|row| serde_json::from_value(row.doc).ok()),
    }))
}

/// The router's own words of refusal about objects of these names; those it said nothing of are left out.
pub(crate) async fn refusals(
    db: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    names: &[String],
) -> Result<HashMap<String, String>, DbErr> {
    let mut said = HashMap::new();
    for chunk in names.chunks(NAMES) {
        let found: Vec<(String, String)> = Entity::find()
            .select_only()
            .columns([Column::Name, Column::Message])
            .filter(Column::RouterId.eq(router.0))
            .filter(Column::Kind.eq(kind.as_str()))
            .filter(Column::Name.is_in(chunk))
            .filter(Column::Message.ne(""))
            .into_tuple()
            .all(db)
            .await?;
        said.extend(found);
    }
    Ok(said)
}

/// Names among these that shall be gone, or only those proven to be.
pub(crate) async fn wanted_gone(
    db: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    names: &[String],
    proven: bool,
) -> Result<Vec<String>, DbErr> {
    let mut gone = Vec::new();
    for chunk in names.chunks(NAMES) {
        let mut query = Entity::find()
            .select_only()
            .column(Column::Name)
            .filter(Column::RouterId.eq(router.0))
            .filter(Column::Kind.eq(kind.as_str()))
            .filter(Column::Gone.eq(true))
            .filter(Column::Name.is_in(chunk));
        if proven {
            query = query.filter(Column::Status.eq(VERIFIED));
        }
        let found: Vec<String> = query.into_tuple().all(db).await?;
        gone.extend(found);
    }
    Ok(gone)
}

/// Puts objects at revisions `from + 1 …`, replacing earlier revisions of the same object.
pub(crate) async fn put_desired(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    now: DateTime<Utc>,
    router: RouterId,
    from: i64,
    wants: Vec<Want>,
) -> Result<(), DbErr> {
    let mut rows = Vec::with_capacity(wants.len().min(CHUNK));
    let mut wants = (from + 1..).zip(wants).peekable();
    while let Some((rev, want)) = wants.next() {
        rows.push(row_of(keys, now, router, rev, want)?);
        if rows.len() == CHUNK || wants.peek().is_none() {
            upsert(tx, std::mem::take(&mut rows)).await?;
        }
    }
    Ok(())
}

fn row_of(
    keys: &Keys,
    now: DateTime<Utc>,
    router: RouterId,
    rev: i64,
    Want { mut object }: Want,
) -> Result<ActiveModel, DbErr> {
    // The password is sealed beside the document, never in it.
    let secret = match &mut object {
        Object::User(DesiredUser { password, .. }) => {
            let sealed = keys.seal(PASSWORD_PLACE, password.as_bytes());
            password.clear();
            Some(sealed)
        }
        Object::Profile(_) | Object::Isolation(_) | Object::Gone { .. } | Object::Forgotten { .. } => None,
    };
    // What is only forgotten needs no proof.
    let status = if matches!(object, Object::Forgotten { .. }) { VERIFIED } else { WANTED };
    let desired = Desired { rev: rev.unsigned_abs(), object };
    Ok(ActiveModel {
        router_id: Set(router.0),
        kind: Set(desired.kind().as_str().to_owned()),
        name: Set(desired.name().to_owned()),
        rev: Set(rev),
        gone: Set(matches!(desired.object, Object::Gone { .. })),
        doc: Set(serde_json::to_value(&desired.object).map_err(|error| DbErr::Custom(error.to_string()))?),
        secret: Set(secret),
        status: Set(status.to_owned()),
        code: Set(String::new()),
        message: Set(String::new()),
        proven_at: Set(None),
        updated_at: Set(now),
    })
}

async fn upsert(tx: &impl ConnectionTrait, rows: Vec<ActiveModel>) -> Result<(), DbErr> {
    let newer = OnConflict::columns([Column::RouterId, Column::Kind, Column::Name])
        .update_columns([
            Column::Rev,
            Column::Doc,
            Column::Secret,
            Column::Gone,
            Column::Status,
            Column::Code,
            Column::Message,
            Column::UpdatedAt,
        ])
        .to_owned();
    Entity::insert_many(rows).on_conflict(newer).exec_without_returning(tx).await?;
    Ok(())
}

/// Objects after a revision, oldest first, with their passwords opened.
pub(crate) async fn desired_after(
    db: &impl ConnectionTrait,
    keys: &Keys,
    router: RouterId,
    after: i64,
    limit: u64,
) -> Result<Vec<Desired>, DbErr> {
    let rows = Entity::find()
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::Rev.gt(after))
        .order_by_asc(Column::Rev)
        .limit(limit)
        .all(db)
        .await?;
    rows.iter().map(|row| desired_of(keys, row)).collect()
}

fn desired_of(keys: &Keys, row: &Model) -> Result<Desired, DbErr> {
    let damaged = |what: &str| DbErr::Custom(format!("wanted object {} of router {}: {what}", row.name, row.router_id));
    let mut object: Object = serde_json::from_value(row.doc.clone()).map_err(|error| damaged(&error.to_string()))?;
    if let (Object::User(user), Some(sealed)) = (&mut object, &row.secret) {
        let opened = keys.open(PASSWORD_PLACE, sealed).map_err(|error| damaged(&error.to_string()))?;
        user.password = String::from_utf8(opened).map_err(|error| damaged(&error.to_string()))?;
    }
    Ok(Desired { rev: row.rev.unsigned_abs(), object })
}

/// Records what the agent proved or could not do. Revisions are unique within a router, so an older result does not
/// touch a newer want; of several results of one revision the last holds.
pub(crate) async fn record_results(
    tx: &impl ConnectionTrait,
    router: RouterId,
    at: DateTime<Utc>,
    items: &[ItemResult],
) -> Result<(), DbErr> {
    let rev = |item: &ItemResult| i64::try_from(item.rev).unwrap_or(i64::MAX);
    let last: BTreeMap<i64, &ItemResult> = items.iter().map(|item| (rev(item), item)).collect();
    let of = |status: ItemStatus| last.iter().filter(move |(_, item)| item.status == status);
    let verified: Vec<i64> = of(ItemStatus::Verified).map(|(rev, _)| *rev).collect();
    if !verified.is_empty() {
        Entity::update_many()
            .col_expr(Column::Status, Expr::value(VERIFIED))
            .col_expr(Column::Code, Expr::value(""))
            .col_expr(Column::Message, Expr::value(""))
            .col_expr(Column::ProvenAt, Expr::value(at))
            .filter(Column::RouterId.eq(router.0))
            .filter(Column::Rev.is_in(verified))
            .exec(tx)
            .await?;
    }
    for (rev, item) in of(ItemStatus::Failed) {
        Entity::update_many()
            .col_expr(Column::Status, Expr::value(FAILED))
            .col_expr(Column::Code, Expr::value(item.code.map_or("other", |code| code.as_str())))
            .col_expr(Column::Message, Expr::value(item.msg.as_str()))
            .filter(Column::RouterId.eq(router.0))
            .filter(Column::Rev.eq(*rev))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Counts over a range of revisions `(from, to]`; objects that were superseded are in later ranges.
pub(crate) async fn desired_counts(
    db: &impl ConnectionTrait,
    router: RouterId,
    range: Option<(i64, i64)>,
) -> Result<DesiredCounts, DbErr> {
    let mut query = Entity::find()
        .select_only()
        .column(Column::Status)
        .column_as(Column::Rev.count(), "n")
        .filter(Column::RouterId.eq(router.0));
    if let Some((from, to)) = range {
        query = query.filter(Column::Rev.gt(from)).filter(Column::Rev.lte(to));
    }
    let rows: Vec<(String, i64)> = query.group_by(Column::Status).into_tuple().all(db).await?;
    let of = |status: &str| rows.iter().find(|(name, _)| name == status).map_or(0, |(_, n)| *n);
    Ok(DesiredCounts { wanted: of(WANTED), verified: of(VERIFIED), failed: of(FAILED) })
}

/// The counts of each of these routers that something is wanted on.
pub(crate) async fn counts_of_routers(
    db: &impl ConnectionTrait,
    routers: impl IntoIterator<Item = RouterId>,
) -> Result<BTreeMap<RouterId, DesiredCounts>, DbErr> {
    let rows: Vec<(i64, String, i64)> = Entity::find()
        .select_only()
        .columns([Column::RouterId, Column::Status])
        .column_as(Column::Rev.count(), "n")
        .filter(Column::RouterId.is_in(routers.into_iter().map(|id| id.0)))
        .group_by(Column::RouterId)
        .group_by(Column::Status)
        .into_tuple()
        .all(db)
        .await?;
    let mut counts: BTreeMap<RouterId, DesiredCounts> = BTreeMap::new();
    for (router, status, n) in rows {
        let of = counts.entry(RouterId(router)).or_default();
        match status.as_str() {
            WANTED => of.wanted = n,
            VERIFIED => of.verified = n,
            _ => of.failed = n,
        }
    }
    Ok(counts)
}

/// Objects the router refuses, newest want first.
pub(crate) async fn failed_objects(db: &impl ConnectionTrait, router: RouterId) -> Result<Vec<FailedObject>, DbErr> {
    let rows = Entity::find()
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::Status.eq(FAILED))
        .order_by_desc(Column::Rev)
        .limit(MAX_FAILED)
        .all(db)
        .await?;
    let failed = |row: Model| {
        let kind = Kind::from_name(&row.kind)?;
        Some(FailedObject { kind, name: row.name, code: row.code, message: row.message })
    };
    Ok(rows.into_iter().filter_map(failed).collect())
}

/// A profile as wanted, and what is proven of it.
#[derive(Debug, Clone)]
pub(crate) struct WantedProfile {
    pub(crate) kind: Kind,
    pub(crate) profile: DesiredProfile,
    pub(crate) status: String,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) proven_at: Option<DateTime<Utc>>,
}

/// Every profile of a router of which something is wanted; they are few.
pub(crate) async fn wanted_profiles(db: &impl ConnectionTrait, router: RouterId) -> Result<Vec<WantedProfile>, DbErr> {
    let rows = Entity::find()
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::Kind.is_in([Kind::HotspotProfile.as_str(), Kind::PppProfile.as_str()]))
        .order_by_asc(Column::Name)
        .limit(MAX_PROFILES)
        .all(db)
        .await?;
    let read = |row: Model| {
        let kind = Kind::from_name(&row.kind)?;
        let Ok(Object::Profile(profile)) = serde_json::from_value(row.doc) else { return None };
        let (status, code, message, proven_at) = (row.status, row.code, row.message, row.proven_at);
        Some(WantedProfile { kind, profile, status, code, message, proven_at })
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Names among these that the router shall have; not those that shall be gone, or are left alone.
pub(crate) async fn names_in_use(
    db: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    names: &[String],
) -> Result<Vec<String>, DbErr> {
    let rows: Vec<(String, serde_json::Value)> = Entity::find()
        .select_only()
        .columns([Column::Name, Column::Doc])
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::Kind.eq(kind.as_str()))
        .filter(Column::Gone.eq(false))
        .filter(Column::Name.is_in(names))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().filter(|(_, doc)| doc["object"] != "forgotten").map(|(name, _)| name).collect())
}

/// Names among these that hiji ever wanted something of on the router.
pub(crate) async fn wanted_names(
    db: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    names: &[String],
) -> Result<Vec<String>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Name)
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::Kind.eq(kind.as_str()))
        .filter(Column::Name.is_in(names))
        .into_tuple()
        .all(db)
        .await
}
