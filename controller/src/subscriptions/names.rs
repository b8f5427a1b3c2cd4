//! Names of users: typed ones that nobody has, or the next of a pattern.

use hiji_shared::device::Kind;

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

/// The name that was typed, when nobody has it; else the next one of the pattern that nobody has.
pub(super) async fn of_draft(
    tx: &Tx,
    draft: &Draft,
    parties: &Parties,
    settings: &Settings,
) -> Result<String, SubscriptionError> {
    let place = (parties.router.id, Kind::user_of(parties.package.service));
    let Some(name) = &draft.username else {
        let pattern = Pattern::parse(&settings.services.username_pattern, &parties.site.name);
        let bad = || SubscriptionError::field("username", FieldError::new("bad_pattern"));
        return free(tx, place, &pattern.ok_or_else(bad)?).await;
    };
    let is_taken = !having(tx, place, std::slice::from_ref(name)).await?.is_empty();
    if is_taken { Err(taken()) } else { Ok(name.clone()) }
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
