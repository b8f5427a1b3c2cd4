//! Whose paid time is over before he comes in. The next night invoices him, so it is told before anybody says yes.

use chrono::{DateTime, NaiveDate, Timelike as _, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Intake, Kind, Line, Place, State,
    check::{self, Checked},
    columns::{self, Field},
    rules::{self, Usual, Wish},
    store, usual,
};
use crate::{
    app::App,
    http::access::Scope,
    ids::CustomerId,
    ledger::aging::local_day,
    packages::Package,
    sites,
    subscriptions::{SubscriptionError, bill, create::offer, rules::check as check_form},
};

/// So many are told by name.
pub(super) const NAMED: usize = 10;

/// A line whose paid time is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SubscriptionIntakeLate)]
pub struct Late {
    pub line: i32,
    /// Of the customer; his number or the username where the list has no name.
    pub name: String,
    /// The last day that was paid.
    pub paid_until: NaiveDate,
    /// The last day to pay of the first invoice.
    pub due_on: NaiveDate,
}

/// Those whose paid time is over, and when they are invoiced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SubscriptionIntakeLateOnes)]
pub struct LateOnes {
    pub count: usize,
    /// The day of the night that invoices them.
    pub invoiced_on: NaiveDate,
    /// The first of them.
    pub first: Vec<Late>,
}

/// Lines of services that are taken over and whose paid time is over; nothing when there are none, or somebody said yes
/// already.
///
/// # Errors
/// [`SubscriptionError`].
pub async fn of(app: &App, scope: &Scope, intake: &Intake) -> Result<Option<LateOnes>, SubscriptionError> {
    let is_told = intake.is_takeover && intake.state == State::Ready && columns::has(&intake.columns, Field::PaidUntil);
    if !is_told || intake.good == 0 {
        return Ok(None);
    }
    let (db, now) = (app.db.read(), app.clock.now());
    let Some(site) = sites::find(db, scope, intake.site_id).await? else { return Ok(None) };
    let place = Place { router: intake.router_id, package: intake.package_id };
    let usual = usual(app, scope, place, (Kind::Takeover, None)).await?;
    let lines = store::lines(db, &app.keys, intake.id, Some(true), (i32::MIN, super::ALL_ROWS)).await?;
    let read = |line: Line| {
        let wish = rules::wish(&intake.columns, &line.cells, &usual).ok().filter(|wish| is_over(wish, &usual));
        wish.map(|wish| Checked { line, wish: Some(wish), customer: None })
    };
    let all: Vec<Checked> = lines.into_iter().filter_map(read).collect();
    let packages = check::offered(db, scope, (&all, now)).await?;
    let invoiced_on = next_night(now, site.zone(), u32::try_from(site.run_hour).unwrap_or(0));
    let mut found: Vec<Late> = Vec::with_capacity(all.len());
    for Checked { line, wish, .. } in all {
        let Some(wish) = wish else { continue };
        let Some(package) = packages.get(&(wish.package, wish.router)) else { continue };
        found.extend(late(line.line, wish, package, (usual.today, invoiced_on)));
    }
    let count = found.len();
    found.truncate(NAMED);
    Ok((count > 0).then_some(LateOnes { count, invoiced_on, first: found }))
}

fn is_over(wish: &Wish, usual: &Usual) -> bool {
    wish.taken.paid_until.is_some_and(|day| day <= usual.today)
}

/// What is told of a line; nothing where there is nothing to pay.
fn late(line: i32, wish: Wish, package: &Package, (today, invoiced_on): (NaiveDate, NaiveDate)) -> Option<Late> {
    let from = wish.taken.paid_until?;
    if wish.taken.price.unwrap_or(package.price).minor() == 0 {
        return None;
    }
    let mut form = wish.form;
    form.customer_id = Some(CustomerId(1));
    let agreed = check_form(&form, offer(package), today).ok()?.agreed;
    let name = [wish.customer.name, wish.customer_number.unwrap_or_default(), form.username];
    Some(Late {
        line,
        name: name.into_iter().find(|name| !name.is_empty()).unwrap_or_default(),
        paid_until: from.pred_opt().unwrap_or(from),
        due_on: bill::due_of((agreed.is_prepaid, agreed.due_days), from, invoiced_on),
    })
}

/// The day of the next night of a site that begins at an hour.
fn next_night(now: DateTime<Utc>, zone: Tz, hour: u32) -> NaiveDate {
    let today = local_day(now, zone);
    if now.with_timezone(&zone).hour() < hour { today } else { today.succ_opt().unwrap_or(today) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_night_is_that_of_tomorrow_once_its_hour_has_passed() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        for (now, hour, day) in [
            ("2026-11-24T03:00:00Z", 0, "2026-11-25"),
            ("2026-11-23T17:30:00Z", 1, "2026-11-24"),
            ("2026-11-23T18:00:00Z", 1, "2026-11-25"),
        ] {
            assert_eq!(next_night(at(now), Tz::Asia__Jakarta, hour).to_string(), day, "{now} {hour}");
        }
    }
}
