//! `payment`: money that came, with its receipt.

use sea_orm::entity::prelude::*;

/// Money that came, with its receipt.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "payment")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Of the receipt.
    #[sea_orm(unique)]
    pub number: String,
    #[sea_orm(unique)]
    pub form_id: String,
    pub customer_id: i64,
    pub site_id: i64,
    /// `payment`, `credit_used`, `refund`.
    pub kind: String,
    /// `cash`, `bank_transfer`; `credit` when the balance was used.
    pub method: String,
    pub currency: String,
    /// What was booked.
    pub amount: i64,
    /// What was handed over.
    pub given: i64,
    /// What was handed back.
    pub change: i64,
    /// What became balance.
    pub to_credit: i64,
    /// A service was opened again on the promise of the rest.
    pub is_promised: bool,
    pub entry_id: i64,
    pub received_at: DateTimeUtc,
    pub note: String,
    /// `booked`, `reversed`.
    pub state: String,
    pub reversed_at: Option<DateTimeUtc>,
    pub reverse_reason: String,
    pub printed: i32,
    pub taken_by: Option<i64>,
    pub taken_name: String,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
