//! The page of the search.

use std::collections::BTreeSet;

use axum::{Router as Routes, extract::State, response::Response, routing::get};
use axum_extra::extract::Query;
use chrono::{DateTime, Utc};

use super::{
    COUNTED, Found, PART_WINDOW, SearchError, VoucherLine, monitor,
    pages::{Line, SearchPage, sorts, statuses},
    query::{Typed, bad_cursor},
    rules::Meaning,
};
use crate::{
    app::App,
    db::paging::Paged,
    http::{
        access::Permission,
        error::AppError,
        form::{Choice, FormErrors},
        session::{Caller, Signed},
        view::View,
    },
    packages::{self, SoldAs},
    routers::Place,
    sellers,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/vouchers/search", get(search)).route("/vouchers/monitor", get(monitor::show))
}

/// Vouchers as lines, as the caller may see them.
pub(super) async fn lines_of(
    app: &App,
    caller: &Caller,
    vouchers: Vec<VoucherLine>,
    now: DateTime<Utc>,
) -> Result<Vec<Line>, AppError> {
    let codes: BTreeSet<_> = vouchers.iter().map(|voucher| (voucher.router_id, voucher.code.clone())).collect();
    let online = super::online(app, &codes).await?;
    let sells = caller.may(Permission::VouchersSell);
    let line = |voucher: VoucherLine| {
        let is_online = online.contains(&(voucher.router_id, voucher.code.clone()));
        let password = voucher.password.clone().filter(|_| sells);
        Line::of(VoucherLine { password, ..voucher }, is_online, now)
    };
    Ok(vouchers.into_iter().map(line).collect())
}

pub(super) fn place_choices(places: &[Place]) -> Vec<Choice> {
    places.iter().map(|place| Choice::new(place.id, format!("{} · {}", place.site, place.name))).collect()
}

pub(super) fn site_choices(places: &[Place]) -> Vec<Choice> {
    let mut sites: Vec<Choice> = Vec::new();
    for place in places {
        let site = Choice::new(place.site_id, place.site.clone());
        if !sites.contains(&site) {
            sites.push(site);
        }
    }
    sites
}

async fn package_choices(app: &App, caller: &Caller) -> Result<Vec<Choice>, AppError> {
    let names = packages::names(app.db.read(), &caller.sites, SoldAs::Voucher).await?;
    Ok(names.into_iter().map(|(id, name)| Choice::new(id, name)).collect())
}

async fn seller_choices(app: &App, caller: &Caller) -> Result<Vec<Choice>, AppError> {
    let names = sellers::names(app.db.read(), &caller.sites).await?;
    Ok(names.into_iter().map(|(id, name)| Choice::new(id, name)).collect())
}

async fn search(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(typed): Query<Typed>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersSee)?;
    let places = super::places(&app, &caller.sites).await?;
    let (search, mut errors) = typed.search(&places);
    let mut found = None;
    if errors.is_empty() {
        found = match of_page(&app, &caller, &search, &typed).await? {
            Ok(found) => Some(found),
            Err(refused) => {
                errors = refused;
                None
            }
        };
    }
    let now = app.clock.now();
    let empty = Paged { items: Vec::new(), next_cursor: None };
    let Found { page, meaning, is_partly, total } =
        found.unwrap_or(Found { page: empty, meaning: Meaning::Nothing, is_partly: false, total: None });
    let page = SearchPage {
        has_filters: typed.has_filters(),
        lines: lines_of(&app, &caller, page.items, now).await?,
        meaning,
        total,
        counted: COUNTED,
        is_partly,
        window: PART_WINDOW,
        statuses: statuses(),
        sorts: sorts(),
        sites: site_choices(&places),
        routers: place_choices(&places),
        packages: package_choices(&app, &caller).await?,
        sellers: seller_choices(&app, &caller).await?,
        query: typed.link(),
        next: page.next_cursor,
        is_later: typed.is_later(),
        typed,
        errors,
        now,
    };
    if page.errors.is_empty() { view.page(&page) } else { view.form_again(&page) }
}

/// The page a query asks for, or what is wrong with it.
async fn of_page(
    app: &App,
    caller: &Caller,
    search: &super::Search,
    typed: &Typed,
) -> Result<Result<Found<VoucherLine>, FormErrors>, AppError> {
    let page = match typed.page(super::LINES) {
        Ok(page) => page,
        Err(refused) => return Ok(Err(refused)),
    };
    match super::lines(app, &caller.sites, search, &page).await {
        Ok(found) => Ok(Ok(found)),
        Err(SearchError::BadCursor) => Ok(Err(bad_cursor())),
        Err(SearchError::Db(error)) => Err(error.into()),
    }
}
