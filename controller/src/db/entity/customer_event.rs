//! `customer_event`: what happened to a customer, append-only.

use sea_orm::entity::prelude::*;

/// What happened to a customer, append-only.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "customer_event")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub customer_id: i64,
    pub at: DateTimeUtc,
    pub admin_id: Option<i64>,
    pub actor: String,
    pub what: String,
    pub detail: Json,
    pub link: String,
}

impl ActiveModelBehavior for ActiveModel {}
