//! What goes on behind the pages: background jobs looked at and put back to work, the history of the event stream.
//!
//! Jobs and events themselves stand below the features and know nobody; here are only the doors to them.

pub(crate) mod api;
pub(crate) mod events_api;
pub(crate) mod pages;
pub(crate) mod routes;

use sea_orm::DbErr;

use crate::{
    app::App,
    audit::{self, Actor, Deed},
    ids::JobId,
    jobs,
};

/// Puts a parked job back to work. False: there is no such job, or it is not parked.
///
/// # Errors
/// The database's.
pub async fn retry_job(app: &App, actor: &Actor, id: JobId) -> Result<bool, DbErr> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    if !jobs::retry(&*tx, now, id.0).await? {
        return Ok(false);
    }
    let deed = Deed { action: "job.retry", object: format!("job/{id}"), site: None, detail: serde_json::json!({}) };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    Ok(true)
}
