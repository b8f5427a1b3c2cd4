//! What nights did, by name.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{
    super::trace::{Did, Trace, Traced},
    CHUNK,
};
use crate::{
    db::entity::{
        customer, invoice,
        nightly_item::{ActiveModel, Column, Entity, Model},
        subscription,
    },
    ids::{CustomerId, InvoiceId, RunId, SubscriptionId},
};

/// Writes down what a chunk of a night did.
pub(in super::super) async fn insert_traces(
    tx: &impl ConnectionTrait,
    run: RunId,
    traces: &[Trace],
) -> Result<(), DbErr> {
    for chunk in traces.chunks(CHUNK) {
        let rows = chunk.iter().map(|trace| ActiveModel {
            run_id: Set(run.0),
            did: Set(trace.did.as_str().to_owned()),
            customer_id: Set(trace.customer.0),
            subscription_id: Set(trace.subscription.map(|id| id.0)),
            invoice_id: Set(trace.invoice.map(|id| id.0)),
            ..Default::default()
        });
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// What a night did of one kind, in its order; index `ix_nightly_item`.
pub(in super::super) async fn traces(
    db: &impl ConnectionTrait,
    (run, did): (RunId, Did),
    (after, limit): (Option<i64>, u64),
) -> Result<Vec<Traced>, DbErr> {
    let mut query = Entity::find().filter(Column::RunId.eq(run.0)).filter(Column::Did.eq(did.as_str()));
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after));
    }
    let rows = query.order_by_asc(Column::Id).limit(limit).all(db).await?;
    let customers = customers_of(db, &rows).await?;
    let services = services_of(db, &rows).await?;
    let invoices = invoices_of(db, &rows).await?;
    let whole = |row: Model| {
        let (customer_number, customer) = customers.get(&row.customer_id).cloned().unwrap_or_default();
        Traced {
            id: row.id,
            customer_id: CustomerId(row.customer_id),
            customer_number,
            customer,
            subscription_id: row.subscription_id.map(SubscriptionId),
            username: row.subscription_id.and_then(|id| services.get(&id).cloned()).unwrap_or_default(),
            invoice_id: row.invoice_id.map(InvoiceId),
            invoice_number: row.invoice_id.and_then(|id| invoices.get(&id).cloned()).flatten(),
        }
    };
    Ok(rows.into_iter().map(whole).collect())
}

async fn customers_of(db: &impl ConnectionTrait, rows: &[Model]) -> Result<HashMap<i64, (String, String)>, DbErr> {
    use customer::Column;
    let found: Vec<(i64, String, String)> = customer::Entity::find()
        .select_only()
        .columns([Column::Id, Column::Number, Column::Name])
        .filter(Column::Id.is_in(rows.iter().map(|row| row.customer_id)))
        .into_tuple()
        .all(db)
        .await?;
    Ok(found.into_iter().map(|(id, number, name)| (id, (number, name))).collect())
}

async fn services_of(db: &impl ConnectionTrait, rows: &[Model]) -> Result<HashMap<i64, String>, DbErr> {
    use subscription::Column;
    let found: Vec<(i64, String)> = subscription::Entity::find()
        .select_only()
        .columns([Column::Id, Column::Username])
        .filter(Column::Id.is_in(rows.iter().filter_map(|row| row.subscription_id)))
        .into_tuple()
        .all(db)
        .await?;
    Ok(found.into_iter().collect())
}

/// Drafts have no number.
async fn invoices_of(db: &impl ConnectionTrait, rows: &[Model]) -> Result<HashMap<i64, Option<String>>, DbErr> {
    use invoice::Column;
    let found: Vec<(i64, Option<String>)> = invoice::Entity::find()
        .select_only()
        .columns([Column::Id, Column::Number])
        .filter(Column::Id.is_in(rows.iter().filter_map(|row| row.invoice_id)))
        .into_tuple()
        .all(db)
        .await?;
    Ok(found.into_iter().collect())
}
