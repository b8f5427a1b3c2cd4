//! `nightly_item`: something a night did for a customer.

use sea_orm::entity::prelude::*;

/// Something a night did for a customer.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "nightly_item")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub run_id: i64,
    /// `invoiced`, `approved`, `paid`, `planned`, `lapsed`.
    pub did: String,
    pub customer_id: i64,
    pub subscription_id: Option<i64>,
    pub invoice_id: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
