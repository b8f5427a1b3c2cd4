//! Subscriptions: services of customers on routers, period after period.
//!
//! What a router shall have of one (`wanted.rs`) follows from its row alone: isolating is another profile, restoring is
//! its exact inverse. What is owed decides where it stands ([`standing`]); only a plan or a person isolates.
//!
//! Who changes services, or what is owed for them, calls [`hold`] first of all in his transaction: agents' reports and
//! what people do are one after the other, and nobody waits in a circle.

pub mod acts;
pub(crate) mod api;
mod bill;
mod by_hand;
mod change;
mod create;
#[cfg(test)]
mod early;
mod faults;
mod fields;
mod follow;
pub mod intake;
mod many;
mod names;
mod offer;
pub(crate) mod pages;
pub mod periods;
mod preview;
pub mod react;
mod reopen;
pub mod reprice;
pub(crate) mod routes;
pub mod rules;
pub mod standing;
mod store;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod told_stories;
pub mod uplink;
mod wanted;
mod write;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use hiji_shared::device::{Kind, Service};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    db::{
        self,
        kept::Shelf,
        paging::{PageOf, Paged},
    },
    http::{
        access::Scope,
        form::{FieldError, FormErrors},
    },
    ids::{AddonId, AdminId, CustomerId, PackageId, RouterId, SiteId, SubscriptionId},
    invoices::InvoiceError,
    money::{Money, MoneyError},
    packages::OnExpiry,
};

pub use by_hand::{ByHand, act, new_secret, secret};
pub use create::{Asked, Created, create};
pub use follow::{Followed, bill_until, due, invoices_changed, to_bill};
pub use many::{isolate, restore, would_bill};
pub use periods::{Calendar, Period, Step};
pub use preview::{Preview, PreviewLine, preview};
pub use reopen::{forget_promise_in, promise_in};
pub use rules::SubscriptionForm;

/// Where passwords of services are sealed for.
const PASSWORD_PLACE: &str = "subscription.password";
/// What the history calls another password.
const PASSWORD_CHANGED: &str = "password-changed";

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not begun: it waits for its first payment or its first day.
    Pending,
    Active,
    /// No longer paid for, and not (yet) isolated.
    Grace,
    Isolated,
    Paused,
    Ended,
}

impl State {
    /// All, in the order of a life.
    pub const ALL: [Self; 6] = [Self::Pending, Self::Active, Self::Grace, Self::Isolated, Self::Paused, Self::Ended];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Grace => "grace",
            Self::Isolated => "isolated",
            Self::Paused => "paused",
            Self::Ended => "ended",
        }
    }

    /// The state of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What a router shall do with the user, or does, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Nothing was asked for, or nothing is known.
    #[default]
    None,
    Open,
    Isolated,
    Disabled,
    Removed,
}

impl Access {
    /// All.
    pub const ALL: [Self; 5] = [Self::None, Self::Open, Self::Isolated, Self::Disabled, Self::Removed];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Open => "open",
            Self::Isolated => "isolated",
            Self::Disabled => "disabled",
            Self::Removed => "removed",
        }
    }

    /// The one of a name; what is not known is nothing.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find(|access| access.as_str() == name).unwrap_or_default()
    }

    /// What takes service away, as the package says.
    #[must_use]
    pub fn taken_away(on_expiry: OnExpiry) -> Self {
        match on_expiry {
            OnExpiry::Isolate => Self::Isolated,
            OnExpiry::Disable => Self::Disabled,
            OnExpiry::Remove => Self::Removed,
        }
    }
}

/// How far a service is on its router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OnRouter {
    pub wanted: Access,
    pub observed: Access,
    /// When the router had proven what is wanted; `None` = it waits for the router.
    pub verified_at: Option<DateTime<Utc>>,
    /// Why the router would not: `name_taken`, `missing_reference`, …
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fail_code: String,
    /// The router's own words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fail_message: String,
}

impl OnRouter {
    /// Whether something is asked for that the router has not answered.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.wanted != Access::None && self.verified_at.is_none() && self.fail_code.is_empty()
    }
}

/// A discount on each period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Discount {
    pub amount: Money,
    pub reason: String,
    /// The last day it holds.
    pub until: Option<NaiveDate>,
}

/// An add-on of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Addon {
    pub id: i64,
    /// None: something that is asked for once, of no add-on.
    #[schema(value_type = Option<i64>)]
    pub addon_id: Option<AddonId>,
    pub name: String,
    /// Once, not with each period.
    pub is_one_off: bool,
    pub quantity: i32,
    /// Of one, as agreed.
    pub price: Money,
    /// Of one; not for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    pub is_taxed: bool,
    pub from: NaiveDate,
    /// The first day without it.
    pub until: Option<NaiveDate>,
    /// When a one-off one was invoiced.
    pub billed_at: Option<DateTime<Utc>>,
}

/// A subscription as pages and API show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Subscription {
    pub id: SubscriptionId,
    pub number: String,
    pub customer_id: CustomerId,
    pub customer_number: String,
    pub customer: String,
    pub site_id: SiteId,
    pub site: String,
    /// Zone of the site.
    pub timezone: String,
    pub router_id: RouterId,
    pub router: String,
    pub package_id: PackageId,
    pub package: String,
    #[schema(value_type = String)]
    pub service: Service,
    pub username: String,
    pub server: String,
    /// Static; remembered while isolated.
    pub remote_address: String,
    pub mac: String,
    pub state: State,
    /// Of a whole period.
    pub price: Money,
    /// Not for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    pub is_taxed: bool,
    pub discount: Option<Discount>,
    /// `monthly`, `anniversary`, `months_3`, `weeks_2`, `days_30`.
    pub cycle: String,
    /// 1 to 28, of `monthly`.
    pub bill_day: Option<i32>,
    pub is_prepaid: bool,
    pub due_days: i32,
    pub grace_days: i32,
    /// Of the customer, instead of the agreed ones.
    pub customer_grace_days: Option<i32>,
    #[schema(value_type = String)]
    pub on_expiry: OnExpiry,
    /// The first day of service.
    pub started_on: Option<NaiveDate>,
    /// The day periods are counted from.
    pub anchor: Option<NaiveDate>,
    /// The first day that is not invoiced.
    pub billed_until: Option<NaiveDate>,
    /// The first day that is not paid.
    pub covered_until: Option<NaiveDate>,
    /// When it is no longer paid for.
    pub lapses_at: Option<DateTime<Utc>>,
    /// When the next thing falls due.
    pub acts_at: Option<DateTime<Utc>>,
    /// The midnight at its site that ends the last day that was promised: 5 December is promised until
    /// `2026-12-05T17:00:00Z` in Jakarta. People are shown the day.
    pub promise_until: Option<DateTime<Utc>>,
    pub is_exempt: bool,
    pub exempt_reason: String,
    /// Isolated by a person although nothing was due: only a person restores it.
    pub is_held: bool,
    pub is_auto_renewed: bool,
    pub paused_from: Option<NaiveDate>,
    /// The first day of service again.
    pub paused_until: Option<NaiveDate>,
    /// The first day without service.
    pub ends_on: Option<NaiveDate>,
    pub end_reason: String,
    pub next_package_id: Option<PackageId>,
    pub next_package_from: Option<NaiveDate>,
    pub on_router: OnRouter,
    /// Counts changes; a form carries the one it was drawn from.
    pub version: i32,
    /// How often days that were invoiced were given back to be invoiced anew.
    #[serde(skip)]
    #[schema(ignore)]
    pub edition: i32,
    /// The device he was bound to was taken off here: the router's binding goes. Otherwise no device said is the router's
    /// business.
    #[serde(skip)]
    #[schema(ignore)]
    pub is_mac_freed: bool,
    pub created_by: Option<AdminId>,
    pub created_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

impl Subscription {
    /// The zone of its site.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.timezone.parse().unwrap_or(Tz::UTC)
    }

    /// Its periods; nothing before it has a first day.
    #[must_use]
    pub fn calendar(&self) -> Option<Calendar> {
        Some(Calendar::new(Step::named(&self.cycle, self.bill_day)?, self.anchor?))
    }

    /// The last day that is paid; nothing before anything was.
    #[must_use]
    pub fn paid_through(&self) -> Option<NaiveDate> {
        let until = self.covered_until.filter(|until| self.started_on.is_none_or(|start| start < *until));
        until.and_then(|until| until.pred_opt())
    }

    /// The kind of its user on the router.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::user_of(self.service)
    }

    /// The subscription as somebody sees it who may not see costs.
    #[must_use]
    pub fn without_cost(self) -> Self {
        Self { cost: None, ..self }
    }
}

/// Which subscriptions are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub site: Option<SiteId>,
    pub customer: Option<CustomerId>,
    pub router: Option<RouterId>,
    pub package: Option<PackageId>,
    pub service: Option<Service>,
    /// In one of these states; empty = any but ended.
    pub states: Vec<State>,
    /// A username, a number, or words that its customer is found by.
    pub q: String,
}

/// Something that happened with a subscription.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Happened {
    pub id: i64,
    pub at: DateTime<Utc>,
    /// Who; hiji itself has a name too.
    pub who: String,
    pub admin_id: Option<AdminId>,
    /// In kebab-case: `created`, `isolated`.
    pub what: String,
    pub detail: serde_json::Value,
}

/// Why something is not done with a subscription.
#[derive(Debug, thiserror::Error)]
pub enum SubscriptionError {
    #[error("no such subscription")]
    NotFound,
    #[error("refused fields")]
    Refused(FormErrors),
    /// It is not in a state in which that can be done.
    #[error("the subscription is {}", .0.as_str())]
    WrongState(State),
    /// Somebody changed it since the form was drawn.
    #[error("the subscription has changed")]
    Changed,
    /// Its router has nothing to isolate customers with.
    #[error("the router is not prepared for isolation")]
    NotPrepared,
    #[error("amounts cannot be added")]
    Money(#[from] MoneyError),
    #[error("invoices")]
    Invoice(#[from] InvoiceError),
    #[error("database")]
    Db(#[from] DbErr),
}

impl SubscriptionError {
    fn field(field: &str, error: FieldError) -> Self {
        Self::Refused(FormErrors::of(field, error))
    }
}

/// First of all in a transaction that changes services, or what is owed for them.
///
/// # Errors
/// The database's.
pub async fn hold(tx: &impl ConnectionTrait) -> Result<(), DbErr> {
    db::one_at_a_time(tx, db::Guard::Vouchers).await
}

/// Subscriptions the caller may see, newest first.
///
/// # Errors
/// The database's.
pub async fn list(app: &App, scope: &Scope, filter: &Filter, page: &PageOf) -> Result<Paged<Subscription>, DbErr> {
    let after = page.after_id().ok().flatten();
    let rows = store::list(app.db.read(), scope, filter, (after, page.limit() + 1)).await?;
    Ok(page.cut(rows, |subscription| subscription.id.to_string()))
}

/// How many subscriptions the caller sees in each state, of those a filter leaves; its states are not looked at.
///
/// # Errors
/// The database's.
pub async fn counts(app: &App, scope: &Scope, filter: &Filter) -> Result<Vec<(State, i64)>, DbErr> {
    let (db, now) = (app.db.read(), app.clock.now());
    // A search counts what it found.
    if !filter.q.trim().is_empty() {
        return store::counts(db, scope, filter).await;
    }
    let (key, version) = (format!("{scope:?} {filter:?}"), store::version(db).await?);
    app.counts.get_or_read(key, version, now, async || store::counts(db, scope, filter).await).await
}

/// How many are in each state, of lists that are kept. Clones share them.
pub type KeptCounts = Shelf<Vec<(State, i64)>>;

/// A subscription the caller may see.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, scope: &Scope, id: SubscriptionId) -> Result<Option<Subscription>, DbErr> {
    store::find(db, scope, id).await
}

/// The services of a customer, newest first, also those that ended. The caller has found the customer in his scope.
///
/// # Errors
/// The database's.
pub async fn of_customer(db: &impl ConnectionTrait, customer: CustomerId) -> Result<Vec<Subscription>, DbErr> {
    store::of_customer(db, customer).await
}

/// Subscriptions by their ids, whoever may see them; in the order of the ids.
///
/// # Errors
/// The database's.
pub async fn by_ids(db: &impl ConnectionTrait, ids: &[SubscriptionId]) -> Result<Vec<Subscription>, DbErr> {
    store::by_ids(db, ids).await
}

/// The add-ons of a subscription, oldest first, also those that are over.
///
/// # Errors
/// The database's.
pub async fn addons(db: &impl ConnectionTrait, of: &Subscription) -> Result<Vec<Addon>, DbErr> {
    let found = store::addons(db, &[(of.id, of.price.currency())]).await?;
    Ok(found.into_values().next().unwrap_or_default())
}

/// What happened with a subscription, the latest first. The caller has found it in his scope.
///
/// # Errors
/// The database's.
pub async fn history(db: &impl ConnectionTrait, id: SubscriptionId, page: &PageOf) -> Result<Paged<Happened>, DbErr> {
    store::history(db, id, page).await
}
