//! Writing an entry, and reading one.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Value,
    sea_query::SimpleExpr,
};

use super::{
    super::{
        Entry,
        chart::{Code, Place},
        draft::{Draft, Kind, Posting, Source},
    },
    ROWS, accounts, damaged, number, rows_of, sql,
};
use crate::{
    audit::Actor,
    db::entity::{account, allocation, journal_entry, posting},
    ids::{AccountId, AdminId, AttemptId, CustomerId, EntryId, InvoiceId, SiteId},
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

/// Writes the heads of entries, unless their sources have booked already; one answer each, in their order.
pub(in super::super) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    drafts: &[Draft],
) -> Result<Vec<Inserted>, DbErr> {
    let mut inserted = Vec::with_capacity(drafts.len());
    for chunk in drafts.chunks(ROWS) {
        let digests: Vec<String> = chunk.iter().map(Draft::digest).collect();
        // SeaORM cannot say RETURNING for SQLite. A second writer of the same source waits here until the first has
        // ended.
        let text = format!(
            "INSERT INTO journal_entry (occurred_at, recorded_at, kind, source_type, source_id, memo, actor_id, actor,
                 site_id, reverses_id, digest) VALUES {}
             ON CONFLICT (source_type, source_id, kind) DO NOTHING RETURNING id, source_type, source_id, kind",
            rows_of(11, chunk.len())
        );
        let values = chunk.iter().zip(&digests).flat_map(|(draft, digest)| head_values(now, actor, draft, digest));
        let mut new: HashMap<(String, String, String), EntryId> = HashMap::with_capacity(chunk.len());
        for row in tx.query_all_raw(sql(tx, &text, values)).await? {
            new.insert(
                (super::text(&row, 1)?, super::text(&row, 2)?, super::text(&row, 3)?),
                EntryId(number(&row, 0)?),
            );
        }
        for (draft, digest) in chunk.iter().zip(digests) {
            let Source { r#type, id } = draft.source();
            inserted.push(match new.remove(&(r#type.clone(), id.clone(), draft.kind().as_str().to_owned())) {
                Some(entry) => Inserted::New(entry),
                None => booked_before(tx, draft, &digest).await?,
            });
        }
    }
    Ok(inserted)
}

fn head_values(now: DateTime<Utc>, actor: &Actor, draft: &Draft, digest: &str) -> [Value; 11] {
    let source = draft.source();
    [
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
        digest.into(),
    ]
}

/// What a source that is taken has booked. Repeats are few: whoever books many looks first what is there.
async fn booked_before(tx: &impl ConnectionTrait, draft: &Draft, digest: &str) -> Result<Inserted, DbErr> {
    let first = head_of(tx, draft.source(), draft.kind()).await?;
    let first = first.ok_or_else(|| damaged("a source that is taken and not there"))?;
    let id = EntryId(first.id);
    Ok(if first.digest == digest { Inserted::Same(id) } else { Inserted::Other(id) })
}

/// A new entry, and what it settles of invoices.
#[derive(Debug)]
pub(in super::super) struct Booked<'a> {
    pub(in super::super) entry: EntryId,
    pub(in super::super) draft: &'a Draft,
    pub(in super::super) settled: Vec<(InvoiceId, CustomerId, Money)>,
}

/// Writes the postings of new entries, and what they settle of invoices.
pub(in super::super) async fn insert_postings(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    entries: &[Booked<'_>],
) -> Result<(), DbErr> {
    let mut places: BTreeMap<(&Place, String), Currency> = BTreeMap::new();
    for posting in entries.iter().flat_map(|entry| entry.draft.postings()) {
        let currency = posting.amount.currency();
        places.insert((&posting.place, currency.code().to_owned()), currency);
    }
    let wanted: Vec<_> = places.iter().map(|((place, _), currency)| (*place, *currency)).collect();
    let accounts = accounts::of_places(tx, now, &wanted).await?;
    let accounts: HashMap<(&Place, Currency), AccountId> = wanted.into_iter().zip(accounts).collect();
    let (mut postings, mut allocations) = (Vec::new(), Vec::new());
    for Booked { entry, draft, settled } in entries {
        for posting in draft.postings() {
            let account = accounts.get(&(&posting.place, posting.amount.currency()));
            let account = *account.ok_or_else(|| damaged("an account is missing after it was made"))?;
            postings.push(posting_row((*entry, account), draft, posting));
        }
        allocations.extend(settled.iter().map(|part| allocation_row(*entry, draft, part)));
    }
    let mut postings = postings.into_iter().peekable();
    while postings.peek().is_some() {
        posting::Entity::insert_many(postings.by_ref().take(ROWS)).exec_without_returning(tx).await?;
    }
    let mut allocations = allocations.into_iter().peekable();
    while allocations.peek().is_some() {
        allocation::Entity::insert_many(allocations.by_ref().take(ROWS)).exec_without_returning(tx).await?;
    }
    Ok(())
}

fn posting_row((entry, account): (EntryId, AccountId), draft: &Draft, posting: &Posting) -> posting::ActiveModel {
    posting::ActiveModel {
        entry_id: Set(entry.0),
        account_id: Set(account.0),
        amount_minor: Set(posting.amount.minor()),
        currency: Set(posting.amount.currency().code().to_owned()),
        customer_id: Set(posting.customer.map(|customer| customer.0)),
        invoice_id: Set(posting.invoice.map(|invoice| invoice.0)),
        attempt_id: Set(posting.attempt.map(|attempt| attempt.0)),
        occurred_at: Set(draft.occurred_at()),
        ..Default::default()
    }
}

fn allocation_row(
    entry: EntryId,
    draft: &Draft,
    (invoice, customer, amount): &(InvoiceId, CustomerId, Money),
) -> allocation::ActiveModel {
    allocation::ActiveModel {
        entry_id: Set(entry.0),
        invoice_id: Set(invoice.0),
        customer_id: Set(customer.0),
        amount_minor: Set(amount.minor()),
        currency: Set(amount.currency().code().to_owned()),
        occurred_at: Set(draft.occurred_at()),
        ..Default::default()
    }
}

/// An entry with its postings.
pub(in super::super) async fn find(db: &impl ConnectionTrait, id: EntryId) -> Result<Option<Entry>, DbErr> {
    let Some(head) = journal_entry::Entity::find_by_id(id.0).one(db).await? else { return Ok(None) };
    let postings = of_entries(db, id, id).await?.into_iter().map(|(_, posting)| posting).collect();
    let reversed_by = journal_entry::Entity::find().filter(journal_entry::Column::ReversesId.eq(id.0)).one(db).await?;
    Ok(Some(read(head, postings, reversed_by.map(|row| EntryId(row.id)))?))
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

pub(super) fn read(
    head: journal_entry::Model,
    postings: Vec<Posting>,
    reversed_by: Option<EntryId>,
) -> Result<Entry, DbErr> {
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

/// The id of the last entry, 0 before the first.
pub(in super::super) async fn last_entry(db: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let last = journal_entry::Entity::find().select_only().column_as(journal_entry::Column::Id.max(), "last");
    Ok(last.into_tuple::<Option<i64>>().one(db).await?.flatten().unwrap_or(0))
}

/// The postings of a range of entries, in their order.
pub(super) async fn of_entries(
    db: &impl ConnectionTrait,
    first: EntryId,
    last: EntryId,
) -> Result<Vec<(EntryId, Posting)>, DbErr> {
    postings_of(db, posting::Column::EntryId.between(first.0, last.0)).await
}

/// The postings that a condition names, in the order of entries.
pub(super) async fn postings_of(
    db: &impl ConnectionTrait,
    condition: SimpleExpr,
) -> Result<Vec<(EntryId, Posting)>, DbErr> {
    let accounts = account::Entity::find().all(db).await?;
    let rows = posting::Entity::find()
        .filter(condition)
        .order_by_asc(posting::Column::EntryId)
        .order_by_asc(posting::Column::Id)
        .all(db)
        .await?;
    let places: HashMap<i64, &account::Model> = accounts.iter().map(|row| (row.id, row)).collect();
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
