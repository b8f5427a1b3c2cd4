//! `subscription_intake_row`: a line of many subscriptions on their way in.

use sea_orm::entity::prelude::*;

/// A line of many subscriptions on their way in.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "subscription_intake_row")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub intake_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub line: i32,
    pub is_good: bool,
    /// Sealed.
    pub cells: Vec<u8>,
    pub errors: Json,
    /// What it became.
    pub subscription_id: Option<i64>,
    /// Its user is on the router already.
    pub is_on_router: bool,
}

impl ActiveModelBehavior for ActiveModel {}
