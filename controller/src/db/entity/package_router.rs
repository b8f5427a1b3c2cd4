//! `package_router`: where a package is sold, and whether hiji makes its profile there.

use sea_orm::entity::prelude::*;

/// Where a package is sold, and whether hiji makes its profile there.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "package_router")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub package_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub router_id: i64,
    pub create_profile: bool,
}

impl ActiveModelBehavior for ActiveModel {}
