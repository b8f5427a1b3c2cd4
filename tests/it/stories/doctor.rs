//! `hiji doctor` on a good database and on every kind of damage it claims to find: each is named, and any is a failure.

use std::process::Output;

use hiji_controller::{db::Db, ledger};
use hiji_tests::world::{Backend, Broker, World};
use sea_orm::{ConnectionTrait as _, DbBackend};
use serde_json::{Value, json};

/// Somebody who writes into the database behind hiji's back, past its triggers.
struct Vandal {
    db: Db,
}

impl Vandal {
    async fn does(&self, table: &str, statement: &str) {
        let tx = self.db.begin().await.unwrap();
        if self.db.backend() == DbBackend::Postgres {
            tx.execute_unprepared(&format!("ALTER TABLE {table} DISABLE TRIGGER ALL")).await.unwrap();
        } else {
            for deed in ["UPDATE", "DELETE"] {
                tx.execute_unprepared(&format!("DROP TRIGGER IF EXISTS {table}_no_{deed}")).await.unwrap();
            }
        }
        let changed = tx.execute_unprepared(statement).await.unwrap().rows_affected();
        assert!(changed > 0, "it changes something: {statement}");
        tx.commit().await.unwrap();
    }
}

/// What stands in the database; each damage, how it is undone, and what names it.
struct Damage {
    table: &'static str,
    done: &'static str,
    undone: &'static str,
    named: &'static [&'static str],
}

const DAMAGES: [Damage; 19] = [
    Damage {
        table: "posting",
        done: "UPDATE posting SET amount_minor = amount_minor + 5 WHERE entry_id = 1 AND amount_minor > 0",
        undone: "UPDATE posting SET amount_minor = amount_minor - 5 WHERE entry_id = 1 AND amount_minor > 0",
        named: &[
            "ledger: entry_unbalanced of entry/1: the postings say 0, found 5",
            "ledger: entry_changed of entry/1:",
            "ledger: customer_receivable of customer/1 IDR: the postings say 60005, found 60000",
            "documents: invoice_settled of invoice/1: the ledger says 60005, found 60000",
        ],
    },
    Damage {
        table: "posting",
        done: "UPDATE posting SET amount_minor = amount_minor * 2 WHERE entry_id = 2",
        undone: "UPDATE posting SET amount_minor = amount_minor / 2 WHERE entry_id = 2",
        named: &["ledger: entry_changed of entry/2:"],
    },
    Damage {
        table: "posting",
        done: "UPDATE posting SET amount_minor = amount_minor - 300000 WHERE entry_id = 1 AND invoice_id = 1",
        undone: "UPDATE posting SET amount_minor = amount_minor + 300000 WHERE entry_id = 1 AND invoice_id = 1",
        named: &["ledger: invoice_over_settled of invoice/1: the postings say 0, found -240000"],
    },
    Damage {
        table: "allocation",
        done: "UPDATE allocation SET amount_minor = amount_minor + 1 WHERE invoice_id = 1",
        undone: "UPDATE allocation SET amount_minor = amount_minor - 1 WHERE invoice_id = 1",
        named: &["ledger: allocation of entry/"],
    },
    Damage {
        table: "customer_balance",
        done: "UPDATE customer_balance SET receivable = receivable + 1 WHERE customer_id = 1",
        undone: "UPDATE customer_balance SET receivable = receivable - 1 WHERE customer_id = 1",
        named: &["ledger: customer_receivable of customer/1 IDR: the postings say 60000, found 60001"],
    },
    Damage {
        table: "customer_balance",
        done: "UPDATE customer_balance SET credit = credit - 1 WHERE customer_id = 2",
        undone: "UPDATE customer_balance SET credit = credit + 1 WHERE customer_id = 2",
        named: &["ledger: customer_credit of customer/2 IDR: the postings say 34000, found 33999"],
    },
    Damage {
        table: "account_balance",
        done: "UPDATE account_balance SET credit = credit + 7
               WHERE account_id = (SELECT id FROM account WHERE code = '1200')",
        undone: "UPDATE account_balance SET credit = credit - 7
                 WHERE account_id = (SELECT id FROM account WHERE code = '1200')",
        named: &["ledger: account_balance of account/1200 IDR:"],
    },
    Damage {
        table: "invoice",
        done: "UPDATE invoice SET settled = settled + 1 WHERE id = 1",
        undone: "UPDATE invoice SET settled = settled - 1 WHERE id = 1",
        named: &["documents: invoice_settled of invoice/1: the ledger says 60000, found 59999"],
    },
    Damage {
        table: "invoice",
        done: "UPDATE invoice SET state = 'paid' WHERE id = 1",
        undone: "UPDATE invoice SET state = 'partially_paid' WHERE id = 1",
        named: &["documents: invoice_state of invoice/1:"],
    },
    Damage {
        table: "invoice",
        done: "UPDATE invoice SET written_off = written_off + 1 WHERE id = 3",
        undone: "UPDATE invoice SET written_off = written_off - 1 WHERE id = 3",
        named: &["documents: invoice_written_off of invoice/3: the ledger says 50000, found 50001"],
    },
    Damage {
        table: "payment",
        done: "UPDATE payment SET amount = amount + 1 WHERE id = 1",
        undone: "UPDATE payment SET amount = amount - 1 WHERE id = 1",
        named: &["documents: payment_amount of payment/KW-"],
    },
    Damage {
        table: "payment",
        done: "UPDATE payment SET state = 'reversed' WHERE id = 1",
        undone: "UPDATE payment SET state = 'booked' WHERE id = 1",
        named: &["documents: payment_state of payment/KW-"],
    },
    Damage {
        table: "payment",
        done: "UPDATE payment SET state = 'booked' WHERE id = 3",
        undone: "UPDATE payment SET state = 'reversed' WHERE id = 3",
        named: &["documents: payment_state of payment/KW-"],
    },
    // A number that nobody has: of a document that is gone, or one that was given to none.
    Damage {
        table: "number_series",
        done: "UPDATE number_series SET last = last + 1 WHERE series = 'invoice'",
        undone: "UPDATE number_series SET last = last - 1 WHERE series = 'invoice'",
        named: &["documents: number_gap of series/invoice: the ledger says 5, found 4"],
    },
    Damage {
        table: "number_series",
        done: "UPDATE number_series SET last = last + 1 WHERE series = 'receipt'",
        undone: "UPDATE number_series SET last = last - 1 WHERE series = 'receipt'",
        named: &["documents: number_gap of series/receipt: the ledger says 4, found 3"],
    },
    Damage {
        table: "number_series",
        done: "UPDATE number_series SET last = last + 1 WHERE series = 'credit_note'",
        undone: "UPDATE number_series SET last = last - 1 WHERE series = 'credit_note'",
        named: &["documents: number_gap of series/credit_note: the ledger says 2, found 1"],
    },
    // As many as there were, but one number is missing all the same.
    Damage {
        table: "invoice",
        done: "UPDATE invoice SET number = number || '9' WHERE id = 2",
        undone: "UPDATE invoice SET number = SUBSTR(number, 1, LENGTH(number) - 1) WHERE id = 2",
        named: &["documents: number_changed of invoice/2:"],
    },
    Damage {
        table: "payment",
        done: "UPDATE payment SET number = number || '9' WHERE id = 1",
        undone: "UPDATE payment SET number = SUBSTR(number, 1, LENGTH(number) - 1) WHERE id = 1",
        named: &["documents: number_changed of payment/KW-"],
    },
    Damage {
        table: "audit_entry",
        done: "UPDATE audit_entry SET actor = actor || '!' WHERE id = 3",
        undone: "UPDATE audit_entry SET actor = SUBSTR(actor, 1, LENGTH(actor) - 1) WHERE id = 3",
        named: &["audit log: the chain is broken at entry 3"],
    },
];

async fn doctor(world: &World) -> (bool, String, String) {
    let Output { status, stdout, stderr } = world.hiji("doctor").unwrap().output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.success(), text(stdout), text(stderr))
}

/// Four invoices, one of them credited in part and one given up; three payments, one of them taken back.
async fn load(world: &World) -> anyhow::Result<()> {
    let site = world.site("Kebon").await?;
    let post = async |path: String, body: Value| world.api.post(&path, &body).await?.ok();
    let mut customers = Vec::new();
    for name in ["Budi", "Siti"] {
        customers.push(world.api.post("/customers", &json!({ "name": name, "site_id": site })).await?.id()?);
    }
    let invoice = async |customer: i64, price: i64| {
        let body = json!({ "customer_id": customer, "lines": [{ "text": "Kabel", "unit_price": price }] });
        world.api.post("/invoices", &body).await?.id()
    };
    let (first, second) = (invoice(customers[0], 100_000).await?, invoice(customers[1], 20_000).await?);
    let given_up = invoice(customers[0], 50_000).await?;
    let credited = invoice(customers[1], 10_000).await?;
    assert_eq!((first, second, given_up, credited), (1, 2, 3, 4));
    let paid = |amount: i64| json!({ "method": "cash", "amount": amount });
    post(format!("/invoices/{first}/payments"), paid(40_000)).await?;
    post(format!("/customers/{}/payments", customers[1]), paid(60_000)).await?;
    let wrong = post(format!("/customers/{}/payments", customers[1]), paid(5_000)).await?;
    post(format!("/payments/{}/reverse", wrong["id"]), json!({ "reason": "salah" })).await?;
    post(format!("/invoices/{credited}/credit"), json!({ "amount": 4_000, "reason": "rusak" })).await?;
    post(format!("/invoices/{given_up}/write_off"), json!({ "reason": "pindah" })).await?;
    Ok(())
}

async fn day(backend: Backend) -> anyhow::Result<()> {
    let mut world = World::start(backend, Broker::Embedded).await?;
    load(&world).await?;
    // Accounts are summed up when their entries are old enough.
    world.clock.advance(std::time::Duration::from_secs(3_600));
    assert_eq!(ledger::prove_and_keep(world.app(), true).await?.differences, []);
    world.stop_controller().await?;
    let (well, said, error) = doctor(&world).await;
    assert!(well && error.is_empty(), "{said}{error}");
    for line in ["the chain is whole", "all balances proved", "no number is missing"] {
        assert_eq!(said.matches(line).count(), 1, "{line}: {said}");
    }

    let vandal = Vandal { db: world.database().await? };
    for Damage { table, done, undone, named } in &DAMAGES {
        vandal.does(table, done).await;
        let (well, said, error) = doctor(&world).await;
        assert!(!well && error.starts_with("hiji: "), "{done}: {said}{error}");
        for name in *named {
            assert_eq!(said.lines().filter(|line| line.starts_with(name)).count(), 1, "{name}: {said}");
        }
        vandal.does(table, undone).await;
    }
    let (well, said, error) = doctor(&world).await;
    assert!(well, "all was undone: {said}{error}");

    // All at once: one does not hide the other.
    let at_once: Vec<&Damage> = [0, 4, 7, 13, 18].into_iter().map(|at| &DAMAGES[at]).collect();
    for damage in &at_once {
        vandal.does(damage.table, damage.done).await;
    }
    vandal.does("posting", "DELETE FROM posting WHERE entry_id = 4").await;
    let (well, said, error) = doctor(&world).await;
    assert!(!well);
    let checks = ["entry_unbalanced of entry/1", "customer_receivable of customer/1", "entry_empty of entry/4"];
    for name in checks.into_iter().chain(["invoice_settled of invoice/1", "number_gap of series/invoice", "entry 3"]) {
        assert!(said.contains(name), "{name}: {said}");
    }
    for part in ["the audit log is broken", "the ledger does not prove", "invoices and payments are not"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    vandal.db.close().await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_every_damage_and_nothing_of_a_good_database() {
    day(Backend::Sqlite).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_every_damage_and_nothing_of_a_good_database_on_postgres() {
    day(Backend::Postgres).await.unwrap();
}
