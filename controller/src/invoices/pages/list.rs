//! The list of invoices, and the part of it on a customer's page.

use serde::Serialize;

use super::{
    super::{Head, Sum, Tab, rules::State},
    sample_head, sample_sum,
};
use crate::{
    http::{form::Choice, misread::Misread, page::Page},
    ids::CustomerId,
};

/// The list.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) rows: Vec<Shown>,
    pub(crate) sums: Vec<Sum>,
    pub(crate) tab: Tab,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) q: String,
    /// More customers have the words than were looked at.
    pub(crate) is_cut: bool,
    pub(crate) site_id: String,
    pub(crate) customer_id: String,
    /// `2026-12`.
    pub(crate) month: String,
    pub(crate) misread: Misread,
    pub(crate) sites: Vec<Choice>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) may_manage: bool,
    pub(crate) may_pay: bool,
}

/// An invoice with how late it is.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    pub(crate) head: Head,
    pub(crate) late: i64,
}

/// A customer's invoices, on his page.
#[derive(Debug, Serialize)]
pub(crate) struct CustomerPart {
    pub(crate) customer_id: CustomerId,
    pub(crate) rows: Vec<Shown>,
    pub(crate) is_cut: bool,
    pub(crate) may_manage: bool,
    pub(crate) may_pay: bool,
}

fn shown(state: State, late: i64) -> Shown {
    Shown { head: sample_head(state), late }
}

fn every_state() -> Vec<Shown> {
    State::ALL.into_iter().map(|state| shown(state, i64::from(state == State::Open) * 4)).collect()
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "invoices/list.html";

    fn samples() -> Vec<Self> {
        let empty = |tab| Self {
            rows: Vec::new(),
            sums: Vec::new(),
            tab,
            tabs: Tab::ALL.to_vec(),
            q: String::new(),
            is_cut: false,
            site_id: String::new(),
            customer_id: String::new(),
            month: String::new(),
            misread: Misread::default(),
            sites: vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")],
            next: None,
            is_later: false,
            may_manage: true,
            may_pay: true,
        };
        let full = Self {
            rows: every_state(),
            sums: vec![sample_sum()],
            next: Some("x".to_owned()),
            is_later: true,
            month: "2026-12".to_owned(),
            ..empty(Tab::All)
        };
        let found = Self { q: "budi".to_owned(), is_cut: true, rows: every_state(), ..empty(Tab::Unpaid) };
        let none = Self { q: "budi".to_owned(), may_manage: false, may_pay: false, ..empty(Tab::Paid) };
        let mut samples: Vec<Self> = Tab::ALL.into_iter().map(empty).collect();
        samples.extend([full, found, none, Self { customer_id: "7".to_owned(), ..empty(Tab::All) }]);
        samples.push(Self { misread: Misread::sample("month", "bad_month"), ..empty(Tab::Paid) });
        samples
    }
}

impl Page for CustomerPart {
    const TEMPLATE: &'static str = "invoices/_of_customer.html";

    fn samples() -> Vec<Self> {
        let part = |rows, may| Self { customer_id: CustomerId(7), rows, is_cut: may, may_manage: may, may_pay: may };
        vec![part(Vec::new(), false), part(every_state(), true)]
    }
}
