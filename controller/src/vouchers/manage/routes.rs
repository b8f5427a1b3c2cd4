//! Buttons on the pages of vouchers and batches, and the page that asks before a whole batch is changed.

use axum::{
    Router as Routes,
    extract::{Path, State},
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::{Form, Query};
use chrono_tz::Tz;

use super::{
    Act, Order, Tally,
    api::allow,
    fields::{self, Fields},
    pages::{Chosen, ConfirmPage},
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        error::AppError,
        form::{FormErrors, FormView},
        locale::Arg,
        session::{Caller, Signed},
        view::View,
    },
    ids::{BatchId, VoucherId},
    vouchers::{self, Batch},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/vouchers/codes/{id}/{act}", post(one))
        .route("/vouchers/batches/{id}/retry", post(retry))
        .route("/vouchers/batches/{id}/{act}", get(confirm).post(batch))
}

async fn one(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, name)): Path<(VoucherId, String)>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    let actor = Actor::of(&caller, view.ip());
    let order = Order { scope: &caller.sites, actor: &actor, seen: fields.seen() };
    let done = |id: VoucherId| view.go_saying(&format!("/vouchers/codes/{id}"), &format!("done-voucher-{name}"), []);
    if name == "kick" {
        caller.allow(Permission::VouchersManage)?;
        super::kick(&app, &order, id).await?;
        return Ok(done(id));
    }
    let voucher = vouchers::find(&app, &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let act = fields.act(&name, voucher.timezone.parse().unwrap_or(Tz::UTC), app.clock.now())?;
    allow(&caller, &act)?;
    if act == Act::Replace {
        return Ok(done(super::reissue(&app, &order, id).await?));
    }
    super::one(&app, &order, id, &act).await?;
    Ok(done(id))
}

async fn retry(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<BatchId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersManage)?;
    let actor = Actor::of(&caller, view.ip());
    super::retry(&app, &Order { scope: &caller.sites, actor: &actor, seen: None }, id).await?;
    Ok(view.go_saying(&format!("/vouchers/batches/{id}"), "done-batch-retry", []))
}

/// The act of a path, for a permission's sake without its fields.
fn named(name: &str) -> Result<Act, AppError> {
    let act = match name {
        "block" => Act::Block { reason: String::new() },
        "unblock" => Act::Unblock,
        "extend" => Act::Extend(vouchers::Extension::default()),
        "void" => Act::Void { reason: String::new() },
        "move" => Act::Move,
        "reissue" => Act::Replace,
        _ => return Err(AppError::NotFound),
    };
    Ok(act)
}

async fn confirm(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, name)): Path<(BatchId, String)>,
    Query(fields): Query<Fields>,
) -> Result<Response, AppError> {
    allow(&caller, &named(&name)?)?;
    let batch = vouchers::batch(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let fields = if fields.active_unit.is_empty() { Fields { which: fields.which, ..Fields::fresh() } } else { fields };
    let page = confirm_page(&app, &caller, (batch, name), fields, None).await?;
    view.page(&page)
}

async fn confirm_page(
    app: &App,
    caller: &Caller,
    (batch, name): (Batch, String),
    mut fields: Fields,
    wrong: Option<FormErrors>,
) -> Result<ConfirmPage, AppError> {
    let zone = batch.timezone.parse().unwrap_or(Tz::UTC);
    let mut errors = wrong.unwrap_or_default();
    // How many an extension touches depends on it; the others are counted at once.
    let act = if name == "extend" {
        let typed = fields.extends().then(|| fields.act(&name, zone, app.clock.now()));
        match typed {
            Some(Ok(act)) => Some(act),
            Some(Err(error)) => {
                errors = fields::refused(&error).ok_or(error)?;
                None
            }
            None => None,
        }
    } else {
        Some(named(&name)?)
    };
    let mut choices = Vec::new();
    if let Some(act) = &act {
        let chosen = fields.which(act);
        chosen.as_str().clone_into(&mut fields.which);
        let (tallies, seen) = super::plan(app, &caller.sites, batch.id, act).await?;
        fields.seen = seen.to_string();
        choices = tallies.into_iter().map(|(which, tally)| Chosen { which, chosen: which == chosen, tally }).collect();
    }
    Ok(ConfirmPage { form: FormView::again(fields, errors, ""), batch, act: name, choices })
}

async fn batch(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, name)): Path<(BatchId, String)>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    allow(&caller, &named(&name)?)?;
    let batch = vouchers::batch(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let zone = batch.timezone.parse().unwrap_or(Tz::UTC);
    let act = match fields.act(&name, zone, app.clock.now()) {
        Ok(act) => act,
        Err(error) => {
            let wrong = fields::refused(&error).ok_or(error)?;
            return view.form_again(&confirm_page(&app, &caller, (batch, name), fields, Some(wrong)).await?);
        }
    };
    let actor = Actor::of(&caller, view.ip());
    let order = Order { scope: &caller.sites, actor: &actor, seen: fields.seen() };
    let which = fields.which(&act);
    // New codes are what is looked for next.
    let (Tally { touched, skipped, .. }, to) = if act == Act::Replace {
        let (tally, made) = super::reissue_batch(&app, &order, id, which).await?;
        (tally, made.first().copied().unwrap_or(id))
    } else {
        (super::batch(&app, &order, id, &act, which).await?, id)
    };
    let number = |n: usize| Arg::from(i64::try_from(n).unwrap_or(i64::MAX));
    let said = [("touched", number(touched)), ("skipped", number(skipped))];
    Ok(view.go_saying(&format!("/vouchers/batches/{to}"), &format!("done-batch-{name}"), said))
}
