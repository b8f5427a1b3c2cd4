//! What ends next: the page a seller leaves open. Active vouchers by their end with a countdown, what just ended, who is
//! online.

use axum::{extract::State, response::Response};
use axum_extra::extract::Query;
use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{
    pages::MonitorPage,
    query::{Typed, bad_cursor},
    routes::{lines_of, place_choices, site_choices},
    rules::{Search, Sort, Span, midnight},
};
use crate::{
    app::App,
    clock,
    http::{access::Permission, error::AppError, session::Signed, view::View},
    vouchers::Status,
};

/// "Within the hour".
const HOUR_SECS: i64 = 3_600;
/// "Just ended".
const RECENT_SECS: i64 = 86_400;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Show {
    /// Everything that has an end, the next one first.
    #[default]
    Soon,
    Hour,
    Today,
    /// With an open session.
    Online,
    /// No clock ends them.
    Endless,
    /// Ended within a day.
    Ended,
}

impl Show {
    pub(crate) const ALL: [Self; 6] = [Self::Soon, Self::Hour, Self::Today, Self::Online, Self::Endless, Self::Ended];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Soon => "soon",
            Self::Hour => "hour",
            Self::Today => "today",
            Self::Online => "online",
            Self::Endless => "endless",
            Self::Ended => "ended",
        }
    }

    fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|known| known.as_str() == text).unwrap_or_default()
    }

    /// Narrows a search to it. Pure.
    fn narrow(self, search: &mut Search, now: DateTime<Utc>, zone: Tz) {
        search.statuses = vec![Status::Active];
        match self {
            Self::Soon => search.sort = Some(Sort::ValidUntil),
            Self::Hour => {
                search.until = Span::Between(None, Some(now + clock::seconds(HOUR_SECS)));
                search.sort = Some(Sort::ValidUntil);
            }
            Self::Today => {
                let tomorrow = (now.with_timezone(&zone) + Duration::days(1)).date_naive();
                search.until = Span::Between(None, midnight(tomorrow, zone));
                search.sort = Some(Sort::ValidUntil);
            }
            Self::Online => search.online = true,
            Self::Endless => search.endless = true,
            Self::Ended => {
                search.statuses = vec![Status::Expired, Status::UsedUp];
                search.ended = Span::Between(Some(now - clock::seconds(RECENT_SECS)), None);
                search.sort = Some(Sort::Ended);
            }
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    show: String,
}

/// `GET /vouchers/monitor`.
pub(super) async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(asked): Query<Asked>,
    Query(typed): Query<Typed>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersSee)?;
    let places = super::places(&app, &caller.sites).await?;
    let show = Show::parse(&asked.show);
    let now = app.clock.now();
    let kept = Typed {
        q: typed.q.clone(),
        router_id: typed.router_id.clone(),
        site_id: typed.site_id.clone(),
        ..Typed::default()
    };
    let (mut search, mut errors) = kept.search(&places);
    let site_zone = places.iter().find(|place| Some(place.site_id) == search.site);
    let zone =
        site_zone.and_then(|place| place.timezone.parse().ok()).unwrap_or(super::zone_of(&places, search.router));
    show.narrow(&mut search, now, zone);
    let mut found = None;
    if errors.is_empty() {
        match typed.page(super::LINES) {
            Ok(page) => match super::lines(&app, &caller.sites, &search, &page).await {
                Ok(page) => found = Some(page),
                Err(super::SearchError::BadCursor) => errors = bad_cursor(),
                Err(super::SearchError::Db(error)) => return Err(error.into()),
            },
            Err(refused) => errors = refused,
        }
    }
    let (items, next) = found.map_or_else(Default::default, |found| (found.page.items, found.page.next_cursor));
    let page = MonitorPage {
        lines: lines_of(&app, &caller, items, now).await?,
        show: show.as_str(),
        shows: Show::ALL.map(Show::as_str).to_vec(),
        router_id: typed.router_id.clone(),
        site_id: typed.site_id.clone(),
        q: typed.q.clone(),
        routers: place_choices(&places),
        sites: site_choices(&places),
        next,
        is_later: typed.is_later(),
        now,
        errors,
    };
    if page.errors.is_empty() { view.page(&page) } else { view.form_again(&page) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn today_ends_when_the_sites_day_does() {
        let now = "2026-11-22T16:30:00Z".parse().unwrap();
        let mut search = Search::default();
        Show::Today.narrow(&mut search, now, Tz::Asia__Jayapura);
        let Span::Between(None, Some(end)) = search.until else { panic!("{search:?}") };
        assert_eq!(end.to_rfc3339(), "2026-11-23T15:00:00+00:00");
    }

    #[test]
    fn what_nobody_knows_shows_what_ends_next() {
        assert_eq!(Show::parse("nonsense"), Show::Soon);
        assert!(Show::ALL.into_iter().all(|show| Show::parse(show.as_str()) == show));
    }
}
