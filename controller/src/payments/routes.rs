//! The pages of payments: searching, taking, showing, taking back.

use axum::{
    Router as Routes,
    extract::{Path, State as Of},
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::{Form, Query};
use serde::Deserialize;

use super::{
    Asked, Method, PaymentError, Refunding, Taken, Using, Wish, of_amount,
    pages::{
        DueLine, FORMATS, Fields, LOOSE, PayPage, PrintPage, Proposal, ProposalPart, Proposed, RefundFields,
        ReverseFields, SearchPage, Service, ShowPage,
    },
    take::{Preview, due_of},
};
use crate::{
    app::App,
    audit::Actor,
    customers,
    http::{
        access::Permission,
        api::Listing,
        error::AppError,
        form::{Check, FieldError, FormErrors, FormView},
        session::{Caller, Signed},
        view::View,
    },
    ids::{CustomerId, PaymentId},
    invoices,
    ledger::{
        aging::local_day,
        allocation::{Due, Settlement},
    },
    money::{Currency, Money},
    settings::{self, letterhead::letterhead},
    subscriptions,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .merge(super::list_routes::routes())
        .merge(super::renew_routes::routes())
        .route("/payments/new", get(search))
        .route("/customers/{id}/pay", get(pay_form).post(pay))
        .route("/customers/{id}/pay/proposal", get(proposal))
        .route("/customers/{id}/credit/use", post(use_credit))
        .route("/customers/{id}/credit/refund", post(refund))
        .route("/payments/{id}", get(show))
        .route("/payments/{id}/reverse", post(reverse))
        .route("/payments/{id}/print", get(print).post(count_print))
}

pub(super) async fn currency(app: &App) -> Result<Currency, AppError> {
    Ok(Currency::parse(&settings::load(app.db.read()).await?.currency).unwrap_or(Currency::IDR))
}

async fn search(Of(app): Of<App>, Signed(caller): Signed, view: View, listing: Listing) -> Result<Response, AppError> {
    caller.allow(Permission::PaymentsTake)?;
    let found = super::search(&app, &caller.sites, &listing.q).await?;
    view.page(&SearchPage { q: listing.q, found })
}

/// An invoice whose page the payment was begun from.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Begun {
    invoice: Vec<String>,
}

async fn pay_form(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Query(begun): Query<Begun>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PaymentsTake)?;
    let mut page = pay_page(&app, &caller, id, None).await?;
    if let Some(line) = begun.invoice.first().and_then(|value| page.due.iter_mut().find(|line| line.value == *value)) {
        line.is_chosen = true;
        page.form.values.given = line.remaining.typed();
        page.form.values.invoice.clone_from(&begun.invoice);
    }
    page.proposal = propose(&app, id, &page.form.values, &page.due).await?;
    view.page(&page)
}

/// The page; `None` = with a fresh form over all that is due.
async fn pay_page(
    app: &App,
    caller: &Caller,
    id: CustomerId,
    form: Option<FormView<Fields>>,
) -> Result<PayPage, AppError> {
    let db = app.db.read();
    let customer = customers::find(db, &app.keys, &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let currency = currency(app).await?;
    let (due, balance) = due_of(db, id, currency, false).await?;
    let total = due.iter().try_fold(Money::new(0, currency), |sum, due| sum.plus(due.remaining));
    let total = total.map_err(|error| AppError::Internal(error.into()))?;
    let form = form.unwrap_or_else(|| FormView::fresh(Fields::fresh(total)));
    let today = local_day(app.clock.now(), customer.timezone.parse().unwrap_or(chrono_tz::UTC));
    let open = invoices::open_of(db, id).await?;
    let line = |due: &Due| {
        let invoice = open.iter().find(|open| Some(open.id) == due.invoice);
        let value = due.invoice.map_or_else(|| LOOSE.to_owned(), |id| id.to_string());
        DueLine {
            number: invoice.map(|invoice| invoice.number.clone()).unwrap_or_default(),
            due_on: invoice.map(|invoice| invoice.due_on),
            is_late: invoice.is_none_or(|invoice| invoice.due_on < today),
            total: invoice.map_or(due.remaining, |invoice| invoice.total),
            remaining: due.remaining,
            is_chosen: form.values.invoice.contains(&value),
            value,
        }
    };
    let mut sorted: Vec<&Due> = due.iter().collect();
    sorted.sort_by_key(|due| (due.due_on, due.invoice));
    Ok(PayPage {
        services: services(app, id).await?,
        due: sorted.into_iter().map(line).collect(),
        total,
        balance,
        form,
        proposal: None,
        refund: FormView::fresh(RefundFields::default()),
        currency_sign: currency.sign().to_owned(),
        may_refund: caller.may(Permission::PaymentsReverse),
        customer,
    })
}

async fn services(app: &App, id: CustomerId) -> Result<Vec<Service>, AppError> {
    let all = subscriptions::of_customer(app.db.read(), id).await?;
    let line = |service: subscriptions::Subscription| Service {
        id: service.id,
        state: service.state.as_str(),
        waits: service.on_router.waits(),
        number: service.number,
        package: service.package,
        username: service.username,
    };
    Ok(all.into_iter().map(line).collect())
}

/// What the form would do as it stands; nothing while it cannot be read.
async fn propose(app: &App, id: CustomerId, fields: &Fields, lines: &[DueLine]) -> Result<Option<Proposal>, AppError> {
    let currency = currency(app).await?;
    let Ok(take) = fields.take(id, currency) else { return Ok(None) };
    let Preview { due, booked, .. } = super::preview(app, &take).await?;
    let none = Money::new(0, currency);
    let left = due.iter().try_fold(none, |sum, due| sum.plus(due.remaining));
    let (settlement, change, errors) = match booked {
        Ok(booked) => (booked.settlement, booked.change, FormErrors::default()),
        Err(errors) => (Settlement::to_credit(none), none, errors),
    };
    let mut proposal = Proposal {
        shares: Vec::new(),
        change,
        to_credit: settlement.rest,
        left: left.map_err(|error| AppError::Internal(error.into()))?,
        errors,
    };
    for share in settlement.shares {
        let of = due.iter().find(|due| due.invoice == share.invoice).map_or(share.amount, |due| due.remaining);
        let value = share.invoice.map_or_else(|| LOOSE.to_owned(), |id| id.to_string());
        let number = lines.iter().find(|line| line.value == value).map(|line| line.number.clone());
        let minus = |from: Money| from.minus(share.amount).map_err(|error| AppError::Internal(error.into()));
        proposal.left = minus(proposal.left)?;
        let left = minus(of)?;
        proposal.shares.push(Proposed { number: number.unwrap_or_default(), amount: share.amount, left });
    }
    Ok(Some(proposal))
}

async fn proposal(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Query(fields): Query<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PaymentsTake)?;
    let page = pay_page(&app, &caller, id, None).await?;
    view.page(&ProposalPart { proposal: propose(&app, id, &fields, &page.due).await? })
}

async fn pay(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PaymentsTake)?;
    let taken = match fields.take(id, currency(&app).await?) {
        Err(errors) => Err(errors),
        // Without scripts it is calculated first.
        Ok(_) if !fields.preview.is_empty() => {
            let form = FormView::again(fields.clone(), FormErrors::default(), &fields.form_id);
            let mut page = pay_page(&app, &caller, id, Some(form)).await?;
            page.proposal = propose(&app, id, &fields, &page.due).await?;
            return view.page(&page);
        }
        Ok(take) => book(&app, (&caller, &view), &fields.form_id, &Wish::Take(take)).await?,
    };
    match taken {
        Ok(Taken { id, again }) => Ok(view.go(&format!("/payments/{id}?{}=1", if again { "again" } else { "new" }))),
        Err(errors) => {
            let form_id = fields.form_id.clone();
            let mut page = pay_page(&app, &caller, id, Some(FormView::again(fields, errors, &form_id))).await?;
            page.proposal = propose(&app, id, &page.form.values, &page.due).await?;
            view.form_again(&page)
        }
    }
}

/// Books a wish. What a form is shown again with stays apart from what it cannot help.
async fn book(
    app: &App,
    (caller, view): (&Caller, &View),
    form_id: &str,
    wish: &Wish,
) -> Result<Result<Taken, FormErrors>, AppError> {
    let actor = Actor::of(caller, view.ip());
    match super::book(app, &Asked { scope: &caller.sites, actor: &actor, form_id }, wish).await {
        Ok(taken) => Ok(Ok(taken)),
        Err(PaymentError::Refused(errors)) => Ok(Err(errors)),
        Err(other) => Err(other.into()),
    }
}

async fn use_credit(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Form(fields): Form<RefundFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PaymentsTake)?;
    let using = Using { customer: id, at_most: None, choices: Vec::new(), note: String::new() };
    match book(&app, (&caller, &view), &fields.form_id, &Wish::UseCredit(using)).await? {
        Ok(Taken { id, .. }) => Ok(view.go(&format!("/payments/{id}?new=1"))),
        Err(errors) => refund_again(&app, &caller, &view, id, (fields, errors)).await,
    }
}

async fn refund(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Form(fields): Form<RefundFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PaymentsReverse)?;
    let mut check = Check::default();
    let method = check.choice("method", &fields.method, Method::of_money);
    let amount = check.money("amount", &fields.amount, currency(&app).await?);
    let done = match (method, amount) {
        (Some(method), Some(amount)) => {
            let refunding = Refunding { customer: id, method, amount, note: fields.note.clone() };
            book(&app, (&caller, &view), &fields.form_id, &Wish::Refund(refunding)).await?
        }
        _ => Err(check.into_errors()),
    };
    match done {
        Ok(Taken { id, .. }) => Ok(view.go(&format!("/payments/{id}?new=1"))),
        Err(errors) => refund_again(&app, &caller, &view, id, (fields, errors)).await,
    }
}

async fn refund_again(
    app: &App,
    caller: &Caller,
    view: &View,
    id: CustomerId,
    (fields, errors): (RefundFields, FormErrors),
) -> Result<Response, AppError> {
    let form_id = fields.form_id.clone();
    let mut page = pay_page(app, caller, id, None).await?;
    page.proposal = propose(app, id, &page.form.values, &page.due).await?;
    page.refund = FormView::again(fields, of_amount(&errors), &form_id);
    view.form_again(&page)
}

/// How one came to the page of a payment.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Came {
    new: String,
    again: String,
}

async fn show_page(
    app: &App,
    caller: &Caller,
    id: PaymentId,
    came: &Came,
    form: FormView<ReverseFields>,
) -> Result<ShowPage, AppError> {
    let receipt = super::receipt(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let may_reverse = caller.may(Permission::PaymentsReverse) && receipt.payment.reversed_at.is_none();
    Ok(ShowPage {
        is_new: !came.new.is_empty(),
        is_again: !came.again.is_empty(),
        may_reverse,
        may_take: caller.may(Permission::PaymentsTake),
        sees_ledger: caller.allow_everywhere(Permission::LedgerSee).is_ok(),
        receipt,
        form,
    })
}

async fn show(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PaymentId>,
    Query(came): Query<Came>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    view.page(&show_page(&app, &caller, id, &came, FormView::fresh(ReverseFields::default())).await?)
}

async fn reverse(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PaymentId>,
    Form(fields): Form<ReverseFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PaymentsReverse)?;
    let actor = Actor::of(&caller, view.ip());
    let errors = match super::reverse(&app, &caller.sites, &actor, id, &fields.reason).await {
        Ok(()) => return Ok(view.go_saying(&format!("/payments/{id}"), "done-payment-reversed", [])),
        Err(PaymentError::Refused(errors)) => errors,
        Err(PaymentError::CreditSpent) => FormErrors::of("", FieldError::new("credit_spent")),
        Err(PaymentError::Reversed) => FormErrors::of("", FieldError::new("payment_reversed")),
        Err(other) => return Err(other.into()),
    };
    let form = FormView::again(fields, errors, "");
    view.form_again(&show_page(&app, &caller, id, &Came::default(), form).await?)
}

/// Which paper, and the how many-th print it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Paper {
    format: String,
    copy: i32,
}

impl Paper {
    fn format(&self) -> Result<&'static str, AppError> {
        let known = FORMATS.into_iter().find(|format| *format == self.format);
        known.ok_or_else(|| FormErrors::of("format", FieldError::new("not_offered")).into())
    }
}

/// Counts the print, then shows it: a page that is loaded again is no further print.
async fn count_print(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PaymentId>,
    Form(paper): Form<Paper>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let format = paper.format()?;
    let copy = super::printed(&app, &caller.sites, id).await?;
    Ok(view.go(&format!("/payments/{id}/print?format={format}&copy={copy}")))
}

async fn print(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PaymentId>,
    Query(paper): Query<Paper>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let receipt = super::receipt(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let head = (app.brand.name().to_string(), letterhead(app.db.read()).await?);
    view.page(&PrintPage::new(receipt, head, paper.format()?, paper.copy))
}
