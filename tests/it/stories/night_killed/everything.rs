//! Everything that a night makes, line by line, without what is random, of the moment, or an id that another night may
//! have given to something else.

use std::collections::BTreeMap;

use hiji_controller::db::{
    Db,
    entity::{
        account, business_event, customer_balance, customer_event, invoice, invoice_line, isolation_plan,
        isolation_plan_item, message, nightly_item, nightly_run, number_series, payment, posting, subscription,
        subscription_event,
    },
};
use sea_orm::EntityTrait as _;

/// Lines in an order of their own.
pub(super) async fn lines(db: &Db) -> anyhow::Result<Vec<String>> {
    let db = db.read();
    let mut lines = Vec::new();
    let mut invoices = BTreeMap::new();
    for row in invoice::Entity::find().all(db).await? {
        let invoice::Model { proposal, number, customer_id, state, total, settled, due_on, issued_on, .. } = row;
        lines.push(format!(
            "invoice {proposal} {number:?} {customer_id} {state} {total} {settled} {due_on} {issued_on:?}"
        ));
        invoices.insert(row.id, proposal);
    }
    let of = |id: Option<i64>| id.and_then(|id| invoices.get(&id)).cloned().unwrap_or_default();
    for row in invoice_line::Entity::find().all(db).await? {
        lines.push(format!("line {} {} {} {}", of(Some(row.invoice_id)), row.kind, row.text, row.amount));
    }
    for row in subscription::Entity::find().all(db).await? {
        let subscription::Model { number, state, billed_until, covered_until, lapses_at, acts_at, wanted, .. } = row;
        lines.push(format!("{number} {state} {billed_until:?} {covered_until:?} {lapses_at:?} {acts_at:?} {wanted}"));
    }
    // Of an invoice that the night itself pays a message is written and dropped, or not written: as its job comes.
    for row in message::Entity::find().all(db).await?.into_iter().filter(|row| row.state != "dropped") {
        lines.push(format!("message {} {} {} {}", of(row.invoice_id), row.template, row.state, row.body));
    }
    for row in payment::Entity::find().all(db).await? {
        lines.push(format!("payment {} {} {} {} {}", row.number, row.customer_id, row.kind, row.amount, row.state));
    }
    for row in customer_balance::Entity::find().all(db).await? {
        lines.push(format!("balance {} {} {}", row.customer_id, row.receivable, row.credit));
    }
    for row in number_series::Entity::find().all(db).await? {
        lines.push(format!("series {} {} {}", row.series, row.period, row.last));
    }
    for row in isolation_plan::Entity::find().all(db).await? {
        lines.push(format!("plan {} {} {} {}", row.day, row.state, row.held_for, row.total));
    }
    for row in isolation_plan_item::Entity::find().all(db).await? {
        lines.push(format!("item {} {} {} {} {}", row.subscription_id, row.wave, row.owed, row.state, row.reason));
    }
    for row in nightly_item::Entity::find().all(db).await? {
        lines.push(format!("did {} {} {:?} {}", row.did, row.customer_id, row.subscription_id, of(row.invoice_id)));
    }
    for row in nightly_run::Entity::find().all(db).await? {
        lines.push(format!("run {} {} {} {}", row.day, row.state, row.counts, row.problems));
    }
    lines.extend(sums(db).await?);
    lines.sort();
    Ok(lines)
}

/// Of the ledger by account, and how many of each kind of moment and event.
async fn sums(db: &impl sea_orm::ConnectionTrait) -> anyhow::Result<Vec<String>> {
    let accounts: BTreeMap<i64, String> = account::Entity::find()
        .all(db)
        .await?
        .into_iter()
        .map(|row| (row.id, format!("{} {}", row.code, row.sub)))
        .collect();
    let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for row in posting::Entity::find().all(db).await? {
        let (count, sum) = sums.entry(&accounts[&row.account_id]).or_default();
        (*count, *sum) = (*count + 1, *sum + row.amount_minor);
    }
    let mut lines: Vec<String> = sums.into_iter().map(|(code, sum)| format!("account {code} {sum:?}")).collect();
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    let moments = customer_event::Entity::find().all(db).await?;
    for row in moments.into_iter().filter(|row| row.what != "message-draft") {
        *counts.entry(format!("of customers {}", row.what)).or_default() += 1;
    }
    for row in subscription_event::Entity::find().all(db).await? {
        *counts.entry(format!("of services {}", row.what)).or_default() += 1;
    }
    for row in business_event::Entity::find().all(db).await? {
        // How often the router went and came, and in how many reports it told of a service, is not of the night.
        if row.class != "router" && (&*row.class, &*row.name) != ("subscription", "changed") {
            *counts.entry(format!("events {} {}", row.class, row.name)).or_default() += 1;
        }
    }
    lines.extend(counts.into_iter().map(|(what, count)| format!("{what}: {count}")));
    Ok(lines)
}
