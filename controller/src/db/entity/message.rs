//! `message`: a message to a customer.

use sea_orm::entity::prelude::*;

/// A message to a customer.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// `invoice/7/due-3`: said once.
    #[sea_orm(unique)]
    pub dedupe: String,
    pub customer_id: i64,
    pub site_id: i64,
    pub invoice_id: Option<i64>,
    pub subscription_id: Option<i64>,
    /// E.164; empty when he has none.
    pub to_number: String,
    pub template: String,
    pub language: String,
    pub vars: Json,
    pub body: String,
    /// `draft`, `to_call`, `sent`, `dropped`.
    pub state: String,
    /// Why it waits no more.
    pub reason: String,
    pub not_before: DateTimeUtc,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
