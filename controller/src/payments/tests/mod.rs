//! Payments under test: stories on both databases, random histories, many at once, pages and resources.

mod histories;
mod pages;
mod renew;
mod search;
mod services;
mod stories;
mod write_offs;

use chrono::NaiveDate;

use super::{Asked, Kind, Method, PaymentError, Receipt, Take, Taken, receipt, take};
use crate::{
    clock::Clock as _,
    customers::{self, CustomerForm},
    http::{access::Scope, form},
    ids::{CustomerId, InvoiceId, SiteId},
    invoices::{self, Issue, LineKind, NewLine, Proposal},
    ledger::{self, allocation::Choice},
    money::{Currency, Money},
    testing::{TestApp, actor},
};

async fn customer(app: &TestApp, site: SiteId, name: &str) -> CustomerId {
    customer_with(app, site, name, Vec::new()).await
}

async fn customer_with(app: &TestApp, site: SiteId, name: &str, phones: Vec<customers::PhoneForm>) -> CustomerId {
    let form = CustomerForm { site_id: Some(site), name: name.to_owned(), phones, ..CustomerForm::default() };
    let asked = customers::Asked { scope: &Scope::All, actor: &actor(), form_id: &form::new_form_id() };
    customers::add(app, &asked, &form).await.unwrap()
}

/// An issued invoice over an amount, due on a day.
async fn invoice(app: &TestApp, customer: CustomerId, site: SiteId, (amount, due_on): (i64, &str)) -> InvoiceId {
    let line = NewLine {
        kind: LineKind::Package,
        text: "Rumah-10M".to_owned(),
        quantity: 1,
        unit_price: Money::idr(amount),
        amount: Money::idr(amount),
        cost: Money::idr(0),
        is_taxed: false,
        package: None,
        addon: None,
        from: None,
        until: None,
    };
    let due_on: NaiveDate = due_on.parse().unwrap();
    let proposal = Proposal {
        proposal: format!("manual/{}", form::new_form_id()),
        customer,
        site,
        subscription: None,
        kind: invoices::Kind::Manual,
        period: None,
        due_on,
        lines: vec![line],
        notes: String::new(),
    };
    let tx = app.db.begin().await.unwrap();
    let made = invoices::propose(&*tx, app.clock.now(), &actor(), vec![proposal], Issue::Now).await.unwrap();
    tx.commit().await.unwrap();
    made[0].id
}

fn cash(customer: CustomerId, given: i64) -> Take {
    Take {
        customer,
        method: Method::Cash,
        given: Money::idr(given),
        choices: Vec::new(),
        keeps_rest: false,
        note: String::new(),
    }
}

fn choice(invoice: InvoiceId) -> Choice {
    Choice { invoice: Some(invoice), at_most: None }
}

async fn pay(app: &TestApp, wanted: &Take) -> Result<Taken, PaymentError> {
    pay_by(app, wanted, &form::new_form_id()).await
}

async fn pay_by(app: &TestApp, wanted: &Take, form_id: &str) -> Result<Taken, PaymentError> {
    let actor = actor();
    take(app, &Asked { scope: &Scope::All, actor: &actor, form_id }, wanted).await
}

async fn shown(app: &TestApp, taken: Taken) -> Receipt {
    receipt(app.db.read(), &Scope::All, taken.id).await.unwrap().unwrap()
}

/// What he owes, and what he has paid ahead.
async fn stands(app: &TestApp, customer: CustomerId) -> (i64, i64) {
    let balance = ledger::balance(app.db.read(), customer, Currency::IDR).await.unwrap();
    (balance.receivable.minor(), balance.credit.minor())
}

async fn state(app: &TestApp, id: InvoiceId) -> (&'static str, i64) {
    let invoice = invoices::find(app.db.read(), &Scope::All, id).await.unwrap().unwrap();
    (invoice.head.state.as_str(), invoice.head.remaining.minor())
}

/// The ledger proves, and documents are what it says.
async fn proves(app: &TestApp) {
    let proof = ledger::prove(app.db.read(), app.clock.now(), true).await.unwrap();
    assert!(proof.differences.is_empty(), "{:?}", proof.differences);
    let documents = super::prove(app.db.read()).await.unwrap();
    assert!(documents.is_empty(), "{documents:?}");
}

/// The field and the code of a refusal.
fn code_of<T: std::fmt::Debug>(refused: Result<T, PaymentError>) -> String {
    let refused = refused.unwrap_err();
    let PaymentError::Refused(errors) = &refused else { return refused.to_string() };
    errors.iter().map(|(field, error)| format!("{field} {}", error.code())).collect::<Vec<_>>().join(", ")
}

fn kinds(receipt: &Receipt) -> (Kind, Method) {
    (receipt.payment.kind, receipt.payment.method)
}
