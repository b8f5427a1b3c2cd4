//! Queries of what is printed, what was printed, and what somebody likes to print.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect,
    Select,
    sea_query::{Expr, OnConflict},
};

use super::{Part, Preference, Printed, Which, cells::Row, format::Format};
use crate::{
    db::entity::{
        print_preference, voucher,
        voucher_batch::{self, Entity as Batches},
        voucher_print::{ActiveModel, Column, Entity, Model},
    },
    http::access::Scope,
    ids::{AdminId, BatchId, LayoutId, VoucherId},
    money::{Currency, Money},
    sealed::Keys,
    vouchers::{self, Status},
};

/// Prints of a batch that are told.
const MAX_HISTORY: u64 = 50;

/// The vouchers of one batch that a print takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) batch: BatchId,
    pub(super) first: i32,
    pub(super) last: i32,
    pub(super) count: i64,
    /// Some have a sell-by date or a quota.
    pub(super) has_more: bool,
}

/// A print to be recorded.
#[derive(Debug)]
pub(super) struct NewPrint<'a> {
    pub(super) key: &'a str,
    pub(super) what: &'static str,
    pub(super) format: Format,
    pub(super) layout: Option<LayoutId>,
    pub(super) unproven: bool,
    pub(super) reason: &'a str,
    pub(super) admin: Option<AdminId>,
    pub(super) admin_name: &'a str,
    pub(super) now: DateTime<Utc>,
}

/// The vouchers meant, as far as they can be sold: nothing that is over, blocked, or refused by the router.
fn meant(scope: &Scope, which: &Which, unproven: bool) -> Select<voucher::Entity> {
    use voucher::Column as V;
    let mut query = voucher::Entity::find();
    if let Scope::Sites(sites) = scope {
        query = query.filter(V::SiteId.is_in(sites.iter().map(|site| site.0)));
    }
    let unsold = match which {
        Which::Batch { id, part } => {
            query = query.filter(V::BatchId.eq(id.0));
            if let Part::Range(first, last) = part {
                query = query.filter(V::Number.between(*first, *last));
            }
            *part == Part::Unsold
        }
        Which::Chosen(ids) => {
            query = query.filter(V::Id.is_in(ids.iter().map(|id| id.0)));
            false
        }
    };
    let mut statuses = vec![Status::Ready.as_str()];
    if unsold {
        query = query.filter(V::SoldAt.is_null());
    } else {
        statuses.push(Status::Active.as_str());
    }
    let mut proven = Condition::any().add(V::Status.is_in(statuses));
    if unproven {
        proven = proven.add(Condition::all().add(V::Status.eq(Status::Draft.as_str())).add(V::Failure.eq("")));
    }
    query.filter(proven)
}

/// How many vouchers a print takes, batch by batch.
pub(super) async fn taken(
    db: &impl ConnectionTrait,
    scope: &Scope,
    which: &Which,
    unproven: bool,
) -> Result<Vec<Taken>, DbErr> {
    use voucher::Column as V;
    let rows: Vec<(i64, i32, i32, i64, i64, i64)> = meant(scope, which, unproven)
        .select_only()
        .column(V::BatchId)
        .column_as(V::Number.min(), "first")
        .column_as(V::Number.max(), "last")
        .column_as(V::Id.count(), "n")
        .column_as(V::ActivateBefore.count(), "dated")
        .column_as(V::LimitBytes.count(), "limited")
        .group_by(V::BatchId)
        .order_by_asc(V::BatchId)
        .into_tuple()
        .all(db)
        .await?;
    let taken = |(batch, first, last, count, dated, limited)| Taken {
        batch: BatchId(batch),
        first,
        last,
        count,
        has_more: dated > 0 || limited > 0,
    };
    Ok(rows.into_iter().map(taken).collect())
}

/// The batches of chosen vouchers, in whatever state these are.
pub(super) async fn batches_of(
    db: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[VoucherId],
) -> Result<Vec<BatchId>, DbErr> {
    let mut query = voucher::Entity::find().filter(voucher::Column::Id.is_in(ids.iter().map(|id| id.0)));
    if let Scope::Sites(sites) = scope {
        query = query.filter(voucher::Column::SiteId.is_in(sites.iter().map(|site| site.0)));
    }
    let rows: Vec<i64> = query.select_only().column(voucher::Column::BatchId).distinct().into_tuple().all(db).await?;
    Ok(rows.into_iter().map(BatchId).collect())
}

/// Some vouchers of a print, in the order they are printed, after the last of the page before.
pub(super) async fn rows(
    db: &impl ConnectionTrait,
    keys: &Keys,
    scope: &Scope,
    (which, unproven): (&Which, bool),
    (after, limit): (i64, usize),
) -> Result<Vec<Row>, DbErr> {
    let rows = meant(scope, which, unproven)
        .filter(voucher::Column::Id.gt(after))
        .order_by_asc(voucher::Column::Id)
        .limit(u64::try_from(limit).unwrap_or(u64::MAX))
        .all(db)
        .await?;
    rows.into_iter()
        .map(|row| {
            let currency = Currency::parse(&row.currency).unwrap_or(Currency::IDR);
            let password = row.password.as_deref();
            Ok(Row {
                id: VoucherId(row.id),
                batch: BatchId(row.batch_id),
                number: row.number,
                password: password.map(|sealed| vouchers::password(keys, VoucherId(row.id), sealed)).transpose()?,
                code: row.code,
                price: Money::new(row.price, currency),
                online_secs: row.online_secs,
                active_secs: row.active_secs,
                limit_bytes: row.limit_bytes,
                activate_before: row.activate_before,
            })
        })
        .collect()
}

/// Counts a print of a batch. Waits for others that do the same, so that what follows sees theirs.
pub(super) async fn count_up(tx: &impl ConnectionTrait, batch: BatchId) -> Result<(), DbErr> {
    use voucher_batch::Column as B;
    Batches::update_many()
        .col_expr(B::Printed, Expr::col(B::Printed).add(1))
        .filter(B::Id.eq(batch.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// The ranges of a batch that were printed, as they were recorded.
pub(super) async fn ranges(tx: &impl ConnectionTrait, batch: BatchId) -> Result<Vec<(i32, i32)>, DbErr> {
    Entity::find()
        .select_only()
        .columns([Column::FirstNumber, Column::LastNumber])
        .filter(Column::BatchId.eq(batch.0))
        .into_tuple()
        .all(tx)
        .await
}

pub(super) async fn insert(tx: &impl ConnectionTrait, taken: Taken, new: &NewPrint<'_>) -> Result<(), DbErr> {
    let row = ActiveModel {
        batch_id: Set(taken.batch.0),
        key: Set(new.key.to_owned()),
        what: Set(new.what.to_owned()),
        first_number: Set(taken.first),
        last_number: Set(taken.last),
        count: Set(i32::try_from(taken.count).unwrap_or(i32::MAX)),
        format: Set(new.format.as_str().to_owned()),
        layout_id: Set(new.layout.map(|id| id.0)),
        unproven: Set(new.unproven),
        reason: Set(new.reason.to_owned()),
        admin_id: Set(new.admin.map(|id| id.0)),
        admin_name: Set(new.admin_name.to_owned()),
        at: Set(new.now),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The prints of one key, a batch each.
pub(super) async fn of_key(db: &impl ConnectionTrait, key: &str) -> Result<Vec<Printed>, DbErr> {
    let rows = Entity::find().filter(Column::Key.eq(key)).order_by_asc(Column::Id).all(db).await?;
    Ok(rows.into_iter().map(Printed::from).collect())
}

/// The prints of a batch, newest first.
pub(super) async fn history(db: &impl ConnectionTrait, batch: BatchId) -> Result<Vec<Printed>, DbErr> {
    let query = Entity::find().filter(Column::BatchId.eq(batch.0)).order_by_desc(Column::Id).limit(MAX_HISTORY);
    Ok(query.all(db).await?.into_iter().map(Printed::from).collect())
}

/// The batch a form made, when the caller may see it.
pub(super) async fn batch_of_form(
    db: &impl ConnectionTrait,
    scope: &Scope,
    form_id: &str,
) -> Result<Option<BatchId>, DbErr> {
    let mut query = Batches::find().filter(voucher_batch::Column::FormId.eq(form_id));
    if let Scope::Sites(sites) = scope {
        query = query.filter(voucher_batch::Column::SiteId.is_in(sites.iter().map(|site| site.0)));
    }
    let id: Option<i64> = query.select_only().column(voucher_batch::Column::Id).into_tuple().one(db).await?;
    Ok(id.map(BatchId))
}

pub(super) async fn preference(db: &impl ConnectionTrait, admin: AdminId) -> Result<Preference, DbErr> {
    let row = print_preference::Entity::find_by_id(admin.0).one(db).await?;
    Ok(row.map_or_else(Preference::default, |row| Preference {
        format: Format::parse(&row.format).unwrap_or_default(),
        roll: Format::parse(&row.roll).unwrap_or(Format::Thermal58),
        opens: row.opens,
    }))
}

pub(super) async fn set_preference(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    admin: AdminId,
    preference: Preference,
) -> Result<(), DbErr> {
    use print_preference::Column as P;
    let row = print_preference::ActiveModel {
        admin_id: Set(admin.0),
        format: Set(preference.format.as_str().to_owned()),
        roll: Set(preference.roll.as_str().to_owned()),
        opens: Set(preference.opens),
        updated_at: Set(now),
    };
    print_preference::Entity::insert(row)
        .on_conflict(
            OnConflict::column(P::AdminId).update_columns([P::Format, P::Roll, P::Opens, P::UpdatedAt]).to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

impl From<Model> for Printed {
    fn from(row: Model) -> Self {
        Self {
            id: row.key,
            batch_id: BatchId(row.batch_id),
            what: row.what,
            first: row.first_number,
            last: row.last_number,
            count: row.count,
            format: row.format,
            layout_id: row.layout_id.map(LayoutId),
            unproven: row.unproven,
            reason: row.reason,
            admin_id: row.admin_id.map(AdminId),
            by: row.admin_name,
            at: row.at,
        }
    }
}
