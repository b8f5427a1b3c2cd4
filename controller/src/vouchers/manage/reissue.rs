//! Another code for what a voucher still has: the old code is void, both name each other. For one, or for a whole batch
//! whose paper was lost.
//!
//! The clock of a voucher in use runs on: its last moment goes over to the new code. The money is counted once: who
//! was used brought it, and its replacement is free; who was not hands its price on.

use std::collections::BTreeMap;

use super::{Act, Changed, ManageError, Order, Tally, Which, begin, cause, find, known_of, sort, write};
use crate::{
    app::App,
    audit::{self, Deed},
    db::{self, Tx},
    events::{self, BusinessEvent},
    http::form,
    ids::{BatchId, VoucherId},
    routers, sites,
    vouchers::{
        life::Allowance,
        make::{self, Random},
        rules,
        store::{self, Known, Note, Replacement, Successor},
        uplink,
        wanted::Login,
    },
};

/// Gives a voucher another code with what is left of it. Answers the new one.
///
/// # Errors
/// [`ManageError`]; nothing was changed then.
pub async fn reissue(app: &App, order: &Order<'_>, id: VoucherId) -> Result<VoucherId, ManageError> {
    let tx = begin(app).await?;
    let now = app.clock.now();
    let mut known = find(&tx, app, order, id).await?;
    let before = known.life.clone();
    known.life.act(&mut known.allowance, &Act::Replace, now).map_err(ManageError::Refused)?;
    let mut counts = BTreeMap::new();
    uplink::count(&mut counts, known.batch, &before, &known.life);
    let (batch_id, router_id, site, code) = (known.batch, known.router, known.site, known.login.code.clone());
    let mut known = vec![known];
    let made = replace(&tx, app, order, (&code, &mut known)).await?;
    let new_id = *made.vouchers.first().ok_or(ManageError::NoCode)?;
    let detail = serde_json::json!({ "to": new_id });
    let deed = Deed { action: "voucher.reissue", object: format!("voucher/{id}"), site: Some(site), detail };
    audit::record(&*tx, now, order.actor, deed).await?;
    write(&tx, app, order, Changed::new(known, counts, cause(order, &Act::Replace))).await?;
    let what = Act::Replace.name().to_owned();
    let changed = BusinessEvent::VoucherChanged { voucher_id: id, batch_id, router_id, code, what };
    events::record_all(&*tx, now, Some(site), &[changed, made.event()]).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(new_id)
}

/// Gives those of a batch that are chosen and can have one another code each. Answers how many, and the batches of the
/// new ones: those that were used are free and stand in one of their own.
///
/// # Errors
/// [`ManageError`]; nothing was changed then.
pub async fn reissue_batch(
    app: &App,
    order: &Order<'_>,
    id: BatchId,
    which: Which,
) -> Result<(Tally, Vec<BatchId>), ManageError> {
    let tx = begin(app).await?;
    let now = app.clock.now();
    let (batch, all) = known_of(&tx, app, order, id).await?;
    let (known, counts, tally) = sort(all, &Act::Replace, which, now);
    if known.is_empty() {
        return Err(ManageError::Nothing);
    }
    let (used, unused): (Vec<Known>, Vec<Known>) = known.into_iter().partition(is_used);
    let (mut replaced, mut made) = (Vec::with_capacity(tally.touched), Vec::new());
    for mut part in [unused, used] {
        if !part.is_empty() {
            made.push(replace(&tx, app, order, (&batch.number, &mut part)).await?);
            replaced.append(&mut part);
        }
    }
    let numbers: Vec<&str> = made.iter().map(|made| made.number.as_str()).collect();
    let detail = serde_json::json!({
        "number": batch.number, "which": which, "touched": tally.touched, "skipped": tally.skipped, "to": numbers,
    });
    let object = format!("voucher_batch/{id}");
    let deed = Deed { action: "voucher_batch.reissue", object, site: Some(batch.site_id), detail };
    audit::record(&*tx, now, order.actor, deed).await?;
    write(&tx, app, order, Changed::new(replaced, counts, cause(order, &Act::Replace))).await?;
    let count = i32::try_from(tally.touched).unwrap_or(i32::MAX);
    let what = Act::Replace.name().to_owned();
    let mut told = vec![BusinessEvent::BatchChanged { batch_id: id, router_id: batch.router_id, what, count }];
    told.extend(made.iter().map(Made::event));
    events::record_all(&*tx, now, Some(batch.site_id), &told).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok((tally, made.into_iter().map(|made| made.batch).collect()))
}

/// A batch of new codes.
struct Made {
    batch: BatchId,
    number: String,
    router: crate::ids::RouterId,
    vouchers: Vec<VoucherId>,
}

impl Made {
    fn event(&self) -> BusinessEvent {
        BusinessEvent::BatchCreated {
            batch_id: self.batch,
            router_id: self.router,
            number: self.number.clone(),
            count: i32::try_from(self.vouchers.len()).unwrap_or(i32::MAX),
        }
    }
}

fn is_used(known: &Known) -> bool {
    known.life.first_login_at.is_some()
}

/// Makes the vouchers that take the places of some of one batch, all of them used or none; says in each old one which.
async fn replace(
    tx: &Tx,
    app: &App,
    order: &Order<'_>,
    (note, known): (&str, &mut [Known]),
) -> Result<Made, ManageError> {
    let first = known.first().ok_or(ManageError::Nothing)?.clone();
    db::one_at_a_time(&**tx, db::Guard::BatchNumbers).await?;
    let recipes = uplink::recipes_of(tx, std::iter::once(&first)).await?;
    let recipe = recipes.get(&first.batch).ok_or(ManageError::NotFound)?;
    let codes = make::codes_for(tx, (first.site, first.router), &recipe.look, known.len()).await?;
    let codes = codes.ok_or(ManageError::NoCode)?;
    let now = app.clock.now();
    let site = sites::find(&**tx, order.scope, first.site).await?.ok_or(ManageError::NotFound)?;
    let day = rules::batch_day(now.with_timezone(&site.zone()).date_naive());
    let nth = store::batches_of_day(&**tx, &day).await? + 1;
    let number = rules::batch_number(now.with_timezone(&site.zone()).date_naive(), nth);
    let successor = Successor {
        number: &number,
        form_id: form::new_form_id(),
        note,
        keeps_price: !is_used(&first),
        created_by: order.actor.admin,
        now,
    };
    let mut random = Random::default();
    let replacements: Vec<Replacement<'_>> = known
        .iter()
        .zip(codes)
        .map(|(old, code)| Replacement {
            old,
            login: Login::new(code, recipe.mode, &mut random),
            allowance: what_is_left(old),
        })
        .collect();
    let (batch, vouchers) = store::insert_replacements(&**tx, &app.keys, &successor, &replacements).await?;
    let new = store::known_of_batch(&**tx, &app.keys, batch).await?;
    let fresh = |new: &Known| recipe.spec.of_life(&new.login, new.price, (&new.allowance, &new.life), true);
    routers::want(tx, app, first.router, order.actor, new.iter().map(fresh).collect()).await?;
    let from =
        |(new, old): (&VoucherId, &Known)| Note { voucher: *new, batch, detail: serde_json::json!({ "from": old.id }) };
    let notes = vouchers.iter().zip(known.iter()).map(from).collect();
    store::note(&**tx, now, cause(order, &Act::Replace), notes).await?;
    for (old, new) in known.iter_mut().zip(&vouchers) {
        old.replaced_by = Some(*new);
    }
    Ok(Made { batch, number, router: first.router, vouchers })
}

/// What is left of a voucher, for the code that takes its place. Pure.
fn what_is_left(old: &Known) -> Allowance {
    let left = |limit: Option<i64>, used: i64| limit.map(|limit| limit.saturating_sub(used).max(1));
    let life = &old.life;
    Allowance {
        online_secs: left(old.allowance.online_secs, life.uptime_secs),
        limit_bytes: left(old.allowance.limit_bytes, life.bytes_in.saturating_add(life.bytes_out)),
        ..old.allowance.clone()
    }
}
