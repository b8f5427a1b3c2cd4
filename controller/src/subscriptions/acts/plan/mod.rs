//! What an act makes of a subscription, with the money it moves: the same for the preview and for the deed. Pure.

mod addons;
mod anew;
mod life;
mod package;
mod renew;
mod terms;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Act,
    quote::{Billed, Difference, Returned},
    rules::{self, Offered, Paying, Promising},
};
use crate::{
    http::form::FieldError,
    ids::{AddonId, InvoiceId, RouterId},
    money::Money,
    subscriptions::{
        Addon, Discount, PASSWORD_CHANGED, Period, Subscription, SubscriptionError, bill::Bill, change::Policy,
    },
};
use addons::{add_addon, end_addon};
use life::{begin_pause, end, finish_end, keep, pause, resume};
use package::{change_package, take_package};
pub use renew::MAX_PERIODS;
use renew::renew;
pub use terms::Terms;
use terms::{take_price, terms};

/// What acts are called in the history.
pub const WHATS: [&str; 31] = [
    "package-changed",
    "package-change-waits",
    "package-change-planned",
    "package-change-dropped",
    "pause-planned",
    "pause-changed",
    "pause-dropped",
    "paused",
    "resumed",
    "end-planned",
    "end-dropped",
    "ended",
    "promised",
    "promise-kept",
    "promise-broken",
    "exempted",
    "exempted-no-more",
    "discount-given",
    "discount-ended",
    "addon-added",
    "addon-ended",
    "renewed",
    "renewal-on",
    "renewal-off",
    "terms-changed",
    "price-planned",
    "price-taken",
    "details-changed",
    "password-changed",
    "moved",
    "renamed",
];

/// What the operator chose of changes.
#[derive(Debug, Clone, Copy)]
pub struct Choices {
    /// Minor units that parts of periods are rounded to.
    pub rounding: i64,
    /// Another package that costs more holds only when that is paid.
    pub change_pays_first: bool,
    pub promise_max_days: i64,
    /// Days to pay in of what is invoiced between periods.
    pub due_days: i64,
    pub(in crate::subscriptions) policy: Policy,
}

/// What is known around a subscription when something is done with it.
#[derive(Debug, Clone)]
pub struct Around {
    pub now: DateTime<Utc>,
    pub today: NaiveDate,
    pub choices: Choices,
    /// Its invoices of which something can be given back, newest first.
    pub billed: Vec<Billed>,
    /// Until when it was paid when it was taken over.
    pub taken_over_until: Option<NaiveDate>,
    pub addons: Vec<Addon>,
    /// The package that is changed to.
    pub offered: Option<Offered>,
    /// The add-on that is added.
    pub addon: Option<AddonOffer>,
    /// The router that is moved to: its name, and whether it can have the user.
    pub router: Option<RouterOffer>,
    /// The new name is free.
    pub is_name_free: bool,
    /// Only the router knows the password: nobody can be made anew with it.
    pub is_secret_unknown: bool,
    pub was_promised: bool,
    /// Something is owed for service.
    pub owes: bool,
    /// An invoice for service waits for approval.
    pub has_draft: bool,
    /// The invoice of a change that waited for its payment, and is paid.
    pub paid_change: Option<Billed>,
    /// The invoice of a change that waits for its payment.
    pub waiting_change: Option<InvoiceId>,
    /// Its last day to pay is over, or it is there no more.
    pub is_change_late: bool,
}

/// An add-on that is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddonOffer {
    pub id: AddonId,
    pub name: String,
    pub is_one_off: bool,
    pub price: Money,
    pub cost: Money,
    pub is_taxed: bool,
}

/// A router that a user may be moved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterOffer {
    pub id: RouterId,
    pub name: String,
    /// At the same site.
    pub is_of_site: bool,
    /// The package is sold there.
    pub sells: bool,
    pub is_name_free: bool,
}

/// A line to be asked for; its text is made when it is booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Asked {
    pub what: AskedFor,
    pub amount: Money,
    pub is_taxed: bool,
    pub days: Option<Period>,
    #[serde(skip)]
    #[schema(ignore)]
    pub cost: Option<Money>,
    /// How many, of an add-on.
    pub quantity: i32,
    #[schema(value_type = Option<i64>)]
    pub addon: Option<AddonId>,
    /// The package or add-on.
    pub name: String,
}

/// What a line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AskedFor {
    /// Days of the old package: negative.
    OldPackage,
    NewPackage,
    Addon,
}

/// What is done with a plan's lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Charge {
    pub lines: Vec<Asked>,
    pub amount: Money,
    pub paying: Paying,
    /// Nothing changes before it is paid.
    pub pays_first: bool,
    /// The last day to pay, of an invoice of its own.
    pub due_on: NaiveDate,
}

/// The first period of a package that is changed to, as it is invoiced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = FirstPeriodOfPackage)]
pub struct FirstPeriod {
    pub days: Period,
    /// Without PPN.
    pub amount: Money,
    /// The last day to pay.
    pub due_on: NaiveDate,
    /// It is invoiced now, not in its time.
    pub is_now: bool,
}

/// A row of add-ons that begins or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddonChange {
    Begins { addon: AddonOffer, quantity: i32, from: NaiveDate, is_billed: bool },
    Ends { row: i64, until: NaiveDate },
}

/// What an act makes of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Plan {
    /// In the history: `paused`, `package-changed`.
    pub what: &'static str,
    #[serde(skip)]
    #[schema(ignore)]
    pub detail: Value,
    /// The day it holds from.
    pub from: NaiveDate,
    /// It is done now, not only planned.
    pub is_now: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<Charge>,
    pub returned: Returned,
    /// Served and not invoiced: what the last invoice asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owed: Option<Money>,
    #[serde(skip)]
    #[schema(ignore)]
    pub(in crate::subscriptions) last: Bill,
    /// The invoices of the next periods that it makes, or would make.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<NextInvoice>,
    /// The first day that is not paid, once all that is owed is: of paying ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_until: Option<NaiveDate>,
    /// Days that service goes on later.
    pub moved_days: i64,
    /// The first period of a package whose periods have another length: they begin anew with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<FirstPeriod>,
    /// The pause that ended: last days to pay that fell into it, or behind it, move on by its days.
    #[serde(skip)]
    #[schema(ignore)]
    pub paused: Option<Period>,
    #[serde(skip)]
    #[schema(ignore)]
    pub addon: Option<AddonChange>,
    /// The invoice of a change that is no longer wanted; it is voided.
    #[serde(skip)]
    #[schema(ignore)]
    pub drops: Option<InvoiceId>,
    /// What is asked for and given back is for a later day: shown, not booked.
    pub is_foreseen: bool,
}

/// An invoice of a period that is to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct NextInvoice {
    pub from: NaiveDate,
    /// The day after the last.
    pub until: NaiveDate,
    pub due_on: NaiveDate,
    /// With tax.
    pub amount: Money,
    /// What it asks for, and whether it is taxed.
    #[serde(skip)]
    #[schema(ignore)]
    pub(in crate::subscriptions) lines: Vec<(Money, bool)>,
}

impl NextInvoice {
    /// For samples of pages.
    pub(crate) fn sample((from, until): (&str, &str), amount: Money) -> Self {
        let day = |text: &str| text.parse().unwrap_or_default();
        Self { from: day(from), until: day(until), due_on: day(from), amount, lines: Vec::new() }
    }
}

/// Decides what an act makes of a subscription. The row is as it shall be afterwards.
///
/// # Errors
/// [`SubscriptionError::WrongState`], [`SubscriptionError::Refused`], [`SubscriptionError::Money`].
pub fn plan(of: &mut Subscription, act: &Act, around: &Around) -> Result<Plan, SubscriptionError> {
    match act {
        Act::ChangePackage { when, paying, .. } => change_package(of, (*when, *paying), around),
        Act::TakePackage => take_package(of, around),
        Act::Pause { from, until, reason } => pause(of, (*from, *until), reason, around),
        Act::BeginPause => Ok(begin_pause(of, around)),
        Act::Resume => resume(of, around),
        Act::End { on, reason, equipment, is_credited } => end(of, *on, (reason, equipment, *is_credited), around),
        Act::FinishEnd { is_credited } => {
            let on = of.ends_on.unwrap_or(around.today);
            finish_end(of, on, (*is_credited, json!({ "reason": of.end_reason })), around)
        }
        Act::Keep { planned } => keep(of, *planned, around),
        Act::Promise { until, note } => promise(of, *until, note, around),
        Act::ForgetPromise => Ok(forget_promise(of, around)),
        Act::Exempt { reason } => exempt(of, reason.as_deref(), around),
        Act::Discount(wanted) => discount(of, wanted.as_ref(), around),
        Act::AddAddon { quantity, from, paying, .. } => add_addon(of, (*quantity, *from, *paying), around),
        Act::EndAddon { row, on } => end_addon(of, *row, *on, around),
        Act::Renew { periods } => renew(of, *periods, around),
        Act::Renewal { is_on } => {
            rules::living(of)?;
            of.is_auto_renewed = *is_on;
            Ok(simple(of, if *is_on { "renewal-on" } else { "renewal-off" }, json!({}), around))
        }
        Act::Terms(wanted) => terms(of, wanted, around),
        Act::TakePrice => take_price(of, around),
        Act::Details(details) => {
            let changed = rules::set_details(of, details)?;
            if changed.is_empty() {
                return Err(refused("", "nothing_changed"));
            }
            Ok(simple(of, "details-changed", json!({ "fields": changed.join(", ") }), around))
        }
        Act::Password(_) => {
            rules::living(of)?;
            Ok(simple(of, PASSWORD_CHANGED, json!({}), around))
        }
        Act::Move { .. } => move_to(of, around),
        Act::Rename { username } => rename(of, username, around),
    }
}

/// A plan that moves no money and nothing on the router.
fn simple(of: &Subscription, what: &'static str, detail: Value, around: &Around) -> Plan {
    Plan { detail, ..nothing(of, what, around.today) }
}

fn nothing(of: &Subscription, what: &'static str, today: NaiveDate) -> Plan {
    Plan {
        what,
        detail: json!({}),
        from: today,
        is_now: true,
        difference: None,
        charge: None,
        returned: Returned::nothing(of.price),
        owed: None,
        last: Bill::default(),
        next: Vec::new(),
        paid_until: None,
        moved_days: 0,
        period: None,
        paused: None,
        addon: None,
        drops: None,
        is_foreseen: false,
    }
}

impl Plan {
    /// Whether service ends with it.
    #[must_use]
    pub fn ends_service(&self) -> bool {
        self.what == "ended"
    }
}

/// The plan of something that was done before: there is nothing left to do.
#[must_use]
pub fn done_before(of: &Subscription, what: &str, today: NaiveDate) -> Plan {
    let what = WHATS.into_iter().find(|known| *known == what).unwrap_or("details-changed");
    nothing(of, what, today)
}

fn refused(field: &str, code: &str) -> SubscriptionError {
    SubscriptionError::field(field, FieldError::new(code))
}

fn promise(of: &mut Subscription, until: NaiveDate, note: &str, around: &Around) -> Result<Plan, SubscriptionError> {
    let facts = Promising {
        today: around.today,
        max_days: around.choices.promise_max_days,
        was_given: around.was_promised,
        owes: around.owes,
    };
    rules::promise(of, until, facts)?;
    let detail = json!({ "until": until.to_string(), "reason": note });
    Ok(simple(of, "promised", detail, around))
}

/// A promise whose day is over: kept, or broken.
fn forget_promise(of: &mut Subscription, around: &Around) -> Plan {
    of.promise_until = None;
    simple(of, if around.owes { "promise-broken" } else { "promise-kept" }, json!({}), around)
}

fn discount(of: &mut Subscription, wanted: Option<&Discount>, around: &Around) -> Result<Plan, SubscriptionError> {
    let is_same = of.discount.as_ref() == wanted;
    rules::set_discount(of, wanted.cloned(), around.today)?;
    if is_same {
        return Err(refused("", "nothing_changed"));
    }
    let Some(it) = wanted else { return Ok(simple(of, "discount-ended", json!({}), around)) };
    let until = it.until.map(|day| day.to_string()).unwrap_or_default();
    let detail = json!({ "amount": it.amount.to_string(), "reason": it.reason, "until": until });
    Ok(simple(of, "discount-given", detail, around))
}

fn exempt(of: &mut Subscription, reason: Option<&str>, around: &Around) -> Result<Plan, SubscriptionError> {
    rules::living(of)?;
    let why = reason.unwrap_or_default();
    if of.is_exempt == reason.is_some() && of.exempt_reason == why {
        return Err(refused("", "nothing_changed"));
    }
    of.is_exempt = reason.is_some();
    why.clone_into(&mut of.exempt_reason);
    let what = if of.is_exempt { "exempted" } else { "exempted-no-more" };
    Ok(simple(of, what, json!({ "reason": of.exempt_reason }), around))
}

fn move_to(of: &mut Subscription, around: &Around) -> Result<Plan, SubscriptionError> {
    rules::living(of)?;
    let Some(router) = &around.router else { return Err(refused("router_id", "no_such_router")) };
    if around.is_secret_unknown {
        return Err(refused("router_id", "password_unknown"));
    }
    if router.id == of.router_id {
        return Err(refused("router_id", "router_same"));
    }
    if !router.is_of_site {
        return Err(refused("router_id", "router_of_other_site"));
    }
    if !router.sells {
        return Err(refused("router_id", "package_not_sold_there"));
    }
    if !router.is_name_free {
        return Err(refused("router_id", "username_taken"));
    }
    let detail = json!({ "from": of.router, "to": router.name });
    rules::move_to(of, (router.id, &router.name));
    Ok(simple(of, "moved", detail, around))
}

fn rename(of: &mut Subscription, username: &str, around: &Around) -> Result<Plan, SubscriptionError> {
    rules::living(of)?;
    if username == of.username {
        return Err(refused("username", "username_same"));
    }
    if !around.is_name_free {
        return Err(refused("username", "username_taken"));
    }
    if around.is_secret_unknown {
        return Err(refused("username", "password_unknown"));
    }
    let detail = json!({ "before": of.username });
    username.clone_into(&mut of.username);
    Ok(simple(of, "renamed", detail, around))
}
