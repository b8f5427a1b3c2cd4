//! What guests see without signing in: `/v` tells how a voucher stands, as far as hiji has heard from its router.
//!
//! Everything that is no voucher of hiji's is one and the same answer after one and the same time. The site's own agent
//! answers the same questions when the site has no internet (`agent/src/status`).

pub(crate) mod pages;
pub(crate) mod routes;
pub mod rules;

use sea_orm::DbErr;

use crate::{
    app::App,
    http::access::Scope,
    ids::SiteId,
    monitoring,
    routers::{self, Presence},
    sites,
    vouchers::{self, Looked},
};
use pages::Card;

/// How the vouchers of a code stand: of one site, or of all that have it.
///
/// # Errors
/// The database's.
pub(crate) async fn look_up(app: &App, code: &str, site: Option<SiteId>) -> Result<Vec<Card>, DbErr> {
    let db = app.db.read();
    let mut cards = Vec::new();
    for looked in vouchers::by_code(db, code, site).await? {
        let used = monitoring::use_of(db, looked.router, &looked.code).await?;
        let router = routers::find(db, &Scope::All, looked.router).await?;
        let Some(site) = sites::find(db, &Scope::All, looked.site).await? else { continue };
        // What a connected router says is known at once; of another one only what it said last.
        let heard_at = router.and_then(|router| match router.presence {
            Presence::Online => Some(app.clock.now()),
            Presence::New | Presence::Waiting | Presence::RouterDown | Presence::Offline => router.last_seen_at,
        });
        cards.push(card(&looked, &used, (app, site), heard_at));
    }
    Ok(cards)
}

fn card(
    looked: &Looked,
    used: &monitoring::Use,
    (app, site): (&App, sites::Site),
    heard_at: Option<chrono::DateTime<chrono::Utc>>,
) -> Card {
    let now = app.clock.now();
    Card {
        standing: rules::standing(looked, used, now),
        valid_until: looked.valid_until,
        active_secs: looked.active_secs,
        activate_before: looked.activate_before.filter(|_| looked.first_login_at.is_none()),
        heard_at,
        site: site.name,
        timezone: site.timezone,
    }
}
