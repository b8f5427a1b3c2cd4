//! `desired_object`: one object a router shall have, at its newest revision, and what is proven of it.

use sea_orm::entity::prelude::*;

/// One object a router shall have, at its newest revision, and what is proven of it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "desired_object")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub router_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub rev: i64,
    pub doc: Json,
    pub secret: Option<Vec<u8>>,
    pub gone: bool,
    pub status: String,
    pub code: String,
    pub message: String,
    pub proven_at: Option<DateTimeUtc>,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
