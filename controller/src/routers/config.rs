//! Settings that agents know: told at their hello, and again when they change while the agent is connected.

use std::collections::HashMap;

use chrono::Offset as _;
use hiji_shared::{
    command::AgentConfig,
    topic::{Down, Topic},
};
use sea_orm::DbErr;

use super::store::AgentRow;
use crate::{
    app::App,
    http::access::Scope,
    ids::SiteId,
    settings::{self, Settings},
    sites::{self, Site},
};

/// The settings of an agent.
///
/// # Errors
/// The database's.
pub(crate) async fn of_agent(app: &App, row: &AgentRow) -> Result<AgentConfig, DbErr> {
    let db = app.db.read();
    let site = sites::find(db, &Scope::All, row.site).await?;
    Ok(config(app, &settings::load(db).await?, site.as_ref()))
}

fn config(app: &App, settings: &Settings, site: Option<&Site>) -> AgentConfig {
    let now = app.clock.now();
    let local = site.map(|site| now.with_timezone(&site.zone()));
    AgentConfig {
        rev: now.timestamp_millis().unsigned_abs(),
        voucher_marker: settings.voucher_marker.clone(),
        pppoe_marker: settings.pppoe_marker.clone(),
        utc_offset_secs: local.as_ref().map_or(0, |local| local.offset().fix().local_minus_utc()),
        zone: local.map(|local| local.format("%Z").to_string()).unwrap_or_default(),
        brand: settings.company_name.clone(),
        cleanup_days: site.map_or(Some(0), |site| site.cleanup_days.map(i32::unsigned_abs)),
        ..AgentConfig::default()
    }
}

/// Tells connected agents their settings. One that misses it hears it at its next hello.
///
/// # Errors
/// The database's, the broker's.
pub(super) async fn tell(app: &App, online: &[AgentRow]) -> anyhow::Result<()> {
    let db = app.db.read();
    let settings = settings::load(db).await?;
    let sites: HashMap<SiteId, Site> =
        sites::all(db, &Scope::All).await?.into_iter().map(|site| (site.id, site)).collect();
    for row in online {
        let config = config(app, &settings, sites.get(&row.site));
        let topic = Topic::Down(row.id.clone(), Down::Config);
        app.bus.publish(&topic, serde_json::to_vec(&config)?, false).await?;
    }
    Ok(())
}
