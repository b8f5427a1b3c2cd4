//! Reading invoices by their ids and proposals.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::{
    super::{
        Head, Invoice, Line, Made, Open,
        rules::{Kind, LineKind, State},
    },
    IN, damaged, money, notes, write_offs,
};
use crate::{
    db::entity::{
        customer,
        invoice::{Column, Entity, Model},
        invoice_line,
    },
    http::access::Scope,
    ids::{AddonId, AdminId, CustomerId, EntryId, InvoiceId, PackageId, SiteId, SubscriptionId},
    money::Money,
};

/// A draft with what issuing needs.
#[derive(Debug, Clone)]
pub(in super::super) struct ToIssue {
    pub(in super::super) id: InvoiceId,
    pub(in super::super) proposal: String,
    pub(in super::super) customer: CustomerId,
    pub(in super::super) site: SiteId,
    pub(in super::super) subscription: Option<SubscriptionId>,
    pub(in super::super) kind: Kind,
    pub(in super::super) period_from: Option<NaiveDate>,
    pub(in super::super) period_until: Option<NaiveDate>,
    pub(in super::super) due_on: NaiveDate,
    pub(in super::super) total: Money,
    /// Amounts, and whether each is taxed.
    pub(in super::super) lines: Vec<(Money, bool)>,
}

/// What is kept of an invoice beside the ledger.
#[derive(Debug, Clone)]
pub(in super::super) struct Kept {
    pub(in super::super) id: InvoiceId,
    /// Empty for drafts.
    pub(in super::super) number: String,
    pub(in super::super) customer: CustomerId,
    pub(in super::super) site: SiteId,
    pub(in super::super) subscription: Option<SubscriptionId>,
    pub(in super::super) kind: Kind,
    pub(in super::super) due_on: NaiveDate,
    pub(in super::super) state: State,
    pub(in super::super) total: Money,
    pub(in super::super) tax: Money,
    pub(in super::super) remaining: Money,
    /// What was given up and not taken back.
    pub(in super::super) written_off: Money,
    pub(in super::super) entry: Option<EntryId>,
}

impl Kept {
    /// Whether something of it is given up: that is no money which could be given back.
    pub(in super::super) fn is_given_up(&self) -> bool {
        self.written_off.minor() > 0
    }
}

fn kind(row: &Model) -> Result<Kind, DbErr> {
    Kind::parse(&row.kind).ok_or_else(|| damaged("an invoice of no known kind"))
}

fn state(row: &Model) -> Result<State, DbErr> {
    State::parse(&row.state).ok_or_else(|| damaged("an invoice of no known state"))
}

async fn rows(db: &impl ConnectionTrait, ids: &[InvoiceId]) -> Result<Vec<Model>, DbErr> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(IN) {
        let query = Entity::find().filter(Column::Id.is_in(chunk.iter().map(|id| id.0))).order_by_asc(Column::Id);
        found.extend(query.all(db).await?);
    }
    Ok(found)
}

fn as_made(row: Model) -> Result<Made, DbErr> {
    Ok(Made {
        kind: kind(&row)?,
        state: state(&row)?,
        total: money(row.total, &row.currency)?,
        id: InvoiceId(row.id),
        proposal: row.proposal,
        number: row.number,
        customer: CustomerId(row.customer_id),
        site: SiteId(row.site_id),
        subscription: row.subscription_id.map(SubscriptionId),
        period: row.period_from.zip(row.period_until),
        due_on: row.due_on,
        is_new: false,
    })
}

/// What was made of proposals before.
pub(in super::super) async fn made(
    db: &impl ConnectionTrait,
    proposals: &[String],
) -> Result<HashMap<String, Made>, DbErr> {
    let mut found = HashMap::new();
    for chunk in proposals.chunks(IN) {
        for row in Entity::find().filter(Column::Proposal.is_in(chunk)).all(db).await? {
            found.insert(row.proposal.clone(), as_made(row)?);
        }
    }
    Ok(found)
}

/// Invoices by their ids, as they stand.
pub(in super::super) async fn made_of(db: &impl ConnectionTrait, ids: &[InvoiceId]) -> Result<Vec<Made>, DbErr> {
    rows(db, ids).await?.into_iter().map(as_made).collect()
}

/// Those of these that are drafts, with their lines.
pub(in super::super) async fn drafts(db: &impl ConnectionTrait, ids: &[InvoiceId]) -> Result<Vec<ToIssue>, DbErr> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(IN) {
        let wanted = chunk.iter().map(|id| id.0);
        let draft = Column::State.eq(State::Draft.as_str());
        let query = Entity::find().filter(Column::Id.is_in(wanted)).filter(draft).order_by_asc(Column::Id);
        let rows = query.all(db).await?;
        let mut lines: HashMap<i64, Vec<(i64, bool)>> = HashMap::new();
        for line in lines_of(db, rows.iter().map(|row| row.id)).await? {
            lines.entry(line.invoice_id).or_default().push((line.amount, line.is_taxed));
        }
        for row in rows {
            let of = lines.remove(&row.id).unwrap_or_default();
            let of = of.into_iter().map(|(amount, is_taxed)| Ok((money(amount, &row.currency)?, is_taxed)));
            found.push(ToIssue {
                id: InvoiceId(row.id),
                customer: CustomerId(row.customer_id),
                site: SiteId(row.site_id),
                subscription: row.subscription_id.map(SubscriptionId),
                kind: kind(&row)?,
                period_from: row.period_from,
                period_until: row.period_until,
                due_on: row.due_on,
                total: money(row.total, &row.currency)?,
                lines: of.collect::<Result<_, DbErr>>()?,
                proposal: row.proposal,
            });
        }
    }
    Ok(found)
}

async fn lines_of(
    db: &impl ConnectionTrait,
    invoices: impl Iterator<Item = i64>,
) -> Result<Vec<invoice_line::Model>, DbErr> {
    invoice_line::Entity::find()
        .filter(invoice_line::Column::InvoiceId.is_in(invoices))
        .order_by_asc(invoice_line::Column::InvoiceId)
        .order_by_asc(invoice_line::Column::Position)
        .all(db)
        .await
}

/// What is kept of invoices.
pub(in super::super) async fn kept(db: &impl ConnectionTrait, ids: &[InvoiceId]) -> Result<Vec<Kept>, DbErr> {
    let kept = |row: Model| {
        Ok(Kept {
            id: InvoiceId(row.id),
            customer: CustomerId(row.customer_id),
            site: SiteId(row.site_id),
            subscription: row.subscription_id.map(SubscriptionId),
            kind: kind(&row)?,
            due_on: row.due_on,
            state: state(&row)?,
            total: money(row.total, &row.currency)?,
            tax: money(row.tax, &row.currency)?,
            remaining: money(row.total - row.settled, &row.currency)?,
            written_off: money(row.written_off, &row.currency)?,
            entry: row.entry_id.map(EntryId),
            number: row.number.unwrap_or_default(),
        })
    };
    rows(db, ids).await?.into_iter().map(kept).collect()
}

/// What a customer has to pay, by what is kept.
pub(in super::super) async fn open_of(db: &impl ConnectionTrait, customer: CustomerId) -> Result<Vec<Open>, DbErr> {
    let owed = [State::Open, State::PartiallyPaid].map(State::as_str);
    let rows = Entity::find()
        .filter(Column::CustomerId.eq(customer.0))
        .filter(Column::State.is_in(owed))
        .order_by_asc(Column::DueOn)
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    let open = |row: Model| {
        Ok(Open {
            id: InvoiceId(row.id),
            site_id: SiteId(row.site_id),
            subscription_id: row.subscription_id.map(SubscriptionId),
            kind: kind(&row)?,
            due_on: row.due_on,
            total: money(row.total, &row.currency)?,
            remaining: money(row.total - row.settled, &row.currency)?,
            number: row.number.unwrap_or_default(),
        })
    };
    rows.into_iter().map(open).collect()
}

pub(super) fn scoped(scope: &Scope) -> Select<Entity> {
    match scope {
        Scope::All => Entity::find(),
        Scope::Sites(sites) => Entity::find().filter(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    }
}

/// An invoice in full.
pub(in super::super) async fn find(
    db: &impl ConnectionTrait,
    scope: &Scope,
    id: InvoiceId,
) -> Result<Option<Invoice>, DbErr> {
    let Some(row) = scoped(scope).filter(Column::Id.eq(id.0)).one(db).await? else { return Ok(None) };
    let owner = customer::Entity::find_by_id(row.customer_id)
        .select_only()
        .columns([customer::Column::Number, customer::Column::Name])
        .into_tuple::<(String, String)>()
        .one(db)
        .await?;
    let lines = lines_of(db, std::iter::once(row.id)).await?;
    let lines: Vec<Line> = lines.into_iter().map(|line| as_line(line, &row.currency)).collect::<Result<_, _>>()?;
    let what = lines.first().map_or_else(String::new, |line| line.text.clone());
    Ok(Some(Invoice {
        lines,
        credit_notes: notes(db, id).await?,
        write_offs: write_offs(db, id).await?,
        written_off: money(row.written_off, &row.currency)?,
        paid: money(row.settled - row.written_off, &row.currency)?,
        notes: row.notes.clone(),
        tax_label: row.tax_label.clone(),
        entry_id: row.entry_id.map(EntryId),
        void_reason: row.void_reason.clone(),
        voided_at: row.voided_at,
        created_by: row.created_by.map(AdminId),
        token: row.token.clone(),
        head: head(row, owner.unwrap_or_default(), what)?,
    }))
}

fn as_line(row: invoice_line::Model, currency: &str) -> Result<Line, DbErr> {
    Ok(Line {
        kind: LineKind::parse(&row.kind).ok_or_else(|| damaged("a line of no known kind"))?,
        text: row.text,
        quantity: row.quantity,
        unit_price: money(row.unit_price, currency)?,
        amount: money(row.amount, currency)?,
        cost: money(row.cost, currency)?,
        is_taxed: row.is_taxed,
        package_id: row.package_id.map(PackageId),
        addon_id: row.addon_id.map(AddonId),
        from_day: row.from_day,
        until_day: row.until_day,
    })
}

fn head(row: Model, (customer_number, customer_name): (String, String), what: String) -> Result<Head, DbErr> {
    let of = |minor: i64| money(minor, &row.currency);
    let issued_at: Option<DateTime<Utc>> = row.issued_at;
    Ok(Head {
        id: InvoiceId(row.id),
        customer_id: CustomerId(row.customer_id),
        customer_number,
        customer_name,
        site_id: SiteId(row.site_id),
        subscription_id: row.subscription_id.map(SubscriptionId),
        kind: kind(&row)?,
        period_from: row.period_from,
        period_until: row.period_until,
        state: state(&row)?,
        net: of(row.net)?,
        tax: of(row.tax)?,
        total: of(row.total)?,
        settled: of(row.settled)?,
        remaining: of(row.total - row.settled)?,
        what,
        issued_on: row.issued_on,
        issued_at,
        due_on: row.due_on,
        paid_at: row.paid_at,
        created_at: row.created_at,
        number: row.number,
    })
}

/// Those of these that are drafts and seen.
pub(in super::super) async fn drafts_seen(
    db: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[InvoiceId],
) -> Result<Vec<InvoiceId>, DbErr> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(IN) {
        let query = scoped(scope).select_only().column(Column::Id).filter(Column::State.eq(State::Draft.as_str()));
        let ids: Vec<i64> = query.filter(Column::Id.is_in(chunk.iter().map(|id| id.0))).into_tuple().all(db).await?;
        found.extend(ids.into_iter().map(InvoiceId));
    }
    Ok(found)
}

/// Drafts after an id.
pub(in super::super) async fn drafts_after(
    db: &impl ConnectionTrait,
    scope: &Scope,
    (after, limit): (InvoiceId, u64),
) -> Result<Vec<InvoiceId>, DbErr> {
    let ids: Vec<i64> = scoped(scope)
        .select_only()
        .column(Column::Id)
        .filter(Column::State.eq(State::Draft.as_str()))
        .filter(Column::Id.gt(after.0))
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(InvoiceId).collect())
}
