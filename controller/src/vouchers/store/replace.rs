//! Vouchers, and the batch of theirs, that take others' places.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::NotSet, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::{
    super::{PASSWORD_PLACE, Status, life::Allowance, wanted::Login},
    CHUNK, Known,
};
use crate::{
    db::entity::{voucher, voucher_batch},
    ids::{AdminId, BatchId, VoucherId},
    sealed::Keys,
};

/// What the new batch is beside the one whose vouchers it replaces.
#[derive(Debug)]
pub(in super::super) struct Successor<'a> {
    pub(in super::super) number: &'a str,
    pub(in super::super) form_id: String,
    pub(in super::super) note: &'a str,
    /// Price, cost and the seller's price go over; otherwise they were paid with the old ones, and these are free.
    pub(in super::super) keeps_price: bool,
    pub(in super::super) created_by: Option<AdminId>,
    pub(in super::super) now: DateTime<Utc>,
}

/// A voucher that takes another's place, with what is left of it.
pub(in super::super) struct Replacement<'a> {
    pub(in super::super) old: &'a Known,
    pub(in super::super) login: Login,
    pub(in super::super) allowance: Allowance,
}

/// Makes the batch and its vouchers, all of whose old ones are of one batch; the ids in the order given.
pub(in super::super) async fn insert_replacements(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    successor: &Successor<'_>,
    replacements: &[Replacement<'_>],
) -> Result<(BatchId, Vec<VoucherId>), DbErr> {
    let Some(first) = replacements.first() else {
        return Err(DbErr::Custom("a batch takes the place of at least one voucher".to_owned()));
    };
    let found = voucher_batch::Entity::find_by_id(first.old.batch.0).one(tx).await?;
    let before = found.ok_or_else(|| DbErr::RecordNotFound(format!("batch {}", first.old.batch)))?;
    let batch_id = insert_batch(tx, before, successor, replacements).await?;
    for (number, chunk) in (0..).step_by(CHUNK).zip(replacements.chunks(CHUNK)) {
        let rows = (number + 1..).zip(chunk).map(|(number, each)| row(keys, (batch_id, number), successor, each));
        voucher::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    let ids: Vec<i64> = voucher::Entity::find()
        .select_only()
        .column(voucher::Column::Id)
        .filter(voucher::Column::BatchId.eq(batch_id.0))
        .order_by_asc(voucher::Column::Number)
        .into_tuple()
        .all(tx)
        .await?;
    Ok((batch_id, ids.into_iter().map(VoucherId).collect()))
}

async fn insert_batch(
    tx: &impl ConnectionTrait,
    before: voucher_batch::Model,
    successor: &Successor<'_>,
    replacements: &[Replacement<'_>],
) -> Result<BatchId, DbErr> {
    let money = |amount: i64| if successor.keeps_price { amount } else { 0 };
    // One voucher says its own terms; of many each says its own, and the batch what they were made with.
    let terms = match replacements {
        [only] => only.allowance.clone(),
        _ => Allowance {
            online_secs: before.online_secs,
            active_secs: before.active_secs,
            limit_bytes: before.limit_bytes,
            activate_before: before.activate_before,
        },
    };
    let batch = voucher_batch::Model {
        id: 0,
        number: successor.number.to_owned(),
        origin: "reissue".to_owned(),
        printed: 0,
        form_id: successor.form_id.clone(),
        count: i32::try_from(replacements.len()).unwrap_or(i32::MAX),
        applied: 0,
        failed: 0,
        note: successor.note.to_owned(),
        price: money(before.price),
        cost: money(before.cost),
        net_price: money(before.net_price),
        online_secs: terms.online_secs,
        active_secs: terms.active_secs,
        limit_bytes: terms.limit_bytes,
        activate_before: terms.activate_before,
        created_by: successor.created_by.map(|admin| admin.0),
        created_at: successor.now,
        ..before
    };
    let mut batch = voucher_batch::ActiveModel::from(batch).reset_all();
    batch.id = NotSet;
    Ok(BatchId(voucher_batch::Entity::insert(batch).exec(tx).await?.last_insert_id))
}

fn row(
    keys: &Keys,
    (batch_id, number): (BatchId, i32),
    successor: &Successor<'_>,
    new: &Replacement<'_>,
) -> voucher::ActiveModel {
    let Replacement { old, login, allowance } = new;
    let money = |amount: i64| if successor.keeps_price { amount } else { 0 };
    // Who bought the old one has the new one: it is sold as the old one was.
    let row = voucher::Model {
        id: 0,
        batch_id: batch_id.0,
        number,
        code: login.code.clone(),
        password: login.password.as_ref().map(|text| keys.seal(PASSWORD_PLACE, text.as_bytes())),
        status: Status::Draft.as_str().to_owned(),
        price: money(old.row.price),
        cost: money(old.row.cost),
        net_price: money(old.row.net_price),
        online_secs: allowance.online_secs,
        active_secs: allowance.active_secs,
        limit_bytes: allowance.limit_bytes,
        activate_before: allowance.activate_before,
        blocked_at: None,
        block_reason: String::new(),
        moves: 0,
        replaces_id: Some(old.id.0),
        replaced_by_id: None,
        removed_at: None,
        first_login_at: None,
        valid_until: old.life.valid_until,
        ended_at: None,
        end_reason: String::new(),
        mac: String::new(),
        address: String::new(),
        uptime_secs: 0,
        bytes_in: 0,
        bytes_out: 0,
        failure: String::new(),
        estimated: false,
        created_at: successor.now,
        ..old.row.clone()
    };
    let mut row = voucher::ActiveModel::from(row).reset_all();
    row.id = NotSet;
    row
}
