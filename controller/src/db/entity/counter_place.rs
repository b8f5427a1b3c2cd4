//! `counter_place`: the router at which an admin sold last.

use sea_orm::entity::prelude::*;

/// The router at which an admin sold last.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "counter_place")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub admin_id: i64,
    pub router_id: i64,
}

impl ActiveModelBehavior for ActiveModel {}
