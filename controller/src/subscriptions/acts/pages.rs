//! What the page of an act shows: its form, and what pressing it would make of dates and money.

use chrono::NaiveDate;
use serde::Serialize;

use super::{
    Done,
    fields::Fields,
    plan::{Asked, AskedFor, Charge, FirstPeriod, NextInvoice, Plan},
    quote::{Difference, GivenBack, Part, Returned},
    rules::Paying,
};
use crate::{
    http::{
        form::{Choice, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::{AddonId, InvoiceId},
    money::Money,
    subscriptions::{Addon, Period, State, Subscription, bill::Bill, pages::sample},
};

/// The form of one act.
#[derive(Debug, Serialize)]
pub(crate) struct ActPage {
    pub(crate) subscription: Subscription,
    /// As in the path.
    pub(crate) act: String,
    /// What is wrong with it stands here once its button was pressed.
    pub(crate) form: FormView<Fields>,
    /// What its list offers: packages, add-ons, routers.
    pub(crate) choices: Vec<Choice>,
    /// Add-ons that may end.
    pub(crate) addons: Vec<Addon>,
    /// What it would make of the subscription; nothing until enough is typed.
    pub(crate) preview: Option<Done>,
    /// What is wrong with what is typed so far.
    pub(crate) problems: FormErrors,
    /// Nothing is another than before, which is no fault of who has not pressed the button.
    pub(crate) is_same: bool,
    /// Last days of what it would be.
    pub(crate) last: Last,
    /// What the customer owes, and what he has.
    pub(crate) debt: Money,
    pub(crate) balance: Money,
}

/// Last days, of pages that people read; rows have the first day after them.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Last {
    pub(crate) pause: Option<NaiveDate>,
    pub(crate) service: Option<NaiveDate>,
    pub(crate) covered: Option<NaiveDate>,
}

impl Last {
    /// Those of a subscription.
    pub(crate) fn of(of: &Subscription) -> Self {
        let last = |day: Option<NaiveDate>| day.and_then(|day| day.pred_opt());
        Self { pause: last(of.paused_until), service: last(of.ends_on), covered: of.paid_through() }
    }
}

impl Page for ActPage {
    const TEMPLATE: &'static str = "subscriptions/act.html";

    fn samples() -> Vec<Self> {
        let page = |act: &str, preview: Option<Plan>| {
            let preview = preview.map(|plan| Done { subscription: later(), plan, invoice: None });
            Self {
                subscription: sample(),
                act: act.to_owned(),
                form: FormView::fresh(Fields::fresh(&sample(), day("2026-12-12"))),
                choices: vec![Choice::new(2, "Rumah 20 Mbps · Rp225.000")],
                addons: vec![addon()],
                last: preview.as_ref().map(|done| Last::of(&done.subscription)).unwrap_or_default(),
                preview,
                problems: FormErrors::default(),
                is_same: false,
                debt: Money::idr(165_000),
                balance: Money::idr(1_500),
            }
        };
        let mut pages: Vec<Self> = super::ACTS.into_iter().map(|act| page(act, None)).collect();
        for what in super::plan::WHATS {
            pages.push(page("change_package", Some(Plan { what, ..sample_plan(true) })));
        }
        pages.push(page("end", Some(sample_plan(false))));
        pages.push(Self { choices: Vec::new(), addons: Vec::new(), ..page("addons", None) });
        let mut errors = FormErrors::default();
        for (field, code) in [("package_id", "package_same"), ("until", "promise_this_month"), ("", "form_is_stale")] {
            errors.add(field, FieldError::new(code));
        }
        for act in super::ACTS {
            let form = FormView::again(Fields::default(), errors.clone(), "");
            pages.push(Self { form, ..page(act, None) });
        }
        pages.push(Self { problems: errors, ..page("discount", None) });
        pages.push(Self { is_same: true, ..page("rename", None) });
        pages
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap_or_default()
}

/// The sample as it would be afterwards, with everything that a preview shows.
fn later() -> Subscription {
    Subscription {
        state: State::Paused,
        paused_from: Some(day("2026-12-15")),
        paused_until: Some(day("2027-01-15")),
        ends_on: Some(day("2027-02-01")),
        promise_until: Some(chrono::DateTime::UNIX_EPOCH),
        ..sample()
    }
}

fn addon() -> Addon {
    Addon {
        id: 7,
        addon_id: Some(AddonId(1)),
        name: "IP statis".to_owned(),
        is_one_off: false,
        quantity: 1,
        price: Money::idr(50_000),
        cost: None,
        is_taxed: false,
        from: day("2026-11-24"),
        until: None,
        billed_at: None,
    }
}

fn sample_plan(asks: bool) -> Plan {
    let days = Period { from: day("2026-12-12"), until: day("2027-01-01") };
    let line = |what: AskedFor, amount: i64| Asked {
        what,
        amount: Money::idr(amount),
        is_taxed: false,
        days: Some(days),
        cost: None,
        quantity: 1,
        addon: None,
        name: "Rumah 20 Mbps".to_owned(),
    };
    let kinds = [AskedFor::OldPackage, AskedFor::NewPackage, AskedFor::Addon];
    let charge = Charge {
        lines: kinds.map(|what| line(what, 38_700)).to_vec(),
        amount: Money::idr(38_700),
        paying: if asks { Paying::Now } else { Paying::NextInvoice },
        pays_first: asks,
        due_on: days.from,
    };
    let back = GivenBack {
        invoice: InvoiceId(3),
        number: "INV-202612-000123".to_owned(),
        amount: Money::idr(90_500),
        is_draft: false,
        is_whole: false,
    };
    let returned = Returned { of_invoices: vec![back], loose: Money::idr(1_000), total: Money::idr(91_500) };
    Plan {
        what: "paused",
        detail: serde_json::Value::Null,
        from: days.from,
        is_now: asks,
        difference: Some(Difference {
            parts: vec![Part { days, count: 20, of: 31 }],
            old: Money::idr(106_452),
            new: Money::idr(145_161),
            amount: Money::idr(38_700),
        }),
        charge: Some(charge),
        returned,
        owed: Some(Money::idr(53_200)),
        last: Bill::default(),
        next: vec![NextInvoice::sample(("2027-01-01", "2027-02-01"), Money::idr(165_000))],
        paid_until: Some(day("2027-02-01")),
        moved_days: 10,
        period: Some(FirstPeriod { days, amount: Money::idr(50_000), due_on: days.until, is_now: asks }),
        paused: None,
        addon: None,
        drops: None,
        is_foreseen: !asks,
    }
}
