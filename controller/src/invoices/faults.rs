//! What refusals of invoices are answered with.

use super::{InvoiceError, rules::Fault};
use crate::http::{
    error::AppError,
    form::{FieldError, FormErrors},
};

impl From<InvoiceError> for AppError {
    fn from(error: InvoiceError) -> Self {
        match error {
            InvoiceError::NotFound => Self::NotFound,
            InvoiceError::Refused(errors) => Self::Invalid(errors),
            InvoiceError::Rule(fault) => FormErrors::of("lines", FieldError::new(code(fault))).into(),
            InvoiceError::IsVoid => Self::Conflict { code: "invoice_void" },
            InvoiceError::IsDraft => Self::Conflict { code: "invoice_draft" },
            InvoiceError::HasCreditNotes => Self::Conflict { code: "invoice_has_credit_notes" },
            InvoiceError::IsWrittenOff => Self::Conflict { code: "invoice_written_off" },
            InvoiceError::NotWrittenOff => Self::Conflict { code: "invoice_not_written_off" },
            InvoiceError::NothingOwed => Self::Conflict { code: "invoice_nothing_owed" },
            InvoiceError::Ledger(error) => error.into(),
            InvoiceError::Format(source) => Self::Internal(source.into()),
            InvoiceError::Db(error) => error.into(),
        }
    }
}

/// The code of its sentence.
pub(super) fn code(fault: Fault) -> &'static str {
    match fault {
        Fault::Lines => "invoice_lines",
        Fault::Negative => "invoice_negative",
        Fault::Amount => "invoice_amount",
        Fault::Credit => "credit_amount",
    }
}
