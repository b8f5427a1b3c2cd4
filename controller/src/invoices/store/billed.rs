//! Invoices as their services see them.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{
    super::{
        billed::{Billed, BilledLine, Pause},
        rules::{Kind, LineKind, State},
    },
    IN, damaged, money,
};
use crate::{
    db::entity::{
        credit_note,
        invoice::{ActiveModel, Column, Entity, Model},
        invoice_line,
    },
    ids::{InvoiceId, SubscriptionId},
};

/// States of what is asked for.
const ASKED: [State; 5] = [State::Draft, State::Open, State::PartiallyPaid, State::Paid, State::Uncollectible];
/// States of what is not paid.
const UNPAID: [State; 3] = [State::Draft, State::Open, State::PartiallyPaid];

pub(in super::super) async fn billed_of(
    db: &impl ConnectionTrait,
    services: &[SubscriptionId],
    after: NaiveDate,
) -> Result<HashMap<SubscriptionId, Vec<Billed>>, DbErr> {
    let mut found: HashMap<SubscriptionId, Vec<Billed>> = HashMap::new();
    for chunk in services.chunks(IN) {
        let query = Entity::find()
            .filter(Column::SubscriptionId.is_in(chunk.iter().map(|id| id.0)))
            .filter(Column::State.is_in(ASKED.map(State::as_str)))
            .filter(Column::PeriodUntil.gt(after))
            .order_by_desc(Column::PeriodUntil)
            .order_by_desc(Column::Id);
        let rows = query.all(db).await?;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let mut lines = lines(db, &ids).await?;
        let credited = credited(db, &ids).await?;
        for row in rows {
            let Some(service) = row.subscription_id.map(SubscriptionId) else { continue };
            let lines = lines.remove(&row.id).unwrap_or_default();
            let credited = credited.get(&row.id).copied().unwrap_or(0);
            found.entry(service).or_default().push(billed(row, lines, credited)?);
        }
    }
    Ok(found)
}

fn billed(row: Model, lines: Vec<invoice_line::Model>, credited: i64) -> Result<Billed, DbErr> {
    let amount = |minor: i64| money(minor, &row.currency);
    let mut told = Vec::with_capacity(lines.len());
    for line in lines {
        told.push(BilledLine {
            kind: LineKind::parse(&line.kind).ok_or_else(|| damaged("a line of no known kind"))?,
            amount: amount(line.amount)?,
            is_taxed: line.is_taxed,
            days: line.from_day.zip(line.until_day),
        });
    }
    Ok(Billed {
        kind: Kind::parse(&row.kind).ok_or_else(|| damaged("an invoice of no known kind"))?,
        state: State::parse(&row.state).ok_or_else(|| damaged("an invoice of no known state"))?,
        total: amount(row.total)?,
        tax: amount(row.tax)?,
        settled: amount(row.settled)?,
        credited: amount(credited)?,
        is_given_up: row.written_off > 0,
        lines: told,
        id: InvoiceId(row.id),
        period: row.period_from.zip(row.period_until),
        due_on: row.due_on,
        number: row.number,
    })
}

async fn lines(db: &impl ConnectionTrait, ids: &[i64]) -> Result<HashMap<i64, Vec<invoice_line::Model>>, DbErr> {
    use invoice_line::{Column, Entity};
    let mut found: HashMap<i64, Vec<invoice_line::Model>> = HashMap::new();
    for chunk in ids.chunks(IN) {
        let query = Entity::find().filter(Column::InvoiceId.is_in(chunk.iter().copied()));
        for line in query.order_by_asc(Column::InvoiceId).order_by_asc(Column::Position).all(db).await? {
            found.entry(line.invoice_id).or_default().push(line);
        }
    }
    Ok(found)
}

/// What credit notes took back, by invoice.
async fn credited(db: &impl ConnectionTrait, ids: &[i64]) -> Result<HashMap<i64, i64>, DbErr> {
    use credit_note::{Column, Entity};
    let mut found: HashMap<i64, i64> = HashMap::new();
    for chunk in ids.chunks(IN) {
        let query = Entity::find().select_only().columns([Column::InvoiceId, Column::Amount]);
        let rows: Vec<(i64, i64)> =
            query.filter(Column::InvoiceId.is_in(chunk.iter().copied())).into_tuple().all(db).await?;
        for (invoice, amount) in rows {
            let sum = found.entry(invoice).or_default();
            *sum = sum.saturating_add(amount);
        }
    }
    Ok(found)
}

pub(in super::super) async fn postpone(tx: &impl ConnectionTrait, pauses: &[Pause]) -> Result<(), DbErr> {
    let by_service: HashMap<i64, &Pause> = pauses.iter().map(|pause| (pause.service.0, pause)).collect();
    let services: Vec<i64> = by_service.keys().copied().collect();
    let mut moved: HashMap<(Option<NaiveDate>, Option<NaiveDate>, NaiveDate), Vec<i64>> = HashMap::new();
    for chunk in services.chunks(IN) {
        let query = Entity::find()
            .filter(Column::SubscriptionId.is_in(chunk.iter().copied()))
            .filter(Column::State.is_in(UNPAID.map(State::as_str)));
        for row in query.all(tx).await? {
            let Some(pause) = row.subscription_id.and_then(|service| by_service.get(&service)) else { continue };
            let later = |day: NaiveDate| {
                if day >= pause.from { day.checked_add_days(Days::new(pause.days)).unwrap_or(day) } else { day }
            };
            let period = |day: Option<NaiveDate>| if pause.moves_periods { day.map(later) } else { day };
            let dates = (period(row.period_from), period(row.period_until), later(row.due_on));
            if dates != (row.period_from, row.period_until, row.due_on) {
                moved.entry(dates).or_default().push(row.id);
            }
        }
    }
    // Those of one day are moved at once.
    for ((from, until, due_on), ids) in moved {
        let row =
            ActiveModel { period_from: Set(from), period_until: Set(until), due_on: Set(due_on), ..Default::default() };
        Entity::update_many().set(row).filter(Column::Id.is_in(ids)).exec(tx).await?;
    }
    Ok(())
}

pub(in super::super) async fn redate(
    tx: &impl ConnectionTrait,
    service: SubscriptionId,
    dates: impl Fn((NaiveDate, NaiveDate)) -> (NaiveDate, NaiveDate, NaiveDate),
) -> Result<(), DbErr> {
    let query = Entity::find()
        .filter(Column::SubscriptionId.eq(service.0))
        .filter(Column::State.is_in(UNPAID.map(State::as_str)))
        .filter(Column::Kind.is_in([Kind::First, Kind::Period].map(Kind::as_str)));
    for row in query.all(tx).await? {
        let Some(period) = row.period_from.zip(row.period_until) else { continue };
        let (from, until, due_on) = dates(period);
        if (from, until) == period {
            continue;
        }
        let new = ActiveModel {
            period_from: Set(Some(from)),
            period_until: Set(Some(until)),
            due_on: Set(due_on),
            ..Default::default()
        };
        Entity::update_many().set(new).filter(Column::Id.eq(row.id)).exec(tx).await?;
    }
    Ok(())
}
