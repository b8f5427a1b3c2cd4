//! Dated prices of packages, sellers, the rules of what sellers pay; the MAC lock a package usually has.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{add_columns, create, drop, drop_columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "package", columns()).await?;
        create(manager, vec![package_price(), seller(), price_rule()], indexes()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_index(Index::drop().name("ix_voucher_batch_seller").table("voucher_batch").if_exists().to_owned())
            .await?;
        drop(manager, &["price_rule", "seller", "package_price"]).await?;
        drop_columns(manager, "package", columns()).await
    }
}

fn columns() -> Vec<ColumnDef> {
    vec![boolean("mac_lock").default(false).take()]
}

fn package_price() -> TableCreateStatement {
    Table::create()
        .table("package_price")
        .col(big_pk_auto("id"))
        .col(big_integer("package_id"))
        // Empty = on every router that has no price of its own.
        .col(big_integer_null("router_id"))
        .col(timestamp_with_time_zone("valid_from"))
        .col(string("currency"))
        .col(big_integer("price"))
        .col(big_integer("cost"))
        .col(big_integer_null("created_by"))
        .col(string("created_by_name"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(ForeignKey::create().from("package_price", "package_id").to("package", "id"))
        .foreign_key(ForeignKey::create().from("package_price", "router_id").to("router", "id"))
        .to_owned()
}

fn seller() -> TableCreateStatement {
    Table::create()
        .table("seller")
        .col(big_pk_auto("id"))
        .col(big_integer("site_id"))
        .col(string("name"))
        // E.164, or empty.
        .col(string("phone"))
        .col(string("level"))
        .col(string("note"))
        .col(big_integer_null("admin_id"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("archived_at"))
        .foreign_key(ForeignKey::create().from("seller", "site_id").to("site", "id"))
        .foreign_key(ForeignKey::create().from("seller", "admin_id").to("admin", "id"))
        .to_owned()
}

fn price_rule() -> TableCreateStatement {
    Table::create()
        .table("price_rule")
        .col(big_pk_auto("id"))
        // Empty = of every package.
        .col(big_integer_null("package_id"))
        // Empty = of every level.
        .col(string("level"))
        .col(integer("min_count"))
        // `fixed`: minor units a voucher; `percent`: basis points off.
        .col(string("kind"))
        .col(big_integer("value"))
        .col(string("currency"))
        .col(boolean("active"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(ForeignKey::create().from("price_rule", "package_id").to("package", "id"))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        Index::create()
            .name("ix_package_price_package")
            .table("package_price")
            .col("package_id")
            .col("router_id")
            .col("valid_from")
            .to_owned(),
        Index::create().name("uq_seller_site_name").table("seller").col("site_id").col("name").unique().to_owned(),
        Index::create().name("ix_voucher_batch_seller").table("voucher_batch").col("seller_id").to_owned(),
    ]
}
