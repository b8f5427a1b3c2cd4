//! Sites, routers, their agents, what they report and what they shall be.

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
                "router_session",
                "mirror_state",
                "mirror_row",
                "command",
                "desired_object",
                "agent_cursor",
                "agent_inbox",
                "enrollment",
                "agent",
                "router",
                "site",
            ],
        )
        .await
    }
}

fn tables() -> Vec<TableCreateStatement> {
    vec![
        site(),
        router(),
        agent(),
        enrollment(),
        agent_inbox(),
        agent_cursor(),
        desired_object(),
        command(),
        mirror_row(),
        mirror_state(),
        router_session(),
    ]
}

fn site() -> TableCreateStatement {
    Table::create()
        .table("site")
        .col(big_pk_auto("id"))
        .col(string("name").unique_key())
        .col(string("timezone"))
        .col(string("wifi_name"))
        .col(string("address"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}

fn router() -> TableCreateStatement {
    Table::create()
        .table("router")
        .col(big_pk_auto("id"))
        .col(big_integer("site_id"))
        .col(string("name"))
        .col(big_integer("desired_rev"))
        .col(json_binary("facts"))
        .col(timestamp_with_time_zone_null("facts_at"))
        .col(boolean("reach"))
        .col(string("reach_error"))
        .col(timestamp_with_time_zone_null("reach_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("archived_at"))
        .foreign_key(ForeignKey::create().from("router", "site_id").to("site", "id"))
        .to_owned()
}

fn agent() -> TableCreateStatement {
    Table::create()
        .table("agent")
        .col(string("id").primary_key())
        .col(big_integer("router_id"))
        .col(blob("secret"))
        .col(string("state"))
        .col(string("version"))
        .col(json_binary("caps"))
        .col(json_binary("fingerprint"))
        .col(timestamp_with_time_zone("enrolled_at"))
        .col(timestamp_with_time_zone_null("approved_at"))
        .col(boolean("online"))
        .col(timestamp_with_time_zone_null("online_since"))
        .col(timestamp_with_time_zone_null("last_seen_at"))
        .col(big_integer("conn"))
        .col(big_integer("have_rev"))
        .col(big_integer("cseq"))
        .col(string("alert"))
        .foreign_key(ForeignKey::create().from("agent", "router_id").to("router", "id"))
        .to_owned()
}

fn enrollment() -> TableCreateStatement {
    Table::create()
        .table("enrollment")
        .col(big_pk_auto("id"))
        .col(big_integer("router_id"))
        .col(string("token_hash").unique_key())
        .col(boolean("auto_approve"))
        .col(big_integer_null("created_by"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("expires_at"))
        .col(timestamp_with_time_zone_null("used_at"))
        .col(string_null("nonce_hash"))
        .col(string_null("agent_id"))
        .foreign_key(ForeignKey::create().from("enrollment", "router_id").to("router", "id"))
        .to_owned()
}

fn agent_inbox() -> TableCreateStatement {
    Table::create()
        .table("agent_inbox")
        .col(string("agent_id"))
        .col(big_integer("epoch"))
        .col(big_integer("seq"))
        .col(string("kind"))
        .col(timestamp_with_time_zone("event_at"))
        .col(boolean("estimated"))
        .col(text("body"))
        .col(timestamp_with_time_zone("received_at"))
        .primary_key(Index::create().col("agent_id").col("epoch").col("seq"))
        .to_owned()
}

fn agent_cursor() -> TableCreateStatement {
    Table::create()
        .table("agent_cursor")
        .col(string("agent_id").primary_key())
        .col(big_integer("epoch"))
        .col(big_integer("applied_seq"))
        .to_owned()
}

fn desired_object() -> TableCreateStatement {
    Table::create()
        .table("desired_object")
        .col(big_integer("router_id"))
        .col(string("kind"))
        .col(string("name"))
        .col(big_integer("rev"))
        .col(json_binary("doc"))
        .col(blob_null("secret"))
        .col(boolean("gone"))
        .col(string("status"))
        .col(string("code"))
        .col(string("message"))
        .col(timestamp_with_time_zone_null("proven_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().col("router_id").col("kind").col("name"))
        .foreign_key(ForeignKey::create().from("desired_object", "router_id").to("router", "id"))
        .to_owned()
}

fn command() -> TableCreateStatement {
    Table::create()
        .table("command")
        .col(string("id").primary_key())
        .col(big_integer("router_id"))
        .col(string("op"))
        .col(json_binary("args"))
        .col(string("state"))
        .col(string("code"))
        .col(string("message"))
        .col(big_integer("from_rev"))
        .col(big_integer("to_rev"))
        .col(integer("wanted"))
        .col(integer("applied"))
        .col(integer("failed"))
        .col(string("requested_by"))
        .col(timestamp_with_time_zone("requested_at"))
        .col(timestamp_with_time_zone("expires_at"))
        .col(timestamp_with_time_zone_null("delivered_at"))
        .col(timestamp_with_time_zone_null("finished_at"))
        .foreign_key(ForeignKey::create().from("command", "router_id").to("router", "id"))
        .to_owned()
}

fn mirror_row() -> TableCreateStatement {
    Table::create()
        .table("mirror_row")
        .col(big_integer("router_id"))
        .col(string("kind"))
        .col(string("name"))
        .col(string("profile"))
        .col(string("comment"))
        .col(boolean("disabled"))
        .col(boolean("marked"))
        .col(json_binary("doc"))
        .col(string("hash"))
        .col(timestamp_with_time_zone("seen_at"))
        .primary_key(Index::create().col("router_id").col("kind").col("name"))
        .foreign_key(ForeignKey::create().from("mirror_row", "router_id").to("router", "id"))
        .to_owned()
}

fn mirror_state() -> TableCreateStatement {
    Table::create()
        .table("mirror_state")
        .col(big_integer("router_id"))
        .col(string("kind"))
        .col(big_integer("rows"))
        .col(string("root"))
        .col(timestamp_with_time_zone_null("synced_at"))
        .col(boolean("stale"))
        .primary_key(Index::create().col("router_id").col("kind"))
        .foreign_key(ForeignKey::create().from("mirror_state", "router_id").to("router", "id"))
        .to_owned()
}

fn router_session() -> TableCreateStatement {
    Table::create()
        .table("router_session")
        .col(big_pk_auto("id"))
        .col(big_integer("router_id"))
        .col(string("sid"))
        .col(string("service"))
        .col(string("username"))
        .col(string("address"))
        .col(string("mac"))
        .col(string("server"))
        .col(timestamp_with_time_zone("started_at"))
        .col(timestamp_with_time_zone_null("ended_at"))
        .col(big_integer("uptime_secs"))
        .col(big_integer("bytes_in"))
        .col(big_integer("bytes_out"))
        .col(string("reason"))
        .col(timestamp_with_time_zone("seen_at"))
        .foreign_key(ForeignKey::create().from("router_session", "router_id").to("router", "id"))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        Index::create().name("uq_router_site_name").table("router").col("site_id").col("name").unique().to_owned(),
        Index::create().name("ix_agent_router").table("agent").col("router_id").to_owned(),
        Index::create()
            .name("uq_desired_object_rev")
            .table("desired_object")
            .col("router_id")
            .col("rev")
            .unique()
            .to_owned(),
        Index::create()
            .name("ix_desired_object_status")
            .table("desired_object")
            .col("router_id")
            .col("status")
            .to_owned(),
        Index::create().name("ix_command_router").table("command").col("router_id").col("requested_at").to_owned(),
        Index::create().name("ix_command_state").table("command").col("state").col("requested_at").to_owned(),
        Index::create().name("ix_agent_inbox_received").table("agent_inbox").col("received_at").to_owned(),
        Index::create()
            .name("uq_router_session_sid")
            .table("router_session")
            .col("router_id")
            .col("sid")
            .unique()
            .to_owned(),
        Index::create()
            .name("ix_router_session_open")
            .table("router_session")
            .col("ended_at")
            .col("service")
            .col("router_id")
            .to_owned(),
        Index::create()
            .name("ix_router_session_user")
            .table("router_session")
            .col("router_id")
            .col("username")
            .col("started_at")
            .to_owned(),
    ]
}
