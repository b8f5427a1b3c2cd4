//! `account`: one account of the ledger.

use sea_orm::entity::prelude::*;

/// One account of the ledger.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub code: String,
    pub kind: String,
    pub currency: String,
    /// Which drawer, bank or gateway; empty where there is one.
    pub sub: String,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
