//! How refusals of this feature are answered.

use super::{BillingError, PlanState};
use crate::http::error::AppError;

impl From<BillingError> for AppError {
    fn from(error: BillingError) -> Self {
        match error {
            BillingError::NotFound => Self::NotFound,
            BillingError::Running => Self::Conflict { code: "billing_running" },
            BillingError::WrongState(PlanState::Done | PlanState::Undone | PlanState::Dropped) => {
                Self::Conflict { code: "plan_over" }
            }
            BillingError::WrongState(PlanState::Making | PlanState::Planned | PlanState::Held | PlanState::Running) => {
                Self::Conflict { code: "plan_not_so_far" }
            }
            BillingError::Subscription(error) => error.into(),
            BillingError::Db(error) => error.into(),
        }
    }
}
