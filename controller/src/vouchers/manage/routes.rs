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
    Act, ManageError, Order, Tally,
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
    vouchers::{self, Batch, pages::VoucherPage},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/vouchers/codes/{id}/{act}", get(home).post(one))
        .route("/vouchers/batches/{id}/retry", post(retry))
        .route("/vouchers/batches/{id}/{act}", get(confirm).post(batch))
}

/// An act is done by posting it: who comes here by the address bar, or by a switch of language, sees the voucher.
async fn home(view: View, Path((id, _)): Path<(VoucherId, String)>) -> Response {
    view.go(&format!("/vouchers/codes/{id}"))
}

async fn one(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, name)): Path<(VoucherId, String)>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    if name == "kick" {
        caller.allow(Permission::VouchersManage)?
    } else {
        allow(&caller, &named(&name)?)?
    }
    let actor = Actor::of(&caller, view.ip());
    let order = Order { scope: &caller.sites, actor: &actor, seen: fields.seen() };
    match done(&app, &order, (id, &name), &fields).await {
        Ok(id) => Ok(view.go_saying(&format!("/vouchers/codes/{id}"), &format!("done-voucher-{name}"), [])),
        Err(error) => {
            let errors = fields::refused(&error);
            let status = error.status();
            let errors = errors.ok_or(error)?;
            let page = vouchers::routes::voucher_page(&app, &caller, id).await?;
            view.answer(status, &VoucherPage { open: name, form: FormView::again(fields, errors, ""), ..page })
        }
    }
}

/// Does it; the answer is the voucher to be looked at then.
async fn done(
    app: &App,
    order: &Order<'_>,
    (id, name): (VoucherId, &str),
    fields: &Fields,
) -> Result<VoucherId, AppError> {
    if name == "kick" {
        super::kick(app, order, id).await?;
        return Ok(id);
    }
    let voucher = vouchers::find(app, order.scope, id).await?.ok_or(AppError::NotFound)?;
    let act = fields.act(name, voucher.timezone.parse().unwrap_or(Tz::UTC), app.clock.now())?;
    if act == Act::Replace {
        return Ok(super::reissue(app, order, id).await?);
    }
    super::one(app, order, id, &act).await?;
    Ok(id)
}

async fn retry(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<BatchId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersManage)?;
    let actor = Actor::of(&caller, view.ip());
    let to = format!("/vouchers/batches/{id}");
    match super::retry(&app, &Order { scope: &caller.sites, actor: &actor, seen: None }, id).await {
        Ok(()) => Ok(view.go_saying(&to, "done-batch-retry", [])),
        // The router has taken them meanwhile, as the page says.
        Err(ManageError::Nothing) => Ok(view.go(&to)),
        Err(other) => Err(other.into()),
    }
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
    let actor = Actor::of(&caller, view.ip());
    let order = Order { scope: &caller.sites, actor: &actor, seen: fields.seen() };
    match done_to(&app, &order, (&batch, &name), &fields).await {
        Ok((Tally { touched, skipped, .. }, to)) => {
            let number = |n: usize| Arg::from(i64::try_from(n).unwrap_or(i64::MAX));
            let said = [("touched", number(touched)), ("skipped", number(skipped))];
            Ok(view.go_saying(&format!("/vouchers/batches/{to}"), &format!("done-batch-{name}"), said))
        }
        Err(error) => {
            let (status, wrong) = (error.status(), fields::refused(&error));
            let wrong = wrong.ok_or(error)?;
            view.answer(status, &confirm_page(&app, &caller, (batch, name), fields, Some(wrong)).await?)
        }
    }
}

/// Does it to a batch; the answer is how many were touched, and the batch to be looked at then.
async fn done_to(
    app: &App,
    order: &Order<'_>,
    (batch, name): (&Batch, &str),
    fields: &Fields,
) -> Result<(Tally, BatchId), AppError> {
    let act = fields.act(name, batch.timezone.parse().unwrap_or(Tz::UTC), app.clock.now())?;
    let which = fields.which(&act);
    if act == Act::Replace {
        // New codes are what is looked for next.
        let (tally, made) = super::reissue_batch(app, order, batch.id, which).await?;
        return Ok((tally, made.first().copied().unwrap_or(batch.id)));
    }
    Ok((super::batch(app, order, batch.id, &act, which).await?, batch.id))
}
