//! Invoices under test: tables and properties of the rules, stories on both databases.

mod facts;
mod lists;
mod pages;
mod stories;
mod write_offs;

use chrono::NaiveDate;

use super::{Issue, Kind, LineKind, Made, NewLine, Proposal, propose};
use crate::{
    customers::{self, Asked, CustomerForm, PhoneForm},
    http::{access::Scope, form},
    ids::{CustomerId, SiteId},
    money::Money,
    testing::{TestApp, actor},
};

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

pub(super) fn line(kind: LineKind, amount: i64, is_taxed: bool) -> NewLine {
    NewLine {
        kind,
        text: "Rumah 10 Mbps".to_owned(),
        quantity: 1,
        unit_price: Money::idr(amount),
        amount: Money::idr(amount),
        cost: Money::idr(0),
        is_taxed,
        package: None,
        addon: None,
        from: None,
        until: None,
    }
}

/// A period of a subscription from 1 December on, over `amount`, due on the tenth.
pub(super) fn proposal(customer: CustomerId, site: SiteId, key: &str, amount: i64) -> Proposal {
    Proposal {
        proposal: key.to_owned(),
        customer,
        site,
        subscription: None,
        kind: Kind::Period,
        period: Some((day("2026-12-01"), day("2027-01-01"))),
        due_on: day("2026-12-10"),
        lines: vec![line(LineKind::Package, amount, false)],
        notes: String::new(),
    }
}

pub(super) async fn customer(app: &TestApp, site: SiteId, name: &str) -> CustomerId {
    let phones = vec![PhoneForm { number: "081234567890".to_owned(), ..PhoneForm::default() }];
    let form = CustomerForm {
        site_id: Some(site),
        name: name.to_owned(),
        phones,
        allow_duplicate: true,
        ..CustomerForm::default()
    };
    let asked = Asked { scope: &Scope::All, actor: &actor(), form_id: &form::new_form_id() };
    customers::add(app, &asked, &form).await.expect("a customer")
}

/// Proposes in a transaction of its own.
pub(super) async fn make(app: &TestApp, proposals: Vec<Proposal>, issue: Issue) -> Vec<Made> {
    let tx = app.db.begin().await.expect("a transaction");
    let made = propose(&*tx, app.app.clock.now(), &actor(), proposals, issue).await.expect("invoices");
    tx.commit().await.expect("it commits");
    made
}
