//! Nightly runs, isolation plans, messages to customers.

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
        let tables = ["message", "isolation_plan_item", "isolation_plan", "nightly_run"];
        drop(manager, &tables).await
    }
}

fn tables() -> Vec<TableCreateStatement> {
    vec![nightly_run(), isolation_plan(), isolation_plan_item(), message()]
}

fn nightly_run() -> TableCreateStatement {
    Table::create()
        .table("nightly_run")
        .col(big_pk_auto("id"))
        .col(big_integer("site_id"))
        .col(date("day"))
        // `running`, `done`, `failed`.
        .col(string("state"))
        // Where it is.
        .col(string("step"))
        // The last subscription of that step.
        .col(big_integer("after_id"))
        .col(json("counts"))
        // Names of what failed, up to a limit.
        .col(json("problems"))
        .col(string("error"))
        .col(timestamp_with_time_zone("started_at"))
        .col(timestamp_with_time_zone_null("finished_at"))
        .col(big_integer("took_ms"))
        .foreign_key(ForeignKey::create().from("nightly_run", "site_id").to("site", "id"))
        .to_owned()
}

fn isolation_plan() -> TableCreateStatement {
    Table::create()
        .table("isolation_plan")
        .col(big_pk_auto("id"))
        .col(big_integer("site_id"))
        .col(date("day"))
        // `planned`, `held`, `running`, `done`, `undone`, `dropped`.
        .col(string("state"))
        // Why a person must look first.
        .col(string("held_for"))
        .col(integer("wave"))
        // When that wave began.
        .col(timestamp_with_time_zone_null("wave_at"))
        .col(integer("total"))
        .col(timestamp_with_time_zone("created_at"))
        .col(big_integer_null("decided_by"))
        .col(timestamp_with_time_zone_null("decided_at"))
        .col(timestamp_with_time_zone_null("finished_at"))
        .foreign_key(ForeignKey::create().from("isolation_plan", "site_id").to("site", "id"))
        .to_owned()
}

fn isolation_plan_item() -> TableCreateStatement {
    Table::create()
        .table("isolation_plan_item")
        .col(big_integer("plan_id"))
        .col(big_integer("subscription_id"))
        .col(integer("wave"))
        .col(big_integer("owed"))
        .col(date_null("due_on"))
        // `planned`, `done`, `skipped`, `undone`.
        .col(string("state"))
        // Why it was skipped.
        .col(string("reason"))
        .primary_key(Index::create().col("plan_id").col("subscription_id"))
        .foreign_key(ForeignKey::create().from("isolation_plan_item", "plan_id").to("isolation_plan", "id"))
        .foreign_key(ForeignKey::create().from("isolation_plan_item", "subscription_id").to("subscription", "id"))
        .to_owned()
}

fn message() -> TableCreateStatement {
    Table::create()
        .table("message")
        .col(big_pk_auto("id"))
        // `invoice/7/due-3`: said once.
        .col(string("dedupe").unique_key())
        .col(big_integer("customer_id"))
        .col(big_integer("site_id"))
        .col(big_integer_null("invoice_id"))
        .col(big_integer_null("subscription_id"))
        // E.164; empty when he has none.
        .col(string("to_number"))
        .col(string("template"))
        .col(string("language"))
        .col(json("vars"))
        .col(string("body"))
        // `draft`, `to_call`, `dropped`.
        .col(string("state"))
        // Why it was dropped.
        .col(string("reason"))
        .col(timestamp_with_time_zone("not_before"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(ForeignKey::create().from("message", "customer_id").to("customer", "id"))
        .foreign_key(ForeignKey::create().from("message", "site_id").to("site", "id"))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let index = |name: &'static str, table: &'static str, columns: &[&'static str]| {
        let mut index = Index::create().name(name).table(table).to_owned();
        for column in columns {
            index.col(*column);
        }
        index
    };
    vec![
        // A day of a site is worked once.
        index("uq_nightly_run_day", "nightly_run", &["site_id", "day"]).unique().to_owned(),
        // One plan a day.
        index("uq_isolation_plan_day", "isolation_plan", &["site_id", "day"]).unique().to_owned(),
        // Plans a subscription was in.
        index("ix_isolation_plan_item", "isolation_plan_item", &["subscription_id"]),
        // What a customer was told.
        index("ix_message_customer", "message", &["customer_id", "state", "id"]),
        // What waits, of everybody.
        index("ix_message_state", "message", &["state", "id"]),
        // The same of a site.
        index("ix_message_site", "message", &["site_id", "state", "id"]),
        // What waits of an invoice: only the newest is sent.
        index("ix_message_invoice", "message", &["invoice_id", "state"]),
    ]
}
