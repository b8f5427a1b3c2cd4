//! `package_price`: what a package costs from an instant on.

use sea_orm::entity::prelude::*;

/// What a package costs from an instant on.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "package_price")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub package_id: i64,
    /// `None` = on every router that has no price of its own.
    pub router_id: Option<i64>,
    pub valid_from: DateTimeUtc,
    pub currency: String,
    pub price: i64,
    pub cost: i64,
    pub created_by: Option<i64>,
    pub created_by_name: String,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
