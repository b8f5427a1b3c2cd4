//! Whom a night did what for: the names behind its counts. Reminders are read among the messages, isolation in its plan.

use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;
use utoipa::ToSchema;

use super::store;
use crate::{
    db::paging::{PageOf, Paged},
    ids::{CustomerId, InvoiceId, RunId, SubscriptionId},
    invoices::Made,
    subscriptions::Subscription,
};

/// What a night did for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Did {
    /// An invoice was made, or its draft.
    Invoiced,
    /// A draft was issued because it waited long enough.
    Approved,
    /// An invoice was paid from the balance.
    Paid,
    /// What was planned for the day was done.
    Planned,
    /// Service that is no longer paid for.
    Lapsed,
}

impl Did {
    /// Everything.
    pub const ALL: [Self; 5] = [Self::Invoiced, Self::Approved, Self::Paid, Self::Planned, Self::Lapsed];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invoiced => "invoiced",
            Self::Approved => "approved",
            Self::Paid => "paid",
            Self::Planned => "planned",
            Self::Lapsed => "lapsed",
        }
    }

    /// What a name means.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|did| did.as_str() == name)
    }
}

/// Something done for a customer, as it is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) did: Did,
    pub(super) customer: CustomerId,
    pub(super) subscription: Option<SubscriptionId>,
    pub(super) invoice: Option<InvoiceId>,
}

impl Trace {
    /// Of an invoice.
    pub(super) fn of_invoice(did: Did, made: &Made) -> Self {
        Self { did, customer: made.customer, subscription: made.subscription, invoice: Some(made.id) }
    }

    /// Of a service.
    pub(super) fn of_service(did: Did, of: &Subscription) -> Self {
        Self { did, customer: of.customer_id, subscription: Some(of.id), invoice: None }
    }
}

/// Something done for a customer, with names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Traced {
    pub id: i64,
    pub customer_id: CustomerId,
    pub customer_number: String,
    pub customer: String,
    pub subscription_id: Option<SubscriptionId>,
    pub username: String,
    pub invoice_id: Option<InvoiceId>,
    /// Drafts have none.
    pub invoice_number: Option<String>,
}

/// What a night did of one kind, in its order. The caller has found the night in his scope.
///
/// # Errors
/// The database's.
pub async fn traces(db: &impl ConnectionTrait, run: RunId, did: Did, page: &PageOf) -> Result<Paged<Traced>, DbErr> {
    let after = page.after_id().ok().flatten();
    let rows = store::traces(db, (run, did), (after, page.limit() + 1)).await?;
    Ok(page.cut(rows, |traced| traced.id.to_string()))
}
