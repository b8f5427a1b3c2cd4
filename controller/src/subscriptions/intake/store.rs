//! Many subscriptions on their way in: their lines, sealed, and who is meant by them.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait as _, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use super::{ColumnUse, Intake, Kind, Line, Place, RowError, State, rules::Usual};
use crate::{
    audit::Actor,
    db::{
        entity::{customer, customer_phone, site, subscription_intake, subscription_intake_row},
        paging::{PageOf, Paged},
    },
    http::access::Scope,
    ids::{AdminId, CustomerId, IntakeId, PackageId, RouterId, SiteId, SubscriptionId},
    sealed::Keys,
};

/// Where cells are sealed for.
const CELLS_PLACE: &str = "subscription_intake.cells";
/// Rows of one INSERT, and ids of one IN.
const CHUNK: usize = 200;
/// As stored.
const TAKEOVER: &str = "takeover";
const NEW: &str = "new";

/// Many to be kept.
pub(super) struct New<'a> {
    pub(super) form_id: &'a str,
    pub(super) place: Place,
    pub(super) usual: &'a Usual,
    pub(super) file_name: &'a str,
    pub(super) found: &'a str,
    pub(super) columns: &'a [ColumnUse],
    pub(super) actor: &'a Actor,
    pub(super) now: DateTime<Utc>,
}

fn damaged(error: &dyn std::fmt::Display) -> DbErr {
    DbErr::Custom(format!("subscription intake: {error}"))
}

fn json<T: serde::Serialize>(value: &T) -> Result<serde_json::Value, DbErr> {
    serde_json::to_value(value).map_err(|error| damaged(&error))
}

fn of_json<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T, DbErr> {
    serde_json::from_value(value).map_err(|error| damaged(&error))
}

pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    new: &New<'_>,
    lines: &[Line],
) -> Result<IntakeId, DbErr> {
    use subscription_intake::{ActiveModel, Entity};
    let (good, bad) = counts(lines);
    let row = ActiveModel {
        form_id: Set(new.form_id.to_owned()),
        site_id: Set(new.usual.site.0),
        router_id: Set(new.place.router.0),
        package_id: Set(new.place.package.0),
        kind: Set(if new.usual.kind == Kind::Takeover { TAKEOVER } else { NEW }.to_owned()),
        file_name: Set(new.file_name.to_owned()),
        found: Set(new.found.to_owned()),
        columns: Set(json(&new.columns)?),
        starts_on: Set(new.usual.starts_on),
        adopts: Set(new.usual.adopts),
        state: Set(State::Ready.as_str().to_owned()),
        good: Set(good),
        bad: Set(bad),
        done: Set(0),
        failure: Set(String::new()),
        created_by: Set(new.actor.admin.map(|admin| admin.0)),
        created_name: Set(new.actor.name.clone()),
        created_at: Set(new.now),
        finished_at: Set(None),
        ..Default::default()
    };
    let id = IntakeId(Entity::insert(row).exec(tx).await?.last_insert_id);
    insert_lines(tx, keys, id, lines).await?;
    Ok(id)
}

async fn insert_lines(tx: &impl ConnectionTrait, keys: &Keys, id: IntakeId, lines: &[Line]) -> Result<(), DbErr> {
    for chunk in lines.chunks(CHUNK) {
        let mut rows = Vec::with_capacity(chunk.len());
        for line in chunk {
            rows.push(subscription_intake_row::ActiveModel {
                intake_id: Set(id.0),
                line: Set(line.line),
                is_good: Set(line.errors.is_empty()),
                cells: Set(keys.seal(CELLS_PLACE, json(&line.cells)?.to_string().as_bytes())),
                errors: Set(json(&line.errors)?),
                is_on_router: Set(line.is_on_router),
                subscription_id: Set(None),
            });
        }
        subscription_intake_row::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Keeps lines that were checked anew, with other users taken over. False: it was said yes to meanwhile.
pub(super) async fn check_anew(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    id: IntakeId,
    (adopts, lines): (bool, &[Line]),
) -> Result<bool, DbErr> {
    use subscription_intake::{ActiveModel, Column, Entity};
    use subscription_intake_row::{Column as Row, Entity as Rows};
    let (good, bad) = counts(lines);
    let row = ActiveModel { adopts: Set(adopts), good: Set(good), bad: Set(bad), ..Default::default() };
    let ready = Entity::update_many().set(row).filter(Column::Id.eq(id.0));
    let moved = ready.filter(Column::State.eq(State::Ready.as_str())).exec(tx).await?;
    if moved.rows_affected != 1 {
        return Ok(false);
    }
    Rows::delete_many().filter(Row::IntakeId.eq(id.0)).exec(tx).await?;
    insert_lines(tx, keys, id, lines).await?;
    Ok(true)
}

/// Lines whose users are on the router already.
pub(super) async fn on_router(db: &impl ConnectionTrait, id: IntakeId) -> Result<u64, DbErr> {
    use subscription_intake_row::{Column, Entity};
    Entity::find().filter(Column::IntakeId.eq(id.0)).filter(Column::IsOnRouter.eq(true)).count(db).await
}

/// Lines that come in, and those that stay out.
fn counts(lines: &[Line]) -> (i32, i32) {
    let good = lines.iter().filter(|line| line.errors.is_empty()).count();
    (i32::try_from(good).unwrap_or(i32::MAX), i32::try_from(lines.len() - good).unwrap_or(i32::MAX))
}

fn scoped(scope: &Scope) -> Select<subscription_intake::Entity> {
    use subscription_intake::{Column, Entity};
    match scope {
        Scope::All => Entity::find(),
        Scope::Sites(sites) => Entity::find().filter(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    }
}

pub(super) async fn of_form(
    db: &impl ConnectionTrait,
    scope: &Scope,
    form_id: &str,
) -> Result<Option<IntakeId>, DbErr> {
    use subscription_intake::Column;
    let query = scoped(scope).select_only().column(Column::Id).filter(Column::FormId.eq(form_id));
    Ok(query.into_tuple::<i64>().one(db).await?.map(IntakeId))
}

pub(super) async fn find(db: &impl ConnectionTrait, scope: &Scope, id: IntakeId) -> Result<Option<Intake>, DbErr> {
    let row = scoped(scope).filter(subscription_intake::Column::Id.eq(id.0)).one(db).await?;
    Ok(with_sites(db, row.into_iter().collect()).await?.pop())
}

pub(super) async fn list(db: &impl ConnectionTrait, scope: &Scope, page: &PageOf) -> Result<Paged<Intake>, DbErr> {
    use subscription_intake::Column;
    let mut query = scoped(scope).order_by_desc(Column::Id).limit(page.limit() + 1);
    if let Ok(Some(after)) = page.after_id() {
        query = query.filter(Column::Id.lt(after));
    }
    let rows = with_sites(db, query.all(db).await?).await?;
    Ok(page.cut(rows, |intake| intake.id.to_string()))
}

async fn with_sites(db: &impl ConnectionTrait, rows: Vec<subscription_intake::Model>) -> Result<Vec<Intake>, DbErr> {
    let ids = rows.iter().map(|row| row.site_id);
    let sites = site::Entity::find().filter(site::Column::Id.is_in(ids)).all(db).await?;
    let whole = |row: subscription_intake::Model| {
        let place = sites.iter().find(|site| site.id == row.site_id);
        Ok(Intake {
            id: IntakeId(row.id),
            site_id: SiteId(row.site_id),
            site: place.map(|site| site.name.clone()).unwrap_or_default(),
            timezone: place.map_or_else(|| "UTC".to_owned(), |site| site.timezone.clone()),
            router_id: RouterId(row.router_id),
            package_id: PackageId(row.package_id),
            is_takeover: row.kind == TAKEOVER,
            adopts: row.adopts,
            file_name: row.file_name,
            found: row.found,
            columns: of_json(row.columns)?,
            starts_on: row.starts_on,
            state: State::parse(&row.state).unwrap_or(State::Ready),
            good: row.good,
            bad: row.bad,
            done: row.done,
            failure: row.failure,
            created_by: row.created_by.map(AdminId),
            created_name: row.created_name,
            created_at: row.created_at,
            finished_at: row.finished_at,
        })
    };
    rows.into_iter().map(whole).collect()
}

/// Lines after a line: those in order, those with errors, or all.
pub(super) async fn lines(
    db: &impl ConnectionTrait,
    keys: &Keys,
    id: IntakeId,
    is_good: Option<bool>,
    (after, limit): (i32, u64),
) -> Result<Vec<Line>, DbErr> {
    use subscription_intake_row::{Column, Entity};
    let mut query = Entity::find().filter(Column::IntakeId.eq(id.0)).filter(Column::Line.gt(after));
    if let Some(is_good) = is_good {
        query = query.filter(Column::IsGood.eq(is_good));
    }
    let rows = query.order_by_asc(Column::Line).limit(limit).all(db).await?;
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let bytes = keys.open(CELLS_PLACE, &row.cells).map_err(|error| damaged(&error))?;
        lines.push(Line {
            line: row.line,
            cells: serde_json::from_slice(&bytes).map_err(|error| damaged(&error))?,
            errors: of_json(row.errors)?,
            is_on_router: row.is_on_router,
            subscription_id: row.subscription_id.map(SubscriptionId),
        });
    }
    Ok(lines)
}

/// Moves one on, if it is where it is thought to be. False: it is not.
pub(super) async fn move_on(tx: &impl ConnectionTrait, id: IntakeId, from: State, to: State) -> Result<bool, DbErr> {
    use subscription_intake::{ActiveModel, Column, Entity};
    let row = ActiveModel { state: Set(to.as_str().to_owned()), failure: Set(String::new()), ..Default::default() };
    let moved = Entity::update_many().set(row).filter(Column::Id.eq(id.0)).filter(Column::State.eq(from.as_str()));
    Ok(moved.exec(tx).await?.rows_affected == 1)
}

/// A line that stays out after all.
pub(super) async fn spoil(
    tx: &impl ConnectionTrait,
    id: IntakeId,
    line: i32,
    errors: &[RowError],
) -> Result<(), DbErr> {
    use subscription_intake_row::{ActiveModel, Column, Entity};
    let row = ActiveModel { is_good: Set(false), errors: Set(json(&errors)?), ..Default::default() };
    let one = Entity::update_many().set(row).filter(Column::IntakeId.eq(id.0)).filter(Column::Line.eq(line));
    one.exec(tx).await.map(|_| ())
}

/// What a line became.
pub(super) async fn set_made(
    tx: &impl ConnectionTrait,
    id: IntakeId,
    line: i32,
    subscription: SubscriptionId,
) -> Result<(), DbErr> {
    use subscription_intake_row::{ActiveModel, Column, Entity};
    let row = ActiveModel { subscription_id: Set(Some(subscription.0)), ..Default::default() };
    let one = Entity::update_many().set(row).filter(Column::IntakeId.eq(id.0)).filter(Column::Line.eq(line));
    one.exec(tx).await.map(|_| ())
}

/// How many came, and how many stayed out.
pub(super) async fn set_counts(
    tx: &impl ConnectionTrait,
    id: IntakeId,
    (done, good, bad): (i32, i32, i32),
    finished_at: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    use subscription_intake::{ActiveModel, Column, Entity};
    let state = if finished_at.is_some() { State::Done } else { State::Queued };
    let row = ActiveModel {
        done: Set(done),
        good: Set(good),
        bad: Set(bad),
        finished_at: Set(finished_at),
        state: Set(state.as_str().to_owned()),
        failure: Set(String::new()),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(id.0)).exec(tx).await.map(|_| ())
}

pub(super) async fn fail(tx: &impl ConnectionTrait, id: IntakeId, why: &str) -> Result<(), DbErr> {
    use subscription_intake::{ActiveModel, Column, Entity};
    let row = ActiveModel { failure: Set(why.to_owned()), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id.0)).exec(tx).await.map(|_| ())
}

/// What lines became.
pub(super) async fn made(db: &impl ConnectionTrait, id: IntakeId) -> Result<Vec<SubscriptionId>, DbErr> {
    use subscription_intake_row::{Column, Entity};
    let query = Entity::find()
        .select_only()
        .column(Column::SubscriptionId)
        .filter(Column::IntakeId.eq(id.0))
        .filter(Column::SubscriptionId.is_not_null())
        .order_by_asc(Column::Line);
    let ids: Vec<Option<i64>> = query.into_tuple().all(db).await?;
    Ok(ids.into_iter().flatten().map(SubscriptionId).collect())
}

/// Customers of a site who are there, by their numbers.
pub(super) async fn customers_of_numbers(
    db: &impl ConnectionTrait,
    site: SiteId,
    numbers: &BTreeSet<String>,
) -> Result<HashMap<String, CustomerId>, DbErr> {
    use customer::{Column, Entity};
    let numbers: Vec<&String> = numbers.iter().collect();
    let mut found = HashMap::new();
    for chunk in numbers.chunks(CHUNK) {
        let query = Entity::find()
            .select_only()
            .columns([Column::Number, Column::Id])
            .filter(Column::SiteId.eq(site.0))
            .filter(Column::DeletedAt.is_null())
            .filter(Column::Number.is_in(chunk.iter().map(|number| number.as_str())));
        let rows: Vec<(String, i64)> = query.into_tuple().all(db).await?;
        found.extend(rows.into_iter().map(|(number, id)| (number, CustomerId(id))));
    }
    Ok(found)
}

/// Customers of a site who are there, by their telephone numbers.
pub(super) async fn customers_of_phones(
    db: &impl ConnectionTrait,
    site: SiteId,
    phones: &BTreeSet<String>,
) -> Result<HashMap<String, CustomerId>, DbErr> {
    let phones: Vec<&String> = phones.iter().collect();
    let mut found = HashMap::new();
    for chunk in phones.chunks(CHUNK) {
        use customer_phone::{Column, Entity};
        let query = Entity::find()
            .select_only()
            .columns([Column::E164, Column::CustomerId])
            .filter(Column::E164.is_in(chunk.iter().map(|phone| phone.as_str())));
        let rows: Vec<(String, i64)> = query.into_tuple().all(db).await?;
        let ids: BTreeSet<i64> = rows.iter().map(|(_, id)| *id).collect();
        let there: Vec<i64> = customer::Entity::find()
            .select_only()
            .column(customer::Column::Id)
            .filter(customer::Column::Id.is_in(ids))
            .filter(customer::Column::SiteId.eq(site.0))
            .filter(customer::Column::DeletedAt.is_null())
            .into_tuple()
            .all(db)
            .await?;
        let known: BTreeSet<i64> = there.into_iter().collect();
        let of_site = rows.into_iter().filter(|(_, id)| known.contains(id));
        found.extend(of_site.map(|(phone, id)| (phone, CustomerId(id))));
    }
    Ok(found)
}

/// Forgets the lines of those that are older, and those that were never taken.
pub(super) async fn purge(tx: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<u64, DbErr> {
    use subscription_intake::{Column, Entity};
    use subscription_intake_row::{Column as Row, Entity as Rows};
    let over = [State::Ready.as_str(), State::Done.as_str()];
    let query = Entity::find().select_only().column(Column::Id).filter(Column::CreatedAt.lt(before));
    let ids: Vec<i64> = query.filter(Column::State.is_in(over)).into_tuple().all(tx).await?;
    let mut deleted = 0;
    for chunk in ids.chunks(CHUNK) {
        let lines = Rows::delete_many().filter(Row::IntakeId.is_in(chunk.iter().copied()));
        deleted += lines.exec(tx).await?.rows_affected;
        let never = Entity::delete_many().filter(Column::Id.is_in(chunk.iter().copied()));
        never.filter(Column::State.eq(State::Ready.as_str())).exec(tx).await?;
    }
    Ok(deleted)
}
