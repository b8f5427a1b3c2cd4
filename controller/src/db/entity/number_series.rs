//! `number_series`: the last number given of a series.

use sea_orm::entity::prelude::*;

/// The last number given of a series.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "number_series")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub series: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub period: String,
    pub last: i64,
}

impl ActiveModelBehavior for ActiveModel {}
