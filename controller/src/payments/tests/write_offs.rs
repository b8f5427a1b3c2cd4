//! Debts given up while somebody pays them, and services that hang on them.

use chrono::Duration;

use super::{services::Isolated, *};
use crate::{
    app::App,
    events::{BusinessEvent, Happened},
    invoices::InvoiceError,
    jobs::Job as _,
    subscriptions::{self, Access, State},
    testing::on_each_database,
};

async fn give_up(app: &App, id: InvoiceId) -> Result<(), InvoiceError> {
    invoices::write_off(app, &Scope::All, &actor(), id, "pindah").await
}

async fn take_up(app: &App, id: InvoiceId) -> Result<(), InvoiceError> {
    invoices::reinstate(app, &Scope::All, &actor(), id, "mau bayar").await
}

#[tokio::test]
async fn who_pays_what_is_given_up_at_the_same_moment_has_paid_it_or_has_it_as_balance() {
    on_each_database(async |app| {
        let site = app.site("Kebon").await;
        let mut debts = Vec::new();
        for at in 0..12 {
            let id = customer(&app, site, &format!("Pelanggan {at}")).await;
            debts.push((id, invoice(&app, id, site, (50_000, "2026-11-10")).await));
        }
        let app = &app;
        let race = |(id, debt): (CustomerId, InvoiceId)| async move {
            // Half of them pay a part.
            let given = if debt.0 % 2 == 0 { 50_000 } else { 20_000 };
            let wanted = Take { keeps_rest: true, ..cash(id, given) };
            let (paid, given_up) = tokio::join!(pay(app, &wanted), give_up(app, debt));
            paid.unwrap();
            let (owed, credit) = stands(app, id).await;
            let found = invoices::find(app.db.read(), &Scope::All, debt).await.unwrap().unwrap();
            assert_eq!(found.paid.minor() + found.written_off.minor(), 50_000);
            assert_eq!((owed, credit), (0, given - found.paid.minor()));
            match given_up {
                Ok(()) => assert_eq!(found.head.state, invoices::State::Uncollectible),
                Err(InvoiceError::NothingOwed) => {
                    assert_eq!((found.head.state, found.written_off.minor()), (invoices::State::Paid, 0));
                }
                Err(other) => panic!("{other:?}"),
            }
        };
        futures_util::future::join_all(debts.into_iter().map(race)).await;
        proves(app).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_given_up_is_not_due_and_two_who_take_it_up_do_so_once() {
    on_each_database(async |app| {
        let site = app.site("Kebon").await;
        let id = customer(&app, site, "Budi").await;
        let debt = invoice(&app, id, site, (50_000, "2026-11-10")).await;
        let (one, two) = tokio::join!(give_up(&app, debt), give_up(&app, debt));
        assert!(one.is_ok() != two.is_ok());
        assert!(matches!(one.and(two), Err(InvoiceError::IsWrittenOff)));
        let chosen = Take { choices: vec![choice(debt)], ..cash(id, 50_000) };
        assert_eq!(code_of(pay(&app, &chosen).await), "invoice not_due");
        let (one, two) = tokio::join!(take_up(&app, debt), take_up(&app, debt));
        assert!(one.is_ok() != two.is_ok());
        assert!(matches!(one.and(two), Err(InvoiceError::NotWrittenOff)));
        pay(&app, &chosen).await.unwrap();
        assert_eq!((state(&app, debt).await, stands(&app, id).await), (("paid", 0), (0, 0)));
        proves(&app).await;
    })
    .await;
}

/// What subscriptions make of an event.
async fn follow(app: &TestApp, event: BusinessEvent) {
    let happened = Happened { id: 1, at: app.clock.now(), site: None, event };
    subscriptions::react::to(&[happened]).expect("a job").run(app).await.unwrap();
}

#[tokio::test]
async fn a_service_isolated_for_a_debt_is_open_when_all_of_it_is_given_up_and_lapses_when_it_is_taken_up() {
    on_each_database(async |app| {
        let budi = Isolated::overdue(&app).await;
        let open = invoices::open_of(app.db.read(), budi.customer).await.unwrap();
        let (customer_id, number, reason) = (budi.customer, String::new(), String::new());
        let told = |invoice_id, is_up: bool| {
            let (number, reason, amount) = (number.clone(), reason.clone(), Money::idr(0));
            match is_up {
                true => BusinessEvent::InvoiceWrittenOff { invoice_id, customer_id, number, amount, reason },
                false => BusinessEvent::InvoiceReinstated { invoice_id, customer_id, number, amount, reason },
            }
        };
        give_up(&app, open[0].id).await.unwrap();
        follow(&app, told(open[0].id, true)).await;
        // The other is still owed.
        assert_eq!(budi.stands(&app).await.0, State::Isolated);
        give_up(&app, open[1].id).await.unwrap();
        follow(&app, told(open[1].id, true)).await;
        let (state, wanted, _) = budi.stands(&app).await;
        assert_eq!((state, wanted, stands(&app, budi.customer).await), (State::Active, Access::Open, (0, 0)));
        app.clock.advance(Duration::days(1));
        take_up(&app, open[1].id).await.unwrap();
        follow(&app, told(open[1].id, false)).await;
        assert_eq!((budi.stands(&app).await.0, stands(&app, budi.customer).await), (State::Grace, (165_000, 0)));
        pay(&app, &cash(budi.customer, 165_000)).await.unwrap();
        assert_eq!(budi.stands(&app).await.0, State::Active);
        proves(&app).await;
    })
    .await;
}
