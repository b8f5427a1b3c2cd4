//! `audit_entry`: what somebody did, append-only, chained by hash.

use sea_orm::entity::prelude::*;

/// What somebody did, append-only, chained by hash.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entry")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub at: DateTimeUtc,
    pub admin_id: Option<i64>,
    pub actor: String,
    pub action: String,
    pub object: String,
    pub site_id: Option<i64>,
    pub detail: Json,
    pub ip: String,
    pub prev_hash: String,
    pub hash: String,
}

impl ActiveModelBehavior for ActiveModel {}
