//! The mirror: rows of a router's menus as its agent reported them.

use chrono::{DateTime, Utc};
use hiji_shared::{
    comment::{self, Comment},
    device::{Kind, RouterProfile, RouterUser, Row, Service},
    digest::{Digest, RowHash, row_hash},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde::Serialize;

use super::{super::MirroredProfile, names_in_use, wanted_names};
use crate::{
    db::{
        entity::{mirror_row, mirror_state, router},
        paging::{PageOf, Paged},
    },
    http::access::Scope,
    ids::RouterId,
};

/// Rows of one statement.
const CHUNK: usize = 100;
/// Most profiles offered in a form.
const MAX_PROFILES: u64 = 1000;

/// A mirrored row as listed.
#[derive(Debug, Clone, Serialize)]
pub struct MirrorRow {
    pub service: Service,
    pub name: String,
    pub profile: String,
    pub comment: String,
    pub disabled: bool,
    /// Carries hiji's mark.
    pub marked: bool,
    /// All mirrored fields, as the router has them.
    pub fields: serde_json::Value,
    pub seen_at: DateTime<Utc>,
}

/// How whole and how fresh the mirror of a kind is.
#[derive(Debug, Clone, Serialize)]
pub struct MirrorState {
    pub kind: Kind,
    pub rows: i64,
    /// When it was last read whole; `None` = never.
    pub synced_at: Option<DateTime<Utc>>,
    /// The digests differ: a repair is on its way.
    pub stale: bool,
}

/// Replaces a kind by a complete snapshot.
pub(crate) async fn replace_mirror(
    tx: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    at: DateTime<Utc>,
    rows: &[Row],
) -> Result<(), DbErr> {
    mirror_row::Entity::delete_many()
        .filter(mirror_row::Column::RouterId.eq(router.0))
        .filter(mirror_row::Column::Kind.eq(kind.as_str()))
        .exec(tx)
        .await?;
    put_mirror(tx, router, kind, at, rows).await?;
    let mut digest = Digest::default();
    for row in rows {
        digest.add(row.key(), row_hash(row));
    }
    let state = mirror_state::ActiveModel {
        router_id: Set(router.0),
        kind: Set(kind.as_str().to_owned()),
        rows: Set(i64::try_from(rows.len()).unwrap_or(i64::MAX)),
        root: Set(digest.root()),
        synced_at: Set(Some(at)),
        stale: Set(false),
    };
    mirror_state::Entity::insert(state)
        .on_conflict(
            OnConflict::columns([mirror_state::Column::RouterId, mirror_state::Column::Kind])
                .update_columns([
                    mirror_state::Column::Rows,
                    mirror_state::Column::Root,
                    mirror_state::Column::SyncedAt,
                    mirror_state::Column::Stale,
                ])
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Adds or changes rows.
pub(crate) async fn put_mirror(
    tx: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    at: DateTime<Utc>,
    rows: &[Row],
) -> Result<(), DbErr> {
    for chunk in rows.chunks(CHUNK) {
        let models = chunk.iter().map(|row| model_of(router, kind, at, row));
        mirror_row::Entity::insert_many(models)
            .on_conflict(
                OnConflict::columns([mirror_row::Column::RouterId, mirror_row::Column::Kind, mirror_row::Column::Name])
                    .update_columns([
                        mirror_row::Column::Profile,
                        mirror_row::Column::Comment,
                        mirror_row::Column::Disabled,
                        mirror_row::Column::Marked,
                        mirror_row::Column::Doc,
                        mirror_row::Column::Hash,
                        mirror_row::Column::SeenAt,
                    ])
                    .to_owned(),
            )
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

fn model_of(router: RouterId, kind: Kind, at: DateTime<Utc>, row: &Row) -> mirror_row::ActiveModel {
    let (profile, comment, disabled, marked) = match row {
        Row::User(user) => {
            let marked = !matches!(comment::read(&user.comment, comment::VOUCHER_MARKER), Comment::Foreign(_));
            (user.profile.clone(), user.comment.clone(), user.disabled, marked)
        }
        Row::Profile(profile) => (String::new(), profile.comment.clone(), false, profile.marked),
    };
    mirror_row::ActiveModel {
        router_id: Set(router.0),
        kind: Set(kind.as_str().to_owned()),
        name: Set(row.key().to_owned()),
        profile: Set(profile),
        comment: Set(comment),
        disabled: Set(disabled),
        marked: Set(marked),
        doc: Set(serde_json::to_value(row).unwrap_or_default()),
        hash: Set(row_hash(row).to_hex()),
        seen_at: Set(at),
    }
}

pub(crate) async fn drop_mirror(
    tx: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    names: &[String],
) -> Result<(), DbErr> {
    for chunk in names.chunks(CHUNK) {
        mirror_row::Entity::delete_many()
            .filter(mirror_row::Column::RouterId.eq(router.0))
            .filter(mirror_row::Column::Kind.eq(kind.as_str()))
            .filter(mirror_row::Column::Name.is_in(chunk))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Is the mirror of a kind what the agent sees? If not it is marked stale: a snapshot is to be asked for. A kind that
/// was never mirrored is not, even when it is empty.
pub(crate) async fn mirrors(
    tx: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    root: &str,
) -> Result<bool, DbErr> {
    let known = mirror_state::Entity::find_by_id((router.0, kind.as_str().to_owned())).one(tx).await?.is_some();
    let same = known && mirror_digest(tx, router, kind).await?.root() == root;
    if !same {
        set_stale(tx, router, kind, true).await?;
    }
    Ok(same)
}

/// The digest of what is mirrored: names and hashes only.
async fn mirror_digest(db: &impl ConnectionTrait, router: RouterId, kind: Kind) -> Result<Digest, DbErr> {
    let rows: Vec<(String, String)> = mirror_row::Entity::find()
        .select_only()
        .column(mirror_row::Column::Name)
        .column(mirror_row::Column::Hash)
        .filter(mirror_row::Column::RouterId.eq(router.0))
        .filter(mirror_row::Column::Kind.eq(kind.as_str()))
        .into_tuple()
        .all(db)
        .await?;
    let mut digest = Digest::default();
    for (name, hash) in &rows {
        if let Some(hash) = RowHash::from_hex(hash) {
            digest.add(name, hash);
        }
    }
    Ok(digest)
}

async fn set_stale(tx: &impl ConnectionTrait, router: RouterId, kind: Kind, stale: bool) -> Result<(), DbErr> {
    mirror_state::Entity::update_many()
        .col_expr(mirror_state::Column::Stale, Expr::value(stale))
        .filter(mirror_state::Column::RouterId.eq(router.0))
        .filter(mirror_state::Column::Kind.eq(kind.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}

/// The state of each kind that was ever mirrored.
pub(crate) async fn mirror_states(db: &impl ConnectionTrait, router: RouterId) -> Result<Vec<MirrorState>, DbErr> {
    let rows = mirror_state::Entity::find().filter(mirror_state::Column::RouterId.eq(router.0)).all(db).await?;
    let state = |row: mirror_state::Model| {
        let kind = Kind::from_name(&row.kind)?;
        Some(MirrorState { kind, rows: row.rows, synced_at: row.synced_at, stale: row.stale })
    };
    Ok(rows.into_iter().filter_map(state).collect())
}

/// Mirrored rows of some kinds, by name; `q` is a part of the name or comment.
pub(crate) async fn mirror_rows(
    db: &impl ConnectionTrait,
    router: RouterId,
    kinds: &[Kind],
    q: &str,
    page: &PageOf,
) -> Result<Paged<MirrorRow>, DbErr> {
    use mirror_row::Column;
    let mut query = mirror_row::Entity::find()
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::Kind.is_in(kinds.iter().map(|kind| kind.as_str())))
        .order_by_asc(Column::Name)
        .order_by_asc(Column::Kind)
        .limit(page.limit() + 1);
    // A hotspot user and a secret may have the same name: the place of a row is both.
    if let Some((kind, name)) = page.after().and_then(|after| after.split_once(' ')) {
        query = query.filter(Column::Name.gt(name).or(Column::Name.eq(name).and(Column::Kind.gt(kind))));
    }
    if !q.is_empty() {
        query = query.filter(Column::Name.contains(q).or(Column::Comment.contains(q)));
    }
    let page = page.cut(query.all(db).await?, |row| format!("{} {}", row.kind, row.name));
    Ok(Paged { items: page.items.into_iter().filter_map(listed).collect(), next_cursor: page.next_cursor })
}

/// As listed; nothing when it is of a kind this version does not know.
fn listed(row: mirror_row::Model) -> Option<MirrorRow> {
    let service = Kind::from_name(&row.kind)?.service();
    let mut fields = row.doc;
    // Only the agent's mirror needs the password's mark.
    if let Some(fields) = fields.as_object_mut() {
        fields.remove("pwh");
    }
    Some(MirrorRow {
        service,
        name: row.name,
        profile: row.profile,
        comment: row.comment,
        disabled: row.disabled,
        marked: row.marked,
        fields,
        seen_at: row.seen_at,
    })
}

pub(crate) async fn profiles(
    db: &impl ConnectionTrait,
    scope: &Scope,
    router: Option<RouterId>,
    marked_only: bool,
) -> Result<Vec<MirroredProfile>, DbErr> {
    let mut routers = router::Entity::find().select_only().column(router::Column::Id);
    if let Scope::Sites(sites) = scope {
        routers = routers.filter(router::Column::SiteId.is_in(sites.iter().map(|site| site.0)));
    }
    if let Some(router) = router {
        routers = routers.filter(router::Column::Id.eq(router.0));
    }
    let routers: Vec<i64> = routers.into_tuple().all(db).await?;
    let mut query = mirror_row::Entity::find()
        .filter(mirror_row::Column::RouterId.is_in(routers))
        .filter(mirror_row::Column::Kind.is_in([Kind::HotspotProfile.as_str(), Kind::PppProfile.as_str()]))
        .order_by_asc(mirror_row::Column::Name)
        .limit(MAX_PROFILES);
    if marked_only {
        query = query.filter(mirror_row::Column::Marked.eq(true));
    }
    Ok(query.all(db).await?.into_iter().filter_map(profile_of).collect())
}

/// The profiles of a router as mirrored, with their scripts; `name` = only that one.
pub(crate) async fn mirrored_profiles(
    db: &impl ConnectionTrait,
    router: RouterId,
    name: Option<&str>,
) -> Result<Vec<(Kind, RouterProfile)>, DbErr> {
    let mut query = mirror_row::Entity::find()
        .filter(mirror_row::Column::RouterId.eq(router.0))
        .filter(mirror_row::Column::Kind.is_in([Kind::HotspotProfile.as_str(), Kind::PppProfile.as_str()]))
        .order_by_asc(mirror_row::Column::Name)
        .order_by_asc(mirror_row::Column::Kind)
        .limit(MAX_PROFILES);
    if let Some(name) = name {
        query = query.filter(mirror_row::Column::Name.eq(name));
    }
    let read = |row: mirror_row::Model| {
        let kind = Kind::from_name(&row.kind)?;
        let Ok(Row::Profile(profile)) = Row::from_json(kind, row.doc) else { return None };
        Some((kind, profile))
    };
    Ok(query.all(db).await?.into_iter().filter_map(read).collect())
}

fn profile_of(row: mirror_row::Model) -> Option<MirroredProfile> {
    let kind = Kind::from_name(&row.kind)?;
    let Ok(Row::Profile(profile)) = Row::from_json(kind, row.doc) else { return None };
    Some(MirroredProfile {
        router_id: RouterId(row.router_id),
        service: kind.service(),
        name: row.name,
        rate_limit: profile.rate_limit,
        shared_users: profile.shared_users,
        local_address: profile.local_address,
        address_pool: profile.address_pool,
        marked: row.marked,
    })
}

/// Users of these names that the router has and that are not wanted there.
pub(crate) async fn users_found(
    db: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    names: &[String],
) -> Result<Vec<RouterUser>, DbErr> {
    let mut found = Vec::new();
    for chunk in names.chunks(CHUNK * 5) {
        let wanted = names_in_use(db, router, kind, chunk).await?;
        let rows = mirror_row::Entity::find()
            .filter(mirror_row::Column::RouterId.eq(router.0))
            .filter(mirror_row::Column::Kind.eq(kind.as_str()))
            .filter(mirror_row::Column::Name.is_in(chunk))
            .all(db)
            .await?;
        let free = rows.into_iter().filter(|row| !wanted.contains(&row.name));
        found.extend(free.filter_map(|row| match Row::from_json(kind, row.doc) {
            Ok(Row::User(user)) => Some(user),
            Ok(Row::Profile(_)) | Err(_) => None,
        }));
    }
    Ok(found)
}

/// Names among these that are on the router or wanted there.
pub(crate) async fn taken_names(
    db: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    names: &[String],
) -> Result<Vec<String>, DbErr> {
    let mut taken = Vec::new();
    for chunk in names.chunks(CHUNK * 5) {
        taken.extend(wanted_names(db, router, kind, chunk).await?);
        let mirrored: Vec<String> = mirror_row::Entity::find()
            .select_only()
            .column(mirror_row::Column::Name)
            .filter(mirror_row::Column::RouterId.eq(router.0))
            .filter(mirror_row::Column::Kind.eq(kind.as_str()))
            .filter(mirror_row::Column::Name.is_in(chunk))
            .into_tuple()
            .all(db)
            .await?;
        taken.extend(mirrored);
    }
    Ok(taken)
}
