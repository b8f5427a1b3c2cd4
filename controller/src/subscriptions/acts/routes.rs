//! Pages of acts: a form with what it would make of dates and money, and the press of its button.

use axum::{
    Router as Routes,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use axum_extra::extract::{Form, Query};

use super::{
    Act, Done, Order,
    fields::{Body, Fields},
    pages::{ActPage, Last},
    permission,
    rules::today,
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::PageOf,
    http::{
        error::AppError,
        form::{Choice, FieldError, FormErrors, FormView},
        session::{Caller, Signed},
        view::View,
    },
    ids::SubscriptionId,
    ledger,
    packages::{self, At},
    routers,
    subscriptions::{self, Subscription, SubscriptionError},
};

/// Choices of a list; who has more finds them by another way than a list.
const MAX_CHOICES: u64 = 200;
/// Refusals of what is as it was.
const SAME: [&str; 2] = ["nothing_changed", "username_same"];

/// What somebody sees of an act before he presses its button.
#[derive(Default)]
struct Seen {
    done: Option<Done>,
    problems: FormErrors,
    is_same: bool,
}

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/subscriptions/{id}/do/{act}", get(show).post(press))
}

async fn found(app: &App, caller: &Caller, id: SubscriptionId) -> Result<Subscription, AppError> {
    subscriptions::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)
}

/// The act that was typed, if enough of it was.
fn typed(
    body: Result<Body, FormErrors>,
    name: &str,
    of: &Subscription,
    app: &App,
) -> Result<Result<Act, FormErrors>, AppError> {
    let body = match body {
        Ok(body) => body,
        Err(errors) => return Ok(Err(errors)),
    };
    body.act(name, today(app.clock.now(), of.zone())).ok_or(AppError::NotFound)
}

async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, name)): Path<(SubscriptionId, String)>,
    Query(fields): Query<Fields>,
) -> Result<Response, AppError> {
    caller.allow(permission(&name))?;
    let of = found(&app, &caller, id).await?;
    let is_typed = !fields.form_id.is_empty();
    let fields = if is_typed { fields } else { Fields::fresh(&of, today(app.clock.now(), of.zone())) };
    let body = fields.body(&name, of.price.currency()).map(Body::looked_at);
    let seen = match typed(body, &name, &of, &app)? {
        Ok(act) => look(&app, &caller, id, &act).await?,
        // What is missing is not wrong before the button was pressed.
        Err(problems) if is_typed => Seen { problems, ..Seen::default() },
        Err(_not_yet) => Seen::default(),
    };
    let form_id = fields.form_id.clone();
    let form = FormView::again(fields, FormErrors::default(), &form_id);
    view.page(&page(&app, &caller, (of, name), form, seen).await?)
}

/// What the act would make of it, or why it cannot be.
async fn look(app: &App, caller: &Caller, id: SubscriptionId, act: &Act) -> Result<Seen, AppError> {
    let problems = match super::preview(app, &caller.sites, id, act).await {
        Ok(done) => return Ok(Seen { done: Some(done), ..Seen::default() }),
        Err(error) => told(error)?,
    };
    if problems.iter().any(|(_, error)| SAME.contains(&error.code())) {
        return Ok(Seen { is_same: true, ..Seen::default() });
    }
    Ok(Seen { problems, ..Seen::default() })
}

/// Refusals stand at their fields; others are pages of their own.
fn told(error: SubscriptionError) -> Result<FormErrors, AppError> {
    if let SubscriptionError::Refused(errors) = error {
        return Ok(errors);
    }
    if matches!(error, SubscriptionError::Changed) {
        return Ok(FormErrors::of("", FieldError::new("form_is_stale")));
    }
    Err(error.into())
}

async fn page(
    app: &App,
    caller: &Caller,
    (subscription, act): (Subscription, String),
    form: FormView<Fields>,
    seen: Seen,
) -> Result<ActPage, AppError> {
    let db = app.db.read();
    let balance = ledger::balance(db, subscription.customer_id, subscription.price.currency()).await?;
    let addons = if act == "addon_end" { subscriptions::addons(db, &subscription).await? } else { Vec::new() };
    let ended = |addon: &subscriptions::Addon| addon.until.is_some() || addon.billed_at.is_some();
    Ok(ActPage {
        choices: choices(app, caller, &act, &subscription).await?,
        addons: addons.into_iter().filter(|addon| !ended(addon)).collect(),
        subscription: subscription.without_cost(),
        act,
        form,
        last: seen.done.as_ref().map(|done| Last::of(&done.subscription)).unwrap_or_default(),
        preview: seen.done.map(|done| Done { subscription: done.subscription.without_cost(), ..done }),
        problems: seen.problems,
        is_same: seen.is_same,
        debt: balance.receivable,
        balance: balance.credit,
    })
}

/// What the list of an act offers.
async fn choices(app: &App, caller: &Caller, act: &str, of: &Subscription) -> Result<Vec<Choice>, AppError> {
    let db = app.db.read();
    let page = &PageOf::new(Some(MAX_CHOICES), None)?;
    Ok(match act {
        "change_package" => {
            let filter = packages::Filter {
                service: Some(of.service),
                sold_as: Some(packages::SoldAs::Subscription),
                router: Some(of.router_id),
                ..packages::Filter::default()
            };
            let at = At::on(of.router_id, app.clock.now());
            let all = packages::list(db, &caller.sites, &filter, page, at);
            let others = all.await?.items.into_iter().filter(|package| package.id != of.package_id);
            others.map(|package| Choice::new(package.id, format!("{} · {}", package.name, package.price))).collect()
        }
        "addons" => {
            let all = packages::addons::list(db, &packages::addons::Filter::default(), page).await?;
            all.items
                .into_iter()
                .map(|addon| Choice::new(addon.id, format!("{} · {}", addon.name, addon.price)))
                .collect()
        }
        "move" => {
            let all = routers::places(db, &caller.sites).await?;
            let others = all.into_iter().filter(|place| place.site_id == of.site_id && place.id != of.router_id);
            others.map(|place| Choice::new(place.id, place.name)).collect()
        }
        _ => Vec::new(),
    })
}

async fn press(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, name)): Path<(SubscriptionId, String)>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(permission(&name))?;
    let of = found(&app, &caller, id).await?;
    let errors = match typed(fields.body(&name, of.price.currency()), &name, &of, &app)? {
        Err(errors) => errors,
        Ok(act) => {
            let actor = Actor::of(&caller, view.ip());
            let order = Order { scope: &caller.sites, actor: &actor, form_id: &fields.form_id, seen: fields.seen() };
            match super::act(&app, &order, id, &act).await {
                Ok(done) => {
                    let said = format!("done-subscription-{}", done.plan.what);
                    return Ok(view.go_saying(&format!("/subscriptions/{id}"), &said, []));
                }
                Err(error) => told(error)?,
            }
        }
    };
    let form_id = fields.form_id.clone();
    let form = FormView::again(Fields { seen: of.version.to_string(), ..fields }, errors, &form_id);
    view.form_again(&page(&app, &caller, (of, name), form, Seen::default()).await?)
}
