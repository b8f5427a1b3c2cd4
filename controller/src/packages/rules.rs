//! Pure decisions about packages: what each field may be, and where hiji makes the router profile itself.

use chrono::{DateTime, Utc};
use hiji_shared::device::Service;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    http::form::{Check, FieldError, FormErrors, MAX_PRICE},
    ids::RouterId,
    money::Money,
};

/// Longest name of a package, characters. Its profile is named alike unless said otherwise.
pub const MAX_NAME: usize = 60;
/// Routers one package is sold on.
pub const MAX_ROUTERS: usize = 1000;
/// Sessions at once.
pub const MAX_SHARED_USERS: i64 = 1000;
/// Days between the due date and what expiry does.
pub const MAX_GRACE_DAYS: i64 = 90;
/// Longest validity: ten years.
pub const MAX_VALIDITY_SECS: i64 = 10 * 366 * 86_400;
/// Shortest validity: expiry is exact to the second, and the API is also used to try hiji out.
pub const MIN_VALIDITY_SECS: i64 = 1;
/// Largest quota: 100 TiB.
pub const MAX_LIMIT_BYTES: i64 = 100 << 40;
const MAX_RATE_LIMIT: usize = 100;
const MAX_CYCLE_DAYS: u16 = 366;

/// What a package shall be, as the API takes it; the page's form becomes the same.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = PackageForm)]
pub struct PackageForm {
    #[schema(example = "12 Jam")]
    pub name: String,
    /// `hotspot` or `pppoe`.
    #[schema(example = "hotspot")]
    pub service: String,
    /// What a customer pays. A bare whole number is rupiah.
    ///
    /// Its currency is that of the settings.
    pub price: Money,
    /// What it costs the operator; 0 unless said.
    #[serde(default)]
    pub cost: Option<Money>,
    /// `rx/tx` as RouterOS writes it; rx is the customer's upload. Empty = no limit.
    #[serde(default)]
    #[schema(example = "2M/4M")]
    pub rate_limit: String,
    /// Sessions at once, 0 = unlimited; 1 unless said.
    #[serde(default)]
    pub shared_users: Option<i64>,
    /// Kuota: bytes in all, both ways; no limit unless said.
    #[serde(default)]
    pub limit_bytes: Option<i64>,
    /// Whether batches are bound to the device of the first login, unless they say otherwise.
    #[serde(default)]
    pub mac_lock: bool,
    #[serde(default)]
    pub validity: Validity,
    /// `monthly`, `anniversary` or `days_30` (any number); `monthly` unless said.
    #[serde(default)]
    pub cycle: Option<String>,
    #[serde(default)]
    pub grace_days: Option<i64>,
    /// `isolate`, `disable` or `remove`; unless said `isolate` for PPPoE and `remove` for hotspot.
    #[serde(default)]
    pub on_expiry: Option<String>,
    /// The routers it is sold on.
    #[serde(default)]
    #[schema(value_type = Vec<i64>)]
    pub router_ids: Vec<RouterId>,
    /// Profile on the routers; the package's name unless said.
    #[serde(default)]
    pub profile: Option<String>,
    /// Whether hiji makes that profile. Unless said, it does where the router has none of that name.
    #[serde(default)]
    pub create_profile: Option<bool>,
}

/// How long what is sold lasts (D13): each limit is optional.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Validity {
    /// Masa pakai: online time in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online_secs: Option<i64>,
    /// Masa aktif: from the first login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_secs: Option<i64>,
    /// Batas aktivasi: seconds after the voucher was made, or an instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub activate_before: Option<SellBy>,
}

/// Until when something may be activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SellBy {
    /// So many seconds after it was made.
    After(i64),
    /// At an instant.
    At(DateTime<Utc>),
}

impl SellBy {
    /// The instant, for something made at `now`.
    #[must_use]
    pub fn at(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::After(secs) => now + crate::clock::seconds(secs),
            Self::At(at) => at,
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
    /// Every so many days.
    Days(u16),
}

impl Cycle {
    /// The cycle of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "monthly" => Some(Self::Monthly),
            "anniversary" => Some(Self::Anniversary),
            _ => {
                let days = text.strip_prefix("days_")?.parse().ok()?;
                (1..=MAX_CYCLE_DAYS).contains(&days).then_some(Self::Days(days))
            }
        }
    }

    /// As stored.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Monthly => "monthly".to_owned(),
            Self::Anniversary => "anniversary".to_owned(),
            Self::Days(days) => format!("days_{days}"),
        }
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

/// A package whose fields are right. Whether its routers are there is for the operation to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub name: String,
    pub service: Service,
    pub profile: String,
    pub price: Money,
    pub cost: Money,
    pub rate_limit: String,
    pub shared_users: u32,
    pub limit_bytes: Option<i64>,
    pub mac_lock: bool,
    pub validity: Validity,
    pub cycle: Cycle,
    pub grace_days: i32,
    pub on_expiry: OnExpiry,
    pub router_ids: Vec<RouterId>,
    pub create_profile: Option<bool>,
}

/// The service of a name.
#[must_use]
pub fn service(text: &str) -> Option<Service> {
    [Service::Hotspot, Service::Pppoe].into_iter().find(|service| service.as_str() == text)
}

/// Checks every field.
///
/// # Errors
/// Every field that is not right.
pub fn check(form: &PackageForm) -> Result<Draft, FormErrors> {
    let mut check = Check::default();
    let name = one_line(&mut check, "name", &form.name, MAX_NAME);
    let service = check.choice("service", &form.service, service);
    let profile = match form.profile.as_deref().map(str::trim).filter(|profile| !profile.is_empty()) {
        None => name.clone(),
        Some(profile) => one_line(&mut check, "profile", profile, MAX_NAME),
    };
    let cost = form.cost.unwrap_or_else(|| Money::new(0, form.price.currency()));
    amount(&mut check, "price", form.price);
    amount(&mut check, "cost", cost);
    if cost.currency() != form.price.currency() {
        check.refuse("cost", FieldError::new("currency"));
    }
    let rate_limit = rate_limit(&mut check, &form.rate_limit);
    let shared_users = within(&mut check, "shared_users", form.shared_users.unwrap_or(1), (0, MAX_SHARED_USERS));
    let grace_days = within(&mut check, "grace_days", form.grace_days.unwrap_or(0), (0, MAX_GRACE_DAYS));
    limit_bytes(&mut check, "limit_bytes", form.limit_bytes);
    validity(&mut check, form.validity);
    let cycle = check.choice("cycle", form.cycle.as_deref().unwrap_or("monthly"), Cycle::parse);
    let usual = if service == Some(Service::Hotspot) { OnExpiry::Remove } else { OnExpiry::Isolate };
    let on_expiry = check.choice("on_expiry", form.on_expiry.as_deref().unwrap_or(usual.as_str()), OnExpiry::parse);
    let mut router_ids = form.router_ids.clone();
    router_ids.sort_unstable();
    router_ids.dedup();
    if router_ids.len() > MAX_ROUTERS {
        check.refuse("router_ids", FieldError::new("too_many_chosen"));
    }
    let (true, Some(name), Some(profile), Some(service)) = (check.is_clean(), name, profile, service) else {
        return Err(check.into_errors());
    };
    let (Some(rate_limit), Some(cycle), Some(on_expiry)) = (rate_limit, cycle, on_expiry) else {
        return Err(check.into_errors());
    };
    Ok(Draft {
        name,
        service,
        profile,
        price: form.price,
        cost,
        rate_limit,
        shared_users: u32::try_from(shared_users).unwrap_or(1),
        limit_bytes: form.limit_bytes,
        mac_lock: form.mac_lock,
        validity: form.validity,
        cycle,
        grace_days: i32::try_from(grace_days).unwrap_or(0),
        on_expiry,
        router_ids,
        create_profile: form.create_profile,
    })
}

fn one_line(check: &mut Check, field: &str, text: &str, max: usize) -> Option<String> {
    let text = check.required(field, text, max)?;
    if text.contains(['\n', '\r', '\t']) {
        check.refuse(field, FieldError::new("control_characters"));
        return None;
    }
    Some(text)
}

/// A price: never negative, never absurd.
pub fn amount(check: &mut Check, field: &str, money: Money) {
    within(check, field, money.minor(), (0, MAX_PRICE));
}

/// A quota: at least one byte where there is one.
pub fn limit_bytes(check: &mut Check, field: &str, bytes: Option<i64>) {
    if let Some(bytes) = bytes {
        within(check, field, bytes, (1, MAX_LIMIT_BYTES));
    }
}

/// A span of validity, where there is one.
pub fn span(check: &mut Check, field: &str, secs: Option<i64>) {
    if let Some(secs) = secs {
        within(check, field, secs, (MIN_VALIDITY_SECS, MAX_VALIDITY_SECS));
    }
}

fn within(check: &mut Check, field: &str, number: i64, (min, max): (i64, i64)) -> i64 {
    if !(min..=max).contains(&number) {
        check.refuse(field, FieldError::new("out_of_range").arg("min", min).arg("max", max));
    }
    number
}

fn validity(check: &mut Check, validity: Validity) {
    span(check, "validity.online_secs", validity.online_secs);
    span(check, "validity.active_secs", validity.active_secs);
    if let Some(SellBy::After(secs)) = validity.activate_before {
        span(check, "validity.activate_before", Some(secs));
    }
}

/// `2M/4M`, `512k/1M 2M/4M 1M/2M 10/10 8 256k/512k`: RouterOS' own notation, whose first part is looked at closely.
fn rate_limit(check: &mut Check, text: &str) -> Option<String> {
    let text = check.optional("rate_limit", text, MAX_RATE_LIMIT)?;
    let rate = |part: &str| {
        let digits = part.strip_suffix(['k', 'K', 'M', 'G']).unwrap_or(part);
        !digits.is_empty() && digits.len() <= 12 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let pair = |word: &str| word.split('/').count() <= 2 && word.split('/').all(rate);
    if text.is_empty() || text.split(' ').all(pair) {
        return Some(text);
    }
    check.refuse("rate_limit", FieldError::new("rate_limit"));
    None
}

/// What becomes of a package's profile on one router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// It is the router's own, or somebody makes it there: hiji leaves it alone.
    Bound,
    /// hiji makes it and keeps it as the package says.
    Made,
    /// hiji is asked to make it, but the router has one that is not hiji's.
    Foreign,
}

/// Whether hiji makes the profile on a router. `there` tells whether the router has one of that name, and whether it
/// carries hiji's mark; `made` whether hiji made it for this package before.
#[must_use]
pub fn profile_on(create: Option<bool>, there: Option<bool>, made: bool) -> Profile {
    match (create, there) {
        (Some(false), _) => Profile::Bound,
        (_, _) if made => Profile::Made,
        (Some(true), Some(false)) => Profile::Foreign,
        (Some(true), _) | (None, None) => Profile::Made,
        (None, Some(_)) => Profile::Bound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> PackageForm {
        serde_json::from_value(serde_json::json!({ "name": "12 Jam", "service": "hotspot", "price": 3000 })).unwrap()
    }

    fn refused(form: &PackageForm) -> Vec<(String, String)> {
        let errors = check(form).unwrap_err();
        errors.iter().map(|(field, error)| (field.to_owned(), error.code().to_owned())).collect()
    }

    #[test]
    fn a_package_needs_a_name_a_service_and_a_price() {
        let draft = check(&form()).unwrap();
        assert_eq!((&*draft.name, &*draft.profile, draft.price), ("12 Jam", "12 Jam", Money::idr(3000)));
        assert_eq!((draft.cost, draft.shared_users, draft.on_expiry), (Money::idr(0), 1, OnExpiry::Remove));
        let pppoe = PackageForm { service: "pppoe".into(), ..form() };
        assert_eq!(check(&pppoe).unwrap().on_expiry, OnExpiry::Isolate);
    }

    #[test]
    fn each_wrong_field_is_named_once() {
        let usd = Money::new(1, crate::money::Currency::parse("USD").unwrap());
        for (form, field, code) in [
            (PackageForm { name: " ".into(), ..form() }, "name", "required"),
            (PackageForm { name: "a\nb".into(), ..form() }, "name", "control_characters"),
            (PackageForm { name: "x".repeat(61), ..form() }, "name", "too_long"),
            (PackageForm { service: "dial-up".into(), ..form() }, "service", "not_offered"),
            (PackageForm { price: Money::idr(-1), ..form() }, "price", "out_of_range"),
            (PackageForm { cost: Some(Money::idr(-1)), ..form() }, "cost", "out_of_range"),
            (PackageForm { cost: Some(usd), ..form() }, "cost", "currency"),
            (PackageForm { rate_limit: "fast".into(), ..form() }, "rate_limit", "rate_limit"),
            (PackageForm { rate_limit: "2M/4M/8M".into(), ..form() }, "rate_limit", "rate_limit"),
            (PackageForm { shared_users: Some(-1), ..form() }, "shared_users", "out_of_range"),
            (PackageForm { limit_bytes: Some(0), ..form() }, "limit_bytes", "out_of_range"),
            (PackageForm { grace_days: Some(91), ..form() }, "grace_days", "out_of_range"),
            (PackageForm { cycle: Some("days_0".into()), ..form() }, "cycle", "not_offered"),
            (PackageForm { on_expiry: Some("explode".into()), ..form() }, "on_expiry", "not_offered"),
            (
                PackageForm { validity: Validity { online_secs: Some(0), ..Validity::default() }, ..form() },
                "validity.online_secs",
                "out_of_range",
            ),
        ] {
            assert_eq!(refused(&form), [(field.to_owned(), code.to_owned())]);
        }
    }

    #[test]
    fn rates_are_as_routeros_writes_them() {
        for good in ["", "2M/4M", "512k", "1M/2M 2M/4M 1M/2M 10/10 8 256k/512k"] {
            assert_eq!(check(&PackageForm { rate_limit: good.into(), ..form() }).unwrap().rate_limit, good);
        }
    }

    #[test]
    fn a_sell_by_date_is_a_span_or_an_instant() {
        let parse = |json: &str| serde_json::from_str::<Validity>(json).unwrap().activate_before.unwrap();
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(parse(r#"{"activate_before": 60}"#).at(now).timestamp(), 60);
        assert_eq!(parse(r#"{"activate_before": "1970-01-02T00:00:00Z"}"#).at(now).timestamp(), 86_400);
    }

    #[test]
    fn hiji_makes_a_profile_where_there_is_none_and_never_takes_a_foreign_one() {
        assert_eq!(profile_on(None, None, false), Profile::Made);
        assert_eq!(profile_on(None, Some(false), false), Profile::Bound);
        assert_eq!(profile_on(None, Some(true), true), Profile::Made);
        assert_eq!(profile_on(Some(true), Some(false), false), Profile::Foreign);
        assert_eq!(profile_on(Some(true), Some(true), false), Profile::Made);
        assert_eq!(profile_on(Some(false), None, true), Profile::Bound);
    }
}
