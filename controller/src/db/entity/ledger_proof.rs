//! `ledger_proof`: the outcome of one proof of the ledger.

use sea_orm::entity::prelude::*;

/// The outcome of one proof of the ledger.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_proof")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub at: DateTimeUtc,
    pub whole: bool,
    pub through_entry: i64,
    pub entries: i64,
    pub differences: Json,
}

impl ActiveModelBehavior for ActiveModel {}
