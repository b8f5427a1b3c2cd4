//! `customer_term`: a word a customer is found by.

use sea_orm::entity::prelude::*;

/// A word a customer is found by.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "customer_term")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub customer_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub term: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub source: String,
}

impl ActiveModelBehavior for ActiveModel {}
