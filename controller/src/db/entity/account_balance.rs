//! `account_balance`: sums of an account up to an entry.

use sea_orm::entity::prelude::*;

/// Sums of an account up to an entry.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "account_balance")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: i64,
    pub through_entry: i64,
    pub debit: i64,
    pub credit: i64,
}

impl ActiveModelBehavior for ActiveModel {}
