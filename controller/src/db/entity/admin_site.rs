//! `admin_site`: the sites an admin is limited to; none = all.

use sea_orm::entity::prelude::*;

/// The sites an admin is limited to; none = all.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "admin_site")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub admin_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub site_id: i64,
}

impl ActiveModelBehavior for ActiveModel {}
