//! `mirror_row`: a user, secret or profile as the router has it.

use sea_orm::entity::prelude::*;

/// A user, secret or profile as the router has it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "mirror_row")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub router_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub profile: String,
    pub comment: String,
    pub disabled: bool,
    pub marked: bool,
    pub doc: Json,
    pub hash: String,
    pub seen_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
