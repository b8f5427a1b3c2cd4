//! hiji's schema: one change a file, never edited once released. A new table is one file and one line here.

#![expect(elided_lifetimes_in_paths, reason = "the trait of async_trait is written with them elided")]

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m20261123_000001_base;
mod m20261123_000002_routers;
mod m20261123_000003_vouchers;

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
        ]
    }
}
