//! Queries of the settings table: the general settings are one JSON value.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, sea_query::OnConflict};

use super::Settings;
use crate::db::entity::setting::{ActiveModel, Column, Entity};

const GENERAL: &str = "general";

pub(super) async fn load(db: &impl ConnectionTrait) -> Result<Settings, DbErr> {
    let row = Entity::find_by_id(GENERAL.to_owned()).one(db).await?;
    let Some(row) = row else { return Ok(Settings::default()) };
    serde_json::from_value(row.value).map_err(|error| DbErr::Custom(format!("settings are damaged: {error}")))
}

pub(super) async fn save(tx: &impl ConnectionTrait, now: DateTime<Utc>, settings: &Settings) -> Result<(), DbErr> {
    let value = serde_json::to_value(settings).map_err(|error| DbErr::Custom(error.to_string()))?;
    let row = ActiveModel { key: Set(GENERAL.to_owned()), value: Set(value), updated_at: Set(now) };
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Key).update_columns([Column::Value, Column::UpdatedAt]).to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
