//! What agents' reports do to subscriptions: proofs, refusals, and users as their routers show them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use hiji_shared::{
    desired::{FailCode, ItemResult, ItemStatus},
    device::{Kind, RouterUser, Row, Service},
    event::{Delta, Event},
};
use sea_orm::DbErr;
use serde_json::json;

use super::{
    Access, OnRouter, Subscription, SubscriptionError, names,
    store::{self, Held},
    write::{Changed, Surroundings, tell_customer, write},
};
use crate::{
    app::App,
    audit::Actor,
    customers,
    db::Tx,
    events::{self, BusinessEvent},
    ids::{CustomerId, RouterId, SiteId},
    mqtt::report::Reported,
    settings::{self, services::Pattern},
};

/// Who renames users whose names are taken.
const AGENT: &str = "agent";

/// Something a router said of a user.
#[derive(Debug, Clone)]
enum Word {
    Result(ItemResult),
    /// As it stands there now; nothing when it is gone.
    Seen(Option<RouterUser>),
}

/// What was said of the users of one router and service, in order.
type Words = BTreeMap<(RouterId, Service), Vec<(String, DateTime<Utc>, Word)>>;

/// Applies proofs, refusals and mirrored users. Wakes nobody: the caller does so after the commit, and has taken
/// [`super::hold`] before.
///
/// # Errors
/// The database's.
pub async fn apply(tx: &Tx, app: &App, reports: &[Reported]) -> Result<(), DbErr> {
    let mut words = Words::new();
    for report in reports {
        match &report.event {
            Event::DesiredResult { items } => {
                for item in items.iter().filter(|item| is_user(item.kind)) {
                    let place = words.entry((report.router, item.kind.service())).or_default();
                    place.push((item.key.clone(), report.at, Word::Result(item.clone())));
                }
            }
            Event::Delta(Delta::Put { kind, row: Row::User(user) }) if is_user(*kind) => {
                let place = words.entry((report.router, kind.service())).or_default();
                place.push((user.name.clone(), report.at, Word::Seen(Some(user.clone()))));
            }
            Event::Delta(Delta::Del { kind, key }) if is_user(*kind) => {
                let place = words.entry((report.router, kind.service())).or_default();
                place.push((key.clone(), report.at, Word::Seen(None)));
            }
            // Not of a user, or not routed here by the inbox.
            Event::Delta(_)
            | Event::FirstLogin(_)
            | Event::UserEnded(_)
            | Event::UserUsage { .. }
            | Event::UserBound { .. }
            | Event::UsersRestored { .. }
            | Event::RouterFacts(_)
            | Event::RouterReach { .. }
            | Event::SessionLogin { .. }
            | Event::SessionLogout(_)
            | Event::MirrorDigest { .. }
            | Event::DesiredHave { .. }
            | Event::CommandResult(_)
            | Event::Alert { .. }
            | Event::OutboxGap { .. }
            | Event::Unknown => {}
        }
    }
    for (place, said) in words {
        apply_router(tx, app, place, said).await?;
    }
    Ok(())
}

/// A whole kind was mirrored anew: what is not in it is not on the router.
///
/// # Errors
/// The database's.
pub async fn mirrored(tx: &Tx, app: &App, (router, kind): (RouterId, Kind), rows: &[Row]) -> Result<(), DbErr> {
    if !is_user(kind) {
        return Ok(());
    }
    let now = app.clock.now();
    let known = store::usernames(&**tx, (router, kind.service())).await?;
    if known.is_empty() {
        return Ok(());
    }
    let mut seen: HashMap<&str, &RouterUser> = HashMap::new();
    for row in rows {
        if let Row::User(user) = row {
            seen.insert(&user.name, user);
        }
    }
    let said = known.into_iter().map(|name| {
        let user = seen.get(name.as_str()).map(|user| (*user).clone());
        (name, now, Word::Seen(user))
    });
    apply_router(tx, app, (router, kind.service()), said.collect()).await
}

fn is_user(kind: Kind) -> bool {
    matches!(kind, Kind::PppSecret | Kind::HotspotUser)
}

async fn apply_router(
    tx: &Tx,
    app: &App,
    (router, service): (RouterId, Service),
    said: Vec<(String, DateTime<Utc>, Word)>,
) -> Result<(), DbErr> {
    let names: BTreeSet<&String> = said.iter().map(|(name, _, _)| name).collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let held = store::hold_names(&**tx, &app.keys, (router, service), &names).await?;
    if held.is_empty() {
        return Ok(());
    }
    let around = Surroundings::load(&**tx).await?;
    let profile = around.isolation_profile(router, service);
    let mut known: HashMap<String, Held> =
        held.into_iter().map(|held| (held.subscription.username.clone(), held)).collect();
    let before: HashMap<String, OnRouter> =
        known.iter().map(|(name, held)| (name.clone(), held.subscription.on_router.clone())).collect();
    let mut foreign = BTreeSet::new();
    for (name, at, word) in said {
        let Some(held) = known.get_mut(&name) else { continue };
        match word {
            Word::Result(item) => {
                if answered(held, &item, at) == Answer::NameTaken {
                    foreign.insert(name);
                }
            }
            Word::Seen(user) => seen(held, user.as_ref(), profile),
        }
    }
    let mut happened: BTreeMap<SiteId, Vec<BusinessEvent>> = BTreeMap::new();
    let mut notes: Vec<(CustomerId, customers::Entry<'_>)> = Vec::new();
    let mut renamed = Vec::new();
    for (name, held) in known {
        if foreign.contains(&name) {
            renamed.push(held);
            continue;
        }
        let of = &held.subscription;
        if before.get(&name) == Some(&of.on_router) {
            continue;
        }
        store::save_on_router(&**tx, of).await?;
        if let Some(entry) = before.get(&name).and_then(|was| proof(was, of)) {
            notes.push((of.customer_id, entry));
        }
        happened.entry(of.site_id).or_default().push(BusinessEvent::SubscriptionChanged {
            subscription_id: of.id,
            customer_id: of.customer_id,
            router_id: of.router_id,
            number: of.number.clone(),
            what: "on-router".to_owned(),
        });
    }
    for (site, events) in happened {
        events::record_all(&**tx, app.clock.now(), Some(site), &events).await?;
    }
    customers::note_many(&**tx, app.clock.now(), &Actor::system(AGENT), &notes).await?;
    renamed.sort_by_key(|held| held.subscription.id);
    rename(tx, app, renamed).await
}

/// What a customer's timeline tells of a router's answer: that it has proven what is wanted, or why it refused. Proofs of
/// what was proven before are no news.
fn proof(was: &OnRouter, of: &Subscription) -> Option<customers::Entry<'static>> {
    let is = &of.on_router;
    let what = match is.wanted {
        _ if !is.fail_code.is_empty() && is.fail_code != was.fail_code => "service-refused",
        _ if is.verified_at.is_none() || was.verified_at.is_some() => return None,
        Access::Open => "service-proven-open",
        Access::Isolated => "service-proven-isolated",
        Access::Disabled => "service-proven-disabled",
        Access::Removed => "service-proven-removed",
        Access::None => return None,
    };
    let detail = json!({ "number": of.number, "router": of.router, "failure": is.fail_code });
    Some(customers::Entry { what, detail, link: format!("/subscriptions/{}", of.id) })
}

/// What an answer asks for beside being written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Nothing,
    /// The name hiji gave is somebody else's: it gets another.
    NameTaken,
}

/// A router's answer to what was wanted last; older answers are of things that are no longer wanted.
fn answered(held: &mut Held, item: &ItemResult, at: DateTime<Utc>) -> Answer {
    if i64::try_from(item.rev).unwrap_or(i64::MAX) < held.wanted_rev {
        return Answer::Nothing;
    }
    let on_router = &mut held.subscription.on_router;
    match item.status {
        ItemStatus::Superseded => {}
        ItemStatus::Verified => {
            on_router.observed = on_router.wanted;
            on_router.verified_at = Some(at);
            on_router.fail_code.clear();
            on_router.fail_message.clear();
        }
        ItemStatus::Failed => {
            let code = item.code.unwrap_or(FailCode::Other);
            on_router.verified_at = None;
            code.as_str().clone_into(&mut on_router.fail_code);
            on_router.fail_message.clone_from(&item.msg);
            if code == FailCode::NameTaken && !held.is_name_typed {
                return Answer::NameTaken;
            }
        }
    }
    Answer::Nothing
}

/// A user as the router shows it. What is not hiji's says nothing of the subscription.
fn seen(held: &mut Held, user: Option<&RouterUser>, isolation_profile: Option<&str>) {
    let of = &mut held.subscription;
    let is_ours = |user: &&RouterUser| user.comment.split('|').nth(2) == Some(of.number.as_str());
    of.on_router.observed = match user.filter(is_ours) {
        // Somebody else's user of that name is not ours.
        None => Access::Removed,
        Some(user) if user.disabled => Access::Disabled,
        Some(user) if isolation_profile == Some(user.profile.as_str()) => Access::Isolated,
        Some(_) => Access::Open,
    };
    // Never wanted, never there.
    if of.on_router.wanted == Access::None && of.on_router.observed == Access::Removed {
        of.on_router.observed = Access::None;
    }
}

/// Gives new names to users whose generated name the router has for somebody else, who is left alone.
async fn rename(tx: &Tx, app: &App, held: Vec<Held>) -> Result<(), DbErr> {
    if held.is_empty() {
        return Ok(());
    }
    let pattern = settings::load(&**tx).await?.services.username_pattern;
    let mut changes = Vec::new();
    for mut after in held {
        let before = after.subscription.clone();
        let name = match Pattern::parse(&pattern, &before.site) {
            None => None,
            Some(pattern) => match names::free(tx, (before.router_id, before.kind()), &pattern).await {
                Ok(name) => Some(name),
                Err(SubscriptionError::Db(error)) => return Err(error),
                // None is free: the page shows that the name is taken.
                Err(_none) => None,
            },
        };
        let Some(name) = name else {
            store::save_on_router(&**tx, &after.subscription).await?;
            continue;
        };
        let detail = json!({ "before": before.username });
        after.subscription.username = name;
        changes.push(Changed { is_name_foreign: true, ..Changed::by(before, after, "name-taken", detail) });
    }
    let renamed: Vec<_> = changes.iter().map(|change| change.after.subscription.clone()).collect();
    write(tx, app, (app.clock.now(), &Actor::system(AGENT)), changes).await?;
    for of in &renamed {
        tell_customer(tx, of).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::tests::held, *};

    fn result(rev: u64, status: ItemStatus, code: Option<FailCode>) -> ItemResult {
        let (kind, key, msg) = (Kind::PppSecret, "kebon-0123".to_owned(), String::new());
        ItemResult { kind, key, rev, status, code, msg }
    }

    fn waiting() -> Held {
        let mut held = Held { wanted_rev: 7, ..held() };
        held.subscription.on_router.verified_at = None;
        held.subscription.on_router.observed = Access::None;
        held
    }

    #[test]
    fn a_proof_counts_for_what_was_wanted_last_only() {
        let at = DateTime::UNIX_EPOCH;
        let mut held = waiting();
        answered(&mut held, &result(6, ItemStatus::Verified, None), at);
        assert!(held.subscription.on_router.waits());
        answered(&mut held, &result(7, ItemStatus::Verified, None), at);
        let on_router = &held.subscription.on_router;
        assert_eq!((on_router.observed, on_router.verified_at), (Access::Open, Some(at)));
    }

    #[test]
    fn a_timeline_tells_of_a_proof_once_and_of_every_other_refusal() {
        let told = |was: &Held, is: &Held| proof(&was.subscription.on_router, &is.subscription).map(|entry| entry.what);
        let (was, mut is) = (waiting(), waiting());
        answered(&mut is, &result(7, ItemStatus::Failed, Some(FailCode::NameTaken)), DateTime::UNIX_EPOCH);
        assert_eq!(told(&was, &is), Some("service-refused"));
        assert_eq!(told(&is, &is), None, "the same again");
        let mut proven = is.clone();
        answered(&mut proven, &result(7, ItemStatus::Verified, None), DateTime::UNIX_EPOCH);
        assert_eq!((told(&is, &proven), told(&proven, &proven)), (Some("service-proven-open"), None));
    }

    #[test]
    fn a_taken_name_is_replaced_only_where_hiji_made_it() {
        let at = DateTime::UNIX_EPOCH;
        let taken = result(7, ItemStatus::Failed, Some(FailCode::NameTaken));
        assert_eq!(answered(&mut waiting(), &taken, at), Answer::NameTaken);
        let mut typed = Held { is_name_typed: true, ..waiting() };
        assert_eq!(answered(&mut typed, &taken, at), Answer::Nothing);
        assert_eq!(typed.subscription.on_router.fail_code, "name_taken");
        // The profile came, and all is well.
        answered(&mut typed, &result(8, ItemStatus::Verified, None), at);
        assert!(typed.subscription.on_router.fail_code.is_empty());
    }

    #[test]
    fn what_the_router_shows_is_read_by_its_mark() {
        let mark = "PPPOE_SYSTEM|C000123|S000456|165000|1796058000";
        let user = |profile: &str, disabled: bool, comment: &str| RouterUser {
            name: "kebon-0123".into(),
            profile: profile.into(),
            disabled,
            comment: comment.into(),
            ..RouterUser::default()
        };
        let shown = |user: Option<&RouterUser>| {
            let mut held = held();
            seen(&mut held, user, Some("isolir"));
            held.subscription.on_router.observed
        };
        assert_eq!(shown(Some(&user("Rumah-10M", false, mark))), Access::Open);
        assert_eq!(shown(Some(&user("isolir", false, mark))), Access::Isolated);
        assert_eq!(shown(Some(&user("Rumah-10M", true, mark))), Access::Disabled);
        assert_eq!(shown(Some(&user("Rumah-10M", false, "gratis"))), Access::Removed);
        assert_eq!(shown(None), Access::Removed);
    }
}
