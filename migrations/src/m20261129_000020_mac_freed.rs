//! Subscriptions whose device was taken off: the router's binding goes.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{add_columns, drop_columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "subscription", added()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_columns(manager, "subscription", added()).await
    }
}

fn added() -> Vec<ColumnDef> {
    vec![boolean("is_mac_freed").default(false).take()]
}
