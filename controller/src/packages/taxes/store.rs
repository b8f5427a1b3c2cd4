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
    packages::PackageError,
};

pub(super) async fn rates(db: &impl ConnectionTrait) -> Result<Vec<Rate>, DbErr> {
    let rows = Entity::find().order_by_desc(Column::ValidFrom).limit(MAX_RATES).all(db).await?;
    Ok(rows.into_iter().map(Rate::from).collect())
}

pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    rate: &Rate,
) -> Result<TaxRateId, PackageError> {
    let row = ActiveModel {
        valid_from: Set(rate.valid_from),
        rate_bps: Set(rate.rate_bps),
        base_num: Set(rate.base_num),
        base_den: Set(rate.base_den),
        is_inclusive: Set(rate.is_inclusive),
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
        let Model { id, valid_from, rate_bps, base_num, base_den, is_inclusive, label, created_at: _ } = row;
        Self { id: TaxRateId(id), valid_from, rate_bps, base_num, base_den, is_inclusive, label }
    }
}
