//! What is typed and sent to do something with a subscription, read into an [`Act`].

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Act, Planned, Terms,
    rules::{Details, MAX_REASON, Paying, When},
};
use crate::{
    http::form::{Check, FieldError, FormErrors},
    ids::{AddonId, PackageId, RouterId},
    money::{Currency, Money},
    packages::{Cycle, OnExpiry},
    settings::services::MAX_USERNAME,
    subscriptions::{Discount, Subscription, rules},
};

/// The body of a request of the API; what an act does not need is not read.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(super) struct Body {
    #[schema(value_type = i64)]
    package_id: Option<PackageId>,
    /// `now`, or `next_period`. Unless said: more at once, less with the next period.
    when: String,
    /// `now`, or `next_invoice`. Unless said: with the next invoice.
    paying: String,
    /// The first day of a pause or an add-on; today unless said.
    from: Option<NaiveDate>,
    /// The last day of a pause, a promise, a discount, an add-on.
    until: Option<NaiveDate>,
    /// The last day of service.
    last_day: Option<NaiveDate>,
    reason: String,
    /// What of the customer's equipment came back.
    equipment: String,
    /// Whether what was paid and is not served becomes balance; yes unless said.
    is_credited: Option<bool>,
    /// Of a switch: exempt, renewed.
    is_on: Option<bool>,
    /// Of a discount, off each period; none: it is taken away.
    amount: Option<Money>,
    #[schema(value_type = i64)]
    addon_id: Option<AddonId>,
    quantity: Option<i64>,
    /// Which add-on of the subscription ends.
    row: Option<i64>,
    /// How many periods are paid ahead; one unless said.
    periods: Option<i64>,
    /// `monthly`, `anniversary`, … of the same length as before.
    cycle: String,
    /// 1 to 28, of `monthly`.
    bill_day: Option<i64>,
    is_prepaid: Option<bool>,
    due_days: Option<i64>,
    /// `isolate`, `disable`, `remove`.
    on_expiry: String,
    grace_days: Option<i64>,
    server: Option<String>,
    remote_address: Option<String>,
    mac: Option<String>,
    /// Empty: hiji makes one.
    password: String,
    #[schema(value_type = i64)]
    router_id: Option<RouterId>,
    username: String,
    /// What is taken back: `pause`, `end`, `change`.
    planned: String,
    /// `version` as read: refused when something was done since.
    pub(super) seen: Option<i32>,
    /// It is only looked at: why a service ends is asked for when it is done.
    #[serde(skip)]
    is_looked_at: bool,
}

/// The same as typed on a page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) seen: String,
    pub(crate) package_id: String,
    pub(crate) when: String,
    pub(crate) paying: String,
    pub(crate) from: String,
    pub(crate) until: String,
    pub(crate) last_day: String,
    pub(crate) reason: String,
    pub(crate) equipment: String,
    pub(crate) is_credited: String,
    pub(crate) is_on: String,
    pub(crate) amount: String,
    pub(crate) addon_id: String,
    pub(crate) quantity: String,
    pub(crate) row: String,
    pub(crate) periods: String,
    pub(crate) cycle: String,
    pub(crate) bill_day: String,
    /// `yes` or `no`.
    pub(crate) is_prepaid: String,
    pub(crate) due_days: String,
    pub(crate) on_expiry: String,
    pub(crate) grace_days: String,
    pub(crate) server: String,
    pub(crate) remote_address: String,
    pub(crate) mac: String,
    pub(crate) password: String,
    pub(crate) router_id: String,
    pub(crate) username: String,
    pub(crate) planned: String,
}

impl Fields {
    /// The form of an act as it is drawn first.
    pub(crate) fn fresh(of: &Subscription, today: NaiveDate) -> Self {
        let discount = of.discount.as_ref();
        Self {
            seen: of.version.to_string(),
            from: today.to_string(),
            last_day: today.to_string(),
            is_credited: "on".to_owned(),
            amount: discount.map(|discount| discount.amount.typed()).unwrap_or_default(),
            quantity: "1".to_owned(),
            periods: "1".to_owned(),
            cycle: of.cycle.clone(),
            bill_day: of.bill_day.map(|day| day.to_string()).unwrap_or_default(),
            is_prepaid: if of.is_prepaid { "yes" } else { "no" }.to_owned(),
            due_days: of.due_days.to_string(),
            on_expiry: of.on_expiry.as_str().to_owned(),
            grace_days: of.grace_days.to_string(),
            server: of.server.clone(),
            remote_address: of.remote_address.clone(),
            mac: of.mac.clone(),
            username: of.username.clone(),
            ..Self::default()
        }
    }

    /// The version that was seen.
    pub(super) fn seen(&self) -> Option<i32> {
        self.seen.parse().ok()
    }

    /// The same as a request of the API would say it. What an act's form shows filled in has to stay so: left out it
    /// would be as before, which nobody means who empties it.
    ///
    /// # Errors
    /// The fields that cannot be read.
    pub(super) fn body(&self, act: &str, currency: Currency) -> Result<Body, FormErrors> {
        let mut check = Check::default();
        let is_emptied = |text: &str| text.trim().is_empty();
        if act == "terms" && is_emptied(&self.due_days) {
            check.refuse("due_days", FieldError::new("required"));
        }
        if matches!(act, "terms" | "details") && is_emptied(&self.grace_days) {
            check.refuse("grace_days", FieldError::new("required"));
        }
        let number = |check: &mut Check, field: &str, text: &str, max: i64| match text.trim() {
            "" => None,
            text => check.int(field, text, 0..=max),
        };
        let id = |check: &mut Check, field: &str, text: &str| match text.trim() {
            "" => None,
            text => check.id(field, text),
        };
        let amount = match self.amount.trim() {
            "" => None,
            text => check.money("amount", text, currency),
        };
        let body = Body {
            package_id: id(&mut check, "package_id", &self.package_id).map(PackageId),
            when: self.when.clone(),
            paying: self.paying.clone(),
            from: check.optional_day("from", &self.from),
            until: check.optional_day("until", &self.until),
            last_day: check.optional_day("last_day", &self.last_day),
            reason: self.reason.clone(),
            equipment: self.equipment.clone(),
            is_credited: Some(Check::ticked(&self.is_credited)),
            is_on: Some(Check::ticked(&self.is_on)),
            amount: amount.filter(|amount| amount.minor() > 0),
            addon_id: id(&mut check, "addon_id", &self.addon_id).map(AddonId),
            quantity: number(&mut check, "quantity", &self.quantity, 1_000),
            row: id(&mut check, "row", &self.row),
            periods: number(&mut check, "periods", &self.periods, 1_000),
            cycle: self.cycle.clone(),
            bill_day: number(&mut check, "bill_day", &self.bill_day, 1_000),
            is_prepaid: Some(self.is_prepaid == "yes").filter(|_| !self.is_prepaid.is_empty()),
            due_days: number(&mut check, "due_days", &self.due_days, 1_000),
            on_expiry: self.on_expiry.clone(),
            grace_days: number(&mut check, "grace_days", &self.grace_days, 1_000),
            server: Some(self.server.clone()),
            remote_address: Some(self.remote_address.clone()),
            mac: Some(self.mac.clone()),
            password: self.password.clone(),
            router_id: id(&mut check, "router_id", &self.router_id).map(RouterId),
            username: self.username.clone(),
            planned: self.planned.clone(),
            seen: self.seen(),
            is_looked_at: false,
        };
        if check.is_clean() { Ok(body) } else { Err(check.into_errors()) }
    }
}

/// The first day after one.
fn after(day: NaiveDate) -> NaiveDate {
    day.succ_opt().unwrap_or(day)
}

impl Body {
    /// The same, only to be looked at.
    pub(super) fn looked_at(self) -> Self {
        Self { is_looked_at: true, ..self }
    }

    /// What is asked by the last part of the path; `None`: there is no such act.
    ///
    /// # Errors
    /// The fields that are wrong.
    pub(super) fn act(&self, name: &str, today: NaiveDate) -> Option<Result<Act, FormErrors>> {
        let mut check = Check::default();
        let act = match name {
            "change_package" => self.change(&mut check),
            "pause" => self.pause(&mut check, today),
            "resume" => Some(Act::Resume),
            "end" => self.end(&mut check),
            "keep" => check.choice("planned", &self.planned, Planned::parse).map(|planned| Act::Keep { planned }),
            "promise" => self.promise(&mut check),
            "exempt" => self.exempt(&mut check),
            "discount" => self.discount(&mut check),
            "addons" => self.addon(&mut check, today),
            "addon_end" => self.addon_end(&mut check, today),
            "renew" => self.renew(&mut check),
            "renewal" => Some(Act::Renewal { is_on: self.is_on.unwrap_or(true) }),
            "terms" => self.terms(&mut check),
            "take_price" => Some(Act::TakePrice),
            "details" => self.details(&mut check),
            "password" => self.password(&mut check),
            "move" => needed(&mut check, "router_id", self.router_id).map(|router| Act::Move { router }),
            "rename" => self.rename(&mut check),
            _ => return None,
        };
        Some(match act {
            Some(act) if check.is_clean() => Ok(act),
            _ => Err(check.into_errors()),
        })
    }

    fn change(&self, check: &mut Check) -> Option<Act> {
        let when = choice(check, "when", &self.when, When::parse);
        let paying = choice(check, "paying", &self.paying, Paying::parse);
        let package = needed(check, "package_id", self.package_id)?;
        Some(Act::ChangePackage { package, when, paying: paying.unwrap_or(Paying::NextInvoice) })
    }

    fn pause(&self, check: &mut Check, today: NaiveDate) -> Option<Act> {
        let reason = check.optional("reason", &self.reason, MAX_REASON)?;
        Some(Act::Pause { from: self.from.unwrap_or(today), until: self.until.map(after), reason })
    }

    fn end(&self, check: &mut Check) -> Option<Act> {
        let reason = if self.is_looked_at {
            check.optional("reason", &self.reason, MAX_REASON)
        } else {
            check.required("reason", &self.reason, MAX_REASON)
        };
        let equipment = check.optional("equipment", &self.equipment, MAX_REASON);
        let on = needed(check, "last_day", self.last_day).map(after);
        Some(Act::End {
            on: on?,
            reason: reason?,
            equipment: equipment?,
            is_credited: self.is_credited.unwrap_or(true),
        })
    }

    fn promise(&self, check: &mut Check) -> Option<Act> {
        let note = check.optional("reason", &self.reason, MAX_REASON)?;
        needed(check, "until", self.until).map(|until| Act::Promise { until, note })
    }

    fn exempt(&self, check: &mut Check) -> Option<Act> {
        if !self.is_on.unwrap_or(true) {
            return Some(Act::Exempt { reason: None });
        }
        check.required("reason", &self.reason, MAX_REASON).map(|reason| Act::Exempt { reason: Some(reason) })
    }

    fn discount(&self, check: &mut Check) -> Option<Act> {
        let Some(amount) = self.amount else { return Some(Act::Discount(None)) };
        let reason = check.required("reason", &self.reason, MAX_REASON)?;
        Some(Act::Discount(Some(Discount { amount, reason, until: self.until })))
    }

    fn addon(&self, check: &mut Check, today: NaiveDate) -> Option<Act> {
        let paying = choice(check, "paying", &self.paying, Paying::parse).unwrap_or(Paying::NextInvoice);
        let quantity = self.quantity.unwrap_or(1);
        if !(1..=rules::MAX_QUANTITY).contains(&quantity) {
            let error = FieldError::new("out_of_range").arg("min", 1).arg("max", rules::MAX_QUANTITY);
            check.refuse("quantity", error);
        }
        let quantity = i32::try_from(quantity).unwrap_or(1);
        let addon = needed(check, "addon_id", self.addon_id)?;
        Some(Act::AddAddon { addon, quantity, from: self.from.unwrap_or(today), paying })
    }

    fn addon_end(&self, check: &mut Check, today: NaiveDate) -> Option<Act> {
        let on = self.until.map_or(today, after);
        needed(check, "row", self.row).map(|row| Act::EndAddon { row, on })
    }

    fn terms(&self, check: &mut Check) -> Option<Act> {
        Some(Act::Terms(Terms {
            cycle: choice(check, "cycle", &self.cycle, Cycle::parse),
            bill_day: self.bill_day,
            is_prepaid: self.is_prepaid,
            due_days: self.due_days,
            grace_days: self.grace_days,
            on_expiry: choice(check, "on_expiry", &self.on_expiry, OnExpiry::parse),
        }))
    }

    fn renew(&self, check: &mut Check) -> Option<Act> {
        let periods = usize::try_from(self.periods.unwrap_or(1)).ok();
        if periods.is_none() {
            check.refuse("periods", FieldError::new("not_a_number"));
        }
        periods.map(|periods| Act::Renew { periods })
    }

    fn details(&self, check: &mut Check) -> Option<Act> {
        let one_line = |check: &mut Check, field: &str, text: &Option<String>| match text {
            None => Some(None),
            Some(text) => check.optional(field, text, rules::MAX_SERVER).map(Some),
        };
        let server = one_line(check, "server", &self.server);
        let remote_address = one_line(check, "remote_address", &self.remote_address);
        let mac = match self.mac.as_deref().map(str::trim) {
            None => Some(None),
            Some("") => Some(Some(String::new())),
            Some(text) => rules::mac(check, text).map(Some),
        };
        let details =
            Details { grace_days: self.grace_days, server: server?, remote_address: remote_address?, mac: mac? };
        Some(Act::Details(details))
    }

    fn password(&self, check: &mut Check) -> Option<Act> {
        match self.password.trim() {
            "" => Some(Act::Password(None)),
            text => rules::password(check, text).map(|password| Act::Password(Some(password.into()))),
        }
    }

    fn rename(&self, check: &mut Check) -> Option<Act> {
        let name = check.required("username", &self.username, MAX_USERNAME)?;
        rules::username(check, &name).map(|username| Act::Rename { username })
    }
}

fn needed<T>(check: &mut Check, field: &str, value: Option<T>) -> Option<T> {
    if value.is_none() {
        check.refuse(field, FieldError::new("required"));
    }
    value
}

fn choice<T>(check: &mut Check, field: &str, text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    if text.trim().is_empty() { None } else { check.choice(field, text, parse) }
}
