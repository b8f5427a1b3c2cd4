//! `credit_note`: what is taken back of an invoice.

use sea_orm::entity::prelude::*;

/// What is taken back of an invoice.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "credit_note")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub number: String,
    #[sea_orm(unique)]
    pub form_id: String,
    pub invoice_id: i64,
    pub customer_id: i64,
    pub currency: String,
    pub net: i64,
    pub tax: i64,
    pub amount: i64,
    /// What became balance.
    pub to_credit: i64,
    pub reason: String,
    pub entry_id: i64,
    pub created_by: Option<i64>,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
