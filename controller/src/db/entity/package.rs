//! `package`: what is sold: name, service, price, cost, validity, speed.

use sea_orm::entity::prelude::*;

/// What is sold: name, service, price, cost, validity, speed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "package")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub name: String,
    pub service: String,
    pub profile: String,
    pub currency: String,
    pub price: i64,
    pub cost: i64,
    pub rate_limit: String,
    pub shared_users: i32,
    pub online_secs: Option<i64>,
    pub active_secs: Option<i64>,
    pub limit_bytes: Option<i64>,
    /// Batches are bound to the device of the first login unless they say otherwise.
    pub mac_lock: bool,
    pub activate_before_secs: Option<i64>,
    pub activate_before: Option<DateTimeUtc>,
    pub cycle: String,
    pub grace_days: i32,
    pub on_expiry: String,
    /// `voucher`, `subscription`.
    pub sold_as: String,
    pub is_prepaid: bool,
    /// 1 to 28, of fixed cycles.
    pub bill_day: Option<i32>,
    /// Days from the invoice to its due day.
    pub due_days: i32,
    /// `prorate`, `full`, `free`.
    pub first_period: String,
    pub setup_fee: i64,
    pub is_taxed: bool,
    /// Of the PPP profile that hiji makes.
    pub local_address: String,
    pub address_pool: String,
    pub created_at: DateTimeUtc,
    pub archived_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
