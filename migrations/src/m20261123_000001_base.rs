//! Admins and their sessions, audit, jobs, leases, business events, idempotency keys, settings.

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
        drop(
            manager,
            &[
                "idempotency_key",
                "business_event",
                "lease",
                "job",
                "audit_entry",
                "admin_session",
                "admin_site",
                "admin",
                "setting",
            ],
        )
        .await
    }
}

fn tables() -> Vec<TableCreateStatement> {
    vec![
        setting(),
        admin(),
        admin_site(),
        admin_session(),
        audit_entry(),
        job(),
        lease(),
        business_event(),
        idempotency_key(),
    ]
}

fn setting() -> TableCreateStatement {
    Table::create()
        .table("setting")
        .col(string("key").primary_key())
        .col(json_binary("value"))
        .col(timestamp_with_time_zone("updated_at"))
        .to_owned()
}

fn admin() -> TableCreateStatement {
    Table::create()
        .table("admin")
        .col(big_pk_auto("id"))
        .col(string("username").unique_key())
        .col(string("display_name"))
        .col(text("password_hash"))
        .col(string("role"))
        .col(string("locale"))
        .col(boolean("active"))
        .col(integer("failed_logins"))
        .col(timestamp_with_time_zone_null("locked_until"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}

fn admin_site() -> TableCreateStatement {
    Table::create()
        .table("admin_site")
        .col(big_integer("admin_id"))
        .col(big_integer("site_id"))
        .primary_key(Index::create().col("admin_id").col("site_id"))
        .foreign_key(ForeignKey::create().from("admin_site", "admin_id").to("admin", "id"))
        .to_owned()
}

fn admin_session() -> TableCreateStatement {
    Table::create()
        .table("admin_session")
        .col(string("id").primary_key())
        .col(big_integer("admin_id"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("expires_at"))
        .col(timestamp_with_time_zone("last_seen_at"))
        .col(string("ip"))
        .col(string("user_agent"))
        .col(timestamp_with_time_zone_null("revoked_at"))
        .foreign_key(ForeignKey::create().from("admin_session", "admin_id").to("admin", "id"))
        .to_owned()
}

fn audit_entry() -> TableCreateStatement {
    Table::create()
        .table("audit_entry")
        .col(big_pk_auto("id"))
        .col(timestamp_with_time_zone("at"))
        .col(big_integer_null("admin_id"))
        .col(string("actor"))
        .col(string("action"))
        .col(string("object"))
        .col(big_integer_null("site_id"))
        .col(json_binary("detail"))
        .col(string("ip"))
        .col(string("prev_hash"))
        .col(string("hash"))
        .to_owned()
}

fn job() -> TableCreateStatement {
    Table::create()
        .table("job")
        .col(big_pk_auto("id"))
        .col(string("kind"))
        .col(json_binary("payload"))
        .col(string("state"))
        .col(string_null("dedupe_key").unique_key())
        .col(timestamp_with_time_zone("run_at"))
        .col(integer("attempts"))
        .col(timestamp_with_time_zone_null("lease_until"))
        .col(string_null("lease_holder"))
        .col(text_null("last_error"))
        .col(text_null("result"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("finished_at"))
        .to_owned()
}

fn lease() -> TableCreateStatement {
    Table::create()
        .table("lease")
        .col(string("name").primary_key())
        .col(string("holder"))
        .col(big_integer("fence"))
        .col(timestamp_with_time_zone("expires_at"))
        .to_owned()
}

fn business_event() -> TableCreateStatement {
    Table::create()
        .table("business_event")
        .col(big_pk_auto("id"))
        .col(timestamp_with_time_zone("at"))
        .col(big_integer_null("site_id"))
        .col(string("class"))
        .col(string("name"))
        .col(string("subject"))
        .col(json_binary("data"))
        .col(big_integer_null("hseq").unique_key())
        .to_owned()
}

fn idempotency_key() -> TableCreateStatement {
    Table::create()
        .table("idempotency_key")
        .col(string("caller"))
        .col(string("key"))
        .col(string("request_hash"))
        .col(integer_null("status"))
        .col(blob_null("body"))
        .col(timestamp_with_time_zone("created_at"))
        .primary_key(Index::create().col("caller").col("key"))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        Index::create().name("ix_admin_session_admin_id").table("admin_session").col("admin_id").to_owned(),
        Index::create().name("ix_job_due").table("job").col("state").col("run_at").to_owned(),
        Index::create().name("ix_business_event_pending").table("business_event").col("hseq").col("id").to_owned(),
        Index::create().name("ix_audit_entry_at").table("audit_entry").col("at").to_owned(),
    ]
}
