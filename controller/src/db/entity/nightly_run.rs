//! `nightly_run`: the nightly work of a site for one of its days.

use sea_orm::entity::prelude::*;

/// The nightly work of a site for one of its days.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "nightly_run")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub site_id: i64,
    pub day: Date,
    /// `running`, `done`, `failed`.
    pub state: String,
    /// Where it is.
    pub step: String,
    /// The last subscription of that step.
    pub after_id: i64,
    pub counts: Json,
    /// Names of what failed, up to a limit.
    pub problems: Json,
    pub error: String,
    pub started_at: DateTimeUtc,
    pub finished_at: Option<DateTimeUtc>,
    pub took_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
