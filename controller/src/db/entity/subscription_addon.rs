//! `subscription_addon`: what a subscription has beside its package.

use sea_orm::entity::prelude::*;

/// What a subscription has beside its package.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "subscription_addon")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub subscription_id: i64,
    /// None: something that is asked for once, of no add-on.
    pub addon_id: Option<i64>,
    pub name: String,
    pub kind: String,
    pub quantity: i32,
    /// Of one, as agreed.
    pub price: i64,
    pub cost: i64,
    pub is_taxed: bool,
    pub from_day: Date,
    pub until_day: Option<Date>,
    /// Of one-off ones.
    pub billed_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
