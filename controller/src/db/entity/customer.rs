//! `customer`: somebody who buys in his own name.

use sea_orm::entity::prelude::*;

/// Somebody who buys in his own name.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "customer")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub number: String,
    #[sea_orm(unique)]
    pub form_id: String,
    /// The number in whatever the operator used before.
    pub reference: String,
    pub site_id: i64,
    pub kind: String,
    pub name: String,
    pub address: String,
    pub lat_micro: Option<i32>,
    pub lon_micro: Option<i32>,
    pub notes: String,
    /// Sealed.
    pub id_number: Option<Vec<u8>>,
    pub language: String,
    /// Days of grace of all his subscriptions, instead of theirs.
    pub grace_days: Option<i32>,
    pub open_services: i32,
    /// The list it came with.
    pub import_id: Option<i64>,
    pub created_by: Option<i64>,
    pub created_at: DateTimeUtc,
    /// `active`, `deleted`.
    pub state: String,
    pub deleted_at: Option<DateTimeUtc>,
    pub delete_reason: String,
}

impl ActiveModelBehavior for ActiveModel {}
