//! `agent_cursor`: how far an agent's records are applied.

use sea_orm::entity::prelude::*;

/// How far an agent's records are applied.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "agent_cursor")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub agent_id: String,
    pub epoch: i64,
    pub applied_seq: i64,
}

impl ActiveModelBehavior for ActiveModel {}
