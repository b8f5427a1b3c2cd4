//! Pages of subscriptions.

use axum::{
    Router as Routes,
    extract::State as Of,
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::{Form, Query};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::{
    Asked, ByHand, Filter, State, Subscription, SubscriptionError,
    api::{allow_form, seen, seen_addons},
    fields::{Fields, typed_in},
    offer,
    pages::{CandidatesPart, CustomerPart, FormPage, ListPage, PreviewPart, ReasonFields, ShowPage, StateTab, told},
};
use crate::{
    app::App,
    audit::Actor,
    customers,
    db::paging::{MAX_LIMIT, PageOf},
    http::{
        access::Permission,
        api::{Listing, service_of},
        error::AppError,
        form::{Choice, FieldError, FormErrors, FormView},
        locale::Arg,
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::{CustomerId, PackageId, RouterId, SiteId, SubscriptionId},
    invoices::{self, Tab},
    ledger::aging::local_day,
    money::Currency,
    packages::{self, At, SoldAs},
    routers::{self, Presence},
    sites,
};

/// Invoices shown of a subscription.
const INVOICES: u64 = 12;

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/subscriptions", get(list).post(add))
        .route("/subscriptions/new", get(add_form).post(add_form_again))
        .route("/subscriptions/new/preview", post(preview))
        .route("/subscriptions/new/customers", post(candidates))
        .route("/subscriptions/{id}", get(show))
        .route("/subscriptions/{id}/secret", post(secret))
        .route("/subscriptions/{id}/{act}", post(act))
        .route("/customers/{id}/services", get(of_customer))
}

/// What a list is narrowed to, as typed into its filters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Narrow {
    site_id: String,
    router_id: String,
    package_id: String,
    customer_id: String,
    service: String,
    state: String,
}

impl Narrow {
    /// The filter of what was asked for.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for what is none.
    pub(crate) fn filter(&self, q: &str) -> Result<Filter, AppError> {
        let bad = |field: &str| AppError::from(FormErrors::of(field, FieldError::new("not_offered")));
        let id = |field: &str, text: &str| -> Result<Option<i64>, AppError> {
            if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_no_number| bad(field)) }
        };
        let states = match self.state.as_str() {
            "" => Vec::new(),
            text => vec![State::parse(text).ok_or_else(|| bad("state"))?],
        };
        Ok(Filter {
            site: id("site_id", &self.site_id)?.map(SiteId),
            customer: id("customer_id", &self.customer_id)?.map(CustomerId),
            router: id("router_id", &self.router_id)?.map(RouterId),
            package: id("package_id", &self.package_id)?.map(PackageId),
            service: service_of(Some(self.service.as_str()).filter(|text| !text.is_empty()))?,
            states,
            q: q.to_owned(),
        })
    }
}

async fn list(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsSee)?;
    listing.page.after_id()?;
    let filter = narrow.filter(&listing.q)?;
    let page = super::list(&app, &caller.sites, &filter, &listing.page).await?;
    let counts = super::counts(&app, &caller.sites, &filter).await?;
    let (sites, routers, packages) = filter_choices(&app, &caller).await?;
    view.page(&ListPage {
        subscriptions: page.items.into_iter().map(|of| seen(&caller, of)).collect(),
        tabs: tabs(&counts),
        q: listing.q,
        state: narrow.state,
        site_id: narrow.site_id,
        router_id: narrow.router_id,
        package_id: narrow.package_id,
        customer_id: narrow.customer_id,
        sites,
        routers,
        packages,
        next: page.next_cursor,
        is_later: listing.is_later,
        may_manage: caller.may(Permission::SubscriptionsManage),
        may_add: caller.may(Permission::SubscriptionsAdd),
    })
}

/// All that are not over, and each state.
fn tabs(counts: &[(State, i64)]) -> Vec<StateTab> {
    let of = |state: State| counts.iter().find(|(known, _)| *known == state).map_or(0, |(_, count)| *count);
    let living = State::ALL.into_iter().filter(|state| *state != State::Ended).map(of).sum();
    let all = StateTab { state: String::new(), count: living };
    let each = State::ALL.map(|state| StateTab { state: state.as_str().to_owned(), count: of(state) });
    std::iter::once(all).chain(each).collect()
}

async fn filter_choices(app: &App, caller: &Caller) -> Result<(Vec<Choice>, Vec<Choice>, Vec<Choice>), AppError> {
    let db = app.db.read();
    let sites = sites::all(db, &caller.sites).await?;
    let places = routers::places(db, &caller.sites).await?;
    let filter = packages::Filter { sold_as: Some(SoldAs::Subscription), ..packages::Filter::default() };
    let page = PageOf::new(Some(MAX_LIMIT), None)?;
    let packages = packages::list(db, &caller.sites, &filter, &page, At::everywhere(app.clock.now())).await?.items;
    Ok((
        sites.into_iter().map(|site| Choice::new(site.id, site.name)).collect(),
        places.into_iter().map(|place| Choice::new(place.id, place.name)).collect(),
        packages.into_iter().map(|package| Choice::new(package.id, package.name)).collect(),
    ))
}

/// What a new one is for, when that is known.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct For {
    customer_id: Option<CustomerId>,
}

async fn add_form(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Query(asked): Query<For>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsAdd)?;
    let mut fields = Fields::fresh(asked.customer_id);
    if !caller.may(Permission::CustomersAdd) {
        "known".clone_into(&mut fields.whose);
    }
    view.page(&offer::page(&app, &caller, FormView::fresh(fields)).await?)
}

/// The form again, with what goes with what was chosen: another router has other packages.
async fn add_form_again(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsAdd)?;
    let form_id = fields.form_id.clone();
    view.page(&offer::page(&app, &caller, FormView::again(fields, FormErrors::default(), &form_id)).await?)
}

async fn preview(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsAdd)?;
    view.page(&PreviewPart { preview: offer::preview(&app, &caller, &fields).await? })
}

async fn candidates(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsAdd)?;
    caller.allow(Permission::CustomersSee)?;
    let candidates = offer::candidates(&app, &caller, &fields.customer).await?;
    view.page(&CandidatesPart { candidates, chosen: fields.customer_id, q: fields.customer })
}

async fn add(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsAdd)?;
    let fields = match offer::resolved(&app, &caller, fields).await? {
        Ok(fields) => fields,
        Err((fields, errors)) => return again(&app, (&caller, &view), fields, errors).await,
    };
    let package = offer::package_of(&app, &caller, &fields).await?;
    let currency = package.as_ref().map_or(Currency::IDR, |package| package.price.currency());
    let (form, unread) = fields.read(currency);
    allow_form(&caller, &form)?;
    if !unread.is_empty() {
        let today = local_day(app.clock.now(), chrono_tz::Tz::UTC);
        let errors = offer::with_rules(unread, &form, package.as_ref(), today);
        return again(&app, (&caller, &view), fields, typed_in(&errors)).await;
    }
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &fields.form_id };
    match super::create(&app, &asked, &form).await {
        Ok(created) => {
            let of = super::find(app.db.read(), &caller.sites, created.id).await?.ok_or(AppError::NotFound)?;
            let args = [("number", Arg::from(of.number)), ("username", Arg::from(of.username))];
            Ok(view.go_saying(&format!("/subscriptions/{}", of.id), "done-subscription-made", args))
        }
        Err(SubscriptionError::Refused(errors)) => again(&app, (&caller, &view), fields, typed_in(&errors)).await,
        Err(other) => Err(other.into()),
    }
}

async fn again(
    app: &App,
    (caller, view): (&Caller, &View),
    fields: Fields,
    errors: FormErrors,
) -> Result<Response, AppError> {
    let form_id = fields.form_id.clone();
    let page: FormPage = offer::page(app, caller, FormView::again(fields, errors, &form_id)).await?;
    view.form_again(&page)
}

/// The page of a subscription, without its secret.
async fn show_page(
    app: &App,
    caller: &Caller,
    of: Subscription,
    (page, is_later): (&PageOf, bool),
    form: FormView<ReasonFields>,
) -> Result<ShowPage, AppError> {
    let db = app.db.read();
    let router = routers::find(db, &caller.sites, of.router_id).await?;
    let sees_invoices = caller.may(Permission::InvoicesSee);
    let invoices = if sees_invoices { invoices_of(app, caller, of.id).await? } else { Vec::new() };
    let happened = super::history(db, of.id, page).await?;
    let addons = super::addons(db, &of).await?;
    let acts = super::acts::offered(&of);
    Ok(ShowPage {
        may_renew: acts.contains(&"renew") && caller.may(Permission::PaymentsTake),
        acts,
        addons: seen_addons(caller, addons),
        subscription: seen(caller, of),
        secret: None,
        is_secret_new: false,
        is_secret_unknown: false,
        presence: router.map_or(Presence::New, |router| router.presence),
        invoices,
        sees_invoices,
        moments: happened.items.into_iter().map(told).collect(),
        next: happened.next_cursor,
        is_later,
        form,
        may_manage: caller.may(Permission::SubscriptionsManage),
        may_isolate: caller.may(Permission::SubscriptionsIsolate),
        may_see_secret: caller.may(Permission::SubscriptionsAdd),
        may_add: caller.may(Permission::SubscriptionsAdd),
    })
}

async fn invoices_of(app: &App, caller: &Caller, id: SubscriptionId) -> Result<Vec<invoices::Head>, AppError> {
    let filter = invoices::Filter { tab: Tab::All, subscription: Some(id), ..invoices::Filter::default() };
    let page = PageOf::new(Some(INVOICES), None)?;
    let found = invoices::list(app.db.read(), &caller.sites, app.clock.now(), &filter, &page).await?;
    Ok(found?.items)
}

async fn found(app: &App, caller: &Caller, id: SubscriptionId) -> Result<Subscription, AppError> {
    super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)
}

async fn show(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SubscriptionId>,
    listing: Listing,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsSee)?;
    listing.page.after_id()?;
    let of = found(&app, &caller, id).await?;
    let form = FormView::fresh(ReasonFields::default());
    let mut page = show_page(&app, &caller, of, (&listing.page, listing.is_later), form).await?;
    // Parts of the page that are drawn again do not use the one time up.
    if !view.is_partial() {
        let secret = super::new_secret(&app, caller.admin_id, id).await?;
        page.is_secret_new = secret.is_some();
        page.secret = secret.map(|secret| secret.expose_secret().to_owned());
    }
    view.page(&page)
}

async fn secret(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SubscriptionId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsAdd)?;
    let secret = super::secret(&app, (&caller.sites, &Actor::of(&caller, view.ip())), id).await?;
    let of = found(&app, &caller, id).await?;
    let form = FormView::fresh(ReasonFields::default());
    let page = show_page(&app, &caller, of, (&PageOf::default(), false), form).await?;
    let secret = Some(secret.expose_secret().to_owned()).filter(|secret| !secret.is_empty());
    view.page(&ShowPage { is_secret_unknown: secret.is_none(), secret, ..page })
}

async fn act(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, name)): Path<(SubscriptionId, String)>,
    Form(fields): Form<ReasonFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsIsolate)?;
    let act = ByHand::parse(&name).ok_or(AppError::NotFound)?;
    let actor = Actor::of(&caller, view.ip());
    let errors = match super::act(&app, (&caller.sites, &actor), id, act, &fields.reason).await {
        Ok(of) => {
            let said = match act {
                ByHand::Isolate => "done-subscription-isolated",
                ByHand::Restore => "done-subscription-restored",
                ByHand::Kick => "done-subscription-kicked",
            };
            return Ok(view.go_saying(&format!("/subscriptions/{id}"), said, [("username", Arg::from(of.username))]));
        }
        Err(SubscriptionError::Refused(errors)) => errors,
        Err(other) => match other.told() {
            Some(error) => FormErrors::of("", error),
            None => return Err(other.into()),
        },
    };
    let form_id = fields.form_id.clone();
    let form = FormView::again(fields, errors, &form_id);
    let of = found(&app, &caller, id).await?;
    view.form_again(&show_page(&app, &caller, of, (&PageOf::default(), false), form).await?)
}

/// The services of a customer, as a part of his page.
async fn of_customer(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsSee)?;
    let db = app.db.read();
    let customer = customers::find(db, &app.keys, &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let subscriptions = super::of_customer(db, id).await?.into_iter().map(|of| seen(&caller, of)).collect();
    let may_add = customer.state == customers::State::Active && caller.may(Permission::SubscriptionsAdd);
    view.page(&CustomerPart { customer_id: id, subscriptions, may_add })
}
