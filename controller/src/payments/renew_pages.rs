//! What the page of paying ahead shows, and how its form is read.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Method, Renewal, Renewing};
use crate::{
    http::{
        form::{Check, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::SubscriptionId,
    money::{Currency, Money},
    subscriptions::{Subscription, acts::NextInvoice, pages::sample},
};

/// Periods that are offered to be paid ahead.
pub(super) const OFFERED: [usize; 4] = [1, 3, 6, 12];

/// A service that is paid ahead: how far, what that costs, and the form that takes the money.
#[derive(Debug, Serialize)]
pub(crate) struct RenewPage {
    pub(crate) subscription: Subscription,
    /// The last day that is paid.
    pub(crate) covered: Option<NaiveDate>,
    pub(crate) offers: Vec<Offer>,
    /// What is owed for the service already.
    pub(crate) owed: Money,
    pub(crate) balance: Money,
    pub(crate) form: FormView<Fields>,
    pub(crate) chosen: Option<Chosen>,
    pub(crate) currency_sign: String,
    pub(crate) may_manage: bool,
}

/// So many periods, with what is owed already.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Offer {
    pub(crate) periods: usize,
    /// The last day that is paid then.
    pub(crate) last: Option<NaiveDate>,
    pub(crate) total: Money,
}

/// What the form would do as it stands.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Chosen {
    pub(crate) renewal: Renewal,
    pub(crate) last: Option<NaiveDate>,
    pub(crate) from_balance: Money,
    /// What is to be handed over.
    pub(crate) rest: Money,
    /// What is handed back, or becomes balance.
    pub(crate) change: Money,
    /// So much is missing.
    pub(crate) missing: Money,
}

/// The sum alone, while somebody types.
#[derive(Debug, Serialize)]
pub(crate) struct SumPart {
    pub(crate) chosen: Option<Chosen>,
}

/// Paying ahead, as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) periods: String,
    pub(crate) method: String,
    /// Empty: exactly what it costs.
    pub(crate) given: String,
    pub(crate) balance: String,
    pub(crate) keep: String,
    pub(crate) note: String,
    /// Only to be calculated.
    #[serde(skip_serializing)]
    pub(crate) preview: String,
}

impl Fields {
    /// One period, in cash, from the balance first where there is any.
    pub(super) fn fresh(balance: Money) -> Self {
        Self {
            periods: "1".to_owned(),
            method: Method::Cash.as_str().to_owned(),
            balance: if balance.minor() > 0 { "on".to_owned() } else { String::new() },
            ..Self::default()
        }
    }

    /// What is to be done.
    ///
    /// # Errors
    /// What cannot be read.
    pub(super) fn read(&self, subscription: SubscriptionId, currency: Currency) -> Result<Renewing, FormErrors> {
        let mut check = Check::default();
        let max = i64::try_from(crate::subscriptions::acts::MAX_PERIODS).unwrap_or(i64::MAX);
        let periods = check.int("periods", &self.periods, 1..=max);
        let method = check.choice("method", &self.method, Method::of_money);
        let given = match self.given.trim() {
            "" => Some(None),
            text => check.money("given", text, currency).map(Some),
        };
        match (periods.and_then(|periods| usize::try_from(periods).ok()), method, given) {
            (Some(periods), Some(method), Some(given)) if check.is_clean() => Ok(Renewing {
                subscription,
                periods,
                method,
                given,
                uses_balance: Check::ticked(&self.balance),
                keeps_rest: Check::ticked(&self.keep),
                note: self.note.clone(),
            }),
            _ => Err(check.into_errors()),
        }
    }
}

impl Chosen {
    /// What a wish would do, of what the periods cost.
    pub(super) fn of(renewing: &Renewing, renewal: Renewal) -> Self {
        let money = |minor: i64| Money::new(minor, renewal.total.currency());
        let total = renewal.total.minor();
        let from_balance = if renewing.uses_balance { renewal.balance.minor().min(total) } else { 0 };
        let rest = total.saturating_sub(from_balance);
        let given = renewing.given.map_or(rest, Money::minor);
        Self {
            last: renewal.paid_until.and_then(|day| day.pred_opt()),
            from_balance: money(from_balance),
            rest: money(rest),
            change: money(given.saturating_sub(rest).max(0)),
            missing: money(rest.saturating_sub(given).max(0)),
            renewal,
        }
    }
}

fn day(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}

fn sample_chosen(given: Option<i64>) -> Chosen {
    let next = |from: &str, until: &str| NextInvoice::sample((from, until), Money::idr(165_000));
    let renewal = Renewal {
        periods: 3,
        next: vec![next("2026-12-01", "2027-01-01"), next("2027-01-01", "2027-02-01")],
        owed: Money::idr(38_500),
        total: Money::idr(368_500),
        balance: Money::idr(10_000),
        paid_until: day("2027-02-01"),
    };
    let renewing = Renewing {
        subscription: SubscriptionId(1),
        periods: 3,
        method: Method::Cash,
        given: given.map(Money::idr),
        uses_balance: true,
        keeps_rest: false,
        note: String::new(),
    };
    Chosen::of(&renewing, renewal)
}

impl Page for RenewPage {
    const TEMPLATE: &'static str = "payments/renew.html";

    fn samples() -> Vec<Self> {
        let offer = |periods: usize| Offer { periods, last: day("2027-01-31"), total: Money::idr(165_000) };
        let page = |form, chosen| Self {
            subscription: sample(),
            covered: day("2026-11-30"),
            offers: OFFERED.map(offer).to_vec(),
            owed: Money::idr(38_500),
            balance: Money::idr(10_000),
            form,
            chosen,
            currency_sign: "Rp".to_owned(),
            may_manage: true,
        };
        let fresh = || Fields::fresh(Money::idr(10_000));
        let mut errors = FormErrors::of("periods", FieldError::new("renew_not_beyond"));
        errors.add("given", FieldError::new("renew_needs_all").arg("total", "Rp165.000"));
        errors.add("", FieldError::new("form_used"));
        let none = Self {
            covered: None,
            offers: Vec::new(),
            owed: Money::idr(0),
            balance: Money::idr(0),
            may_manage: false,
            ..page(FormView::again(fresh(), errors, ""), None)
        };
        vec![page(FormView::fresh(fresh()), Some(sample_chosen(None))), none]
    }
}

impl Page for SumPart {
    const TEMPLATE: &'static str = "payments/_renew_sum.html";

    fn samples() -> Vec<Self> {
        [None, Some(100), Some(400_000)]
            .map(|given| Self { chosen: Some(sample_chosen(given)) })
            .into_iter()
            .chain([Self { chosen: None }])
            .collect()
    }
}
