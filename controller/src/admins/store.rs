//! Queries of admins and their sessions.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait as _,
    sea_query::{Expr, OnConflict, UnionType},
};

use super::{Admin, AdminError, AdminForm, Session};
use crate::{
    db::{
        self,
        entity::{admin, admin_grant, admin_session, admin_site, setting},
    },
    http::access::{Permission, Role},
    ids::{AdminId, SiteId},
};

/// Key of the set-up link's token among the settings.
const SETUP_TOKEN: &str = "setup_token";
const MAX_USER_AGENT: usize = 200;

/// An admin with what login needs.
#[derive(Debug)]
pub(super) struct LoginRow {
    pub admin: Admin,
    pub password_hash: String,
    pub failed_logins: i32,
    pub locked_until: Option<DateTime<Utc>>,
}

/// A session to be kept.
#[derive(Debug)]
pub(super) struct NewSession<'a> {
    pub id: &'a str,
    pub admin: AdminId,
    pub expires_at: DateTime<Utc>,
    pub ip: &'a str,
    pub user_agent: &'a str,
}

/// The sites an admin is limited to, and what he was granted beside his role.
#[derive(Debug, Default)]
struct Rights {
    sites: Vec<SiteId>,
    grants: Vec<Permission>,
}

fn admin_of(row: admin::Model, rights: Rights) -> Admin {
    let Rights { sites, grants } = rights;
    Admin {
        id: AdminId(row.id),
        username: row.username,
        name: row.display_name,
        // A role of a newer version is the weakest this one knows.
        role: Role::parse(&row.role).unwrap_or(Role::Viewer),
        site_ids: sites,
        grants: Permission::GRANTABLE.into_iter().map(|(each, _)| each).filter(|each| grants.contains(each)).collect(),
        active: row.active,
        created_at: row.created_at,
    }
}

/// The rights of one admin, or of all, in one query: it is asked with every request.
async fn rights(db: &impl ConnectionTrait, of: Option<i64>) -> Result<HashMap<i64, Rights>, DbErr> {
    use admin_grant::Column as Grant;
    use admin_site::Column as Site;
    let sites = admin_site::Entity::find()
        .select_only()
        .column_as(Site::AdminId, "admin")
        .column_as(Site::SiteId, "site")
        .column_as(Expr::cust("''"), "permission")
        .filter(Condition::all().add_option(of.map(|admin| Site::AdminId.eq(admin))));
    let grants = admin_grant::Entity::find()
        .select_only()
        .column_as(Grant::AdminId, "admin")
        .column_as(Expr::cust("0"), "site")
        .column_as(Grant::Permission, "permission")
        .filter(Condition::all().add_option(of.map(|admin| Grant::AdminId.eq(admin))));
    let both = sites.into_query().union(UnionType::All, grants.into_query()).to_owned();
    let mut rights: HashMap<i64, Rights> = HashMap::new();
    for row in db.query_all(&both).await? {
        let (admin, site, permission): (i64, i64, String) =
            (row.try_get("", "admin")?, row.try_get("", "site")?, row.try_get("", "permission")?);
        let own = rights.entry(admin).or_default();
        if permission.is_empty() {
            own.sites.push(SiteId(site));
        } else {
            // Those that this version does not know are left out.
            own.grants.extend(Permission::of_grant(&permission));
        }
    }
    for own in rights.values_mut() {
        own.sites.sort_unstable();
    }
    Ok(rights)
}

async fn rights_of(db: &impl ConnectionTrait, admin: i64) -> Result<Rights, DbErr> {
    Ok(rights(db, Some(admin)).await?.remove(&admin).unwrap_or_default())
}

/// Sets what an admin may beyond his role; a grant that stays keeps its day.
pub(super) async fn set_grants(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    id: AdminId,
    grants: &[Permission],
) -> Result<(), DbErr> {
    let names: Vec<&str> = grants.iter().filter_map(|grant| grant.grant_name()).collect();
    admin_grant::Entity::delete_many()
        .filter(admin_grant::Column::AdminId.eq(id.0))
        .filter(admin_grant::Column::Permission.is_not_in(names.iter().copied()))
        .exec(tx)
        .await?;
    let row = |name: &str| admin_grant::ActiveModel {
        admin_id: Set(id.0),
        permission: Set(name.to_owned()),
        granted_at: Set(now),
    };
    let there =
        OnConflict::columns([admin_grant::Column::AdminId, admin_grant::Column::Permission]).do_nothing().to_owned();
    for name in names {
        admin_grant::Entity::insert(row(name)).on_conflict(there.clone()).exec_without_returning(tx).await?;
    }
    Ok(())
}

pub(super) async fn by_username(db: &impl ConnectionTrait, username: &str) -> Result<Option<LoginRow>, DbErr> {
    let Some(row) = admin::Entity::find().filter(admin::Column::Username.eq(username)).one(db).await? else {
        return Ok(None);
    };
    let rights = rights_of(db, row.id).await?;
    Ok(Some(LoginRow {
        password_hash: row.password_hash.clone(),
        failed_logins: row.failed_logins,
        locked_until: row.locked_until,
        admin: admin_of(row, rights),
    }))
}

pub(super) async fn list(db: &impl ConnectionTrait) -> Result<Vec<Admin>, DbErr> {
    let rows = admin::Entity::find().order_by_asc(admin::Column::Username).all(db).await?;
    let mut rights = rights(db, None).await?;
    Ok(rows
        .into_iter()
        .map(|row| (rights.remove(&row.id).unwrap_or_default(), row))
        .map(|(own, row)| admin_of(row, own))
        .collect())
}

pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    form: &AdminForm,
    hash: &str,
) -> Result<AdminId, AdminError> {
    let row = admin::ActiveModel {
        username: Set(form.username.clone()),
        display_name: Set(form.name.clone()),
        password_hash: Set(hash.to_owned()),
        role: Set(form.role.as_str().to_owned()),
        locale: Set(String::new()),
        active: Set(form.active),
        failed_logins: Set(0),
        created_at: Set(now),
        ..Default::default()
    };
    match admin::Entity::insert(row).exec(tx).await {
        Ok(inserted) => Ok(AdminId(inserted.last_insert_id)),
        Err(error) => Err(taken(error)),
    }
}

pub(super) async fn update(
    tx: &impl ConnectionTrait,
    id: AdminId,
    form: &AdminForm,
    hash: Option<&str>,
) -> Result<(), AdminError> {
    let mut update = admin::Entity::update_many()
        .col_expr(admin::Column::Username, Expr::value(form.username.as_str()))
        .col_expr(admin::Column::DisplayName, Expr::value(form.name.as_str()))
        .col_expr(admin::Column::Role, Expr::value(form.role.as_str()))
        .col_expr(admin::Column::Active, Expr::value(form.active))
        .filter(admin::Column::Id.eq(id.0));
    if let Some(hash) = hash {
        update = update.col_expr(admin::Column::PasswordHash, Expr::value(hash));
    }
    update.exec(tx).await.map(|_| ()).map_err(taken)
}

fn taken(error: DbErr) -> AdminError {
    if db::violates(&error, "username") { AdminError::UsernameTaken } else { error.into() }
}

pub(super) async fn set_sites(tx: &impl ConnectionTrait, id: AdminId, sites: &[SiteId]) -> Result<(), DbErr> {
    admin_site::Entity::delete_many().filter(admin_site::Column::AdminId.eq(id.0)).exec(tx).await?;
    if !sites.is_empty() {
        let rows = sites.iter().map(|site| admin_site::ActiveModel { admin_id: Set(id.0), site_id: Set(site.0) });
        admin_site::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

pub(super) async fn set_failed(
    tx: &impl ConnectionTrait,
    id: AdminId,
    failed: i32,
    locked_until: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    admin::Entity::update_many()
        .col_expr(admin::Column::FailedLogins, Expr::value(failed))
        .col_expr(admin::Column::LockedUntil, Expr::value(locked_until))
        .filter(admin::Column::Id.eq(id.0))
        .exec(tx)
        .await?;
    Ok(())
}

pub(super) async fn insert_session(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    new: NewSession<'_>,
) -> Result<(), DbErr> {
    let row = admin_session::ActiveModel {
        id: Set(new.id.to_owned()),
        admin_id: Set(new.admin.0),
        created_at: Set(now),
        expires_at: Set(new.expires_at),
        last_seen_at: Set(now),
        ip: Set(new.ip.to_owned()),
        user_agent: Set(new.user_agent.chars().take(MAX_USER_AGENT).collect()),
        revoked_at: Set(None),
    };
    admin_session::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The admin of an open session, with his language and when he was last seen.
pub(super) async fn session(
    db: &impl ConnectionTrait,
    id: &str,
    now: DateTime<Utc>,
) -> Result<Option<(Admin, String, DateTime<Utc>)>, DbErr> {
    let holder = admin_session::Entity::belongs_to(admin::Entity)
        .from(admin_session::Column::AdminId)
        .to(admin::Column::Id)
        .into();
    let found = admin_session::Entity::find_by_id(id.to_owned())
        .join(JoinType::InnerJoin, holder)
        .select_also(admin::Entity)
        .one(db)
        .await?;
    let Some((session, Some(row))) = found else { return Ok(None) };
    if session.revoked_at.is_some() || session.expires_at <= now {
        return Ok(None);
    }
    let rights = rights_of(db, row.id).await?;
    let locale = row.locale.clone();
    Ok(Some((admin_of(row, rights), locale, session.last_seen_at)))
}

pub(super) async fn touch_session(tx: &impl ConnectionTrait, id: &str, now: DateTime<Utc>) -> Result<(), DbErr> {
    admin_session::Entity::update_many()
        .col_expr(admin_session::Column::LastSeenAt, Expr::value(now))
        .filter(admin_session::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

pub(super) async fn sessions(
    db: &impl ConnectionTrait,
    owner: AdminId,
    now: DateTime<Utc>,
) -> Result<Vec<Session>, DbErr> {
    let rows = admin_session::Entity::find()
        .filter(admin_session::Column::AdminId.eq(owner.0))
        .filter(admin_session::Column::RevokedAt.is_null())
        .filter(admin_session::Column::ExpiresAt.gt(now))
        .order_by_desc(admin_session::Column::LastSeenAt)
        .all(db)
        .await?;
    let session = |row: admin_session::Model| Session {
        id: row.id,
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
        expires_at: row.expires_at,
        ip: row.ip,
        user_agent: row.user_agent,
    };
    Ok(rows.into_iter().map(session).collect())
}

pub(super) async fn end_session(
    tx: &impl ConnectionTrait,
    owner: AdminId,
    id: &str,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let result = admin_session::Entity::update_many()
        .col_expr(admin_session::Column::RevokedAt, Expr::value(now))
        .filter(admin_session::Column::Id.eq(id))
        .filter(admin_session::Column::AdminId.eq(owner.0))
        .filter(admin_session::Column::RevokedAt.is_null())
        .exec(tx)
        .await?;
    Ok(result.rows_affected > 0)
}

pub(super) async fn end_all_sessions(
    tx: &impl ConnectionTrait,
    owner: AdminId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    admin_session::Entity::update_many()
        .col_expr(admin_session::Column::RevokedAt, Expr::value(now))
        .filter(admin_session::Column::AdminId.eq(owner.0))
        .filter(admin_session::Column::RevokedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// The hash of the set-up link's token, while one is open.
pub(super) async fn setup_hash(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    let row = setting::Entity::find_by_id(SETUP_TOKEN.to_owned()).one(db).await?;
    Ok(row.and_then(|row| row.value.as_str().map(str::to_owned)))
}

pub(super) async fn set_setup_hash(tx: &impl ConnectionTrait, now: DateTime<Utc>, hash: &str) -> Result<(), DbErr> {
    let row = setting::ActiveModel {
        key: Set(SETUP_TOKEN.to_owned()),
        value: Set(serde_json::Value::from(hash)),
        updated_at: Set(now),
    };
    let newer = OnConflict::column(setting::Column::Key)
        .update_columns([setting::Column::Value, setting::Column::UpdatedAt])
        .to_owned();
    setting::Entity::insert(row).on_conflict(newer).exec_without_returning(tx).await?;
    Ok(())
}

/// Removes the hash if it is this one; how many were removed.
pub(super) async fn take_setup_hash(tx: &impl ConnectionTrait, hash: &str) -> Result<u64, DbErr> {
    if setup_hash(tx).await?.as_deref() != Some(hash) {
        return Ok(0);
    }
    Ok(setting::Entity::delete_by_id(SETUP_TOKEN.to_owned()).exec(tx).await?.rows_affected)
}

pub(super) async fn set_password(tx: &impl ConnectionTrait, id: AdminId, hash: &str) -> Result<(), DbErr> {
    admin::Entity::update_many()
        .col_expr(admin::Column::PasswordHash, Expr::value(hash))
        .filter(admin::Column::Id.eq(id.0))
        .exec(tx)
        .await?;
    set_failed(tx, id, 0, None).await
}

pub(super) async fn end_other_sessions(
    tx: &impl ConnectionTrait,
    owner: AdminId,
    stays: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    admin_session::Entity::update_many()
        .col_expr(admin_session::Column::RevokedAt, Expr::value(now))
        .filter(admin_session::Column::AdminId.eq(owner.0))
        .filter(admin_session::Column::Id.ne(stays))
        .filter(admin_session::Column::RevokedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

pub(super) async fn purge_sessions(tx: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<u64, DbErr> {
    let result =
        admin_session::Entity::delete_many().filter(admin_session::Column::ExpiresAt.lt(before)).exec(tx).await?;
    Ok(result.rows_affected)
}
