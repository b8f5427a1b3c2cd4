//! What documents have booked.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::{
    super::{Entry, draft::Posting},
    IN, entries,
};
use crate::{
    db::entity::{journal_entry, posting},
    ids::EntryId,
};

/// The entries that documents of a type have booked, of whatever kind; reversals are not among them.
pub(in super::super) async fn of_sources(
    db: &impl ConnectionTrait,
    r#type: &str,
    ids: &[String],
) -> Result<Vec<Entry>, DbErr> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(IN) {
        let heads = journal_entry::Entity::find()
            .filter(journal_entry::Column::SourceType.eq(r#type))
            .filter(journal_entry::Column::SourceId.is_in(chunk))
            .all(db)
            .await?;
        if heads.is_empty() {
            continue;
        }
        let ids: Vec<i64> = heads.iter().map(|head| head.id).collect();
        let mut postings: HashMap<EntryId, Vec<Posting>> = HashMap::new();
        for (entry, posting) in entries::postings_of(db, posting::Column::EntryId.is_in(ids.clone())).await? {
            postings.entry(entry).or_default().push(posting);
        }
        let reversals: Vec<(i64, i64)> = journal_entry::Entity::find()
            .select_only()
            .column(journal_entry::Column::Id)
            .column(journal_entry::Column::ReversesId)
            .filter(journal_entry::Column::ReversesId.is_in(ids))
            .into_tuple()
            .all(db)
            .await?;
        let reversals: HashMap<i64, i64> = reversals.into_iter().map(|(by, of)| (of, by)).collect();
        for head in heads {
            let postings = postings.remove(&EntryId(head.id)).unwrap_or_default();
            let reversed_by = reversals.get(&head.id).copied().map(EntryId);
            found.push(entries::read(head, postings, reversed_by)?);
        }
    }
    Ok(found)
}
