//! Booking: one entry or thousands, in the same few statements and with the same checks.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;

use super::{
    LedgerError, Posted,
    chart::Code,
    draft::{Draft, Effect, RuleError},
    store::{self, Booked, Inserted},
};
use crate::{
    audit::Actor,
    ids::{CustomerId, EntryId, InvoiceId},
    money::Currency,
};

/// Books an entry in the caller's transaction, with the balances it changes. The same source with the same content
/// answers the first entry and changes nothing.
///
/// # Errors
/// [`LedgerError::OtherContent`], [`LedgerError::NoCredit`], [`LedgerError::OverSettled`]; the transaction must then be
/// given up.
pub async fn post(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    draft: &Draft,
) -> Result<Posted, LedgerError> {
    let mut posted = post_many(tx, now, actor, std::slice::from_ref(draft)).await?;
    // One draft, one answer.
    posted.pop().ok_or(LedgerError::Rule(RuleError::Empty))
}

/// Books many entries, as [`post`] does one; the answers in their order. Balances are checked when all are booked.
///
/// # Errors
/// As [`post`]; the transaction must then be given up.
pub async fn post_many(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    drafts: &[Draft],
) -> Result<Vec<Posted>, LedgerError> {
    let mut effects: BTreeMap<(CustomerId, String), (Currency, Effect)> = BTreeMap::new();
    let (mut posted, mut new) = (Vec::with_capacity(drafts.len()), Vec::new());
    for (draft, inserted) in drafts.iter().zip(store::insert(tx, now, actor, drafts).await?) {
        let (entry, repeated) = match inserted {
            Inserted::New(entry) => (entry, false),
            Inserted::Same(entry) => (entry, true),
            Inserted::Other(entry) => return Err(LedgerError::OtherContent(entry)),
        };
        posted.push(Posted { entry, repeated });
        if !repeated {
            add_effects(&mut effects, draft)?;
            new.push(booked(entry, draft)?);
        }
    }
    shift(tx, effects).await?;
    store::insert_postings(tx, now, &new).await?;
    within_what_is_owed(tx, &new).await?;
    Ok(posted)
}

fn booked(entry: EntryId, draft: &Draft) -> Result<Booked<'_>, RuleError> {
    Ok(Booked { entry, draft, settled: draft.allocations()? })
}

fn add_effects(
    effects: &mut BTreeMap<(CustomerId, String), (Currency, Effect)>,
    draft: &Draft,
) -> Result<(), RuleError> {
    for (customer, currency, effect) in draft.effects()? {
        let key = (customer, currency.code().to_owned());
        let (_, sum) = effects.entry(key).or_insert((currency, Effect::default()));
        sum.receivable = sum.receivable.checked_add(effect.receivable).ok_or(RuleError::Amount)?;
        sum.credit = sum.credit.checked_add(effect.credit).ok_or(RuleError::Amount)?;
    }
    Ok(())
}

/// Changes the balances, in the order of customers.
async fn shift(
    tx: &impl ConnectionTrait,
    effects: BTreeMap<(CustomerId, String), (Currency, Effect)>,
) -> Result<(), LedgerError> {
    let effects: Vec<_> =
        effects.into_iter().map(|((customer, _), (currency, effect))| (customer, currency, effect)).collect();
    for (customer, balance) in store::shift_many(tx, &effects).await? {
        if balance.credit.minor() < 0 {
            return Err(LedgerError::NoCredit(customer));
        }
        if balance.receivable.minor() < 0 {
            return Err(LedgerError::OverSettled(customer));
        }
    }
    Ok(())
}

/// Nothing is settled beyond what is owed of it. The customers' balances are locked: nobody settles at the same time.
async fn within_what_is_owed(tx: &impl ConnectionTrait, new: &[Booked<'_>]) -> Result<(), LedgerError> {
    let mut invoices: BTreeMap<InvoiceId, CustomerId> = BTreeMap::new();
    let mut loose: BTreeMap<(CustomerId, String), Currency> = BTreeMap::new();
    for posting in new.iter().flat_map(|booked| booked.draft.postings()).filter(|posting| posting.amount.minor() < 0) {
        let (Some(customer), currency) = (posting.customer, posting.amount.currency()) else { continue };
        match posting.invoice {
            Some(invoice) => {
                invoices.insert(invoice, customer);
            }
            None if posting.place.code() == Code::Receivable => {
                loose.insert((customer, currency.code().to_owned()), currency);
            }
            None => {}
        }
    }
    let ids: Vec<InvoiceId> = invoices.keys().copied().collect();
    for (invoice, owed) in store::owed_of_invoices(tx, &ids).await? {
        if let Some(customer) = invoices.get(&invoice).filter(|_| owed < 0) {
            return Err(LedgerError::OverSettled(*customer));
        }
    }
    for ((customer, _), currency) in loose {
        if store::owed_loose(tx, customer, currency).await? < 0 {
            return Err(LedgerError::OverSettled(customer));
        }
    }
    Ok(())
}
