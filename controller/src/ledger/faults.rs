//! What the ledger's refusals are answered with.

use super::LedgerError;
use crate::http::{
    error::AppError,
    form::{FieldError, FormErrors},
};

impl From<LedgerError> for AppError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::NotFound => Self::NotFound,
            LedgerError::NotByHand | LedgerError::IsReversal => Self::Conflict { code: "entry_not_by_hand" },
            LedgerError::Reversed => Self::Conflict { code: "entry_reversed" },
            LedgerError::NoCredit(_) => Self::Conflict { code: "no_credit" },
            LedgerError::OverSettled(_) => Self::Conflict { code: "over_settled" },
            LedgerError::NoReason => FormErrors::of("reason", FieldError::new("required")).into(),
            LedgerError::OtherContent(_) | LedgerError::Rule(_) => Self::Internal(error.into()),
            LedgerError::Db(error) => error.into(),
        }
    }
}
