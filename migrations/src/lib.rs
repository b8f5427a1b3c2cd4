//! hiji's schema: one change a file, never edited once released. A new table is one file and one line here.

#![expect(elided_lifetimes_in_paths, reason = "the trait of async_trait is written with them elided")]

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m20261123_000001_base;
mod m20261123_000002_routers;
mod m20261123_000003_vouchers;
mod m20261124_000004_voucher_terms;
mod m20261124_000005_voucher_search;
mod m20261124_000006_prices;
mod m20261124_000007_print;
mod m20261124_000008_voucher_life;
mod m20261124_000009_grants;
mod m20261124_000010_ledger;
mod m20261124_000011_customers;
mod m20261124_000012_subscriptions;
mod m20261124_000013_invoices;
mod m20261124_000014_runs;
mod m20261129_000015_write_offs;
mod m20261129_000016_letterhead;
mod m20261129_000017_night_items;
mod m20261129_000018_voucher_stock;
mod m20261129_000019_take_over;
mod m20261129_000020_mac_freed;
mod m20261129_000021_counter;

/// All migrations, in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_base::Migration),
            Box::new(m20261123_000002_routers::Migration),
            Box::new(m20261123_000003_vouchers::Migration),
            Box::new(m20261124_000004_voucher_terms::Migration),
            Box::new(m20261124_000005_voucher_search::Migration),
            Box::new(m20261124_000006_prices::Migration),
            Box::new(m20261124_000007_print::Migration),
            Box::new(m20261124_000008_voucher_life::Migration),
            Box::new(m20261124_000009_grants::Migration),
            Box::new(m20261124_000010_ledger::Migration),
            Box::new(m20261124_000011_customers::Migration),
            Box::new(m20261124_000012_subscriptions::Migration),
            Box::new(m20261124_000013_invoices::Migration),
            Box::new(m20261124_000014_runs::Migration),
            Box::new(m20261129_000015_write_offs::Migration),
            Box::new(m20261129_000016_letterhead::Migration),
            Box::new(m20261129_000017_night_items::Migration),
            Box::new(m20261129_000018_voucher_stock::Migration),
            Box::new(m20261129_000019_take_over::Migration),
            Box::new(m20261129_000020_mac_freed::Migration),
            Box::new(m20261129_000021_counter::Migration),
        ]
    }
}

/// Makes tables, then indexes.
async fn create(
    manager: &SchemaManager<'_>,
    tables: Vec<TableCreateStatement>,
    indexes: Vec<IndexCreateStatement>,
) -> Result<(), DbErr> {
    for table in tables {
        manager.create_table(table).await?;
    }
    for index in indexes {
        manager.create_index(index).await?;
    }
    Ok(())
}

/// Drops tables, in the order given: those that refer to others first.
async fn drop(manager: &SchemaManager<'_>, tables: &[&'static str]) -> Result<(), DbErr> {
    for table in tables {
        manager.drop_table(Table::drop().table(*table).to_owned()).await?;
    }
    Ok(())
}

/// Adds columns, one statement each: SQLite knows no other way.
async fn add_columns(manager: &SchemaManager<'_>, table: &'static str, columns: Vec<ColumnDef>) -> Result<(), DbErr> {
    for column in columns {
        manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
    }
    Ok(())
}

/// Drops columns that [`add_columns`] added.
async fn drop_columns(manager: &SchemaManager<'_>, table: &'static str, columns: Vec<ColumnDef>) -> Result<(), DbErr> {
    for column in columns {
        let name = column.get_column_name();
        manager.alter_table(Table::alter().table(table).drop_column(Alias::new(name)).to_owned()).await?;
    }
    Ok(())
}
