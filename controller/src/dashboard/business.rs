//! Where the monthly business stands: what came in today, what is overdue, who is cut off, what waits for a person. Each
//! figure is read along an index or kept in memory by the feature it is of; who may not see it has it not read.

use serde::Serialize;

use super::zones;
use crate::{
    app::App,
    billing,
    http::{
        access::{Permission, Scope},
        error::AppError,
        session::Caller,
    },
    ids::{PlanId, SiteId},
    invoices::{self, Tab},
    money::MoneyError,
    notifications::{self, MAX_COUNTED, MessageState},
    payments::{self, Takings},
    sites::Site,
    subscriptions::{self, State},
};

/// Figures of the monthly business; `None` is not for the caller.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Business {
    /// Today, by currency.
    pub(crate) taken: Option<Vec<Takings>>,
    /// By currency.
    pub(crate) overdue: Option<Vec<invoices::Sum>>,
    pub(crate) services: Option<Services>,
    pub(crate) waiting: Waiting,
}

/// Services by what their customers have of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Services {
    pub(crate) active: i64,
    pub(crate) grace: i64,
    pub(crate) isolated: i64,
}

/// What waits for a person; nothing of what the caller may not see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Waiting {
    /// Invoices to be approved.
    pub(crate) drafts: i64,
    /// Plans of isolation that are held, newest first.
    pub(crate) plans: Vec<PlanId>,
    /// Plans of isolation that act soon, or do already, newest first.
    pub(crate) acting: Vec<PlanId>,
    /// Messages to be sent.
    pub(crate) messages: Counted,
    /// Customers to be called.
    pub(crate) calls: Counted,
}

/// A count that stops somewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counted {
    pub(crate) count: u64,
    /// There are more.
    pub(crate) is_cut: bool,
}

impl From<u64> for Counted {
    fn from(count: u64) -> Self {
        Self { count: count.min(MAX_COUNTED), is_cut: count > MAX_COUNTED }
    }
}

/// The figures of these sites.
pub(super) async fn business(
    app: &App,
    caller: &Caller,
    (scope, sites): (&Scope, &[Site]),
) -> Result<Business, AppError> {
    let sees_money = caller.may(Permission::InvoicesSee);
    let services = match caller.may(Permission::SubscriptionsSee) {
        true => Some(services(app, scope).await?),
        false => None,
    };
    Ok(Business {
        taken: if sees_money { Some(taken_today(app, sites).await?) } else { None },
        overdue: if sees_money { Some(sums(app, scope, Tab::Overdue).await?) } else { None },
        services,
        waiting: waiting(app, caller, scope, sites).await?,
    })
}

async fn sums(app: &App, scope: &Scope, tab: Tab) -> Result<Vec<invoices::Sum>, AppError> {
    Ok(invoices::sums(app, scope, &invoices::Filter { tab, ..invoices::Filter::default() }).await?)
}

/// Of the day of each site, which begins at its own midnight.
async fn taken_today(app: &App, sites: &[Site]) -> Result<Vec<Takings>, AppError> {
    let mut all = Vec::new();
    for (day, of) in zones(app.clock.now(), sites) {
        all.extend(payments::taken(app, &Scope::Sites(of), day).await?);
    }
    by_currency(all).map_err(|error| AppError::Internal(error.into()))
}

fn by_currency(all: Vec<Takings>) -> Result<Vec<Takings>, MoneyError> {
    let mut sums: Vec<Takings> = Vec::new();
    for takings in all {
        match sums.iter_mut().find(|sum| sum.amount.currency() == takings.amount.currency()) {
            Some(sum) => {
                sum.count = sum.count.saturating_add(takings.count);
                sum.amount = sum.amount.plus(takings.amount)?;
            }
            None => sums.push(takings),
        }
    }
    Ok(sums)
}

async fn services(app: &App, scope: &Scope) -> Result<Services, AppError> {
    let counts = subscriptions::counts(app, scope, &subscriptions::Filter::default()).await?;
    let of =
        |wanted: State| -> i64 { counts.iter().filter(|(state, _)| *state == wanted).map(|(_, count)| count).sum() };
    Ok(Services { active: of(State::Active), grace: of(State::Grace), isolated: of(State::Isolated) })
}

async fn waiting(app: &App, caller: &Caller, scope: &Scope, sites: &[Site]) -> Result<Waiting, AppError> {
    let (db, mut waiting) = (app.db.read(), Waiting::default());
    if caller.may(Permission::InvoicesManage) {
        waiting.drafts = sums(app, scope, Tab::Draft).await?.iter().map(|sum| sum.count).sum();
    }
    if caller.may(Permission::BillingSee) {
        let ids: Vec<SiteId> = sites.iter().map(|site| site.id).collect();
        let plans = billing::under_way(db, &ids, app.clock.now()).await?;
        (waiting.plans, waiting.acting) = (plans.held, plans.acting);
        waiting.messages = notifications::count(db, scope, MessageState::Draft).await?.into();
        waiting.calls = notifications::count(db, scope, MessageState::ToCall).await?.into();
    }
    Ok(waiting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Money;

    #[test]
    fn takings_of_several_zones_add_up_within_a_currency() {
        let of = |count, amount| Takings { count, amount: Money::idr(amount) };
        assert_eq!(by_currency(vec![of(1, 165_000), of(2, 200_000)]).unwrap(), [of(3, 365_000)]);
        assert_eq!(by_currency(Vec::new()).unwrap(), []);
    }

    #[test]
    fn what_is_beyond_counting_is_said_to_be_more() {
        assert_eq!(Counted::from(MAX_COUNTED), Counted { count: MAX_COUNTED, is_cut: false });
        assert_eq!(Counted::from(MAX_COUNTED + 1), Counted { count: MAX_COUNTED, is_cut: true });
    }
}
