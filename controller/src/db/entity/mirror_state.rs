//! `mirror_state`: when a kind was last mirrored whole, and how large it is.

use sea_orm::entity::prelude::*;

/// When a kind was last mirrored whole, and how large it is.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "mirror_state")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub router_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    pub rows: i64,
    pub root: String,
    pub synced_at: Option<DateTimeUtc>,
    pub stale: bool,
}

impl ActiveModelBehavior for ActiveModel {}
