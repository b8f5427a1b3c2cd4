//! `admin_grant`: what an admin may beyond the role.

use sea_orm::entity::prelude::*;

/// What an admin may beyond the role.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "admin_grant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub admin_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub permission: String,
    pub granted_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
