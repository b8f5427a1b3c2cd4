//! What the page of the general settings shows.

use serde::{Deserialize, Serialize};

use super::{Payments, Settings, letterhead};
use crate::{
    http::{
        form::{Check, Choice, FieldError, FormErrors, FormView},
        page::Page,
    },
    ledger::rules::VoucherIncome,
};

/// The settings as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) company_name: String,
    /// A line each.
    pub(crate) header_lines: String,
    pub(crate) currency: String,
    pub(crate) voucher_marker: String,
    pub(crate) pppoe_marker: String,
    pub(crate) voucher_income: String,
    pub(crate) is_taxable: String,
    pub(crate) invoice_number_format: String,
    pub(crate) credit_note_number_format: String,
    pub(crate) invoice_needs_approval: String,
    pub(crate) invoice_auto_approve_hours: String,
    pub(crate) receipt_number_format: String,
    pub(crate) reopen_share_percent: String,
    pub(crate) partial_promise_days: String,
}

/// The general settings.
#[derive(Debug, Serialize)]
pub(crate) struct GeneralPage {
    pub(crate) form: FormView<Fields>,
    pub(crate) currencies: Vec<Choice>,
    /// Address of the logo on documents.
    pub(crate) logo: Option<String>,
    /// Why the file is none.
    pub(crate) logo_error: Option<FieldError>,
}

impl From<Settings> for Fields {
    fn from(settings: Settings) -> Self {
        let ticked = |is_on: bool| if is_on { "on".to_owned() } else { String::new() };
        Self {
            company_name: settings.company_name,
            header_lines: settings.header_lines.join("\n"),
            currency: settings.currency,
            voucher_marker: settings.voucher_marker,
            pppoe_marker: settings.pppoe_marker,
            voucher_income: settings.voucher_income.as_str().to_owned(),
            is_taxable: ticked(settings.is_taxable),
            invoice_number_format: settings.invoice_number_format,
            credit_note_number_format: settings.credit_note_number_format,
            invoice_needs_approval: ticked(settings.invoice_needs_approval),
            invoice_auto_approve_hours: settings.invoice_auto_approve_hours.to_string(),
            receipt_number_format: settings.payments.receipt_number_format,
            reopen_share_percent: settings.payments.reopen_share_percent.to_string(),
            partial_promise_days: settings.payments.partial_promise_days.to_string(),
        }
    }
}

impl Fields {
    /// The settings of what was typed; what this form does not have stays as it was.
    pub(crate) fn over(self, before: Settings) -> Settings {
        let trim = |text: String| text.trim().to_owned();
        let fields = self;
        Settings {
            company_name: trim(fields.company_name),
            header_lines: letterhead::lines_of(&fields.header_lines),
            currency: trim(fields.currency),
            voucher_marker: trim(fields.voucher_marker),
            pppoe_marker: trim(fields.pppoe_marker),
            voucher_income: VoucherIncome::parse(&fields.voucher_income).unwrap_or_default(),
            is_taxable: Check::ticked(&fields.is_taxable),
            invoice_number_format: trim(fields.invoice_number_format),
            credit_note_number_format: trim(fields.credit_note_number_format),
            invoice_needs_approval: Check::ticked(&fields.invoice_needs_approval),
            // What is no number is refused with its sentence.
            invoice_auto_approve_hours: fields.invoice_auto_approve_hours.trim().parse().unwrap_or(-1),
            payments: Payments {
                reopen_share_percent: fields.reopen_share_percent.trim().parse().unwrap_or(-1),
                partial_promise_days: fields.partial_promise_days.trim().parse().unwrap_or(-1),
                receipt_number_format: trim(fields.receipt_number_format),
            },
            ..before
        }
    }
}

/// The currencies offered; the API takes every ISO code.
pub(crate) fn currencies() -> Vec<Choice> {
    let known = [
        ("IDR", "Rupiah (IDR)"),
        ("MYR", "Ringgit (MYR)"),
        ("PHP", "Peso (PHP)"),
        ("SGD", "Dollar (SGD)"),
        ("THB", "Baht (THB)"),
        ("USD", "US Dollar (USD)"),
        ("VND", "Đồng (VND)"),
    ];
    known.map(|(code, name)| Choice::new(code, name)).to_vec()
}

impl Page for GeneralPage {
    const TEMPLATE: &'static str = "settings/general.html";

    fn samples() -> Vec<Self> {
        let mut errors = FormErrors::of("company_name", FieldError::new("company_name"));
        errors.add("voucher_marker", FieldError::new("marker"));
        errors.add("pppoe_marker", FieldError::new("marker_same"));
        errors.add("currency", FieldError::new("not_offered"));
        errors.add("invoice_number_format", FieldError::new("number_format"));
        errors.add("invoice_auto_approve_hours", FieldError::new("approve_hours"));
        errors.add("reopen_share_percent", FieldError::new("percent_range"));
        errors.add("partial_promise_days", FieldError::new("promise_days"));
        let values = Fields::from(Settings::default());
        errors.add("header_lines", FieldError::new("header_lines"));
        let page = |form| Self { form, currencies: currencies(), logo: None, logo_error: None };
        let of = |code: &str| Self {
            logo: Some("/company/logo/abc".to_owned()),
            logo_error: Some(FieldError::new(code)),
            ..page(FormView::fresh(Fields::default()))
        };
        let mut samples = vec![page(FormView::fresh(values.clone())), page(FormView::again(values, errors, ""))];
        samples.extend(["logo_too_large", "logo_not_a_picture", "logo_too_many_pixels"].map(of));
        samples
    }
}
