//! Queries of the company_logo table.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, sea_query::OnConflict,
};

use crate::db::entity::company_logo::{ActiveModel, Column, Entity};

/// There is one.
const ONLY: i64 = 1;

/// A logo.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) bytes: Vec<u8>,
    /// Its media type.
    pub(super) kind: String,
    /// Of its content.
    pub(super) word: String,
}

pub(super) async fn word(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    Entity::find_by_id(ONLY).select_only().column(Column::Word).into_tuple().one(db).await
}

pub(super) async fn picture(db: &impl ConnectionTrait, word: &str) -> Result<Option<Picture>, DbErr> {
    let row = Entity::find_by_id(ONLY).filter(Column::Word.eq(word)).one(db).await?;
    Ok(row.map(|row| Picture { bytes: row.picture, kind: row.kind, word: row.word }))
}

pub(super) async fn put(tx: &impl ConnectionTrait, now: DateTime<Utc>, picture: Option<Picture>) -> Result<(), DbErr> {
    let Some(Picture { bytes, kind, word }) = picture else {
        Entity::delete_by_id(ONLY).exec(tx).await?;
        return Ok(());
    };
    let row =
        ActiveModel { id: Set(ONLY), picture: Set(bytes), kind: Set(kind), word: Set(word), updated_at: Set(now) };
    let columns = [Column::Picture, Column::Kind, Column::Word, Column::UpdatedAt];
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Id).update_columns(columns).to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
