//! Customers: their numbers, tags, what was said of them, words to find them by, and lists on their way in.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

use crate::{create, drop};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, tables(manager.get_database_backend()), indexes()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            "customer_import_row",
            "customer_import",
            "customer_event",
            "customer_term",
            "customer_tag",
            "tag",
            "customer_phone",
            "customer",
            "customer_series",
        ];
        drop(manager, &tables).await
    }
}

fn tables(backend: DbBackend) -> Vec<TableCreateStatement> {
    vec![series(), customer(), phone(), tag(), customer_tag(), term(backend), event(), import(), import_row()]
}

/// One row: the last number given. Counted up in the transaction that uses it, so there are no gaps.
fn series() -> TableCreateStatement {
    Table::create().table("customer_series").col(string("name").primary_key()).col(big_integer("last")).to_owned()
}

fn customer() -> TableCreateStatement {
    Table::create()
        .table("customer")
        .col(big_pk_auto("id"))
        .col(string("number").unique_key())
        .col(string("form_id").unique_key())
        // The number in whatever the operator used before.
        .col(string("reference"))
        .col(big_integer("site_id"))
        .col(string("kind"))
        .col(string("name"))
        .col(string("address"))
        // Millionths of a degree.
        .col(integer_null("lat_micro"))
        .col(integer_null("lon_micro"))
        .col(string("notes"))
        // Sealed.
        .col(blob_null("id_number"))
        .col(string("language"))
        .col(integer("open_services"))
        // The list it came with.
        .col(big_integer_null("import_id"))
        .col(big_integer_null("created_by"))
        .col(timestamp_with_time_zone("created_at"))
        // `active` or `deleted`.
        .col(string("state"))
        .col(timestamp_with_time_zone_null("deleted_at"))
        .col(string("delete_reason"))
        .foreign_key(ForeignKey::create().from("customer", "site_id").to("site", "id"))
        .to_owned()
}

fn phone() -> TableCreateStatement {
    Table::create()
        .table("customer_phone")
        .col(big_pk_auto("id"))
        .col(big_integer("customer_id"))
        .col(string("e164"))
        .col(string("label"))
        .col(boolean("is_whatsapp"))
        .col(boolean("is_primary"))
        .foreign_key(ForeignKey::create().from("customer_phone", "customer_id").to("customer", "id"))
        .to_owned()
}

fn tag() -> TableCreateStatement {
    Table::create().table("tag").col(string("name").primary_key()).to_owned()
}

fn customer_tag() -> TableCreateStatement {
    Table::create()
        .table("customer_tag")
        .col(big_integer("customer_id"))
        .col(string("tag"))
        .primary_key(Index::create().col("customer_id").col("tag"))
        .foreign_key(ForeignKey::create().from("customer_tag", "customer_id").to("customer", "id"))
        .foreign_key(ForeignKey::create().from("customer_tag", "tag").to("tag", "name"))
        .to_owned()
}

fn term(backend: DbBackend) -> TableCreateStatement {
    let mut term = ColumnDef::new("term");
    term.string().not_null();
    // Beginnings are looked for as ranges of bytes; SQLite compares bytes anyway.
    if backend == DbBackend::Postgres {
        term.extra("COLLATE \"C\"");
    }
    Table::create()
        .table("customer_term")
        .col(big_integer("customer_id"))
        .col(term)
        // Who says so: the customer's own fields, later its services.
        .col(string("source"))
        .primary_key(Index::create().col("customer_id").col("term").col("source"))
        .foreign_key(ForeignKey::create().from("customer_term", "customer_id").to("customer", "id"))
        .to_owned()
}

fn event() -> TableCreateStatement {
    Table::create()
        .table("customer_event")
        .col(big_pk_auto("id"))
        .col(big_integer("customer_id"))
        .col(timestamp_with_time_zone("at"))
        .col(big_integer_null("admin_id"))
        .col(string("actor"))
        .col(string("what"))
        .col(json("detail"))
        .col(string("link"))
        .foreign_key(ForeignKey::create().from("customer_event", "customer_id").to("customer", "id"))
        .to_owned()
}

fn import() -> TableCreateStatement {
    Table::create()
        .table("customer_import")
        .col(big_pk_auto("id"))
        .col(string("form_id").unique_key())
        .col(big_integer("site_id"))
        .col(string("file_name"))
        .col(string("found"))
        .col(json("columns"))
        .col(string("state"))
        .col(integer("good"))
        .col(integer("bad"))
        .col(integer("done"))
        .col(string("failure"))
        .col(big_integer_null("created_by"))
        .col(string("created_name"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("finished_at"))
        .foreign_key(ForeignKey::create().from("customer_import", "site_id").to("site", "id"))
        .to_owned()
}

fn import_row() -> TableCreateStatement {
    Table::create()
        .table("customer_import_row")
        .col(big_integer("import_id"))
        .col(integer("line"))
        .col(boolean("is_good"))
        // The cells, sealed: they may hold identity numbers.
        .col(blob("cells"))
        .col(json("errors"))
        .primary_key(Index::create().col("import_id").col("line"))
        .foreign_key(ForeignKey::create().from("customer_import_row", "import_id").to("customer_import", "id"))
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
        index("ix_customer_state", "customer", &["state", "id"]),
        index("ix_customer_site_state", "customer", &["site_id", "state", "id"]),
        index("ix_customer_import", "customer", &["import_id", "id"]),
        index("ix_customer_reference", "customer", &["reference"]),
        index("uq_customer_phone", "customer_phone", &["customer_id", "e164"]).unique().to_owned(),
        index("ix_customer_phone_e164", "customer_phone", &["e164", "customer_id"]),
        index("ix_customer_tag", "customer_tag", &["tag", "customer_id"]),
        index("ix_customer_term", "customer_term", &["term", "customer_id"]),
        index("ix_customer_event", "customer_event", &["customer_id", "id"]),
        index("ix_customer_import_site", "customer_import", &["site_id", "id"]),
        index("ix_customer_import_row", "customer_import_row", &["import_id", "is_good", "line"]),
    ]
}
