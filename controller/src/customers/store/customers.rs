//! The customer, his numbers and his tags.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select,
    sea_query::{Expr, OnConflict},
};

use super::{
    super::{
        Contact, Customer, ID_NUMBER_PLACE, Kind, MAX_SAME, Point, Same, State,
        rules::{self, Draft, DraftPhone, IdNumber},
    },
    CHUNK, IN,
};
use crate::{
    db::entity::{
        customer::{ActiveModel, Column, Entity, Model},
        customer_phone, customer_series, customer_tag, customer_term, site, tag,
    },
    http::{access::Scope, locale::Locale},
    ids::{AdminId, CustomerId, CustomerImportId, SiteId},
    phone::Phone,
    sealed::Keys,
};

/// Words that come from the customer's own fields.
pub(in super::super) const OWN: &str = "own";
const SERIES: &str = "customer";
/// Tags offered in a filter.
const MAX_TAGS: u64 = 500;

/// A customer to be inserted.
#[derive(Debug)]
pub(in super::super) struct New<'a> {
    pub(in super::super) number: &'a str,
    pub(in super::super) form_id: &'a str,
    pub(in super::super) import: Option<CustomerImportId>,
    pub(in super::super) created_by: Option<AdminId>,
    pub(in super::super) now: DateTime<Utc>,
    pub(in super::super) draft: &'a Draft,
}

impl New<'_> {
    fn row(&self, keys: &Keys) -> ActiveModel {
        ActiveModel {
            number: Set(self.number.to_owned()),
            form_id: Set(self.form_id.to_owned()),
            open_services: Set(0),
            import_id: Set(self.import.map(|import| import.0)),
            created_by: Set(self.created_by.map(|admin| admin.0)),
            created_at: Set(self.now),
            state: Set(State::Active.as_str().to_owned()),
            deleted_at: Set(None),
            delete_reason: Set(String::new()),
            id_number: Set(match &self.draft.id_number {
                IdNumber::Set(number) => Some(keys.seal(ID_NUMBER_PLACE, number.as_bytes())),
                IdNumber::Keep | IdNumber::Forget => None,
            }),
            ..fields(self.draft)
        }
    }
}

/// The columns of a draft, but for the identity number.
fn fields(draft: &Draft) -> ActiveModel {
    ActiveModel {
        reference: Set(draft.reference.clone()),
        site_id: Set(draft.site_id.0),
        kind: Set(draft.kind.as_str().to_owned()),
        name: Set(draft.name.clone()),
        address: Set(draft.address.clone()),
        lat_micro: Set(draft.point.map(|point| point.lat_micro)),
        lon_micro: Set(draft.point.map(|point| point.lon_micro)),
        notes: Set(draft.notes.clone()),
        language: Set(draft.language.tag().to_owned()),
        grace_days: Set(draft.grace_days),
        ..Default::default()
    }
}

/// Takes `count` numbers; the first of them. Others wait until the transaction ends, so none is ever left out.
pub(in super::super) async fn next_numbers(tx: &impl ConnectionTrait, count: i64) -> Result<i64, DbErr> {
    use customer_series::{ActiveModel, Column, Entity};
    let row = ActiveModel { name: Set(SERIES.to_owned()), last: Set(count) };
    let more = Expr::col((Entity, Column::Last)).add(count);
    let counted = OnConflict::column(Column::Name).value(Column::Last, more).to_owned();
    Entity::insert(row).on_conflict(counted).exec_without_returning(tx).await?;
    let last = Entity::find_by_id(SERIES.to_owned()).one(tx).await?.map_or(count, |row| row.last);
    Ok(last - count + 1)
}

pub(in super::super) async fn insert(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    new: &New<'_>,
) -> Result<CustomerId, DbErr> {
    let id = CustomerId(Entity::insert(new.row(keys)).exec(tx).await?.last_insert_id);
    set_phones(tx, id, &new.draft.phones).await?;
    set_tags(tx, id, &new.draft.tags).await?;
    Ok(id)
}

/// Many at once, without their words; the ids by the ids of their forms.
pub(in super::super) async fn insert_many(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    new: &[New<'_>],
) -> Result<Vec<CustomerId>, DbErr> {
    let mut made = Vec::with_capacity(new.len());
    for chunk in new.chunks(CHUNK) {
        Entity::insert_many(chunk.iter().map(|new| new.row(keys))).exec_without_returning(tx).await?;
        let forms = chunk.iter().map(|new| new.form_id);
        let query = Entity::find().select_only().columns([Column::FormId, Column::Id]);
        let rows: Vec<(String, i64)> = query.filter(Column::FormId.is_in(forms)).into_tuple().all(tx).await?;
        let ids: HashMap<String, i64> = rows.into_iter().collect();
        let missing = |new: &New<'_>| DbErr::RecordNotFound(format!("customer {}", new.number));
        let mut found = Vec::with_capacity(chunk.len());
        for new in chunk {
            found.push((ids.get(new.form_id).copied().ok_or_else(|| missing(new))?, new.draft));
        }
        let (mut phones, mut tags) = (Vec::new(), Vec::new());
        for (id, draft) in &found {
            phones.extend(phone_rows(*id, &draft.phones));
            tags.extend(tag_rows(*id, &draft.tags));
        }
        insert_phones(tx, phones).await?;
        insert_tags(tx, tags).await?;
        made.extend(found.into_iter().map(|(id, _)| CustomerId(id)));
    }
    Ok(made)
}

pub(in super::super) async fn update(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    id: CustomerId,
    draft: &Draft,
) -> Result<(), DbErr> {
    let mut row = fields(draft);
    match &draft.id_number {
        IdNumber::Keep => {}
        IdNumber::Forget => row.id_number = Set(None),
        IdNumber::Set(number) => row.id_number = Set(Some(keys.seal(ID_NUMBER_PLACE, number.as_bytes()))),
    }
    Entity::update_many().set(row).filter(Column::Id.eq(id.0)).exec(tx).await?;
    set_phones(tx, id, &draft.phones).await?;
    set_tags(tx, id, &draft.tags).await
}

/// Numbers that stay keep their ids.
async fn set_phones(tx: &impl ConnectionTrait, id: CustomerId, phones: &[DraftPhone]) -> Result<(), DbErr> {
    use customer_phone::{Column, Entity};
    let kept = phones.iter().map(|phone| phone.number.as_str());
    let mut gone = Entity::delete_many().filter(Column::CustomerId.eq(id.0));
    if !phones.is_empty() {
        gone = gone.filter(Column::E164.is_not_in(kept));
    }
    gone.exec(tx).await?;
    insert_phones(tx, phone_rows(id.0, phones).collect()).await
}

fn phone_rows(id: i64, phones: &[DraftPhone]) -> impl Iterator<Item = customer_phone::ActiveModel> {
    phones.iter().enumerate().map(move |(at, phone)| customer_phone::ActiveModel {
        customer_id: Set(id),
        e164: Set(phone.number.as_str().to_owned()),
        label: Set(phone.label.clone()),
        is_whatsapp: Set(phone.is_whatsapp),
        is_primary: Set(at == 0),
        ..Default::default()
    })
}

async fn insert_phones(tx: &impl ConnectionTrait, rows: Vec<customer_phone::ActiveModel>) -> Result<(), DbErr> {
    use customer_phone::{Column, Entity};
    for chunk in rows.chunks(CHUNK) {
        let known = OnConflict::columns([Column::CustomerId, Column::E164])
            .update_columns([Column::Label, Column::IsWhatsapp, Column::IsPrimary])
            .to_owned();
        Entity::insert_many(chunk.iter().cloned()).on_conflict(known).exec_without_returning(tx).await?;
    }
    Ok(())
}

async fn set_tags(tx: &impl ConnectionTrait, id: CustomerId, tags: &[String]) -> Result<(), DbErr> {
    use customer_tag::{Column, Entity};
    Entity::delete_many().filter(Column::CustomerId.eq(id.0)).exec(tx).await?;
    insert_tags(tx, tag_rows(id.0, tags).collect()).await
}

fn tag_rows(id: i64, tags: &[String]) -> impl Iterator<Item = (i64, String)> {
    tags.iter().map(move |tag| (id, tag.clone()))
}

async fn insert_tags(tx: &impl ConnectionTrait, rows: Vec<(i64, String)>) -> Result<(), DbErr> {
    let names: BTreeSet<&str> = rows.iter().map(|(_, tag)| tag.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    for chunk in names.chunks(CHUNK) {
        let fresh = chunk.iter().map(|name| tag::ActiveModel { name: Set((*name).to_owned()) });
        let known = OnConflict::column(tag::Column::Name).do_nothing().to_owned();
        tag::Entity::insert_many(fresh).on_conflict(known).exec_without_returning(tx).await?;
    }
    for chunk in rows.chunks(CHUNK) {
        let rows =
            chunk.iter().map(|(id, tag)| customer_tag::ActiveModel { customer_id: Set(*id), tag: Set(tag.clone()) });
        customer_tag::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// The words of one source, instead of those it gave before.
pub(in super::super) async fn replace_terms(
    tx: &impl ConnectionTrait,
    id: CustomerId,
    source: &str,
    words: &BTreeSet<String>,
) -> Result<(), DbErr> {
    use customer_term::{Column, Entity};
    Entity::delete_many().filter(Column::CustomerId.eq(id.0)).filter(Column::Source.eq(source)).exec(tx).await?;
    insert_terms(tx, source, words.iter().map(|word| (id, word.clone())).collect()).await
}

/// Words of many customers; those they have already stay.
pub(in super::super) async fn insert_terms(
    tx: &impl ConnectionTrait,
    source: &str,
    words: Vec<(CustomerId, String)>,
) -> Result<(), DbErr> {
    use customer_term::{ActiveModel, Column, Entity};
    for chunk in words.chunks(CHUNK) {
        let rows = chunk.iter().map(|(id, word)| ActiveModel {
            customer_id: Set(id.0),
            term: Set(word.clone()),
            source: Set(source.to_owned()),
        });
        let known = OnConflict::columns([Column::CustomerId, Column::Term, Column::Source]).do_nothing().to_owned();
        Entity::insert_many(rows).on_conflict(known).exec_without_returning(tx).await?;
    }
    Ok(())
}

pub(in super::super) async fn set_state(
    tx: &impl ConnectionTrait,
    id: CustomerId,
    state: State,
    (at, reason): (Option<DateTime<Utc>>, &str),
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(state.as_str()))
        .col_expr(Column::DeletedAt, Expr::value(at))
        .col_expr(Column::DeleteReason, Expr::value(reason))
        .filter(Column::Id.eq(id.0))
        .exec(tx)
        .await?;
    Ok(())
}

pub(in super::super) async fn set_open_services(
    tx: &impl ConnectionTrait,
    id: CustomerId,
    open: i32,
) -> Result<(), DbErr> {
    let change = Entity::update_many().col_expr(Column::OpenServices, Expr::value(open));
    change.filter(Column::Id.eq(id.0)).exec(tx).await?;
    Ok(())
}

/// Holds a customer's row until the transaction ends.
pub(in super::super) async fn lock(tx: &impl ConnectionTrait, id: CustomerId) -> Result<(), DbErr> {
    let row = Entity::find_by_id(id.0).select_only().column(Column::Id).lock_exclusive();
    let _there: Option<i64> = row.into_tuple().one(tx).await?;
    Ok(())
}

pub(super) fn scoped(scope: &Scope) -> Select<Entity> {
    match scope {
        Scope::All => Entity::find(),
        Scope::Sites(sites) => Entity::find().filter(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    }
}

pub(in super::super) async fn of_form(
    db: &impl ConnectionTrait,
    scope: &Scope,
    form_id: &str,
) -> Result<Option<CustomerId>, DbErr> {
    let query = scoped(scope).select_only().column(Column::Id).filter(Column::FormId.eq(form_id));
    Ok(query.into_tuple::<i64>().one(db).await?.map(CustomerId))
}

pub(in super::super) async fn find(
    db: &impl ConnectionTrait,
    keys: &Keys,
    scope: &Scope,
    id: CustomerId,
) -> Result<Option<Customer>, DbErr> {
    let Some(row) = scoped(scope).filter(Column::Id.eq(id.0)).one(db).await? else { return Ok(None) };
    Ok(complete(db, keys, vec![row]).await?.pop())
}

/// Customers by their ids; a caller asks for few.
pub(in super::super) async fn by_ids(
    db: &impl ConnectionTrait,
    keys: &Keys,
    scope: &Scope,
    ids: &[CustomerId],
) -> Result<Vec<Customer>, DbErr> {
    let rows = scoped(scope).filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(db).await?;
    complete(db, keys, rows).await
}

/// The identity number in full.
pub(in super::super) async fn id_number(
    db: &impl ConnectionTrait,
    keys: &Keys,
    id: CustomerId,
) -> Result<Option<String>, DbErr> {
    let row = Entity::find_by_id(id.0).one(db).await?;
    row.and_then(|row| row.id_number).map(|sealed| opened(keys, id.0, &sealed)).transpose()
}

fn opened(keys: &Keys, id: i64, sealed: &[u8]) -> Result<String, DbErr> {
    let damaged = |error: &dyn std::fmt::Display| DbErr::Custom(format!("identity number of customer {id}: {error}"));
    let bytes = keys.open(ID_NUMBER_PLACE, sealed).map_err(|error| damaged(&error))?;
    String::from_utf8(bytes).map_err(|error| damaged(&error))
}

pub(in super::super) async fn with_numbers(
    db: &impl ConnectionTrait,
    scope: &Scope,
    phones: &[Phone],
    but: Option<CustomerId>,
) -> Result<Vec<Same>, DbErr> {
    use customer_phone::Column as Number;
    if phones.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = customer_phone::Entity::find()
        .select_only()
        .columns([Number::CustomerId, Number::E164])
        .filter(Number::E164.is_in(phones.iter().map(Phone::as_str)));
    if let Some(but) = but {
        query = query.filter(Number::CustomerId.ne(but.0));
    }
    let rows: Vec<(i64, String)> = query.order_by_asc(Number::CustomerId).into_tuple().all(db).await?;
    let ids = rows.iter().map(|(id, _)| *id);
    let seen = scoped(scope).filter(Column::Id.is_in(ids)).order_by_asc(Column::Id).limit(MAX_SAME).all(db).await?;
    let same = |row: Model| {
        let phone = rows.iter().find(|(id, _)| *id == row.id).map(|(_, e164)| Phone::stored(e164.clone()).shown());
        Same {
            id: CustomerId(row.id),
            number: row.number,
            name: row.name,
            state: State::parse(&row.state).unwrap_or_default(),
            phone: phone.unwrap_or_default(),
        }
    };
    Ok(seen.into_iter().map(same).collect())
}

/// Which of these numbers and old numbers somebody has already; whose, by his number.
pub(in super::super) async fn taken(
    db: &impl ConnectionTrait,
    scope: &Scope,
    (phones, references): (&[String], &[String]),
) -> Result<HashMap<String, String>, DbErr> {
    use customer_phone::Column as Number;
    let mut found = HashMap::new();
    for chunk in phones.chunks(IN) {
        let query = customer_phone::Entity::find().select_only().columns([Number::CustomerId, Number::E164]);
        let rows: Vec<(i64, String)> = query.filter(Number::E164.is_in(chunk)).into_tuple().all(db).await?;
        let owners: BTreeSet<i64> = rows.iter().map(|(id, _)| *id).collect();
        let query = scoped(scope).select_only().columns([Column::Id, Column::Number]);
        let seen: Vec<(i64, String)> = query.filter(Column::Id.is_in(owners)).into_tuple().all(db).await?;
        let numbers: HashMap<i64, String> = seen.into_iter().collect();
        let of = |(id, e164): (i64, String)| numbers.get(&id).map(|number| (e164, number.clone()));
        found.extend(rows.into_iter().filter_map(of));
    }
    for chunk in references.chunks(IN) {
        let query = scoped(scope).select_only().columns([Column::Reference, Column::Number]);
        let rows: Vec<(String, String)> = query.filter(Column::Reference.is_in(chunk)).into_tuple().all(db).await?;
        found.extend(rows);
    }
    Ok(found)
}

/// Tags that customers of the seen sites have; index `ix_customer_tag`.
pub(in super::super) async fn tags(db: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<String>, DbErr> {
    let mut query = tag::Entity::find().order_by_asc(tag::Column::Name).limit(MAX_TAGS);
    if *scope != Scope::All {
        let has = Expr::col((customer_tag::Entity, customer_tag::Column::Tag)).equals((tag::Entity, tag::Column::Name));
        let who = Expr::col((customer_tag::Entity, customer_tag::Column::CustomerId)).equals((Entity, Column::Id));
        let theirs = QueryTrait::into_query(scoped(scope).select_only().column(Column::Id))
            .inner_join(customer_tag::Entity, who)
            .and_where(has)
            .to_owned();
        query = query.filter(Expr::exists(theirs));
    }
    let rows = query.all(db).await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// Rows with what stands in other tables, each read once for all of them.
pub(super) async fn complete(db: &impl ConnectionTrait, keys: &Keys, rows: Vec<Model>) -> Result<Vec<Customer>, DbErr> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let sites: BTreeSet<i64> = rows.iter().map(|row| row.site_id).collect();
    let mut places: BTreeMap<i64, (String, String)> = BTreeMap::new();
    for row in site::Entity::find().filter(site::Column::Id.is_in(sites)).all(db).await? {
        places.insert(row.id, (row.name, row.timezone));
    }
    let (mut phones, mut tags) = (HashMap::<i64, Vec<Contact>>::new(), HashMap::<i64, Vec<String>>::new());
    for chunk in ids.chunks(IN) {
        let query = customer_phone::Entity::find()
            .filter(customer_phone::Column::CustomerId.is_in(chunk.iter().copied()))
            .order_by_desc(customer_phone::Column::IsPrimary)
            .order_by_asc(customer_phone::Column::Id);
        for row in query.all(db).await? {
            phones.entry(row.customer_id).or_default().push(contact(row));
        }
        let query = customer_tag::Entity::find()
            .filter(customer_tag::Column::CustomerId.is_in(chunk.iter().copied()))
            .order_by_asc(customer_tag::Column::Tag);
        for row in query.all(db).await? {
            tags.entry(row.customer_id).or_default().push(row.tag);
        }
    }
    let whole = |row: Model| {
        let (site, timezone) = places.get(&row.site_id).cloned().unwrap_or_default();
        let zone = if timezone.parse::<chrono_tz::Tz>().is_ok() { timezone } else { "UTC".to_owned() };
        let (phones, tags) = (phones.remove(&row.id), tags.remove(&row.id));
        customer(row, keys, (site, zone), (phones.unwrap_or_default(), tags.unwrap_or_default()))
    };
    rows.into_iter().map(whole).collect()
}

fn contact(row: customer_phone::Model) -> Contact {
    let number = Phone::stored(row.e164);
    let shown = number.shown();
    Contact { id: row.id, number, shown, label: row.label, is_whatsapp: row.is_whatsapp, is_primary: row.is_primary }
}

fn customer(
    row: Model,
    keys: &Keys,
    (site, timezone): (String, String),
    (phones, tags): (Vec<Contact>, Vec<String>),
) -> Result<Customer, DbErr> {
    let id_number = row.id_number.as_deref().map(|sealed| opened(keys, row.id, sealed)).transpose()?;
    let point = row.lat_micro.zip(row.lon_micro).map(|(lat_micro, lon_micro)| Point { lat_micro, lon_micro });
    Ok(Customer {
        id: CustomerId(row.id),
        number: row.number,
        reference: row.reference,
        site_id: SiteId(row.site_id),
        site,
        timezone,
        kind: Kind::parse(&row.kind).unwrap_or_default(),
        name: row.name,
        phones,
        address: row.address,
        point,
        notes: row.notes,
        id_number: id_number.map(|number| rules::masked(&number)),
        language: Locale::from_tag(&row.language).unwrap_or_default(),
        grace_days: row.grace_days,
        tags,
        open_services: row.open_services,
        state: State::parse(&row.state).unwrap_or_default(),
        created_at: row.created_at,
        deleted_at: row.deleted_at,
        delete_reason: row.delete_reason,
    })
}
