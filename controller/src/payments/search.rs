//! The cashier's search: a customer by name, number, telephone, username, or the number of one of his invoices.

use sea_orm::DbErr;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    customers::{self, Customer},
    db::paging::PageOf,
    http::access::Scope,
    ids::{CustomerId, SiteId},
    invoices, ledger,
    money::{Currency, Money},
    settings,
};

/// Customers found at once.
const MOST: u64 = 20;
/// Invoices looked at.
const INVOICES: u64 = 10;
/// Characters from which a text may be the number of an invoice.
const MIN_NUMBER: usize = 3;

/// A customer who may want to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Found {
    pub id: CustomerId,
    pub number: String,
    pub name: String,
    pub phone: String,
    pub address: String,
    pub site_id: SiteId,
    pub site: String,
    pub owes: Money,
    pub credit: Money,
}

/// Customers the caller may see whom these words find.
///
/// # Errors
/// The database's.
pub async fn search(app: &App, scope: &Scope, q: &str) -> Result<Vec<Found>, DbErr> {
    let q = q.trim();
    if q.is_empty() {
        return Ok(Vec::new());
    }
    let db = app.db.read();
    let page = PageOf::new(Some(MOST), None).unwrap_or_default();
    let filter = customers::Filter { q: q.to_owned(), ..customers::Filter::default() };
    let mut found = customers::list(app, scope, &filter, &page).await?.items;
    for customer in of_invoices(app, scope, q).await? {
        if !found.iter().any(|known| known.id == customer.id) {
            found.insert(0, customer);
        }
    }
    let currency = Currency::parse(&settings::load(db).await?.currency).unwrap_or(Currency::IDR);
    let ids: Vec<CustomerId> = found.iter().map(|customer| customer.id).collect();
    let balances = ledger::balances(db, &ids, currency).await?;
    let none = Money::new(0, currency);
    let with = |customer: Customer| {
        let balance = balances.get(&customer.id);
        Found {
            owes: balance.map_or(none, |balance| balance.receivable),
            credit: balance.map_or(none, |balance| balance.credit),
            id: customer.id,
            phone: customer.phones.first().map(|contact| contact.shown.clone()).unwrap_or_default(),
            number: customer.number,
            name: customer.name,
            address: customer.address,
            site_id: customer.site_id,
            site: customer.site,
        }
    };
    Ok(found.into_iter().map(with).collect())
}

/// Those whose invoice has this number.
async fn of_invoices(app: &App, scope: &Scope, q: &str) -> Result<Vec<Customer>, DbErr> {
    if q.len() < MIN_NUMBER || !q.bytes().any(|byte| byte.is_ascii_digit()) || q.contains(' ') {
        return Ok(Vec::new());
    }
    let ids = invoices::customers_of_number(app.db.read(), scope, q, INVOICES).await?;
    customers::by_ids(app.db.read(), &app.keys, scope, &ids).await
}
