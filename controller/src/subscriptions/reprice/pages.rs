//! What the page of services with another price than their package's shows.

use serde::Serialize;

use super::{Differing, Which};
use crate::{http::page::Page, ids::PackageId, money::Money, subscriptions::pages::sample};

/// Services of a package that pay another price.
#[derive(Debug, Serialize)]
pub(crate) struct RepricePage {
    pub(crate) package_id: PackageId,
    pub(crate) package: String,
    /// What it costs now, where routers have no price of their own.
    pub(crate) price: Money,
    pub(crate) which: Which,
    pub(crate) old: u64,
    pub(crate) planned: u64,
    pub(crate) other: u64,
    pub(crate) rows: Vec<Differing>,
    /// Somebody just said that all take it.
    pub(crate) is_running: bool,
    pub(crate) form_id: String,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
}

impl Page for RepricePage {
    const TEMPLATE: &'static str = "subscriptions/reprice.html";

    fn samples() -> Vec<Self> {
        let row = |is_below_discount| Differing {
            subscription: sample().without_cost(),
            present: Money::idr(180_000),
            is_below_discount,
        };
        let page = |which, rows| Self {
            package_id: PackageId(1),
            package: "Rumah 10 Mbps".to_owned(),
            price: Money::idr(180_000),
            which,
            old: 2,
            planned: 1,
            other: 0,
            rows,
            is_running: false,
            form_id: "0123456789abcdef0123456789abcdef".to_owned(),
            next: None,
            is_later: false,
        };
        let mut pages: Vec<Self> = Which::ALL.into_iter().map(|which| page(which, Vec::new())).collect();
        pages.push(Self {
            next: Some("7".to_owned()),
            is_later: true,
            ..page(Which::Old, vec![row(false), row(true)])
        });
        pages.push(Self { is_running: true, ..page(Which::Planned, vec![row(false)]) });
        pages
    }
}
