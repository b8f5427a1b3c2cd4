//! The journal: entries by date, newest first.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::{
    super::{After, EntryLine, JournalFilter, draft::Kind},
    IN, damaged, number, sql, text,
};
use crate::{
    db::{
        entity::{journal_entry, posting},
        paging::PageOf,
    },
    ids::{AdminId, EntryId, SiteId},
    money::{Currency, Money},
};

/// Entries of the filter after a place, one more than the page holds.
pub(in super::super) async fn journal(
    db: &impl ConnectionTrait,
    filter: &JournalFilter,
    after: Option<After>,
    page: &PageOf,
) -> Result<Vec<EntryLine>, DbErr> {
    if filter.account.is_some() || filter.customer.is_some() {
        return by_postings(db, filter, after, page).await;
    }
    let mut query = journal_entry::Entity::find()
        .order_by_desc(journal_entry::Column::OccurredAt)
        .order_by_desc(journal_entry::Column::Id)
        .limit(page.limit() + 1);
    if let Some(After { at, entry }) = after {
        let (column, id) = (journal_entry::Column::OccurredAt, journal_entry::Column::Id);
        // The first condition alone bounds the walk of the index.
        query = query.filter(column.lte(at)).filter(Condition::any().add(column.lt(at)).add(id.lt(entry.0)));
    }
    query = query.filter(entry_terms(filter));
    lines(query.all(db).await?)
}

fn entry_terms(filter: &JournalFilter) -> Condition {
    let mut all = Condition::all();
    if let Some(from) = filter.from {
        all = all.add(journal_entry::Column::OccurredAt.gte(from));
    }
    if let Some(until) = filter.until {
        all = all.add(journal_entry::Column::OccurredAt.lt(until));
    }
    if let Some(kind) = filter.kind {
        all = all.add(journal_entry::Column::Kind.eq(kind.as_str()));
    }
    if !filter.q.is_empty() {
        // The number of a document, or a word of the memo.
        let q = filter.q.as_str();
        all = all.add(
            Condition::any()
                .add(journal_entry::Column::SourceId.eq(q))
                .add(journal_entry::Column::SourceType.eq(q))
                .add(journal_entry::Column::Memo.contains(q)),
        );
    }
    all
}

/// Through the index of the account or the customer, not through all entries.
async fn by_postings(
    db: &impl ConnectionTrait,
    filter: &JournalFilter,
    after: Option<After>,
    page: &PageOf,
) -> Result<Vec<EntryLine>, DbErr> {
    let mut query = posting::Entity::find()
        .select_only()
        .column(posting::Column::OccurredAt)
        .column(posting::Column::EntryId)
        .group_by(posting::Column::OccurredAt)
        .group_by(posting::Column::EntryId)
        .order_by_desc(posting::Column::OccurredAt)
        .order_by_desc(posting::Column::EntryId)
        .limit(page.limit() + 1);
    if let Some(account) = filter.account {
        query = query.filter(posting::Column::AccountId.eq(account.0));
    }
    if let Some(customer) = filter.customer {
        query = query.filter(posting::Column::CustomerId.eq(customer.0));
    }
    if let Some(from) = filter.from {
        query = query.filter(posting::Column::OccurredAt.gte(from));
    }
    if let Some(until) = filter.until {
        query = query.filter(posting::Column::OccurredAt.lt(until));
    }
    if let Some(After { at, entry }) = after {
        let (column, id) = (posting::Column::OccurredAt, posting::Column::EntryId);
        query = query.filter(column.lte(at)).filter(Condition::any().add(column.lt(at)).add(id.lt(entry.0)));
    }
    if filter.kind.is_some() || !filter.q.is_empty() {
        let wanted = journal_entry::Entity::find()
            .select_only()
            .column(journal_entry::Column::Id)
            .filter(entry_terms(filter))
            .filter(
                Expr::col((journal_entry::Entity, journal_entry::Column::Id))
                    .equals((posting::Entity, posting::Column::EntryId)),
            );
        query = query.filter(Expr::exists(sea_orm::QueryTrait::into_query(wanted)));
    }
    let keys: Vec<(DateTime<Utc>, i64)> = query.into_tuple().all(db).await?;
    let rows = journal_entry::Entity::find()
        .filter(journal_entry::Column::Id.is_in(keys.iter().map(|(_, entry)| *entry)))
        .order_by_desc(journal_entry::Column::OccurredAt)
        .order_by_desc(journal_entry::Column::Id)
        .all(db)
        .await?;
    lines(rows)
}

fn lines(rows: Vec<journal_entry::Model>) -> Result<Vec<EntryLine>, DbErr> {
    let line = |row: journal_entry::Model| {
        Ok(EntryLine {
            id: EntryId(row.id),
            occurred_at: row.occurred_at,
            kind: Kind::parse(&row.kind).ok_or_else(|| damaged("an entry of no known kind"))?,
            source_type: row.source_type,
            source_id: row.source_id,
            memo: row.memo,
            actor_id: row.actor_id.map(AdminId),
            actor: row.actor,
            site_id: row.site_id.map(SiteId),
            reverses: row.reverses_id.map(EntryId),
            reversed_by: None,
            amount: None,
        })
    };
    rows.into_iter().map(line).collect()
}

/// Adds what is read from other rows: the amount that each entry moves, and which entry took it back.
pub(in super::super) async fn with_marks(db: &impl ConnectionTrait, lines: &mut [EntryLine]) -> Result<(), DbErr> {
    let ids: Vec<i64> = lines.iter().map(|line| line.id.0).collect();
    let (mut amounts, mut reversals) = (HashMap::new(), HashMap::new());
    for chunk in ids.chunks(IN) {
        let places: Vec<String> = (1..=chunk.len()).map(|at| format!("${at}")).collect();
        let amount = format!(
            "SELECT entry_id, currency, CAST(SUM(amount_minor) AS BIGINT) FROM posting
             WHERE amount_minor > 0 AND entry_id IN ({}) GROUP BY entry_id, currency",
            places.join(", ")
        );
        for row in db.query_all_raw(sql(db, &amount, chunk.iter().map(|id| (*id).into()))).await? {
            let currency = Currency::parse(&text(&row, 1)?).ok_or_else(|| damaged("a posting of no currency"))?;
            amounts.entry(number(&row, 0)?).or_insert(Money::new(number(&row, 2)?, currency));
        }
        let found: Vec<(i64, Option<i64>)> = journal_entry::Entity::find()
            .select_only()
            .column(journal_entry::Column::Id)
            .column(journal_entry::Column::ReversesId)
            .filter(journal_entry::Column::ReversesId.is_in(chunk.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        reversals.extend(found.into_iter().filter_map(|(id, reversed)| Some((reversed?, EntryId(id)))));
    }
    for line in lines {
        line.amount = amounts.get(&line.id.0).copied();
        line.reversed_by = reversals.get(&line.id.0).copied();
    }
    Ok(())
}
