//! Another code for what a voucher still has: the old code is void, both name each other.
//!
//! The clock of a voucher in use runs on: its last moment goes over to the new code. The money is counted once: who
//! was used brought it, and its replacement is free; who was not hands its price on.

use super::{Act, Changed, ManageError, Order, begin, cause, find, write};
use crate::{
    app::App,
    audit::{self, Deed},
    db,
    events::{self, BusinessEvent},
    http::form,
    ids::{BatchId, VoucherId},
    money::Money,
    routers, sites,
    vouchers::{
        make::{self, Random},
        rules,
        store::{self, Known, Note, Replacement},
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
    let mut known = find(&tx, app, order, id).await?;
    let before = known.clone();
    let now = app.clock.now();
    known.life.act(&mut known.allowance, &Act::Replace, now).map_err(ManageError::Refused)?;
    db::one_at_a_time(&*tx, db::Guard::BatchNumbers).await?;
    let recipes = uplink::recipes_of(&tx, std::iter::once(&before)).await?;
    let recipe = recipes.get(&before.batch).ok_or(ManageError::NotFound)?;
    let codes = make::codes_for(&tx, (before.site, before.router), &recipe.look, 1).await?;
    let code = codes.and_then(|mut codes| codes.pop()).ok_or(ManageError::NoCode)?;
    let login = Login::new(code, recipe.mode, &mut Random::default());
    let site = sites::find(&*tx, order.scope, before.site).await?.ok_or(ManageError::NotFound)?;
    let day = now.with_timezone(&site.zone()).date_naive();
    let number = rules::batch_number(day, store::batches_of_day(&*tx, &rules::batch_day(day)).await? + 1);
    let replacement = replacement(&before, &login, &number, order, now);
    let (batch_id, new_id) = store::insert_replacement(&*tx, &app.keys, &before, &replacement).await?;
    known.replaced_by = Some(new_id);
    let new = store::known_one(&*tx, &app.keys, order.scope, new_id).await?.ok_or(ManageError::NotFound)?;
    let fresh = recipe.spec.of_life(&new.login, new.price, (&new.allowance, &new.life), true);
    let router_id = before.router;
    routers::want(&tx, app, router_id, order.actor, vec![fresh]).await?;
    let mut counts = std::collections::BTreeMap::new();
    uplink::count(&mut counts, before.batch, &before.life, &known.life);
    let detail = serde_json::json!({ "to": new_id });
    let changed = Changed { known: vec![known], counts, cause: cause(order, &Act::Replace), detail: detail.clone() };
    write(&tx, app, order, changed).await?;
    let note = Note { voucher: new_id, batch: batch_id, detail: serde_json::json!({ "from": id }) };
    store::note(&*tx, now, cause(order, &Act::Replace), vec![note]).await?;
    let deed = Deed { action: "voucher.reissue", object: format!("voucher/{id}"), site: Some(before.site), detail };
    audit::record(&*tx, now, order.actor, deed).await?;
    let events = events_of(&before, batch_id, number);
    events::record_all(&*tx, now, Some(before.site), &events).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(new_id)
}

fn events_of(before: &Known, batch_id: BatchId, number: String) -> Vec<BusinessEvent> {
    let router_id = before.router;
    vec![
        BusinessEvent::VoucherChanged {
            voucher_id: before.id,
            batch_id: before.batch,
            router_id,
            code: before.login.code.clone(),
            what: "reissue".to_owned(),
        },
        BusinessEvent::BatchCreated { batch_id, router_id, number, count: 1 },
    ]
}

/// What is left of a voucher, for the code that takes its place. Pure.
fn replacement<'a>(
    before: &Known,
    login: &'a Login,
    number: &'a str,
    order: &Order<'_>,
    now: chrono::DateTime<chrono::Utc>,
) -> Replacement<'a> {
    let life = &before.life;
    let left = |limit: Option<i64>, used: i64| limit.map(|limit| limit.saturating_sub(used).max(1));
    let mut allowance = before.allowance.clone();
    allowance.online_secs = left(allowance.online_secs, life.uptime_secs);
    allowance.limit_bytes = left(allowance.limit_bytes, life.bytes_in.saturating_add(life.bytes_out));
    let used = life.first_login_at.is_some();
    Replacement {
        number,
        form_id: form::new_form_id(),
        login,
        allowance,
        valid_until: life.valid_until,
        keeps_price: !used,
        price: if used { Money::new(0, before.price.currency()) } else { before.price },
        created_by: order.actor.admin,
        now,
    }
}
