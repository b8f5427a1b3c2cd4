//! `voucher_sale`: a voucher sold over the counter.

use sea_orm::entity::prelude::*;

/// A voucher sold over the counter.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "voucher_sale")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub form_id: String,
    #[sea_orm(unique)]
    pub voucher_id: i64,
    pub site_id: i64,
    pub router_id: i64,
    pub package_id: i64,
    /// Who sold it.
    pub admin_id: i64,
    pub sold_at: DateTimeUtc,
    pub from_stock: bool,
    /// The guest's number, if he gave one.
    pub phone: String,
    pub currency: String,
    /// As they were at the sale; a later price changes neither.
    pub price: i64,
    pub cost: i64,
    pub cancelled_at: Option<DateTimeUtc>,
    pub cancel_reason: String,
}

impl ActiveModelBehavior for ActiveModel {}
