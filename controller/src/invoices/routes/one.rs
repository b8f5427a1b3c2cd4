//! One invoice: shown, printed, voided, credited; and made by hand.

use axum::{
    extract::{Path, State as Of},
    response::Response,
};
use axum_extra::extract::{Form, Query};
use serde::Deserialize;

use super::{
    super::{
        Crediting, Invoice, InvoiceError,
        pages::{
            ChoosePage, CreditFields, CreditPage, FormPage, ManualFields, Paper, PaperPage, SettledLine, ShowPage,
            Whose,
        },
        rules::{self, MAX_LINES, State},
        service,
    },
    address, currency, customer, fields, invoice, late, on_paper, refused,
};
use crate::{
    app::App,
    audit::Actor,
    customers::{self, Customer},
    http::{
        access::{Permission, Scope},
        api::Listing,
        error::AppError,
        form::{Check, FieldError, FormErrors, FormView},
        locale::Arg,
        session::{Caller, Signed},
        view::View,
    },
    ids::{CustomerId, InvoiceId},
    ledger,
    money::Money,
    settings::{self, letterhead::letterhead},
};

/// Customers offered for whom an invoice may be meant.
const OFFERED: u64 = 20;
/// Lines that one press on "more" adds.
const MORE: usize = 5;

/// The owner of an invoice: those who see the invoice see him, also when he has moved to another site.
async fn owner(app: &App, id: CustomerId) -> Result<Customer, AppError> {
    customers::find(app.db.read(), &app.keys, &Scope::All, id).await?.ok_or(AppError::NotFound)
}

async fn show_page(
    app: &App,
    caller: &Caller,
    id: InvoiceId,
    reason: Option<FieldError>,
) -> Result<ShowPage, AppError> {
    let invoice = invoice(app, caller, id).await?;
    let customer = owner(app, invoice.head.customer_id).await?;
    let settled = ledger::settlements(app.db.read(), id).await?;
    let today = rules::today(app.clock.now(), customer.timezone.parse().unwrap_or(chrono_tz::Tz::UTC));
    let (head, may_manage) = (&invoice.head, caller.may(Permission::InvoicesManage));
    let is_given_up = invoice.written_off.minor() > 0;
    let may_change =
        may_manage && !is_given_up && matches!(head.state, State::Open | State::PartiallyPaid | State::Paid);
    let may_drop = may_manage && head.state == State::Draft;
    Ok(ShowPage {
        late: late(head, today),
        settled: settled.into_iter().map(SettledLine::from).collect(),
        whose: Whose::from(&customer),
        reason,
        may_manage,
        may_void: (may_change || may_drop) && invoice.credit_notes.is_empty(),
        may_credit: may_change && left(&invoice)?.minor() > 0,
        may_write_off: may_manage && head.state.is_owed(),
        may_reinstate: may_manage && is_given_up,
        may_pay: caller.may(Permission::PaymentsTake) && head.state.is_owed(),
        comes_again: service::would_come_again(app.db.read(), head).await?,
        may_see_ledger: caller.allow_everywhere(Permission::LedgerSee).is_ok(),
        invoice,
    })
}

/// What can still be credited.
fn left(invoice: &Invoice) -> Result<Money, AppError> {
    let taken = invoice.credit_notes.iter().try_fold(invoice.head.total, |left, note| left.minus(note.amount));
    taken.map_err(|error| AppError::Internal(error.into()))
}

pub(super) async fn show(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<InvoiceId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    view.page(&show_page(&app, &caller, id, None).await?)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Why {
    pub(super) reason: String,
}

pub(super) async fn void(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<InvoiceId>,
    Form(Why { reason }): Form<Why>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let done = super::super::void(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &reason).await;
    answer((&app, &caller, &view), id, (done, "done-invoice-voided")).await
}

/// Back to the invoice with a sentence, or the page again with what is wrong with the reason.
pub(super) async fn answer(
    (app, caller, view): (&App, &Caller, &View),
    id: InvoiceId,
    (done, saying): (Result<(), InvoiceError>, &str),
) -> Result<Response, AppError> {
    match done {
        Ok(()) => Ok(view.go_saying(&format!("/invoices/{id}"), saying, [])),
        Err(InvoiceError::Refused(errors)) => {
            let reason = errors.iter().next().map(|(_, error)| error.clone());
            view.form_again(&show_page(app, caller, id, reason).await?)
        }
        Err(other) => Err(other.into()),
    }
}

async fn credit_page(
    app: &App,
    caller: &Caller,
    id: InvoiceId,
    form: FormView<CreditFields>,
) -> Result<CreditPage, AppError> {
    let invoice = invoice(app, caller, id).await?;
    let left = left(&invoice)?;
    Ok(CreditPage { sign: left.currency().sign().to_owned(), invoice: invoice.head, left, form })
}

pub(super) async fn credit_form(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<InvoiceId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let page = credit_page(&app, &caller, id, FormView::fresh(CreditFields::default())).await?;
    let amount = page.left.typed();
    view.page(&CreditPage {
        form: FormView { values: CreditFields { amount, ..page.form.values }, ..page.form },
        ..page
    })
}

pub(super) async fn credit(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<InvoiceId>,
    Form(typed): Form<CreditFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let of = invoice(&app, &caller, id).await?.head.total.currency();
    let mut check = Check::default();
    let amount = check.money("amount", &typed.amount, of);
    if !check.is_clean() && typed.reason.trim().is_empty() {
        check.refuse("reason", FieldError::new("required"));
    }
    let errors = if check.is_clean() {
        let form_id = FormView::again((), FormErrors::default(), &typed.form_id).form_id;
        let wish = Crediting { form_id, invoice: id, amount, reason: typed.reason.clone() };
        match super::super::credit(&app, &caller.sites, &Actor::of(&caller, view.ip()), &wish).await {
            Ok(note) => {
                let number = [("number", Arg::from(note.number.as_str()))];
                return Ok(view.go_saying(&format!("/invoices/{id}"), "done-invoice-credited", number));
            }
            Err(error) => fields(error)?,
        }
    } else {
        check.into_errors()
    };
    let form_id = typed.form_id.clone();
    view.form_again(&credit_page(&app, &caller, id, FormView::again(typed, errors, &form_id)).await?)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct On {
    format: String,
}

pub(super) async fn print(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<InvoiceId>,
    Query(on): Query<On>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let paper = match on.format.as_str() {
        "" => Paper::default(),
        text => Paper::parse(text).ok_or_else(|| refused("format", "not_offered"))?,
    };
    let invoice = invoice(&app, &caller, id).await?;
    let customer = owner(&app, invoice.head.customer_id).await?;
    let head = (address(&app, invoice.head.site_id).await?, letterhead(app.db.read()).await?);
    let how_to_pay = settings::load(app.db.read()).await?.billing.payment_instructions;
    let page = PaperPage::new(invoice, Whose::from(&customer), head, paper).paid_so(how_to_pay);
    on_paper(&view, customer.language, &page)
}

pub(super) async fn choose(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let found = if listing.q.is_empty() {
        Vec::new()
    } else {
        let filter = customers::Filter { q: listing.q.clone(), ..customers::Filter::default() };
        let page = crate::db::paging::PageOf::new(Some(OFFERED), None)?;
        customers::list(&app, &caller.sites, &filter, &page).await?.items.iter().map(Whose::from).collect()
    };
    view.page(&ChoosePage { q: listing.q, found })
}

async fn form_page(app: &App, customer: &Customer, form: FormView<ManualFields>) -> Result<FormPage, AppError> {
    let (settings, currency) = currency(app).await?;
    let has_room = form.values.text.len() < MAX_LINES;
    Ok(FormPage {
        whose: Whose::from(customer),
        form,
        is_taxable: settings.is_taxable,
        sign: currency.sign().to_owned(),
        has_room,
    })
}

pub(super) async fn form(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let customer = customer(&app, &caller, id).await?;
    let today = rules::today(app.clock.now(), customer.timezone.parse().unwrap_or(chrono_tz::Tz::UTC));
    let fields = ManualFields { due_on: today.to_string(), ..ManualFields::default() };
    view.page(&form_page(&app, &customer, FormView::fresh(fields.with_room(0))).await?)
}

pub(super) async fn make(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Form(typed): Form<ManualFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let customer = customer(&app, &caller, id).await?;
    let form_id = typed.form_id.clone();
    if !typed.more.is_empty() {
        let form = FormView::again(typed.with_room(MORE), FormErrors::default(), &form_id);
        return view.page(&form_page(&app, &customer, form).await?);
    }
    let (_, currency) = currency(&app).await?;
    let errors = match typed.form(currency) {
        Err(errors) => errors,
        Ok(form) => {
            let actor = Actor::of(&caller, view.ip());
            match super::super::create(&app, (&caller.sites, &actor), id, &form_id, &form).await {
                Ok(made) => return Ok(view.go_saying(&format!("/invoices/{made}"), "done-invoice-made", [])),
                Err(error) => fields(error)?,
            }
        }
    };
    view.form_again(&form_page(&app, &customer, FormView::again(typed.with_room(0), errors, &form_id)).await?)
}
