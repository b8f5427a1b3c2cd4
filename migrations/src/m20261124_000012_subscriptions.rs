//! Subscriptions: terms of packages, add-ons, PPN rates, what routers need to isolate, services of customers.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{add_columns, create, drop, drop_columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// A name belongs to one living subscription of a router.
const SUBSCRIPTION_USERNAME: &str = "CREATE UNIQUE INDEX uq_subscription_username ON subscription (router_id, service, username) WHERE state <> 'ended'";

/// Few have a promise, or a change of package that waits for its payment.
const FEW: [&str; 2] = [
    "CREATE INDEX ix_subscription_promise ON subscription (site_id, promise_until) WHERE promise_until IS NOT NULL",
    "CREATE INDEX ix_subscription_change ON subscription (site_id, id) WHERE next_package_id IS NOT NULL AND next_package_from IS NULL",
];

/// What packages that are there are sold as. Those of subscriptions had limits of vouchers by mistake only; grace is 30
/// days at most.
const SOLD: [&str; 3] = [
    "UPDATE package SET sold_as = 'subscription', online_secs = NULL, active_secs = NULL, limit_bytes = NULL, mac_lock = FALSE, activate_before_secs = NULL, activate_before = NULL WHERE service = 'pppoe'",
    "UPDATE package SET bill_day = 1 WHERE cycle = 'monthly'",
    "UPDATE package SET grace_days = 30 WHERE grace_days > 30",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "package", terms()).await?;
        let db = manager.get_connection();
        for amend in SOLD {
            db.execute_unprepared(amend).await?;
        }
        // The hour of the nightly run.
        add_columns(manager, "site", vec![integer("run_hour").default(0).take()]).await?;
        // Days of grace of all subscriptions of a customer, instead of theirs.
        add_columns(manager, "customer", vec![integer_null("grace_days").take()]).await?;
        create(manager, tables(), indexes()).await?;
        for index in [SUBSCRIPTION_USERNAME, FEW[0], FEW[1]] {
            db.execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            "subscription_intake_row",
            "subscription_intake",
            "subscription_event",
            "subscription_addon",
            "subscription",
            "router_isolation",
            "tax_rate",
            "addon",
        ];
        drop(manager, &tables).await?;
        drop_columns(manager, "customer", vec![integer_null("grace_days").take()]).await?;
        drop_columns(manager, "site", vec![integer("run_hour").take()]).await?;
        drop_columns(manager, "package", terms()).await
    }
}

fn tables() -> Vec<TableCreateStatement> {
    vec![
        addon(),
        tax_rate(),
        router_isolation(),
        subscription(),
        subscription_addon(),
        subscription_event(),
        subscription_intake(),
        subscription_intake_row(),
    ]
}

fn addon() -> TableCreateStatement {
    Table::create()
        .table("addon")
        .col(big_pk_auto("id"))
        .col(string("name").unique_key())
        .col(string("currency"))
        .col(big_integer("price"))
        .col(big_integer("cost"))
        // `one_off`, `monthly`.
        .col(string("kind"))
        .col(boolean("is_taxed"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("archived_at"))
        .to_owned()
}

fn tax_rate() -> TableCreateStatement {
    Table::create()
        .table("tax_rate")
        .col(big_pk_auto("id"))
        .col(date("valid_from").unique_key())
        // Hundredths of a per cent.
        .col(integer("rate_bps"))
        // The share of the amount that is taxed (DPP nilai lain).
        .col(integer("base_num"))
        .col(integer("base_den"))
        // Whether prices contain it.
        .col(boolean("is_inclusive"))
        .col(string("label"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}

fn router_isolation() -> TableCreateStatement {
    Table::create()
        .table("router_isolation")
        .col(big_integer("router_id").primary_key())
        .col(boolean("is_wanted"))
        .col(string("ppp_profile"))
        .col(string("hotspot_profile"))
        .col(string("pool"))
        .col(string("ranges"))
        .col(string("local_address"))
        .col(string("rate_limit"))
        .col(string("list"))
        // Where isolated customers are led; empty = nowhere.
        .col(string("page_address"))
        // Hosts that stay reachable, one a line.
        .col(text("allowed"))
        // Of the lines that were shown before it was applied.
        .col(string("shown_digest"))
        .col(big_integer_null("set_by"))
        .col(timestamp_with_time_zone("set_at"))
        .foreign_key(ForeignKey::create().from("router_isolation", "router_id").to("router", "id"))
        .to_owned()
}

fn subscription() -> TableCreateStatement {
    Table::create()
        .table("subscription")
        .col(big_pk_auto("id"))
        .col(string("number").unique_key())
        .col(string("form_id").unique_key())
        .col(big_integer("customer_id"))
        .col(big_integer("site_id"))
        .col(big_integer("router_id"))
        .col(big_integer("package_id"))
        .col(string("service"))
        .col(string("username"))
        // Typed by a person: it is not replaced by another when the router has it for somebody else.
        .col(boolean("is_name_typed"))
        // Sealed.
        .col(blob("password"))
        // Its maker has not seen it yet.
        .col(boolean("is_secret_new"))
        .col(string("server"))
        // Static; remembered while isolated.
        .col(string("remote_address"))
        .col(string("mac"))
        // `pending`, `active`, `grace`, `isolated`, `paused`, `ended`.
        .col(string("state"))
        .col(string("currency"))
        // What a whole period costs; the package's when it was set.
        .col(big_integer("price"))
        .col(big_integer("cost"))
        .col(boolean("is_taxed"))
        // Off each period.
        .col(big_integer("discount"))
        .col(string("discount_reason"))
        // The last day it holds.
        .col(date_null("discount_until"))
        .col(string("cycle"))
        // 1 to 28, of fixed cycles.
        .col(integer_null("bill_day"))
        .col(boolean("is_prepaid"))
        // Days from the invoice to its due day.
        .col(integer("due_days"))
        .col(integer("grace_days"))
        .col(string("on_expiry"))
        // First day of service.
        .col(date_null("started_on"))
        // The day periods are counted from.
        .col(date_null("anchor"))
        // First day not yet invoiced.
        .col(date_null("billed_until"))
        // First day not paid.
        .col(date_null("covered_until"))
        // When it is no longer paid for.
        .col(timestamp_with_time_zone_null("lapses_at"))
        // When the next thing falls due: grace, isolation, end of a promise or pause.
        .col(timestamp_with_time_zone_null("acts_at"))
        .col(timestamp_with_time_zone_null("promise_until"))
        // Never isolated.
        .col(boolean("is_exempt"))
        .col(string("exempt_reason"))
        // Isolated by a person although nothing was due: only a person restores it.
        .col(boolean("is_held"))
        // From the balance only.
        .col(boolean("is_auto_renewed"))
        .col(date_null("paused_from"))
        // First day of service again.
        .col(date_null("paused_until"))
        // First day without service.
        .col(date_null("ends_on"))
        .col(string("end_reason"))
        .col(big_integer_null("next_package_id"))
        .col(date_null("next_package_from"))
        // `open`, `isolated`, `disabled`, `removed`; empty = nothing yet.
        .col(string("wanted"))
        // Of the router's wanted state.
        .col(big_integer("wanted_rev"))
        .col(string("observed"))
        .col(timestamp_with_time_zone_null("verified_at"))
        .col(string("fail_code"))
        .col(string("fail_message"))
        // Counts changes; a form carries the one it was drawn from.
        .col(integer("version"))
        .col(big_integer_null("created_by"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("ended_at"))
        .foreign_key(ForeignKey::create().from("subscription", "customer_id").to("customer", "id"))
        .foreign_key(ForeignKey::create().from("subscription", "site_id").to("site", "id"))
        .foreign_key(ForeignKey::create().from("subscription", "router_id").to("router", "id"))
        .foreign_key(ForeignKey::create().from("subscription", "package_id").to("package", "id"))
        .to_owned()
}

fn subscription_addon() -> TableCreateStatement {
    Table::create()
        .table("subscription_addon")
        .col(big_pk_auto("id"))
        .col(big_integer("subscription_id"))
        // None: something that is asked for once, of no add-on.
        .col(big_integer_null("addon_id"))
        .col(string("name"))
        .col(string("kind"))
        .col(integer("quantity"))
        // Of one, as agreed.
        .col(big_integer("price"))
        .col(big_integer("cost"))
        .col(boolean("is_taxed"))
        .col(date("from_day"))
        .col(date_null("until_day"))
        // Of one-off ones.
        .col(timestamp_with_time_zone_null("billed_at"))
        .foreign_key(ForeignKey::create().from("subscription_addon", "subscription_id").to("subscription", "id"))
        .foreign_key(ForeignKey::create().from("subscription_addon", "addon_id").to("addon", "id"))
        .to_owned()
}

fn subscription_event() -> TableCreateStatement {
    Table::create()
        .table("subscription_event")
        .col(big_pk_auto("id"))
        .col(big_integer("subscription_id"))
        .col(timestamp_with_time_zone("at"))
        .col(big_integer_null("admin_id"))
        .col(string("actor"))
        .col(string("what"))
        .col(json("detail"))
        .foreign_key(ForeignKey::create().from("subscription_event", "subscription_id").to("subscription", "id"))
        .to_owned()
}

fn subscription_intake() -> TableCreateStatement {
    Table::create()
        .table("subscription_intake")
        .col(big_pk_auto("id"))
        .col(string("form_id").unique_key())
        .col(big_integer("site_id"))
        .col(big_integer("router_id"))
        .col(big_integer("package_id"))
        // `takeover`, `new`.
        .col(string("kind"))
        // Empty: made by number.
        .col(string("file_name"))
        .col(string("found"))
        .col(json("columns"))
        .col(date_null("starts_on"))
        // `ready`, `queued`, `done`.
        .col(string("state"))
        .col(integer("good"))
        .col(integer("bad"))
        .col(integer("done"))
        .col(string("failure"))
        .col(big_integer_null("created_by"))
        .col(string("created_name"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("finished_at"))
        .foreign_key(ForeignKey::create().from("subscription_intake", "site_id").to("site", "id"))
        .foreign_key(ForeignKey::create().from("subscription_intake", "router_id").to("router", "id"))
        .foreign_key(ForeignKey::create().from("subscription_intake", "package_id").to("package", "id"))
        .to_owned()
}

fn subscription_intake_row() -> TableCreateStatement {
    Table::create()
        .table("subscription_intake_row")
        .col(big_integer("intake_id"))
        .col(integer("line"))
        .col(boolean("is_good"))
        // The cells, sealed: they may hold secrets.
        .col(blob("cells"))
        .col(json("errors"))
        // What it became.
        .col(big_integer_null("subscription_id"))
        .primary_key(Index::create().col("intake_id").col("line"))
        .foreign_key(ForeignKey::create().from("subscription_intake_row", "intake_id").to("subscription_intake", "id"))
        .foreign_key(ForeignKey::create().from("subscription_intake_row", "subscription_id").to("subscription", "id"))
        .to_owned()
}

/// What packages of subscriptions have beside those of vouchers.
fn terms() -> Vec<ColumnDef> {
    vec![
        // `voucher` or `subscription`.
        string("sold_as").default("voucher").take(),
        boolean("is_prepaid").default(true).take(),
        // 1 to 28, of fixed cycles.
        integer_null("bill_day").take(),
        // Days from the invoice to its due day.
        integer("due_days").default(0).take(),
        // `prorate`, `full` or `free`.
        string("first_period").default("prorate").take(),
        big_integer("setup_fee").default(0).take(),
        boolean("is_taxed").default(false).take(),
        // Of the PPP profile that hiji makes.
        string("local_address").default("").take(),
        string("address_pool").default("").take(),
    ]
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
        // The services of a customer.
        index("ix_subscription_customer", "subscription", &["customer_id", "id"]),
        // Lists by site and state.
        index("ix_subscription_site_state", "subscription", &["site_id", "state", "id"]),
        // Lists by state.
        index("ix_subscription_state", "subscription", &["state", "id"]),
        // Who has a package.
        index("ix_subscription_package", "subscription", &["package_id", "state", "id"]),
        // Who hangs on a router.
        index("ix_subscription_router", "subscription", &["router_id", "state", "id"]),
        // What the nightly run bills.
        index("ix_subscription_billing", "subscription", &["site_id", "billed_until", "id"]),
        // What falls due.
        index("ix_subscription_acts", "subscription", &["site_id", "acts_at", "id"]),
        // Search by name.
        index("ix_subscription_username", "subscription", &["username"]),
        // Add-ons of a subscription.
        index("ix_subscription_addon", "subscription_addon", &["subscription_id"]),
        // Many on their way in, of a site, newest first.
        index("ix_subscription_intake_site", "subscription_intake", &["site_id", "id"]),
        // Those that come in, and those that stay out.
        index("ix_subscription_intake_row", "subscription_intake_row", &["intake_id", "is_good", "line"]),
        // History.
        index("ix_subscription_event", "subscription_event", &["subscription_id", "id"]),
    ]
}
