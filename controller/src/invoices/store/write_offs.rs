//! Write-offs: rows are never deleted; one that is taken back stays with its reason.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{super::WriteOff, money};
use crate::{
    audit::Actor,
    db::entity::write_off::{ActiveModel, Column, Entity, Model},
    ids::{CustomerId, EntryId, InvoiceId, SiteId, WriteOffId},
    money::Money,
};

/// Write-offs of debts without an invoice that a page shows: there are few.
const MOST: u64 = 50;

/// A write-off to be written.
#[derive(Debug)]
pub(in super::super) struct NewWriteOff<'a> {
    pub(in super::super) customer: CustomerId,
    pub(in super::super) site: SiteId,
    /// None: what the customer was taken over with.
    pub(in super::super) invoice: Option<InvoiceId>,
    pub(in super::super) amount: Money,
    pub(in super::super) reason: &'a str,
    pub(in super::super) entry: EntryId,
}

pub(in super::super) async fn insert_write_off(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    new: &NewWriteOff<'_>,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        customer_id: Set(new.customer.0),
        site_id: Set(new.site.0),
        invoice_id: Set(new.invoice.map(|invoice| invoice.0)),
        currency: Set(new.amount.currency().code().to_owned()),
        amount: Set(new.amount.minor()),
        reason: Set(new.reason.to_owned()),
        entry_id: Set(new.entry.0),
        created_by: Set(actor.admin.map(|admin| admin.0)),
        created_name: Set(actor.name.clone()),
        created_at: Set(now),
        reversed_at: Set(None),
        reverse_reason: Set(String::new()),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The write-offs of an invoice, also those taken back, the first first.
pub(in super::super) async fn write_offs(
    db: &impl ConnectionTrait,
    invoice: InvoiceId,
) -> Result<Vec<WriteOff>, DbErr> {
    let query = Entity::find().filter(Column::InvoiceId.eq(invoice.0)).order_by_asc(Column::Id);
    query.all(db).await?.into_iter().map(read).collect()
}

/// The latest of what a customer was taken over with, also those taken back, the latest first.
pub(in super::super) async fn loose_write_offs(
    db: &impl ConnectionTrait,
    customer: CustomerId,
) -> Result<Vec<WriteOff>, DbErr> {
    let query = Entity::find()
        .filter(Column::CustomerId.eq(customer.0))
        .filter(Column::InvoiceId.is_null())
        .order_by_desc(Column::Id)
        .limit(MOST);
    query.all(db).await?.into_iter().map(read).collect()
}

/// They are taken back.
pub(in super::super) async fn set_reversed(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    ids: &[WriteOffId],
    reason: &str,
) -> Result<(), DbErr> {
    let row = ActiveModel { reversed_at: Set(Some(now)), reverse_reason: Set(reason.to_owned()), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.is_in(ids.iter().map(|id| id.0))).exec(tx).await?;
    Ok(())
}

fn read(row: Model) -> Result<WriteOff, DbErr> {
    Ok(WriteOff {
        id: WriteOffId(row.id),
        customer_id: CustomerId(row.customer_id),
        invoice_id: row.invoice_id.map(InvoiceId),
        amount: money(row.amount, &row.currency)?,
        reason: row.reason,
        entry_id: EntryId(row.entry_id),
        who: row.created_name,
        created_at: row.created_at,
        reversed_at: row.reversed_at,
        reverse_reason: row.reverse_reason,
    })
}
