//! `journal_entry`: one business fact, in postings that sum to 0.

use sea_orm::entity::prelude::*;

/// One business fact, in postings that sum to 0.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "journal_entry")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub occurred_at: DateTimeUtc,
    pub recorded_at: DateTimeUtc,
    pub kind: String,
    pub source_type: String,
    pub source_id: String,
    pub memo: String,
    pub actor_id: Option<i64>,
    pub actor: String,
    pub site_id: Option<i64>,
    #[sea_orm(unique)]
    pub reverses_id: Option<i64>,
    pub digest: String,
}

impl ActiveModelBehavior for ActiveModel {}
