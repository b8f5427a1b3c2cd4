//! What admins may beyond their roles, and sales over the counter.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{create, drop};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, tables(), indexes()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["voucher_sale", "counter_stock", "counter_router", "counter_place", "admin_grant"]).await
    }
}

fn tables() -> Vec<TableCreateStatement> {
    vec![admin_grant(), counter_place(), counter_router(), counter_stock(), voucher_sale()]
}

fn admin_grant() -> TableCreateStatement {
    Table::create()
        .table("admin_grant")
        .col(big_integer("admin_id"))
        .col(string("permission"))
        .col(timestamp_with_time_zone("granted_at"))
        .primary_key(Index::create().col("admin_id").col("permission"))
        .foreign_key(ForeignKey::create().from("admin_grant", "admin_id").to("admin", "id"))
        .to_owned()
}

fn counter_place() -> TableCreateStatement {
    Table::create()
        .table("counter_place")
        .col(big_integer("admin_id").primary_key())
        .col(big_integer("router_id"))
        .to_owned()
}

fn counter_router() -> TableCreateStatement {
    Table::create()
        .table("counter_router")
        .col(big_integer("router_id").primary_key())
        .col(boolean("from_stock"))
        .to_owned()
}

fn counter_stock() -> TableCreateStatement {
    Table::create()
        .table("counter_stock")
        .col(big_integer("batch_id").primary_key())
        .col(big_integer("router_id"))
        .to_owned()
}

fn voucher_sale() -> TableCreateStatement {
    Table::create()
        .table("voucher_sale")
        .col(big_pk_auto("id"))
        .col(string("form_id").unique_key())
        .col(big_integer("voucher_id").unique_key())
        .col(big_integer("site_id"))
        .col(big_integer("router_id"))
        .col(big_integer("package_id"))
        .col(big_integer("admin_id"))
        .col(timestamp_with_time_zone("sold_at"))
        .col(boolean("from_stock"))
        .col(string("phone"))
        .col(string("currency"))
        .col(big_integer("price"))
        .col(big_integer("cost"))
        .col(timestamp_with_time_zone_null("cancelled_at"))
        .col(string("cancel_reason"))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        Index::create().name("voucher_sale_admin").table("voucher_sale").col("admin_id").col("sold_at").to_owned(),
        Index::create().name("voucher_sale_router").table("voucher_sale").col("router_id").col("sold_at").to_owned(),
        Index::create().name("counter_stock_router").table("counter_stock").col("router_id").to_owned(),
    ]
}
