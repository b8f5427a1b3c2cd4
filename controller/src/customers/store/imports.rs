//! Lists of customers on their way in.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::Expr,
};

use super::{
    super::import::{ColumnUse, Import, ImportState, Line},
    CHUNK,
};
use crate::{
    db::{
        entity::{customer_import, customer_import_row, site},
        paging::{PageOf, Paged},
    },
    http::access::Scope,
    ids::{AdminId, CustomerImportId, SiteId},
    sealed::Keys,
    tables::RowError,
};

/// Where cells of lists are sealed for.
const CELLS_PLACE: &str = "customer_import.cells";

/// A list to be kept.
#[derive(Debug)]
pub(in super::super) struct NewImport<'a> {
    pub(in super::super) form_id: &'a str,
    pub(in super::super) site: SiteId,
    pub(in super::super) file_name: &'a str,
    pub(in super::super) found: &'a str,
    pub(in super::super) columns: &'a [ColumnUse],
    pub(in super::super) created_by: (Option<AdminId>, &'a str),
    pub(in super::super) now: DateTime<Utc>,
}

fn json<T: serde::Serialize>(value: &T) -> Result<serde_json::Value, DbErr> {
    serde_json::to_value(value).map_err(|error| DbErr::Custom(format!("customer import: {error}")))
}

fn of_json<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T, DbErr> {
    serde_json::from_value(value).map_err(|error| DbErr::Custom(format!("customer import: {error}")))
}

pub(in super::super) async fn insert_import(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    new: &NewImport<'_>,
    lines: &[Line],
) -> Result<CustomerImportId, DbErr> {
    use customer_import::{ActiveModel, Entity};
    let count = |good: bool| lines.iter().filter(|line| line.errors.is_empty() == good).count();
    let row = ActiveModel {
        form_id: Set(new.form_id.to_owned()),
        site_id: Set(new.site.0),
        file_name: Set(new.file_name.to_owned()),
        found: Set(new.found.to_owned()),
        columns: Set(json(&new.columns)?),
        state: Set(ImportState::Ready.as_str().to_owned()),
        good: Set(i32::try_from(count(true)).unwrap_or(i32::MAX)),
        bad: Set(i32::try_from(count(false)).unwrap_or(i32::MAX)),
        done: Set(0),
        failure: Set(String::new()),
        created_by: Set(new.created_by.0.map(|admin| admin.0)),
        created_name: Set(new.created_by.1.to_owned()),
        created_at: Set(new.now),
        finished_at: Set(None),
        ..Default::default()
    };
    let id = Entity::insert(row).exec(tx).await?.last_insert_id;
    for chunk in lines.chunks(CHUNK) {
        let mut rows = Vec::with_capacity(chunk.len());
        for line in chunk {
            rows.push(customer_import_row::ActiveModel {
                import_id: Set(id),
                line: Set(line.line),
                is_good: Set(line.errors.is_empty()),
                cells: Set(keys.seal(CELLS_PLACE, json(&line.cells)?.to_string().as_bytes())),
                errors: Set(json(&line.errors)?),
            });
        }
        customer_import_row::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(CustomerImportId(id))
}

fn scoped(scope: &Scope) -> Select<customer_import::Entity> {
    use customer_import::{Column, Entity};
    match scope {
        Scope::All => Entity::find(),
        Scope::Sites(sites) => Entity::find().filter(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    }
}

pub(in super::super) async fn import_of_form(
    db: &impl ConnectionTrait,
    scope: &Scope,
    form_id: &str,
) -> Result<Option<CustomerImportId>, DbErr> {
    use customer_import::Column;
    let query = scoped(scope).select_only().column(Column::Id).filter(Column::FormId.eq(form_id));
    Ok(query.into_tuple::<i64>().one(db).await?.map(CustomerImportId))
}

pub(in super::super) async fn find_import(
    db: &impl ConnectionTrait,
    scope: &Scope,
    id: CustomerImportId,
) -> Result<Option<Import>, DbErr> {
    let row = scoped(scope).filter(customer_import::Column::Id.eq(id.0)).one(db).await?;
    Ok(with_sites(db, row.into_iter().collect()).await?.pop())
}

pub(in super::super) async fn imports(
    db: &impl ConnectionTrait,
    scope: &Scope,
    page: &PageOf,
) -> Result<Paged<Import>, DbErr> {
    let rows = page.newest(db, scoped(scope), customer_import::Column::Id).await?;
    let rows = with_sites(db, rows).await?;
    Ok(page.cut(rows, |import| import.id.to_string()))
}

async fn with_sites(db: &impl ConnectionTrait, rows: Vec<customer_import::Model>) -> Result<Vec<Import>, DbErr> {
    let ids = rows.iter().map(|row| row.site_id);
    let sites = site::Entity::find().filter(site::Column::Id.is_in(ids)).all(db).await?;
    let whole = |row: customer_import::Model| {
        let place = sites.iter().find(|site| site.id == row.site_id);
        Ok(Import {
            id: CustomerImportId(row.id),
            site_id: SiteId(row.site_id),
            site: place.map(|site| site.name.clone()).unwrap_or_default(),
            timezone: place.map_or_else(|| "UTC".to_owned(), |site| site.timezone.clone()),
            file_name: row.file_name,
            found: row.found,
            columns: of_json(row.columns)?,
            state: ImportState::parse(&row.state).unwrap_or(ImportState::Ready),
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

/// Lines of a list after a line: those in order, those with errors, or all.
pub(in super::super) async fn lines(
    db: &impl ConnectionTrait,
    keys: &Keys,
    id: CustomerImportId,
    is_good: Option<bool>,
    (after, limit): (i32, u64),
) -> Result<Vec<Line>, DbErr> {
    use customer_import_row::{Column, Entity};
    let mut query = Entity::find().filter(Column::ImportId.eq(id.0)).filter(Column::Line.gt(after));
    if let Some(is_good) = is_good {
        query = query.filter(Column::IsGood.eq(is_good));
    }
    let rows = query.order_by_asc(Column::Line).limit(limit).all(db).await?;
    let damaged = |error: &dyn std::fmt::Display| DbErr::Custom(format!("a line of customer import {id}: {error}"));
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let bytes = keys.open(CELLS_PLACE, &row.cells).map_err(|error| damaged(&error))?;
        let cells = serde_json::from_slice(&bytes).map_err(|error| damaged(&error))?;
        lines.push(Line { line: row.line, cells, errors: of_json(row.errors)? });
    }
    Ok(lines)
}

/// Marks a line as one that is not taken after all.
pub(in super::super) async fn spoil(
    tx: &impl ConnectionTrait,
    id: CustomerImportId,
    line: i32,
    errors: &[RowError],
) -> Result<(), DbErr> {
    use customer_import_row::{Column, Entity};
    Entity::update_many()
        .col_expr(Column::IsGood, Expr::value(false))
        .col_expr(Column::Errors, Expr::value(json(&errors)?))
        .filter(Column::ImportId.eq(id.0))
        .filter(Column::Line.eq(line))
        .exec(tx)
        .await?;
    Ok(())
}

/// Moves a list on, if it is where it is thought to be. False: it is not.
pub(in super::super) async fn move_import(
    tx: &impl ConnectionTrait,
    id: CustomerImportId,
    from: ImportState,
    to: ImportState,
) -> Result<bool, DbErr> {
    use customer_import::{Column, Entity};
    let moved = Entity::update_many()
        .col_expr(Column::State, Expr::value(to.as_str()))
        .col_expr(Column::Failure, Expr::value(""))
        .filter(Column::Id.eq(id.0))
        .filter(Column::State.eq(from.as_str()))
        .exec(tx)
        .await?;
    Ok(moved.rows_affected == 1)
}

pub(in super::super) async fn set_counts(
    tx: &impl ConnectionTrait,
    id: CustomerImportId,
    (good, bad): (usize, usize),
) -> Result<(), DbErr> {
    use customer_import::{Column, Entity};
    Entity::update_many()
        .col_expr(Column::Good, Expr::value(i32::try_from(good).unwrap_or(i32::MAX)))
        .col_expr(Column::Bad, Expr::value(i32::try_from(bad).unwrap_or(i32::MAX)))
        .filter(Column::Id.eq(id.0))
        .exec(tx)
        .await?;
    Ok(())
}

pub(in super::super) async fn set_done(
    tx: &impl ConnectionTrait,
    id: CustomerImportId,
    done: usize,
) -> Result<(), DbErr> {
    use customer_import::{Column, Entity};
    let done = Expr::value(i32::try_from(done).unwrap_or(i32::MAX));
    Entity::update_many().col_expr(Column::Done, done).filter(Column::Id.eq(id.0)).exec(tx).await?;
    Ok(())
}

/// Finishes a list: what was taken from it need not be kept twice.
pub(in super::super) async fn finish_import(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    id: CustomerImportId,
) -> Result<(), DbErr> {
    use customer_import::{Column, Entity};
    use customer_import_row::{Column as Row, Entity as Rows};
    Entity::update_many()
        .col_expr(Column::State, Expr::value(ImportState::Done.as_str()))
        .col_expr(Column::FinishedAt, Expr::value(Some(now)))
        .filter(Column::Id.eq(id.0))
        .exec(tx)
        .await?;
    Rows::delete_many().filter(Row::ImportId.eq(id.0)).filter(Row::IsGood.eq(true)).exec(tx).await?;
    Ok(())
}

pub(in super::super) async fn fail_import(
    tx: &impl ConnectionTrait,
    id: CustomerImportId,
    why: &str,
) -> Result<(), DbErr> {
    use customer_import::{Column, Entity};
    let failure = Expr::value(why);
    Entity::update_many().col_expr(Column::Failure, failure).filter(Column::Id.eq(id.0)).exec(tx).await?;
    Ok(())
}

/// Forgets the lines of lists that are older, and lists that were never taken.
pub(in super::super) async fn purge_imports(tx: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<u64, DbErr> {
    use customer_import::{Column, Entity};
    use customer_import_row::{Column as Row, Entity as Rows};
    let over = [ImportState::Ready.as_str(), ImportState::Done.as_str()];
    let query = Entity::find().select_only().column(Column::Id).filter(Column::CreatedAt.lt(before));
    let ids: Vec<i64> = query.filter(Column::State.is_in(over)).into_tuple().all(tx).await?;
    let mut deleted = 0;
    for chunk in ids.chunks(CHUNK) {
        let lines = Rows::delete_many().filter(Row::ImportId.is_in(chunk.iter().copied()));
        deleted += lines.exec(tx).await?.rows_affected;
        let never = Entity::delete_many().filter(Column::Id.is_in(chunk.iter().copied()));
        never.filter(Column::State.eq(ImportState::Ready.as_str())).exec(tx).await?;
    }
    Ok(deleted)
}
