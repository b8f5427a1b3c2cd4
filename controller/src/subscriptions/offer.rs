//! What the form of a new subscription offers: packages, servers and add-ons that go with the chosen router, customers
//! who may be meant, and the preview. Nothing is written here.

use chrono::NaiveDate;

use super::{
    Preview, SubscriptionError,
    fields::Fields,
    pages::{AddonChoice, Candidate, FormPage},
    rules,
};
use crate::{
    app::App,
    customers::{self, Customer},
    db::paging::{MAX_LIMIT, PageOf},
    http::{
        access::Permission,
        error::AppError,
        form::{Choice, FieldError, FormErrors, FormView},
        session::Caller,
    },
    ids::CustomerId,
    ledger::aging::local_day,
    money::Currency,
    packages::{
        self, At, Package, SoldAs,
        addons::{self, AddonKind},
    },
    phone::Phone,
    routers::{self, Router},
    sites,
};

/// Customers offered for what was typed.
const CANDIDATES: u64 = 6;

/// The form, filled in as far as it is.
pub(super) async fn page(app: &App, caller: &Caller, mut form: FormView<Fields>) -> Result<FormPage, AppError> {
    let db = app.db.read();
    let places = routers::places(db, &caller.sites).await?;
    let routers: Vec<Choice> =
        places.iter().map(|place| Choice::new(place.id, format!("{} · {}", place.site, place.name))).collect();
    let customer = match form.values.known_customer() {
        Some(id) => customers::find(db, &app.keys, &caller.sites, id).await?,
        None => None,
    };
    choose_only(&mut form.values.router_id, &routers);
    let router = match form.values.router() {
        Some(id) => routers::find(db, &caller.sites, id).await?,
        None => None,
    };
    let packages = package_choices(app, caller, router.as_ref()).await?;
    let is_offered = packages.iter().any(|choice| choice.value == form.values.package_id);
    if form.errors.is_empty() && !is_offered {
        form.values.package_id.clear();
    }
    choose_only(&mut form.values.package_id, &packages);
    let package = package_of(app, caller, &form.values).await?;
    if let (Some(package), Some(router)) = (&package, &router) {
        let today = today_at(app, caller, router).await?;
        form.values = form.values.with_terms(package, today);
    }
    let currency = package.as_ref().map_or(Currency::IDR, |package| package.price.currency());
    let candidates =
        if form.values.whose == "known" { candidates(app, caller, &form.values.customer).await? } else { Vec::new() };
    let is_on_router = form.errors.iter().any(|(_, error)| error.code() == "username_on_router");
    let asks_adoption = is_on_router || !form.values.adopt.is_empty();
    let is_taken = form.errors.iter().any(|(_, error)| error.code() == "phone_taken");
    let numbers: Vec<Phone> = Phone::parse(&form.values.phone).ok().filter(|_| is_taken).into_iter().collect();
    let same = customers::with_numbers(db, &caller.sites, &numbers, None).await?;
    let preview = preview(app, caller, &form.values).await?;
    Ok(FormPage {
        addons: addon_choices(app, &form.values).await?,
        form,
        routers,
        packages,
        servers: router.map(|router| router.facts.hotspot_servers).unwrap_or_default(),
        service: package.map(|package| package.service.as_str().to_owned()).unwrap_or_default(),
        customer: customer.as_ref().map(candidate),
        candidates,
        same,
        currency_sign: currency.sign().to_owned(),
        preview,
        may_add_customer: caller.may(Permission::CustomersAdd),
        may_add_package: caller.may(Permission::PackagesManage),
        may_set_terms: caller.may(Permission::SubscriptionsManage),
        may_adopt: asks_adoption && caller.may(Permission::SubscriptionsManage),
    })
}

/// Where there is only one it need not be chosen.
fn choose_only(value: &mut String, choices: &[Choice]) {
    if let ([only], true) = (choices, value.is_empty()) {
        value.clone_from(&only.value);
    }
}

async fn today_at(app: &App, caller: &Caller, router: &Router) -> Result<NaiveDate, AppError> {
    let site = sites::find(app.db.read(), &caller.sites, router.site_id).await?;
    Ok(local_day(app.clock.now(), site.map_or(chrono_tz::Tz::UTC, |site| site.zone())))
}

/// Packages of subscriptions that are sold on the chosen router, or anywhere.
async fn package_choices(app: &App, caller: &Caller, router: Option<&Router>) -> Result<Vec<Choice>, AppError> {
    let router = router.map(|router| router.id);
    let filter = packages::Filter { sold_as: Some(SoldAs::Subscription), router, ..packages::Filter::default() };
    let page = PageOf::new(Some(MAX_LIMIT), None)?;
    let at = At { now: app.clock.now(), router };
    let packages = packages::list(app.db.read(), &caller.sites, &filter, &page, at).await?.items;
    let sold = packages.iter().filter(|package| !package.router_ids.is_empty());
    Ok(sold.map(|each| Choice::new(each.id, format!("{} · {}", each.name, each.price))).collect())
}

/// The chosen package, with what it costs on the chosen router.
pub(super) async fn package_of(app: &App, caller: &Caller, fields: &Fields) -> Result<Option<Package>, AppError> {
    let at = At { now: app.clock.now(), router: fields.router() };
    match fields.package() {
        Some(id) => Ok(packages::find(app.db.read(), &caller.sites, id, at).await?),
        None => Ok(None),
    }
}

async fn addon_choices(app: &App, fields: &Fields) -> Result<Vec<AddonChoice>, AppError> {
    let page = PageOf::new(Some(MAX_LIMIT), None)?;
    let offered = addons::list(app.db.read(), &addons::Filter::default(), &page).await?.items;
    let typed = |id: &str| {
        let at = fields.addon.iter().position(|known| known == id)?;
        fields.addon_count.get(at).cloned()
    };
    let choice = |addon: addons::Addon| AddonChoice {
        count: typed(&addon.id.to_string()).unwrap_or_default(),
        id: addon.id,
        name: addon.name,
        is_one_off: addon.kind == AddonKind::OneOff,
        price: addon.price,
    };
    Ok(offered.into_iter().map(choice).collect())
}

/// Customers who may be meant by what was typed.
pub(super) async fn candidates(app: &App, caller: &Caller, q: &str) -> Result<Vec<Candidate>, AppError> {
    if q.trim().is_empty() {
        return Ok(Vec::new());
    }
    let filter = customers::Filter { q: q.trim().to_owned(), ..customers::Filter::default() };
    let page = PageOf::new(Some(CANDIDATES), None)?;
    let found = customers::list(app, &caller.sites, &filter, &page).await?.items;
    Ok(found.iter().map(candidate).collect())
}

fn candidate(customer: &Customer) -> Candidate {
    let phone = customer.phones.first().map(|contact| contact.shown.clone()).unwrap_or_default();
    let parts = [phone.as_str(), customer.address.as_str(), customer.site.as_str()];
    let detail: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Candidate {
        id: customer.id,
        number: customer.number.clone(),
        name: customer.name.clone(),
        detail: detail.join(" · "),
    }
}

/// The fields with the customer who is meant, where only one can be.
///
/// # Errors
/// Nobody, or several.
pub(super) async fn resolved(
    app: &App,
    caller: &Caller,
    mut fields: Fields,
) -> Result<Result<Fields, (Fields, FormErrors)>, AppError> {
    if fields.whose != "known" || fields.known_customer().is_some() {
        return Ok(Ok(fields));
    }
    let found = candidates(app, caller, &fields.customer).await?;
    let code = match found.as_slice() {
        [only] => {
            fields.customer_id = only.id.to_string();
            return Ok(Ok(fields));
        }
        [] if fields.customer.trim().is_empty() => "required",
        [] => "no_such_customer",
        _ => "customer_ambiguous",
    };
    Ok(Err((fields, FormErrors::of("customer", FieldError::new(code)))))
}

/// What is typed would make this; nothing while it is not enough.
pub(super) async fn preview(app: &App, caller: &Caller, fields: &Fields) -> Result<Option<Preview>, AppError> {
    let Some(package) = package_of(app, caller, fields).await? else { return Ok(None) };
    let (mut form, unread) = fields.read(package.price.currency());
    // What a person is called does not change what it costs.
    form.customer = None;
    form.customer_id = Some(CustomerId(0));
    if form.discount_reason.is_empty() {
        form.discount_reason.push('-');
    }
    if form.exempt_reason.is_empty() {
        form.exempt_reason.push('-');
    }
    form.username.clear();
    form.password.clear();
    if !unread.is_empty() {
        return Ok(None);
    }
    match super::preview(app, &caller.sites, &form).await {
        Ok(preview) => Ok(Some(preview)),
        Err(SubscriptionError::Refused(_)) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// What cannot be read of a form, with what the rules say of the rest.
pub(super) fn with_rules(
    mut unread: FormErrors,
    form: &super::SubscriptionForm,
    package: Option<&Package>,
    today: NaiveDate,
) -> FormErrors {
    let Some(package) = package else {
        unread.extend(&rules::customer_faults(form));
        return unread;
    };
    let offer = rules::Offer { service: package.service, price: package.price, terms: &package.terms };
    if let Err(others) = rules::check(form, offer, today) {
        unread.extend(&others);
    }
    unread
}
