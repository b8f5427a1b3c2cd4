//! `customer_phone`: a number of a customer, in E.164.

use sea_orm::entity::prelude::*;

/// A number of a customer, in E.164.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "customer_phone")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub customer_id: i64,
    pub e164: String,
    pub label: String,
    pub is_whatsapp: bool,
    pub is_primary: bool,
}

impl ActiveModelBehavior for ActiveModel {}
