//! Credit notes.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use super::{
    super::{CreditNote, rules::Credited},
    Kept, money,
};
use crate::{
    audit::Actor,
    db::entity::credit_note::{ActiveModel, Column, Entity, Model},
    ids::{CreditNoteId, CustomerId, EntryId, InvoiceId},
};

/// A credit note to be written.
#[derive(Debug)]
pub(in super::super) struct NewNote<'a> {
    pub(in super::super) number: &'a str,
    pub(in super::super) form_id: &'a str,
    pub(in super::super) reason: &'a str,
    pub(in super::super) credited: &'a Credited,
    pub(in super::super) row: &'a Kept,
    pub(in super::super) entry: EntryId,
}

pub(in super::super) async fn insert_note(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    new: &NewNote<'_>,
) -> Result<CreditNote, DbErr> {
    let Credited { net, tax, amount, off: _, to_credit } = new.credited;
    let row = ActiveModel {
        number: Set(new.number.to_owned()),
        form_id: Set(new.form_id.to_owned()),
        invoice_id: Set(new.row.id.0),
        customer_id: Set(new.row.customer.0),
        currency: Set(amount.currency().code().to_owned()),
        net: Set(net.minor()),
        tax: Set(tax.minor()),
        amount: Set(amount.minor()),
        to_credit: Set(to_credit.minor()),
        reason: Set(new.reason.to_owned()),
        entry_id: Set(new.entry.0),
        created_by: Set(actor.admin.map(|admin| admin.0)),
        created_at: Set(now),
        ..Default::default()
    };
    let id = Entity::insert(row).exec(tx).await?.last_insert_id;
    Ok(CreditNote {
        id: CreditNoteId(id),
        number: new.number.to_owned(),
        invoice_id: new.row.id,
        customer_id: new.row.customer,
        net: *net,
        tax: *tax,
        amount: *amount,
        to_credit: *to_credit,
        reason: new.reason.to_owned(),
        entry_id: new.entry,
        created_at: now,
    })
}

/// The note that a form made.
pub(in super::super) async fn note_of_form(
    db: &impl ConnectionTrait,
    form_id: &str,
) -> Result<Option<CreditNote>, DbErr> {
    Entity::find().filter(Column::FormId.eq(form_id)).one(db).await?.map(read).transpose()
}

/// The credit notes of an invoice, the first first.
pub(in super::super) async fn notes(db: &impl ConnectionTrait, invoice: InvoiceId) -> Result<Vec<CreditNote>, DbErr> {
    let query = Entity::find().filter(Column::InvoiceId.eq(invoice.0)).order_by_asc(Column::Id);
    query.all(db).await?.into_iter().map(read).collect()
}

fn read(row: Model) -> Result<CreditNote, DbErr> {
    let of = |minor: i64| money(minor, &row.currency);
    Ok(CreditNote {
        id: CreditNoteId(row.id),
        invoice_id: InvoiceId(row.invoice_id),
        customer_id: CustomerId(row.customer_id),
        net: of(row.net)?,
        tax: of(row.tax)?,
        amount: of(row.amount)?,
        to_credit: of(row.to_credit)?,
        entry_id: EntryId(row.entry_id),
        created_at: row.created_at,
        number: row.number,
        reason: row.reason,
    })
}
