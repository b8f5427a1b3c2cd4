//! `business_event`: what happened, in the words of the business; recorded with the change itself.

use sea_orm::entity::prelude::*;

/// What happened, in the words of the business; recorded with the change itself.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "business_event")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub at: DateTimeUtc,
    pub site_id: Option<i64>,
    pub class: String,
    pub name: String,
    pub subject: String,
    pub data: Json,
    #[sea_orm(unique)]
    pub hseq: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
