//! `print_layout`: how prints look.

use sea_orm::entity::prelude::*;

/// How prints look.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "print_layout")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub name: String,
    /// `None`: for every site.
    pub site_id: Option<i64>,
    pub family: String,
    pub document: Json,
    pub logo: Option<Vec<u8>>,
    pub logo_kind: String,
    pub is_default: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
