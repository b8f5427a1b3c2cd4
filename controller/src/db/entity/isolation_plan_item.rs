//! `isolation_plan_item`: one subscription of a plan.

use sea_orm::entity::prelude::*;

/// One subscription of a plan.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "isolation_plan_item")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub plan_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub subscription_id: i64,
    pub wave: i32,
    pub owed: i64,
    pub due_on: Option<Date>,
    /// `planned`, `done`, `skipped`, `undone`.
    pub state: String,
    /// Why it was skipped.
    pub reason: String,
}

impl ActiveModelBehavior for ActiveModel {}
