//! Users of routers that are taken over, and subscriptions whose periods begin anew with another cycle.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{add_columns, drop_columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in added() {
            add_columns(manager, table, columns).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in added() {
            drop_columns(manager, table, columns).await?;
        }
        Ok(())
    }
}

fn added() -> Vec<(&'static str, Vec<ColumnDef>)> {
    let no = |name: &'static str| boolean(name).default(false).take();
    vec![
        // The user was there before; and how often days that were invoiced were given back, so that they can be
        // invoiced once more.
        ("subscription", vec![no("is_adopted"), integer("edition").default(0).take()]),
        // Users who are there already are taken over; and whose line it is.
        ("subscription_intake", vec![no("adopts")]),
        ("subscription_intake_row", vec![no("is_on_router")]),
    ]
}
