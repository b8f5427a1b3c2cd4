//! Pages of customers.

use axum::{
    Router as Routes,
    extract::{Path, State as Of},
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::{Form, Query};
use serde::Deserialize;

use super::{
    Asked, Customer, CustomerError, Filter, State, export,
    pages::{Fields, FormPage, Known, ListPage, NoteFields, ShowPage, Told, map_url},
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::PageOf,
    http::{
        access::Permission,
        api::Listing,
        error::AppError,
        form::{Choice, FieldError, FormErrors, FormView},
        locale::Arg,
        session::{Caller, Signed},
        view::View,
    },
    ids::{CustomerId, SiteId},
    ledger,
    money::Currency,
    settings, sites,
    tables::Format,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/customers", get(list).post(add))
        .route("/customers/new", get(add_form))
        .route("/customers/export", get(send))
        .route("/customers/{id}", get(show).post(change))
        .route("/customers/{id}/edit", get(change_form))
        .route("/customers/{id}/notes", post(remember))
        .route("/customers/{id}/id-number", post(id_number))
        .route("/customers/{id}/delete", post(remove))
        .route("/customers/{id}/restore", post(restore))
}

/// What a list is narrowed to, as typed into its filters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Narrow {
    site_id: String,
    tag: String,
    state: String,
    format: String,
}

impl Narrow {
    /// The filter of what was asked for.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for a site or state that is none.
    pub(crate) fn filter(&self, q: &str) -> Result<Filter, AppError> {
        let bad = |field: &str| AppError::from(FormErrors::of(field, FieldError::new("not_offered")));
        let site = match self.site_id.as_str() {
            "" => None,
            text => Some(SiteId(text.parse().map_err(|_no_number| bad("site_id"))?)),
        };
        let state = match self.state.as_str() {
            "" => State::Active,
            text => State::parse(text).ok_or_else(|| bad("state"))?,
        };
        Ok(Filter { site, state, tag: self.tag.trim().to_lowercase(), q: q.to_owned() })
    }

    /// The kind of file asked for; CSV unless said.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for another.
    pub(crate) fn format(&self) -> Result<Format, AppError> {
        if self.format.is_empty() {
            return Ok(Format::Csv);
        }
        Format::parse(&self.format).ok_or_else(|| FormErrors::of("format", FieldError::new("not_offered")).into())
    }
}

pub(super) async fn site_choices(app: &App, caller: &Caller) -> Result<Vec<Choice>, AppError> {
    let sites = sites::all(app.db.read(), &caller.sites).await?;
    Ok(sites.into_iter().map(|site| Choice::new(site.id, site.name)).collect())
}

async fn list(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersSee)?;
    let filter = narrow.filter(&listing.q)?;
    let page = super::list(&app, &caller.sites, &filter, &listing.page).await?;
    let tags = super::tags(app.db.read(), &caller.sites).await?;
    view.page(&ListPage {
        customers: page.items,
        q: listing.q,
        site_id: narrow.site_id,
        tag: filter.tag,
        state: filter.state,
        sites: site_choices(&app, &caller).await?,
        tags: tags.into_iter().map(|tag| Choice::new(tag.clone(), tag)).collect(),
        next: page.next_cursor,
        is_later: listing.is_later,
        may_add: caller.may(Permission::CustomersAdd),
        may_import: caller.may(Permission::CustomersImport),
    })
}

async fn send(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersImport)?;
    let (filter, format) = (narrow.filter(&listing.q)?, narrow.format()?);
    export::send(&app, (&caller.sites, &Actor::of(&caller, view.ip())), &view, filter, format).await
}

async fn form_page(
    app: &App,
    caller: &Caller,
    customer: Option<Known>,
    form: FormView<Fields>,
) -> Result<FormPage, AppError> {
    let (sites, tags) = (site_choices(app, caller).await?, super::tags(app.db.read(), &caller.sites).await?);
    let is_taken = form.errors.iter().any(|(_, error)| error.code() == "phone_taken");
    let numbers = if is_taken { form.values.numbers() } else { Vec::new() };
    let but = customer.as_ref().map(|known| known.id);
    let same = super::with_numbers(app.db.read(), &caller.sites, &numbers, but).await?;
    Ok(FormPage { customer, form, sites, tags, same })
}

async fn add_form(Of(app): Of<App>, Signed(caller): Signed, view: View) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersAdd)?;
    let fields = Fields::fresh(&site_choices(&app, &caller).await?);
    view.page(&form_page(&app, &caller, None, FormView::fresh(fields)).await?)
}

async fn add(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersAdd)?;
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &fields.form_id };
    match super::add(&app, &asked, &fields.form(false)).await {
        Ok(id) => {
            let name = Arg::from(fields.name.trim());
            Ok(view.go_saying(&format!("/customers/{id}"), "done-customer-added", [("name", name)]))
        }
        Err(CustomerError::Refused(errors)) => again(&app, &caller, &view, None, (fields, errors)).await,
        Err(other) => Err(other.into()),
    }
}

/// The form again with what is wrong.
async fn again(
    app: &App,
    caller: &Caller,
    view: &View,
    customer: Option<Known>,
    (fields, errors): (Fields, FormErrors),
) -> Result<Response, AppError> {
    let form_id = fields.form_id.clone();
    let form = FormView::again(fields.with_room(), errors, &form_id);
    view.form_again(&form_page(app, caller, customer, form).await?)
}

async fn found(app: &App, caller: &Caller, id: CustomerId) -> Result<Customer, AppError> {
    super::find(app.db.read(), &app.keys, &caller.sites, id).await?.ok_or(AppError::NotFound)
}

fn known(customer: &Customer) -> Known {
    Known { id: customer.id, name: customer.name.clone(), id_number: customer.id_number.clone() }
}

async fn change_form(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersManage)?;
    let customer = found(&app, &caller, id).await?;
    let form = FormView::fresh(Fields::of(&customer));
    view.page(&form_page(&app, &caller, Some(known(&customer)), form).await?)
}

async fn change(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersManage)?;
    let customer = found(&app, &caller, id).await?;
    let actor = Actor::of(&caller, view.ip());
    match super::change(&app, &caller.sites, &actor, id, &fields.form(true)).await {
        Ok(()) => Ok(view.go_saying(&format!("/customers/{id}"), "done-saved", [])),
        Err(CustomerError::Refused(errors)) => {
            again(&app, &caller, &view, Some(known(&customer)), (fields, errors)).await
        }
        Err(other) => Err(other.into()),
    }
}

async fn show_page(
    app: &App,
    caller: &Caller,
    customer: Customer,
    (page, is_later): (&PageOf, bool),
    form: FormView<NoteFields>,
) -> Result<ShowPage, AppError> {
    let moments = super::timeline(app.db.read(), customer.id, page).await?;
    let balance = match caller.may(Permission::InvoicesSee) {
        true => Some(balance(app, customer.id).await?),
        false => None,
    };
    Ok(ShowPage {
        map_url: map_url(customer.point),
        customer,
        id_number: None,
        moments: moments.items.into_iter().map(Told::new).collect(),
        next: moments.next_cursor,
        is_later,
        form,
        balance,
        may_add: caller.may(Permission::CustomersAdd),
        may_manage: caller.may(Permission::CustomersManage),
        may_open: caller.may(Permission::InvoicesManage),
        may_see_invoices: caller.may(Permission::InvoicesSee),
        sees_services: caller.may(Permission::SubscriptionsSee),
        may_pay: caller.may(Permission::PaymentsTake),
    })
}

async fn balance(app: &App, id: CustomerId) -> Result<ledger::Balance, AppError> {
    let currency = Currency::parse(&settings::load(app.db.read()).await?.currency).unwrap_or(Currency::IDR);
    Ok(ledger::balance(app.db.read(), id, currency).await?)
}

async fn show(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    listing: Listing,
) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersSee)?;
    let customer = found(&app, &caller, id).await?;
    let form = FormView::fresh(NoteFields::default());
    view.page(&show_page(&app, &caller, customer, (&listing.page, listing.is_later), form).await?)
}

async fn id_number(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersManage)?;
    let number = super::id_number(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    let customer = found(&app, &caller, id).await?;
    let form = FormView::fresh(NoteFields::default());
    let page = show_page(&app, &caller, customer, (&PageOf::default(), false), form).await?;
    view.page(&ShowPage { id_number: number, ..page })
}

/// Back to the customer, or his page again with what is wrong.
async fn answer(
    app: &App,
    (caller, view): (&Caller, &View),
    id: CustomerId,
    fields: NoteFields,
    (done, said): (Result<(), CustomerError>, &'static str),
) -> Result<Response, AppError> {
    match done {
        Ok(()) => Ok(view.go_saying(&format!("/customers/{id}"), said, [])),
        Err(CustomerError::Refused(errors)) => {
            let form_id = fields.form_id.clone();
            let form = FormView::again(fields, errors, &form_id);
            let customer = found(app, caller, id).await?;
            view.form_again(&show_page(app, caller, customer, (&PageOf::default(), false), form).await?)
        }
        Err(other) => Err(other.into()),
    }
}

async fn remember(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Form(fields): Form<NoteFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersAdd)?;
    let done = super::remember(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &fields.text).await;
    answer(&app, (&caller, &view), id, fields, (done, "done-customer-noted")).await
}

async fn remove(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Form(fields): Form<NoteFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersManage)?;
    let done = super::remove(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &fields.reason).await;
    answer(&app, (&caller, &view), id, fields, (done, "done-customer-deleted")).await
}

async fn restore(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersManage)?;
    let done = super::restore(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await;
    answer(&app, (&caller, &view), id, NoteFields::default(), (done, "done-customer-restored")).await
}
