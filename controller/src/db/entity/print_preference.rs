//! `print_preference`: how somebody prints.

use sea_orm::entity::prelude::*;

/// How somebody prints.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "print_preference")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub admin_id: i64,
    pub format: String,
    /// The roll used last, for single vouchers.
    pub roll: String,
    /// Does the print open by itself after a sale?
    pub opens: bool,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
