//! `company_logo`: the operator's logo.

use sea_orm::entity::prelude::*;

/// The operator's logo: one row, or none.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "company_logo")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub picture: Vec<u8>,
    /// Its media type.
    pub kind: String,
    /// Of its content, as its address says.
    pub word: String,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
