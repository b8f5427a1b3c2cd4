//! The query of a guest's code.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
};

use super::super::{Status, lookup::Looked};
use crate::{
    db::entity::voucher::{Column, Entity},
    ids::{RouterId, SiteId},
};

#[derive(Debug, FromQueryResult)]
struct Row {
    site_id: i64,
    router_id: i64,
    code: String,
    status: String,
    end_reason: String,
    first_login_at: Option<DateTime<Utc>>,
    valid_until: Option<DateTime<Utc>>,
    active_secs: Option<i64>,
    activate_before: Option<DateTime<Utc>>,
    online_secs: Option<i64>,
    limit_bytes: Option<i64>,
    uptime_secs: i64,
    bytes_in: i64,
    bytes_out: i64,
}

pub(in super::super) async fn by_code(
    db: &impl ConnectionTrait,
    code: &str,
    site: Option<SiteId>,
    limit: u64,
) -> Result<Vec<Looked>, DbErr> {
    let mut query = Entity::find()
        .select_only()
        .columns([
            Column::SiteId,
            Column::RouterId,
            Column::Code,
            Column::Status,
            Column::EndReason,
            Column::FirstLoginAt,
            Column::ValidUntil,
            Column::ActiveSecs,
            Column::ActivateBefore,
            Column::OnlineSecs,
            Column::LimitBytes,
            Column::UptimeSecs,
            Column::BytesIn,
            Column::BytesOut,
        ])
        .filter(Column::Code.is_in([code.to_owned(), code.to_uppercase()]))
        .order_by_desc(Column::Id)
        .limit(limit);
    if let Some(site) = site {
        query = query.filter(Column::SiteId.eq(site.0));
    }
    let rows = query.into_model::<Row>().all(db).await?;
    let looked = |row: Row| Looked {
        site: SiteId(row.site_id),
        router: RouterId(row.router_id),
        code: row.code,
        status: Status::parse(&row.status).unwrap_or(Status::Draft),
        end_reason: row.end_reason,
        first_login_at: row.first_login_at,
        valid_until: row.valid_until,
        active_secs: row.active_secs,
        activate_before: row.activate_before,
        online_secs: row.online_secs,
        limit_bytes: row.limit_bytes,
        uptime_secs: row.uptime_secs,
        bytes: row.bytes_in.saturating_add(row.bytes_out),
    };
    Ok(rows.into_iter().map(looked).collect())
}
