//! `router_isolation`: what a router needs to isolate customers. Whether it has it stands with the wanted objects.

use sea_orm::entity::prelude::*;

/// What a router needs to isolate customers.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "router_isolation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub router_id: i64,
    pub is_wanted: bool,
    pub ppp_profile: String,
    pub hotspot_profile: String,
    pub pool: String,
    pub ranges: String,
    pub local_address: String,
    pub rate_limit: String,
    pub list: String,
    /// Where isolated customers are led; empty = nowhere.
    pub page_address: String,
    /// Hosts that stay reachable, one a line.
    pub allowed: String,
    /// Of the lines that were shown before it was applied.
    pub shown_digest: String,
    pub set_by: Option<i64>,
    pub set_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
