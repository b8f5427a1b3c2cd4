//! `voucher_batch`: vouchers made together.

use sea_orm::entity::prelude::*;

/// Vouchers made together.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "voucher_batch")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub number: String,
    /// `batch`, `sale`, `import`, `reissue`.
    pub origin: String,
    /// Times it was printed.
    pub printed: i32,
    pub site_id: i64,
    pub router_id: i64,
    pub package_id: i64,
    #[sea_orm(unique)]
    pub form_id: String,
    pub profile: String,
    pub count: i32,
    pub applied: i32,
    pub failed: i32,
    pub prefix: String,
    pub code_length: i32,
    pub charset: String,
    pub mode: String,
    pub mac_lock: bool,
    pub server: String,
    pub note: String,
    pub currency: String,
    pub price: i64,
    pub cost: i64,
    /// What the seller pays of `price`; the same where nobody stands between.
    pub net_price: i64,
    pub seller_id: Option<i64>,
    pub online_secs: Option<i64>,
    pub active_secs: Option<i64>,
    pub limit_bytes: Option<i64>,
    pub activate_before: Option<DateTimeUtc>,
    pub created_by: Option<i64>,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
