//! Accounts and their balances.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, sea_query::OnConflict,
};

use super::{
    super::{
        Account,
        chart::{Code, Place},
    },
    damaged, number, sql, text,
};
use crate::{
    db::entity::account::{ActiveModel, Column, Entity, Model},
    ids::AccountId,
    money::{Currency, Money},
};

/// The accounts of these places, made where they are missing, in the order asked for.
pub(super) async fn of_places(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    places: &[(&Place, Currency)],
) -> Result<Vec<AccountId>, DbErr> {
    let found = stored(tx, places).await?;
    let mut missing: Vec<_> = places.iter().filter(|wanted| position(&found, wanted).is_none()).collect();
    if missing.is_empty() {
        return in_order(&found, places);
    }
    // In one order: two that make the same new accounts do not wait for each other.
    missing.sort_by_key(|(place, _)| *place);
    let mut rows: Vec<ActiveModel> = Vec::with_capacity(missing.len());
    for (place, currency) in missing {
        rows.push(ActiveModel {
            code: Set(place.code().as_str().to_owned()),
            kind: Set(place.code().kind().as_str().to_owned()),
            currency: Set(currency.code().to_owned()),
            sub: Set(place.sub().to_owned()),
            created_at: Set(now),
            ..Default::default()
        });
    }
    let once = OnConflict::columns([Column::Code, Column::Currency, Column::Sub]).do_nothing().to_owned();
    Entity::insert_many(rows).on_conflict(once).exec_without_returning(tx).await?;
    in_order(&stored(tx, places).await?, places)
}

async fn stored(tx: &impl ConnectionTrait, places: &[(&Place, Currency)]) -> Result<Vec<Model>, DbErr> {
    let any = places.iter().fold(Condition::any(), |any, (place, currency)| {
        any.add(
            Condition::all()
                .add(Column::Code.eq(place.code().as_str()))
                .add(Column::Currency.eq(currency.code()))
                .add(Column::Sub.eq(place.sub())),
        )
    });
    Entity::find().filter(any).all(tx).await
}

fn position(found: &[Model], (place, currency): &(&Place, Currency)) -> Option<AccountId> {
    let same =
        |row: &&Model| row.code == place.code().as_str() && row.currency == currency.code() && row.sub == place.sub();
    found.iter().find(same).map(|row| AccountId(row.id))
}

fn in_order(found: &[Model], places: &[(&Place, Currency)]) -> Result<Vec<AccountId>, DbErr> {
    let id = |wanted| position(found, wanted).ok_or_else(|| damaged("an account is missing after it was made"));
    places.iter().map(id).collect()
}

/// Sums up to the checkpoint, and what came after: one statement, so that it is of one moment.
const BALANCES: &str = "SELECT a.id, a.code, a.currency, a.sub,
        COALESCE(b.debit, 0) + COALESCE(t.debit, 0), COALESCE(b.credit, 0) + COALESCE(t.credit, 0)
    FROM account a
    LEFT JOIN account_balance b ON b.account_id = a.id
    LEFT JOIN (SELECT account_id,
                      CAST(SUM(CASE WHEN amount_minor > 0 THEN amount_minor ELSE 0 END) AS BIGINT) AS debit,
                      CAST(SUM(CASE WHEN amount_minor < 0 THEN -amount_minor ELSE 0 END) AS BIGINT) AS credit
               FROM posting
               WHERE entry_id > (SELECT COALESCE(MAX(through_entry), 0) FROM account_balance)
               GROUP BY account_id) t ON t.account_id = a.id";

/// Every account with its balance, by number.
pub(in super::super) async fn accounts(db: &impl ConnectionTrait) -> Result<Vec<Account>, DbErr> {
    let rows = db.query_all_raw(sql(db, &format!("{BALANCES} ORDER BY a.code, a.currency, a.sub"), [])).await?;
    rows.iter().map(read).collect()
}

/// One account with its balance.
pub(in super::super) async fn account(db: &impl ConnectionTrait, id: AccountId) -> Result<Option<Account>, DbErr> {
    let row = db.query_one_raw(sql(db, &format!("{BALANCES} WHERE a.id = $1"), [id.0.into()])).await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &sea_orm::QueryResult) -> Result<Account, DbErr> {
    let code = Code::parse(&text(row, 1)?).ok_or_else(|| damaged("an account of no known number"))?;
    let currency = Currency::parse(&text(row, 2)?).ok_or_else(|| damaged("an account of no known currency"))?;
    let (debit, credit) = (number(row, 4)?, number(row, 5)?);
    let balance = if code.kind().grows_by_debit() { debit.checked_sub(credit) } else { credit.checked_sub(debit) };
    Ok(Account {
        id: AccountId(number(row, 0)?),
        code: code.as_str(),
        kind: code.kind(),
        sub: text(row, 3)?,
        debit: Money::new(debit, currency),
        credit: Money::new(credit, currency),
        balance: Money::new(balance.ok_or_else(|| damaged("a balance beyond what fits"))?, currency),
    })
}
