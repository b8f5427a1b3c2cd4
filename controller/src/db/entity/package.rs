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
    pub created_at: DateTimeUtc,
    pub archived_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
