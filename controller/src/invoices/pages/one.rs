//! One invoice: as it stands, made by hand, credited.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        CreditNote, Head, Invoice, ManualForm, ManualLine,
        rules::{MAX_LINES, State},
    },
    Whose, sample_head, sample_invoice, sample_whose,
};
use crate::{
    http::{
        form::{Check, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::{CreditNoteId, CustomerId, EntryId, InvoiceId},
    ledger::{SettlementLine, draft::Kind},
    money::{Currency, Money},
};

/// Lines a fresh form has room for.
const ROOM: usize = 3;

/// One invoice.
#[derive(Debug, Serialize)]
pub(crate) struct ShowPage {
    pub(crate) invoice: Invoice,
    pub(crate) whose: Whose,
    pub(crate) settled: Vec<SettledLine>,
    pub(crate) late: i64,
    /// A reason is missing, or not one.
    pub(crate) reason: Option<FieldError>,
    pub(crate) may_manage: bool,
    pub(crate) may_void: bool,
    pub(crate) may_credit: bool,
    pub(crate) may_write_off: bool,
    pub(crate) may_reinstate: bool,
    pub(crate) may_pay: bool,
    pub(crate) may_see_ledger: bool,
    /// Without it, the next night would invoice its period again.
    pub(crate) comes_again: bool,
}

/// What settled something of it.
#[derive(Debug, Serialize)]
pub(crate) struct SettledLine {
    #[serde(flatten)]
    line: SettlementLine,
    /// The page of its document; empty = none.
    link: String,
}

impl From<SettlementLine> for SettledLine {
    fn from(line: SettlementLine) -> Self {
        let link = match line.source_type.as_str() {
            "payment" => format!("/payments/{}", line.source_id),
            _ => String::new(),
        };
        Self { line, link }
    }
}

/// For whom an invoice is to be made.
#[derive(Debug, Serialize)]
pub(crate) struct ChoosePage {
    pub(crate) q: String,
    pub(crate) found: Vec<Whose>,
}

/// An invoice to be made by hand.
#[derive(Debug, Serialize)]
pub(crate) struct FormPage {
    pub(crate) whose: Whose,
    pub(crate) form: FormView<ManualFields>,
    pub(crate) is_taxable: bool,
    pub(crate) sign: String,
    pub(crate) has_room: bool,
}

/// It as typed; the lists of lines run side by side.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ManualFields {
    pub(crate) form_id: String,
    pub(crate) due_on: String,
    pub(crate) text: Vec<String>,
    pub(crate) quantity: Vec<String>,
    pub(crate) price: Vec<String>,
    /// `yes`, `no`.
    pub(crate) taxed: Vec<String>,
    pub(crate) notes: String,
    pub(crate) is_draft: String,
    /// Pressed for more lines.
    pub(crate) more: String,
}

impl ManualFields {
    /// With lines to be typed into, all lists of one length.
    pub(crate) fn with_room(mut self, more: usize) -> Self {
        let typed = self.text.iter().zip(&self.price).filter(|(text, price)| !text.is_empty() || !price.is_empty());
        let room = (typed.count() + more).clamp(ROOM, MAX_LINES);
        let room = room.max(self.text.len().min(MAX_LINES));
        self.text.resize(room, String::new());
        self.price.resize(room, String::new());
        self.quantity.resize(room, "1".to_owned());
        self.taxed.resize(room, "no".to_owned());
        self
    }

    /// As the API takes it. Lines of which nothing was typed are left out.
    ///
    /// # Errors
    /// What cannot be read, by field: `price_0`, `due_on`.
    pub(crate) fn form(&self, currency: Currency) -> Result<ManualForm, FormErrors> {
        let mut check = Check::default();
        // Somebody chose the last day to pay: an emptied field is not today.
        let due_on = check.day("due_on", &self.due_on);
        let mut lines = Vec::new();
        for (at, text) in self.text.iter().enumerate().take(MAX_LINES) {
            let of = |list: &[String]| list.get(at).map(|text| text.trim().to_owned()).unwrap_or_default();
            let (price, quantity) = (of(&self.price), of(&self.quantity));
            if text.trim().is_empty() && price.is_empty() {
                continue;
            }
            if text.trim().is_empty() {
                check.refuse(&format!("text_{at}"), FieldError::new("required"));
            }
            let unit_price = amount(&mut check, &format!("price_{at}"), &price, currency);
            let quantity =
                if quantity.is_empty() { Some(1) } else { check.int(&format!("quantity_{at}"), &quantity, 1..=10_000) };
            lines.push(ManualLine { text: text.clone(), quantity, unit_price, is_taxed: of(&self.taxed) == "yes" });
        }
        if lines.is_empty() {
            check.refuse("lines", FieldError::new("invoice_lines"));
        }
        if !check.is_clean() {
            return Err(check.into_errors());
        }
        Ok(ManualForm { due_on, lines, notes: self.notes.clone(), is_draft: Check::ticked(&self.is_draft) })
    }
}

/// An amount, with a minus before a discount.
fn amount(check: &mut Check, field: &str, text: &str, currency: Currency) -> Option<Money> {
    match text.strip_prefix(['-', '−']) {
        Some(rest) => check.money(field, rest, currency)?.times(-1).ok(),
        None => check.money(field, text, currency),
    }
}

/// An invoice to be credited.
#[derive(Debug, Serialize)]
pub(crate) struct CreditPage {
    pub(crate) invoice: Head,
    /// What can still be credited.
    pub(crate) left: Money,
    pub(crate) form: FormView<CreditFields>,
    pub(crate) sign: String,
}

/// What is credited, as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CreditFields {
    pub(crate) form_id: String,
    pub(crate) amount: String,
    pub(crate) reason: String,
}

fn sample_line(kind: Kind, amount: i64) -> SettledLine {
    SettlementLine {
        entry: EntryId(9),
        at: DateTime::UNIX_EPOCH,
        kind,
        source_type: "payment".to_owned(),
        source_id: "4".to_owned(),
        memo: "KW-202612-000042".to_owned(),
        actor_id: None,
        actor: "sari".to_owned(),
        amount: Money::idr(amount),
    }
    .into()
}

impl Page for ShowPage {
    const TEMPLATE: &'static str = "invoices/show.html";

    fn samples() -> Vec<Self> {
        let page = |state: State, may: bool| Self {
            invoice: sample_invoice(state),
            whose: sample_whose(),
            settled: Vec::new(),
            late: 0,
            reason: None,
            may_manage: may,
            may_void: may,
            may_credit: may,
            may_write_off: may && state.is_owed(),
            may_reinstate: may && state == State::Uncollectible,
            may_pay: may,
            may_see_ledger: may,
            comes_again: may,
        };
        let note = CreditNote {
            id: CreditNoteId(1),
            number: "NK-202612-000001".to_owned(),
            invoice_id: InvoiceId(12),
            customer_id: CustomerId(7),
            net: Money::idr(27_027),
            tax: Money::idr(2_973),
            amount: Money::idr(30_000),
            to_credit: Money::idr(10_000),
            reason: "gangguan".to_owned(),
            entry_id: EntryId(8),
            created_at: DateTime::UNIX_EPOCH,
        };
        let mut credited = page(State::PartiallyPaid, true);
        credited.invoice.credit_notes = vec![note];
        credited.invoice.entry_id = Some(EntryId(3));
        credited.settled =
            [Kind::Payment, Kind::CreditNote, Kind::CreditUsed, Kind::CreditReturned, Kind::WriteOff, Kind::Reversal]
                .map(|kind| sample_line(kind, 50_000))
                .into();
        let mut samples: Vec<Self> = State::ALL.into_iter().map(|state| page(state, false)).collect();
        samples.extend([
            page(State::Draft, true),
            page(State::Uncollectible, true),
            Self { late: 4, reason: Some(FieldError::new("required")), ..page(State::Open, true) },
            credited,
        ]);
        samples
    }
}

impl Page for ChoosePage {
    const TEMPLATE: &'static str = "invoices/choose.html";

    fn samples() -> Vec<Self> {
        let page = |q: &str, found| Self { q: q.to_owned(), found };
        vec![page("", Vec::new()), page("x", Vec::new()), page("budi", vec![sample_whose()])]
    }
}

impl Page for FormPage {
    const TEMPLATE: &'static str = "invoices/form.html";

    fn samples() -> Vec<Self> {
        let page = |form, is_taxable, has_room| Self {
            whose: sample_whose(),
            form,
            is_taxable,
            sign: "Rp".to_owned(),
            has_room,
        };
        let mut errors = FormErrors::of("lines", FieldError::new("invoice_lines"));
        for (field, code) in
            [("due_on", "due_day"), ("text_0", "required"), ("price_0", "not_money"), ("quantity_0", "required")]
        {
            errors.add(field, FieldError::new(code));
        }
        let refused = |code: &str| FormErrors::of("lines", FieldError::new(code));
        let again = |errors| FormView::again(ManualFields::default().with_room(1), errors, "");
        let mut samples = vec![page(FormView::fresh(ManualFields::default().with_room(1)), false, true)];
        samples.push(page(again(errors), true, false));
        for code in ["invoice_negative", "invoice_amount", "line_text", "line_price"] {
            samples.push(page(again(refused(code)), false, true));
        }
        samples
    }
}

impl Page for CreditPage {
    const TEMPLATE: &'static str = "invoices/credit.html";

    fn samples() -> Vec<Self> {
        let page = |form| Self {
            invoice: sample_head(State::PartiallyPaid),
            left: Money::idr(183_150),
            form,
            sign: "Rp".to_owned(),
        };
        let mut errors = FormErrors::of("amount", FieldError::new("credit_amount"));
        errors.add("reason", FieldError::new("required"));
        vec![page(FormView::fresh(CreditFields::default())), page(FormView::again(CreditFields::default(), errors, ""))]
    }
}
