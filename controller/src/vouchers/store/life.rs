//! What reports change of vouchers.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, sea_query::Expr,
};

use super::{
    super::{
        PASSWORD_PLACE, Status,
        life::Life,
        make::{Login, Spec},
        rules::{Charset, Look, Mode},
    },
    IN, vouchers,
};
use crate::{
    db::entity::{
        voucher::{ActiveModel, Column, Entity, Model},
        voucher_batch,
    },
    ids::{BatchId, RouterId, VoucherId},
    money::{Currency, Money},
    sealed::Keys,
};

/// A voucher that something is reported of.
#[derive(Clone)]
pub(in super::super) struct Known {
    pub(in super::super) id: VoucherId,
    pub(in super::super) batch: BatchId,
    pub(in super::super) login: Login,
    pub(in super::super) life: Life,
}

/// How the vouchers of a batch are made.
#[derive(Debug, Clone)]
pub(in super::super) struct Recipe {
    pub(in super::super) look: Look,
    pub(in super::super) mode: Mode,
    pub(in super::super) spec: Spec,
}

/// The vouchers of a router with these codes.
pub(in super::super) async fn known(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    router: RouterId,
    codes: &[String],
) -> Result<HashMap<String, Known>, DbErr> {
    let mut known = HashMap::with_capacity(codes.len());
    for chunk in codes.chunks(IN) {
        let rows =
            Entity::find().filter(Column::RouterId.eq(router.0)).filter(Column::Code.is_in(chunk)).all(tx).await?;
        for row in rows {
            known.insert(row.code.clone(), known_of(row, keys)?);
        }
    }
    Ok(known)
}

fn known_of(row: Model, keys: &Keys) -> Result<Known, DbErr> {
    let password = row.password.as_deref().map(|sealed| vouchers::opened(keys, row.id, sealed)).transpose()?;
    Ok(Known {
        id: VoucherId(row.id),
        batch: BatchId(row.batch_id),
        login: Login { code: row.code, password },
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
        },
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
        let currency = Currency::parse(&row.currency).unwrap_or(Currency::IDR);
        let look = Look {
            prefix: row.prefix,
            length: row.code_length.unsigned_abs(),
            charset: Charset::parse(&row.charset).unwrap_or(Charset::UpperDigits),
        };
        let spec = Spec {
            profile: row.profile,
            server: row.server,
            mac_lock: row.mac_lock,
            price: Money::new(row.price, currency),
            online_secs: row.online_secs,
            active_secs: row.active_secs,
            activate_before: row.activate_before,
            marker: marker.to_owned(),
        };
        (BatchId(row.id), Recipe { look, mode: Mode::parse(&row.mode).unwrap_or(Mode::Same), spec })
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

/// Everything that reports may change of one voucher.
pub(in super::super) async fn save(tx: &impl ConnectionTrait, keys: &Keys, known: &Known) -> Result<(), DbErr> {
    let life = &known.life;
    let password = known.login.password.as_ref().map(|text| keys.seal(PASSWORD_PLACE, text.as_bytes()));
    let row = ActiveModel {
        code: Set(known.login.code.clone()),
        password: Set(password),
        status: Set(life.status.as_str().to_owned()),
        first_login_at: Set(life.first_login_at),
        valid_until: Set(life.valid_until),
        ended_at: Set(life.ended_at),
        end_reason: Set(life.end_reason.clone()),
        mac: Set(life.mac.clone()),
        address: Set(life.address.clone()),
        uptime_secs: Set(life.uptime_secs),
        bytes_in: Set(life.bytes_in),
        bytes_out: Set(life.bytes_out),
        failure: Set(life.failure.clone()),
        estimated: Set(life.estimated),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(known.id.0)).exec(tx).await?;
    Ok(())
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

/// A voucher's new code, at once.
pub(in super::super) async fn save_code(tx: &impl ConnectionTrait, id: VoucherId, code: &str) -> Result<(), DbErr> {
    Entity::update_many().col_expr(Column::Code, Expr::value(code)).filter(Column::Id.eq(id.0)).exec(tx).await?;
    Ok(())
}
