//! Debts given up: a row each, and what is given up of an invoice beside what is settled of it.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{add_columns, create, drop, drop_columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, vec![write_off()], indexes()).await?;
        add_columns(manager, "invoice", invoice_columns()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_columns(manager, "invoice", invoice_columns()).await?;
        drop(manager, &["write_off"]).await
    }
}

fn invoice_columns() -> Vec<ColumnDef> {
    // Of `settled`: what was given up and not taken back.
    vec![big_integer("written_off").default(0).take()]
}

fn write_off() -> TableCreateStatement {
    Table::create()
        .table("write_off")
        .col(big_pk_auto("id"))
        .col(big_integer("customer_id"))
        .col(big_integer("site_id"))
        // Empty: what the customer was taken over with, which has no invoice.
        .col(big_integer_null("invoice_id"))
        .col(string("currency"))
        .col(big_integer("amount"))
        .col(string("reason"))
        .col(big_integer("entry_id"))
        .col(big_integer_null("created_by"))
        .col(string("created_name"))
        .col(timestamp_with_time_zone("created_at"))
        // Empty while it holds.
        .col(timestamp_with_time_zone_null("reversed_at"))
        .col(string("reverse_reason").default(""))
        .foreign_key(ForeignKey::create().from("write_off", "customer_id").to("customer", "id"))
        .foreign_key(ForeignKey::create().from("write_off", "invoice_id").to("invoice", "id"))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let index =
        |name: &'static str, column: &'static str| Index::create().name(name).table("write_off").col(column).to_owned();
    vec![index("ix_write_off_invoice", "invoice_id"), index("ix_write_off_customer", "customer_id")]
}
