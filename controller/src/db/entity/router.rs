//! `router`: a MikroTik router of a site.

use sea_orm::entity::prelude::*;

/// A MikroTik router of a site.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "router")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub site_id: i64,
    pub name: String,
    pub desired_rev: i64,
    pub facts: Json,
    pub facts_at: Option<DateTimeUtc>,
    pub reach: bool,
    pub reach_error: String,
    pub reach_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub archived_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
