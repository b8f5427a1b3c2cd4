//! `tax_rate`: a rate of PPN, from a day on.

use sea_orm::entity::prelude::*;

/// A rate of PPN, from a day on.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tax_rate")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub valid_from: Date,
    /// Hundredths of a per cent.
    pub rate_bps: i32,
    /// The share of the amount that is taxed (DPP nilai lain).
    pub base_num: i32,
    pub base_den: i32,
    /// Whether prices contain it.
    pub is_inclusive: bool,
    pub label: String,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
