//! Service given back on a promise of the rest, when a part of what is due was paid; and that promise taken back with the
//! payment. What somebody promised otherwise is never shortened by either.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    State, SubscriptionError, change, follow, hold,
    store::{self, Note},
    write::{Changed, write},
};
use crate::{app::App, audit::Actor, db::Tx, ids::SubscriptionId, ledger::aging::local_day};

/// In the history: a part payment made a promise, no shorter than what there was.
const PART_PAID: &str = "part-paid";
/// And it was taken back.
const PART_PAID_BACK: &str = "part-paid-back";

/// A promise that came with a part payment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Brought {
    receipt: String,
    until: DateTime<Utc>,
    /// What had been promised before.
    before: Option<DateTime<Utc>>,
    /// The payment was taken back.
    is_back: bool,
}

/// Gives a service back whose rest is promised until an instant, by the payment of a receipt. A longer promise stays; what
/// a person isolated does too. After the commit `app.wakes` is to be woken.
///
/// # Errors
/// The database's.
pub async fn promise_in(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    id: SubscriptionId,
    (receipt, until): (&str, DateTime<Utc>),
) -> Result<(), SubscriptionError> {
    hold(&**tx).await?;
    let Some(mut after) = store::hold(&**tx, &app.keys, &[id]).await?.pop() else { return Ok(()) };
    let before = after.subscription.clone();
    let of = &mut after.subscription;
    // One as long as what there is keeps it when the other is taken back.
    let is_as_long = before.promise_until.is_none_or(|promised| promised <= until);
    if is_as_long {
        of.promise_until = Some(until);
    }
    if of.state == State::Isolated && !of.is_held {
        of.state = State::Grace;
    }
    let last_day = local_day(until, of.zone()).pred_opt();
    let detail = json!({
        "number": before.number, "username": before.username, "receipt": receipt, "until_at": until,
        "until": last_day.map(|day| day.to_string()), "before": before.promise_until,
    });
    let owed = follow::owed(&**tx, &[id]).await?.remove(&id).unwrap_or_default();
    change::refresh(of, owed, follow::policy(&**tx).await?, now);
    if before != after.subscription {
        write(tx, app, (now, actor), vec![Changed::new(before, after)]).await?;
    }
    if is_as_long {
        store::note(&**tx, now, actor, &[Note { subscription: id, what: PART_PAID, detail }]).await?;
    }
    Ok(())
}

/// Takes back what the payment of a receipt had promised, which is taken back itself: what is not paid is isolated by the
/// next plan. What was promised before it, or since, stays. After the commit `app.wakes` is to be woken.
///
/// # Errors
/// The database's.
pub async fn forget_promise_in(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    id: SubscriptionId,
    receipt: &str,
) -> Result<(), SubscriptionError> {
    hold(&**tx).await?;
    let brought = brought(store::told(&**tx, id, &[PART_PAID, PART_PAID_BACK]).await?);
    if !brought.iter().any(|each| each.receipt == receipt) {
        return Ok(());
    }
    let Some(mut after) = store::hold(&**tx, &app.keys, &[id]).await?.pop() else { return Ok(()) };
    let before = after.subscription.clone();
    let of = &mut after.subscription;
    of.promise_until = left(of.promise_until, receipt, &brought).filter(|until| *until > now);
    let owed = follow::owed(&**tx, &[id]).await?.remove(&id).unwrap_or_default();
    change::refresh(of, owed, follow::policy(&**tx).await?, now);
    let detail = json!({ "number": before.number, "username": before.username, "receipt": receipt });
    if before != after.subscription {
        write(tx, app, (now, actor), vec![Changed::new(before, after)]).await?;
    }
    store::note(&**tx, now, actor, &[Note { subscription: id, what: PART_PAID_BACK, detail }]).await?;
    Ok(())
}

/// The promises that part payments brought, of what the history tells, oldest first.
fn brought(told: Vec<(String, Value)>) -> Vec<Brought> {
    let instant = |value: &Value| value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
    let mut found: Vec<Brought> = Vec::new();
    for (what, detail) in told {
        let receipt = detail["receipt"].as_str().unwrap_or_default().to_owned();
        if what == PART_PAID_BACK {
            for each in found.iter_mut().filter(|each| each.receipt == receipt) {
                each.is_back = true;
            }
        } else if let Some(until) = instant(&detail["until_at"]) {
            found.push(Brought { receipt, until, before: instant(&detail["before"]), is_back: false });
        }
    }
    found
}

/// What is still promised without a receipt's payment: of promises that stand on each other, those whose payments were
/// taken back are gone; nothing is shorter than what a payment that stands has brought.
fn left(now: Option<DateTime<Utc>>, receipt: &str, brought: &[Brought]) -> Option<DateTime<Utc>> {
    let is_back = |each: &&Brought| each.is_back || each.receipt == receipt;
    let standing = brought.iter().filter(|each| !is_back(each)).map(|each| each.until).max();
    let gone = brought.iter().rev().filter(is_back);
    gone.fold(now, |left, each| if left == Some(each.until) { each.before.max(standing) } else { left })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u32) -> Option<DateTime<Utc>> {
        format!("2026-12-{day:02}T15:00:00Z").parse().ok()
    }

    fn paid(receipt: &str, until: u32, before: Option<DateTime<Utc>>) -> Brought {
        Brought { receipt: receipt.to_owned(), until: at(until).unwrap(), before, is_back: false }
    }

    #[test]
    fn only_what_a_payment_promised_goes_with_it() {
        let one = [paid("A", 21, None)];
        assert_eq!(left(at(21), "A", &one), None);
        // Promised by a person before, or since.
        assert_eq!(left(at(21), "A", &[paid("A", 21, at(18))]), at(18));
        assert_eq!(left(at(25), "A", &one), at(25));
        assert_eq!(left(None, "A", &one), None);
        // Two payments: each takes its own.
        let mut two = vec![paid("A", 21, None), paid("B", 22, at(21))];
        assert_eq!(left(at(22), "B", &two), at(21));
        assert_eq!(left(at(22), "A", &two), at(22));
        two[0].is_back = true;
        assert_eq!(left(at(22), "B", &two), None);
        // On one day: the other's promise is as long, and stands.
        let mut same = vec![paid("A", 21, None), paid("B", 21, at(21))];
        assert_eq!((left(at(21), "A", &same), left(at(21), "B", &same)), (at(21), at(21)));
        same[0].is_back = true;
        assert_eq!(left(at(21), "B", &same), None);
    }

    #[test]
    fn the_history_tells_what_payments_promised() {
        let told = |what: &str, detail: Value| (what.to_owned(), detail);
        let found = brought(vec![
            told(PART_PAID, json!({ "receipt": "A", "until_at": at(21), "before": null })),
            told(PART_PAID, json!({ "receipt": "B", "until_at": at(22), "before": at(21) })),
            told(PART_PAID_BACK, json!({ "receipt": "A" })),
        ]);
        assert_eq!(found, [Brought { is_back: true, ..paid("A", 21, None) }, paid("B", 22, at(21))]);
    }
}
