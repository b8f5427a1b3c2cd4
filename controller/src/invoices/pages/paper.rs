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
    settings::letterhead::Letterhead,
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
    pub(crate) letterhead: Letterhead,
    /// The day before that on which the period ends, as people write it.
    pub(crate) last_day: Option<NaiveDate>,
    /// How it is paid, as the operator says; empty where nothing is to be paid.
    pub(crate) how_to_pay: String,
    /// Lines of text that it takes on a roll.
    #[serde(skip)]
    rows: usize,
}

impl PaperPage {
    /// An invoice on a paper.
    pub(crate) fn new(
        invoice: Invoice,
        whose: Whose,
        (address, letterhead): (String, Letterhead),
        paper: Paper,
    ) -> Self {
        // Head, customer, totals, foot; what a line is for stands beside its amount, its price below.
        let of_lines: usize = invoice.lines.iter().map(|line| 1 + line.text.chars().count().div_ceil(LINE_CHARS)).sum();
        let lines = 22 + letterhead.rows() + of_lines + invoice.notes.chars().count() / ROW_CHARS;
        Self {
            last_day: invoice.head.period_until.and_then(|until| until.pred_opt()),
            style: paper.style(lines),
            papers: Paper::ALL.to_vec(),
            how_to_pay: String::new(),
            rows: lines,
            invoice,
            whose,
            paper,
            address,
            letterhead,
        }
    }

    /// With how it is paid, where anything is to be paid.
    pub(crate) fn paid_so(self, how_to_pay: String) -> Self {
        if how_to_pay.is_empty()
            || !matches!(self.invoice.head.state, State::Draft | State::Open | State::PartiallyPaid)
        {
            return self;
        }
        let broken = |line: &str| line.chars().count().div_ceil(ROW_CHARS).max(1);
        let rows = self.rows + 2 + how_to_pay.lines().map(broken).sum::<usize>();
        Self { style: self.paper.style(rows), how_to_pay, rows, ..self }
    }
}

/// Characters that stand beside each other on the narrowest roll.
const ROW_CHARS: usize = 28;
/// Those of them that are left beside an amount.
const LINE_CHARS: usize = 18;

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
    pub(crate) letterhead: Letterhead,
}

impl Page for PaperPage {
    const TEMPLATE: &'static str = "invoices/paper.html";

    fn samples() -> Vec<Self> {
        let plain = |address: &str| (address.to_owned(), Letterhead::default());
        let mut samples: Vec<Self> = State::ALL
            .into_iter()
            .map(|state| Self::new(sample_invoice(state), sample_whose(), plain("Jl. Raya 1"), Paper::A4))
            .collect();
        for paper in Paper::ALL {
            let mut bare = sample_invoice(State::PartiallyPaid);
            bare.head.tax = Money::idr(0);
            bare.head.period_until = None;
            bare.head.period_from = None;
            bare.notes = String::new();
            samples.push(Self::new(bare, sample_whose(), plain(""), paper));
            let head = ("Jl. Raya 1".to_owned(), Letterhead::sample());
            let open = Self::new(sample_invoice(State::Open), sample_whose(), head, paper);
            samples.push(open.paid_so("BCA 1234567890\na.n. Kebon <b>Net</b>".to_owned()));
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
            letterhead: if is_cut { Letterhead::sample() } else { Letterhead::default() },
        };
        let day = NaiveDate::from_ymd_opt(2026, 11, 1);
        vec![page(None, false, reports::sample_statement(false)), page(day, true, reports::sample_statement(true))]
    }
}
