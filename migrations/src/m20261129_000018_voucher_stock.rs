//! What is left of a batch is counted in an index alone; what was sold over the counter is found in the order it was sold.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The narrower index, whose place the new one takes.
const NARROWER: &str = "ix_voucher_batch_status";
const STOCK: &str = "ix_voucher_batch_stock";
/// Of every site, and of each.
const SOLD: [(&str, &str); 2] =
    [("ix_voucher_sold_id", "sold_at, id"), ("ix_voucher_site_sold", "site_id, sold_at, id")];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let stock =
            Index::create().name(STOCK).table("voucher").col("batch_id").col("status").col("sold_at").to_owned();
        manager.create_index(stock).await?;
        // SeaORM has no words for indexes with a condition. Most vouchers are not sold over the counter.
        for (name, columns) in SOLD {
            let sold = format!("CREATE INDEX {name} ON voucher ({columns}) WHERE sold_at IS NOT NULL");
            db.execute_unprepared(&sold).await?;
        }
        manager.drop_index(Index::drop().name(NARROWER).table("voucher").to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let narrower = Index::create().name(NARROWER).table("voucher").col("batch_id").col("status").to_owned();
        manager.create_index(narrower).await?;
        for name in SOLD.map(|(name, _)| name).into_iter().chain([STOCK]) {
            manager.drop_index(Index::drop().name(name).table("voucher").to_owned()).await?;
        }
        Ok(())
    }
}
