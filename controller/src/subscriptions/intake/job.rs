//! The job that makes many subscriptions. A list comes in whole: all its good lines in one transaction. New ones by number
//! are made a few at a time, with progress; each line once, however often the job begins anew.

use std::collections::HashMap;

use anyhow::Context as _;
use chrono::NaiveDate;
use sea_orm::DbErr;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Checked, Intake, Line, Place, State, check, phone_key,
    rules::{Kind, Taken, Usual},
    store, usual,
};
use crate::{
    app::App,
    audit::Actor,
    customers::Added,
    db::Tx,
    http::access::Scope,
    ids::{CustomerId, IntakeId, SubscriptionId},
    invoices::{self, Issue, LineKind, NewLine, Proposal},
    jobs::{Job, Said},
    money::Money,
    subscriptions::{
        Asked, Step, SubscriptionError, change, create, follow, hold, store as rows,
        write::{self, Changed},
    },
};

/// Lines read at once.
const STEP: u64 = 500;
/// New services made in one transaction.
const AT_ONCE: usize = 25;

/// Makes many.
#[derive(Debug, Serialize, Deserialize)]
pub struct Take {
    pub intake: IntakeId,
    /// Who said yes.
    pub actor: String,
    pub ip: String,
}

impl Job for Take {
    const KIND: &'static str = "subscriptions.intake";
    const MAX_ATTEMPTS: i32 = 5;

    async fn run(self, app: &App) -> anyhow::Result<Said> {
        let done = Box::pin(self.take(app)).await;
        if let Err(error) = &done {
            let tx = app.db.begin().await?;
            store::fail(&*tx, self.intake, &format!("{error:#}")).await?;
            tx.commit().await?;
        }
        done
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    done: i32,
    bad: i32,
}

impl Take {
    async fn take(&self, app: &App) -> anyhow::Result<Said> {
        let intake = store::find(app.db.read(), &Scope::All, self.intake).await?.context("finding the lines")?;
        if intake.state != State::Queued {
            return Ok(Said::new("nothing_to_do"));
        }
        let actor = Actor { admin: intake.created_by, name: self.actor.clone(), ip: self.ip.clone() };
        let mut waiting = Vec::new();
        let mut count = Count { done: 0, bad: intake.bad };
        for line in good_lines(app, &intake).await? {
            if line.subscription_id.is_some() { count.done += 1 } else { waiting.push(line) }
        }
        // A list comes in together or not at all.
        let at_once = if intake.file_name.is_empty() { AT_ONCE } else { waiting.len().max(1) };
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(at_once));
            let some = std::mem::replace(&mut waiting, rest);
            count = self.make(app, (&intake, &actor), some, count, waiting.is_empty()).await?;
            app.live.send(format!("subscription-intake-{}", intake.id), Some(intake.site_id));
            app.wakes.wake();
        }
        Ok(Said::new("subscriptions_made").count("count", count.done).count("intake", self.intake.0))
    }

    /// Some lines, in one transaction.
    async fn make(
        &self,
        app: &App,
        (intake, actor): (&Intake, &Actor),
        lines: Vec<Line>,
        mut count: Count,
        is_last: bool,
    ) -> anyhow::Result<Count> {
        let scope = Scope::All;
        let place = Place { router: intake.router_id, package: intake.package_id };
        let kind = if intake.is_takeover { Kind::Takeover } else { Kind::New };
        let usual = usual(app, &scope, place, (kind, intake.starts_on)).await.context("finding router and package")?;
        let usual = Usual { adopts: intake.adopts, ..usual };
        let now = app.clock.now();
        let tx = app.db.begin().await?;
        hold(&*tx).await?;
        // Rules, names and customers may have changed since it was shown.
        let checked = check(&*tx, &scope, (&intake.columns, &usual, now), lines).await?;
        let mut of_phones: HashMap<String, CustomerId> = HashMap::new();
        let mut all = Vec::with_capacity(checked.len());
        for one in checked {
            let line = one.line.line;
            let Some((made, added)) = self.one(&tx, app, (intake, actor), one, &mut of_phones).await? else {
                count.bad += 1;
                continue;
            };
            store::set_made(&*tx, intake.id, line, made).await?;
            all.push((made, added));
            count.done += 1;
        }
        // The audit log last: nobody waits for it while he holds what we still need.
        for (made, added) in &all {
            create::audit_created(&tx, app, actor, (*made, added.as_ref())).await?;
        }
        let good = if is_last { count.done } else { intake.good };
        store::set_counts(&*tx, intake.id, (count.done, good, count.bad), is_last.then_some(now)).await?;
        tx.commit().await.context("committing subscriptions")?;
        Ok(count)
    }

    /// One line; nothing when it stays out after all.
    async fn one(
        &self,
        tx: &Tx,
        app: &App,
        (intake, actor): (&Intake, &Actor),
        one: Checked,
        of_phones: &mut HashMap<String, CustomerId>,
    ) -> anyhow::Result<Option<(SubscriptionId, Option<Added>)>> {
        let Checked { line, wish, customer } = one;
        let Some(wish) = wish else {
            store::spoil(&**tx, intake.id, line.line, &line.errors).await?;
            return Ok(None);
        };
        let form_id = format!("intake-{}-{}", intake.id, line.line);
        if let Some(made) = rows::of_form(&**tx, &Scope::All, &form_id).await? {
            return Ok(Some((made, None)));
        }
        let phone = phone_key(wish.phone.as_ref());
        let known = customer.or_else(|| phone.as_ref().and_then(|phone| of_phones.get(phone)).copied());
        let mut form = wish.form;
        match known {
            Some(id) => form.customer_id = Some(id),
            None => form.customer = Some(wish.customer),
        }
        let asked = Asked { scope: &Scope::All, actor, form_id: &form_id };
        let (id, added) = Box::pin(create::create_in(tx, app, &asked, &form))
            .await
            .with_context(|| format!("making line {}", line.line))?;
        if let (Some(phone), Some(added)) = (phone, &added) {
            of_phones.insert(phone, added.id);
        }
        if intake.is_takeover {
            take_over(tx, app, actor, id, wish.taken).await.context("taking over what was agreed")?;
        }
        Ok(Some((id, added)))
    }
}

/// Lines that come in, in their order.
async fn good_lines(app: &App, intake: &Intake) -> Result<Vec<Line>, DbErr> {
    let mut lines: Vec<Line> = Vec::new();
    loop {
        let after = lines.last().map_or(i32::MIN, |line| line.line);
        let some = store::lines(app.db.read(), &app.keys, intake.id, Some(true), (after, STEP)).await?;
        if some.is_empty() {
            return Ok(lines);
        }
        lines.extend(some);
    }
}

/// What was agreed and paid elsewhere: the price, the first day that is not paid, the debt.
async fn take_over(
    tx: &Tx,
    app: &App,
    actor: &Actor,
    id: SubscriptionId,
    taken: Taken,
) -> Result<(), SubscriptionError> {
    let now = app.clock.now();
    let mut held = rows::hold(&**tx, &app.keys, &[id]).await?.pop().ok_or(SubscriptionError::NotFound)?;
    let before = held.subscription.clone();
    let of = &mut held.subscription;
    if let Some(price) = taken.price {
        of.price = price;
    }
    if let Some(day) = taken.paid_until {
        begins_anew(of, day);
    }
    if let Some(debt) = taken.debt {
        let due_on = crate::ledger::aging::local_day(now, before.zone());
        invoices::propose(&**tx, now, actor, vec![opening(&before, debt, due_on)], Issue::Now).await?;
    }
    let owed = follow::owed(&**tx, &[id]).await?.remove(&id).unwrap_or_default();
    change::refresh(&mut held.subscription, owed, follow::policy(&**tx).await?, now);
    let until = held.subscription.covered_until.map(|day| day.to_string()).unwrap_or_default();
    let detail = json!({ "covered_until": until, "debt": taken.debt.map(|debt| debt.to_string()).unwrap_or_default() });
    write::write(tx, app, (now, actor), vec![Changed::by(before, held, "imported", detail)]).await?;
    Ok(())
}

/// Paid until a day: periods that no day of the month holds are counted from there.
fn begins_anew(of: &mut crate::subscriptions::Subscription, day: NaiveDate) {
    of.billed_until = Some(day);
    of.covered_until = Some(day);
    if let Some(step) = Step::named(&of.cycle, of.bill_day) {
        of.anchor = Some(step.anchor(day));
    }
    // It was served before.
    let before = day.pred_opt().unwrap_or(day);
    of.started_on = of.started_on.map(|start| start.min(before));
}

fn opening(of: &crate::subscriptions::Subscription, debt: Money, due_on: NaiveDate) -> Proposal {
    let line = NewLine {
        kind: LineKind::Other,
        text: of.package.clone(),
        quantity: 1,
        unit_price: debt,
        amount: debt,
        cost: Money::new(0, debt.currency()),
        is_taxed: false,
        package: None,
        addon: None,
        from: None,
        until: None,
    };
    Proposal {
        proposal: format!("sub/{}/opening", of.id),
        customer: of.customer_id,
        site: of.site_id,
        subscription: Some(of.id),
        kind: invoices::Kind::Opening,
        period: None,
        due_on,
        lines: vec![line],
        notes: String::new(),
    }
}
