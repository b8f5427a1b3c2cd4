//! What each step of a night does with a chunk; the rules are those of the features below.

use std::collections::{BTreeSet, HashMap};

use anyhow::Context as _;
use chrono::{DateTime, Days, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::{
    Counts, Did, Problem, Run, plan, preview,
    rules::{self, Ask, Step},
    store,
    trace::Trace,
};
use crate::{
    app::App,
    audit::Actor,
    clock,
    db::Tx,
    http::access::Scope,
    ids::{self, CustomerId, InvoiceId, RouterId, SiteId, SubscriptionId},
    invoices::{self, Issue},
    ledger::{self, aging::local_day, allocation::Choice},
    money::Money,
    notifications::{self, Draft, Stage, Template, Value, Vars, rules::stage_on},
    payments::{self, Using},
    settings,
    sites::{self, Site},
    subscriptions::{
        self, State,
        acts::{self, Chunk},
    },
};

const HOUR_SECS: i64 = 3_600;

/// What a chunk did, and where it ended; nothing left: no end.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) counts: Counts,
    /// For whom.
    pub(super) traces: Vec<Trace>,
    /// What could not be done, while the rest could.
    pub(super) problems: Vec<Problem>,
    pub(super) last: Option<i64>,
}

/// hiji itself, as it signs what it does at night.
pub(super) fn actor() -> Actor {
    Actor::system("billing")
}

async fn site_of(db: &impl ConnectionTrait, run: &Run) -> anyhow::Result<Site> {
    let site = sites::find(db, &Scope::All, run.site_id).await.context("reading the site")?;
    site.context("finding the site")
}

/// The chunk of a run that comes next.
pub(super) async fn take(tx: &Tx, app: &App, run: &Run, size: u64) -> anyhow::Result<Done> {
    match run.step {
        Step::Planned => begin(tx, app, run, size).await,
        Step::Standing => follow(tx, app, run, size).await,
        Step::Invoices => bill(tx, app, run, size).await,
        Step::Approvals => approve(tx, app, run, size).await,
        Step::Balances => pay(tx, app, run, size).await,
        Step::Reminders => remind(tx, app, run, size).await,
        Step::Plan => {
            let (counts, last) = plan::make(tx, app, run, size).await?;
            Ok(Done { counts, last, ..Done::default() })
        }
    }
}

/// Where a chunk of one would end and what it is about, for one that failed; nothing when the step is no walk.
pub(super) async fn next_name(tx: &Tx, run: &Run, now: DateTime<Utc>) -> anyhow::Result<Option<(i64, String)>> {
    let of = async |ids: Vec<SubscriptionId>| -> anyhow::Result<Option<(i64, String)>> {
        let found = subscriptions::by_ids(&**tx, &ids).await?;
        Ok(found.first().map(|of| (of.id.0, of.number.clone())))
    };
    let next = (SubscriptionId(run.after_id), 1);
    match run.step {
        Step::Invoices => {
            let horizon = horizon(tx, run, now).await?;
            of(subscriptions::to_bill(&**tx, (run.site_id, horizon), next).await?).await
        }
        Step::Planned | Step::Standing => of(subscriptions::due(&**tx, (run.site_id, now), next).await?).await,
        Step::Approvals => {
            let Some(before) = waited_since(&**tx, now).await? else { return Ok(None) };
            let found = store::drafts(&**tx, (run.site_id, before), (run.after_id, 1)).await?;
            Ok(found.first().map(|(id, _)| (id.0, format!("invoice {id}"))))
        }
        Step::Balances => {
            let found = store::with_balance(&**tx, run.site_id, (run.after_id, 1)).await?;
            Ok(found.first().map(|id| (id.0, format!("customer {id}"))))
        }
        Step::Reminders => {
            let days = around(local_day(now, site_of(&**tx, run).await?.zone()));
            let found = store::unpaid(&**tx, run.site_id, days, (run.after_id, 1)).await?;
            Ok(found.into_iter().next().map(|unpaid| (unpaid.id.0, unpaid.number)))
        }
        Step::Plan => of(store::late(&**tx, (run.site_id, now), (run.after_id, 1)).await?).await,
    }
}

/// Everything whose day has come: starts, pauses, changes of package, ends, promises; and what is no longer paid for.
async fn begin(tx: &Tx, app: &App, run: &Run, size: u64) -> anyhow::Result<Done> {
    let (now, after) = (app.clock.now(), SubscriptionId(run.after_id));
    let ids = subscriptions::due(&**tx, (run.site_id, now), (after, size)).await?;
    let in_grace = async || -> anyhow::Result<BTreeSet<SubscriptionId>> {
        let found = subscriptions::by_ids(&**tx, &ids).await?;
        Ok(found.iter().filter(|of| of.state == State::Grace).map(|of| of.id).collect())
    };
    let before = in_grace().await?;
    let chunk = Chunk { site: run.site_id, after, limit: size };
    let step = acts::due_in(tx, app, (now, &actor()), chunk).await?;
    let lapsed: BTreeSet<SubscriptionId> = in_grace().await?.difference(&before).copied().collect();
    let planned: Vec<SubscriptionId> = step.done.into_iter().filter(|id| !lapsed.contains(id)).collect();
    let lapsed: Vec<SubscriptionId> = lapsed.into_iter().collect();
    let counts = Counts { planned: count(&planned), lapsed: count(&lapsed), ..Counts::default() };
    let mut traces = of_services(tx, Did::Planned, &planned).await?;
    traces.extend(of_services(tx, Did::Lapsed, &lapsed).await?);
    let problem = |(name, error)| Problem { step: Step::Planned, name, error };
    let problems = step.failed.into_iter().map(problem).collect();
    Ok(Done { counts, traces, problems, last: step.last.map(|id| id.0) })
}

fn count<T>(of: &[T]) -> i64 {
    i64::try_from(of.len()).unwrap_or(i64::MAX)
}

/// What was done for services.
async fn of_services(tx: &Tx, did: Did, ids: &[SubscriptionId]) -> anyhow::Result<Vec<Trace>> {
    let found = subscriptions::by_ids(&**tx, ids).await?;
    Ok(found.iter().map(|of| Trace::of_service(did, of)).collect())
}

async fn horizon(tx: &Tx, run: &Run, now: DateTime<Utc>) -> anyhow::Result<NaiveDate> {
    let ahead = settings::load(&**tx).await?.billing.invoice_days_ahead;
    Ok(preview::ahead_of(local_day(now, site_of(&**tx, run).await?.zone()), ahead))
}

async fn bill(tx: &Tx, app: &App, run: &Run, size: u64) -> anyhow::Result<Done> {
    let now = app.clock.now();
    let horizon = horizon(tx, run, now).await?;
    let ids = subscriptions::to_bill(&**tx, (run.site_id, horizon), (SubscriptionId(run.after_id), size)).await?;
    let needs_approval = settings::load(&**tx).await?.invoice_needs_approval;
    let issue = if needs_approval { Issue::Draft } else { Issue::Now };
    let made = subscriptions::bill_until(tx, app, (now, &actor()), &ids, (horizon, issue)).await?;
    let drafts = if needs_approval { count(&made) } else { 0 };
    let counts = Counts { invoices: count(&made), drafts, ..Counts::default() };
    let traces = made.iter().map(|made| Trace::of_invoice(Did::Invoiced, made)).collect();
    Ok(Done { counts, traces, last: ids.last().map(|id| id.0), ..Done::default() })
}

/// Drafts made before this waited long enough; nothing: they wait for somebody.
pub(super) async fn waited_since(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
) -> anyhow::Result<Option<DateTime<Utc>>> {
    let hours = settings::load(db).await?.invoice_auto_approve_hours;
    Ok((hours > 0).then(|| now - clock::seconds(hours.saturating_mul(HOUR_SECS))))
}

async fn approve(tx: &Tx, app: &App, run: &Run, size: u64) -> anyhow::Result<Done> {
    let (issued, last) = issue_waited(tx, app, run.site_id, (run.after_id, size)).await?;
    let counts = Counts { approved: count(&issued), ..Counts::default() };
    let traces = issued.iter().map(|made| Trace::of_invoice(Did::Approved, made)).collect();
    Ok(Done { counts, traces, last, ..Done::default() })
}

/// Issues drafts of a site after an id that waited long enough; and where the next ones begin.
pub(super) async fn issue_waited(
    tx: &Tx,
    app: &App,
    site: SiteId,
    place: (i64, u64),
) -> anyhow::Result<(Vec<invoices::Made>, Option<i64>)> {
    let now = app.clock.now();
    let Some(before) = waited_since(&**tx, now).await? else { return Ok((Vec::new(), None)) };
    let drafts = store::drafts(&**tx, (site, before), place).await?;
    let ids: Vec<InvoiceId> = drafts.iter().map(|(id, _)| *id).collect();
    let issued = invoices::issue(&**tx, now, &actor(), &ids).await?;
    let of: BTreeSet<SubscriptionId> = drafts.iter().filter_map(|(_, of)| *of).collect();
    let of: Vec<SubscriptionId> = of.into_iter().collect();
    subscriptions::invoices_changed(tx, app, now, &actor(), &of).await?;
    Ok((issued, ids.last().map(|id| id.0)))
}

async fn pay(tx: &Tx, app: &App, run: &Run, size: u64) -> anyhow::Result<Done> {
    let is_balance_used = settings::load(&**tx).await?.billing.is_balance_used;
    let customers = store::with_balance(&**tx, run.site_id, (run.after_id, size)).await?;
    let mut traces = Vec::new();
    for customer in &customers {
        let paid = pay_of(tx, app, *customer, is_balance_used).await;
        traces.extend(paid.with_context(|| format!("customer {customer}"))?);
    }
    let counts = Counts { paid: count(&traces), ..Counts::default() };
    Ok(Done { counts, traces, last: customers.last().map(|id| id.0), ..Done::default() })
}

/// Pays one customer's invoices from his balance.
async fn pay_of(tx: &Tx, app: &App, customer: CustomerId, is_balance_used: bool) -> anyhow::Result<Vec<Trace>> {
    let open = invoices::open_of(&**tx, customer).await?;
    let Some(currency) = open.first().map(|open| open.remaining.currency()) else { return Ok(Vec::new()) };
    let credit = ledger::balance(&**tx, customer, currency).await?.credit;
    let of: BTreeSet<SubscriptionId> = open.iter().filter_map(|open| open.subscription_id).collect();
    let of: Vec<SubscriptionId> = of.into_iter().collect();
    let services = subscriptions::by_ids(&**tx, &of).await?;
    let services: HashMap<SubscriptionId, (bool, bool)> =
        services.into_iter().map(|of| (of.id, (of.is_prepaid, of.is_auto_renewed))).collect();
    let ask = |open: &invoices::Open| {
        let known = open.subscription_id.and_then(|id| services.get(&id).copied());
        let (is_prepaid, is_auto_renewed) = known.unwrap_or_default();
        Ask { invoice: open.id, left: open.remaining.minor(), is_prepaid, is_auto_renewed }
    };
    let asks: Vec<Ask> = open.iter().filter(|open| open.remaining.currency() == currency).map(ask).collect();
    let chosen = rules::from_balance(credit.minor(), &asks, is_balance_used);
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let paid = |open: &invoices::Open| Trace {
        did: Did::Paid,
        customer,
        subscription: open.subscription_id,
        invoice: Some(open.id),
    };
    let traces = open.iter().filter(|open| chosen.contains(&open.id)).map(paid).collect();
    let due: i64 = asks.iter().filter(|ask| chosen.contains(&ask.invoice)).map(|ask| ask.left).sum();
    let at_most = Some(Money::new(due.min(credit.minor()), currency));
    let choices = chosen.into_iter().map(|id| Choice { invoice: Some(id), at_most: None }).collect();
    let (form_id, actor) = (ids::token(), actor());
    let asked = payments::Asked { scope: &Scope::All, actor: &actor, form_id: &form_id };
    let using = Using { customer, at_most, choices, note: String::new() };
    payments::use_credit_in(tx, app, &asked, &using).await?;
    Ok(traces)
}

/// Services that are no longer paid for.
async fn follow(tx: &Tx, app: &App, run: &Run, size: u64) -> anyhow::Result<Done> {
    let now = app.clock.now();
    let ids = subscriptions::due(&**tx, (run.site_id, now), (SubscriptionId(run.after_id), size)).await?;
    let followed = subscriptions::invoices_changed(tx, app, now, &actor(), &ids).await?;
    let has_lapsed = |each: &&subscriptions::Followed| each.was != State::Grace && each.state == State::Grace;
    let lapsed: Vec<SubscriptionId> = followed.iter().filter(has_lapsed).map(|each| each.id).collect();
    let counts = Counts { lapsed: count(&lapsed), ..Counts::default() };
    let traces = of_services(tx, Did::Lapsed, &lapsed).await?;
    Ok(Done { counts, traces, last: ids.last().map(|id| id.0), ..Done::default() })
}

/// The due days of invoices that may be reminded of on a day.
pub(super) fn around(today: NaiveDate) -> (NaiveDate, NaiveDate) {
    let days = |days: i64| Days::new(days.unsigned_abs());
    let first = today.checked_sub_days(days(notifications::rules::LAST_LATE_DAY)).unwrap_or(today);
    let last = today.checked_add_days(days(Stage::Due7.days_before())).unwrap_or(today);
    (first, last)
}

async fn remind(tx: &Tx, app: &App, run: &Run, size: u64) -> anyhow::Result<Done> {
    let now = app.clock.now();
    let today = local_day(now, site_of(&**tx, run).await?.zone());
    let unpaid = store::unpaid(&**tx, run.site_id, around(today), (run.after_id, size)).await?;
    let last = unpaid.last().map(|unpaid| unpaid.id.0);
    let reach = Reach::load(&**tx, run.site_id).await?;
    let drafts: Vec<Draft> = unpaid
        .into_iter()
        .filter_map(|unpaid| reach.stage(&unpaid, (today, now)).map(|stage| reminder(run, unpaid, stage)))
        .collect();
    let reminders = notifications::queue(&**tx, now, &drafts).await?;
    let reminders = i64::try_from(reminders).unwrap_or(i64::MAX);
    Ok(Done { counts: Counts { reminders, ..Counts::default() }, last, ..Done::default() })
}

/// Which customers can be reminded: during an outage nobody is; afterwards only the newest stage is said.
#[derive(Debug)]
pub(super) struct Reach {
    online: BTreeSet<RouterId>,
    is_cut_off: bool,
}

impl Reach {
    pub(super) async fn load(db: &impl ConnectionTrait, site: SiteId) -> Result<Self, DbErr> {
        let online = store::online(db).await?;
        let of_site = store::routers_of(db, site).await?;
        let is_cut_off = !of_site.is_empty() && of_site.is_disjoint(&online);
        Ok(Self { online, is_cut_off })
    }

    /// The reminder of an invoice that is due on a day, if any.
    pub(super) fn stage(&self, unpaid: &store::Unpaid, (today, now): (NaiveDate, DateTime<Utc>)) -> Option<Stage> {
        let is_left_alone = unpaid.is_paused || unpaid.promise_until.is_some_and(|until| until > now);
        let is_reached = unpaid.router.map_or(!self.is_cut_off, |router| self.online.contains(&router));
        if is_left_alone || !is_reached { None } else { stage_on(today, unpaid.due_on, unpaid.issued_on) }
    }
}

/// What makes a reminder once.
pub(super) fn reminder_key(invoice: InvoiceId, template: Template) -> String {
    format!("invoice/{invoice}/{}", template.as_str())
}

fn reminder(run: &Run, unpaid: store::Unpaid, stage: Stage) -> Draft {
    let template = Template::Reminder(stage);
    let vars = Vars::from([
        ("invoice", Value::Text(unpaid.number)),
        ("amount", Value::Money(unpaid.left)),
        ("due", Value::Day(unpaid.due_on)),
    ]);
    Draft {
        dedupe: reminder_key(unpaid.id, template),
        customer: unpaid.customer,
        site: run.site_id,
        invoice: Some(unpaid.id),
        subscription: unpaid.subscription,
        template,
        vars,
        not_before: None,
    }
}
