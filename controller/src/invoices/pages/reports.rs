//! The ages of debts, and a customer's statement.

use chrono::{DateTime, NaiveDate};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Loose,
        aging::{Report, Row, SiteRow},
        statement::Statement,
    },
    Whose, sample_whose, sample_write_offs,
};
use crate::{
    db::paging::Paged,
    http::{
        form::{Choice, FormErrors},
        misread::Misread,
        page::Page,
    },
    ids::{CustomerId, EntryId, SiteId},
    ledger::{Balance, StatementLine, aging::Aging, draft::Kind},
    money::{Currency, Money},
};

/// The ages of what is owed.
#[derive(Debug, Serialize)]
pub(crate) struct AgingPage {
    pub(crate) report: Report,
    pub(crate) misread: Misread,
    pub(crate) site_id: String,
    pub(crate) sites: Vec<Choice>,
    pub(crate) is_later: bool,
}

/// A customer's statement.
#[derive(Debug, Serialize)]
pub(crate) struct StatementPage {
    pub(crate) whose: Whose,
    pub(crate) statement: Statement,
    /// What he was taken over with.
    pub(crate) loose: Loose,
    pub(crate) may_manage: bool,
    pub(crate) fields: StatementFields,
    pub(crate) errors: FormErrors,
    pub(crate) is_later: bool,
}

/// Between which days, as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StatementFields {
    pub(crate) from: String,
    pub(crate) to: String,
}

fn sample_aging() -> Aging {
    Aging {
        not_due: Money::idr(165_000),
        to_30: Money::idr(50_000),
        to_90: Money::idr(7_500),
        credit: Money::idr(1_500),
        ..Aging::none(Currency::IDR)
    }
}

pub(super) fn sample_statement(is_full: bool) -> Statement {
    let kinds = if is_full { &Kind::ALL[..] } else { &[] };
    let line = |kind: &Kind| StatementLine {
        entry: EntryId(3),
        at: DateTime::UNIX_EPOCH,
        kind: *kind,
        source_type: if *kind == Kind::Payment { "payment" } else { "invoice" }.to_owned(),
        source_id: "12".to_owned(),
        memo: "INV-202612-000123".to_owned(),
        receivable: Money::idr(if kind.settles() { -50_000 } else { 165_000 }),
        credit: Money::idr(if *kind == Kind::Payment { 1_500 } else { 0 }),
        balance: Money::idr(115_000),
    };
    Statement {
        opening: Money::idr(0),
        closing: Money::idr(113_500),
        balance: Balance { receivable: Money::idr(115_000), credit: Money::idr(1_500) },
        lines: Paged { items: kinds.iter().map(line).collect(), next_cursor: is_full.then(|| "x".to_owned()) },
    }
}

impl Page for AgingPage {
    const TEMPLATE: &'static str = "invoices/aging.html";

    fn samples() -> Vec<Self> {
        let report = |rows: Vec<Row>| Report {
            as_of: NaiveDate::from_ymd_opt(2026, 12, 14).unwrap_or_default(),
            is_now: true,
            sites: vec![SiteRow {
                site_id: SiteId(1),
                site: "Kebon".to_owned(),
                total: Money::idr(222_500),
                aging: sample_aging(),
            }],
            total: Money::idr(222_500),
            all: sample_aging(),
            rows: Paged { next_cursor: (!rows.is_empty()).then(|| "x".to_owned()), items: rows },
        };
        let row = Row {
            customer_id: CustomerId(7),
            number: "C000123".to_owned(),
            name: "Budi Santoso".to_owned(),
            site_id: SiteId(1),
            total: Money::idr(222_500),
            aging: sample_aging(),
        };
        let page = |rows, sites: Vec<Choice>, is_later| Self {
            report: report(rows),
            misread: Misread::default(),
            site_id: String::new(),
            sites,
            is_later,
        };
        let sites = vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")];
        let wrong = Self { misread: Misread::sample("to", "not_a_date"), ..page(Vec::new(), Vec::new(), false) };
        vec![page(Vec::new(), Vec::new(), false), page(vec![row], sites, true), wrong]
    }
}

impl Page for StatementPage {
    const TEMPLATE: &'static str = "invoices/statement.html";

    fn samples() -> Vec<Self> {
        let page = |fields, is_full, errors| Self {
            whose: sample_whose(),
            statement: sample_statement(is_full),
            loose: Loose {
                remaining: Money::idr(if is_full { 50_000 } else { 0 }),
                written_off: Money::idr(if is_full { 20_000 } else { 0 }),
                write_offs: if is_full { sample_write_offs() } else { Vec::new() },
            },
            may_manage: is_full,
            fields,
            errors,
            is_later: is_full,
        };
        let asked = StatementFields { from: "2026-11-01".to_owned(), to: "2026-11-30".to_owned() };
        let bad = FormErrors::of("to", crate::http::form::FieldError::new("not_a_date"));
        vec![
            page(StatementFields::default(), false, FormErrors::default()),
            page(asked.clone(), true, FormErrors::default()),
            page(asked, false, bad),
        ]
    }
}
