//! What was printed, how prints look, and what each admin likes best.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{create, drop};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, vec![layout(), print(), preference()], indexes()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["print_preference", "voucher_print", "print_layout"]).await
    }
}

fn layout() -> TableCreateStatement {
    Table::create()
        .table("print_layout")
        .col(big_pk_auto("id"))
        .col(string("name").unique_key())
        // Empty: for every site.
        .col(big_integer_null("site_id"))
        .col(string("family"))
        .col(json("document"))
        .col(blob_null("logo"))
        .col(string("logo_kind").default(""))
        .col(boolean("is_default"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(ForeignKey::create().from("print_layout", "site_id").to("site", "id"))
        .to_owned()
}

fn print() -> TableCreateStatement {
    Table::create()
        .table("voucher_print")
        .col(big_pk_auto("id"))
        .col(big_integer("batch_id"))
        // Names the print in addresses: opening it again counts nothing.
        .col(string("key"))
        .col(string("what"))
        .col(integer("first_number"))
        .col(integer("last_number"))
        .col(integer("count"))
        .col(string("format"))
        .col(big_integer_null("layout_id"))
        .col(boolean("unproven"))
        .col(string("reason"))
        .col(big_integer_null("admin_id"))
        .col(string("admin_name"))
        .col(timestamp_with_time_zone("at"))
        .foreign_key(ForeignKey::create().from("voucher_print", "batch_id").to("voucher_batch", "id"))
        .to_owned()
}

fn preference() -> TableCreateStatement {
    Table::create()
        .table("print_preference")
        .col(big_integer("admin_id").primary_key())
        .col(string("format"))
        .col(boolean("opens"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(ForeignKey::create().from("print_preference", "admin_id").to("admin", "id"))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        Index::create()
            .name("uq_voucher_print_key")
            .table("voucher_print")
            .col("key")
            .col("batch_id")
            .unique()
            .to_owned(),
        Index::create().name("ix_voucher_print_batch").table("voucher_print").col("batch_id").to_owned(),
    ]
}
