//! `router_session`: a session of a user on a router, open or over.

use sea_orm::entity::prelude::*;

/// A session of a user on a router, open or over.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "router_session")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub router_id: i64,
    pub sid: String,
    pub service: String,
    pub username: String,
    pub address: String,
    pub mac: String,
    pub server: String,
    pub started_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    pub uptime_secs: i64,
    pub bytes_in: i64,
    pub bytes_out: i64,
    pub reason: String,
    pub seen_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
