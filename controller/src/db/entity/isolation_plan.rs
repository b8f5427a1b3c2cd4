//! `isolation_plan`: who shall be isolated on a day.

use sea_orm::entity::prelude::*;

/// Who shall be isolated on a day.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "isolation_plan")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub site_id: i64,
    pub day: Date,
    /// `planned`, `held`, `running`, `done`, `undone`, `dropped`.
    pub state: String,
    /// Why a person must look first.
    pub held_for: String,
    pub wave: i32,
    /// When that wave began.
    pub wave_at: Option<DateTimeUtc>,
    pub total: i32,
    pub created_at: DateTimeUtc,
    pub decided_by: Option<i64>,
    pub decided_at: Option<DateTimeUtc>,
    pub finished_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
