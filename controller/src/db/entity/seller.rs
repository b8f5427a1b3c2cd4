//! `seller`: a warung or person who sells batches.

use sea_orm::entity::prelude::*;

/// A warung or person who sells batches.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "seller")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub site_id: i64,
    pub name: String,
    /// E.164, or empty.
    pub phone: String,
    /// As price rules name it: `Silver`; empty = none.
    pub level: String,
    pub note: String,
    /// The admin who is this seller.
    pub admin_id: Option<i64>,
    pub created_at: DateTimeUtc,
    pub archived_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
