//! The proof: what is kept beside the postings is what they say, and no entry was changed behind our back.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Value,
};

use super::{
    super::{
        draft::{Kind, Posting, allocations_of, digest},
        proof::{Difference, Proof},
    },
    damaged, entries, number, sql, text,
};
use crate::{
    db::{
        self,
        entity::{account_balance, allocation, journal_entry, ledger_proof},
    },
    ids::{EntryId, SiteId},
};

/// Entries looked at in one go.
const CHUNK: u64 = 1_000;
/// Outcomes are kept so long.
const KEEP_DAYS: i64 = 90;
/// Differences named of one check; more is a matter for a person anyway.
const MOST: u64 = 100;

/// Up to which entry the accounts are summed up.
pub(in super::super) async fn checkpoint(db: &impl ConnectionTrait) -> Result<EntryId, DbErr> {
    const LAST: &str = "SELECT COALESCE(MAX(through_entry), 0) FROM account_balance";
    let row = db.query_one_raw(sql(db, LAST, [])).await?;
    row.map_or(Ok(EntryId(0)), |row| Ok(EntryId(number(&row, 0)?)))
}

/// The last entry recorded before an instant.
pub(in super::super) async fn checkpoint_at(
    db: &impl ConnectionTrait,
    before: DateTime<Utc>,
) -> Result<EntryId, DbErr> {
    let last = journal_entry::Entity::find()
        .filter(journal_entry::Column::RecordedAt.lte(before))
        .order_by_desc(journal_entry::Column::Id)
        .one(db)
        .await?;
    Ok(EntryId(last.map_or(0, |row| row.id)))
}

/// Looks at the entries after `from`, and at the balances: all of them from 0 on, else those that these entries touch.
pub(in super::super) async fn look(db: &impl ConnectionTrait, from: EntryId) -> Result<(u64, Vec<Difference>), DbErr> {
    let mut differences = unbalanced(db, from).await?;
    let (entries, changed) = walk(db, from).await?;
    differences.extend(changed);
    differences.extend(customers(db, from).await?);
    if from.0 == 0 {
        differences.extend(accounts(db).await?);
        differences.extend(over_settled(db).await?);
    }
    Ok((entries, differences))
}

async fn unbalanced(db: &impl ConnectionTrait, from: EntryId) -> Result<Vec<Difference>, DbErr> {
    let unbalanced = format!(
        "SELECT entry_id, CAST(SUM(amount_minor) AS BIGINT) FROM posting WHERE entry_id > $1
         GROUP BY entry_id, currency HAVING SUM(amount_minor) <> 0 LIMIT {MOST}"
    );
    let rows = db.query_all_raw(sql(db, &unbalanced, [from.0.into()])).await?;
    let difference = |row: &sea_orm::QueryResult| {
        Ok(Difference::new("entry_unbalanced", format!("entry/{}", number(row, 0)?), 0, number(row, 1)?))
    };
    rows.iter().map(difference).collect()
}

/// Every entry after `from`: its hash, its postings, its allocations.
async fn walk(db: &impl ConnectionTrait, from: EntryId) -> Result<(u64, Vec<Difference>), DbErr> {
    let (mut after, mut count, mut differences) = (from.0, 0, Vec::new());
    loop {
        let heads = journal_entry::Entity::find()
            .filter(journal_entry::Column::Id.gt(after))
            .order_by_asc(journal_entry::Column::Id)
            .limit(CHUNK)
            .all(db)
            .await?;
        let (Some(first), Some(last)) = (heads.first(), heads.last()) else { return Ok((count, differences)) };
        let (first, last) = (first.id, last.id);
        let mut postings: BTreeMap<i64, Vec<Posting>> = BTreeMap::new();
        for (entry, posting) in entries::of_entries(db, EntryId(first), EntryId(last)).await? {
            postings.entry(entry.0).or_default().push(posting);
        }
        let kept = allocations(db, first, last).await?;
        let reversed = reversed_kinds(db, &heads).await?;
        for head in &heads {
            let postings = postings.remove(&head.id).unwrap_or_default();
            let kind = head.reverses_id.map_or(head.kind.as_str(), |id| reversed.get(&id).map_or("", String::as_str));
            let kind = Kind::parse(kind).ok_or_else(|| damaged("an entry of no known kind"))?;
            differences.extend(of_entry(head, kind, &postings, kept.get(&head.id)));
            count += 1;
        }
        after = last;
        differences.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
    }
}

fn of_entry(
    head: &journal_entry::Model,
    kind: Kind,
    postings: &[Posting],
    kept: Option<&BTreeMap<i64, i64>>,
) -> Vec<Difference> {
    let entry = format!("entry/{}", head.id);
    if postings.is_empty() {
        return vec![Difference::new("entry_empty", entry, 0, 0)];
    }
    let mut found = Vec::new();
    if digest(head.site_id.map(SiteId), head.reverses_id.map(EntryId), postings) != head.digest {
        found.push(Difference::new("entry_changed", entry.clone(), 0, 0));
    }
    // On overflow nothing can be said; the digest has spoken then.
    let due = allocations_of(kind, postings).unwrap_or_default();
    let due: BTreeMap<i64, i64> = due.into_iter().map(|(invoice, _, amount)| (invoice.0, amount.minor())).collect();
    let empty = BTreeMap::new();
    let kept = kept.unwrap_or(&empty);
    if &due != kept {
        found.push(Difference::new("allocation", entry, due.values().sum(), kept.values().sum()));
    }
    found
}

type Allocations = BTreeMap<i64, BTreeMap<i64, i64>>;

async fn allocations(db: &impl ConnectionTrait, first: i64, last: i64) -> Result<Allocations, DbErr> {
    let rows = allocation::Entity::find().filter(allocation::Column::EntryId.between(first, last)).all(db).await?;
    let mut found = Allocations::new();
    for row in rows {
        *found.entry(row.entry_id).or_default().entry(row.invoice_id).or_default() += row.amount_minor;
    }
    Ok(found)
}

async fn reversed_kinds(
    db: &impl ConnectionTrait,
    heads: &[journal_entry::Model],
) -> Result<BTreeMap<i64, String>, DbErr> {
    let wanted: Vec<i64> = heads.iter().filter_map(|head| head.reverses_id).collect();
    let rows: Vec<(i64, String)> = journal_entry::Entity::find()
        .select_only()
        .column(journal_entry::Column::Id)
        .column(journal_entry::Column::Kind)
        .filter(journal_entry::Column::Id.is_in(wanted))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Balances of customers beside their postings, in one statement: both of one moment.
async fn customers(db: &impl ConnectionTrait, from: EntryId) -> Result<Vec<Difference>, DbErr> {
    let (touched, values): (&str, Vec<Value>) = if from.0 == 0 {
        ("customer_id IS NOT NULL", Vec::new())
    } else {
        ("customer_id IN (SELECT DISTINCT customer_id FROM posting WHERE entry_id > $1)", vec![from.0.into()])
    };
    let differing = format!(
        "SELECT customer_id, currency,
                CAST(SUM(said_owed) AS BIGINT), CAST(SUM(is_owed) AS BIGINT),
                CAST(SUM(said_credit) AS BIGINT), CAST(SUM(is_credit) AS BIGINT)
         FROM (SELECT customer_id, currency, receivable AS said_owed, 0 AS is_owed, credit AS said_credit, 0 AS is_credit
               FROM customer_balance WHERE {touched}
               UNION ALL
               SELECT p.customer_id, p.currency,
                      0, CASE WHEN a.code = '1200' THEN p.amount_minor ELSE 0 END,
                      0, CASE WHEN a.code = '2100' THEN -p.amount_minor ELSE 0 END
               FROM posting p JOIN account a ON a.id = p.account_id WHERE {touched}) both_sides
         GROUP BY customer_id, currency
         HAVING SUM(said_owed) <> SUM(is_owed) OR SUM(said_credit) <> SUM(is_credit) LIMIT {MOST}"
    );
    let mut found = Vec::new();
    for row in db.query_all_raw(sql(db, &differing, values)).await? {
        let customer = format!("customer/{} {}", number(&row, 0)?, text(&row, 1)?);
        let of = |name, at| {
            Ok::<_, DbErr>(Difference::new(name, customer.clone(), number(&row, at + 1)?, number(&row, at)?))
        };
        found.extend([of("customer_receivable", 2)?, of("customer_credit", 4)?]);
    }
    found.retain(|difference| difference.expected != difference.found);
    Ok(found)
}

/// Sums of accounts up to the checkpoint beside their postings.
async fn accounts(db: &impl ConnectionTrait) -> Result<Vec<Difference>, DbErr> {
    const DIFFERING: &str = "SELECT a.code, a.currency, a.sub, b.debit - b.credit, COALESCE(s.total, 0)
        FROM account_balance b
        JOIN account a ON a.id = b.account_id
        LEFT JOIN (SELECT p.account_id, CAST(SUM(p.amount_minor) AS BIGINT) AS total FROM posting p
                   WHERE p.entry_id <= (SELECT COALESCE(MAX(through_entry), 0) FROM account_balance)
                   GROUP BY p.account_id) s ON s.account_id = b.account_id
        WHERE b.debit - b.credit <> COALESCE(s.total, 0)";
    let mut found = Vec::new();
    for row in db.query_all_raw(sql(db, DIFFERING, [])).await? {
        let account = format!("account/{} {} {}", text(&row, 0)?, text(&row, 1)?, text(&row, 2)?);
        let account = account.trim_end().to_owned();
        found.push(Difference::new("account_balance", account, number(&row, 4)?, number(&row, 3)?));
    }
    Ok(found)
}

/// Invoices of which more was settled than they are.
async fn over_settled(db: &impl ConnectionTrait) -> Result<Vec<Difference>, DbErr> {
    let over = format!(
        "SELECT invoice_id, CAST(SUM(amount_minor) AS BIGINT) FROM posting WHERE invoice_id IS NOT NULL
         GROUP BY invoice_id HAVING SUM(amount_minor) < 0 LIMIT {MOST}"
    );
    let rows = db.query_all_raw(sql(db, &over, [])).await?;
    let difference = |row: &sea_orm::QueryResult| {
        Ok(Difference::new("invoice_over_settled", format!("invoice/{}", number(row, 0)?), 0, number(row, 1)?))
    };
    rows.iter().map(difference).collect()
}

/// Keeps a proof and moves the checkpoint: sums anew after a whole one, else what came since is added.
pub(in super::super) async fn keep(tx: &impl ConnectionTrait, proof: &Proof) -> Result<(), DbErr> {
    const ADD: &str = "INSERT INTO account_balance (account_id, through_entry, debit, credit)
        SELECT account_id, $1,
               CAST(SUM(CASE WHEN amount_minor > 0 THEN amount_minor ELSE 0 END) AS BIGINT),
               CAST(SUM(CASE WHEN amount_minor < 0 THEN -amount_minor ELSE 0 END) AS BIGINT)
        FROM posting WHERE entry_id > $2 AND entry_id <= $1 GROUP BY account_id
        ON CONFLICT (account_id) DO UPDATE SET
            debit = account_balance.debit + excluded.debit, credit = account_balance.credit + excluded.credit";
    db::one_at_a_time(tx, db::Guard::LedgerCheckpoint).await?;
    let from = if proof.whole { EntryId(0) } else { checkpoint(tx).await? };
    let through = proof.through_entry.0;
    if proof.whole {
        account_balance::Entity::delete_many().exec(tx).await?;
    }
    if through > from.0 {
        tx.execute_raw(sql(tx, ADD, [through.into(), from.0.into()])).await?;
        const MOVE: &str = "UPDATE account_balance SET through_entry = $1";
        tx.execute_raw(sql(tx, MOVE, [through.into()])).await?;
    }
    ledger_proof::Entity::delete_many()
        .filter(ledger_proof::Column::At.lt(proof.at - Duration::days(KEEP_DAYS)))
        .exec(tx)
        .await?;
    let row = ledger_proof::ActiveModel {
        at: Set(proof.at),
        whole: Set(proof.whole),
        through_entry: Set(through),
        entries: Set(i64::try_from(proof.entries).unwrap_or(i64::MAX)),
        differences: Set(serde_json::to_value(&proof.differences).map_err(|error| DbErr::Custom(error.to_string()))?),
        ..Default::default()
    };
    ledger_proof::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The last whole proof.
pub(in super::super) async fn last_proof(db: &impl ConnectionTrait) -> Result<Option<Proof>, DbErr> {
    let row = ledger_proof::Entity::find()
        .filter(ledger_proof::Column::Whole.eq(true))
        .order_by_desc(ledger_proof::Column::Id)
        .one(db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Proof {
        at: row.at,
        whole: row.whole,
        through_entry: EntryId(row.through_entry),
        entries: row.entries.unsigned_abs(),
        differences: serde_json::from_value(row.differences).map_err(|_unreadable| damaged("a proof"))?,
    }))
}
