//! `posting`: an amount on an account: debit +, credit −.

use sea_orm::entity::prelude::*;

/// An amount on an account: debit +, credit −.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "posting")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub entry_id: i64,
    pub account_id: i64,
    pub amount_minor: i64,
    pub currency: String,
    pub customer_id: Option<i64>,
    pub invoice_id: Option<i64>,
    pub attempt_id: Option<i64>,
    pub occurred_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
