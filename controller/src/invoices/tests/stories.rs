//! Invoices on both databases: made once, numbered without gaps, booked, settled, voided, credited; and the ledger proves
//! after all of it.

use super::{
    super::{Crediting, Filter, InvoiceError, State, Tab, credit, find, issue, list, open_of, settled, sums, void},
    *,
};
use crate::{
    app::App,
    db::paging::PageOf,
    ids::InvoiceId,
    ledger::{
        self, LedgerError,
        allocation::Settlement,
        chart::Place,
        draft::{Fact, Source},
        rules::Payment,
    },
    money::Currency,
    testing::on_each_database,
};

/// Cash of a customer, and what it settles.
pub(super) async fn pay(app: &App, customer: CustomerId, payment: i64, settlement: &Settlement) -> ledger::Posted {
    let (now, actor) = (app.clock.now(), actor());
    let fact = Fact { source: Source::new("payment", payment), occurred_at: now, site: None, memo: String::new() };
    let what = Payment { customer, into: Place::cash(1), settlement, attempt: None };
    let draft = ledger::rules::payment(fact, &what).unwrap();
    let ids: Vec<InvoiceId> = settlement.shares.iter().filter_map(|share| share.invoice).collect();
    let tx = app.db.begin().await.unwrap();
    let posted = ledger::post(&*tx, now, &actor, &draft).await.unwrap();
    settled(&*tx, now, &actor, &ids).await.unwrap();
    tx.commit().await.unwrap();
    posted
}

pub(super) async fn owes(app: &App, customer: CustomerId) -> (i64, i64) {
    let balance = ledger::balance(app.db.read(), customer, Currency::IDR).await.unwrap();
    (balance.receivable.minor(), balance.credit.minor())
}

pub(super) async fn state(app: &App, id: InvoiceId) -> (State, i64) {
    let head = find(app.db.read(), &Scope::All, id).await.unwrap().unwrap().head;
    assert_eq!(head.settled.plus(head.remaining).unwrap(), head.total);
    (head.state, head.settled.minor())
}

async fn proves(app: &App) {
    let proof = ledger::prove(app.db.read(), app.clock.now(), true).await.unwrap();
    assert_eq!(proof.differences, []);
}

pub(super) fn part(invoice: InvoiceId, amount: i64, rest: i64) -> Settlement {
    Settlement { rest: Money::idr(rest), ..Settlement::of_invoice(invoice, Money::idr(amount)) }
}

#[tokio::test]
async fn what_was_proposed_before_is_made_once() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let wanted = || vec![proposal(budi, site, "sub/1/a", 100), proposal(budi, site, "sub/1/b", 200)];
        let first = make(&app, wanted(), Issue::Now).await;
        let more =
            [wanted(), vec![proposal(budi, site, "sub/1/c", 300), proposal(budi, site, "sub/1/c", 300)]].concat();
        let again = make(&app, more, Issue::Now).await;
        let numbers: Vec<_> = again.iter().map(|made| made.number.as_deref().unwrap()).collect();
        assert_eq!(numbers, ["INV-202612-000001", "INV-202612-000002", "INV-202612-000003", "INV-202612-000003"]);
        assert_eq!(first.iter().map(|made| made.is_new).collect::<Vec<_>>(), [true, true]);
        assert_eq!(again.iter().map(|made| made.is_new).collect::<Vec<_>>(), [false, false, true, true]);
        assert_eq!((first[0].id, first[0].total), (again[0].id, Money::idr(100)));
        assert_eq!(owes(&app, budi).await, (600, 0));
        let open: Vec<_> =
            open_of(app.db.read(), budi).await.unwrap().iter().map(|open| open.remaining.minor()).collect();
        assert_eq!(open, [100, 200, 300]);
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_draft_owes_nothing_until_it_is_issued() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let wanted = (0..3).map(|nth| proposal(budi, site, &format!("sub/{nth}"), 1000)).collect();
        let drafts = make(&app, wanted, Issue::Draft).await;
        assert!(drafts.iter().all(|made| made.state == State::Draft && made.number.is_none()));
        assert_eq!((owes(&app, budi).await, open_of(app.db.read(), budi).await.unwrap().len()), ((0, 0), 0));
        void(&app, &Scope::All, &actor(), drafts[1].id, "salah").await.unwrap();
        let ids: Vec<InvoiceId> = drafts.iter().map(|made| made.id).collect();
        let tx = app.db.begin().await.unwrap();
        let made = issue(&*tx, app.app.clock.now(), &actor(), &ids).await.unwrap();
        let again = issue(&*tx, app.app.clock.now(), &actor(), &ids).await.unwrap();
        tx.commit().await.unwrap();
        let found: Vec<_> = made.iter().map(|made| (made.state, made.number.as_deref(), made.is_new)).collect();
        let (first, second) = (Some("INV-202612-000001"), Some("INV-202612-000002"));
        assert_eq!(found, [(State::Open, first, true), (State::Void, None, false), (State::Open, second, true)]);
        assert!(again.iter().all(|made| !made.is_new));
        assert_eq!(owes(&app, budi).await, (2000, 0));
        let found = find(app.db.read(), &Scope::All, ids[0]).await.unwrap().unwrap();
        assert_eq!(found.head.issued_on, Some(day("2026-11-22")));
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_free_invoice_is_paid_and_not_booked() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let free = Proposal {
            lines: vec![line(LineKind::Package, 100, false), line(LineKind::Discount, -100, false)],
            ..proposal(budi, site, "sub/1", 0)
        };
        let made = make(&app, vec![free], Issue::Now).await;
        assert_eq!((made[0].state, made[0].number.as_deref()), (State::Paid, Some("INV-202612-000001")));
        assert_eq!(state(&app, made[0].id).await, (State::Paid, 0));
        void(&app, &Scope::All, &actor(), made[0].id, "salah").await.unwrap();
        assert_eq!(state(&app, made[0].id).await, (State::Void, 0));
    })
    .await;
}

#[tokio::test]
async fn states_follow_the_money_and_come_back_when_it_goes() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let id = make(&app, vec![proposal(budi, site, "sub/1", 165_000)], Issue::Now).await[0].id;
        pay(&app, budi, 1, &part(id, 150_000, 0)).await;
        assert_eq!(state(&app, id).await, (State::PartiallyPaid, 150_000));
        let second = pay(&app, budi, 2, &part(id, 15_000, 5_000)).await;
        assert_eq!((state(&app, id).await, owes(&app, budi).await), ((State::Paid, 165_000), (0, 5_000)));
        let tx = app.db.begin().await.unwrap();
        ledger::reverse(&*tx, app.app.clock.now(), &actor(), second.entry, "salah").await.unwrap();
        let found = settled(&*tx, app.app.clock.now(), &actor(), &[id]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(
            (found[0].was, found[0].state, found[0].remaining),
            (State::Paid, State::PartiallyPaid, Money::idr(15_000))
        );
        assert_eq!((state(&app, id).await, owes(&app, budi).await), ((State::PartiallyPaid, 150_000), (15_000, 0)));
        let told = crate::events::history(app.db.read(), -1, 100, None).await.unwrap();
        assert!(told.is_empty(), "nothing is published by a test without consumers");
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_void_invoice_keeps_its_number_and_gives_back_what_was_paid() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let made =
            make(&app, vec![proposal(budi, site, "sub/1", 165_000), proposal(budi, site, "sub/2", 50_000)], Issue::Now)
                .await;
        let id = made[0].id;
        let paid = pay(&app, budi, 1, &part(id, 100_000, 0)).await;
        assert!(matches!(void(&app, &Scope::All, &actor(), id, " ").await, Err(InvoiceError::Refused(_))));
        void(&app, &Scope::All, &actor(), id, "pindah").await.unwrap();
        assert!(matches!(void(&app, &Scope::All, &actor(), id, "pindah").await, Err(InvoiceError::IsVoid)));
        assert_eq!((state(&app, id).await, owes(&app, budi).await), ((State::Void, 0), (50_000, 100_000)));
        let found = find(app.db.read(), &Scope::All, id).await.unwrap().unwrap();
        assert_eq!((found.head.number.as_deref(), &*found.void_reason), (Some("INV-202612-000001"), "pindah"));
        proves(&app).await;
        // The payment was a mistake too: what its voiding gave is taken from the credit.
        let tx = app.db.begin().await.unwrap();
        ledger::reverse(&*tx, app.app.clock.now(), &actor(), paid.entry, "salah").await.unwrap();
        settled(&*tx, app.app.clock.now(), &actor(), &[id]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!((state(&app, id).await, owes(&app, budi).await), ((State::Void, 0), (50_000, 0)));
        assert_eq!(ledger::remaining(app.db.read(), &[id]).await.unwrap().get(&id), Some(&0));
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn credit_that_is_spent_holds_back_the_reversal_of_what_gave_it() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let made = make(
            &app,
            vec![proposal(budi, site, "sub/1", 100_000), proposal(budi, site, "sub/2", 100_000)],
            Issue::Now,
        )
        .await;
        let paid = pay(&app, budi, 1, &part(made[0].id, 100_000, 0)).await;
        void(&app, &Scope::All, &actor(), made[0].id, "salah").await.unwrap();
        let now = app.app.clock.now();
        let fact = Fact { source: Source::new("credit", 1), occurred_at: now, site: None, memo: String::new() };
        let used =
            ledger::rules::credit_used(fact, budi, &Settlement::of_invoice(made[1].id, Money::idr(100_000))).unwrap();
        let tx = app.db.begin().await.unwrap();
        ledger::post(&*tx, now, &actor(), &used).await.unwrap();
        settled(&*tx, now, &actor(), &[made[1].id]).await.unwrap();
        tx.commit().await.unwrap();
        let tx = app.db.begin().await.unwrap();
        ledger::reverse(&*tx, now, &actor(), paid.entry, "salah").await.unwrap();
        let refused = settled(&*tx, now, &actor(), &[made[0].id]).await;
        assert!(matches!(refused, Err(InvoiceError::Ledger(LedgerError::NoCredit(_)))), "{refused:?}");
        drop(tx);
        assert_eq!(owes(&app, budi).await, (0, 0));
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn credit_notes_settle_first_and_never_take_back_more_than_there_was() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let id = make(&app, vec![proposal(budi, site, "sub/1", 165_000)], Issue::Now).await[0].id;
        pay(&app, budi, 1, &part(id, 100_000, 0)).await;
        let asked = |form: &str, amount: Option<i64>| Crediting {
            form_id: form.to_owned(),
            invoice: id,
            amount: amount.map(Money::idr),
            reason: "gangguan".to_owned(),
        };
        let first = credit(&app, &Scope::All, &actor(), &asked("a", Some(30_000))).await.unwrap();
        let again = credit(&app, &Scope::All, &actor(), &asked("a", Some(30_000))).await.unwrap();
        assert_eq!((&*first.number, &first), ("NK-202611-000001", &again));
        assert_eq!((state(&app, id).await, owes(&app, budi).await), ((State::PartiallyPaid, 130_000), (35_000, 0)));
        assert!(matches!(void(&app, &Scope::All, &actor(), id, "x").await, Err(InvoiceError::HasCreditNotes)));
        let much = credit(&app, &Scope::All, &actor(), &asked("b", Some(135_001))).await;
        assert!(matches!(much, Err(InvoiceError::Refused(_))), "{much:?}");
        let rest = credit(&app, &Scope::All, &actor(), &asked("c", None)).await.unwrap();
        assert_eq!((rest.amount, rest.to_credit), (Money::idr(135_000), Money::idr(100_000)));
        assert_eq!((&*rest.number, state(&app, id).await), ("NK-202611-000002", (State::Paid, 165_000)));
        assert_eq!(owes(&app, budi).await, (0, 100_000));
        assert!(matches!(credit(&app, &Scope::All, &actor(), &asked("d", None)).await, Err(InvoiceError::Refused(_))));
        let found = find(app.db.read(), &Scope::All, id).await.unwrap().unwrap();
        assert_eq!(found.credit_notes, [first, rest]);
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn two_who_propose_the_same_at_once_make_one() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let once = |app: App| async move {
            let tx = app.db.begin().await.unwrap();
            let wanted = vec![proposal(budi, site, "sub/1", 100), proposal(budi, site, "sub/2", 100)];
            let made = propose(&*tx, app.clock.now(), &actor(), wanted, Issue::Now).await.unwrap();
            tx.commit().await.unwrap();
            made
        };
        let all = futures_util::future::join_all((0..6).map(|_| tokio::spawn(once(app.app.clone())))).await;
        let all: Vec<Vec<Made>> = all.into_iter().map(Result::unwrap).collect();
        assert_eq!(all.iter().filter(|made| made[0].is_new).count(), 1);
        assert!(all.iter().all(|made| (made[0].id, &made[0].number) == (all[0][0].id, &all[0][0].number)));
        assert_eq!(owes(&app, budi).await, (200, 0));
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn numbers_have_no_gaps_under_eight_who_issue_and_give_up_at_times() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let lane = |app: App, lane: i64| async move {
            for nth in 0..6 {
                let tx = app.db.begin().await.unwrap();
                let wanted = (0..=nth % 3).map(|each| proposal(budi, site, &format!("sub/{lane}/{nth}/{each}"), 100));
                propose(&*tx, app.clock.now(), &actor(), wanted.collect(), Issue::Now).await.unwrap();
                // A fifth is given up.
                if (lane + nth) % 5 != 0 {
                    tx.commit().await.unwrap();
                }
            }
        };
        let lanes = (0..8).map(|nth| tokio::spawn(lane(app.app.clone(), nth)));
        for ended in futures_util::future::join_all(lanes).await {
            ended.unwrap();
        }
        let filter = Filter { tab: Tab::All, ..Filter::default() };
        let page = PageOf::new(Some(200), None).unwrap();
        let found = list(app.db.read(), &Scope::All, app.app.clock.now(), &filter, &page).await.unwrap().unwrap();
        let mut numbers: Vec<String> = found.items.into_iter().filter_map(|head| head.number).collect();
        numbers.sort_unstable();
        let expected: Vec<String> = (1..=numbers.len()).map(|nth| format!("INV-202612-{nth:06}")).collect();
        assert_eq!(numbers, expected);
        let sum = sums(&app, &Scope::All, &filter).await.unwrap();
        assert_eq!(
            (sum[0].count, sum[0].total),
            (i64::try_from(expected.len()).unwrap(), Money::idr(sum[0].count * 100))
        );
        proves(&app).await;
    })
    .await;
}
