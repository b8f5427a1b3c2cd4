//! `subscription_intake`: many subscriptions on their way in.

use sea_orm::entity::prelude::*;

/// Many subscriptions on their way in.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "subscription_intake")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub form_id: String,
    pub site_id: i64,
    pub router_id: i64,
    pub package_id: i64,
    /// `takeover`, `new`.
    pub kind: String,
    /// Empty: made by number.
    pub file_name: String,
    pub found: String,
    pub columns: Json,
    pub starts_on: Option<Date>,
    pub state: String,
    pub good: i32,
    pub bad: i32,
    pub done: i32,
    pub failure: String,
    pub created_by: Option<i64>,
    pub created_name: String,
    pub created_at: DateTimeUtc,
    pub finished_at: Option<DateTimeUtc>,
    /// Users who are on the router already are taken over.
    pub adopts: bool,
}

impl ActiveModelBehavior for ActiveModel {}
