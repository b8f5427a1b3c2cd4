//! `invoice_line`: a line of an invoice.

use sea_orm::entity::prelude::*;

/// A line of an invoice.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "invoice_line")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub invoice_id: i64,
    pub position: i32,
    /// `package`, `addon`, `setup`, `discount`, `proration`, `other`.
    pub kind: String,
    pub text: String,
    pub quantity: i32,
    pub unit_price: i64,
    pub amount: i64,
    pub cost: i64,
    pub is_taxed: bool,
    pub package_id: Option<i64>,
    pub addon_id: Option<i64>,
    pub from_day: Option<Date>,
    pub until_day: Option<Date>,
}

impl ActiveModelBehavior for ActiveModel {}
