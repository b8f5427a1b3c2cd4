//! `counter_router`: how the counter of a router sells; without a row it makes a new voucher for each sale.

use sea_orm::entity::prelude::*;

/// How the counter of a router sells; without a row it makes a new voucher for each sale.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "counter_router")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub router_id: i64,
    pub from_stock: bool,
}

impl ActiveModelBehavior for ActiveModel {}
