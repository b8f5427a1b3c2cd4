//! Terms of a package: whether it is sold as vouchers or as subscriptions, and for these the cycle, what is paid when,
//! grace, and what expiry does. Pure.

use hiji_shared::device::Service;
use serde::{Serialize, Serializer};

use super::rules::{MAX_NAME, PackageForm, amount, one_line, within};
use crate::{
    http::form::{Check, FieldError},
    money::{Currency, Money},
};

/// Days between the due date and what expiry does (D4).
pub const MAX_GRACE_DAYS: i64 = 30;
/// Days from the invoice to its due day.
pub const MAX_DUE_DAYS: i64 = 60;
/// The last day of the month on which everybody can be billed.
pub const MAX_BILL_DAY: i64 = 28;
/// Days, weeks and months of the longest cycles.
const MAX_CYCLE_DAYS: u16 = 366;
const MAX_CYCLE_WEEKS: u16 = 52;
const MAX_CYCLE_MONTHS: u16 = 36;
/// What postpaid customers get to pay in, unless said.
const USUAL_DUE_DAYS: i64 = 10;

/// How a package is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SoldAs {
    /// In batches and over the counter, to whom it may concern.
    Voucher,
    /// To a customer, period after period.
    Subscription,
}

impl SoldAs {
    /// Both, vouchers first.
    pub const ALL: [Self; 2] = [Self::Voucher, Self::Subscription];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Voucher => "voucher",
            Self::Subscription => "subscription",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// How packages of a service are sold unless somebody says otherwise.
    #[must_use]
    pub fn usual(service: Service) -> Self {
        match service {
            Service::Hotspot => Self::Voucher,
            Service::Pppoe => Self::Subscription,
        }
    }
}

/// When a subscription of the package is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cycle {
    /// On a day of the month.
    Monthly,
    /// Monthly, on the day it began.
    Anniversary,
    /// Every so many months, on the day it began.
    Months(u16),
    /// Every so many weeks.
    Weeks(u16),
    /// Every so many days.
    Days(u16),
}

impl Cycle {
    /// The cycle of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (unit, count) = match text {
            "monthly" => return Some(Self::Monthly),
            "anniversary" => return Some(Self::Anniversary),
            _ => text.split_once('_')?,
        };
        // `days_030` would be another name of the same.
        let count: u16 = count.parse().ok().filter(|number: &u16| number.to_string() == count)?;
        if !(1..=longest(unit)?).contains(&count) {
            return None;
        }
        match unit {
            "months" => Some(Self::Months(count)),
            "weeks" => Some(Self::Weeks(count)),
            "days" => Some(Self::Days(count)),
            _ => None,
        }
    }

    /// As stored.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Monthly | Self::Anniversary => self.unit().to_owned(),
            Self::Months(count) | Self::Weeks(count) | Self::Days(count) => format!("{}_{count}", self.unit()),
        }
    }

    /// The name without its number: what a form offers.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Monthly => "monthly",
            Self::Anniversary => "anniversary",
            Self::Months(_) => "months",
            Self::Weeks(_) => "weeks",
            Self::Days(_) => "days",
        }
    }

    /// How many of its unit.
    #[must_use]
    pub fn count(self) -> u16 {
        match self {
            Self::Monthly | Self::Anniversary => 1,
            Self::Months(count) | Self::Weeks(count) | Self::Days(count) => count,
        }
    }
}

/// The name of a cycle whose unit and number are typed apart; nothing when no unit is.
pub fn typed_cycle(check: &mut Check, unit: &str, count: &str) -> Option<String> {
    let unit = Some(unit.trim()).filter(|unit| !unit.is_empty())?;
    match longest(unit) {
        None => Some(unit.to_owned()),
        Some(max) => {
            let count = check.int("cycle_count", count, 1..=i64::from(max));
            count.map(|count| format!("{unit}_{count}"))
        }
    }
}

/// The largest number of a cycle's unit; none of a unit that has no number.
fn longest(unit: &str) -> Option<u16> {
    match unit {
        "months" => Some(MAX_CYCLE_MONTHS),
        "weeks" => Some(MAX_CYCLE_WEEKS),
        "days" => Some(MAX_CYCLE_DAYS),
        _ => None,
    }
}

impl Serialize for Cycle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

/// What expiry does to a user (D5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExpiry {
    Isolate,
    Disable,
    Remove,
}

impl OnExpiry {
    /// All, the usual one first.
    pub const ALL: [Self; 3] = [Self::Isolate, Self::Disable, Self::Remove];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Isolate => "isolate",
            Self::Disable => "disable",
            Self::Remove => "remove",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// What is asked for the part of a period that is left when a subscription starts within one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstPeriod {
    /// Its share of the price.
    Prorate,
    /// The whole price.
    Full,
    /// Nothing.
    Free,
}

impl FirstPeriod {
    /// All, the usual one first.
    pub const ALL: [Self; 3] = [Self::Prorate, Self::Full, Self::Free];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prorate => "prorate",
            Self::Full => "full",
            Self::Free => "free",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// What a subscription of the package agrees to; it keeps its own copy. In the API its fields stand among those of the
/// package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Terms {
    pub cycle: Cycle,
    /// Paid before the period, not after.
    pub is_prepaid: bool,
    /// 1 to 28, of [`Cycle::Monthly`] only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bill_day: Option<i32>,
    /// Days from the invoice to its due day.
    pub due_days: i32,
    /// Days from the due day to what expiry does.
    pub grace_days: i32,
    pub on_expiry: OnExpiry,
    pub first_period: FirstPeriod,
    /// Once, with the first invoice.
    pub setup_fee: Money,
    /// Whether PPN is reckoned.
    pub is_taxed: bool,
    /// Of the PPP profile: an address or the name of a pool; empty = as RouterOS has it.
    pub local_address: String,
    /// Of the PPP profile: where customers' addresses come from; empty = as RouterOS has it.
    pub address_pool: String,
}

impl Terms {
    /// Those of a package that says nothing about them.
    #[must_use]
    pub fn usual(service: Service, currency: Currency) -> Self {
        Self {
            cycle: Cycle::Monthly,
            is_prepaid: true,
            bill_day: Some(1),
            due_days: 0,
            grace_days: 0,
            on_expiry: if service == Service::Hotspot { OnExpiry::Remove } else { OnExpiry::Isolate },
            first_period: FirstPeriod::Prorate,
            setup_fee: Money::new(0, currency),
            is_taxed: false,
            local_address: String::new(),
            address_pool: String::new(),
        }
    }
}

/// Reads the terms of a form, and refuses what does not go with how the package is sold.
pub(super) fn read(check: &mut Check, form: &PackageForm, service: Service, sold_as: SoldAs) -> Option<Terms> {
    match (sold_as, service) {
        (SoldAs::Voucher, Service::Pppoe) => check.refuse("sold_as", FieldError::new("voucher_is_hotspot")),
        (SoldAs::Voucher, Service::Hotspot) => no_terms(check, form),
        (SoldAs::Subscription, _) => no_limits(check, form),
    }
    let usual = Terms::usual(service, form.price.currency());
    let cycle = check.choice("cycle", form.cycle.as_deref().unwrap_or("monthly"), Cycle::parse);
    let bill_day = bill_day(check, form.bill_day, cycle);
    let is_prepaid = form.is_prepaid.unwrap_or(usual.is_prepaid);
    let due_days = form.due_days.unwrap_or(if is_prepaid { 0 } else { USUAL_DUE_DAYS });
    let due_days = within(check, "due_days", due_days, (0, MAX_DUE_DAYS));
    let grace_days = within(check, "grace_days", form.grace_days.unwrap_or(0), (0, MAX_GRACE_DAYS));
    let on_expiry = form.on_expiry.as_deref().unwrap_or(usual.on_expiry.as_str());
    let on_expiry = check.choice("on_expiry", on_expiry, OnExpiry::parse);
    let first_period = form.first_period.as_deref().unwrap_or(usual.first_period.as_str());
    let first_period = check.choice("first_period", first_period, FirstPeriod::parse);
    // Nothing is nothing in every currency.
    let setup_fee = form.setup_fee.filter(|fee| fee.minor() != 0).unwrap_or(usual.setup_fee);
    amount(check, "setup_fee", setup_fee);
    if setup_fee.currency() != form.price.currency() {
        check.refuse("setup_fee", FieldError::new("currency"));
    }
    let local_address = of_ppp(check, "local_address", &form.local_address, service);
    let address_pool = of_ppp(check, "address_pool", &form.address_pool, service);
    Some(Terms {
        cycle: cycle?,
        is_prepaid,
        bill_day,
        due_days: i32::try_from(due_days).unwrap_or(0),
        grace_days: i32::try_from(grace_days).unwrap_or(0),
        on_expiry: on_expiry?,
        first_period: first_period?,
        setup_fee,
        is_taxed: form.is_taxed,
        local_address: local_address?,
        address_pool: address_pool?,
    })
}

/// A fixed day of the month, where the cycle has one.
fn bill_day(check: &mut Check, day: Option<i64>, cycle: Option<Cycle>) -> Option<i32> {
    match (cycle?, day) {
        (Cycle::Monthly, day) => {
            let day = within(check, "bill_day", day.unwrap_or(1), (1, MAX_BILL_DAY));
            i32::try_from(day).ok()
        }
        (_, None) => None,
        (_, Some(_)) => {
            check.refuse("bill_day", FieldError::new("bill_day_of_monthly"));
            None
        }
    }
}

/// What is said in a PPP profile: an address or the name of a pool.
fn of_ppp(check: &mut Check, field: &str, text: &str, service: Service) -> Option<String> {
    if text.trim().is_empty() {
        return Some(String::new());
    }
    if service != Service::Pppoe {
        check.refuse(field, FieldError::new("only_of_pppoe"));
        return None;
    }
    one_line(check, field, text, MAX_NAME)
}

/// Vouchers have no terms of subscriptions.
fn no_terms(check: &mut Check, form: &PackageForm) {
    let has_fee = form.setup_fee.is_some_and(|fee| fee.minor() != 0);
    for (field, given) in [("setup_fee", has_fee), ("is_taxed", form.is_taxed)] {
        if given {
            check.refuse(field, FieldError::new("only_of_subscriptions"));
        }
    }
}

/// Subscriptions last as long as they are paid: they have no limits of vouchers.
fn no_limits(check: &mut Check, form: &PackageForm) {
    let validity = form.validity;
    for (field, given) in [
        ("validity.online_secs", validity.online_secs.is_some()),
        ("validity.active_secs", validity.active_secs.is_some()),
        ("validity.activate_before", validity.activate_before.is_some()),
        ("limit_bytes", form.limit_bytes.is_some()),
        ("mac_lock", form.mac_lock),
    ] {
        if given {
            check.refuse(field, FieldError::new("only_of_vouchers"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::rules::check, *};

    fn form(more: Value) -> PackageForm {
        let mut form = json!({ "name": "Rumah 10M", "service": "pppoe", "price": 165_000 });
        let Value::Object(more) = more else { panic!("{more}") };
        form.as_object_mut().unwrap().extend(more);
        serde_json::from_value(form).unwrap()
    }

    fn terms(more: Value) -> Terms {
        check(&form(more)).unwrap().terms
    }

    fn refused(more: Value) -> Vec<(String, String)> {
        let errors = check(&form(more)).unwrap_err();
        errors.iter().map(|(field, error)| (field.to_owned(), error.code().to_owned())).collect()
    }

    #[test]
    fn a_cycle_has_one_name() {
        use Cycle as C;
        for cycle in [C::Monthly, C::Anniversary, C::Months(3), C::Weeks(2), C::Days(30)] {
            assert_eq!(Cycle::parse(&cycle.name()), Some(cycle));
        }
        for text in ["", "days", "days_0", "days_030", "days_367", "weeks_53", "months_37", "months_-1", "years_1"] {
            assert_eq!(Cycle::parse(text), None, "{text}");
        }
        assert_eq!((C::Months(3).unit(), C::Months(3).count()), ("months", 3));
    }

    #[test]
    fn a_subscription_is_prepaid_monthly_on_the_first_unless_said() {
        assert_eq!(terms(json!({})), Terms::usual(Service::Pppoe, Currency::IDR));
        let postpaid = terms(json!({ "is_prepaid": false, "bill_day": 5, "setup_fee": 200_000, "is_taxed": true }));
        assert_eq!((postpaid.is_prepaid, postpaid.bill_day, postpaid.due_days), (false, Some(5), 10));
        assert_eq!((postpaid.setup_fee, postpaid.is_taxed), (Money::idr(200_000), true));
        let weekly = terms(json!({ "cycle": "weeks_2", "first_period": "free", "on_expiry": "disable" }));
        assert_eq!((weekly.cycle, weekly.bill_day), (Cycle::Weeks(2), None));
        assert_eq!((weekly.first_period, weekly.on_expiry), (FirstPeriod::Free, OnExpiry::Disable));
    }

    #[test]
    fn a_hotspot_package_is_of_vouchers_unless_it_is_for_members() {
        let hotspot = |more: Value| {
            let mut all = json!({ "service": "hotspot" });
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        let draft = check(&form(hotspot(json!({})))).unwrap();
        assert_eq!((draft.sold_as, draft.terms.on_expiry), (SoldAs::Voucher, OnExpiry::Remove));
        let member = check(&form(hotspot(json!({ "sold_as": "subscription", "setup_fee": 50_000 })))).unwrap();
        assert_eq!((member.sold_as, member.terms.setup_fee), (SoldAs::Subscription, Money::idr(50_000)));
        let told = |more: Value| refused(hotspot(more)).remove(0);
        let is = |field: &str, code: &str| (field.to_owned(), code.to_owned());
        assert_eq!(told(json!({ "setup_fee": 1 })), is("setup_fee", "only_of_subscriptions"));
        assert_eq!(told(json!({ "is_taxed": true })), is("is_taxed", "only_of_subscriptions"));
        assert_eq!(told(json!({ "address_pool": "x" })), is("address_pool", "only_of_pppoe"));
    }

    #[test]
    fn terms_that_cannot_be_are_told_by_field() {
        for (more, field, code) in [
            (json!({ "sold_as": "voucher" }), "sold_as", "voucher_is_hotspot"),
            (json!({ "sold_as": "gift" }), "sold_as", "not_offered"),
            (json!({ "grace_days": 31 }), "grace_days", "out_of_range"),
            (json!({ "due_days": 61 }), "due_days", "out_of_range"),
            (json!({ "bill_day": 29 }), "bill_day", "out_of_range"),
            (json!({ "bill_day": 0 }), "bill_day", "out_of_range"),
            (json!({ "bill_day": 1, "cycle": "anniversary" }), "bill_day", "bill_day_of_monthly"),
            (json!({ "first_period": "half" }), "first_period", "not_offered"),
            (json!({ "setup_fee": -1 }), "setup_fee", "out_of_range"),
            (json!({ "setup_fee": { "amount": 1, "currency": "USD" } }), "setup_fee", "currency"),
            (json!({ "local_address": "10.0.0.1\n" .to_owned() + "x" }), "local_address", "control_characters"),
            (json!({ "limit_bytes": 1 }), "limit_bytes", "only_of_vouchers"),
            (json!({ "mac_lock": true }), "mac_lock", "only_of_vouchers"),
            (json!({ "validity": { "active_secs": 60 } }), "validity.active_secs", "only_of_vouchers"),
        ] {
            assert_eq!(refused(more.clone()), [(field.to_owned(), code.to_owned())], "{more}");
        }
    }
}
