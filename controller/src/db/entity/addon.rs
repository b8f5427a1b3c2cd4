//! `addon`: something sold beside a package: a static address, a rented modem.

use sea_orm::entity::prelude::*;

/// Something sold beside a package: a static address, a rented modem.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "addon")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub name: String,
    pub currency: String,
    pub price: i64,
    pub cost: i64,
    /// `one_off`, `monthly`.
    pub kind: String,
    pub is_taxed: bool,
    pub created_at: DateTimeUtc,
    pub archived_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
