//! Business events: what happened, in the words of the business, recorded in the transaction that made it happen.
//!
//! Features announce here and know nobody who listens; [`consumers`] is the one list of who reacts. A new event is a
//! variant here.

pub mod asyncapi;
pub mod consumers;
pub mod live;
mod store;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    ids::{
        AddonId, BatchId, CustomerId, CustomerImportId, InvoiceId, MessageId, PaymentId, PlanId, RouterId, RunId,
        SiteId, SubscriptionId, TaxRateId, VoucherId,
    },
    money::Money,
};

pub use store::Recorded;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum BusinessEvent {
    RouterOnline {
        router_id: RouterId,
    },
    RouterOffline {
        router_id: RouterId,
        reason: String,
    },
    RouterApproved {
        router_id: RouterId,
    },
    /// What it needs to isolate customers is wanted or wanted no more, proven or refused.
    RouterIsolation {
        router_id: RouterId,
        /// `applied`, `removed`, `verified` or `failed`.
        what: String,
    },
    BatchCreated {
        batch_id: BatchId,
        router_id: RouterId,
        number: String,
        count: i32,
    },
    /// Proven on the router: the batch's `applied` grew.
    BatchProgress {
        batch_id: BatchId,
        router_id: RouterId,
    },
    VoucherActivated {
        voucher_id: VoucherId,
        batch_id: BatchId,
        router_id: RouterId,
        code: String,
    },
    VoucherEnded {
        voucher_id: VoucherId,
        batch_id: BatchId,
        router_id: RouterId,
        code: String,
        reason: String,
    },
    /// Over the counter.
    VoucherSold {
        voucher_id: VoucherId,
        batch_id: BatchId,
        router_id: RouterId,
    },
    /// A sale was taken back.
    SaleCancelled {
        voucher_id: VoucherId,
        router_id: RouterId,
    },
    /// Somebody blocked, extended, voided … it, or another device has it.
    VoucherChanged {
        voucher_id: VoucherId,
        batch_id: BatchId,
        router_id: RouterId,
        code: String,
        what: String,
    },
    /// The same was done to so many of a batch.
    BatchChanged {
        batch_id: BatchId,
        router_id: RouterId,
        what: String,
        count: i32,
    },
    SessionsChanged {
        router_id: RouterId,
        opened: u32,
        closed: u32,
    },
    PackageChanged {
        router_ids: Vec<RouterId>,
    },
    AddonChanged {
        addon_id: AddonId,
    },
    /// A rate was added or taken back.
    TaxRatesChanged {
        tax_rate_id: TaxRateId,
    },
    CustomerCreated {
        customer_id: CustomerId,
        number: String,
    },
    CustomerChanged {
        customer_id: CustomerId,
        number: String,
    },
    CustomerDeleted {
        customer_id: CustomerId,
        number: String,
    },
    CustomerRestored {
        customer_id: CustomerId,
        number: String,
    },
    /// Many came in at once, without an event of their own.
    CustomersImported {
        import_id: CustomerImportId,
        count: i64,
    },
    InvoiceIssued {
        invoice_id: InvoiceId,
        customer_id: CustomerId,
        number: String,
        kind: String,
        total: Money,
        due_on: NaiveDate,
        /// It was a draft that waited for approval: its last day to pay may be another now.
        #[serde(default)]
        waited: bool,
    },
    /// Nothing is left of it to be paid.
    InvoiceSettled {
        invoice_id: InvoiceId,
        customer_id: CustomerId,
        number: String,
        kind: String,
        total: Money,
    },
    /// A draft that was dropped has no number.
    InvoiceVoided {
        invoice_id: InvoiceId,
        customer_id: CustomerId,
        number: String,
        reason: String,
    },
    InvoiceCredited {
        invoice_id: InvoiceId,
        customer_id: CustomerId,
        number: String,
        /// The credit note's number.
        note: String,
        amount: Money,
    },
    /// Its rest was given up.
    InvoiceWrittenOff {
        invoice_id: InvoiceId,
        customer_id: CustomerId,
        number: String,
        amount: Money,
        reason: String,
    },
    /// What was given up of it is owed again.
    InvoiceReinstated {
        invoice_id: InvoiceId,
        customer_id: CustomerId,
        number: String,
        amount: Money,
        reason: String,
    },
    SubscriptionCreated {
        subscription_id: SubscriptionId,
        customer_id: CustomerId,
        router_id: RouterId,
        number: String,
    },
    /// Activated, lapsed, renamed …, or its router said something of it.
    SubscriptionChanged {
        subscription_id: SubscriptionId,
        customer_id: CustomerId,
        router_id: RouterId,
        number: String,
        what: String,
    },
    /// Its service was taken away.
    SubscriptionSuspended {
        subscription_id: SubscriptionId,
        customer_id: CustomerId,
        router_id: RouterId,
        number: String,
    },
    SubscriptionRestored {
        subscription_id: SubscriptionId,
        customer_id: CustomerId,
        router_id: RouterId,
        number: String,
    },
    SubscriptionEnded {
        subscription_id: SubscriptionId,
        customer_id: CustomerId,
        router_id: RouterId,
        number: String,
    },
    /// Money came, balance was used or paid out: `kind` says which.
    PaymentReceived {
        payment_id: PaymentId,
        customer_id: CustomerId,
        /// Of the receipt.
        number: String,
        kind: String,
        method: String,
        amount: Money,
        to_credit: Money,
    },
    PaymentReversed {
        payment_id: PaymentId,
        customer_id: CustomerId,
        number: String,
        kind: String,
        amount: Money,
        reason: String,
    },
    /// Somebody sent a message to a customer from his own WhatsApp.
    MessageSent {
        message_id: MessageId,
        customer_id: CustomerId,
    },
    /// Somebody decided that a message to a customer is not to be sent.
    MessageDropped {
        message_id: MessageId,
        customer_id: CustomerId,
    },
    /// Somebody began a site's night by hand.
    BillingRunStarted {
        run_id: RunId,
        day: NaiveDate,
    },
    BillingRunFinished {
        run_id: RunId,
        day: NaiveDate,
        invoices: i64,
        reminders: i64,
        isolating: i64,
        problems: i64,
    },
    /// It isolates unusually many, or too many failed: it waits for a person.
    IsolationPlanHeld {
        plan_id: PlanId,
        count: i64,
        why: String,
    },
    /// Approved, dropped, undone, done, or its next wave began.
    IsolationPlanChanged {
        plan_id: PlanId,
        what: String,
    },
}

/// An event as a feature's `react.rs` gets it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Happened {
    /// Of the record: the same event always has the same.
    pub id: i64,
    pub at: DateTime<Utc>,
    pub site: Option<SiteId>,
    pub event: BusinessEvent,
}

/// Class and event of every kind of event, as in the topics of the public stream.
pub const TOPICS: &[(&str, &str)] = &[
    ("router", "online"),
    ("router", "offline"),
    ("router", "approved"),
    ("router", "isolation"),
    ("batch", "created"),
    ("batch", "progress"),
    ("voucher", "activated"),
    ("voucher", "ended"),
    ("voucher", "sold"),
    ("voucher", "sale_cancelled"),
    ("voucher", "changed"),
    ("batch", "changed"),
    ("session", "changed"),
    ("package", "changed"),
    ("addon", "changed"),
    ("tax_rate", "changed"),
    ("customer", "created"),
    ("customer", "changed"),
    ("customer", "deleted"),
    ("customer", "restored"),
    ("customer", "imported"),
    ("invoice", "issued"),
    ("invoice", "settled"),
    ("invoice", "voided"),
    ("invoice", "credited"),
    ("invoice", "written_off"),
    ("invoice", "reinstated"),
    ("subscription", "created"),
    ("subscription", "changed"),
    ("subscription", "suspended"),
    ("subscription", "restored"),
    ("subscription", "ended"),
    ("message", "sent"),
    ("message", "dropped"),
    ("billing", "started"),
    ("billing", "finished"),
    ("isolation_plan", "held"),
    ("isolation_plan", "changed"),
    ("payment", "received"),
    ("payment", "refunded"),
    ("payment", "reversed"),
    ("balance", "used"),
];

impl BusinessEvent {
    /// Class and event of the public stream: `voucher/activated`.
    #[must_use]
    pub fn topic(&self) -> (&'static str, &'static str) {
        match self {
            Self::RouterOnline { .. } => ("router", "online"),
            Self::RouterOffline { .. } => ("router", "offline"),
            Self::RouterApproved { .. } => ("router", "approved"),
            Self::RouterIsolation { .. } => ("router", "isolation"),
            Self::BatchCreated { .. } => ("batch", "created"),
            Self::BatchProgress { .. } => ("batch", "progress"),
            Self::VoucherActivated { .. } => ("voucher", "activated"),
            Self::VoucherEnded { .. } => ("voucher", "ended"),
            Self::VoucherSold { .. } => ("voucher", "sold"),
            Self::SaleCancelled { .. } => ("voucher", "sale_cancelled"),
            Self::VoucherChanged { .. } => ("voucher", "changed"),
            Self::BatchChanged { .. } => ("batch", "changed"),
            Self::SessionsChanged { .. } => ("session", "changed"),
            Self::PackageChanged { .. } => ("package", "changed"),
            Self::AddonChanged { .. } => ("addon", "changed"),
            Self::TaxRatesChanged { .. } => ("tax_rate", "changed"),
            Self::CustomerCreated { .. } => ("customer", "created"),
            Self::CustomerChanged { .. } => ("customer", "changed"),
            Self::CustomerDeleted { .. } => ("customer", "deleted"),
            Self::CustomerRestored { .. } => ("customer", "restored"),
            Self::CustomersImported { .. } => ("customer", "imported"),
            Self::InvoiceIssued { .. } => ("invoice", "issued"),
            Self::InvoiceSettled { .. } => ("invoice", "settled"),
            Self::InvoiceVoided { .. } => ("invoice", "voided"),
            Self::InvoiceCredited { .. } => ("invoice", "credited"),
            Self::InvoiceWrittenOff { .. } => ("invoice", "written_off"),
            Self::InvoiceReinstated { .. } => ("invoice", "reinstated"),
            Self::SubscriptionCreated { .. } => ("subscription", "created"),
            Self::SubscriptionChanged { .. } => ("subscription", "changed"),
            Self::SubscriptionSuspended { .. } => ("subscription", "suspended"),
            Self::SubscriptionRestored { .. } => ("subscription", "restored"),
            Self::SubscriptionEnded { .. } => ("subscription", "ended"),
            Self::MessageSent { .. } => ("message", "sent"),
            Self::MessageDropped { .. } => ("message", "dropped"),
            Self::BillingRunStarted { .. } => ("billing", "started"),
            Self::BillingRunFinished { .. } => ("billing", "finished"),
            Self::IsolationPlanHeld { .. } => ("isolation_plan", "held"),
            Self::IsolationPlanChanged { .. } => ("isolation_plan", "changed"),
            // Money given back, and a balance that is used, are no money received: who adds up must not count them.
            Self::PaymentReceived { kind, .. } => match kind.as_str() {
                "refund" => ("payment", "refunded"),
                "credit_used" => ("balance", "used"),
                _ => ("payment", "received"),
            },
            Self::PaymentReversed { .. } => ("payment", "reversed"),
        }
    }

    /// What it is about, for people reading the stream.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::RouterOnline { router_id }
            | Self::RouterOffline { router_id, .. }
            | Self::RouterApproved { router_id }
            | Self::RouterIsolation { router_id, .. }
            | Self::SessionsChanged { router_id, .. } => format!("router/{router_id}"),
            Self::BatchCreated { batch_id, .. }
            | Self::BatchProgress { batch_id, .. }
            | Self::BatchChanged { batch_id, .. } => format!("batch/{batch_id}"),
            Self::VoucherActivated { code, .. }
            | Self::VoucherEnded { code, .. }
            | Self::VoucherChanged { code, .. } => format!("voucher/{code}"),
            // Its code is worth money still.
            Self::VoucherSold { voucher_id, .. } | Self::SaleCancelled { voucher_id, .. } => {
                format!("voucher/{voucher_id}")
            }
            Self::PackageChanged { .. } => "package".to_owned(),
            Self::AddonChanged { addon_id } => format!("addon/{addon_id}"),
            Self::TaxRatesChanged { tax_rate_id } => format!("tax_rate/{tax_rate_id}"),
            Self::CustomerCreated { number, .. }
            | Self::CustomerChanged { number, .. }
            | Self::CustomerDeleted { number, .. }
            | Self::CustomerRestored { number, .. } => format!("customer/{number}"),
            Self::CustomersImported { import_id, .. } => format!("customer_import/{import_id}"),
            Self::InvoiceIssued { invoice_id, .. }
            | Self::InvoiceSettled { invoice_id, .. }
            | Self::InvoiceVoided { invoice_id, .. }
            | Self::InvoiceCredited { invoice_id, .. }
            | Self::InvoiceWrittenOff { invoice_id, .. }
            | Self::InvoiceReinstated { invoice_id, .. } => format!("invoice/{invoice_id}"),
            Self::SubscriptionCreated { number, .. }
            | Self::SubscriptionChanged { number, .. }
            | Self::SubscriptionSuspended { number, .. }
            | Self::SubscriptionRestored { number, .. }
            | Self::SubscriptionEnded { number, .. } => format!("subscription/{number}"),
            Self::MessageSent { message_id, .. } | Self::MessageDropped { message_id, .. } => {
                format!("message/{message_id}")
            }
            Self::BillingRunStarted { run_id, .. } | Self::BillingRunFinished { run_id, .. } => {
                format!("billing_run/{run_id}")
            }
            Self::IsolationPlanHeld { plan_id, .. } | Self::IsolationPlanChanged { plan_id, .. } => {
                format!("isolation_plan/{plan_id}")
            }
            Self::PaymentReceived { number, .. } | Self::PaymentReversed { number, .. } => format!("payment/{number}"),
        }
    }
}

impl Recorded {
    /// The event as it stands in the public stream and its history: CloudEvents 1.0.
    #[must_use]
    pub fn cloud_event(&self, hseq: i64) -> serde_json::Value {
        let source = self.site.map_or_else(|| "/hiji".to_owned(), |SiteId(site)| format!("/hiji/site/{site}"));
        json!({
            "specversion": "1.0",
            "id": self.id.to_string(),
            "source": source,
            "type": format!("id.hiji.{}.{}.v1", self.class, self.name),
            "subject": self.subject,
            "time": self.at.to_rfc3339(),
            "datacontenttype": "application/json",
            "hseq": hseq,
            "data": self.data,
        })
    }
}

/// Records an event in the caller's transaction; who reacts does so after the commit.
///
/// # Errors
/// The database's.
pub async fn record(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    site: Option<SiteId>,
    event: &BusinessEvent,
) -> Result<(), DbErr> {
    store::insert(tx, now, site, std::slice::from_ref(event)).await
}

/// Records many at once.
///
/// # Errors
/// The database's.
pub async fn record_all(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    site: Option<SiteId>,
    events: &[BusinessEvent],
) -> Result<(), DbErr> {
    store::insert(tx, now, site, events).await
}

/// The stream's history after `hseq`, oldest first, of the sites allowed (`None` = all).
///
/// # Errors
/// The database's.
pub async fn history(
    db: &impl ConnectionTrait,
    after: i64,
    limit: u64,
    sites: Option<&[SiteId]>,
) -> Result<Vec<Recorded>, DbErr> {
    store::published_after(db, after, limit, sites).await
}

/// The last place given in the stream, 0 when there is none.
///
/// # Errors
/// The database's.
pub async fn last(db: &impl ConnectionTrait) -> Result<i64, DbErr> {
    store::last_hseq(db).await
}
