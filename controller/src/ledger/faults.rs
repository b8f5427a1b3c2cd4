//! What the ledger's refusals are answered with.

use sea_orm::DbErr;

use super::LedgerError;
use crate::http::{
    error::AppError,
    form::{FieldError, FormErrors},
};

impl LedgerError {
    /// As a fault of the database: for those who book what the ledger has no reason to refuse.
    #[must_use]
    pub fn into_db(self) -> DbErr {
        match self {
            Self::Db(error) => error,
            refused @ (Self::Rule(_)
            | Self::OtherContent(_)
            | Self::NoCredit(_)
            | Self::OverSettled(_)
            | Self::NotFound
            | Self::NotByHand
            | Self::Reversed
            | Self::IsReversal
            | Self::NoReason) => DbErr::Custom(format!("the ledger refuses what it should not: {refused}")),
        }
    }
}

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
