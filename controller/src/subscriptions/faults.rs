//! How refusals of this feature are answered: which field, which code.

use super::{State, SubscriptionError};
use crate::http::error::AppError;

impl From<SubscriptionError> for AppError {
    fn from(error: SubscriptionError) -> Self {
        match error {
            SubscriptionError::NotFound => Self::NotFound,
            SubscriptionError::Refused(errors) => Self::Invalid(errors),
            SubscriptionError::WrongState(state) => Self::Conflict { code: wrong_state(state) },
            SubscriptionError::Changed => Self::Conflict { code: "subscription_changed" },
            SubscriptionError::NotPrepared => Self::Conflict { code: "router_not_prepared" },
            SubscriptionError::Money(error) => Self::Internal(error.into()),
            SubscriptionError::Invoice(error) => error.into(),
            SubscriptionError::Db(error) => error.into(),
        }
    }
}

/// The code of what cannot be done in a state.
#[must_use]
pub(crate) fn wrong_state(state: State) -> &'static str {
    match state {
        State::Pending => "subscription_pending",
        State::Active => "subscription_active",
        State::Grace => "subscription_grace",
        State::Isolated => "subscription_isolated",
        State::Paused => "subscription_paused",
        State::Ended => "subscription_ended",
    }
}
