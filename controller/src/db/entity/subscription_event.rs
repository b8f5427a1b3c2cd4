//! `subscription_event`: what happened with a subscription.

use sea_orm::entity::prelude::*;

/// What happened with a subscription.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "subscription_event")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub subscription_id: i64,
    pub at: DateTimeUtc,
    pub admin_id: Option<i64>,
    pub actor: String,
    pub what: String,
    pub detail: Json,
}

impl ActiveModelBehavior for ActiveModel {}
