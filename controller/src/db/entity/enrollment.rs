//! `enrollment`: a one-time token that buys an agent its credentials.

use sea_orm::entity::prelude::*;

/// A one-time token that buys an agent its credentials.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "enrollment")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub router_id: i64,
    #[sea_orm(unique)]
    pub token_hash: String,
    pub auto_approve: bool,
    pub created_by: Option<i64>,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub used_at: Option<DateTimeUtc>,
    pub nonce_hash: Option<String>,
    pub agent_id: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
