//! The operator's logo, for what goes to customers on paper: one row, or none.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{create, drop};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, vec![company_logo()], Vec::new()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["company_logo"]).await
    }
}

fn company_logo() -> TableCreateStatement {
    Table::create()
        .table("company_logo")
        // Always the same: there is one.
        .col(big_integer("id").primary_key())
        .col(blob("picture"))
        // Its media type.
        .col(string("kind"))
        // Of its content, as its address says.
        .col(string("word"))
        .col(timestamp_with_time_zone("updated_at"))
        .to_owned()
}
