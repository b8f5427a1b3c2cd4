//! `voucher`: one code, and its life.

use sea_orm::entity::prelude::*;

/// One code, and its life.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "voucher")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub batch_id: i64,
    pub site_id: i64,
    pub router_id: i64,
    pub package_id: i64,
    pub number: i32,
    pub code: String,
    /// What its list said of it, where codes were imported.
    pub note: String,
    pub password: Option<Vec<u8>>,
    pub status: String,
    pub currency: String,
    pub price: i64,
    pub cost: i64,
    /// What the seller pays of `price`; the same where nobody stands between.
    pub net_price: i64,
    pub seller_id: Option<i64>,
    /// Sold over the counter, by whom.
    pub sold_at: Option<DateTimeUtc>,
    pub sold_by: Option<i64>,
    pub online_secs: Option<i64>,
    pub active_secs: Option<i64>,
    pub limit_bytes: Option<i64>,
    pub activate_before: Option<DateTimeUtc>,
    pub blocked_at: Option<DateTimeUtc>,
    pub block_reason: String,
    /// How often it was set free for another device.
    pub moves: i32,
    pub replaces_id: Option<i64>,
    pub replaced_by_id: Option<i64>,
    /// When it was cleaned off the router.
    pub removed_at: Option<DateTimeUtc>,
    pub first_login_at: Option<DateTimeUtc>,
    pub valid_until: Option<DateTimeUtc>,
    pub ended_at: Option<DateTimeUtc>,
    pub end_reason: String,
    pub mac: String,
    pub address: String,
    pub uptime_secs: i64,
    pub bytes_in: i64,
    pub bytes_out: i64,
    pub failure: String,
    pub estimated: bool,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
