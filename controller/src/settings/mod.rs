//! Settings of the operator, changed in the web app. The form is drawn from the struct; a new setting is a field here.

pub(crate) mod api;
pub mod billing;
pub mod letterhead;
pub(crate) mod pages;
mod payments;
pub(crate) mod routes;
pub mod services;
mod store;

use sea_orm::{ConnectionTrait, DbErr};
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    audit::{self, Actor, Deed},
    http::{
        error::AppError,
        form::{FieldError, FormErrors},
        logo::LogoError,
    },
    ledger::{numbers::NumberFormat, rules::VoucherIncome},
};

pub use payments::Payments;

/// What the operator chose. Every field has a default, so that an older row reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Settings {
    /// Name on pages and prints.
    pub company_name: String,
    /// The operator's own lines on invoices, statements and receipts: address, telephone, NPWP.
    pub header_lines: Vec<String>,
    /// Currency of new packages, ISO 4217.
    pub currency: String,
    /// Marker of voucher users and hotspot profiles.
    pub voucher_marker: String,
    /// Marker of PPP profiles and secrets.
    pub pppoe_marker: String,
    /// When the income of vouchers is booked.
    pub voucher_income: VoucherIncome,
    /// Whether the operator collects PPN (PKP).
    pub is_taxable: bool,
    /// How invoices are numbered: `INV-{yyyy}{mm}-{seq:6}`.
    pub invoice_number_format: String,
    /// How credit notes are numbered.
    pub credit_note_number_format: String,
    /// Whether invoices of periods wait for approval.
    pub invoice_needs_approval: bool,
    /// Hours after which what waits is issued by itself; 0 = never.
    pub invoice_auto_approve_hours: i64,
    /// Services of customers.
    pub services: services::Services,
    /// The monthly business.
    pub billing: billing::Billing,
    /// Receipts, and what part payments do.
    pub payments: Payments,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            company_name: "hiji".to_owned(),
            header_lines: Vec::new(),
            currency: "IDR".to_owned(),
            voucher_marker: hiji_shared::comment::VOUCHER_MARKER.to_owned(),
            pppoe_marker: hiji_shared::comment::PPPOE_MARKER.to_owned(),
            voucher_income: VoucherIncome::default(),
            is_taxable: false,
            invoice_number_format: "INV-{yyyy}{mm}-{seq:6}".to_owned(),
            credit_note_number_format: "NK-{yyyy}{mm}-{seq:6}".to_owned(),
            invoice_needs_approval: false,
            invoice_auto_approve_hours: 24,
            services: services::Services::default(),
            billing: billing::Billing::default(),
            payments: Payments::default(),
        }
    }
}

/// Why settings are refused: the field and the code of its sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("setting {field} is not valid: {code}")]
pub struct BadSetting {
    pub field: &'static str,
    pub code: &'static str,
}

/// Why settings are not kept.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("settings are refused: {}", .0.iter().map(|bad| bad.field).collect::<Vec<_>>().join(", "))]
    Bad(Vec<BadSetting>),
    #[error("no logo")]
    Logo(#[from] LogoError),
    #[error("database")]
    Db(#[from] DbErr),
}

const MAX_NAME: usize = 80;
const MAX_MARKER: usize = 32;
/// A month.
const MAX_APPROVE_HOURS: i64 = 31 * 24;

impl Settings {
    /// Every field that is not valid.
    #[must_use]
    pub fn faults(&self) -> Vec<BadSetting> {
        let mut faults = Vec::new();
        let mut bad = |field, code| faults.push(BadSetting { field, code });
        if self.company_name.trim().is_empty() || self.company_name.len() > MAX_NAME {
            bad("company_name", "company_name");
        }
        if let Err(BadSetting { field, code }) = letterhead::check(&self.header_lines) {
            bad(field, code);
        }
        if crate::money::Currency::parse(&self.currency).is_none() {
            bad("currency", "not_offered");
        }
        for (field, marker) in [("voucher_marker", &self.voucher_marker), ("pppoe_marker", &self.pppoe_marker)] {
            let plain = marker.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
            if marker.is_empty() || marker.len() > MAX_MARKER || !plain {
                bad(field, "marker");
            }
        }
        for (field, format) in [
            ("invoice_number_format", &self.invoice_number_format),
            ("credit_note_number_format", &self.credit_note_number_format),
        ] {
            if NumberFormat::parse(format).is_err() {
                bad(field, "number_format");
            }
        }
        if !(0..=MAX_APPROVE_HOURS).contains(&self.invoice_auto_approve_hours) {
            bad("invoice_auto_approve_hours", "approve_hours");
        }
        if self.voucher_marker == self.pppoe_marker {
            bad("pppoe_marker", "marker_same");
        }
        faults.extend(self.payments.faults());
        faults.extend(self.services.faults());
        faults.extend(self.billing.faults());
        faults
    }
}

/// The settings as they stand.
///
/// # Errors
/// The database's.
pub async fn load(db: &impl ConnectionTrait) -> Result<Settings, DbErr> {
    store::load(db).await
}

/// Checks and keeps settings.
///
/// # Errors
/// [`SettingsError`].
pub async fn change(app: &App, actor: &Actor, settings: &Settings) -> Result<(), SettingsError> {
    let faults = settings.faults();
    if !faults.is_empty() {
        return Err(SettingsError::Bad(faults));
    }
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    store::save(&*tx, now, settings).await?;
    let detail = serde_json::to_value(settings).unwrap_or_default();
    let deed = Deed { action: "settings.change", object: "settings".to_owned(), site: None, detail };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    app.brand.set(&settings.company_name);
    // Markers are the agents' as well.
    app.wakes.reconfigure();
    Ok(())
}

impl From<SettingsError> for AppError {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::Bad(faults) => {
                let mut errors = FormErrors::default();
                faults.iter().for_each(|bad| errors.add(bad.field, FieldError::new(bad.code)));
                errors.into()
            }
            SettingsError::Logo(error) => error.into(),
            SettingsError::Db(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_that_would_break_comments_is_refused() {
        for marker in ["", "A|B", "A B", "É", &"X".repeat(33)] {
            let settings = Settings { voucher_marker: (*marker).into(), ..Settings::default() };
            assert_eq!(settings.faults(), [BadSetting { field: "voucher_marker", code: "marker" }], "{marker}");
        }
        assert_eq!(Settings::default().faults(), []);
    }

    #[test]
    fn every_wrong_setting_is_told_at_once() {
        let settings = Settings {
            company_name: " ".into(),
            currency: "RUPIAH".into(),
            voucher_marker: "A B".into(),
            invoice_auto_approve_hours: -1,
            payments: Payments { reopen_share_percent: 0, partial_promise_days: -1, ..Payments::default() },
            ..Settings::default()
        };
        let fields: Vec<_> = settings.faults().into_iter().map(|bad| bad.field).collect();
        let wrong = ["company_name", "currency", "voucher_marker", "invoice_auto_approve_hours"];
        assert_eq!(fields[..4], wrong);
        assert_eq!(fields[4..], ["reopen_share_percent", "partial_promise_days"]);
    }
}
