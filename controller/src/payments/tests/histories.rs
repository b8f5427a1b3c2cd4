//! Random histories on real databases: whatever is invoiced, paid, used, paid out, voided, given up and taken back in
//! whatever order, after each step the ledger proves, documents are what it says, and nobody's balance is below zero.

use proptest::prelude::*;

use super::{
    super::{Refunding, Using, refund_credit, reverse, use_credit},
    *,
};
use crate::{ids::PaymentId, invoices::InvoiceError, testing::on_each_database};

/// What happens; amounts and choices are made to fit what is there.
#[derive(Debug, Clone, Copy)]
enum Step {
    Invoice { customer: usize, amount: i64 },
    Pay { customer: usize, given: i64, chosen: Option<usize>, keeps: bool, is_cash: bool },
    Use { customer: usize, at_most: Option<i64> },
    Refund { customer: usize, amount: i64 },
    Reverse { which: usize },
    Void { which: usize },
    GiveUp { which: usize },
    TakeUp { which: usize },
    GiveUpLoose { customer: usize },
    TakeUpLoose { customer: usize },
    Open { customer: usize, amount: i64, is_debt: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let customer = 0usize..3;
    prop_oneof![
        4 => (customer.clone(), 1i64..300_000).prop_map(|(customer, amount)| Step::Invoice { customer, amount }),
        6 => (customer.clone(), 1i64..400_000, prop::option::of(0usize..4), any::<bool>(), any::<bool>()).prop_map(
            |(customer, given, chosen, keeps, is_cash)| Step::Pay { customer, given, chosen, keeps, is_cash }
        ),
        3 => (customer.clone(), prop::option::of(1i64..200_000))
            .prop_map(|(customer, at_most)| Step::Use { customer, at_most }),
        1 => (customer.clone(), 1i64..100_000).prop_map(|(customer, amount)| Step::Refund { customer, amount }),
        3 => (0usize..40).prop_map(|which| Step::Reverse { which }),
        1 => (0usize..40).prop_map(|which| Step::Void { which }),
        2 => (0usize..40).prop_map(|which| Step::GiveUp { which }),
        1 => (0usize..40).prop_map(|which| Step::TakeUp { which }),
        1 => customer.clone().prop_map(|customer| Step::GiveUpLoose { customer }),
        1 => customer.clone().prop_map(|customer| Step::TakeUpLoose { customer }),
        1 => (customer, 1i64..100_000, any::<bool>())
            .prop_map(|(customer, amount, is_debt)| Step::Open { customer, amount, is_debt }),
    ]
}

struct World {
    app: TestApp,
    site: SiteId,
    customers: Vec<CustomerId>,
    invoices: Vec<InvoiceId>,
    payments: Vec<PaymentId>,
}

impl World {
    async fn of(app: TestApp) -> Self {
        let site = app.site("Kebon").await;
        let mut customers = Vec::new();
        for name in ["Budi", "Siti", "Joko"] {
            customers.push(customer(&app, site, name).await);
        }
        Self { app, site, customers, invoices: Vec::new(), payments: Vec::new() }
    }

    async fn apply(&mut self, step: Step) {
        let actor = actor();
        let form_id = form::new_form_id();
        let asked = Asked { scope: &Scope::All, actor: &actor, form_id: &form_id };
        match step {
            Step::Invoice { customer, amount } => {
                let id = invoice(&self.app, self.customers[customer], self.site, (amount, "2026-11-10")).await;
                self.invoices.push(id);
            }
            Step::Pay { customer, given, chosen, keeps, is_cash } => {
                let customer = self.customers[customer];
                let open = invoices::open_of(self.app.db.read(), customer).await.unwrap();
                let choices = chosen.and_then(|at| open.get(at)).map(|open| choice(open.id)).into_iter().collect();
                let method = if is_cash { Method::Cash } else { Method::BankTransfer };
                let wanted = Take { method, choices, keeps_rest: keeps, ..cash(customer, given) };
                match take(&self.app, &asked, &wanted).await {
                    Ok(taken) => self.payments.push(taken.id),
                    // Only change of a payment of nothing is refused.
                    Err(PaymentError::Refused(_)) => assert!(is_cash && !keeps && open.is_empty()),
                    Err(other) => panic!("{other:?}"),
                }
            }
            Step::Use { customer, at_most } => {
                let customer = self.customers[customer];
                let before = stands(&self.app, customer).await;
                let wanted =
                    Using { customer, at_most: at_most.map(Money::idr), choices: Vec::new(), note: String::new() };
                match use_credit(&self.app, &asked, &wanted).await {
                    Ok(taken) => self.payments.push(taken.id),
                    Err(PaymentError::Refused(_)) => {
                        assert!(before.0 == 0 || before.1 < at_most.unwrap_or(1), "{before:?} {at_most:?}");
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
            Step::Refund { customer, amount } => {
                let customer = self.customers[customer];
                let credit = stands(&self.app, customer).await.1;
                let (method, amount) = (Method::Cash, Money::idr(amount));
                let wanted = Refunding { customer, method, amount, note: String::new() };
                match refund_credit(&self.app, &asked, &wanted).await {
                    Ok(taken) => self.payments.push(taken.id),
                    Err(PaymentError::Refused(_)) => assert!(credit < amount.minor()),
                    Err(other) => panic!("{other:?}"),
                }
            }
            Step::Reverse { which } => {
                let Some(id) = self.payments.get(which % self.payments.len().max(1)) else { return };
                match reverse(&self.app, &Scope::All, &actor, *id, "salah").await {
                    Ok(()) | Err(PaymentError::Reversed | PaymentError::CreditSpent) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            Step::Void { which } => {
                let Some(id) = self.invoices.get(which % self.invoices.len().max(1)) else { return };
                // What is void already stays so; a credit that voiding would need back may be spent.
                let _refused = invoices::void(&self.app, &Scope::All, &actor, *id, "salah").await;
            }
            Step::GiveUp { which } => {
                let Some(id) = self.invoices.get(which % self.invoices.len().max(1)) else { return };
                let (_, left) = state(&self.app, *id).await;
                match invoices::write_off(&self.app, &Scope::All, &actor, *id, "pindah").await {
                    Ok(()) => assert_eq!(state(&self.app, *id).await, ("uncollectible", 0)),
                    Err(InvoiceError::NothingOwed | InvoiceError::IsWrittenOff) => assert_eq!(left, 0),
                    Err(InvoiceError::IsVoid) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            Step::TakeUp { which } => {
                let Some(id) = self.invoices.get(which % self.invoices.len().max(1)) else { return };
                match invoices::reinstate(&self.app, &Scope::All, &actor, *id, "mau bayar").await {
                    Ok(()) => assert_ne!(state(&self.app, *id).await.1, 0),
                    Err(InvoiceError::NotWrittenOff) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            Step::GiveUpLoose { customer } => {
                let customer = self.customers[customer];
                match invoices::write_off_loose(&self.app, &Scope::All, &actor, customer, "lama").await {
                    Ok(()) | Err(InvoiceError::NothingOwed) => {}
                    Err(other) => panic!("{other:?}"),
                }
                let loose = ledger::remaining_loose(self.app.db.read(), customer, Currency::IDR).await.unwrap();
                assert_eq!(loose.minor(), 0);
            }
            Step::TakeUpLoose { customer } => {
                let customer = self.customers[customer];
                match invoices::reinstate_loose(&self.app, &Scope::All, &actor, customer, "lama").await {
                    Ok(()) | Err(InvoiceError::NotWrittenOff) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            Step::Open { customer, amount, is_debt } => {
                let kind = if is_debt { "debt" } else { "credit" };
                let form = serde_json::from_value(serde_json::json!({ "kind": kind, "amount": amount })).unwrap();
                let asked = customers::Asked { scope: &Scope::All, actor: &actor, form_id: &form_id };
                customers::opening::open(&self.app, &asked, self.customers[customer], &form).await.unwrap();
            }
        }
    }

    async fn holds(&self) {
        proves(&self.app).await;
        for customer in &self.customers {
            let (owed, credit) = stands(&self.app, *customer).await;
            assert!(owed >= 0 && credit >= 0, "{customer}: {owed} {credit}");
            let open = invoices::open_of(self.app.db.read(), *customer).await.unwrap();
            let loose = ledger::remaining_loose(self.app.db.read(), *customer, Currency::IDR).await.unwrap();
            let sum: i64 = open.iter().map(|open| open.remaining.minor()).sum();
            assert_eq!(sum + loose.minor(), owed, "{customer}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_books_are_right(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(on_each_database(|app| {
            let steps = steps.clone();
            async move {
                let mut world = World::of(app).await;
                for step in steps {
                    world.apply(step).await;
                    world.holds().await;
                }
            }
        }));
    }
}
