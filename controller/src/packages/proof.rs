//! Proof that a package's profile is on the routers it is sold on: wanted, verified, or refused with the router's words.

use hiji_shared::device::{Kind, RouterProfile};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::{At, Package, PackageError, make_profiles};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    http::access::Scope,
    ids::{PackageId, RouterId},
    routers::{self, ProfileState},
};

/// Routers looked at for one package.
pub const MAX_SHOWN: usize = 200;

/// How a package stands on one router.
#[derive(Debug, Clone, Serialize)]
pub struct Standing {
    #[serde(flatten)]
    pub profile: ProfileState,
    /// Whether hiji makes the profile there.
    pub made: bool,
    pub verdict: Verdict,
}

/// What is to be said of a package on a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Read back as wanted.
    Proven,
    /// Not yet.
    Waiting,
    /// The router would not.
    Refused,
    /// The agent is too old to set addresses: the rest is proven.
    NoAddresses,
    /// The router's own profile is there.
    Bound,
    /// The router's own profile has another speed than the package.
    OtherSpeed,
    /// It should be there of itself, and is not.
    Missing,
}

/// What is to be said; pure.
fn verdict(package: &Package, made: bool, state: &ProfileState) -> Verdict {
    if made {
        let wants_addresses = !(package.terms.local_address.is_empty() && package.terms.address_pool.is_empty());
        return match state.status.as_deref() {
            Some("verified") if wants_addresses && !state.sets_addresses => Verdict::NoAddresses,
            Some("verified") => Verdict::Proven,
            Some("failed") => Verdict::Refused,
            Some(_) | None => Verdict::Waiting,
        };
    }
    match &state.seen {
        None => Verdict::Missing,
        Some(RouterProfile { rate_limit, .. })
            if package.rate_limit.is_empty() || *rate_limit == package.rate_limit =>
        {
            Verdict::Bound
        }
        Some(_) => Verdict::OtherSpeed,
    }
}

/// How a package stands on the routers it is sold on, of those the caller sees.
///
/// # Errors
/// The database's.
pub async fn standing(db: &impl ConnectionTrait, package: &Package) -> Result<Vec<Standing>, DbErr> {
    let on: Vec<RouterId> = package.router_ids.iter().copied().take(MAX_SHOWN).collect();
    let kind = Kind::profile_of(package.service);
    let states = routers::profile_states(db, &on, kind, &package.profile).await?;
    let stands = |profile: ProfileState| {
        let made = package.made_on.contains(&profile.router_id);
        Standing { verdict: verdict(package, made, &profile), made, profile }
    };
    Ok(states.into_iter().map(stands).collect())
}

/// Asks routers that refused the profile once more.
///
/// # Errors
/// [`PackageError::NotFound`], the database's.
pub async fn retry(app: &App, scope: &Scope, actor: &Actor, id: PackageId) -> Result<usize, PackageError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let package = super::find(&*tx, scope, id, At::everywhere(now)).await?.ok_or(PackageError::NotFound)?;
    let refused = |standing: &Standing| standing.verdict == Verdict::Refused;
    let standing = standing(&*tx, &package).await?;
    let again: Vec<RouterId> =
        standing.iter().filter(|each| refused(each)).map(|each| each.profile.router_id).collect();
    if again.is_empty() {
        return Ok(0);
    }
    make_profiles(&tx, app, actor, &package.wish(), &again).await?;
    let detail = serde_json::json!({ "name": package.name, "router_ids": again });
    let deed = Deed { action: "package.retry", object: format!("package/{id}"), site: None, detail };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(again.len())
}

#[cfg(test)]
mod tests {
    use super::{
        super::pages::{sample, subscription},
        *,
    };

    fn state(status: Option<&str>, seen: Option<&str>, sets_addresses: bool) -> ProfileState {
        let seen = seen.map(|rate| RouterProfile { rate_limit: rate.to_owned(), ..RouterProfile::default() });
        let status = status.map(str::to_owned);
        let (code, message) = (String::new(), String::new());
        ProfileState { router_id: RouterId(1), status, code, message, verified_at: None, seen, sets_addresses }
    }

    #[test]
    fn only_what_was_read_back_is_proven() {
        let made = |status, addresses| verdict(&subscription(), true, &state(status, None, addresses));
        assert_eq!(made(Some("verified"), true), Verdict::Proven);
        assert_eq!(made(Some("verified"), false), Verdict::NoAddresses);
        assert_eq!(made(Some("failed"), true), Verdict::Refused);
        assert_eq!((made(Some("delivered"), true), made(None, true)), (Verdict::Waiting, Verdict::Waiting));
        assert_eq!(verdict(&sample(), true, &state(Some("verified"), None, false)), Verdict::Proven);
        let bound = |seen| verdict(&sample(), false, &state(None, seen, true));
        assert_eq!((bound(None), bound(Some("2M/4M"))), (Verdict::Missing, Verdict::Bound));
        assert_eq!(bound(Some("1M/1M")), Verdict::OtherSpeed);
    }
}
