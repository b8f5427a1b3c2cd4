//! `allocation`: what an entry settles of an invoice.

use sea_orm::entity::prelude::*;

/// What an entry settles of an invoice.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "allocation")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub entry_id: i64,
    pub invoice_id: i64,
    pub customer_id: i64,
    pub amount_minor: i64,
    pub currency: String,
    pub occurred_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
