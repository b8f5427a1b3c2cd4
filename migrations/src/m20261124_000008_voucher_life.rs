//! What happened to each voucher, by whom and why, and how often it was set free for another device.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{add_columns, create, drop, drop_columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "voucher", moves()).await?;
        create(manager, vec![history()], indexes()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["voucher_history"]).await?;
        drop_columns(manager, "voucher", moves()).await
    }
}

fn moves() -> Vec<ColumnDef> {
    vec![integer("moves").default(0).take()]
}

fn history() -> TableCreateStatement {
    Table::create()
        .table("voucher_history")
        .col(big_pk_auto("id"))
        .col(big_integer("batch_id"))
        .col(big_integer("voucher_id"))
        .col(timestamp_with_time_zone("at"))
        .col(string("what"))
        .col(string("actor"))
        .col(string("reason"))
        .col(json("detail"))
        .foreign_key(ForeignKey::create().from("voucher_history", "voucher_id").to("voucher", "id"))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let index = |name: &str, column: &'static str| {
        Index::create().name(name).table("voucher_history").col(column).col("id").to_owned()
    };
    vec![index("ix_voucher_history_voucher", "voucher_id"), index("ix_voucher_history_batch", "batch_id")]
}
