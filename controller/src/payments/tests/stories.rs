//! Payments on both databases.

use sea_orm::{ConnectionTrait as _, DbBackend};

use super::{
    super::{Refunding, Using, refund_credit, reverse, use_credit},
    *,
};
use crate::{db::paging::PageOf, ids::PaymentId, payments::Filter, testing::on_each_database};

const FORM: &str = "0123456789abcdef0123456789abcdef";

/// W5: Budi owes 50,000 of November and 165,000 of December.
struct Budi {
    site: SiteId,
    id: CustomerId,
    november: InvoiceId,
    december: InvoiceId,
}

impl Budi {
    async fn owing(app: &TestApp) -> Self {
        let site = app.site("Kebon").await;
        let id = customer(app, site, "Budi Santoso").await;
        let november = invoice(app, id, site, (165_000, "2026-11-10")).await;
        pay(app, &cash(id, 115_000)).await.unwrap();
        let december = invoice(app, id, site, (165_000, "2026-12-10")).await;
        Self { site, id, november, december }
    }
}

async fn using(app: &TestApp, customer: CustomerId, at_most: Option<i64>) -> Result<Taken, PaymentError> {
    let actor = actor();
    let asked = Asked { scope: &Scope::All, actor: &actor, form_id: &form::new_form_id() };
    let wanted = Using { customer, at_most: at_most.map(Money::idr), choices: Vec::new(), note: String::new() };
    use_credit(app, &asked, &wanted).await
}

async fn refunding(app: &TestApp, customer: CustomerId, amount: i64) -> Result<Taken, PaymentError> {
    let actor = actor();
    let asked = Asked { scope: &Scope::All, actor: &actor, form_id: &form::new_form_id() };
    let wanted = Refunding { customer, method: Method::Cash, amount: Money::idr(amount), note: "pindah".to_owned() };
    refund_credit(app, &asked, &wanted).await
}

async fn back(app: &TestApp, id: PaymentId) -> Result<(), PaymentError> {
    reverse(app, &Scope::All, &actor(), id, "salah pelanggan").await
}

#[tokio::test]
async fn w5_the_oldest_is_paid_first_and_the_receipt_says_what_is_left() {
    on_each_database(async |app| {
        let budi = Budi::owing(&app).await;
        let receipt = shown(&app, pay(&app, &cash(budi.id, 200_000)).await.unwrap()).await;
        let lines: Vec<(Option<InvoiceId>, i64, Option<i64>)> = receipt
            .lines
            .iter()
            .map(|line| (line.invoice_id, line.amount.minor(), line.remaining.map(Money::minor)))
            .collect();
        assert_eq!(lines, [(Some(budi.november), 50_000, Some(0)), (Some(budi.december), 150_000, Some(15_000))]);
        assert_eq!((receipt.owed.minor(), receipt.credit.minor()), (15_000, 0));
        // 12:00 UTC is the 22nd in Jayapura too; the second receipt of the day.
        assert_eq!(receipt.payment.number, "KW-20261122-0002");
        assert_eq!((receipt.payment.cashier.as_str(), kinds(&receipt)), ("rina", (Kind::Payment, Method::Cash)));
        assert_eq!(state(&app, budi.november).await, ("paid", 0));
        assert_eq!(state(&app, budi.december).await, ("partially_paid", 15_000));
        // Printed again later it says the same.
        pay(&app, &cash(budi.id, 15_000)).await.unwrap();
        let again = super::super::receipt(app.db.read(), &Scope::All, receipt.payment.id).await.unwrap().unwrap();
        assert_eq!((again.owed, again.lines), (receipt.owed, receipt.lines));
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_double_submit_is_one_payment_and_another_wish_under_its_form_is_told() {
    on_each_database(async |app| {
        let budi = Budi::owing(&app).await;
        let wanted = cash(budi.id, 200_000);
        let (one, two) = tokio::join!(pay_by(&app, &wanted, FORM), pay_by(&app, &wanted, FORM));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.id, two.id);
        assert!(one.again != two.again);
        assert_eq!(stands(&app, budi.id).await, (15_000, 0));
        assert_eq!(code_of(pay_by(&app, &cash(budi.id, 1_000), FORM).await), " form_used");
        assert_eq!(stands(&app, budi.id).await, (15_000, 0));
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_chosen_is_paid_and_what_is_over_is_change_or_balance() {
    on_each_database(async |app| {
        let budi = Budi::owing(&app).await;
        let chosen = Take { choices: vec![choice(budi.december)], ..cash(budi.id, 170_000) };
        let receipt = shown(&app, pay(&app, &chosen).await.unwrap()).await;
        assert_eq!((receipt.payment.amount.minor(), receipt.payment.change.minor()), (165_000, 5_000));
        assert_eq!(state(&app, budi.november).await, ("partially_paid", 50_000));
        // Paid already, another's, or chosen twice: nothing is taken.
        for choices in [vec![choice(budi.december)], vec![choice(InvoiceId(99))], vec![choice(budi.november); 2]] {
            let wrong = Take { choices, ..cash(budi.id, 10_000) };
            assert_eq!(code_of(pay(&app, &wrong).await), "invoice not_due");
        }
        let kept = Take { keeps_rest: true, ..cash(budi.id, 70_000) };
        let receipt = shown(&app, pay(&app, &kept).await.unwrap()).await;
        assert_eq!((receipt.payment.to_credit.minor(), receipt.credit.minor()), (20_000, 20_000));
        assert_eq!(stands(&app, budi.id).await, (0, 20_000));
        assert_eq!(code_of(pay(&app, &cash(budi.id, 5_000)).await), "keep nothing_due");
        let transfer = Take { method: Method::BankTransfer, ..cash(budi.id, 5_000) };
        pay(&app, &transfer).await.unwrap();
        assert_eq!(stands(&app, budi.id).await, (0, 25_000));
        assert_eq!(code_of(pay(&app, &cash(budi.id, 0)).await), "given out_of_range");
        let euros = Take { given: Money::new(5, Currency::parse("EUR").unwrap()), ..cash(budi.id, 0) };
        assert_eq!(code_of(pay(&app, &euros).await), "given other_currency");
        let bank: i64 = ledger::accounts(app.db.read())
            .await
            .unwrap()
            .iter()
            .filter(|account| account.code == "1110")
            .map(|account| account.balance.minor())
            .sum();
        assert_eq!(bank, 5_000);
        // What was refused took no number.
        let last = super::super::list(app.db.read(), &Scope::All, &Filter::default(), &PageOf::default()).await;
        assert_eq!(last.unwrap().unwrap().items[0].number, "KW-20261122-0004");
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn what_a_customer_was_taken_over_with_is_the_oldest_of_all() {
    on_each_database(async |app| {
        let budi = Budi::owing(&app).await;
        let form: customers::opening::OpeningForm =
            serde_json::from_value(serde_json::json!({ "kind": "debt", "amount": 30_000 })).unwrap();
        let actor = actor();
        let asked = customers::Asked { scope: &Scope::All, actor: &actor, form_id: "" };
        customers::opening::open(&app, &asked, budi.id, &form).await.unwrap();
        let receipt = shown(&app, pay(&app, &cash(budi.id, 40_000)).await.unwrap()).await;
        let lines: Vec<(Option<InvoiceId>, i64)> =
            receipt.lines.iter().map(|line| (line.invoice_id, line.amount.minor())).collect();
        assert_eq!(lines, [(None, 30_000), (Some(budi.november), 10_000)]);
        assert_eq!(stands(&app, budi.id).await, (205_000, 0));
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_payment_taken_back_leaves_everything_as_it_was_once() {
    on_each_database(async |app| {
        let budi = Budi::owing(&app).await;
        let before = (stands(&app, budi.id).await, state(&app, budi.november).await, state(&app, budi.december).await);
        let taken = pay(&app, &Take { keeps_rest: true, ..cash(budi.id, 230_000) }).await.unwrap();
        assert_eq!(stands(&app, budi.id).await, (0, 15_000));
        assert_eq!(code_of(reverse(&app, &Scope::All, &actor(), taken.id, "  ").await), "reason required");
        let (one, two) = tokio::join!(back(&app, taken.id), back(&app, taken.id));
        assert!(one.is_ok() != two.is_ok());
        assert!(matches!(one.and(two), Err(PaymentError::Reversed)));
        let after = (stands(&app, budi.id).await, state(&app, budi.november).await, state(&app, budi.december).await);
        assert_eq!(before, after);
        let receipt = shown(&app, taken).await;
        assert_eq!(
            (receipt.payment.reverse_reason.as_str(), receipt.payment.amount.minor()),
            ("salah pelanggan", 230_000)
        );
        // It is in no sum any more.
        let sums = super::super::sums(&app, &Scope::All, &Filter::default()).await.unwrap();
        assert_eq!(sums.iter().map(|sum| sum.amount.minor()).collect::<Vec<_>>(), [115_000]);
        assert!(matches!(back(&app, PaymentId(999)).await, Err(PaymentError::NotFound)));
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_balance_pays_what_is_due_or_is_paid_out_and_holds_back_what_gave_it() {
    on_each_database(async |app| {
        let budi = Budi::owing(&app).await;
        assert_eq!(code_of(using(&app, budi.id, None).await), " no_balance");
        let gave = pay(&app, &Take { keeps_rest: true, ..cash(budi.id, 265_000) }).await.unwrap();
        assert_eq!(code_of(using(&app, budi.id, None).await), " nothing_due");
        let january = invoice(&app, budi.id, budi.site, (165_000, "2027-01-10")).await;
        assert_eq!(code_of(using(&app, budi.id, Some(60_000)).await), "amount more_than_credit");
        let used = using(&app, budi.id, Some(30_000)).await.unwrap();
        assert_eq!(kinds(&shown(&app, used).await), (Kind::CreditUsed, Method::Credit));
        assert_eq!(
            (stands(&app, budi.id).await, state(&app, january).await),
            ((135_000, 20_000), ("partially_paid", 135_000))
        );
        assert!(matches!(back(&app, gave.id).await, Err(PaymentError::CreditSpent)));
        assert_eq!(code_of(refunding(&app, budi.id, 20_001).await), "amount more_than_credit");
        let out = refunding(&app, budi.id, 20_000).await.unwrap();
        assert_eq!(kinds(&shown(&app, out).await), (Kind::Refund, Method::Cash));
        assert_eq!(stands(&app, budi.id).await, (135_000, 0));
        // The other way round all of it can be undone.
        for each in [out, used, gave] {
            back(&app, each.id).await.unwrap();
        }
        assert_eq!(stands(&app, budi.id).await, (380_000, 0));
        assert_eq!(state(&app, budi.november).await, ("partially_paid", 50_000));
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_hundred_at_once_book_right_for_one_customer_and_for_many() {
    on_each_database(async |app| {
        let site = app.site("Kebon").await;
        let one = customer(&app, site, "Budi").await;
        for _month in 0..5 {
            invoice(&app, one, site, (165_000, "2026-11-10")).await;
        }
        let mut many = Vec::new();
        for at in 0..20 {
            let id = customer(&app, site, &format!("Pelanggan {at}")).await;
            invoice(&app, id, site, (50_000, "2026-11-10")).await;
            many.push(id);
        }
        let app = &app;
        let same = (0..100).map(|_| async move { pay(app, &Take { keeps_rest: true, ..cash(one, 9_000) }).await });
        let others = many
            .iter()
            .cycle()
            .take(100)
            .map(|id| async move { pay(app, &Take { keeps_rest: true, ..cash(*id, 11_000) }).await });
        let (same, others) = tokio::join!(futures_util::future::join_all(same), futures_util::future::join_all(others));
        for taken in same.into_iter().chain(others) {
            assert!(!taken.unwrap().again);
        }
        assert_eq!(stands(app, one).await, (0, 75_000));
        for id in &many {
            assert_eq!(stands(app, *id).await, (0, 5_000));
        }
        proves(app).await;
    })
    .await;
}

#[tokio::test]
async fn a_proof_names_what_is_not_as_the_ledger_says() {
    on_each_database(async |app| {
        let budi = Budi::owing(&app).await;
        let taken = pay(&app, &cash(budi.id, 200_000)).await.unwrap();
        proves(&app).await;
        let tamper = async |statement: String| {
            let tx = app.db.begin().await.unwrap();
            tx.execute_unprepared(&statement).await.unwrap();
            tx.commit().await.unwrap();
            let found = super::super::prove(app.db.read()).await.unwrap();
            found
                .into_iter()
                .map(|difference| format!("{} {}", difference.check, difference.object))
                .collect::<Vec<_>>()
        };
        let (november, payment) = (budi.november, taken.id);
        let found = tamper(format!("UPDATE invoice SET settled = 1 WHERE id = {november}")).await;
        assert_eq!(found, [format!("invoice_settled invoice/{november}"), format!("invoice_state invoice/{november}")]);
        tamper(format!("UPDATE invoice SET settled = 165000 WHERE id = {november}")).await;
        let found = tamper(format!("UPDATE payment SET amount = 1 WHERE id = {payment}")).await;
        assert_eq!(found, ["payment_amount payment/KW-20261122-0002"]);
        tamper(format!("UPDATE payment SET amount = 200000, state = 'reversed' WHERE id = {payment}")).await;
        let found = tamper(format!("UPDATE payment SET state = 'reversed' WHERE id = {payment}")).await;
        assert_eq!(found, ["payment_state payment/KW-20261122-0002"]);
        tamper(format!("UPDATE payment SET state = 'booked' WHERE id = {payment}")).await;
        let found = tamper("UPDATE number_series SET last = last + 1".to_owned()).await;
        assert_eq!(found, ["number_gap series/invoice", "number_gap series/receipt"]);
    })
    .await;
}

#[tokio::test]
async fn postgresql_itself_refuses_an_entry_that_does_not_sum_up() {
    on_each_database(async |app| {
        if app.db.backend() != DbBackend::Postgres {
            return;
        }
        let budi = Budi::owing(&app).await;
        pay(&app, &cash(budi.id, 1_000)).await.unwrap();
        let head =
            "INSERT INTO journal_entry (occurred_at, recorded_at, kind, source_type, source_id, memo, actor, digest)
            VALUES (now(), now(), 'payment', 'payment', 'forged', '', 'x', 'x')";
        // An entry without postings, and one of a single posting: the commit fails, not only our check.
        for postings in [
            "SELECT 1",
            "INSERT INTO posting (entry_id, account_id, amount_minor, currency, occurred_at)
             SELECT MAX(e.id), (SELECT MIN(id) FROM account), 5, 'IDR', now() FROM journal_entry e",
        ] {
            let tx = app.db.begin().await.unwrap();
            tx.execute_unprepared(head).await.unwrap();
            tx.execute_unprepared(postings).await.unwrap();
            assert!(tx.commit().await.is_err(), "{postings}");
        }
        for kept in ["UPDATE posting SET amount_minor = 1", "DELETE FROM journal_entry", "TRUNCATE allocation"] {
            let tx = app.db.begin().await.unwrap();
            assert!(tx.execute_unprepared(kept).await.is_err(), "{kept}");
        }
        proves(&app).await;
    })
    .await;
}
