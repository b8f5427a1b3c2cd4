//! `customer_balance`: what a customer owes and has, kept beside the postings.

use sea_orm::entity::prelude::*;

/// What a customer owes and has, kept beside the postings.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "customer_balance")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub customer_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub currency: String,
    pub receivable: i64,
    pub credit: i64,
}

impl ActiveModelBehavior for ActiveModel {}
