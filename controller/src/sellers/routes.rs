//! Pages of sellers.

use axum::{
    Router as Routes,
    extract::State,
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::{Form, Query};

use super::{
    SellerError,
    api::{Narrowed, with_admin},
    pages::{Fields, FormPage, ListPage, Row},
    rules,
};
use crate::{
    admins,
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::Listing,
        error::AppError,
        form::{Choice, FormView},
        locale::Arg,
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::SellerId,
    sites,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/sellers", get(list).post(add))
        .route("/sellers/new", get(add_form))
        .route("/sellers/{id}", get(change_form).post(change))
        .route("/sellers/{id}/archive", post(archive))
        .route("/sellers/{id}/restore", post(restore))
}

async fn site_choices(app: &App, caller: &Caller) -> Result<Vec<Choice>, AppError> {
    let sites = sites::all(app.db.read(), &caller.sites).await?;
    Ok(sites.into_iter().map(|site| Choice::new(site.id, site.name)).collect())
}

async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(narrowed): Query<Narrowed>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersSee)?;
    let filter = narrowed.filter(listing.q.clone())?;
    let page = super::list(app.db.read(), &caller.sites, &filter, &listing.page).await?;
    let sites = site_choices(&app, &caller).await?;
    let row = |seller: super::Seller| {
        let site = sites.iter().find(|site| site.value == seller.site_id.to_string());
        let site = site.map(|site| site.label.clone()).unwrap_or_default();
        Row::new(seller, site)
    };
    view.page(&ListPage {
        sellers: page.items.into_iter().map(row).collect(),
        q: listing.q,
        site_id: narrowed.site_id,
        archived: filter.archived,
        next: page.next_cursor,
        is_later: listing.is_later,
        may_manage: caller.may(Permission::VouchersManage),
        may_price: caller.may(Permission::PackagesManage),
        sites,
    })
}

async fn form_page(
    app: &App,
    caller: &Caller,
    id: Option<SellerId>,
    archived: bool,
    mut form: FormView<Fields>,
) -> Result<FormPage, AppError> {
    let sites = site_choices(app, caller).await?;
    // Where there is only one it need not be chosen.
    if let ([only], true) = (sites.as_slice(), form.values.site_id.is_empty()) {
        form.values.site_id.clone_from(&only.value);
    }
    let mut admins = Vec::new();
    if caller.may(Permission::AdminsManage) {
        let all = admins::list(app.db.read()).await?;
        admins = all.into_iter().map(|admin| Choice::new(admin.id, admin.username)).collect();
    }
    let levels = super::levels(app.db.read(), &caller.sites).await?;
    Ok(FormPage { id, form, sites, levels, admins, archived })
}

async fn add_form(State(app): State<App>, Signed(caller): Signed, view: View) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersManage)?;
    view.page(&form_page(&app, &caller, None, false, FormView::fresh(Fields::default())).await?)
}

async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersManage)?;
    let draft = fields.read().and_then(|form| with_admin(&caller, &form, None)).and_then(|form| rules::check(&form));
    let done = match draft {
        Ok(draft) => super::add(&app, &caller.sites, &Actor::of(&caller, view.ip()), &draft).await.map(|_| ()),
        Err(errors) => Err(SellerError::Refused(errors)),
    };
    answer(&app, &caller, &view, (None, false, fields), done).await
}

async fn change_form(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SellerId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersManage)?;
    let seller = super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let archived = seller.archived_at.is_some();
    view.page(&form_page(&app, &caller, Some(id), archived, FormView::fresh(Fields::of(seller))).await?)
}

async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SellerId>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersManage)?;
    let before = super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let form = fields.read().and_then(|form| with_admin(&caller, &form, Some(&before)));
    let done = match form.and_then(|form| rules::check(&form)) {
        Ok(draft) => super::change(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &draft).await,
        Err(errors) => Err(SellerError::Refused(errors)),
    };
    answer(&app, &caller, &view, (Some(id), before.archived_at.is_some(), fields), done).await
}

/// Back to the list, or the form again with what is wrong.
async fn answer(
    app: &App,
    caller: &Caller,
    view: &View,
    (id, archived, fields): (Option<SellerId>, bool, Fields),
    done: Result<(), SellerError>,
) -> Result<Response, AppError> {
    match done {
        Ok(()) => {
            let name = Arg::from(fields.name.trim());
            Ok(view.go_saying("/sellers", "done-seller-saved", [("name", name)]))
        }
        Err(SellerError::Refused(errors)) => {
            let form_id = fields.form_id.clone();
            view.form_again(&form_page(app, caller, id, archived, FormView::again(fields, errors, &form_id)).await?)
        }
        Err(other) => Err(other.into()),
    }
}

async fn archive(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SellerId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersManage)?;
    super::archive(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, true).await?;
    Ok(view.go_saying("/sellers", "done-seller-archived", []))
}

async fn restore(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SellerId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersManage)?;
    super::archive(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, false).await?;
    Ok(view.go_saying("/sellers", "done-seller-restored", []))
}
