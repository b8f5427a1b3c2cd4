//! What the customers and invoices of postings are called, for the pages.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::IN;
use crate::{
    db::entity::{customer, invoice},
    ids::{CustomerId, InvoiceId},
};

/// Number and name of customers.
pub(in super::super) async fn of_customers(
    db: &impl ConnectionTrait,
    ids: &[CustomerId],
) -> Result<HashMap<CustomerId, String>, DbErr> {
    let mut found = HashMap::new();
    for chunk in ids.chunks(IN) {
        let rows: Vec<(i64, String, String)> = customer::Entity::find()
            .select_only()
            .columns([customer::Column::Id, customer::Column::Number, customer::Column::Name])
            .filter(customer::Column::Id.is_in(chunk.iter().map(|id| id.0)))
            .into_tuple()
            .all(db)
            .await?;
        found.extend(rows.into_iter().map(|(id, number, name)| (CustomerId(id), format!("{number} {name}"))));
    }
    Ok(found)
}

/// Numbers of invoices; those of drafts are not there.
pub(in super::super) async fn of_invoices(
    db: &impl ConnectionTrait,
    ids: &[InvoiceId],
) -> Result<HashMap<InvoiceId, String>, DbErr> {
    let mut found = HashMap::new();
    for chunk in ids.chunks(IN) {
        let rows: Vec<(i64, Option<String>)> = invoice::Entity::find()
            .select_only()
            .columns([invoice::Column::Id, invoice::Column::Number])
            .filter(invoice::Column::Id.is_in(chunk.iter().map(|id| id.0)))
            .into_tuple()
            .all(db)
            .await?;
        found.extend(rows.into_iter().filter_map(|(id, number)| Some((InvoiceId(id), number?))));
    }
    Ok(found)
}
