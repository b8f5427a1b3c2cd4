//! Entries on both databases: booked once, never changed, right under 100 at a time.

use sea_orm::{ConnectionTrait as _, DbBackend};

use super::{
    super::{
        Balance, JournalFilter, LedgerError, Posted, VoucherFact, balance, find, journal, lock, next_number, post,
        post_many, remaining, reserve_numbers, reverse, reverse_by_hand, rules::VoucherIncome, rules::VoucherSale,
        statement, voucher_sold, vouchers_unsold, vouchers_used,
    },
    *,
};
use crate::{
    app::App,
    clock::Clock as _,
    db::paging::PageOf,
    ids::{EntryId, VoucherId},
    ledger::{allocation::allocate, draft::Kind},
    money::Currency,
    testing::{TestApp, actor, on_each_database},
};

/// Books in a transaction of its own.
pub(super) async fn book(app: &App, draft: &Draft) -> Result<Posted, LedgerError> {
    let tx = app.db.begin().await?;
    let posted = post(&*tx, app.clock.now(), &actor(), draft).await?;
    tx.commit().await?;
    Ok(posted)
}

async fn owes(app: &App, customer: CustomerId) -> (i64, i64) {
    let Balance { receivable, credit } = balance(app.db.read(), customer, Currency::IDR).await.unwrap();
    (receivable.minor(), credit.minor())
}

#[tokio::test]
async fn the_same_source_books_once_and_never_something_else() {
    on_each_database(async |app| {
        book(&app, &invoice(SITI, 5, 100_000)).await.unwrap();
        let paid = cash(SITI, 1, &shares(&[(5, 60_000)], 0)).unwrap();
        let first = book(&app, &paid).await.unwrap();
        let again = book(&app, &paid).await.unwrap();
        assert_eq!((first.repeated, again.repeated, again.entry), (false, true, first.entry));
        assert_eq!(owes(&app, SITI).await, (40_000, 0));
        let other = cash(SITI, 1, &shares(&[(5, 40_000)], 0)).unwrap();
        assert!(matches!(book(&app, &other).await, Err(LedgerError::OtherContent(entry)) if entry == first.entry));
        assert_eq!(owes(&app, SITI).await, (40_000, 0));
    })
    .await;
}

#[tokio::test]
async fn nothing_is_settled_beyond_what_is_owed_or_paid_from_credit_that_is_not_there() {
    on_each_database(async |app| {
        book(&app, &invoice(SITI, 5, 100_000)).await.unwrap();
        book(&app, &invoice(SITI, 6, 50_000)).await.unwrap();
        // 150,000 are owed, but of invoice 5 only 100,000.
        let over = cash(SITI, 1, &shares(&[(5, 120_000)], 0)).unwrap();
        assert!(matches!(book(&app, &over).await, Err(LedgerError::OverSettled(SITI))));
        let loose = cash(SITI, 1, &shares(&[(0, 10_000)], 0)).unwrap();
        assert!(matches!(book(&app, &loose).await, Err(LedgerError::OverSettled(SITI))));
        let credit = rules::credit_used(fact("credit", 1), SITI, &shares(&[(5, 1)], 0)).unwrap();
        assert!(matches!(book(&app, &credit).await, Err(LedgerError::NoCredit(SITI))));
        assert_eq!(owes(&app, SITI).await, (150_000, 0));
        let left = remaining(app.db.read(), &[InvoiceId(5), InvoiceId(6), InvoiceId(7)]).await.unwrap();
        assert_eq!(left.into_iter().collect::<Vec<_>>(), [(InvoiceId(5), 100_000), (InvoiceId(6), 50_000)]);
    })
    .await;
}

#[tokio::test]
async fn a_reversal_undoes_a_payment_once_and_only_while_nothing_stands_on_it() {
    on_each_database(async |app| {
        book(&app, &invoice(SITI, 5, 100_000)).await.unwrap();
        let paid = book(&app, &cash(SITI, 1, &shares(&[(5, 100_000)], 30_000)).unwrap()).await.unwrap().entry;
        book(&app, &invoice(SITI, 6, 30_000)).await.unwrap();
        let used = rules::credit_used(fact("credit", 1), SITI, &shares(&[(6, 30_000)], 0)).unwrap();
        let used = book(&app, &used).await.unwrap().entry;
        let undo = async |entry: EntryId| {
            let tx = app.db.begin().await?;
            let posted = reverse(&*tx, app.clock.now(), &actor(), entry, "salah").await?;
            tx.commit().await?;
            Ok::<Posted, LedgerError>(posted)
        };
        assert!(matches!(undo(paid).await, Err(LedgerError::NoCredit(SITI))));
        undo(used).await.unwrap();
        let back = undo(paid).await.unwrap();
        assert_eq!(undo(paid).await.unwrap(), Posted { entry: back.entry, repeated: true });
        assert!(matches!(undo(back.entry).await, Err(LedgerError::IsReversal)));
        assert_eq!(owes(&app, SITI).await, (130_000, 0));
        let entry = find(app.db.read(), paid).await.unwrap().unwrap();
        assert_eq!((entry.reversed_by, entry.postings.len()), (Some(back.entry), 3));
        let line = find(app.db.read(), back.entry).await.unwrap().unwrap();
        assert_eq!((line.kind, line.reverses, &*line.memo), (Kind::Reversal, Some(paid), "salah"));
    })
    .await;
}

#[tokio::test]
async fn only_entries_without_a_document_are_reversed_by_hand() {
    on_each_database(async |app| {
        let debt = rules::opening_debt(fact("import", 1), SITI, None, Money::idr(9_000)).unwrap();
        let debt = book(&app, &debt).await.unwrap().entry;
        let invoice = book(&app, &invoice(SITI, 5, 100_000)).await.unwrap().entry;
        let by_hand = async |entry, reason| reverse_by_hand(&app, &actor(), entry, reason).await;
        assert!(matches!(by_hand(invoice, "salah").await, Err(LedgerError::NotByHand)));
        assert!(matches!(by_hand(debt, "  ").await, Err(LedgerError::NoReason)));
        by_hand(debt, "salah ketik").await.unwrap();
        assert!(matches!(by_hand(debt, "lagi").await, Err(LedgerError::Reversed | LedgerError::OtherContent(_))));
        assert!(matches!(by_hand(EntryId(999), "x").await, Err(LedgerError::NotFound)));
        assert_eq!(owes(&app, SITI).await, (100_000, 0));
    })
    .await;
}

#[tokio::test]
async fn what_is_written_is_never_changed_or_deleted() {
    on_each_database(async |app| {
        book(&app, &invoice(SITI, 5, 100_000)).await.unwrap();
        book(&app, &cash(SITI, 1, &shares(&[(5, 60_000)], 0)).unwrap()).await.unwrap();
        for table in ["journal_entry", "posting", "allocation", "account"] {
            let column = if table == "account" || table == "journal_entry" { "kind" } else { "currency" };
            for statement in [format!("UPDATE {table} SET {column} = 'x'"), format!("DELETE FROM {table}")] {
                let tx = app.db.begin().await.unwrap();
                let refused = tx.execute_unprepared(&statement).await.unwrap_err().to_string();
                assert!(refused.contains("never changed"), "{statement}: {refused}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn postgres_refuses_an_entry_that_does_not_balance_or_is_empty() {
    on_each_database(async |app| {
        if app.db.backend() != DbBackend::Postgres {
            return;
        }
        book(&app, &invoice(SITI, 5, 100_000)).await.unwrap();
        let entry =
            "INSERT INTO journal_entry (occurred_at, recorded_at, kind, source_type, source_id, memo, actor, digest)
            VALUES (now(), now(), 'transfer', 'x', 'x', '', '', '')";
        let tx = app.db.begin().await.unwrap();
        tx.execute_unprepared(entry).await.unwrap();
        assert!(tx.commit().await.unwrap_err().to_string().contains("no postings"));
        let tx = app.db.begin().await.unwrap();
        tx.execute_unprepared(entry).await.unwrap();
        tx.execute_unprepared(
            "INSERT INTO posting (entry_id, account_id, amount_minor, currency, occurred_at)
             SELECT MAX(e.id), MIN(a.id), 5, 'IDR', now() FROM journal_entry e, account a",
        )
        .await
        .unwrap();
        assert!(tx.commit().await.unwrap_err().to_string().contains("sum to zero"));
    })
    .await;
}

/// Pays as a feature will: locks, reads what is open, decides, books.
async fn pay(
    app: &App,
    customer: CustomerId,
    payment: i64,
    amount: i64,
    invoices: &[i64],
) -> Result<Posted, LedgerError> {
    let tx = app.db.begin().await?;
    lock(&*tx, customer, Currency::IDR).await?;
    let ids: Vec<InvoiceId> = invoices.iter().map(|id| InvoiceId(*id)).collect();
    let open: Vec<_> = remaining(&*tx, &ids)
        .await?
        .into_iter()
        .map(|(id, left)| crate::ledger::allocation::Due {
            invoice: Some(id),
            due_on: day(2026, 11, 1),
            remaining: Money::idr(left),
        })
        .collect();
    let settlement = allocate(Money::idr(amount), &open, &[])?;
    let posted = post(&*tx, app.clock.now(), &actor(), &cash(customer, payment, &settlement)?).await?;
    tx.commit().await?;
    Ok(posted)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_payments_at_once_book_right_for_one_customer_and_for_many() {
    on_each_database(async |app| {
        book(&app, &invoice(CustomerId(1), 1, 60_000)).await.unwrap();
        for customer in 2..=100 {
            book(&app, &invoice(CustomerId(customer), customer, 1_000)).await.unwrap();
        }
        let mut running = tokio::task::JoinSet::new();
        for payment in 1..=100i64 {
            let same = app.app.clone();
            let each = app.app.clone();
            running.spawn(async move { pay(&same, CustomerId(1), payment, 1_000, &[1]).await });
            if payment > 1 {
                running.spawn(async move { pay(&each, CustomerId(payment), 1_000 + payment, 700, &[payment]).await });
            }
        }
        while let Some(ended) = running.join_next().await {
            assert!(!ended.unwrap().unwrap().repeated);
        }
        // 100,000 came for 60,000 owed.
        assert_eq!(owes(&app, CustomerId(1)).await, (0, 40_000));
        for customer in 2..=100 {
            assert_eq!(owes(&app, CustomerId(customer)).await, (300, 0));
        }
        let proof = crate::ledger::prove(app.db.read(), app.clock.now(), true).await.unwrap();
        assert_eq!((proof.entries, proof.differences), (299, Vec::new()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_payment_a_hundred_times_at_once_is_one() {
    on_each_database(async |app| {
        book(&app, &invoice(SITI, 5, 100_000)).await.unwrap();
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let app = app.app.clone();
            running.spawn(async move { book(&app, &cash(SITI, 1, &shares(&[(5, 60_000)], 0)).unwrap()).await });
        }
        let mut first = 0;
        while let Some(ended) = running.join_next().await {
            first += i32::from(!ended.unwrap().unwrap().repeated);
        }
        assert_eq!((first, owes(&app, SITI).await), (1, (40_000, 0)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_no_gaps_though_every_third_transaction_is_given_up() {
    on_each_database(async |app| {
        let mut running = tokio::task::JoinSet::new();
        for at in 0..90 {
            let app = app.app.clone();
            running.spawn(async move {
                let tx = app.db.begin().await.unwrap();
                let number = next_number(&*tx, "invoice", "2026-11").await.unwrap();
                if at % 3 == 0 {
                    return None;
                }
                tx.commit().await.unwrap();
                Some(number)
            });
        }
        let mut numbers = Vec::new();
        while let Some(ended) = running.join_next().await {
            numbers.extend(ended.unwrap());
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=60).collect::<Vec<i64>>());
        let tx = app.db.begin().await.unwrap();
        assert_eq!(next_number(&*tx, "invoice", "2026-12").await.unwrap(), 1);
        assert_eq!(next_number(&*tx, "receipt", "2026-11").await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_statement_is_read_page_by_page_with_the_balance_after_each_entry() {
    on_each_database(async |app| {
        for number in 1..=4 {
            let mut draft = invoice(SITI, number, 100);
            if number > 2 {
                // Two at the same instant, two later.
                let bill = Bill {
                    customer: SITI,
                    lines: vec![(Income::Service, Money::idr(100))],
                    tax: Money::idr(0),
                    rounding: Money::idr(0),
                };
                let later = Fact { occurred_at: at(number), ..fact("invoice", number) };
                draft = rules::invoice_issued(later, InvoiceId(number), &bill).unwrap();
            }
            book(&app, &draft).await.unwrap();
        }
        book(&app, &invoice(BUDI, 9, 7)).await.unwrap();
        let paid = rules::payment(
            Fact { occurred_at: at(10), ..fact("payment", 1) },
            &Payment {
                customer: SITI,
                into: Place::cash(7),
                settlement: &shares(&[(1, 100), (2, 50)], 25),
                attempt: None,
            },
        );
        book(&app, &paid.unwrap()).await.unwrap();
        let (mut cursor, mut seen) = (None::<String>, Vec::new());
        loop {
            let page = PageOf::new(Some(2), cursor.as_deref()).unwrap();
            let found = statement(app.db.read(), SITI, Currency::IDR, &page).await.unwrap().unwrap();
            assert!(found.items.len() <= 2);
            seen.extend(
                found
                    .items
                    .iter()
                    .map(|line| (line.kind, line.receivable.minor(), line.credit.minor(), line.balance.minor())),
            );
            cursor = found.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        let invoiced = |balance| (Kind::InvoiceIssued, 100, 0, balance);
        let expected = [(Kind::Payment, -150, 25, 225), invoiced(400), invoiced(300), invoiced(200), invoiced(100)];
        assert_eq!(seen, expected);
        let foreign = PageOf::new(Some(2), Some("eHg")).unwrap();
        assert!(statement(app.db.read(), SITI, Currency::IDR, &foreign).await.unwrap().is_err());
    })
    .await;
}

#[tokio::test]
async fn the_journal_is_found_by_date_account_customer_kind_and_document() {
    on_each_database(async |app| {
        book(&app, &invoice(SITI, 5, 100)).await.unwrap();
        book(&app, &invoice(BUDI, 6, 100)).await.unwrap();
        let late = Fact { occurred_at: at(60), memo: "setoran sore".to_owned(), ..fact("handover", 1) };
        book(&app, &rules::transfer(late, &Place::cash(7), &Place::bank(1), Money::idr(40)).unwrap()).await.unwrap();
        let drawer = super::super::accounts(app.db.read()).await.unwrap();
        let drawer = drawer.into_iter().find(|account| account.code == "1100").unwrap();
        assert_eq!((drawer.balance.minor(), &*drawer.sub), (-40, "shift/7"));
        let of = async |filter: JournalFilter| {
            let page = PageOf::new(None, None).unwrap();
            let found = journal(app.db.read(), &filter, &page).await.unwrap().unwrap();
            found.items.into_iter().map(|line| format!("{} {}", line.source_type, line.source_id)).collect::<Vec<_>>()
        };
        let all = ["handover 1", "invoice 6", "invoice 5"];
        assert_eq!(of(JournalFilter::default()).await, all);
        assert_eq!(of(JournalFilter { customer: Some(SITI), ..JournalFilter::default() }).await, ["invoice 5"]);
        assert_eq!(of(JournalFilter { account: Some(drawer.id), ..JournalFilter::default() }).await, ["handover 1"]);
        assert_eq!(of(JournalFilter { from: Some(at(1)), ..JournalFilter::default() }).await, ["handover 1"]);
        assert_eq!(of(JournalFilter { until: Some(at(1)), ..JournalFilter::default() }).await, all[1..]);
        assert_eq!(of(JournalFilter { kind: Some(Kind::Transfer), ..JournalFilter::default() }).await, ["handover 1"]);
        let searched = |q: &str| JournalFilter { q: q.to_owned(), ..JournalFilter::default() };
        assert_eq!(of(searched("6")).await, ["invoice 6"]);
        assert_eq!(of(searched("sore")).await, ["handover 1"]);
        let none = JournalFilter { customer: Some(SITI), kind: Some(Kind::Transfer), ..JournalFilter::default() };
        assert!(of(none).await.is_empty());
    })
    .await;
}

fn voucher(app: &TestApp, site: crate::ids::SiteId, id: i64) -> VoucherFact {
    let idr = Money::idr;
    VoucherFact {
        voucher: VoucherId(id),
        site,
        at: app.clock.now(),
        memo: "3 Hari".to_owned(),
        sale: VoucherSale { into: Place::cash(7), price: idr(3_000), tax: idr(0), cost: idr(2_000) },
    }
}

#[tokio::test]
async fn a_voucher_is_income_once_whenever_the_setting_says() {
    on_each_database(async |app| {
        let site = app.site("Kebon").await;
        let income = async || -> i64 {
            let accounts = super::super::accounts(app.db.read()).await.unwrap();
            accounts.iter().filter(|account| account.code == "4010").map(|account| account.balance.minor()).sum()
        };
        let (now, who) = (app.clock.now(), actor());
        let tx = app.db.begin().await.unwrap();
        // At the sale; the login adds nothing.
        voucher_sold(&*tx, now, &who, &voucher(&app, site, 1), VoucherIncome::AtSale).await.unwrap().unwrap();
        assert_eq!(vouchers_used(&*tx, now, &who, &[voucher(&app, site, 1)]).await.unwrap(), 0);
        // A change of the setting between two tries sells it no second time.
        let again = voucher_sold(&*tx, now, &who, &voucher(&app, site, 1), VoucherIncome::AtFirstLogin).await;
        assert!(again.unwrap().unwrap().repeated);
        tx.commit().await.unwrap();
        assert_eq!(income().await, 3_000);
        // At the first login.
        let tx = app.db.begin().await.unwrap();
        voucher_sold(&*tx, now, &who, &voucher(&app, site, 2), VoucherIncome::AtFirstLogin).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        assert_eq!(income().await, 3_000);
        let tx = app.db.begin().await.unwrap();
        // Two witnesses in one report, and a third later.
        let twice = [voucher(&app, site, 2), voucher(&app, site, 2)];
        assert_eq!(vouchers_used(&*tx, now, &who, &twice).await.unwrap(), 1);
        assert_eq!(vouchers_used(&*tx, now, &who, &twice).await.unwrap(), 0);
        // Printed and sold by hand: hiji hears of it at the login.
        let three = [voucher(&app, site, 1), voucher(&app, site, 3), voucher(&app, site, 2)];
        assert_eq!(vouchers_used(&*tx, now, &who, &three).await.unwrap(), 1);
        assert_eq!(vouchers_used(&*tx, now, &who, &three).await.unwrap(), 0);
        // Cancelled at the counter: neither the sale nor a later login is income.
        voucher_sold(&*tx, now, &who, &voucher(&app, site, 5), VoucherIncome::AtSale).await.unwrap().unwrap();
        let unsold = async |ids: &[i64]| {
            let ids: Vec<VoucherId> = ids.iter().copied().map(VoucherId).collect();
            vouchers_unsold(&*tx, now, &who, &ids, "salah").await.unwrap()
        };
        assert_eq!(unsold(&[5]).await, 1);
        assert_eq!(unsold(&[5]).await, 0);
        assert_eq!(vouchers_used(&*tx, now, &who, &[voucher(&app, site, 5)]).await.unwrap(), 0);
        // One that was used is not taken back, and neither one that nobody sold.
        assert_eq!(unsold(&[2, 99]).await, 0);
        // A gift.
        let mut gift = voucher(&app, site, 4);
        (gift.sale.price, gift.sale.cost) = (Money::idr(0), Money::idr(0));
        assert_eq!(voucher_sold(&*tx, now, &who, &gift, VoucherIncome::AtSale).await.unwrap(), None);
        tx.commit().await.unwrap();
        assert_eq!(income().await, 9_000);
    })
    .await;
}

#[tokio::test]
async fn thousands_are_booked_as_one_by_one() {
    on_each_database(async |app| {
        let drafts: Vec<Draft> =
            (1..=1_200).map(|id| invoice(if id % 2 == 0 { SITI } else { BUDI }, id, 1_000)).collect();
        let (now, who) = (app.clock.now(), actor());
        book(&app, &drafts[7]).await.unwrap();
        let tx = app.db.begin().await.unwrap();
        let posted = post_many(&*tx, now, &who, &drafts).await.unwrap();
        assert_eq!(posted.iter().filter(|posted| posted.repeated).count(), 1);
        // The same source twice in one go is one fact.
        let twice = [invoice(SITI, 2_000, 500), invoice(SITI, 2_000, 500)];
        let posted = post_many(&*tx, now, &who, &twice).await.unwrap();
        assert_eq!((posted[0].repeated, posted[1].repeated), (false, true));
        assert_eq!(reserve_numbers(&*tx, "invoice", "2026-11", 1_200).await.unwrap(), 1);
        assert_eq!(next_number(&*tx, "invoice", "2026-11").await.unwrap(), 1_201);
        tx.commit().await.unwrap();
        assert_eq!((owes(&app, SITI).await, owes(&app, BUDI).await), ((600_500, 0), (600_000, 0)));
        // One that is refused takes all with it.
        let tx = app.db.begin().await.unwrap();
        let paid = [cash(SITI, 1, &shares(&[(2, 900)], 0)).unwrap(), cash(SITI, 2, &shares(&[(2, 900)], 0)).unwrap()];
        assert!(matches!(post_many(&*tx, now, &who, &paid).await, Err(LedgerError::OverSettled(SITI))));
        drop(tx);
        let proof = super::super::prove(app.db.read(), now, true).await.unwrap();
        assert_eq!((proof.entries, proof.differences.len()), (1_201, 0));
    })
    .await;
}
