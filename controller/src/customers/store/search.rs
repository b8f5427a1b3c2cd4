//! Finding customers among very many.
//!
//! How a search runs depends on how many have its rarest word. Few: they are looked up by that word, the rest is checked
//! on each. Many: the list is walked from its start and each row is checked, until a page is full. The wrong way round
//! either would read every row.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
    sea_query::{Alias, Asterisk, Expr, Func, Query, SelectStatement},
};

use super::{
    super::{
        Customer, Filter,
        words::{self, Need, Spelling},
    },
    customers::complete,
};
use crate::{
    db::entity::{
        customer::{Column, Entity},
        customer_tag, customer_term,
    },
    http::access::Scope,
    ids::CustomerId,
    sealed::Keys,
};

/// A word of at most so many customers leads to them; a more usual one is checked row by row.
const FEW: u64 = 1_000;

/// Customers of a filter after an id, newest first.
pub(in super::super) async fn list(
    db: &impl ConnectionTrait,
    keys: &Keys,
    scope: &Scope,
    filter: &Filter,
    (after, limit): (Option<i64>, u64),
) -> Result<Vec<Customer>, DbErr> {
    let Some(query) = matching(db, scope, filter).await? else { return Ok(Vec::new()) };
    let mut query = query.order_by_desc(Column::Id).limit(limit);
    if let Some(after) = after {
        query = query.filter(Column::Id.lt(after));
    }
    complete(db, keys, query.all(db).await?).await
}

/// The ids of a filter, the latest first.
pub(in super::super) async fn ids(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &Filter,
    limit: u64,
) -> Result<Vec<CustomerId>, DbErr> {
    let Some(query) = matching(db, scope, filter).await? else { return Ok(Vec::new()) };
    let query = query.select_only().column(Column::Id).order_by_desc(Column::Id).limit(limit);
    Ok(query.into_tuple::<i64>().all(db).await?.into_iter().map(CustomerId).collect())
}

/// The query of a filter; nothing when one of its words is nobody's.
pub(in super::super) async fn matching(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &Filter,
) -> Result<Option<Select<Entity>>, DbErr> {
    let mut wanted: Vec<SelectStatement> = words::needs(&filter.q).iter().map(having).collect();
    if wanted.is_empty() && !filter.q.is_empty() {
        return Ok(None);
    }
    if !filter.tag.is_empty() {
        wanted.push(tagged(&filter.tag));
    }
    of_all(db, wanted, narrowed(scope, filter), Column::Id).await
}

/// Rows of another feature whose customers have all words of a search; nothing when a word is nobody's.
pub(in super::super) async fn found_by<E: EntityTrait, C: ColumnTrait>(
    db: &impl ConnectionTrait,
    q: &str,
    query: Select<E>,
    customer: C,
) -> Result<Option<Select<E>>, DbErr> {
    let wanted: Vec<SelectStatement> = words::needs(q).iter().map(having).collect();
    if wanted.is_empty() { Ok(None) } else { of_all(db, wanted, query, customer).await }
}

/// A query narrowed to rows whose customers are in all of these; nothing when one of them is empty.
async fn of_all<E: EntityTrait, C: ColumnTrait>(
    db: &impl ConnectionTrait,
    wanted: Vec<SelectStatement>,
    mut query: Select<E>,
    customer: C,
) -> Result<Option<Select<E>>, DbErr> {
    let mut rarest: Option<(u64, usize)> = None;
    for (at, ids) in wanted.iter().enumerate() {
        let count = counted(db, ids.clone().limit(FEW + 1).to_owned()).await?;
        if count == 0 {
            return Ok(None);
        }
        rarest = rarest.filter(|(least, _)| *least <= count).or(Some((count, at)));
    }
    for (at, ids) in wanted.into_iter().enumerate() {
        query = if rarest.is_some_and(|(count, place)| place == at && count <= FEW) {
            query.filter(customer.in_subquery(ids))
        } else {
            let own = Expr::col(Alias::new("customer_id")).equals(customer.as_column_ref());
            query.filter(Expr::exists(ids.clone().and_where(own).to_owned()))
        };
    }
    Ok(Some(query))
}

fn narrowed(scope: &Scope, filter: &Filter) -> Select<Entity> {
    let query = Entity::find().filter(Column::State.eq(filter.state.as_str()));
    let Scope::Sites(sites) = scope.only(filter.site) else { return query };
    let sites: Vec<i64> = sites.iter().map(|site| site.0).collect();
    match sites.as_slice() {
        [only] => query.filter(Column::SiteId.eq(*only)),
        // Of several sites the list is walked as a whole: an index by site would have to be sorted first.
        several => query.filter(Expr::col((Entity, Column::SiteId)).add(0).is_in(several.iter().copied())),
    }
}

/// The ids of those who have a word.
fn having(Need(spellings): &Need) -> SelectStatement {
    let term = || Expr::col(customer_term::Column::Term);
    let any = spellings.iter().fold(sea_orm::Condition::any(), |any, spelling| match spelling {
        Spelling::Is(word) => any.add(term().eq(word.as_str())),
        Spelling::Begins(begin) => {
            let (from, to) = Spelling::range(begin);
            any.add(term().gte(from).and(term().lt(to)))
        }
    });
    Query::select().column(Alias::new("customer_id")).from(customer_term::Entity).cond_where(any).to_owned()
}

/// The ids of those who have a tag.
fn tagged(tag: &str) -> SelectStatement {
    Query::select()
        .column(Alias::new("customer_id"))
        .from(customer_tag::Entity)
        .and_where(Expr::col(customer_tag::Column::Tag).eq(tag))
        .to_owned()
}

async fn counted(db: &impl ConnectionTrait, rows: SelectStatement) -> Result<u64, DbErr> {
    let count =
        Query::select().expr(Func::count(Expr::col(Asterisk))).from_subquery(rows, Alias::new("found")).to_owned();
    let row = db.query_one(&count).await?;
    let count: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Customers of an import after an id, for their words.
pub(in super::super) async fn of_import(
    db: &impl ConnectionTrait,
    keys: &Keys,
    import: crate::ids::CustomerImportId,
    (after, limit): (CustomerId, u64),
) -> Result<Vec<Customer>, DbErr> {
    let query = Entity::find().filter(Column::ImportId.eq(import.0)).filter(Column::Id.gt(after.0));
    complete(db, keys, query.order_by_asc(Column::Id).limit(limit).all(db).await?).await
}
