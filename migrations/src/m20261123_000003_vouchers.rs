//! Packages, voucher batches and vouchers.

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
        drop(manager, &["voucher", "voucher_batch", "package_router", "package"]).await
    }
}

fn tables() -> Vec<TableCreateStatement> {
    vec![package(), package_router(), voucher_batch(), voucher()]
}

fn package() -> TableCreateStatement {
    Table::create()
        .table("package")
        .col(big_pk_auto("id"))
        .col(string("name").unique_key())
        .col(string("service"))
        .col(string("profile"))
        .col(string("currency"))
        .col(big_integer("price"))
        .col(big_integer("cost"))
        .col(string("rate_limit"))
        .col(integer("shared_users"))
        .col(big_integer_null("online_secs"))
        .col(big_integer_null("active_secs"))
        .col(big_integer_null("activate_before_secs"))
        .col(timestamp_with_time_zone_null("activate_before"))
        .col(string("cycle"))
        .col(integer("grace_days"))
        .col(string("on_expiry"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("archived_at"))
        .to_owned()
}

fn package_router() -> TableCreateStatement {
    Table::create()
        .table("package_router")
        .col(big_integer("package_id"))
        .col(big_integer("router_id"))
        .col(boolean("create_profile"))
        .primary_key(Index::create().col("package_id").col("router_id"))
        .foreign_key(ForeignKey::create().from("package_router", "package_id").to("package", "id"))
        .foreign_key(ForeignKey::create().from("package_router", "router_id").to("router", "id"))
        .to_owned()
}

fn voucher_batch() -> TableCreateStatement {
    Table::create()
        .table("voucher_batch")
        .col(big_pk_auto("id"))
        .col(string("number").unique_key())
        .col(big_integer("site_id"))
        .col(big_integer("router_id"))
        .col(big_integer("package_id"))
        .col(string("form_id").unique_key())
        .col(string("profile"))
        .col(integer("count"))
        .col(integer("applied"))
        .col(integer("failed"))
        .col(string("prefix"))
        .col(integer("code_length"))
        .col(string("charset"))
        .col(string("mode"))
        .col(boolean("mac_lock"))
        .col(string("server"))
        .col(string("note"))
        .col(string("currency"))
        .col(big_integer("price"))
        .col(big_integer("cost"))
        .col(big_integer_null("online_secs"))
        .col(big_integer_null("active_secs"))
        .col(timestamp_with_time_zone_null("activate_before"))
        .col(big_integer_null("created_by"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(ForeignKey::create().from("voucher_batch", "site_id").to("site", "id"))
        .foreign_key(ForeignKey::create().from("voucher_batch", "router_id").to("router", "id"))
        .foreign_key(ForeignKey::create().from("voucher_batch", "package_id").to("package", "id"))
        .to_owned()
}

fn voucher() -> TableCreateStatement {
    Table::create()
        .table("voucher")
        .col(big_pk_auto("id"))
        .col(big_integer("batch_id"))
        .col(big_integer("site_id"))
        .col(big_integer("router_id"))
        .col(big_integer("package_id"))
        .col(integer("number"))
        .col(string("code"))
        .col(blob_null("password"))
        .col(string("status"))
        .col(string("currency"))
        .col(big_integer("price"))
        .col(big_integer("cost"))
        .col(timestamp_with_time_zone_null("first_login_at"))
        .col(timestamp_with_time_zone_null("valid_until"))
        .col(timestamp_with_time_zone_null("ended_at"))
        .col(string("end_reason"))
        .col(string("mac"))
        .col(string("address"))
        .col(big_integer("uptime_secs"))
        .col(big_integer("bytes_in"))
        .col(big_integer("bytes_out"))
        .col(string("failure"))
        .col(boolean("estimated"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(ForeignKey::create().from("voucher", "batch_id").to("voucher_batch", "id"))
        .foreign_key(ForeignKey::create().from("voucher", "site_id").to("site", "id"))
        .foreign_key(ForeignKey::create().from("voucher", "router_id").to("router", "id"))
        .foreign_key(ForeignKey::create().from("voucher", "package_id").to("package", "id"))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        Index::create().name("uq_voucher_site_code").table("voucher").col("site_id").col("code").unique().to_owned(),
        Index::create()
            .name("uq_voucher_batch_number")
            .table("voucher")
            .col("batch_id")
            .col("number")
            .unique()
            .to_owned(),
        Index::create().name("ix_voucher_batch_status").table("voucher").col("batch_id").col("status").to_owned(),
        Index::create().name("ix_voucher_code").table("voucher").col("code").to_owned(),
        Index::create().name("ix_voucher_router_code").table("voucher").col("router_id").col("code").to_owned(),
        Index::create().name("ix_voucher_status_until").table("voucher").col("status").col("valid_until").to_owned(),
        Index::create().name("ix_voucher_first_login").table("voucher").col("site_id").col("first_login_at").to_owned(),
        Index::create()
            .name("ix_voucher_batch_site")
            .table("voucher_batch")
            .col("site_id")
            .col("created_at")
            .to_owned(),
    ]
}
