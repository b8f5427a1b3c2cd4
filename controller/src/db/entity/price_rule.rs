//! `price_rule`: what sellers pay of a price.

use sea_orm::entity::prelude::*;

/// What sellers pay of a price.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "price_rule")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// `None` = of every package.
    pub package_id: Option<i64>,
    /// Empty = of every level.
    pub level: String,
    pub min_count: i32,
    /// `fixed` or `percent`.
    pub kind: String,
    /// `fixed`: minor units a voucher; `percent`: basis points off.
    pub value: i64,
    /// Of a fixed price.
    pub currency: String,
    pub active: bool,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
