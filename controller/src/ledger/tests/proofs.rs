//! The proof finds what is wrong and names it; the checkpoint never loses a posting.

use chrono::Duration;
use sea_orm::{ConnectionTrait as _, DbBackend};

use super::{
    super::{Difference, accounts, debts, last_proof, loose_debts, prove, prove_and_keep},
    stories::book,
    *,
};
use crate::{
    app::App,
    clock::Clock as _,
    jobs::{Job as _, Said},
    ledger::{aging, jobs::Prove},
    money::Currency,
    testing::{TestApp, on_each_database},
};

/// A few entries of two customers.
async fn some(app: &App) {
    book(app, &invoice(SITI, 5, 100_000)).await.unwrap();
    book(app, &invoice(BUDI, 6, 50_000)).await.unwrap();
    book(app, &cash(SITI, 1, &shares(&[(5, 60_000)], 0)).unwrap()).await.unwrap();
    book(app, &cash(BUDI, 2, &shares(&[(6, 50_000)], 5_000)).unwrap()).await.unwrap();
}

/// Does what nobody may, past the triggers.
async fn tamper(app: &App, table: &str, statement: &str) {
    let tx = app.db.begin().await.unwrap();
    if app.db.backend() == DbBackend::Postgres {
        tx.execute_unprepared(&format!("ALTER TABLE {table} DISABLE TRIGGER ALL")).await.unwrap();
        tx.execute_unprepared(statement).await.unwrap();
        tx.execute_unprepared(&format!("ALTER TABLE {table} ENABLE TRIGGER ALL")).await.unwrap();
    } else {
        for deed in ["UPDATE", "DELETE"] {
            tx.execute_unprepared(&format!("DROP TRIGGER IF EXISTS {table}_no_{deed}")).await.unwrap();
        }
        tx.execute_unprepared(statement).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn found(app: &TestApp, whole: bool) -> Vec<String> {
    let proof = prove(app.db.read(), app.clock.now(), whole).await.unwrap();
    let words = |difference: Difference| format!("{} {}", difference.check, difference.object);
    proof.differences.into_iter().map(words).collect()
}

#[tokio::test]
async fn a_whole_ledger_proves_and_the_outcome_is_kept() {
    on_each_database(async |app| {
        assert_eq!(last_proof(app.db.read()).await.unwrap(), None);
        some(&app).await;
        app.clock.advance(Duration::hours(1));
        let whole = Said::new("ledger_proven").count("count", 4);
        assert_eq!(Prove { whole: true }.run(&app).await.unwrap(), whole);
        let kept = last_proof(app.db.read()).await.unwrap().unwrap();
        assert_eq!((kept.entries, kept.through_entry.0, kept.differences.len()), (4, 4, 0));
    })
    .await;
}

#[tokio::test]
async fn balances_of_accounts_are_the_same_before_and_after_every_checkpoint() {
    on_each_database(async |app| {
        let balances = async || -> Vec<(String, i64)> {
            let all = accounts(app.db.read()).await.unwrap();
            all.into_iter()
                .map(|account| (format!("{} {}", account.code, account.sub), account.balance.minor()))
                .collect()
        };
        some(&app).await;
        let before = balances().await;
        assert_eq!(before.iter().find(|(code, _)| code == "1200 ").unwrap().1, 40_000);
        // Too young to be summed up.
        assert_eq!(prove_and_keep(&app, false).await.unwrap().through_entry.0, 0);
        app.clock.advance(Duration::hours(1));
        for whole in [false, true, false, true] {
            prove_and_keep(&app, whole).await.unwrap();
            assert_eq!(balances().await, before, "whole: {whole}");
        }
        // What comes later is added, on old accounts and new ones.
        let late = fact("mutation", 1);
        book(&app, &rules::unidentified(late, &Place::bank(9), Money::idr(77)).unwrap()).await.unwrap();
        book(&app, &cash(SITI, 3, &shares(&[(5, 40_000)], 0)).unwrap()).await.unwrap();
        let after = balances().await;
        assert_eq!(after.iter().find(|(code, _)| code == "1110 bank/9").unwrap().1, 77);
        assert_eq!(after.iter().find(|(code, _)| code == "1200 ").unwrap().1, 0);
        app.clock.advance(Duration::hours(1));
        assert_eq!(prove_and_keep(&app, false).await.unwrap().entries, 2);
        assert_eq!(balances().await, after);
        assert!(found(&app, true).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn every_kind_of_damage_is_named() {
    on_each_database(async |app| {
        some(&app).await;
        app.clock.advance(Duration::hours(1));
        prove_and_keep(&app, true).await.unwrap();
        tamper(&app, "customer_balance", "UPDATE customer_balance SET receivable = 1 WHERE customer_id = 1").await;
        assert_eq!(found(&app, true).await, ["customer_receivable customer/1 IDR"]);
        // Nobody touched Siti since: the short proof does not see it, the next posting of hers does.
        assert!(found(&app, false).await.is_empty());
        tamper(&app, "customer_balance", "UPDATE customer_balance SET receivable = 40000 WHERE customer_id = 1").await;
        tamper(&app, "account_balance", "UPDATE account_balance SET debit = debit + 1 WHERE account_id = 1").await;
        assert_eq!(found(&app, true).await.len(), 1);
        // A whole proof names it and sums up anew.
        assert_eq!(prove_and_keep(&app, true).await.unwrap().differences.len(), 1);
        assert!(found(&app, true).await.is_empty());
        tamper(&app, "allocation", "UPDATE allocation SET amount_minor = 1 WHERE entry_id = 3").await;
        assert_eq!(found(&app, true).await, ["allocation entry/3"]);
        tamper(&app, "allocation", "UPDATE allocation SET amount_minor = 60000 WHERE entry_id = 3").await;
        tamper(
            &app,
            "posting",
            "UPDATE posting SET amount_minor = amount_minor + 5 WHERE entry_id = 1 AND amount_minor > 0",
        )
        .await;
        let named = found(&app, true).await;
        for expected in ["entry_unbalanced entry/1", "entry_changed entry/1", "customer_receivable customer/1 IDR"] {
            assert!(named.iter().any(|name| name == expected), "{expected} in {named:?}");
        }
        let failed = Prove { whole: true }.run(&app).await.unwrap_err().to_string();
        assert!(failed.contains("differences"), "{failed}");
        assert!(!last_proof(app.db.read()).await.unwrap().unwrap().differences.is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_ages_of_all_debts_are_the_receivable_of_the_ledger() {
    on_each_database(async |app| {
        some(&app).await;
        let debt = rules::opening_debt(fact("import", 1), SITI, None, Money::idr(9_000)).unwrap();
        book(&app, &debt).await.unwrap();
        book(&app, &cash(SITI, 4, &shares(&[(0, 2_000)], 0)).unwrap()).await.unwrap();
        let due = [(InvoiceId(5), day(2026, 10, 1)), (InvoiceId(6), day(2026, 12, 1))].into();
        let zone = chrono_tz::Asia::Jayapura;
        let mut all = debts(app.db.read(), Currency::IDR, &due).await.unwrap();
        all.extend(loose_debts(app.db.read(), Currency::IDR, zone).await.unwrap());
        let all: Vec<aging::Debt> = all.into_iter().map(|(_, debt)| debt).collect();
        let found = aging::aging(&all, Money::idr(5_000), day(2026, 11, 24), zone).unwrap();
        assert_eq!((found.to_60.minor(), found.to_30.minor(), found.not_due.minor()), (40_000, 7_000, 0));
        let receivable = accounts(app.db.read()).await.unwrap();
        let receivable = receivable.into_iter().find(|account| account.code == "1200").unwrap().balance;
        assert_eq!(found.receivable().unwrap(), receivable);
        // The day before nothing was booked at all.
        let before = aging::aging(&all, Money::idr(0), day(2026, 11, 21), zone).unwrap();
        assert_eq!(before.receivable().unwrap().minor(), 0);
    })
    .await;
}
