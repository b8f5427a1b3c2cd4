//! Writing an entry, and reading one.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use super::{
    super::{
        Entry,
        chart::{Code, Place},
        draft::{Draft, Kind, Posting, Source},
    },
    accounts, damaged, number, sql,
};
use crate::{
    audit::Actor,
    db::entity::{account, allocation, journal_entry, posting},
    ids::{AdminId, AttemptId, CustomerId, EntryId, InvoiceId, SiteId},
    money::{Currency, Money},
};

/// Whether an entry is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Inserted {
    New(EntryId),
    /// The source has booked the same before.
    Same(EntryId),
    /// The source has booked something else before.
    Other(EntryId),
}

/// Writes the entry's head, unless its source has booked already.
pub(in super::super) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    draft: &Draft,
) -> Result<Inserted, DbErr> {
    // SeaORM cannot say RETURNING for SQLite. A second writer of the same source waits here until the first has ended.
    const INSERT: &str = "INSERT INTO journal_entry (occurred_at, recorded_at, kind, source_type, source_id, memo,
            actor_id, actor, site_id, reverses_id, digest)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (source_type, source_id, kind) DO NOTHING RETURNING id";
    let (source, digest) = (draft.source(), draft.digest());
    let values = [
        draft.occurred_at().into(),
        now.into(),
        draft.kind().as_str().into(),
        source.r#type.as_str().into(),
        source.id.as_str().into(),
        draft.memo().into(),
        actor.admin.map(|admin| admin.0).into(),
        actor.name.as_str().into(),
        draft.site().map(|site| site.0).into(),
        draft.reverses().map(|entry| entry.0).into(),
        digest.as_str().into(),
    ];
    if let Some(row) = tx.query_one_raw(sql(tx, INSERT, values)).await? {
        return Ok(Inserted::New(EntryId(number(&row, 0)?)));
    }
    let first = head_of(tx, source, draft.kind()).await?;
    let first = first.ok_or_else(|| damaged("a source that is taken and not there"))?;
    let id = EntryId(first.id);
    Ok(if first.digest == digest { Inserted::Same(id) } else { Inserted::Other(id) })
}

/// Writes the postings of a new entry, and what it settles of invoices.
pub(in super::super) async fn insert_postings(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    entry: EntryId,
    draft: &Draft,
    settled: &[(InvoiceId, CustomerId, Money)],
) -> Result<(), DbErr> {
    let places: Vec<_> = draft.postings().iter().map(|posting| (&posting.place, posting.amount.currency())).collect();
    let accounts = accounts::of_places(tx, now, &places).await?;
    let row = |(posting, account): (&Posting, crate::ids::AccountId)| posting::ActiveModel {
        entry_id: Set(entry.0),
        account_id: Set(account.0),
        amount_minor: Set(posting.amount.minor()),
        currency: Set(posting.amount.currency().code().to_owned()),
        customer_id: Set(posting.customer.map(|customer| customer.0)),
        invoice_id: Set(posting.invoice.map(|invoice| invoice.0)),
        attempt_id: Set(posting.attempt.map(|attempt| attempt.0)),
        occurred_at: Set(draft.occurred_at()),
        ..Default::default()
    };
    let rows: Vec<_> = draft.postings().iter().zip(accounts).map(row).collect();
    posting::Entity::insert_many(rows).exec_without_returning(tx).await?;
    if settled.is_empty() {
        return Ok(());
    }
    let rows = settled.iter().map(|(invoice, customer, amount)| allocation::ActiveModel {
        entry_id: Set(entry.0),
        invoice_id: Set(invoice.0),
        customer_id: Set(customer.0),
        amount_minor: Set(amount.minor()),
        currency: Set(amount.currency().code().to_owned()),
        occurred_at: Set(draft.occurred_at()),
        ..Default::default()
    });
    allocation::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// An entry with its postings.
pub(in super::super) async fn find(db: &impl ConnectionTrait, id: EntryId) -> Result<Option<Entry>, DbErr> {
    let Some(head) = journal_entry::Entity::find_by_id(id.0).one(db).await? else { return Ok(None) };
    let postings = of_entries(db, id, id).await?.into_iter().map(|(_, posting)| posting).collect();
    let reversed_by = journal_entry::Entity::find().filter(journal_entry::Column::ReversesId.eq(id.0)).one(db).await?;
    Ok(Some(read(head, postings, reversed_by.map(|row| EntryId(row.id)))?))
}

/// The entry of a kind that a document has booked.
pub(in super::super) async fn of_source(
    db: &impl ConnectionTrait,
    source: &Source,
    kind: Kind,
) -> Result<Option<Entry>, DbErr> {
    match head_of(db, source, kind).await? {
        Some(head) => find(db, EntryId(head.id)).await,
        None => Ok(None),
    }
}

async fn head_of(
    db: &impl ConnectionTrait,
    source: &Source,
    kind: Kind,
) -> Result<Option<journal_entry::Model>, DbErr> {
    journal_entry::Entity::find()
        .filter(journal_entry::Column::SourceType.eq(source.r#type.as_str()))
        .filter(journal_entry::Column::SourceId.eq(source.id.as_str()))
        .filter(journal_entry::Column::Kind.eq(kind.as_str()))
        .one(db)
        .await
}

fn read(head: journal_entry::Model, postings: Vec<Posting>, reversed_by: Option<EntryId>) -> Result<Entry, DbErr> {
    Ok(Entry {
        id: EntryId(head.id),
        kind: Kind::parse(&head.kind).ok_or_else(|| damaged("an entry of no known kind"))?,
        source: Source { r#type: head.source_type, id: head.source_id },
        occurred_at: head.occurred_at,
        recorded_at: head.recorded_at,
        memo: head.memo,
        actor_id: head.actor_id.map(AdminId),
        actor: head.actor,
        site: head.site_id.map(SiteId),
        reverses: head.reverses_id.map(EntryId),
        reversed_by,
        postings,
    })
}

/// The postings of a range of entries, in their order.
pub(super) async fn of_entries(
    db: &impl ConnectionTrait,
    first: EntryId,
    last: EntryId,
) -> Result<Vec<(EntryId, Posting)>, DbErr> {
    let accounts = account::Entity::find().all(db).await?;
    let rows = posting::Entity::find()
        .filter(posting::Column::EntryId.between(first.0, last.0))
        .order_by_asc(posting::Column::EntryId)
        .order_by_asc(posting::Column::Id)
        .all(db)
        .await?;
    let places: std::collections::HashMap<i64, &account::Model> = accounts.iter().map(|row| (row.id, row)).collect();
    let read = |row: posting::Model| {
        let account = places.get(&row.account_id).ok_or_else(|| damaged("a posting of no account"))?;
        let code = Code::parse(&account.code).ok_or_else(|| damaged("an account of no known number"))?;
        let currency = Currency::parse(&row.currency).ok_or_else(|| damaged("a posting of no currency"))?;
        let posting = Posting {
            place: Place::stored(code, &account.sub),
            amount: Money::new(row.amount_minor, currency),
            customer: row.customer_id.map(CustomerId),
            invoice: row.invoice_id.map(InvoiceId),
            attempt: row.attempt_id.map(AttemptId),
        };
        Ok((EntryId(row.entry_id), posting))
    };
    rows.into_iter().map(read).collect()
}
