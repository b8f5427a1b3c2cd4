//! What is done to a subscription that is there: another package, a pause, the end, a promise, discounts, add-ons,
//! another name, secret or router.
//!
//! Each is decided once (`plan.rs`, pure) for the page that shows it before and for the deed that books it after, so
//! that what was shown is what is done. A form carries the version it was drawn from: the second of two who press at
//! once is told.

#[cfg(test)]
mod anew_stories;
pub(crate) mod api;
mod book;
mod deed;
pub mod due;
mod fields;
pub(crate) mod pages;
pub mod plan;
pub mod quote;
pub(crate) mod routes;
pub mod rules;
mod store;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod told_stories;

use chrono::NaiveDate;
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Discount, State, Subscription};
use crate::{
    audit::Actor,
    http::access::{Permission, Scope},
    ids::{AddonId, InvoiceId, PackageId, RouterId},
};

pub(super) use deed::planned;
pub use deed::{act, act_in, preview};
pub use due::{
    Chunk, Step, due_endings, due_in, due_package_changes, due_pauses, due_promises, due_resumes, due_starts,
};
pub use plan::{MAX_PERIODS, NextInvoice, Terms};
pub use rules::{Details, Paying, When};

/// The acts that people do, as in the paths of pages and API.
pub(crate) const ACTS: [&str; 18] = [
    "renew",
    "change_package",
    "pause",
    "resume",
    "promise",
    "discount",
    "addons",
    "addon_end",
    "exempt",
    "renewal",
    "terms",
    "take_price",
    "details",
    "password",
    "rename",
    "move",
    "keep",
    "end",
];

/// Something that is done with a subscription.
#[derive(Debug, Clone)]
pub enum Act {
    ChangePackage {
        package: PackageId,
        /// `None`: more at once, less with the next period.
        when: Option<When>,
        paying: Paying,
    },
    /// The change that was planned, on its day or when it is paid.
    TakePackage,
    Pause {
        from: NaiveDate,
        /// The first day of service again; `None`: until somebody says so.
        until: Option<NaiveDate>,
        reason: String,
    },
    /// The pause that was planned.
    BeginPause,
    /// Ends a pause, or forgets one that is planned.
    Resume,
    End {
        /// The first day without service.
        on: NaiveDate,
        reason: String,
        equipment: String,
        is_credited: bool,
    },
    /// The end that was planned.
    FinishEnd {
        is_credited: bool,
    },
    /// Takes back what is planned.
    Keep {
        planned: Planned,
    },
    Promise {
        /// The last day that is open.
        until: NaiveDate,
        note: String,
    },
    /// Its day is over.
    ForgetPromise,
    Exempt {
        /// `None`: no longer.
        reason: Option<String>,
    },
    Discount(Option<Discount>),
    AddAddon {
        addon: AddonId,
        quantity: i32,
        from: NaiveDate,
        paying: Paying,
    },
    EndAddon {
        /// Of the subscription's add-ons.
        row: i64,
        /// The first day without it.
        on: NaiveDate,
    },
    /// Asks for the next periods now, to be paid ahead.
    Renew {
        periods: usize,
    },
    Renewal {
        is_on: bool,
    },
    Terms(Terms),
    /// What the package costs by now.
    TakePrice,
    Details(Details),
    /// `None`: hiji makes one.
    Password(Option<SecretString>),
    Move {
        router: RouterId,
    },
    Rename {
        username: String,
    },
}

/// Something that is planned for a later day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Planned {
    Pause,
    End,
    Change,
}

impl Planned {
    /// All.
    pub const ALL: [Self; 3] = [Self::Pause, Self::End, Self::Change];

    /// As in forms and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::End => "end",
            Self::Change => "change",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|planned| planned.as_str() == text)
    }
}

impl Act {
    /// Its name in the audit log.
    fn action(&self) -> &'static str {
        match self {
            Self::ChangePackage { .. } | Self::TakePackage => "subscription.change_package",
            Self::Pause { .. } | Self::BeginPause => "subscription.pause",
            Self::Resume => "subscription.resume",
            Self::End { .. } | Self::FinishEnd { .. } => "subscription.end",
            Self::Keep { .. } => "subscription.keep",
            Self::Promise { .. } | Self::ForgetPromise => "subscription.promise",
            Self::Exempt { .. } => "subscription.exempt",
            Self::Discount(_) => "subscription.discount",
            Self::AddAddon { .. } | Self::EndAddon { .. } => "subscription.addons",
            Self::Renew { .. } => "subscription.renew",
            Self::Renewal { .. } => "subscription.renewal",
            Self::Terms(_) => "subscription.terms",
            Self::TakePrice => "subscription.take_price",
            Self::Details(_) => "subscription.details",
            Self::Password(_) => "subscription.password",
            Self::Move { .. } => "subscription.move",
            Self::Rename { .. } => "subscription.rename",
        }
    }
}

/// The acts that make sense where a subscription stands, of [`ACTS`].
#[must_use]
pub(crate) fn offered(of: &Subscription) -> Vec<&'static str> {
    let makes_sense = |act: &&str| match (*act, of.state) {
        (_, State::Ended) => false,
        ("change_package", state) => state != State::Paused && of.next_package_id.is_none(),
        ("take_price", _) => of.next_package_id.is_none(),
        ("renew", state) => state != State::Paused,
        ("pause", state) => matches!(state, State::Active | State::Grace | State::Isolated | State::Paused),
        ("resume", state) => state == State::Paused,
        ("promise", state) => matches!(state, State::Grace | State::Isolated) && !of.is_held,
        ("keep", state) => {
            let pauses = of.paused_from.is_some() && state != State::Paused;
            pauses || of.ends_on.is_some() || of.next_package_id.is_some()
        }
        _ => true,
    };
    ACTS.into_iter().filter(makes_sense).collect()
}

/// Who may do an act of a path.
fn permission(name: &str) -> Permission {
    match name {
        "promise" => Permission::SubscriptionsIsolate,
        "renew" => Permission::PaymentsTake,
        _ => Permission::SubscriptionsManage,
    }
}

/// Who wants something, and which version he saw.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    pub scope: &'a Scope,
    pub actor: &'a Actor,
    /// The same wish twice is done once.
    pub form_id: &'a str,
    /// `None` = whatever there is.
    pub seen: Option<i32>,
}

/// What an act would make of a subscription, or made of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Done {
    pub subscription: Subscription,
    pub plan: plan::Plan,
    /// Made for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub invoice: Option<InvoiceId>,
}
