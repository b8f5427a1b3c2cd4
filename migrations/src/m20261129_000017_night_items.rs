//! What a night did, by name: the rows behind its counts. And an index with all that sums of a customer's invoices need.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{create, drop};

/// The index that [`SUMS`] takes the place of.
const OLD: &str = "ix_invoice_customer_state";
const SUMS: &str = "ix_invoice_customer_sums";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(OLD).table("invoice").to_owned()).await?;
        create(manager, vec![nightly_item()], vec![items(), sums()]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["nightly_item"]).await?;
        manager.drop_index(Index::drop().name(SUMS).table("invoice").to_owned()).await?;
        let old = Index::create().name(OLD).table("invoice").col("customer_id").col("state").col("due_on").to_owned();
        manager.create_index(old).await
    }
}

fn nightly_item() -> TableCreateStatement {
    Table::create()
        .table("nightly_item")
        .col(big_pk_auto("id"))
        .col(big_integer("run_id"))
        // `invoiced`, `approved`, `paid`, `planned`, `lapsed`.
        .col(string("did"))
        .col(big_integer("customer_id"))
        .col(big_integer_null("subscription_id"))
        .col(big_integer_null("invoice_id"))
        .foreign_key(ForeignKey::create().from("nightly_item", "run_id").to("nightly_run", "id"))
        .foreign_key(ForeignKey::create().from("nightly_item", "customer_id").to("customer", "id"))
        .foreign_key(ForeignKey::create().from("nightly_item", "subscription_id").to("subscription", "id"))
        .foreign_key(ForeignKey::create().from("nightly_item", "invoice_id").to("invoice", "id"))
        .to_owned()
}

/// What a night did of one kind, in its order.
fn items() -> IndexCreateStatement {
    Index::create().name("ix_nightly_item").table("nightly_item").col("run_id").col("did").col("id").to_owned()
}

/// Invoices of customers by state and due day, and what they sum up to, without a look at the rows.
fn sums() -> IndexCreateStatement {
    let mut index = Index::create().name(SUMS).table("invoice").to_owned();
    for column in ["customer_id", "state", "due_on", "id", "currency", "total", "settled"] {
        index.col(column);
    }
    index
}
