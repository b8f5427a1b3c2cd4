//! What finding one voucher among a hundred thousand needs: an index for each way people look, and a note of its own.

use sea_orm_migration::{prelude::*, schema::string, sea_orm::DbBackend};

use crate::{add_columns, drop_columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Name, table, columns, condition. `lower(code)` and `mac` are compared byte by byte (`{C}`), so that a beginning is a
/// range on PostgreSQL too. `id` ends each: it settles the order of equals, and pages begin after it. SQLite has it at
/// the end of every index anyway, but does not mind.
const INDEXES: [(&str, &str, &str, &str); 16] = [
    ("ix_voucher_lower_code", "voucher", "(lower(code){C}), id", ""),
    ("ix_voucher_site_lower_code", "voucher", "site_id, (lower(code){C}), id", ""),
    ("ix_voucher_status_id", "voucher", "status, id", ""),
    ("ix_voucher_site_status_id", "voucher", "site_id, status, id", ""),
    ("ix_voucher_site_id", "voucher", "site_id, id", ""),
    ("ix_voucher_router_id", "voucher", "router_id, id", ""),
    ("ix_voucher_package_id", "voucher", "package_id, id", ""),
    ("ix_voucher_batch_id", "voucher", "batch_id, id", ""),
    ("ix_voucher_created", "voucher", "created_at, id", ""),
    // Most vouchers were never used: what only used ones have is indexed for those.
    ("ix_voucher_seller_id", "voucher", "seller_id, id", "seller_id IS NOT NULL"),
    ("ix_voucher_mac", "voucher", "(mac{C}), id", "mac <> ''"),
    ("ix_voucher_login_id", "voucher", "first_login_at, id", "first_login_at IS NOT NULL"),
    ("ix_voucher_ended_id", "voucher", "ended_at, id", "ended_at IS NOT NULL"),
    ("ix_voucher_site_ended", "voucher", "site_id, ended_at, id", "ended_at IS NOT NULL"),
    ("ix_voucher_site_until", "voucher", "site_id, status, valid_until, id", "valid_until IS NOT NULL"),
    ("ix_router_session_online", "router_session", "router_id, username", "ended_at IS NULL"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "voucher", columns()).await?;
        // SeaORM has no words for indexes on expressions, or with a collation.
        let on_postgres = manager.get_database_backend() == DbBackend::Postgres;
        let collation = if on_postgres { " COLLATE \"C\"" } else { "" };
        for (name, table, columns, condition) in INDEXES {
            let columns = columns.replace("{C}", collation);
            let condition = if condition.is_empty() { String::new() } else { format!(" WHERE {condition}") };
            let sql = format!("CREATE INDEX {name} ON {table} ({columns}){condition}");
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, ..) in INDEXES {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {name}")).await?;
        }
        drop_columns(manager, "voucher", columns()).await
    }
}

fn columns() -> Vec<ColumnDef> {
    vec![string("note").default("").take()]
}
