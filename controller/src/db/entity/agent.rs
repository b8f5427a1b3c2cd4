//! `agent`: the agent of a router: its identity, and how far it is.

use sea_orm::entity::prelude::*;

/// The agent of a router: its identity, and how far it is.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "agent")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub router_id: i64,
    pub secret: Vec<u8>,
    pub state: String,
    pub version: String,
    pub caps: Json,
    pub fingerprint: Json,
    pub enrolled_at: DateTimeUtc,
    pub approved_at: Option<DateTimeUtc>,
    pub online: bool,
    pub online_since: Option<DateTimeUtc>,
    pub last_seen_at: Option<DateTimeUtc>,
    pub conn: i64,
    pub have_rev: i64,
    pub cseq: i64,
    pub alert: String,
}

impl ActiveModelBehavior for ActiveModel {}
