//! Queries of the tax_rate table.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, QueryOrder, QuerySelect};

use super::{MAX_RATES, Rate};
use crate::{
    db::{
        self,
        entity::tax_rate::{ActiveModel, Column, Entity, Model},
    },
    http::form::FieldError,
    ids::TaxRateId,
    ledger::tax::TaxRate,
    packages::PackageError,
};

pub(super) async fn rates(db: &impl ConnectionTrait) -> Result<Vec<Rate>, DbErr> {
    let rows = Entity::find().order_by_desc(Column::ValidFrom).limit(MAX_RATES).all(db).await?;
    Ok(rows.into_iter().map(Rate::from).collect())
}

pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    rate: &TaxRate,
) -> Result<TaxRateId, PackageError> {
    // The rules keep them far below.
    let whole = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    let row = ActiveModel {
        valid_from: Set(rate.valid_from),
        rate_bps: Set(whole(rate.rate_bps)),
        base_num: Set(whole(rate.base_num)),
        base_den: Set(whole(rate.base_den)),
        is_inclusive: Set(rate.inclusive),
        label: Set(rate.label.clone()),
        created_at: Set(now),
        ..Default::default()
    };
    let taken = |error| {
        if db::violates(&error, "valid_from") {
            PackageError::field("valid_from", FieldError::new("tax_day_taken"))
        } else {
            PackageError::Db(error)
        }
    };
    Ok(TaxRateId(Entity::insert(row).exec(tx).await.map_err(taken)?.last_insert_id))
}

pub(super) async fn delete(tx: &impl ConnectionTrait, id: TaxRateId) -> Result<(), DbErr> {
    Entity::delete_by_id(id.0).exec(tx).await.map(|_| ())
}

impl From<Model> for Rate {
    fn from(row: Model) -> Self {
        let rate = TaxRate {
            valid_from: row.valid_from,
            rate_bps: row.rate_bps.into(),
            base_num: row.base_num.into(),
            base_den: row.base_den.into(),
            inclusive: row.is_inclusive,
            label: row.label,
        };
        Self { id: TaxRateId(row.id), rate }
    }
}
