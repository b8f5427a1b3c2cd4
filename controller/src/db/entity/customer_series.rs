//! `customer_series`: the last number of a series.

use sea_orm::entity::prelude::*;

/// The last number of a series.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "customer_series")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub last: i64,
}

impl ActiveModelBehavior for ActiveModel {}
