//! Writing invoices: many at once, in statements of some hundred rows.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QuerySelect, Value,
    sea_query::{BinOper, Expr},
};

use super::{
    super::{
        Proposal, Settled,
        rules::{State, Totals, state_of},
    },
    ROWS, ToIssue, damaged, rows_of, sql,
};
use crate::{
    audit::Actor,
    db::entity::{
        invoice::{ActiveModel, Column, Entity},
        invoice_line,
    },
    ids::{self, EntryId, InvoiceId},
    money::Money,
};

/// An invoice on its way out.
#[derive(Debug)]
pub(in super::super) struct Issued {
    pub(in super::super) draft: ToIssue,
    pub(in super::super) number: String,
    /// Day of the site.
    pub(in super::super) on: NaiveDate,
    pub(in super::super) totals: Totals,
    /// Free invoices have none.
    pub(in super::super) entry: Option<EntryId>,
}

/// Inserts new proposals as drafts, with their lines.
pub(in super::super) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    new: &[(Proposal, Totals)],
) -> Result<Vec<ToIssue>, DbErr> {
    let mut made = Vec::with_capacity(new.len());
    for chunk in new.chunks(ROWS) {
        let rows = chunk.iter().map(|(proposal, totals)| draft_row(now, actor, proposal, totals));
        Entity::insert_many(rows).exec_without_returning(tx).await?;
        let keys = chunk.iter().map(|(proposal, _)| proposal.proposal.as_str());
        let query = Entity::find().select_only().columns([Column::Proposal, Column::Id]);
        let found: Vec<(String, i64)> = query.filter(Column::Proposal.is_in(keys)).into_tuple().all(tx).await?;
        let ids: HashMap<String, i64> = found.into_iter().collect();
        let mut lines = Vec::new();
        for (proposal, totals) in chunk {
            let id = ids.get(&proposal.proposal).ok_or_else(|| damaged("an invoice is missing after it was made"))?;
            lines.extend(line_rows(*id, proposal));
            made.push(to_issue(InvoiceId(*id), proposal, totals));
        }
        let mut lines = lines.into_iter().peekable();
        while lines.peek().is_some() {
            invoice_line::Entity::insert_many(lines.by_ref().take(ROWS)).exec_without_returning(tx).await?;
        }
    }
    Ok(made)
}

fn draft_row(now: DateTime<Utc>, actor: &Actor, proposal: &Proposal, totals: &Totals) -> ActiveModel {
    ActiveModel {
        number: Set(None),
        proposal: Set(proposal.proposal.clone()),
        token: Set(ids::token()),
        customer_id: Set(proposal.customer.0),
        site_id: Set(proposal.site.0),
        subscription_id: Set(proposal.subscription.map(|subscription| subscription.0)),
        kind: Set(proposal.kind.as_str().to_owned()),
        period_from: Set(proposal.period.map(|(from, _)| from)),
        period_until: Set(proposal.period.map(|(_, until)| until)),
        state: Set(State::Draft.as_str().to_owned()),
        currency: Set(totals.total.currency().code().to_owned()),
        net: Set(totals.net.minor()),
        tax: Set(totals.tax.minor()),
        total: Set(totals.total.minor()),
        settled: Set(0),
        written_off: Set(0),
        tax_label: Set(totals.tax_label.clone()),
        issued_at: Set(None),
        issued_on: Set(None),
        due_on: Set(proposal.due_on),
        paid_at: Set(None),
        notes: Set(proposal.notes.clone()),
        entry_id: Set(None),
        void_reason: Set(String::new()),
        voided_at: Set(None),
        created_by: Set(actor.admin.map(|admin| admin.0)),
        created_at: Set(now),
        ..Default::default()
    }
}

fn line_rows(invoice: i64, proposal: &Proposal) -> Vec<invoice_line::ActiveModel> {
    let row = |(position, line): (i32, &super::super::NewLine)| invoice_line::ActiveModel {
        invoice_id: Set(invoice),
        position: Set(position),
        kind: Set(line.kind.as_str().to_owned()),
        text: Set(line.text.clone()),
        quantity: Set(line.quantity),
        unit_price: Set(line.unit_price.minor()),
        amount: Set(line.amount.minor()),
        cost: Set(line.cost.minor()),
        is_taxed: Set(line.is_taxed),
        package_id: Set(line.package.map(|package| package.0)),
        addon_id: Set(line.addon.map(|addon| addon.0)),
        from_day: Set(line.from),
        until_day: Set(line.until),
        ..Default::default()
    };
    (0..).zip(&proposal.lines).map(row).collect()
}

fn to_issue(id: InvoiceId, proposal: &Proposal, totals: &Totals) -> ToIssue {
    ToIssue {
        id,
        proposal: proposal.proposal.clone(),
        customer: proposal.customer,
        site: proposal.site,
        subscription: proposal.subscription,
        kind: proposal.kind,
        period_from: proposal.period.map(|(from, _)| from),
        period_until: proposal.period.map(|(_, until)| until),
        due_on: proposal.due_on,
        total: totals.total,
        lines: proposal.lines.iter().map(|line| (line.amount, line.is_taxed)).collect(),
    }
}

/// Keeps what issuing gave them.
pub(in super::super) async fn set_issued(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    issued: &[Issued],
) -> Result<(), DbErr> {
    for chunk in issued.chunks(ROWS) {
        // SeaORM has no words for an UPDATE from rows.
        let text = format!(
            "UPDATE invoice SET number = v.column2, state = v.column3, net = v.column4, tax = v.column5,
                 total = v.column6, tax_label = v.column7, issued_on = v.column8, issued_at = v.column9,
                 due_on = v.column10, paid_at = v.column11, entry_id = v.column12
             FROM (VALUES {}) AS v WHERE invoice.id = v.column1",
            rows_of(12, chunk.len())
        );
        let mut values: Vec<Value> = Vec::with_capacity(chunk.len() * 12);
        for each in chunk {
            let Totals { net, tax, total, tax_label } = &each.totals;
            let state = state_of(*total, *total, false);
            let paid_at = (state == State::Paid).then_some(now);
            values.extend([
                each.draft.id.0.into(),
                each.number.as_str().into(),
                state.as_str().into(),
                net.minor().into(),
                tax.minor().into(),
                total.minor().into(),
                tax_label.as_str().into(),
                each.on.into(),
                now.into(),
                each.draft.due_on.into(),
                paid_at.into(),
                each.entry.map(|entry| entry.0).into(),
            ]);
        }
        tx.execute_raw(sql(tx, &text, values)).await?;
    }
    Ok(())
}

/// Keeps states and settled sums.
pub(in super::super) async fn set_settled(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    changed: &[&Settled],
) -> Result<(), DbErr> {
    for chunk in changed.chunks(ROWS) {
        // The first that paid it stays the time it was paid, while it is.
        let text = format!(
            "UPDATE invoice SET state = v.column2, settled = invoice.total - v.column3,
                 paid_at = CASE WHEN v.column2 = 'paid' THEN COALESCE(invoice.paid_at, v.column4) ELSE NULL END
             FROM (VALUES {}) AS v WHERE invoice.id = v.column1",
            rows_of(4, chunk.len())
        );
        let mut values: Vec<Value> = Vec::with_capacity(chunk.len() * 4);
        for each in chunk {
            let Settled { id, state, remaining, .. } = each;
            values.extend([id.0.into(), state.as_str().into(), remaining.minor().into(), now.into()]);
        }
        tx.execute_raw(sql(tx, &text, values)).await?;
    }
    Ok(())
}

/// Keeps how much of an invoice is given up; what is settled of it follows with [`set_settled`].
pub(in super::super) async fn set_written_off(
    tx: &impl ConnectionTrait,
    id: InvoiceId,
    given_up: Money,
) -> Result<(), DbErr> {
    let row = ActiveModel { written_off: Set(given_up.minor()), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id.0)).exec(tx).await?;
    Ok(())
}

/// It is void: nothing of it is settled, nothing owed.
pub(in super::super) async fn set_void(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    id: InvoiceId,
    reason: &str,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Void.as_str()))
        .col_expr(Column::Settled, Expr::value(0))
        .col_expr(Column::PaidAt, Expr::value(Option::<DateTime<Utc>>::None))
        .col_expr(Column::VoidReason, Expr::value(reason))
        .col_expr(Column::VoidedAt, Expr::value(now))
        // What it was for may be invoiced anew.
        .col_expr(Column::Proposal, Expr::col(Column::Proposal).binary(BinOper::Custom("||"), format!("/void/{id}")))
        .filter(Column::Id.eq(id.0))
        .exec(tx)
        .await?;
    Ok(())
}
