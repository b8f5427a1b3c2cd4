//! `write_off`: a debt given up.

use sea_orm::entity::prelude::*;

/// A debt given up.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "write_off")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub customer_id: i64,
    pub site_id: i64,
    /// Empty: what the customer was taken over with, which has no invoice.
    pub invoice_id: Option<i64>,
    pub currency: String,
    pub amount: i64,
    pub reason: String,
    pub entry_id: i64,
    pub created_by: Option<i64>,
    pub created_name: String,
    pub created_at: DateTimeUtc,
    /// Empty while it holds.
    pub reversed_at: Option<DateTimeUtc>,
    pub reverse_reason: String,
}

impl ActiveModelBehavior for ActiveModel {}
