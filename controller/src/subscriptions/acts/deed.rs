//! Looking at an act before it is done, and doing it: one subscription, one transaction.

use std::collections::{BTreeMap, HashMap, btree_map::Entry};

use chrono::{DateTime, Days, NaiveDate, Utc};
use hiji_shared::device::Service;
use sea_orm::ConnectionTrait;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    Act, Done, Order, Planned,
    book::{self, Booking},
    plan::{self, AddonOffer, Around, Choices, Plan, RouterOffer},
    quote::{Billed, BilledLine},
    rules::{self, Offered},
    store,
};
use crate::{
    app::App,
    audit::{self, Deed},
    db::Tx,
    http::access::Scope,
    ids::{self, InvoiceId, PackageId, RouterId, SubscriptionId},
    invoices::{self, LineKind},
    money::Money,
    packages::{self, At, SoldAs},
    routers,
    settings::{self, Settings},
    subscriptions::{
        self, Addon, Period, Subscription, SubscriptionError, bill_until,
        change::{self, Owed},
        follow, hold,
        store::{self as rows, Held},
    },
};

/// How far back invoices are looked at, days: a year that was paid for, and the pauses that moved it.
const LOOK_BACK: u64 = 800;

/// What an act would make of a subscription; nothing is changed.
///
/// # Errors
/// [`SubscriptionError`]: why it could not be done.
pub async fn preview(app: &App, scope: &Scope, id: SubscriptionId, act: &Act) -> Result<Done, SubscriptionError> {
    let (db, now) = (app.db.read(), app.clock.now());
    let mut subscription = subscriptions::find(db, scope, id).await?.ok_or(SubscriptionError::NotFound)?;
    let wanted = [(&subscription, act)];
    let loaded = Loaded::of(db, (scope, now), &wanted).await?;
    let mut around = loaded.around(db, (&subscription, act)).await?;
    around.is_secret_unknown = makes_anew(act) && rows::is_secret_unknown(db, &app.keys, id).await?;
    let mut plan = plan::plan(&mut subscription, act, &around)?;
    with_tax(db, &mut plan, around.today).await?;
    change::refresh(&mut subscription, loaded.owed(id), loaded.policy(), now);
    Ok(Done { subscription, plan, invoice: None })
}

/// Counts PPN into what the next invoices come to.
async fn with_tax(db: &impl ConnectionTrait, plan: &mut Plan, today: NaiveDate) -> Result<(), SubscriptionError> {
    for next in &mut plan.next {
        next.amount = invoices::totals_on(db, &next.lines, today).await?.total;
    }
    Ok(())
}

/// Does it. The same wish twice is done once.
///
/// # Errors
/// [`SubscriptionError`]; nothing was changed then.
pub async fn act(app: &App, order: &Order<'_>, id: SubscriptionId, act: &Act) -> Result<Done, SubscriptionError> {
    let tx = app.db.begin().await?;
    hold(&*tx).await?;
    let (done, deed) = Box::pin(act_in(&tx, app, order, (id, act))).await?;
    let Some(deed) = deed else { return Ok(done) };
    audit::record(&*tx, app.clock.now(), order.actor, deed).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(done)
}

/// The same in the caller's transaction, which [`hold`]s, gives the audit entry last of all, and wakes `app.wakes` after
/// the commit. What was done before has no audit entry.
///
/// # Errors
/// [`SubscriptionError`]; the transaction must then be given up.
pub async fn act_in(
    tx: &Tx,
    app: &App,
    order: &Order<'_>,
    (id, act): (SubscriptionId, &Act),
) -> Result<(Done, Option<Deed<'static>>), SubscriptionError> {
    let now = app.clock.now();
    let seen = subscriptions::find(&**tx, order.scope, id).await?.ok_or(SubscriptionError::NotFound)?;
    let has_form = !order.form_id.is_empty();
    if has_form && let Some(what) = store::done_as(&**tx, id, order.form_id).await? {
        let plan = plan::done_before(&seen, &what, rules::today(now, seen.zone()));
        return Ok((Done { plan, subscription: seen, invoice: None }, None));
    }
    let held = rows::hold(&**tx, &app.keys, &[id]).await?.pop().ok_or(SubscriptionError::NotFound)?;
    if order.seen.is_some_and(|seen| seen != held.subscription.version) {
        return Err(SubscriptionError::Changed);
    }
    let loaded = Loaded::of(&**tx, (order.scope, now), &[(&held.subscription, act)]).await?;
    let mut around = loaded.around(&**tx, (&held.subscription, act)).await?;
    around.is_secret_unknown = makes_anew(act) && !held.has_password();
    let mut booking = decide(held, act, &around)?;
    with_tax(&**tx, &mut booking.plan, around.today).await?;
    if has_form && let Some(detail) = booking.plan.detail.as_object_mut() {
        detail.insert("form".to_owned(), json!(order.form_id));
    }
    let (plan, site) = (booking.plan.clone(), booking.before.site_id);
    let detail = told(&booking);
    let made = book::book(tx, app, (now, order.actor), vec![booking]).await?;
    if plan.what == "resumed" {
        // The days up to the next period are asked for at once.
        let until = (around.today, invoices::Issue::Now);
        bill_until(tx, app, (now, order.actor), &[id], until).await?;
    }
    let deed = Deed { action: act.action(), object: format!("subscription/{id}"), site: Some(site), detail };
    let subscription = subscriptions::find(&**tx, order.scope, id).await?.ok_or(SubscriptionError::NotFound)?;
    Ok((Done { subscription, plan, invoice: made.get(&id).copied() }, Some(deed)))
}

/// Whether the user is made anew, with all that is known of him.
fn makes_anew(act: &Act) -> bool {
    matches!(act, Act::Move { .. } | Act::Rename { .. })
}

/// What an act makes of a subscription that is held.
pub(super) fn decide(held: Held, act: &Act, around: &Around) -> Result<Booking, SubscriptionError> {
    let before = held.subscription.clone();
    let mut after = held;
    let plan = plan::plan(&mut after.subscription, act, around)?;
    if after.subscription.package_id != before.package_id
        && let Some(offered) = &around.offered
    {
        after.profile.clone_from(&offered.profile);
    }
    // What somebody typed no later clash replaces.
    after.is_name_typed |= matches!(act, Act::Rename { .. });
    let (mut is_secret_new, mut is_secret_made) = (false, false);
    if let Act::Password(password) = act {
        (is_secret_new, is_secret_made) = (true, password.is_none());
        after.password = password.clone().unwrap_or_else(made_password);
    }
    Ok(Booking { before, after, plan, is_secret_new, is_secret_made })
}

fn made_password() -> SecretString {
    SecretString::from(subscriptions::rules::secret(ids::random()))
}

/// What the audit log keeps: never a name of a customer, never a secret.
fn told(booking: &Booking) -> Value {
    let Booking { before, plan, .. } = booking;
    json!({
        "number": before.number, "what": plan.what, "from": plan.from, "detail": plan.detail,
        "asked": plan.charge.as_ref().map(|charge| charge.amount), "returned": plan.returned.total,
    })
}

/// What acts on subscriptions need, read once for all of them.
#[derive(Debug)]
pub(super) struct Loaded {
    scope: Scope,
    now: DateTime<Utc>,
    settings: Settings,
    billed: HashMap<SubscriptionId, Vec<invoices::Billed>>,
    taken_over: HashMap<SubscriptionId, NaiveDate>,
    addons: HashMap<SubscriptionId, Vec<Addon>>,
    owed: HashMap<SubscriptionId, Owed>,
    packages: BTreeMap<(PackageId, RouterId), Offered>,
}

/// The package that an act changes to.
fn package_of(of: &Subscription, act: &Act) -> Option<PackageId> {
    if let Act::ChangePackage { package, .. } = act {
        return Some(*package);
    }
    if matches!(act, Act::TakePrice) {
        return Some(of.package_id);
    }
    let looks_ahead = matches!(act, Act::TakePackage | Act::Renew { .. } | Act::Keep { planned: Planned::Change });
    of.next_package_id.filter(|_| looks_ahead)
}

impl Loaded {
    pub(super) async fn of(
        db: &impl ConnectionTrait,
        (scope, now): (&Scope, DateTime<Utc>),
        wanted: &[(&Subscription, &Act)],
    ) -> Result<Self, SubscriptionError> {
        let ids: Vec<SubscriptionId> = wanted.iter().map(|(of, _)| of.id).collect();
        let moves_money = |act: &Act| {
            !matches!(
                act,
                Act::Exempt { .. }
                    | Act::Discount(_)
                    | Act::Renewal { .. }
                    | Act::Terms(_)
                    | Act::TakePrice
                    | Act::Details(_)
                    | Act::Password(_)
                    | Act::Move { .. }
                    | Act::Rename { .. }
                    | Act::Promise { .. }
                    | Act::ForgetPromise
            )
        };
        let money: Vec<SubscriptionId> =
            wanted.iter().filter(|(_, act)| moves_money(act)).map(|(of, _)| of.id).collect();
        let back = now.date_naive().checked_sub_days(Days::new(LOOK_BACK)).unwrap_or(NaiveDate::MIN);
        let currencies: Vec<_> = wanted.iter().map(|(of, _)| (of.id, of.price.currency())).collect();
        Ok(Self {
            scope: scope.clone(),
            now,
            settings: settings::load(db).await?,
            billed: invoices::billed_of(db, &money, back).await?,
            taken_over: taken_over(store::last_told(db, &money, "imported").await?),
            addons: rows::addons(db, &currencies).await?,
            owed: follow::owed(db, &ids).await?,
            packages: offers(db, (scope, now), wanted).await?,
        })
    }

    /// What is owed for a subscription.
    pub(super) fn owed(&self, id: SubscriptionId) -> Owed {
        self.owed.get(&id).copied().unwrap_or_default()
    }

    /// What the operator chose of late payments.
    pub(super) fn policy(&self) -> change::Policy {
        change::Policy::of(&self.settings)
    }

    /// What is known around one of them.
    pub(super) async fn around(
        &self,
        db: &impl ConnectionTrait,
        (of, act): (&Subscription, &Act),
    ) -> Result<Around, SubscriptionError> {
        let today = rules::today(self.now, of.zone());
        let services = &self.settings.services;
        let all = self.billed.get(&of.id).map(Vec::as_slice).unwrap_or_default();
        let later = served_later(of, all);
        let billed = |each: &invoices::Billed| as_billed(each, later.get(&each.id).copied().unwrap_or(0));
        let billed: Vec<Billed> = all.iter().map(billed).collect::<Result<_, _>>()?;
        let choices = Choices {
            rounding: services.proration_rounding,
            change_pays_first: services.change_pays_first,
            promise_max_days: services.promise_max_days,
            due_days: services.first_due_days,
            policy: self.policy(),
        };
        let waiting = self.waiting_change(of.id);
        let asks_promise = matches!(act, Act::Promise { .. });
        let was_promised = asks_promise && store::was_promised(db, of.id, rules::month_of(today, of.zone())).await?;
        let is_paid = matches!(act, Act::TakePackage) && rules::waits_for_payment(of);
        let paid_change = if is_paid { self.paid_change(of.id)? } else { None };
        let is_name_free = if let Act::Rename { username } = act {
            is_free(db, (of.router_id, of.service), username).await?
        } else {
            true
        };
        Ok(Around {
            now: self.now,
            today,
            choices,
            billed,
            taken_over_until: self.taken_over.get(&of.id).copied(),
            addons: self.addons.get(&of.id).cloned().unwrap_or_default(),
            offered: package_of(of, act).and_then(|id| self.packages.get(&(id, of.router_id)).cloned()),
            addon: addon_offer(db, act).await?,
            router: self.router_offer(db, (of, act)).await?,
            is_name_free,
            is_secret_unknown: false,
            was_promised,
            owes: self.owed(of.id).oldest_due.is_some(),
            has_draft: self.owed(of.id).draft_due.is_some(),
            paid_change,
            waiting_change: waiting.map(|billed| billed.id),
            is_change_late: waiting.is_none_or(|billed| billed.due_on < today),
        })
    }

    /// The invoice of the change that waits: the newest of its kind. One that was given up was not paid.
    fn paid_change(&self, id: SubscriptionId) -> Result<Option<Billed>, SubscriptionError> {
        let all = self.billed.get(&id).map(Vec::as_slice).unwrap_or_default();
        let newest = all.iter().filter(|billed| billed.kind == invoices::Kind::Change).max_by_key(|billed| billed.id);
        newest.filter(|billed| !billed.is_given_up).map(|billed| as_billed(billed, 0)).transpose()
    }

    /// The invoice of a change that is not paid.
    fn waiting_change(&self, id: SubscriptionId) -> Option<&invoices::Billed> {
        let waits = |billed: &&invoices::Billed| {
            billed.kind == invoices::Kind::Change && (billed.state == invoices::State::Draft || billed.state.is_owed())
        };
        self.billed.get(&id).into_iter().flatten().filter(waits).max_by_key(|billed| billed.id)
    }

    async fn router_offer(
        &self,
        db: &impl ConnectionTrait,
        (of, act): (&Subscription, &Act),
    ) -> Result<Option<RouterOffer>, SubscriptionError> {
        let Act::Move { router } = act else { return Ok(None) };
        let Some(found) = routers::find(db, &self.scope, *router).await? else { return Ok(None) };
        let package = packages::find(db, &self.scope, of.package_id, At::on(*router, self.now)).await?;
        Ok(Some(RouterOffer {
            id: found.id,
            is_of_site: found.site_id == of.site_id,
            sells: package.is_some_and(|package| package.router_ids.contains(router)),
            is_name_free: is_free(db, (*router, of.service), &of.username).await?,
            name: found.name,
        }))
    }
}

/// Subscriptions as they will be with the packages that are planned for a day, of those that have any.
pub(in super::super) async fn planned(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
    all: impl Iterator<Item = &Subscription>,
) -> Result<HashMap<SubscriptionId, Subscription>, SubscriptionError> {
    let wanted: Vec<&Subscription> = all.filter(|of| of.next_package_from.is_some()).collect();
    let acts: Vec<(&Subscription, &Act)> = wanted.iter().map(|of| (*of, &Act::TakePackage)).collect();
    let packages = offers(db, (&Scope::All, now), &acts).await?;
    let mut found = HashMap::new();
    for of in wanted {
        let offered = of.next_package_id.and_then(|id| packages.get(&(id, of.router_id)));
        if let Some(offered) = offered {
            let mut then = of.clone();
            rules::take_planned(&mut then, offered);
            found.insert(of.id, then);
        }
    }
    Ok(found)
}

/// The packages that acts change to, each read once.
async fn offers(
    db: &impl ConnectionTrait,
    (scope, now): (&Scope, DateTime<Utc>),
    wanted: &[(&Subscription, &Act)],
) -> Result<BTreeMap<(PackageId, RouterId), Offered>, SubscriptionError> {
    let mut found = BTreeMap::new();
    for (of, act) in wanted {
        let Some(id) = package_of(of, act) else { continue };
        if let Entry::Vacant(place) = found.entry((id, of.router_id))
            && let Some(package) = packages::find(db, scope, id, At::on(of.router_id, now)).await?
        {
            place.insert(offered(package, of.router_id));
        }
    }
    Ok(found)
}

async fn is_free(
    db: &impl ConnectionTrait,
    (router, service): (RouterId, Service),
    username: &str,
) -> Result<bool, SubscriptionError> {
    let names = [username.to_owned()];
    let kind = hiji_shared::device::Kind::user_of(service);
    let ours = rows::taken_usernames(db, (router, service), &names).await?;
    Ok(ours.is_empty() && routers::taken_names(db, router, kind, &names).await?.is_empty())
}

async fn addon_offer(db: &impl ConnectionTrait, act: &Act) -> Result<Option<AddonOffer>, SubscriptionError> {
    let Act::AddAddon { addon, .. } = act else { return Ok(None) };
    let found = packages::addons::find(db, *addon).await?;
    Ok(found.filter(|addon| addon.archived_at.is_none()).map(|addon| AddonOffer {
        id: addon.id,
        name: addon.name,
        is_one_off: addon.kind == packages::addons::AddonKind::OneOff,
        cost: addon.cost.unwrap_or(Money::new(0, addon.price.currency())),
        price: addon.price,
        is_taxed: addon.is_taxed,
    }))
}

fn offered(package: packages::Package, router: RouterId) -> Offered {
    Offered {
        id: package.id,
        is_offered: package.sold_as == SoldAs::Subscription
            && package.archived_at.is_none()
            && package.router_ids.contains(&router),
        name: package.name,
        service: package.service,
        profile: package.profile,
        cost: package.cost.unwrap_or(Money::new(0, package.price.currency())),
        price: package.price,
        is_taxed: package.terms.is_taxed,
        on_expiry: package.terms.on_expiry,
        cycle: package.terms.cycle,
        bill_day: package.terms.bill_day,
    }
}

/// Until when services were paid when they were taken over.
fn taken_over(told: Vec<(SubscriptionId, Value)>) -> HashMap<SubscriptionId, NaiveDate> {
    let until = |detail: &Value| detail["covered_until"].as_str()?.parse().ok();
    told.into_iter().filter_map(|(id, detail)| Some((id, until(&detail)?))).collect()
}

/// How many days later than they name invoices are served, where periods begin on a fixed day: service that began with a
/// late first payment has its days behind each other until a period begins on its own day again.
fn served_later(of: &Subscription, billed: &[invoices::Billed]) -> HashMap<InvoiceId, i64> {
    let is_fixed = of.calendar().is_some_and(|calendar| calendar.step().is_fixed());
    let is_period = |each: &&invoices::Billed| matches!(each.kind, invoices::Kind::First | invoices::Kind::Period);
    let mut periods: Vec<(NaiveDate, NaiveDate, InvoiceId)> = Vec::new();
    for each in billed.iter().filter(|_| is_fixed).filter(is_period) {
        periods.extend(each.period.map(|(from, until)| (from, until, each.id)));
    }
    periods.sort_unstable();
    let mut reached = of.started_on;
    let mut later = HashMap::new();
    for (from, until, id) in periods {
        let days = reached.map_or(0, |reached| (reached - from).num_days().max(0));
        later.insert(id, days);
        reached = Some(rules::days_on(until, days));
    }
    later
}

/// An invoice as what is taken back sees it, so many days later than it says. Discounts are off the days of the whole
/// invoice.
fn as_billed(billed: &invoices::Billed, later: i64) -> Result<Billed, SubscriptionError> {
    let days = |(from, until): (NaiveDate, NaiveDate)| Period {
        from: rules::days_on(from, later),
        until: rules::days_on(until, later),
    };
    let is_period = matches!(billed.kind, invoices::Kind::First | invoices::Kind::Period);
    let line = |line: &invoices::BilledLine| {
        let whole = matches!(line.kind, LineKind::Package | LineKind::Proration | LineKind::Discount);
        BilledLine {
            amount: line.amount,
            is_taxed: line.is_taxed,
            days: line.days.or(billed.period.filter(|_| whole)).map(days),
        }
    };
    Ok(Billed {
        invoice: billed.id,
        number: billed.number.clone().unwrap_or_default(),
        lines: billed.lines.iter().map(line).collect(),
        total: billed.total,
        tax: billed.tax,
        left: billed.total.minus(billed.credited)?,
        is_draft: billed.state == invoices::State::Draft,
        is_paid: billed.settled.minor() > 0,
        is_given_up: billed.is_given_up,
        period: billed.period.filter(|_| is_period).map(days),
    })
}
