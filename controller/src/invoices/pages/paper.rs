//! Invoices and statements on paper: A4, or a strip of a roll. Written in the language of the customer.

use chrono::{NaiveDate, Utc};
use serde::Serialize;

use super::{
    super::{Invoice, rules::State, statement::Statement},
    Whose, reports, sample_invoice, sample_whose,
};
use crate::{
    http::{page::Page, paper},
    money::Money,
};

/// What it is printed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Paper {
    #[default]
    A4,
    #[serde(rename = "thermal-80")]
    Thermal80,
    #[serde(rename = "thermal-58")]
    Thermal58,
}

impl Paper {
    /// Every paper.
    pub(crate) const ALL: [Self; 3] = [Self::A4, Self::Thermal80, Self::Thermal58];

    /// In queries; its text is `paper-<name>`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::A4 => "a4",
            Self::Thermal80 => "thermal-80",
            Self::Thermal58 => "thermal-58",
        }
    }

    /// The paper of a name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|paper| paper.as_str() == text)
    }

    /// The address of the style sheet that says its size; a strip is as long as so many lines of text.
    pub(crate) fn style(self, lines: usize) -> String {
        match self {
            Self::A4 => paper::a4(),
            Self::Thermal80 => paper::roll(80, lines),
            Self::Thermal58 => paper::roll(58, lines),
        }
    }
}

/// An invoice on paper.
#[derive(Debug, Serialize)]
pub(crate) struct PaperPage {
    pub(crate) invoice: Invoice,
    pub(crate) whose: Whose,
    pub(crate) paper: Paper,
    pub(crate) papers: Vec<Paper>,
    pub(crate) style: String,
    /// Where the operator is, as the site says.
    pub(crate) address: String,
    /// The day before that on which the period ends, as people write it.
    pub(crate) last_day: Option<NaiveDate>,
}

impl PaperPage {
    /// An invoice on a paper.
    pub(crate) fn new(invoice: Invoice, whose: Whose, address: String, paper: Paper) -> Self {
        // Head, customer, totals, foot; a line may take two rows.
        let lines = 22 + invoice.lines.len() * 2 + invoice.notes.chars().count() / 28;
        Self {
            last_day: invoice.head.period_until.and_then(|until| until.pred_opt()),
            style: paper.style(lines),
            papers: Paper::ALL.to_vec(),
            invoice,
            whose,
            paper,
            address,
        }
    }
}

/// A statement on paper.
#[derive(Debug, Serialize)]
pub(crate) struct StatementPaper {
    pub(crate) whose: Whose,
    pub(crate) statement: Statement,
    pub(crate) from: Option<NaiveDate>,
    pub(crate) to: Option<NaiveDate>,
    pub(crate) today: NaiveDate,
    /// What came before its first line was left out.
    pub(crate) is_cut: bool,
    pub(crate) style: String,
    pub(crate) address: String,
}

impl Page for PaperPage {
    const TEMPLATE: &'static str = "invoices/paper.html";

    fn samples() -> Vec<Self> {
        let mut samples: Vec<Self> = State::ALL
            .into_iter()
            .map(|state| Self::new(sample_invoice(state), sample_whose(), "Jl. Raya 1".to_owned(), Paper::A4))
            .collect();
        for paper in Paper::ALL {
            let mut bare = sample_invoice(State::PartiallyPaid);
            bare.head.tax = Money::idr(0);
            bare.head.period_until = None;
            bare.head.period_from = None;
            bare.notes = String::new();
            samples.push(Self::new(bare, sample_whose(), String::new(), paper));
            samples.push(Self::new(sample_invoice(State::Open), sample_whose(), "Jl. Raya 1".to_owned(), paper));
        }
        samples
    }
}

impl Page for StatementPaper {
    const TEMPLATE: &'static str = "invoices/statement_paper.html";

    fn samples() -> Vec<Self> {
        let page = |from, is_cut, statement| Self {
            whose: sample_whose(),
            statement,
            from,
            to: from,
            today: chrono::DateTime::<Utc>::UNIX_EPOCH.date_naive(),
            is_cut,
            style: paper::a4(),
            address: String::new(),
        };
        let day = NaiveDate::from_ymd_opt(2026, 11, 1);
        vec![page(None, false, reports::sample_statement(false)), page(day, true, reports::sample_statement(true))]
    }
}
