//! Vouchers as reports and people change them: read together, changed in memory, written together.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder,
    QuerySelect, Select,
    sea_query::{Expr, OnConflict},
};

use super::{
    super::{
        PASSWORD_PLACE, Status,
        life::{Allowance, Life},
        make::Origin,
        rules::{Charset, Look, Mode},
        wanted::{Login, Spec},
    },
    CHUNK, IN, vouchers,
};
use crate::{
    db::entity::{
        voucher::{ActiveModel, Column, Entity, Model},
        voucher_batch,
    },
    http::access::Scope,
    ids::{BatchId, RouterId, SiteId, VoucherId},
    money::{Currency, Money},
    sealed::Keys,
};

/// A voucher that something is reported of, or done to.
#[derive(Clone)]
pub(in super::super) struct Known {
    pub(in super::super) id: VoucherId,
    pub(in super::super) batch: BatchId,
    pub(in super::super) site: SiteId,
    pub(in super::super) router: RouterId,
    pub(in super::super) login: Login,
    pub(in super::super) price: Money,
    pub(in super::super) allowance: Allowance,
    pub(in super::super) life: Life,
    pub(in super::super) replaced_by: Option<VoucherId>,
    /// As it was read.
    pub(super) row: Model,
}

/// How the vouchers of a batch are made.
#[derive(Debug, Clone)]
pub(in super::super) struct Recipe {
    pub(in super::super) look: Look,
    pub(in super::super) mode: Mode,
    /// Printed elsewhere: no other code will do.
    pub(in super::super) is_given: bool,
    pub(in super::super) spec: Spec,
}

/// The vouchers of a router with these codes, locked until the transaction ends.
pub(in super::super) async fn known(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    router: RouterId,
    codes: &[String],
) -> Result<HashMap<String, Known>, DbErr> {
    let mut known = HashMap::with_capacity(codes.len());
    for chunk in codes.chunks(IN) {
        let query = Entity::find().filter(Column::RouterId.eq(router.0)).filter(Column::Code.is_in(chunk));
        for each in locked(tx, keys, query).await? {
            known.insert(each.login.code.clone(), each);
        }
    }
    Ok(known)
}

/// One voucher the caller may see, locked.
pub(in super::super) async fn known_one(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    scope: &Scope,
    id: VoucherId,
) -> Result<Option<Known>, DbErr> {
    let found = locked(tx, keys, Entity::find().filter(Column::Id.eq(id.0))).await?;
    Ok(found.into_iter().find(|known| scope.sees(known.site)))
}

/// All vouchers of a batch, in its order, locked.
pub(in super::super) async fn known_of_batch(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    batch: BatchId,
) -> Result<Vec<Known>, DbErr> {
    locked(tx, keys, Entity::find().filter(Column::BatchId.eq(batch.0))).await
}

/// The same, only looked at: nobody waits for it.
pub(in super::super) async fn seen_of_batch(
    db: &impl ConnectionTrait,
    keys: &Keys,
    batch: BatchId,
) -> Result<Vec<Known>, DbErr> {
    let rows = Entity::find().filter(Column::BatchId.eq(batch.0)).order_by_asc(Column::Id).all(db).await?;
    rows.into_iter().map(|row| known_of(row, keys)).collect()
}

/// Always in the same order, so that two transactions do not wait for each other.
async fn locked(tx: &impl ConnectionTrait, keys: &Keys, query: Select<Entity>) -> Result<Vec<Known>, DbErr> {
    let rows = query.order_by_asc(Column::Id).lock_exclusive().all(tx).await?;
    rows.into_iter().map(|row| known_of(row, keys)).collect()
}

fn known_of(row: Model, keys: &Keys) -> Result<Known, DbErr> {
    let password = row.password.as_deref().map(|sealed| vouchers::opened(keys, row.id, sealed)).transpose()?;
    let currency = Currency::parse(&row.currency).unwrap_or(Currency::IDR);
    let shown = row.clone();
    Ok(Known {
        id: VoucherId(row.id),
        batch: BatchId(row.batch_id),
        site: SiteId(row.site_id),
        router: RouterId(row.router_id),
        login: Login { code: row.code, password },
        price: Money::new(row.price, currency),
        allowance: Allowance {
            online_secs: row.online_secs,
            active_secs: row.active_secs,
            limit_bytes: row.limit_bytes,
            activate_before: row.activate_before,
        },
        life: Life {
            status: Status::parse(&row.status).unwrap_or(Status::Draft),
            first_login_at: row.first_login_at,
            valid_until: row.valid_until,
            ended_at: row.ended_at,
            end_reason: row.end_reason,
            mac: row.mac,
            address: row.address,
            uptime_secs: row.uptime_secs,
            bytes_in: row.bytes_in,
            bytes_out: row.bytes_out,
            failure: row.failure,
            estimated: row.estimated,
            blocked_at: row.blocked_at,
            block_reason: row.block_reason,
            moves: row.moves,
            removed_at: row.removed_at,
        },
        replaced_by: row.replaced_by_id.map(VoucherId),
        row: shown,
    })
}

/// How the vouchers of these batches are made.
pub(in super::super) async fn recipes(
    tx: &impl ConnectionTrait,
    batches: Vec<BatchId>,
    marker: &str,
) -> Result<HashMap<BatchId, Recipe>, DbErr> {
    let rows = voucher_batch::Entity::find()
        .filter(voucher_batch::Column::Id.is_in(batches.into_iter().map(|batch| batch.0)))
        .all(tx)
        .await?;
    let recipe = |row: voucher_batch::Model| {
        let look = Look {
            prefix: row.prefix,
            length: row.code_length.unsigned_abs(),
            charset: Charset::parse(&row.charset).unwrap_or(Charset::UpperDigits),
        };
        let is_given = row.origin == Origin::Import.as_str();
        let spec = Spec { profile: row.profile, server: row.server, mac_lock: row.mac_lock, marker: marker.to_owned() };
        let mode = Mode::parse(&row.mode).unwrap_or(Mode::Same);
        (BatchId(row.id), Recipe { look, mode, is_given, spec })
    };
    Ok(rows.into_iter().map(recipe).collect())
}

/// Proven drafts: the bulk of all reports, so in few statements.
pub(in super::super) async fn set_ready(tx: &impl ConnectionTrait, ids: &[VoucherId]) -> Result<(), DbErr> {
    for chunk in ids.chunks(IN) {
        Entity::update_many()
            .col_expr(Column::Status, Expr::value(Status::Ready.as_str()))
            .col_expr(Column::Failure, Expr::value(""))
            .filter(Column::Id.is_in(chunk.iter().map(|id| id.0)))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Everything that reports and people may change of vouchers, many in one statement: an insert whose rows are all
/// there already, and of which only these columns are taken.
pub(in super::super) async fn save_all(tx: &impl ConnectionTrait, keys: &Keys, all: &[Known]) -> Result<(), DbErr> {
    for chunk in all.chunks(CHUNK) {
        let changed = OnConflict::column(Column::Id)
            .update_columns([
                Column::Code,
                Column::Password,
                Column::Status,
                Column::OnlineSecs,
                Column::ActiveSecs,
                Column::LimitBytes,
                Column::ActivateBefore,
                Column::BlockedAt,
                Column::BlockReason,
                Column::ReplacedById,
                Column::Moves,
                Column::RemovedAt,
                Column::FirstLoginAt,
                Column::ValidUntil,
                Column::EndedAt,
                Column::EndReason,
                Column::Mac,
                Column::Address,
                Column::UptimeSecs,
                Column::BytesIn,
                Column::BytesOut,
                Column::Failure,
                Column::Estimated,
            ])
            .to_owned();
        let rows = chunk.iter().map(|known| row_of(known, keys));
        Entity::insert_many(rows).on_conflict(changed).exec_without_returning(tx).await?;
    }
    Ok(())
}

fn row_of(known: &Known, keys: &Keys) -> ActiveModel {
    let Known { login, allowance, life, .. } = known;
    let renamed = login.code != known.row.code;
    // Sealed anew only when it is another one.
    let password = match &login.password {
        Some(text) if renamed => Some(keys.seal(PASSWORD_PLACE, text.as_bytes())),
        Some(_) => known.row.password.clone(),
        None => None,
    };
    let row = Model {
        code: login.code.clone(),
        password,
        status: life.status.as_str().to_owned(),
        online_secs: allowance.online_secs,
        active_secs: allowance.active_secs,
        limit_bytes: allowance.limit_bytes,
        activate_before: allowance.activate_before,
        blocked_at: life.blocked_at,
        block_reason: life.block_reason.clone(),
        replaced_by_id: known.replaced_by.map(|id| id.0),
        moves: life.moves,
        removed_at: life.removed_at,
        first_login_at: life.first_login_at,
        valid_until: life.valid_until,
        ended_at: life.ended_at,
        end_reason: life.end_reason.clone(),
        mac: life.mac.clone(),
        address: life.address.clone(),
        uptime_secs: life.uptime_secs,
        bytes_in: life.bytes_in,
        bytes_out: life.bytes_out,
        failure: life.failure.clone(),
        estimated: life.estimated,
        ..known.row.clone()
    };
    // All of them, or the statement would insert unset columns.
    ActiveModel::from(row).reset_all()
}

/// Moves the counters of a batch.
pub(in super::super) async fn count(
    tx: &impl ConnectionTrait,
    batch: BatchId,
    (applied, failed): (i32, i32),
) -> Result<(), DbErr> {
    voucher_batch::Entity::update_many()
        .col_expr(voucher_batch::Column::Applied, Expr::col(voucher_batch::Column::Applied).add(applied))
        .col_expr(voucher_batch::Column::Failed, Expr::col(voucher_batch::Column::Failed).add(failed))
        .filter(voucher_batch::Column::Id.eq(batch.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// The vouchers of a router that were used and are not over.
pub(in super::super) async fn known_used(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    router: RouterId,
) -> Result<Vec<Known>, DbErr> {
    let query = Entity::find()
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::Status.is_in([Status::Active, Status::Blocked].map(Status::as_str)))
        .filter(Column::UptimeSecs.gt(0).or(Column::BytesIn.gt(0)).or(Column::BytesOut.gt(0)));
    locked(tx, keys, query).await
}

/// A voucher that is over and, as far as is known, still on its router.
#[derive(Debug)]
pub(in super::super) struct Lying {
    pub(in super::super) id: VoucherId,
    pub(in super::super) router: RouterId,
    pub(in super::super) code: String,
}

/// Vouchers of a site that ended up to a moment and are not known to be off their router, by id.
pub(in super::super) async fn lying(
    db: &impl ConnectionTrait,
    site: SiteId,
    ended_before: DateTime<Utc>,
    after: Option<VoucherId>,
    limit: u64,
) -> Result<Vec<Lying>, DbErr> {
    let over = [Status::Expired, Status::UsedUp, Status::Void].map(Status::as_str);
    let rows: Vec<(i64, i64, String)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::RouterId, Column::Code])
        .filter(Column::SiteId.eq(site.0))
        .filter(Column::Status.is_in(over))
        .filter(Column::RemovedAt.is_null())
        .filter(Column::EndedAt.lte(ended_before))
        .filter(Column::Id.gt(after.map_or(0, |id| id.0)))
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    let lying = |(id, router, code)| Lying { id: VoucherId(id), router: RouterId(router), code };
    Ok(rows.into_iter().map(lying).collect())
}

/// Notes that vouchers are off their router for good.
pub(in super::super) async fn set_removed(
    tx: &impl ConnectionTrait,
    at: DateTime<Utc>,
    ids: &[VoucherId],
) -> Result<(), DbErr> {
    for chunk in ids.chunks(IN) {
        Entity::update_many()
            .col_expr(Column::RemovedAt, Expr::value(at))
            .filter(Column::Id.is_in(chunk.iter().map(|id| id.0)))
            .exec(tx)
            .await?;
    }
    Ok(())
}
