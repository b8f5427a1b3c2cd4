//! `invoice`: what a customer is asked to pay.

use sea_orm::entity::prelude::*;

/// What a customer is asked to pay.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "invoice")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Given when it is issued, without gaps.
    #[sea_orm(unique)]
    pub number: Option<String>,
    /// What it is for, so that it is made once: `sub/12/2026-12-01`.
    #[sea_orm(unique)]
    pub proposal: String,
    /// Of its pay page.
    #[sea_orm(unique)]
    pub token: String,
    pub customer_id: i64,
    pub site_id: i64,
    pub subscription_id: Option<i64>,
    /// `period`, `first`, `change`, `final`, `manual`, `opening`.
    pub kind: String,
    pub period_from: Option<Date>,
    /// Exclusive.
    pub period_until: Option<Date>,
    /// `draft`, `open`, `partially_paid`, `paid`, `void`, `uncollectible`: of the ledger's allocations, kept beside them.
    pub state: String,
    pub currency: String,
    pub net: i64,
    pub tax: i64,
    pub total: i64,
    /// Of payments, credit, credit notes, and what was given up.
    pub settled: i64,
    /// Of it, what was given up.
    pub written_off: i64,
    pub tax_label: String,
    pub issued_at: Option<DateTimeUtc>,
    /// Day of the site.
    pub issued_on: Option<Date>,
    pub due_on: Date,
    pub paid_at: Option<DateTimeUtc>,
    pub notes: String,
    /// Of the journal.
    pub entry_id: Option<i64>,
    pub void_reason: String,
    pub voided_at: Option<DateTimeUtc>,
    pub created_by: Option<i64>,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
