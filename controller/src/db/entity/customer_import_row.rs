//! `customer_import_row`: a line of a list of customers on its way in.

use sea_orm::entity::prelude::*;

/// A line of a list of customers on its way in.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "customer_import_row")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub import_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub line: i32,
    pub is_good: bool,
    /// Sealed.
    pub cells: Vec<u8>,
    pub errors: Json,
}

impl ActiveModelBehavior for ActiveModel {}
