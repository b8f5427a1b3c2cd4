//! `voucher_print`: vouchers of a batch were printed.

use sea_orm::entity::prelude::*;

/// Vouchers of a batch were printed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "voucher_print")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub batch_id: i64,
    /// Names the print in addresses: opening it again counts nothing.
    pub key: String,
    /// `all`, `unsold`, `range`, `chosen`.
    pub what: String,
    pub first_number: i32,
    pub last_number: i32,
    pub count: i32,
    pub format: String,
    pub layout_id: Option<i64>,
    pub unproven: bool,
    pub reason: String,
    pub admin_id: Option<i64>,
    pub admin_name: String,
    pub at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
