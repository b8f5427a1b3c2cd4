//! Pure decisions about packages: what each field may be, and where hiji makes the router profile itself.

use chrono::{DateTime, Utc};
use hiji_shared::device::Service;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use super::terms::{
    Cycle, FirstPeriod, MAX_BILL_DAY, MAX_DUE_DAYS, MAX_GRACE_DAYS, OnExpiry, SoldAs, Terms, typed_cycle,
};
use super::{rate, terms};
use crate::{
    http::form::{Check, FieldError, FormErrors, MAX_PRICE, no_price},
    ids::RouterId,
    money::Money,
};

/// Longest name of a package, characters. Its profile is named alike unless said otherwise.
pub const MAX_NAME: usize = 60;
/// Routers one package is sold on.
pub const MAX_ROUTERS: usize = 1000;
/// Sessions at once.
pub const MAX_SHARED_USERS: i64 = 1000;
/// Longest validity: ten years.
pub const MAX_VALIDITY_SECS: i64 = 10 * 366 * 86_400;
/// Shortest validity: expiry is exact to the second, and the API is also used to try hiji out.
pub const MIN_VALIDITY_SECS: i64 = 1;
/// Largest quota: 100 TiB.
pub const MAX_LIMIT_BYTES: i64 = 100 << 40;
const MAX_RATE_LIMIT: usize = 100;

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
    /// `rx/tx` as RouterOS writes it, also with a burst (`10M/10M 15M/15M 8M/8M 10/10`); rx is the customer's upload.
    /// Empty = no limit.
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
    /// `voucher` or `subscription`; unless said `voucher` for hotspot and `subscription` for PPPoE. It stays for good, as
    /// does the service.
    #[serde(default)]
    pub sold_as: Option<String>,
    /// Subscriptions: `monthly`, `anniversary`, `months_3`, `weeks_2` or `days_30` (any number); `monthly` unless said.
    #[serde(default)]
    pub cycle: Option<String>,
    /// Paid before the period; true unless said.
    #[serde(default)]
    pub is_prepaid: Option<bool>,
    /// 1 to 28, of the cycle `monthly` only; 1 unless said.
    #[serde(default)]
    pub bill_day: Option<i64>,
    /// Days from the invoice to its due day, 0 to 60; unless said 0 for prepaid and 10 for postpaid.
    #[serde(default)]
    pub due_days: Option<i64>,
    /// Days from the due day to what expiry does, 0 to 30.
    #[serde(default)]
    pub grace_days: Option<i64>,
    /// `isolate`, `disable` or `remove`; unless said `isolate` for PPPoE and `remove` for hotspot.
    #[serde(default)]
    pub on_expiry: Option<String>,
    /// What the part of a period costs in which it starts: `prorate`, `full` or `free`; `prorate` unless said.
    #[serde(default)]
    pub first_period: Option<String>,
    /// Once, with the first invoice.
    #[serde(default)]
    pub setup_fee: Option<Money>,
    /// Whether PPN is reckoned, at the rate of the day.
    #[serde(default)]
    pub is_taxed: bool,
    /// Of the PPP profile that hiji makes: an address or the name of a pool.
    #[serde(default)]
    #[schema(example = "10.20.0.1")]
    pub local_address: String,
    /// Of the PPP profile that hiji makes: the pool of customers' addresses (`remote-address`).
    #[serde(default)]
    #[schema(example = "pool-rumah")]
    pub address_pool: String,
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
    pub sold_as: SoldAs,
    pub terms: Terms,
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
    limit_bytes(&mut check, "limit_bytes", form.limit_bytes);
    validity(&mut check, form.validity);
    let sold_as = match (&form.sold_as, service) {
        (Some(text), _) => check.choice("sold_as", text, SoldAs::parse),
        (None, service) => service.map(SoldAs::usual),
    };
    let terms = match (service, sold_as) {
        (Some(service), Some(sold_as)) => terms::read(&mut check, form, service, sold_as),
        (None, _) | (_, None) => None,
    };
    let mut router_ids = form.router_ids.clone();
    router_ids.sort_unstable();
    router_ids.dedup();
    if router_ids.len() > MAX_ROUTERS {
        check.refuse("router_ids", FieldError::new("too_many_chosen"));
    }
    let (true, Some(name), Some(profile), Some(service)) = (check.is_clean(), name, profile, service) else {
        return Err(check.into_errors());
    };
    let (Some(rate_limit), Some(sold_as), Some(terms)) = (rate_limit, sold_as, terms) else {
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
        sold_as,
        terms,
        router_ids,
        create_profile: form.create_profile,
    })
}

pub(super) fn one_line(check: &mut Check, field: &str, text: &str, max: usize) -> Option<String> {
    let text = check.required(field, text, max)?;
    if text.contains(['\n', '\r', '\t']) {
        check.refuse(field, FieldError::new("control_characters"));
        return None;
    }
    Some(text)
}

/// A price: never negative, never absurd.
pub fn amount(check: &mut Check, field: &str, money: Money) {
    if !(0..=MAX_PRICE).contains(&money.minor()) {
        check.refuse(field, no_price(0, money.currency()));
    }
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

pub(super) fn within(check: &mut Check, field: &str, number: i64, (min, max): (i64, i64)) -> i64 {
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

fn rate_limit(check: &mut Check, text: &str) -> Option<String> {
    let text = check.optional("rate_limit", text, MAX_RATE_LIMIT)?;
    match rate::check(&text) {
        Ok(text) => Some(text),
        Err(error) => {
            check.refuse("rate_limit", FieldError::new(error.code()));
            None
        }
    }
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
        assert_eq!((draft.cost, draft.shared_users, draft.terms.on_expiry), (Money::idr(0), 1, OnExpiry::Remove));
        let pppoe = PackageForm { service: "pppoe".into(), ..form() };
        assert_eq!(check(&pppoe).unwrap().terms.on_expiry, OnExpiry::Isolate);
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
            (PackageForm { rate_limit: "2M/4M 1M/4M".into(), ..form() }, "rate_limit", "rate_burst"),
            (PackageForm { shared_users: Some(-1), ..form() }, "shared_users", "out_of_range"),
            (PackageForm { limit_bytes: Some(0), ..form() }, "limit_bytes", "out_of_range"),
            (PackageForm { grace_days: Some(31), ..form() }, "grace_days", "out_of_range"),
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
