//! `voucher_history`: what happened to a voucher beside what its own columns tell.

use sea_orm::entity::prelude::*;

/// What happened to a voucher beside what its own columns tell.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "voucher_history")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub batch_id: i64,
    pub voucher_id: i64,
    pub at: DateTimeUtc,
    /// `block`, `unblock`, `extend`, `void`, `reissue`, `move`, `kick`, `bound`, `restored`.
    pub what: String,
    pub actor: String,
    pub reason: String,
    pub detail: Json,
}

impl ActiveModelBehavior for ActiveModel {}
