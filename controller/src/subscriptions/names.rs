//! Names of users: typed ones that nobody has, or the next of a pattern. A typed name that the router has for somebody
//! whom hiji does not know may be taken over, when an admin says so.

use std::collections::BTreeMap;

use hiji_shared::{
    capability::Capability,
    comment,
    device::{Kind, RouterUser},
};
use sea_orm::{ConnectionTrait, DbErr};

use super::{SubscriptionError, create::Parties, rules::Draft, store};
use crate::{
    db::Tx,
    http::form::FieldError,
    ids::RouterId,
    ledger, routers,
    settings::{Settings, services::Pattern},
};

/// The series of usernames, each look in a period of its own.
const SERIES: &str = "username";
/// Names looked at in one go, and goes.
const AT_ONCE: i64 = 50;
const ROUNDS: usize = 20;

/// Who has a name that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
    /// A service, or something else that hiji has on the router.
    Ours,
    /// Somebody on the router who carries a mark: of another service, of a voucher, of another hiji.
    Marked,
    /// Somebody on the router whom an admin made.
    Admin(Box<RouterUser>),
}

/// The name of a new service, and the user who has it on the router and is taken over.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) username: String,
    pub(super) found: Option<Box<RouterUser>>,
}

impl Holder {
    /// Why a name cannot be had; nothing when its user is taken over.
    pub(super) fn refusal(&self, adopts: bool) -> Option<FieldError> {
        match self {
            Self::Ours => Some(FieldError::new("username_taken")),
            Self::Marked => Some(FieldError::new("username_marked")),
            Self::Admin(_) => (!adopts).then(|| FieldError::new("username_on_router")),
        }
    }
}

/// Who has these names; nobody has those that are left out.
pub(super) async fn holders(
    db: &impl ConnectionTrait,
    (router, kind): (RouterId, Kind),
    names: &[String],
    settings: &Settings,
) -> Result<BTreeMap<String, Holder>, DbErr> {
    let mut holders = BTreeMap::new();
    for user in routers::users_found(db, router, kind, names).await? {
        let is_marked = comment::is_marked(&user.comment, &settings.voucher_marker, &settings.pppoe_marker);
        let holder = if is_marked { Holder::Marked } else { Holder::Admin(Box::new(user.clone())) };
        holders.insert(user.name, holder);
    }
    for name in routers::taken_names(db, router, kind, names).await? {
        holders.entry(name).or_insert(Holder::Ours);
    }
    for name in store::taken_usernames(db, (router, kind.service()), names).await? {
        holders.insert(name, Holder::Ours);
    }
    Ok(holders)
}

/// Whether the agent of a router takes users over.
pub(super) async fn may_adopt(db: &impl ConnectionTrait, router: RouterId) -> Result<bool, DbErr> {
    routers::agent_can(db, router, Capability::Adoption).await
}

/// The name that was typed, when nobody has it or its user is taken over; else the next one of the pattern that nobody has.
pub(super) async fn of_draft(
    tx: &Tx,
    draft: &Draft,
    parties: &Parties,
    settings: &Settings,
) -> Result<Named, SubscriptionError> {
    let place = (parties.router.id, Kind::user_of(parties.package.service));
    let Some(name) = &draft.username else {
        let pattern = Pattern::parse(&settings.services.username_pattern, &parties.site.name);
        let bad = || SubscriptionError::field("username", FieldError::new("bad_pattern"));
        let username = free(tx, place, &pattern.ok_or_else(bad)?).await?;
        return Ok(Named { username, found: None });
    };
    let username = name.clone();
    let holder = holders(&**tx, place, std::slice::from_ref(name), settings).await?.remove(name);
    if let Some(refusal) = holder.as_ref().and_then(|holder| holder.refusal(draft.adopts)) {
        return Err(SubscriptionError::field("username", refusal));
    }
    let Some(Holder::Admin(user)) = holder else { return Ok(Named { username, found: None }) };
    if !may_adopt(&**tx, place.0).await? {
        return Err(SubscriptionError::field("username", FieldError::new("agent_adopts_nobody")));
    }
    Ok(Named { username, found: Some(user) })
}

/// Somebody has it.
pub(super) fn taken() -> SubscriptionError {
    SubscriptionError::field("username", FieldError::new("username_taken"))
}

/// Which of these names a subscription or the router has.
async fn having(tx: &Tx, (router, kind): (RouterId, Kind), names: &[String]) -> Result<Vec<String>, SubscriptionError> {
    let mut having = store::taken_usernames(&**tx, (router, kind.service()), names).await?;
    having.extend(routers::taken_names(&**tx, router, kind, names).await?);
    Ok(having)
}

/// The next name of a pattern that neither a subscription nor the router has. The numbers of taken names are left out
/// for good: nothing is ever overwritten.
pub(super) async fn free(tx: &Tx, place: (RouterId, Kind), pattern: &Pattern) -> Result<String, SubscriptionError> {
    let series = pattern.series();
    let mut number = ledger::next_number(&**tx, SERIES, &series).await?;
    for _ in 0..ROUNDS {
        let names: Vec<String> = (number..number + AT_ONCE).map(|number| pattern.write(number)).collect();
        let having = having(tx, place, &names).await?;
        for name in names {
            if !having.contains(&name) {
                return Ok(name);
            }
            number = ledger::next_number(&**tx, SERIES, &series).await?;
        }
    }
    Err(SubscriptionError::field("username", FieldError::new("no_free_username")))
}
