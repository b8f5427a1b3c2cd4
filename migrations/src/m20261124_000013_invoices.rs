//! Invoices with their lines, credit notes, payments with their receipts.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{create, drop};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, tables(), indexes()).await?;
        manager.get_connection().execute_unprepared(LOOSE).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX ix_posting_loose").await?;
        let tables = ["payment", "credit_note", "invoice_line", "invoice"];
        drop(manager, &tables).await
    }
}

/// What customers owe without an invoice, and their credit: few among very many postings.
const LOOSE: &str = "CREATE INDEX ix_posting_loose ON posting (customer_id, occurred_at)
    WHERE invoice_id IS NULL AND customer_id IS NOT NULL";

fn tables() -> Vec<TableCreateStatement> {
    vec![invoice(), invoice_line(), credit_note(), payment()]
}

fn invoice() -> TableCreateStatement {
    Table::create()
        .table("invoice")
        .col(big_pk_auto("id"))
        // Given when it is issued, without gaps.
        .col(string_null("number").unique_key())
        // What it is for, so that it is made once: `sub/12/2026-12-01`.
        .col(string("proposal").unique_key())
        // Of its pay page.
        .col(string("token").unique_key())
        .col(big_integer("customer_id"))
        .col(big_integer("site_id"))
        .col(big_integer_null("subscription_id"))
        // `period`, `first`, `change`, `final`, `manual`, `opening`.
        .col(string("kind"))
        .col(date_null("period_from"))
        // Exclusive.
        .col(date_null("period_until"))
        // `draft`, `open`, `partially_paid`, `paid`, `void`, `uncollectible`: of the ledger's allocations, kept beside them.
        .col(string("state"))
        .col(string("currency"))
        .col(big_integer("net"))
        .col(big_integer("tax"))
        .col(big_integer("total"))
        // Of payments, credit and credit notes.
        .col(big_integer("settled"))
        .col(string("tax_label"))
        .col(timestamp_with_time_zone_null("issued_at"))
        // Day of the site.
        .col(date_null("issued_on"))
        .col(date("due_on"))
        .col(timestamp_with_time_zone_null("paid_at"))
        .col(string("notes"))
        // Of the journal.
        .col(big_integer_null("entry_id"))
        .col(string("void_reason"))
        .col(timestamp_with_time_zone_null("voided_at"))
        .col(big_integer_null("created_by"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(ForeignKey::create().from("invoice", "customer_id").to("customer", "id"))
        .foreign_key(ForeignKey::create().from("invoice", "site_id").to("site", "id"))
        .to_owned()
}

fn invoice_line() -> TableCreateStatement {
    Table::create()
        .table("invoice_line")
        .col(big_pk_auto("id"))
        .col(big_integer("invoice_id"))
        .col(integer("position"))
        // `package`, `addon`, `setup`, `discount`, `proration`, `other`.
        .col(string("kind"))
        .col(string("text"))
        .col(integer("quantity"))
        .col(big_integer("unit_price"))
        .col(big_integer("amount"))
        .col(big_integer("cost"))
        .col(boolean("is_taxed"))
        .col(big_integer_null("package_id"))
        .col(big_integer_null("addon_id"))
        .col(date_null("from_day"))
        .col(date_null("until_day"))
        .foreign_key(ForeignKey::create().from("invoice_line", "invoice_id").to("invoice", "id"))
        .to_owned()
}

fn credit_note() -> TableCreateStatement {
    Table::create()
        .table("credit_note")
        .col(big_pk_auto("id"))
        .col(string("number").unique_key())
        .col(string("form_id").unique_key())
        .col(big_integer("invoice_id"))
        .col(big_integer("customer_id"))
        .col(string("currency"))
        .col(big_integer("net"))
        .col(big_integer("tax"))
        .col(big_integer("amount"))
        // What became balance.
        .col(big_integer("to_credit"))
        .col(string("reason"))
        .col(big_integer("entry_id"))
        .col(big_integer_null("created_by"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(ForeignKey::create().from("credit_note", "invoice_id").to("invoice", "id"))
        .to_owned()
}

fn payment() -> TableCreateStatement {
    Table::create()
        .table("payment")
        .col(big_pk_auto("id"))
        // Of the receipt.
        .col(string("number").unique_key())
        .col(string("form_id").unique_key())
        .col(big_integer("customer_id"))
        .col(big_integer("site_id"))
        // `payment`, `credit_used`, `refund`.
        .col(string("kind"))
        // `cash`, `bank_transfer`; `credit` when the balance was used.
        .col(string("method"))
        .col(string("currency"))
        // What was booked.
        .col(big_integer("amount"))
        // What was handed over.
        .col(big_integer("given"))
        // What was handed back.
        .col(big_integer("change"))
        // What became balance.
        .col(big_integer("to_credit"))
        // A service was opened again on the promise of the rest.
        .col(boolean("is_promised"))
        .col(big_integer("entry_id"))
        .col(timestamp_with_time_zone("received_at"))
        .col(string("note"))
        // `booked`, `reversed`.
        .col(string("state"))
        .col(timestamp_with_time_zone_null("reversed_at"))
        .col(string("reverse_reason"))
        .col(integer("printed"))
        .col(big_integer_null("taken_by"))
        .col(string("taken_name"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(ForeignKey::create().from("payment", "customer_id").to("customer", "id"))
        .foreign_key(ForeignKey::create().from("payment", "site_id").to("site", "id"))
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
        // Invoices of a customer.
        index("ix_invoice_customer", "invoice", &["customer_id", "id"]),
        // What he owes, oldest due first.
        index("ix_invoice_customer_state", "invoice", &["customer_id", "state", "due_on"]),
        // Lists by state and due day, and what they sum up to.
        index("ix_invoice_state", "invoice", &["state", "due_on", "id", "currency", "total", "settled"]),
        // The same of a site.
        index(
            "ix_invoice_site_state",
            "invoice",
            &["site_id", "state", "due_on", "id", "currency", "total", "settled"],
        ),
        // All of a site, newest first.
        index("ix_invoice_site", "invoice", &["site_id", "id"]),
        // Invoices of a subscription.
        index("ix_invoice_subscription", "invoice", &["subscription_id", "id"]),
        // Lines of an invoice.
        index("ix_invoice_line", "invoice_line", &["invoice_id", "position"]),
        // Credit notes of an invoice.
        index("ix_credit_note_invoice", "credit_note", &["invoice_id"]),
        // Payments of a customer.
        index("ix_payment_customer", "payment", &["customer_id", "id"]),
        // Payments, newest first; those of a site.
        index("ix_payment_received", "payment", &["received_at", "id"]),
        index("ix_payment_site", "payment", &["site_id", "received_at", "id"]),
        // From the journal to the payment.
        index("ix_payment_entry", "payment", &["entry_id"]),
        // What a cashier took.
        index("ix_payment_taken", "payment", &["taken_by", "received_at", "id"]),
    ]
}
