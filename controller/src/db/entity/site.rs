//! `site`: a place with routers, its own time zone and WiFi name.

use sea_orm::entity::prelude::*;

/// A place with routers, its own time zone and WiFi name.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "site")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub name: String,
    pub timezone: String,
    pub wifi_name: String,
    pub address: String,
    /// Days that vouchers which are over stay on the router, switched off; `None` = for ever.
    pub cleanup_days: Option<i32>,
    /// The local hour of the nightly run.
    pub run_hour: i32,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
