//! The dashboard's page.

use axum::{Router as Routes, extract::State, response::Response, routing::get};
use axum_extra::extract::Query;
use serde::Deserialize;

use super::{board, pages::DashboardPage, setup, sites_of};
use crate::{
    app::App,
    http::{access::Permission, error::AppError, form::Choice, session::Signed, view::View},
    ids::SiteId,
    routers::Presence,
    sites::Site,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/dashboard", get(show))
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    site_id: String,
}

async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    caller.allow(Permission::DashboardSee)?;
    let all = sites_of(&app, &caller).await?;
    let site = asked.site_id.parse().ok().map(SiteId);
    let chosen: Vec<Site> = all.iter().filter(|own| site.is_none_or(|site| own.id == site)).cloned().collect();
    let board = board(&app, &caller, (&caller.sites.only(site), &chosen)).await?;
    let setup = if site.is_none() { setup(&app, &caller, &board.routers, &all).await? } else { None };
    view.page(&DashboardPage {
        sites: all.iter().map(|site| Choice::new(site.id, site.name.clone())).collect(),
        site,
        active: board.active,
        today: board.today,
        business: board.business,
        may_see_profit: caller.may(Permission::CostsSee),
        may_see_vouchers: caller.may(Permission::VouchersSee),
        online: board.routers.iter().filter(|line| line.router.presence == Presence::Online).count(),
        routers: board.routers,
        activations: board.activations,
        setup,
    })
}
