//! Invoices of subscriptions.

use chrono::NaiveDate;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::{
    super::{
        rules::{Kind, State},
        service::{OfService, Unpaid},
    },
    IN, damaged,
};
use crate::{
    db::entity::invoice::{Column, Entity},
    ids::{InvoiceId, SubscriptionId},
};

pub(in super::super) async fn unpaid_of(
    db: &impl ConnectionTrait,
    subscriptions: &[SubscriptionId],
) -> Result<Vec<Unpaid>, DbErr> {
    let states = [State::Draft, State::Open, State::PartiallyPaid, State::Uncollectible].map(State::as_str);
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_of_service()).map(Kind::as_str).collect::<Vec<_>>();
    let mut found = Vec::new();
    for chunk in subscriptions.chunks(IN) {
        let query = Entity::find()
            .select_only()
            .columns([Column::SubscriptionId, Column::Kind, Column::State, Column::PeriodFrom, Column::DueOn])
            .filter(Column::SubscriptionId.is_in(chunk.iter().map(|id| id.0)))
            .filter(Column::State.is_in(states))
            .filter(Column::Kind.is_in(kinds.iter().copied()));
        let rows: Vec<(i64, String, String, Option<NaiveDate>, NaiveDate)> = query.into_tuple().all(db).await?;
        for (id, kind, state, period_from, due_on) in rows {
            found.push(Unpaid {
                subscription: SubscriptionId(id),
                kind: Kind::parse(&kind).ok_or_else(|| damaged("a kind that is none"))?,
                state: State::parse(&state).ok_or_else(|| damaged("a state that is none"))?,
                period_from,
                due_on,
            });
        }
    }
    Ok(found)
}

/// Whether periods of a service from a day on are invoiced.
pub(in super::super) async fn is_billed_from(
    db: &impl ConnectionTrait,
    subscription: SubscriptionId,
    from: NaiveDate,
) -> Result<bool, DbErr> {
    let later: Option<i64> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::SubscriptionId.eq(subscription.0))
        .filter(Column::Kind.is_in([Kind::First, Kind::Period].map(Kind::as_str)))
        .filter(Column::State.ne(State::Void.as_str()))
        .filter(Column::PeriodFrom.gte(from))
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(later.is_some())
}

pub(in super::super) async fn services_of(
    db: &impl ConnectionTrait,
    invoices: &[InvoiceId],
) -> Result<Vec<OfService>, DbErr> {
    type Found = (Option<i64>, String, String, Option<NaiveDate>, Option<NaiveDate>);
    let mut found = Vec::new();
    for chunk in invoices.chunks(IN) {
        let query = Entity::find()
            .select_only()
            .columns([Column::SubscriptionId, Column::State, Column::Kind, Column::PeriodFrom, Column::PeriodUntil])
            .filter(Column::Id.is_in(chunk.iter().map(|id| id.0)))
            .filter(Column::SubscriptionId.is_not_null());
        let rows: Vec<Found> = query.into_tuple().all(db).await?;
        for (id, state, kind, from, until) in rows {
            let Some(id) = id else { continue };
            let is_period = matches!(Kind::parse(&kind), Some(Kind::First | Kind::Period));
            found.push(OfService {
                subscription: SubscriptionId(id),
                is_void: state == State::Void.as_str(),
                period: from.zip(until).filter(|_| is_period),
            });
        }
    }
    Ok(found)
}
