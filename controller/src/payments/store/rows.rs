//! Writing payments.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, sea_query::Expr,
};

use super::{
    super::{Kind, Method, PaymentError, take::Taken},
    damaged,
};
use crate::{
    audit::Actor,
    db::entity::payment::{ActiveModel, Column, Entity},
    ids::{CustomerId, EntryId, PaymentId, SiteId},
    money::{Currency, Money},
};

/// As stored.
const BOOKED: &str = "booked";
const REVERSED: &str = "reversed";

/// A payment to be written.
#[derive(Debug)]
pub(in super::super) struct New<'a> {
    pub(in super::super) number: &'a str,
    pub(in super::super) form_id: &'a str,
    pub(in super::super) kind: Kind,
    pub(in super::super) method: Method,
    pub(in super::super) amount: Money,
    pub(in super::super) given: Money,
    pub(in super::super) change: Money,
    pub(in super::super) to_credit: Money,
    pub(in super::super) is_promised: bool,
    pub(in super::super) entry: EntryId,
    pub(in super::super) note: &'a str,
}

/// What a form did before.
#[derive(Debug)]
pub(in super::super) struct Known {
    id: PaymentId,
    kind: Kind,
    customer: CustomerId,
    pub(in super::super) given: Money,
}

impl Known {
    /// The same wish again; another wish under the same form is told so.
    pub(in super::super) fn repeated(
        &self,
        kind: Kind,
        customer: CustomerId,
        given: Money,
    ) -> Result<Taken, PaymentError> {
        if (self.kind, self.customer, self.given) == (kind, customer, given) {
            return Ok(Taken { id: self.id, again: true });
        }
        Err(PaymentError::field("", "form_used"))
    }

    /// The same for a wish that leaves the amount to hiji.
    pub(in super::super) fn repeated_for(&self, customer: CustomerId) -> Result<Taken, PaymentError> {
        self.repeated(self.kind, customer, self.given)
    }
}

pub(in super::super) async fn of_form(db: &impl ConnectionTrait, form_id: &str) -> Result<Option<Known>, DbErr> {
    let Some(row) = Entity::find().filter(Column::FormId.eq(form_id)).one(db).await? else { return Ok(None) };
    let currency = Currency::parse(&row.currency).ok_or_else(|| damaged("no currency"))?;
    Ok(Some(Known {
        id: PaymentId(row.id),
        kind: Kind::parse(&row.kind).ok_or_else(|| damaged("no known kind"))?,
        customer: CustomerId(row.customer_id),
        given: Money::new(row.given, currency),
    }))
}

pub(in super::super) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    (customer, site): (CustomerId, SiteId),
    actor: &Actor,
    new: &New<'_>,
) -> Result<PaymentId, DbErr> {
    let row = ActiveModel {
        number: Set(new.number.to_owned()),
        form_id: Set(new.form_id.to_owned()),
        customer_id: Set(customer.0),
        site_id: Set(site.0),
        kind: Set(new.kind.as_str().to_owned()),
        method: Set(new.method.as_str().to_owned()),
        currency: Set(new.amount.currency().code().to_owned()),
        amount: Set(new.amount.minor()),
        given: Set(new.given.minor()),
        change: Set(new.change.minor()),
        to_credit: Set(new.to_credit.minor()),
        is_promised: Set(new.is_promised),
        entry_id: Set(new.entry.0),
        received_at: Set(now),
        note: Set(new.note.to_owned()),
        state: Set(BOOKED.to_owned()),
        reversed_at: Set(None),
        reverse_reason: Set(String::new()),
        printed: Set(0),
        taken_by: Set(actor.admin.map(|admin| admin.0)),
        taken_name: Set(actor.name.clone()),
        created_at: Set(now),
        ..Default::default()
    };
    Ok(PaymentId(Entity::insert(row).exec(tx).await?.last_insert_id))
}

/// Marks a payment as taken back; false when it is already. A second one waits here until the first has ended.
pub(in super::super) async fn set_reversed(
    tx: &impl ConnectionTrait,
    id: PaymentId,
    now: DateTime<Utc>,
    reason: &str,
) -> Result<bool, DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(REVERSED))
        .col_expr(Column::ReversedAt, Expr::value(now))
        .col_expr(Column::ReverseReason, Expr::value(reason))
        .filter(Column::Id.eq(id.0))
        .filter(Column::State.eq(BOOKED))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

pub(in super::super) async fn count_print(tx: &impl ConnectionTrait, id: PaymentId) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Printed, Expr::col(Column::Printed).add(1))
        .filter(Column::Id.eq(id.0))
        .exec(tx)
        .await?;
    Ok(())
}
