//! The ledger: accounts, journal entries, postings, allocations, number series, and the balances kept beside them.
//!
//! Entries and postings are never changed or deleted; triggers of both databases refuse it. That an entry sums to 0 in
//! each currency is a deferred constraint on PostgreSQL; SQLite has none, there code and the nightly proof see to it.
//! Customers and invoices are referred to without a foreign key: they stand above the ledger.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

use crate::{create, drop};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Tables whose rows stay as they were written.
const KEPT: [&str; 4] = ["account", "journal_entry", "posting", "allocation"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, tables(), indexes()).await?;
        let db = manager.get_connection();
        let postgres = db.get_database_backend() == DbBackend::Postgres;
        let statements = if postgres { postgres_triggers() } else { sqlite_triggers() };
        for statement in statements {
            db.execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            "ledger_proof",
            "account_balance",
            "customer_balance",
            "number_series",
            "allocation",
            "posting",
            "journal_entry",
            "account",
        ];
        drop(manager, &tables).await?;
        let db = manager.get_connection();
        if db.get_database_backend() == DbBackend::Postgres {
            for function in ["ledger_kept", "ledger_entry_balanced", "ledger_entry_not_empty"] {
                db.execute_unprepared(&format!("DROP FUNCTION {function}()")).await?;
            }
        }
        Ok(())
    }
}

fn postgres_triggers() -> Vec<String> {
    let mut statements = vec![
        "CREATE FUNCTION ledger_kept() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME; END $$"
            .to_owned(),
        "CREATE FUNCTION ledger_entry_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
           IF EXISTS (SELECT 1 FROM posting WHERE entry_id = NEW.entry_id
                      GROUP BY currency HAVING SUM(amount_minor) <> 0) THEN
             RAISE EXCEPTION 'entry % does not sum to zero', NEW.entry_id;
           END IF;
           RETURN NULL;
         END $$"
            .to_owned(),
        "CREATE FUNCTION ledger_entry_not_empty() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
           IF NOT EXISTS (SELECT 1 FROM posting WHERE entry_id = NEW.id) THEN
             RAISE EXCEPTION 'entry % has no postings', NEW.id;
           END IF;
           RETURN NULL;
         END $$"
            .to_owned(),
        "CREATE CONSTRAINT TRIGGER posting_balanced AFTER INSERT ON posting DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION ledger_entry_balanced()"
            .to_owned(),
        "CREATE CONSTRAINT TRIGGER journal_entry_not_empty AFTER INSERT ON journal_entry DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION ledger_entry_not_empty()"
            .to_owned(),
    ];
    for table in KEPT {
        statements.push(format!(
            "CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table}
             FOR EACH ROW EXECUTE FUNCTION ledger_kept()"
        ));
        statements.push(format!(
            "CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table}
             FOR EACH STATEMENT EXECUTE FUNCTION ledger_kept()"
        ));
    }
    statements
}

fn sqlite_triggers() -> Vec<String> {
    let refuse = |table: &str, deed: &str| {
        format!(
            "CREATE TRIGGER {table}_no_{deed} BEFORE {deed} ON {table}
             BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"
        )
    };
    KEPT.iter().flat_map(|table| [refuse(table, "UPDATE"), refuse(table, "DELETE")]).collect()
}

fn tables() -> Vec<TableCreateStatement> {
    vec![
        account(),
        journal_entry(),
        posting(),
        allocation(),
        number_series(),
        customer_balance(),
        account_balance(),
        proof(),
    ]
}

fn account() -> TableCreateStatement {
    Table::create()
        .table("account")
        .col(big_pk_auto("id"))
        .col(string("code"))
        .col(string("kind"))
        .col(string("currency"))
        // Which drawer, bank or gateway: `shift/7`, `bank/2`, `gateway/duitku`; empty where there is one.
        .col(string("sub"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}

fn journal_entry() -> TableCreateStatement {
    Table::create()
        .table("journal_entry")
        .col(big_pk_auto("id"))
        .col(timestamp_with_time_zone("occurred_at"))
        .col(timestamp_with_time_zone("recorded_at"))
        .col(string("kind"))
        .col(string("source_type"))
        .col(string("source_id"))
        .col(string("memo"))
        .col(big_integer_null("actor_id"))
        .col(string("actor"))
        .col(big_integer_null("site_id"))
        .col(big_integer_null("reverses_id").unique_key())
        // Of the postings: another content under the same source is seen, and so is a change behind our back.
        .col(string("digest"))
        .foreign_key(ForeignKey::create().from("journal_entry", "site_id").to("site", "id"))
        .foreign_key(ForeignKey::create().from("journal_entry", "reverses_id").to("journal_entry", "id"))
        .to_owned()
}

fn posting() -> TableCreateStatement {
    Table::create()
        .table("posting")
        .col(big_pk_auto("id"))
        .col(big_integer("entry_id"))
        .col(big_integer("account_id"))
        .col(big_integer("amount_minor").check(Expr::col("amount_minor").ne(0)))
        .col(string("currency"))
        .col(big_integer_null("customer_id"))
        .col(big_integer_null("invoice_id"))
        .col(big_integer_null("attempt_id"))
        // The entry's, so that statements by date are one walk of an index.
        .col(timestamp_with_time_zone("occurred_at"))
        .foreign_key(ForeignKey::create().from("posting", "entry_id").to("journal_entry", "id"))
        .foreign_key(ForeignKey::create().from("posting", "account_id").to("account", "id"))
        .to_owned()
}

fn allocation() -> TableCreateStatement {
    Table::create()
        .table("allocation")
        .col(big_pk_auto("id"))
        .col(big_integer("entry_id"))
        .col(big_integer("invoice_id"))
        .col(big_integer("customer_id"))
        // What the entry settles of the invoice; a reversal gives it back with a minus.
        .col(big_integer("amount_minor").check(Expr::col("amount_minor").ne(0)))
        .col(string("currency"))
        .col(timestamp_with_time_zone("occurred_at"))
        .foreign_key(ForeignKey::create().from("allocation", "entry_id").to("journal_entry", "id"))
        .to_owned()
}

fn number_series() -> TableCreateStatement {
    Table::create()
        .table("number_series")
        .col(string("series"))
        .col(string("period"))
        .col(big_integer("last"))
        .primary_key(Index::create().col("series").col("period"))
        .to_owned()
}

fn customer_balance() -> TableCreateStatement {
    Table::create()
        .table("customer_balance")
        .col(big_integer("customer_id"))
        .col(string("currency"))
        .col(big_integer("receivable"))
        .col(big_integer("credit"))
        .primary_key(Index::create().col("customer_id").col("currency"))
        .to_owned()
}

/// Sums up to a posting; what came after is added when the balance is asked for. A sum changed by every payment would
/// be one row that all payments wait for.
fn account_balance() -> TableCreateStatement {
    Table::create()
        .table("account_balance")
        .col(big_integer("account_id").primary_key())
        .col(big_integer("through_entry"))
        .col(big_integer("debit"))
        .col(big_integer("credit"))
        .foreign_key(ForeignKey::create().from("account_balance", "account_id").to("account", "id"))
        .to_owned()
}

fn proof() -> TableCreateStatement {
    Table::create()
        .table("ledger_proof")
        .col(big_pk_auto("id"))
        .col(timestamp_with_time_zone("at"))
        .col(boolean("whole"))
        .col(big_integer("through_entry"))
        .col(big_integer("entries"))
        .col(json("differences"))
        .to_owned()
}

fn index(name: &'static str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).to_owned();
    for column in columns {
        index.col(*column);
    }
    index
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index("uq_account_code", "account", &["code", "currency", "sub"]).unique().to_owned(),
        // The same source books once.
        index("uq_journal_entry_source", "journal_entry", &["source_type", "source_id", "kind"]).unique().to_owned(),
        // The journal by date.
        index("ix_journal_entry_occurred", "journal_entry", &["occurred_at", "id"]),
        // An entry with its postings; the PostgreSQL constraint.
        index("ix_posting_entry", "posting", &["entry_id"]),
        // An account by date, and its sum since the checkpoint.
        index("ix_posting_account", "posting", &["account_id", "occurred_at", "entry_id"]),
        // The statement of a customer.
        index("ix_posting_customer", "posting", &["customer_id", "occurred_at", "entry_id"]),
        // What is left of an invoice.
        index("ix_posting_invoice", "posting", &["invoice_id"]),
        index("ix_allocation_invoice", "allocation", &["invoice_id"]),
        index("uq_allocation_entry", "allocation", &["entry_id", "invoice_id"]).unique().to_owned(),
    ]
}
