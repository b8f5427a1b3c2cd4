//! The voucher, and its batch of one, that takes another's place.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveModelTrait as _, ActiveValue::NotSet, ConnectionTrait, DbErr, EntityTrait};

use super::{
    super::{PASSWORD_PLACE, Status, life::Allowance, wanted::Login},
    Known,
};
use crate::{
    db::entity::{voucher, voucher_batch},
    ids::{AdminId, BatchId, VoucherId},
    money::Money,
    sealed::Keys,
};

/// What the new one is beside the old one.
#[derive(Debug)]
pub(in super::super) struct Replacement<'a> {
    pub(in super::super) number: &'a str,
    pub(in super::super) form_id: String,
    pub(in super::super) login: &'a Login,
    pub(in super::super) allowance: Allowance,
    pub(in super::super) valid_until: Option<DateTime<Utc>>,
    /// Cost and the seller's price go over as well.
    pub(in super::super) keeps_price: bool,
    pub(in super::super) price: Money,
    pub(in super::super) created_by: Option<AdminId>,
    pub(in super::super) now: DateTime<Utc>,
}

pub(in super::super) async fn insert_replacement(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    old: &Known,
    new: &Replacement<'_>,
) -> Result<(BatchId, VoucherId), DbErr> {
    let found = voucher_batch::Entity::find_by_id(old.batch.0).one(tx).await?;
    let before = found.ok_or_else(|| DbErr::RecordNotFound(format!("batch {}", old.batch)))?;
    let Allowance { online_secs, active_secs, limit_bytes, activate_before } = new.allowance;
    let money = |amount: i64| if new.keeps_price { amount } else { 0 };
    let batch = voucher_batch::Model {
        id: 0,
        number: new.number.to_owned(),
        origin: "reissue".to_owned(),
        printed: 0,
        form_id: new.form_id.clone(),
        count: 1,
        applied: 0,
        failed: 0,
        note: old.login.code.clone(),
        price: new.price.minor(),
        cost: money(old.row.cost),
        net_price: money(old.row.net_price),
        seller_id: old.row.seller_id,
        online_secs,
        active_secs,
        limit_bytes,
        activate_before,
        created_by: new.created_by.map(|admin| admin.0),
        created_at: new.now,
        ..before
    };
    let mut batch = voucher_batch::ActiveModel::from(batch).reset_all();
    batch.id = NotSet;
    let batch_id = voucher_batch::Entity::insert(batch).exec(tx).await?.last_insert_id;
    let row = voucher::Model {
        id: 0,
        batch_id,
        number: 1,
        code: new.login.code.clone(),
        password: new.login.password.as_ref().map(|text| keys.seal(PASSWORD_PLACE, text.as_bytes())),
        status: Status::Draft.as_str().to_owned(),
        price: new.price.minor(),
        cost: money(old.row.cost),
        net_price: money(old.row.net_price),
        sold_at: None,
        sold_by: None,
        online_secs,
        active_secs,
        limit_bytes,
        activate_before,
        blocked_at: None,
        block_reason: String::new(),
        moves: 0,
        replaces_id: Some(old.id.0),
        replaced_by_id: None,
        removed_at: None,
        first_login_at: None,
        valid_until: new.valid_until,
        ended_at: None,
        end_reason: String::new(),
        mac: String::new(),
        address: String::new(),
        uptime_secs: 0,
        bytes_in: 0,
        bytes_out: 0,
        failure: String::new(),
        estimated: false,
        created_at: new.now,
        ..old.row.clone()
    };
    let mut row = voucher::ActiveModel::from(row).reset_all();
    row.id = NotSet;
    let id = voucher::Entity::insert(row).exec(tx).await?.last_insert_id;
    Ok((BatchId(batch_id), VoucherId(id)))
}
