//! The page of sessions.

use std::collections::BTreeMap;

use axum::{Router as Routes, extract::State, response::Response, routing::get};
use axum_extra::extract::Query;
use serde::Deserialize;

use super::{
    Filter, Session,
    pages::{Chosen, Line, ListPage},
};
use crate::{
    app::App,
    http::{
        access::Permission,
        api::{Listing, service_of},
        error::AppError,
        form::Choice,
        session::Signed,
        view::View,
    },
    ids::RouterId,
    routers::{self, Place},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/sessions", get(list))
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    router_id: String,
    #[serde(default)]
    service: String,
    #[serde(default)]
    show: String,
}

async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SessionsSee)?;
    listing.page.after_id()?;
    let show = if asked.show == "all" { "all" } else { "open" }.to_owned();
    let filter = Filter {
        router: asked.router_id.parse().ok().map(RouterId),
        service: service_of(Some(&asked.service))?,
        open: show == "open",
        q: listing.q.clone(),
    };
    let page = super::list(app.db.read(), &caller.sites, &filter, &listing.page).await?;
    let places = routers::places(app.db.read(), &caller.sites).await?;
    let label = |place: &Place| Choice::new(place.id, format!("{} · {}", place.site, place.name));
    let choices = places.iter().map(label).collect();
    let places: BTreeMap<RouterId, Place> = places.into_iter().map(|place| (place.id, place)).collect();
    let now = app.clock.now();
    let line = |session: Session| {
        // A router that was removed has no place any more.
        let place = places.get(&session.router_id).cloned();
        let place = place.map_or_else(
            || ("–".to_owned(), "–".to_owned(), "UTC".to_owned()),
            |place| (place.name, place.site, place.timezone),
        );
        Line::of(session, place, now)
    };
    view.page(&ListPage {
        lines: page.items.into_iter().map(line).collect(),
        next: page.next_cursor,
        is_later: listing.is_later,
        routers: choices,
        asked: Chosen { q: listing.q, service: asked.service, router_id: asked.router_id, show },
    })
}
