//! Writing what became of subscriptions: the rows, what their routers shall have, history, timeline, events. All of it in
//! the caller's transaction, which [`super::hold`]s.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hiji_shared::{
    desired::{FailCode, Object},
    device::Service,
};
use sea_orm::{ConnectionTrait, DbErr};
use serde_json::{Value, json};

use super::{
    Access, State, Subscription, change,
    store::{self, Held},
    wanted::User,
};
use crate::{
    app::App,
    audit::Actor,
    customers,
    db::Tx,
    events::{self, BusinessEvent},
    ids::{RouterId, SiteId},
    routers::{self, Want, isolation::Isolation},
    settings,
};

/// A subscription as it was and as it shall be.
#[derive(Debug, Clone)]
pub(super) struct Changed {
    pub(super) before: Subscription,
    pub(super) after: Held,
    /// What to call it; by the states before and after unless said.
    pub(super) what: Option<&'static str>,
    /// More of it, for history and timeline.
    pub(super) detail: Value,
    /// The name it had on the router is somebody else's: that user is left alone.
    pub(super) is_name_foreign: bool,
    /// What its router has to be told stands not in the row: its secret, its package's profile.
    pub(super) is_told: bool,
}

impl Changed {
    /// What time or money made of it.
    pub(super) fn new(before: Subscription, after: Held) -> Self {
        Self { before, after, what: None, detail: json!({}), is_name_foreign: false, is_told: false }
    }

    /// What somebody did with it.
    pub(super) fn by(before: Subscription, after: Held, what: &'static str, detail: Value) -> Self {
        Self { what: Some(what), detail, ..Self::new(before, after) }
    }

    /// What happened, in kebab-case; nothing when it is not worth a word.
    fn what(&self) -> Option<&'static str> {
        self.what.or_else(|| moved(self.before.state, self.after.subscription.state))
    }

    /// What history, timeline and their sentences are told.
    fn detail(&self) -> Value {
        let mut detail = self.detail.clone();
        if let Some(fields) = detail.as_object_mut() {
            fields.insert("number".to_owned(), json!(self.after.subscription.number));
            fields.insert("username".to_owned(), json!(self.after.subscription.username));
        }
        detail
    }
}

/// What a move from one state to another is called.
fn moved(before: State, after: State) -> Option<&'static str> {
    match (before, after) {
        (before, after) if before == after => None,
        (State::Pending, State::Active | State::Grace) => Some("activated"),
        (State::Isolated, State::Active | State::Grace) => Some("restored"),
        (State::Paused, State::Active | State::Grace) => Some("resumed"),
        (_, State::Grace) => Some("lapsed"),
        (_, State::Active) => Some("paid"),
        (_, State::Isolated) => Some("isolated"),
        (_, State::Paused) => Some("paused"),
        (_, State::Ended) => Some("ended"),
        (_, State::Pending) => Some("waits"),
    }
}

/// What users on routers need beside their rows.
#[derive(Debug)]
pub(super) struct Surroundings {
    isolation: BTreeMap<RouterId, Isolation>,
    pppoe_marker: String,
    pause_isolates: bool,
}

impl Surroundings {
    pub(super) async fn load(tx: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let isolation = routers::isolation::all(tx).await?;
        let settings = settings::load(tx).await?;
        Ok(Self { isolation, pppoe_marker: settings.pppoe_marker, pause_isolates: settings.services.pause_isolates })
    }

    /// The profile of isolated users of a router; `None` = it has none.
    pub(super) fn isolation_profile(&self, router: RouterId, service: Service) -> Option<&str> {
        self.isolation.get(&router)?.profile(service)
    }

    /// What the router shall do with the user of a subscription, as the operator has chosen it.
    fn access(&self, of: &Subscription) -> Access {
        let can_isolate = self.isolation_profile(of.router_id, of.service).is_some();
        if of.state == State::Paused && self.pause_isolates && can_isolate {
            return Access::Isolated;
        }
        change::access(of)
    }

    /// The user of a subscription.
    pub(super) fn user<'a>(&'a self, held: &'a Held) -> User<'a> {
        let of = &held.subscription;
        let marker = match of.service {
            Service::Pppoe => self.pppoe_marker.as_str(),
            Service::Hotspot => hiji_shared::comment::HOTSPOT_MARKER,
        };
        User { held, isolation_profile: self.isolation_profile(of.router_id, of.service), marker }
    }
}

/// What one router is told of one subscription.
struct Told {
    /// Its place among the changes; nothing for a user that is left behind.
    at: Option<usize>,
    want: Want,
}

/// Writes changes with all their traces. After the commit `app.wakes` is to be woken.
///
/// # Errors
/// The database's.
pub(super) async fn write(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    mut changes: Vec<Changed>,
) -> Result<(), DbErr> {
    if changes.is_empty() {
        return Ok(());
    }
    let around = Surroundings::load(&**tx).await?;
    let mut told: BTreeMap<RouterId, Vec<Told>> = BTreeMap::new();
    for (at, change) in changes.iter_mut().enumerate() {
        for (router, told_of) in wants(&around, (at, now), change) {
            told.entry(router).or_default().push(told_of);
        }
    }
    for (router, told) in told {
        let (places, wants): (Vec<Option<usize>>, Vec<Want>) =
            told.into_iter().map(|told| (told.at, told.want)).unzip();
        let (from, _) = routers::want(tx, app, router, actor, wants).await?;
        for (rev, at) in (i64::try_from(from).unwrap_or(i64::MAX).saturating_add(1)..).zip(places) {
            if let Some(change) = at.and_then(|at| changes.get_mut(at)) {
                change.after.wanted_rev = rev;
            }
        }
    }
    for change in &mut changes {
        store::save(&**tx, &mut change.after).await?;
    }
    trace(tx, (now, actor), &changes).await
}

/// What routers are told of a change, if anything: the user as he shall be, and the one that is left behind.
fn wants(around: &Surroundings, (at, now): (usize, DateTime<Utc>), change: &mut Changed) -> Vec<(RouterId, Told)> {
    let access = around.access(&change.after.subscription);
    let (before, after) = (&change.before, &change.after.subscription);
    let is_same_place = before.router_id == after.router_id && before.username == after.username;
    // It was said of that name on that router, and of no other.
    change.after.is_adopted &= is_same_place;
    let was = Held { subscription: before.clone(), ..change.after.clone() };
    let after = &change.after.subscription;
    // The router said that its user of that name is somebody else's: whatever becomes of the service, he stays.
    let is_foreign = change.is_name_foreign || before.on_router.fail_code == FailCode::NameTaken.as_str();
    let mut told = Vec::new();
    if !is_same_place && before.on_router.wanted != Access::None {
        let (kind, name) = (before.kind(), before.username.clone());
        let object = if is_foreign { Object::Forgotten { kind, name } } else { Object::Gone { kind, name } };
        told.push((before.router_id, Told { at: None, want: Want { object } }));
    }
    let is_left = is_same_place && is_foreign && access == Access::Removed;
    let want = if is_left {
        let (kind, name) = (after.kind(), after.username.clone());
        Some(Want { object: Object::Forgotten { kind, name } })
    } else {
        around.user(&change.after).want(access)
    };
    let had = if is_same_place { around.user(&was).want(before.on_router.wanted) } else { None };
    // A profile of isolated users that came or went since is told with the next change of the user.
    let differs = want.as_ref().map(|want| &want.object) != had.as_ref().map(|want| &want.object);
    let is_new = !is_same_place || change.is_told || access != before.on_router.wanted;
    if let Some(want) = want.filter(|_| differs || is_new) {
        let router = after.router_id;
        let on_router = &mut change.after.subscription.on_router;
        on_router.wanted = access;
        if is_new {
            on_router.verified_at = None;
            on_router.fail_code.clear();
            on_router.fail_message.clear();
        }
        if is_left {
            // Nothing of his is there, and nobody has to prove it.
            (on_router.observed, on_router.verified_at) = (Access::Removed, Some(now));
        }
        told.push((router, Told { at: Some(at), want }));
    }
    told
}

/// History, timeline and events.
async fn trace(tx: &Tx, (now, actor): (DateTime<Utc>, &Actor), changes: &[Changed]) -> Result<(), DbErr> {
    let mut notes = Vec::new();
    let mut by_site: BTreeMap<SiteId, Vec<BusinessEvent>> = BTreeMap::new();
    for change in changes {
        let of = &change.after.subscription;
        let Some(what) = change.what() else { continue };
        notes.push(store::Note { subscription: of.id, what, detail: change.detail() });
        by_site.entry(of.site_id).or_default().push(event(change, what));
        let entry = customers::Entry {
            what: &format!("service-{what}"),
            detail: change.detail(),
            link: format!("/subscriptions/{}", of.id),
        };
        customers::note(&**tx, now, actor, of.customer_id, entry).await?;
    }
    store::note(&**tx, now, actor, &notes).await?;
    for (site, happened) in by_site {
        events::record_all(&**tx, now, Some(site), &happened).await?;
    }
    Ok(())
}

fn event(change: &Changed, what: &str) -> BusinessEvent {
    let of = &change.after.subscription;
    let (subscription_id, customer_id, router_id) = (of.id, of.customer_id, of.router_id);
    let number = of.number.clone();
    match what {
        "created" | "adopted" => BusinessEvent::SubscriptionCreated { subscription_id, customer_id, router_id, number },
        "isolated" => BusinessEvent::SubscriptionSuspended { subscription_id, customer_id, router_id, number },
        "restored" => BusinessEvent::SubscriptionRestored { subscription_id, customer_id, router_id, number },
        "ended" => BusinessEvent::SubscriptionEnded { subscription_id, customer_id, router_id, number },
        other => {
            let what = other.to_owned();
            BusinessEvent::SubscriptionChanged { subscription_id, customer_id, router_id, number, what }
        }
    }
}

/// Says how many services of a customer are not over, and what they are found by.
///
/// # Errors
/// The database's.
pub(super) async fn tell_customer(tx: &Tx, of: &Subscription) -> Result<(), DbErr> {
    let open = store::open_of_customer(&**tx, of.customer_id).await?;
    let count = i32::try_from(open.len()).unwrap_or(i32::MAX);
    customers::set_open_services(&**tx, of.customer_id, count).await?;
    let words: Vec<&str> = open.iter().flat_map(|(number, username)| [number.as_str(), username.as_str()]).collect();
    customers::set_words(&**tx, of.customer_id, "subscription", &words).await
}
