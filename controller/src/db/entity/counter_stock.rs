//! `counter_stock`: batches that are reserved for the counter.

use sea_orm::entity::prelude::*;

/// Batches that are reserved for the counter.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "counter_stock")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub batch_id: i64,
    pub router_id: i64,
}

impl ActiveModelBehavior for ActiveModel {}
