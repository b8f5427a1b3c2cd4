//! What selling needs beyond making: terms of each voucher, sellers' prices, blocks, replacements, clean-up.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{add_columns, drop_columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The terms a voucher has of its own from now on: of its batch until they are changed.
const OWN_TERMS: &str = "UPDATE voucher SET
    online_secs = (SELECT b.online_secs FROM voucher_batch b WHERE b.id = voucher.batch_id),
    active_secs = (SELECT b.active_secs FROM voucher_batch b WHERE b.id = voucher.batch_id),
    activate_before = (SELECT b.activate_before FROM voucher_batch b WHERE b.id = voucher.batch_id),
    net_price = price";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in tables() {
            add_columns(manager, table, columns).await?;
        }
        let db = manager.get_connection();
        db.execute_unprepared("UPDATE voucher_batch SET net_price = price").await?;
        db.execute_unprepared(OWN_TERMS).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in tables() {
            drop_columns(manager, table, columns).await?;
        }
        Ok(())
    }
}

fn tables() -> Vec<(&'static str, Vec<ColumnDef>)> {
    vec![
        // Days that vouchers which are over stay on the router, switched off; empty = for ever.
        ("site", vec![integer_null("cleanup_days").default(0).take()]),
        ("package", vec![big_integer_null("limit_bytes").take()]),
        (
            "voucher_batch",
            vec![
                string("origin").default("batch").take(),
                big_integer_null("limit_bytes").take(),
                big_integer_null("seller_id").take(),
                big_integer("net_price").default(0).take(),
                integer("printed").default(0).take(),
            ],
        ),
        (
            "voucher",
            vec![
                big_integer_null("limit_bytes").take(),
                big_integer_null("online_secs").take(),
                big_integer_null("active_secs").take(),
                timestamp_with_time_zone_null("activate_before").take(),
                big_integer("net_price").default(0).take(),
                big_integer_null("seller_id").take(),
                timestamp_with_time_zone_null("sold_at").take(),
                big_integer_null("sold_by").take(),
                timestamp_with_time_zone_null("blocked_at").take(),
                string("block_reason").default("").take(),
                big_integer_null("replaces_id").take(),
                big_integer_null("replaced_by_id").take(),
                timestamp_with_time_zone_null("removed_at").take(),
            ],
        ),
    ]
}
