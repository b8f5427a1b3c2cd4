//! What the pages of payments show, and how their forms are read.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Found, Kind, Line, Method, Payment, Receipt, Sum, Take};
use crate::{
    customers::{Customer, pages::sample as sample_customer},
    http::{
        form::{Check, Choice as Offered, FieldError, FormErrors, FormView},
        misread::Misread,
        page::Page,
        paper,
    },
    ids::{AdminId, CustomerId, EntryId, InvoiceId, PaymentId, SiteId, SubscriptionId},
    ledger::{Balance, allocation::Choice},
    money::{Currency, Money},
    settings::letterhead::Letterhead,
};

/// The value of a choice for what has no invoice.
pub(super) const LOOSE: &str = "0";

/// The cashier's search.
#[derive(Debug, Serialize)]
pub(crate) struct SearchPage {
    pub(crate) q: String,
    pub(crate) found: Vec<Found>,
}

/// A customer at the counter: what he owes, and the form that takes his money.
#[derive(Debug, Serialize)]
pub(crate) struct PayPage {
    pub(crate) customer: Customer,
    pub(crate) services: Vec<Service>,
    pub(crate) due: Vec<DueLine>,
    pub(crate) total: Money,
    pub(crate) balance: Balance,
    pub(crate) form: FormView<Fields>,
    pub(crate) proposal: Option<Proposal>,
    pub(crate) refund: FormView<RefundFields>,
    pub(crate) currency_sign: String,
    pub(crate) may_refund: bool,
}

/// A service as the cashier sees it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Service {
    pub(crate) id: SubscriptionId,
    pub(crate) number: String,
    pub(crate) package: String,
    pub(crate) username: String,
    pub(crate) state: &'static str,
    /// The router has not answered yet.
    pub(crate) waits: bool,
}

/// Something that is due.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DueLine {
    /// As a form sends it.
    pub(crate) value: String,
    /// Of the invoice; empty for what has none.
    pub(crate) number: String,
    pub(crate) due_on: Option<NaiveDate>,
    pub(crate) is_late: bool,
    pub(crate) total: Money,
    pub(crate) remaining: Money,
    pub(crate) is_chosen: bool,
}

/// What a payment would do.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Proposal {
    pub(crate) shares: Vec<Proposed>,
    pub(crate) change: Money,
    pub(crate) to_credit: Money,
    /// What is due afterwards.
    pub(crate) left: Money,
    /// Why it cannot be taken so.
    pub(crate) errors: FormErrors,
}

/// What it would do with one invoice.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Proposed {
    pub(crate) number: String,
    pub(crate) amount: Money,
    pub(crate) left: Money,
}

/// The proposal alone, while somebody types.
#[derive(Debug, Serialize)]
pub(crate) struct ProposalPart {
    pub(crate) proposal: Option<Proposal>,
}

/// The list of payments.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) payments: Vec<Payment>,
    pub(crate) sums: Vec<Sum>,
    pub(crate) q: String,
    /// More customers have the words than were looked at.
    pub(crate) is_cut: bool,
    pub(crate) narrow: Narrow,
    pub(crate) misread: Misread,
    pub(crate) today: String,
    pub(crate) sites: Vec<Offered>,
    pub(crate) cashiers: Vec<Offered>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) may_take: bool,
}

/// What a list is narrowed to, as typed into its filters.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Narrow {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) kind: String,
    pub(crate) method: String,
    pub(crate) site_id: String,
    pub(crate) cashier: String,
    pub(crate) customer_id: String,
    /// `csv` or `xlsx`, of a file.
    #[serde(skip_serializing)]
    pub(crate) format: String,
    /// Of all days; otherwise today where no day is given.
    pub(crate) all: String,
}

/// One payment with its receipt.
#[derive(Debug, Serialize)]
pub(crate) struct ShowPage {
    pub(crate) receipt: Receipt,
    /// It was taken just now; or the same form took it before.
    pub(crate) is_new: bool,
    pub(crate) is_again: bool,
    pub(crate) may_reverse: bool,
    pub(crate) may_take: bool,
    pub(crate) sees_ledger: bool,
    pub(crate) form: FormView<ReverseFields>,
}

/// A receipt on paper.
#[derive(Debug, Serialize)]
pub(crate) struct PrintPage {
    pub(crate) receipt: Receipt,
    pub(crate) company: String,
    pub(crate) letterhead: Letterhead,
    /// `thermal-58`, `thermal-80`, `a4`.
    pub(crate) format: &'static str,
    /// The address of the style sheet that says how large the paper is.
    pub(crate) style: String,
    /// The how many-th print it is; 0 = not said.
    pub(crate) copy: i32,
}

/// Papers of receipts.
pub(crate) const FORMATS: [&str; 3] = ["thermal-58", "thermal-80", "a4"];

/// Letters that stand beside each other on the narrowest roll.
const COLUMNS: usize = 24;
/// Lines of a receipt beside what it settles: who, whose, what is left, thanks.
const FRAME: usize = 24;

impl PrintPage {
    /// A receipt on a paper.
    pub(super) fn new(
        receipt: Receipt,
        (company, letterhead): (String, Letterhead),
        format: &'static str,
        copy: i32,
    ) -> Self {
        let rows = |text: &str| text.chars().count().div_ceil(COLUMNS);
        let settled: usize = receipt
            .lines
            .iter()
            .map(|line| 2 + rows(&line.number) + rows(&line.what) + usize::from(line.from.is_some()))
            .sum();
        let lines = FRAME + rows(&company) + letterhead.rows() + rows(&receipt.payment.customer) + settled;
        let style = match format {
            "thermal-58" => paper::roll(58, lines),
            "thermal-80" => paper::roll(80, lines),
            _ => paper::a4(),
        };
        Self { receipt, company, letterhead, format, style, copy }
    }
}

/// A payment as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) method: String,
    pub(crate) given: String,
    /// What is chosen; nothing = the oldest due first.
    pub(crate) invoice: Vec<String>,
    pub(crate) keep: String,
    pub(crate) note: String,
    /// Only to be calculated.
    #[serde(skip_serializing)]
    pub(crate) preview: String,
}

/// A balance to be paid out, as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RefundFields {
    pub(crate) form_id: String,
    pub(crate) method: String,
    pub(crate) amount: String,
    pub(crate) note: String,
}

/// Why a payment is taken back, as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ReverseFields {
    pub(crate) reason: String,
}

impl Fields {
    /// Everything that is due, in cash.
    pub(super) fn fresh(total: Money) -> Self {
        let given = if total.minor() > 0 { total.typed() } else { String::new() };
        Self { method: Method::Cash.as_str().to_owned(), given, ..Self::default() }
    }

    /// What is to be taken.
    ///
    /// # Errors
    /// What cannot be read.
    pub(super) fn take(&self, customer: CustomerId, currency: Currency) -> Result<Take, FormErrors> {
        let mut check = Check::default();
        let method = check.choice("method", &self.method, Method::of_money);
        let given = check.money("given", &self.given, currency);
        let chosen = |text: &String| match text.as_str() {
            LOOSE => Some(Choice { invoice: None, at_most: None }),
            id => id.parse().ok().map(|id| Choice { invoice: Some(InvoiceId(id)), at_most: None }),
        };
        let choices: Option<Vec<Choice>> = self.invoice.iter().map(chosen).collect();
        if choices.is_none() {
            check.refuse("invoice", FieldError::new("not_due"));
        }
        match (method, given, choices) {
            (Some(method), Some(given), Some(choices)) if check.is_clean() => Ok(Take {
                customer,
                method,
                given,
                choices,
                keeps_rest: Check::ticked(&self.keep),
                note: self.note.clone(),
            }),
            _ => Err(check.into_errors()),
        }
    }
}

/// A receipt for samples.
pub(super) fn sample() -> Receipt {
    let idr = Money::idr;
    let line = |id: i64, number: &str, amount: i64, left: i64| Line {
        invoice_id: Some(InvoiceId(id)),
        number: number.to_owned(),
        what: "Rumah-10M".to_owned(),
        from: "2026-12-01".parse().ok(),
        until: "2027-01-01".parse().ok(),
        amount: idr(amount),
        remaining: Some(idr(left)),
    };
    let loose = Line {
        invoice_id: None,
        what: String::new(),
        from: None,
        until: None,
        remaining: None,
        ..line(0, "", 5_000, 0)
    };
    Receipt {
        payment: Payment {
            id: PaymentId(7),
            number: "KW-20261214-0042".to_owned(),
            kind: Kind::Payment,
            method: Method::Cash,
            customer_id: CustomerId(1),
            customer_number: "C000123".to_owned(),
            customer: "Budi Santoso".to_owned(),
            site_id: SiteId(1),
            site: "Kebon".to_owned(),
            timezone: "Asia/Jakarta".to_owned(),
            amount: idr(205_000),
            given: idr(210_000),
            change: idr(5_000),
            to_credit: idr(0),
            is_promised: true,
            entry_id: EntryId(11),
            received_at: chrono::DateTime::UNIX_EPOCH,
            note: "titipan <b>".to_owned(),
            reversed_at: None,
            reverse_reason: String::new(),
            printed: 0,
            taken_by: Some(AdminId(3)),
            cashier: "sari".to_owned(),
        },
        lines: vec![line(1, "INV/2026/11/000042", 50_000, 0), line(2, "INV/2026/12/000051", 150_000, 15_000), loose],
        owed: idr(15_000),
        credit: idr(0),
    }
}

fn sample_reversed() -> Receipt {
    let receipt = sample();
    let payment = Payment {
        reversed_at: Some(chrono::DateTime::UNIX_EPOCH),
        reverse_reason: "salah pelanggan".to_owned(),
        printed: 2,
        note: String::new(),
        is_promised: false,
        ..receipt.payment
    };
    Receipt { payment, ..receipt }
}

fn sample_of(kind: Kind, method: Method) -> Receipt {
    let receipt = sample();
    let payment = Payment { kind, method, change: Money::idr(0), to_credit: Money::idr(10_000), ..receipt.payment };
    Receipt { payment, lines: Vec::new(), credit: Money::idr(10_000), ..receipt }
}

impl Page for SearchPage {
    const TEMPLATE: &'static str = "payments/search.html";

    fn samples() -> Vec<Self> {
        let found = |owes, credit| Found {
            id: CustomerId(1),
            number: "C000123".to_owned(),
            name: "Budi Santoso".to_owned(),
            phone: "0812-3456-7890".to_owned(),
            address: "Jl. Melati 5".to_owned(),
            site_id: SiteId(1),
            site: "Kebon".to_owned(),
            owes: Money::idr(owes),
            credit: Money::idr(credit),
        };
        vec![
            Self { q: String::new(), found: Vec::new() },
            Self { q: "budi".to_owned(), found: vec![found(215_000, 0), found(0, 5_000)] },
            Self { q: "x<b>".to_owned(), found: Vec::new() },
        ]
    }
}

impl Page for PayPage {
    const TEMPLATE: &'static str = "payments/pay.html";

    fn samples() -> Vec<Self> {
        let idr = Money::idr;
        let service = |state| Service {
            id: SubscriptionId(7),
            number: "S000007".to_owned(),
            package: "Rumah-10M".to_owned(),
            username: "kebon-0007".to_owned(),
            state,
            waits: state == "isolated",
        };
        let due = |value: &str, number: &str, late: bool| DueLine {
            value: value.to_owned(),
            number: number.to_owned(),
            due_on: NaiveDate::from_ymd_opt(2026, 12, 20).filter(|_| !number.is_empty()),
            is_late: late,
            total: idr(165_000),
            remaining: idr(50_000),
            is_chosen: late,
        };
        let page = |form, due: Vec<DueLine>, proposal| Self {
            customer: sample_customer(),
            services: ["pending", "active", "grace", "isolated", "paused", "ended"].map(service).to_vec(),
            due,
            total: idr(215_000),
            balance: Balance { receivable: idr(215_000), credit: idr(10_000) },
            form,
            proposal,
            refund: FormView::fresh(RefundFields::default()),
            currency_sign: "Rp".to_owned(),
            may_refund: true,
        };
        let fields = Fields::fresh(idr(215_000));
        let mut errors = FormErrors::of("given", FieldError::new("out_of_range").arg("min", 1).arg("max", 2));
        errors.add("keep", FieldError::new("nothing_due"));
        errors.add("invoice", FieldError::new("not_due"));
        errors.add("", FieldError::new("form_used"));
        let dues = || vec![due(LOOSE, "", false), due("2", "INV/2026/12/000051", true)];
        let none = Self {
            services: Vec::new(),
            balance: Balance { receivable: idr(0), credit: idr(0) },
            total: idr(0),
            may_refund: false,
            ..page(FormView::fresh(Fields::fresh(idr(0))), Vec::new(), None)
        };
        let refused = FormErrors::of("amount", FieldError::new("more_than_credit").arg("credit", "Rp10.000"));
        let mut wrong = page(FormView::again(fields.clone(), errors.clone(), ""), dues(), None);
        wrong.refund = FormView::again(RefundFields::default(), refused, "");
        let mut proposal = sample_proposal();
        proposal.errors = errors;
        vec![
            page(FormView::fresh(fields.clone()), dues(), Some(sample_proposal())),
            none,
            wrong,
            page(FormView::fresh(fields), dues(), Some(proposal)),
        ]
    }
}

fn sample_proposal() -> Proposal {
    let idr = Money::idr;
    let share = |number: &str, left| Proposed { number: number.to_owned(), amount: idr(50_000), left: idr(left) };
    Proposal {
        shares: vec![share("INV/2026/11/000042", 0), share("", 15_000)],
        change: idr(5_000),
        to_credit: idr(7_000),
        left: idr(15_000),
        errors: FormErrors::default(),
    }
}

impl Page for ProposalPart {
    const TEMPLATE: &'static str = "payments/_proposal.html";

    fn samples() -> Vec<Self> {
        vec![Self { proposal: None }, Self { proposal: Some(sample_proposal()) }]
    }
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "payments/list.html";

    fn samples() -> Vec<Self> {
        let empty = || Self {
            payments: Vec::new(),
            sums: Vec::new(),
            q: String::new(),
            is_cut: false,
            narrow: Narrow::default(),
            misread: Misread::default(),
            today: "2026-12-14".to_owned(),
            sites: Vec::new(),
            cashiers: Vec::new(),
            next: None,
            is_later: false,
            may_take: true,
        };
        let sum = |kind, method| Sum { kind, method, count: 14, amount: Money::idr(2_310_000) };
        let mut sums: Vec<Sum> = Method::OF_MONEY.into_iter().map(|method| sum(Kind::Payment, method)).collect();
        sums.extend([sum(Kind::CreditUsed, Method::Credit), sum(Kind::Refund, Method::Cash)]);
        let full = Self {
            payments: vec![
                sample().payment,
                sample_reversed().payment,
                sample_of(Kind::CreditUsed, Method::Credit).payment,
                sample_of(Kind::Refund, Method::BankTransfer).payment,
            ],
            sums,
            q: "KW-".to_owned(),
            is_cut: true,
            sites: vec![Offered::new(1, "Kebon"), Offered::new(2, "Waena")],
            cashiers: vec![Offered::new(3, "sari")],
            next: Some("x".to_owned()),
            is_later: true,
            ..empty()
        };
        let all = Narrow { all: "1".to_owned(), ..Narrow::default() };
        let wrong = Self { misread: Misread::sample("from", "not_a_date"), ..empty() };
        vec![empty(), full, Self { narrow: all, may_take: false, ..empty() }, wrong]
    }
}

impl Page for ShowPage {
    const TEMPLATE: &'static str = "payments/show.html";

    fn samples() -> Vec<Self> {
        let page = |receipt| Self {
            receipt,
            is_new: false,
            is_again: false,
            may_reverse: true,
            may_take: true,
            sees_ledger: true,
            form: FormView::fresh(ReverseFields::default()),
        };
        let errors = FormErrors::of("reason", FieldError::new("required"));
        vec![
            Self { is_new: true, ..page(sample()) },
            Self { is_again: true, may_reverse: false, may_take: false, sees_ledger: false, ..page(sample()) },
            Self { form: FormView::again(ReverseFields::default(), errors, ""), ..page(sample()) },
            page(sample_reversed()),
            page(sample_of(Kind::CreditUsed, Method::Credit)),
            page(sample_of(Kind::Refund, Method::BankTransfer)),
        ]
    }
}

impl Page for PrintPage {
    const TEMPLATE: &'static str = "payments/print.html";

    fn samples() -> Vec<Self> {
        let page = |receipt, format, copy| {
            let letterhead = if copy > 0 { Letterhead::sample() } else { Letterhead::default() };
            Self::new(receipt, ("Kebon Net".to_owned(), letterhead), format, copy)
        };
        vec![
            page(sample(), "thermal-58", 1),
            page(sample_reversed(), "thermal-80", 3),
            page(sample_of(Kind::CreditUsed, Method::Credit), "a4", 0),
            page(sample_of(Kind::Refund, Method::BankTransfer), "a4", 1),
        ]
    }
}
