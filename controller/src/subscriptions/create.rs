//! Making a subscription: the customer, the service, its first invoice and what its router shall have, in one transaction.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{
    Access, Discount, OnRouter, State, Subscription, SubscriptionError, SubscriptionForm,
    bill::{self, Bill, First},
    change, follow, hold,
    names::{self, Named},
    periods::Calendar,
    rules::{self, Draft, Offer, Whose},
    store::{self, Held},
    write::{self, Changed},
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    customers::{self, Added, CustomerError},
    db::{self, Tx, paging::PageOf},
    http::{
        access::Scope,
        form::{self, FieldError, FormErrors},
    },
    ids::{self, CustomerId, SubscriptionId},
    invoices::{self, Issue},
    ledger::{self, aging::local_day},
    money::Money,
    packages::{
        self, At, Package, SoldAs,
        addons::{self, AddonKind},
    },
    routers::{self, Router},
    settings::{self, Settings},
    sites::{self, Site},
};

/// The series of subscriptions' numbers.
const NUMBERS: &str = "subscription";
/// Add-ons looked at.
const ADDONS: u64 = 200;

/// Who asks for a subscription, and the id of the wish: the same wish twice makes one.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub scope: &'a Scope,
    pub actor: &'a Actor,
    pub form_id: &'a str,
}

/// A subscription that a form made, now or before.
#[derive(Debug)]
pub struct Created {
    pub id: SubscriptionId,
    /// Made now; a second submit answers the first one's.
    pub is_new: bool,
}

/// What a form names.
#[derive(Debug)]
pub(super) struct Parties {
    pub(super) router: Router,
    pub(super) site: Site,
    pub(super) package: Package,
    pub(super) addons: Vec<addons::Addon>,
}

/// Makes a subscription, or answers the one that the same form made before. Nothing is made when anything is wrong.
///
/// # Errors
/// [`SubscriptionError`].
pub async fn create(app: &App, asked: &Asked<'_>, form: &SubscriptionForm) -> Result<Created, SubscriptionError> {
    let form_id = if form::is_form_id(asked.form_id) { asked.form_id.to_owned() } else { form::new_form_id() };
    let tx = app.db.begin().await?;
    hold(&*tx).await?;
    if let Some(id) = store::of_form(&*tx, asked.scope, &form_id).await? {
        return Ok(Created { id, is_new: false });
    }
    let asked = Asked { form_id: &form_id, ..*asked };
    let (id, added) = create_in(&tx, app, &asked, form).await?;
    audit_created(&tx, app, asked.actor, (id, added.as_ref())).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(Created { id, is_new: true })
}

/// The same in the caller's transaction, which [`hold`]s, has seen that the form made none yet, and gives the audit
/// entries by [`audit_created`] last of all.
///
/// # Errors
/// [`SubscriptionError`]; the transaction must then be given up.
pub(super) async fn create_in(
    tx: &Tx,
    app: &App,
    asked: &Asked<'_>,
    form: &SubscriptionForm,
) -> Result<(SubscriptionId, Option<Added>), SubscriptionError> {
    let now = app.clock.now();
    let parties = match parties(&**tx, asked.scope, form, now).await {
        Err(SubscriptionError::Refused(mut errors)) => {
            errors.extend(&rules::customer_faults(form));
            return Err(SubscriptionError::Refused(errors));
        }
        parties => parties?,
    };
    let today = local_day(now, parties.site.zone());
    let mut draft = rules::check(form, offer(&parties.package), today).map_err(SubscriptionError::Refused)?;
    one_currency(&parties)?;
    let settings = settings::load(&**tx).await?;
    let (customer, added) = customer(tx, app, asked, (&mut draft, &parties.site)).await?;
    let number = rules::number(ledger::next_number(&**tx, NUMBERS, "").await?);
    let Named { username, found } = names::of_draft(tx, &draft, &parties, &settings).await?;
    if let Some(found) = &found {
        draft.stays_as(found, parties.package.service);
    }
    // Of one who is taken over: what is typed, else what the router has and nobody is told.
    let made = || if found.is_some() { String::new() } else { rules::secret(ids::random()) };
    let password: SecretString = draft.password.take().unwrap_or_else(made).into();
    let mut subscription = Subscription { number, username, ..blank(&draft, &parties, (now, asked.actor)) };
    subscription.customer_id = customer;
    let new = store::New {
        form_id: asked.form_id,
        password: &password,
        is_name_typed: draft.username.is_some(),
        is_secret_new: !password.expose_secret().is_empty(),
        is_adopted: found.is_some(),
        subscription: &subscription,
    };
    let id = store::insert(&**tx, &app.keys, &new).await.map_err(name_taken)?;
    store::insert_addons(&**tx, id, &new_addons(&draft, &parties)).await?;
    let held = first_invoice(tx, app, (now, asked.actor), id, (&draft, &settings, today)).await?;
    begin(tx, app, (now, asked.actor), held).await?;
    Ok((id, added))
}

/// Writes into the audit log what [`create_in`] made.
///
/// # Errors
/// The database's.
pub(super) async fn audit_created(
    tx: &Tx,
    app: &App,
    actor: &Actor,
    (id, added): (SubscriptionId, Option<&Added>),
) -> Result<(), SubscriptionError> {
    if let Some(added) = added {
        customers::audit_added(tx, app, actor, added).await?;
    }
    let of = store::find(&**tx, &Scope::All, id).await?.ok_or(SubscriptionError::NotFound)?;
    let detail = json!({
        "number": of.number, "customer_id": of.customer_id, "router_id": of.router_id, "package_id": of.package_id,
        "price": of.price, "discount": of.discount.map(|discount| discount.amount), "cycle": of.cycle,
        "is_prepaid": of.is_prepaid, "started_on": of.started_on, "is_exempt": of.is_exempt,
    });
    let object = format!("subscription/{id}");
    let deed = Deed { action: "subscription.add", object, site: Some(of.site_id), detail };
    Ok(audit::record(&**tx, app.clock.now(), actor, deed).await?)
}

/// What a package offers to subscriptions.
pub(super) fn offer(package: &Package) -> Offer<'_> {
    Offer { service: package.service, price: package.price, terms: &package.terms }
}

/// The router, its site, the package and the add-ons of a form; a sentence for each that is not there or does not fit.
pub(super) async fn parties(
    db: &impl ConnectionTrait,
    scope: &Scope,
    form: &SubscriptionForm,
    now: DateTime<Utc>,
) -> Result<Parties, SubscriptionError> {
    let mut errors = FormErrors::default();
    let (router, site) = match form.router_id {
        None => (None, None),
        Some(id) => match routers::find(db, scope, id).await? {
            None => (None, None),
            Some(router) => {
                let site = sites::find(db, scope, router.site_id).await?;
                (Some(router), site)
            }
        },
    };
    if router.is_none() {
        errors.add("router_id", FieldError::new(if form.router_id.is_some() { "not_offered" } else { "required" }));
    }
    let package = match (form.package_id, &router) {
        (Some(id), Some(router)) => packages::find(db, scope, id, At::on(router.id, now)).await?,
        (Some(id), None) => packages::find(db, scope, id, At::everywhere(now)).await?,
        (None, _) => None,
    };
    match &package {
        None if form.package_id.is_none() => errors.add("package_id", FieldError::new("required")),
        None => errors.add("package_id", FieldError::new("no_such_package")),
        Some(package) if package.sold_as != SoldAs::Subscription => {
            errors.add("package_id", FieldError::new("package_not_subscription"));
        }
        Some(package) if router.as_ref().is_some_and(|router| !package.router_ids.contains(&router.id)) => {
            errors.add("package_id", FieldError::new("package_not_sold_here"));
        }
        Some(package) if package.archived_at.is_some() => {
            errors.add("package_id", FieldError::new("package_archived"));
        }
        Some(_) => {}
    }
    if let (Some(router), server) = (&router, form.server.trim()) {
        let known = &router.facts.hotspot_servers;
        if !server.is_empty() && !known.is_empty() && !known.iter().any(|name| name == server) {
            errors.add("server", FieldError::new("no_such_server").arg("servers", known.join(", ")));
        }
    }
    let chosen = chosen_addons(db, form, &mut errors).await?;
    let (true, Some(router), Some(site), Some(package)) = (errors.is_empty(), router, site, package) else {
        return Err(SubscriptionError::Refused(errors));
    };
    Ok(Parties { router, site, package, addons: chosen })
}

async fn chosen_addons(
    db: &impl ConnectionTrait,
    form: &SubscriptionForm,
    errors: &mut FormErrors,
) -> Result<Vec<addons::Addon>, DbErr> {
    if form.addons.is_empty() {
        return Ok(Vec::new());
    }
    let page = PageOf::new(Some(ADDONS), None).unwrap_or_default();
    let offered = addons::list(db, &addons::Filter::default(), &page).await?.items;
    let mut chosen = Vec::with_capacity(form.addons.len());
    for wish in form.addons.iter().take(rules::MAX_ADDONS) {
        match offered.iter().find(|addon| addon.id == wish.addon_id) {
            Some(addon) => chosen.push(addon.clone()),
            None => errors.add("addons", FieldError::new("not_offered")),
        }
    }
    Ok(chosen)
}

/// Add-ons of another currency cannot be on one invoice with the package.
pub(super) fn one_currency(parties: &Parties) -> Result<(), SubscriptionError> {
    let currency = parties.package.price.currency();
    if parties.addons.iter().all(|addon| addon.price.currency() == currency) {
        return Ok(());
    }
    Err(SubscriptionError::field("addons", FieldError::new("currency")))
}

/// The customer who is there, or the one the form makes.
async fn customer(
    tx: &Tx,
    app: &App,
    asked: &Asked<'_>,
    (draft, site): (&mut Draft, &Site),
) -> Result<(CustomerId, Option<Added>), SubscriptionError> {
    match &mut draft.whose {
        Whose::Known(id) => {
            let found = customers::find(&**tx, &app.keys, asked.scope, *id).await?;
            let error = match found {
                None => "no_such_customer",
                Some(customer) if customer.state == customers::State::Deleted => "customer_deleted",
                Some(customer) if customer.site_id != site.id => "customer_elsewhere",
                Some(customer) => return Ok((customer.id, None)),
            };
            Err(SubscriptionError::field("customer_id", FieldError::new(error)))
        }
        Whose::New(form) => {
            // He lives where his router stands.
            form.site_id = Some(site.id);
            let asked = customers::Asked { scope: asked.scope, actor: asked.actor, form_id: asked.form_id };
            let added = customers::add_in(tx, app, &asked, form).await.map_err(of_customer)?;
            Ok((added.id, Some(added)))
        }
    }
}

/// What is wrong with a new customer, at the fields of this form.
fn of_customer(error: CustomerError) -> SubscriptionError {
    match error {
        CustomerError::Refused(errors) => {
            let mut of_this = FormErrors::default();
            for (field, error) in errors.iter() {
                of_this.add(&format!("customer.{field}"), error.clone());
            }
            SubscriptionError::Refused(of_this)
        }
        CustomerError::Db(error) => SubscriptionError::Db(error),
        CustomerError::NotFound
        | CustomerError::Deleted
        | CustomerError::NotDeleted
        | CustomerError::OpenServices
        | CustomerError::NotSettled => SubscriptionError::NotFound,
    }
}

/// Two typed names at once: the schema says so.
fn name_taken(error: DbErr) -> SubscriptionError {
    if db::violates(&error, "username") { names::taken() } else { SubscriptionError::Db(error) }
}

/// The subscription of a draft, before it has a number, a name and a customer.
pub(super) fn blank(draft: &Draft, parties: &Parties, (now, actor): (DateTime<Utc>, &Actor)) -> Subscription {
    let Parties { router, site, package, .. } = parties;
    let agreed = &draft.agreed;
    let calendar = Calendar::from_start(agreed.step(), draft.starts_on);
    let discount =
        Discount { amount: draft.discount, reason: draft.discount_reason.clone(), until: draft.discount_until };
    Subscription {
        id: SubscriptionId(0),
        number: String::new(),
        customer_id: CustomerId(0),
        customer_number: String::new(),
        customer: String::new(),
        site_id: site.id,
        site: site.name.clone(),
        timezone: site.timezone.clone(),
        router_id: router.id,
        router: router.name.clone(),
        package_id: package.id,
        package: package.name.clone(),
        service: package.service,
        username: String::new(),
        server: draft.server.clone(),
        remote_address: draft.remote_address.clone(),
        mac: draft.mac.clone(),
        state: State::Pending,
        price: package.price,
        cost: package.cost,
        is_taxed: package.terms.is_taxed,
        discount: (draft.discount.minor() > 0).then_some(discount),
        cycle: agreed.cycle.name(),
        bill_day: agreed.bill_day,
        is_prepaid: agreed.is_prepaid,
        due_days: agreed.due_days,
        grace_days: agreed.grace_days,
        customer_grace_days: None,
        on_expiry: package.terms.on_expiry,
        started_on: Some(draft.starts_on),
        anchor: Some(calendar.anchor()),
        billed_until: Some(draft.starts_on),
        covered_until: Some(draft.starts_on),
        lapses_at: None,
        acts_at: None,
        promise_until: None,
        is_exempt: draft.is_exempt,
        exempt_reason: draft.exempt_reason.clone(),
        is_held: false,
        is_auto_renewed: draft.is_auto_renewed,
        paused_from: None,
        paused_until: None,
        ends_on: None,
        end_reason: String::new(),
        next_package_id: None,
        next_package_from: None,
        on_router: OnRouter {
            wanted: Access::None,
            observed: Access::None,
            verified_at: None,
            fail_code: String::new(),
            fail_message: String::new(),
        },
        version: 0,
        edition: 0,
        is_mac_freed: false,
        created_by: actor.admin,
        created_at: now,
        ended_at: None,
    }
}

pub(super) fn new_addons(draft: &Draft, parties: &Parties) -> Vec<store::NewAddon> {
    let new = |(addon, wish): (&addons::Addon, &rules::AddonForm)| store::NewAddon {
        addon: addon.id,
        name: addon.name.clone(),
        is_one_off: addon.kind == AddonKind::OneOff,
        quantity: i32::try_from(wish.quantity).unwrap_or(1),
        price: addon.price,
        cost: addon.cost.unwrap_or(Money::new(0, addon.price.currency())),
        is_taxed: addon.is_taxed,
        from: draft.starts_on,
    };
    parties.addons.iter().zip(&draft.addons).map(new).collect()
}

/// The last day to pay of the first invoice: prepaid, the day it is made; postpaid some days after service began.
fn first_due(draft: &Draft, settings: &Settings, today: NaiveDate) -> NaiveDate {
    if draft.agreed.is_prepaid {
        return today.max(draft.starts_on);
    }
    let days = chrono::Days::new(u64::try_from(settings.services.first_due_days).unwrap_or(0));
    draft.starts_on.checked_add_days(days).unwrap_or(draft.starts_on).max(today)
}

pub(super) fn first_of(draft: &Draft, settings: &Settings, today: NaiveDate) -> First {
    First {
        period: draft.agreed.first_period,
        setup_fee: draft.agreed.setup_fee,
        due_on: first_due(draft, settings, today),
    }
}

/// Issues the first invoice; the subscription as it stands then, held.
async fn first_invoice(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    id: SubscriptionId,
    (draft, settings, today): (&Draft, &Settings, NaiveDate),
) -> Result<Held, SubscriptionError> {
    let held = store::hold(&**tx, &app.keys, &[id]).await?.pop();
    let mut held = held.ok_or(SubscriptionError::NotFound)?;
    let addons = super::addons(&**tx, &held.subscription).await?;
    let terms = bill::Terms { horizon: today, today, rounding: settings.services.proration_rounding };
    let first = first_of(draft, settings, today);
    let Bill { proposals, billed_until, addons } = bill::first(&held.subscription, &addons, &first, terms)?;
    invoices::propose(&**tx, now, actor, proposals, Issue::Now).await?;
    store::addons_billed(&**tx, now, &addons).await?;
    held.subscription.billed_until = billed_until.or(held.subscription.billed_until);
    Ok(held)
}

/// Where it stands from now on, and what its router shall have.
async fn begin(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    mut held: Held,
) -> Result<(), SubscriptionError> {
    let before = held.subscription.clone();
    let owed = follow::owed(&**tx, &[before.id]).await?.remove(&before.id).unwrap_or_default();
    change::refresh(&mut held.subscription, owed, follow::policy(&**tx).await?, now);
    let detail = json!({ "package": before.package, "router": before.router });
    let what = if held.is_adopted { "adopted" } else { "created" };
    write::write(tx, app, (now, actor), vec![Changed::by(before.clone(), held, what, detail)]).await?;
    write::tell_customer(tx, &before).await?;
    Ok(())
}
