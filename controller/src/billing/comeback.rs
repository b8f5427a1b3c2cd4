//! Right after a start every router is offline for some seconds, until its agent has come back. That is no outage: what
//! spares routers that are away waits for them.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;

use super::store;
use crate::{app::App, clock};

/// Nobody is waited for longer: agents try again every 15 seconds at least.
const AT_MOST_SECS: i64 = 60;
/// It is looked again so often.
const LOOK_SECS: i64 = 2;
/// Whose agent was connected so shortly before the start is expected back.
const SEEN_SECS: i64 = 600;

/// When to look again, while an agent that was connected before this process began is on its way back; nothing when
/// nobody is waited for.
///
/// # Errors
/// The database's.
pub(super) async fn look_again(app: &App) -> Result<Option<DateTime<Utc>>, DbErr> {
    let now = app.clock.now();
    if now >= app.started_at + clock::seconds(AT_MOST_SECS) {
        return Ok(None);
    }
    let since = app.started_at - clock::seconds(SEEN_SECS);
    let is_one_away = store::is_one_away(app.db.read(), since).await?;
    Ok(is_one_away.then(|| now + clock::seconds(LOOK_SECS)))
}
