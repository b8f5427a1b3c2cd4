//! `command`: what was asked of an agent, from request to proof.

use sea_orm::entity::prelude::*;

/// What was asked of an agent, from request to proof.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "command")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub router_id: i64,
    pub op: String,
    pub args: Json,
    pub state: String,
    pub code: String,
    pub message: String,
    pub from_rev: i64,
    pub to_rev: i64,
    pub wanted: i32,
    pub applied: i32,
    pub failed: i32,
    pub requested_by: String,
    pub requested_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub delivered_at: Option<DateTimeUtc>,
    pub finished_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
