//! A customer's statement: what was invoiced, paid and given back between two days, with what he owed before and after.

use chrono::NaiveDate;
use chrono_tz::Tz;
use sea_orm::DbErr;
use serde::Serialize;

use crate::{
    app::App,
    customers::Customer,
    db::paging::{BadCursor, PageOf, Paged},
    ledger::{
        self, Balance, Span, StatementLine,
        aging::{day_end, day_start},
    },
    money::{Currency, Money},
    settings,
};

/// Lines on paper; a longer statement is printed in parts.
const MAX_PRINTED: usize = 2_000;

/// Between which days of the customer's site; either may be open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Between {
    pub from: Option<NaiveDate>,
    /// The last day.
    pub to: Option<NaiveDate>,
}

impl Between {
    fn span(self, zone: Tz) -> Span {
        Span { from: self.from.map(|day| day_start(day, zone)), until: self.to.map(|day| day_end(day, zone)) }
    }
}

/// What happened with a customer's money. Debts are positive, credit is negative.
#[derive(Debug, Clone, Serialize)]
pub struct Statement {
    /// What he owed, less his credit, before the first day.
    pub opening: Money,
    /// The same after the last.
    pub closing: Money,
    /// As it stands now.
    pub balance: Balance,
    #[serde(flatten)]
    pub lines: Paged<StatementLine>,
}

/// A statement, the latest first.
///
/// # Errors
/// The database's; a foreign cursor.
pub async fn read(
    app: &App,
    customer: &Customer,
    between: Between,
    page: &PageOf,
) -> Result<Result<Statement, BadCursor>, DbErr> {
    let (db, zone) = (app.db.read(), customer.timezone.parse().unwrap_or(Tz::UTC));
    let settings = settings::load(db).await?;
    let currency = Currency::parse(&settings.currency).unwrap_or(Currency::IDR);
    let span = between.span(zone);
    let lines = match ledger::statement_within(db, (customer.id, currency), span, page).await? {
        Ok(lines) => lines,
        Err(bad) => return Ok(Err(bad)),
    };
    let balance = ledger::balance(db, customer.id, currency).await?;
    let now = balance.receivable.minor() - balance.credit.minor();
    let opening = match span.from {
        Some(from) => ledger::balance_before(db, customer.id, currency, from).await?,
        None => Money::new(0, currency),
    };
    let closing = match span.until {
        Some(until) => ledger::balance_before(db, customer.id, currency, until).await?,
        None => Money::new(now, currency),
    };
    Ok(Ok(Statement { opening, closing, balance, lines }))
}

/// A statement for paper: the whole of it, the first first; and whether lines before these were left out.
///
/// # Errors
/// The database's.
pub async fn whole(app: &App, customer: &Customer, between: Between) -> Result<(Statement, bool), DbErr> {
    let broken = |_: BadCursor| DbErr::Custom("a cursor of our own is not understood".to_owned());
    let (mut lines, mut cursor) = (Vec::new(), None);
    loop {
        let page = PageOf::new(Some(crate::db::paging::MAX_LIMIT), cursor.as_deref()).map_err(broken)?;
        let part = read(app, customer, between, &page).await?.map_err(broken)?;
        lines.extend(part.lines.items.iter().cloned());
        cursor = part.lines.next_cursor.clone();
        if cursor.is_none() || lines.len() >= MAX_PRINTED {
            lines.reverse();
            let lines = Paged { items: lines, next_cursor: None };
            return Ok((Statement { lines, ..part }, cursor.is_some()));
        }
    }
}
