//! What agents' reports do to sessions. Many at once: a site's evening is thousands of logins a minute.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hiji_shared::{event::Event, event::Logout, uplink::Metrics};
use sea_orm::DbErr;

use super::store::{self, Ended, Seen};
use crate::{
    app::App,
    db::Tx,
    events::{self, BusinessEvent},
    ids::{RouterId, SiteId},
    mqtt::report::Reported,
};

/// Applies logins and logouts. A login and its logout in one batch become one row.
///
/// # Errors
/// The database's.
pub async fn apply(tx: &Tx, app: &App, reports: &[Reported]) -> Result<(), DbErr> {
    let now = app.clock.now();
    let mut sessions: BTreeMap<(RouterId, String), Seen> = BTreeMap::new();
    let mut touched: BTreeMap<(RouterId, SiteId), (u32, u32)> = BTreeMap::new();
    for report in reports {
        let counts = (report.router, report.site);
        if let Event::SessionLogin { session, .. } = &report.event {
            let started_at = instant(session.started_ts).unwrap_or(report.at);
            let seen = Seen { router: report.router, session: session.clone(), started_at, ended: None, seen_at: now };
            sessions.entry((report.router, session.sid.clone())).or_insert(seen);
            touched.entry(counts).or_default().0 += 1;
        } else if let Event::SessionLogout(logout) = &report.event {
            let key = (report.router, logout.session.sid.clone());
            sessions.insert(key, ended(report, logout, now));
            touched.entry(counts).or_default().1 += 1;
        }
    }
    let (open, close): (Vec<Seen>, Vec<Seen>) = sessions.into_values().partition(|seen| seen.ended.is_none());
    store::open(&**tx, &open).await?;
    store::close(&**tx, &close).await?;
    for ((router_id, site), (opened, closed)) in touched {
        let event = BusinessEvent::SessionsChanged { router_id, opened, closed };
        events::record(&**tx, now, Some(site), &event).await?;
    }
    Ok(())
}

fn ended(report: &Reported, logout: &Logout, now: DateTime<Utc>) -> Seen {
    let narrow = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Seen {
        router: report.router,
        session: logout.session.clone(),
        started_at: instant(logout.session.started_ts).unwrap_or(report.at),
        ended: Some(Ended {
            at: instant(logout.ended_ts).unwrap_or(report.at),
            uptime_secs: narrow(logout.uptime_secs),
            bytes_in: narrow(logout.bytes_in),
            bytes_out: narrow(logout.bytes_out),
            reason: logout.reason.clone(),
        }),
        seen_at: now,
    }
}

/// Counters of open sessions; latest wins, nothing is owed.
///
/// # Errors
/// The database's.
pub async fn metrics(tx: &Tx, app: &App, router: RouterId, metrics: &Metrics) -> Result<(), DbErr> {
    let now = app.clock.now();
    let narrow = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    for (sid, uptime, bytes_in, bytes_out) in &metrics.sessions {
        let counters = (sid.as_str(), narrow(*uptime), narrow(*bytes_in), narrow(*bytes_out));
        store::count(&**tx, router, now, counters).await?;
    }
    Ok(())
}

fn instant(ms: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(ms).filter(|at| at.timestamp() > 0)
}
