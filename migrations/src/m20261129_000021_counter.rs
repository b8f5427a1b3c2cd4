//! What is sold from is found among the single vouchers of the counter; and the roll that single vouchers are printed on.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{add_columns, drop_columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const STOCK: &str = "ix_voucher_batch_stock_only";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SeaORM has no words for indexes with a condition.
        let stock = format!("CREATE INDEX {STOCK} ON voucher_batch (id) WHERE origin IN ('batch', 'import')");
        manager.get_connection().execute_unprepared(&stock).await?;
        add_columns(manager, "print_preference", added()).await?;
        let known = "UPDATE print_preference SET roll = format WHERE format LIKE 'thermal-%'";
        manager.get_connection().execute_unprepared(known).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_columns(manager, "print_preference", added()).await?;
        manager.drop_index(Index::drop().name(STOCK).table("voucher_batch").to_owned()).await
    }
}

fn added() -> Vec<ColumnDef> {
    vec![string("roll").default("thermal-58").take()]
}
