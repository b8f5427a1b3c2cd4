//! The little that receipts say of invoices, and whose an invoice is.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{super::Brief, IN, read::scoped};
use crate::{
    db::entity::{
        invoice::{Column, Entity},
        invoice_line,
    },
    http::access::Scope,
    ids::{CustomerId, InvoiceId},
};

/// Above every character of a number.
const ABOVE: char = '\u{7f}';

/// Numbers, first lines and periods of invoices.
pub(in super::super) async fn briefs(
    db: &impl ConnectionTrait,
    ids: &[InvoiceId],
) -> Result<BTreeMap<InvoiceId, Brief>, DbErr> {
    let mut found: BTreeMap<InvoiceId, Brief> = BTreeMap::new();
    for chunk in ids.chunks(IN) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        type Row = (i64, Option<String>, Option<NaiveDate>, Option<NaiveDate>);
        let columns = [Column::Id, Column::Number, Column::PeriodFrom, Column::PeriodUntil];
        let query = Entity::find().select_only().columns(columns).filter(Column::Id.is_in(ids.clone()));
        let rows: Vec<Row> = query.into_tuple().all(db).await?;
        for (id, number, from, until) in rows {
            let number = number.unwrap_or_default();
            found.insert(InvoiceId(id), Brief { number, what: String::new(), period: from.zip(until) });
        }
        let lines: Vec<(i64, String)> = invoice_line::Entity::find()
            .select_only()
            .columns([invoice_line::Column::InvoiceId, invoice_line::Column::Text])
            .filter(invoice_line::Column::InvoiceId.is_in(ids))
            .filter(invoice_line::Column::Position.eq(0))
            .into_tuple()
            .all(db)
            .await?;
        for (id, text) in lines {
            if let Some(brief) = found.get_mut(&InvoiceId(id)) {
                brief.what = text;
            }
        }
    }
    Ok(found)
}

/// The customers of invoices that the caller may see and whose number begins so, in capitals or as it is typed.
pub(in super::super) async fn customers_of_number(
    db: &impl ConnectionTrait,
    scope: &Scope,
    number: &str,
    limit: u64,
) -> Result<Vec<CustomerId>, DbErr> {
    let begins =
        |text: &str| Condition::all().add(Column::Number.gte(text)).add(Column::Number.lt(format!("{text}{ABOVE}")));
    let rows: Vec<i64> = scoped(scope)
        .select_only()
        .column(Column::CustomerId)
        .filter(Condition::any().add(begins(number)).add(begins(&number.to_uppercase())))
        .order_by_asc(Column::Number)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    let mut found: Vec<CustomerId> = rows.into_iter().map(CustomerId).collect();
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
