//! Pure decisions about new subscriptions: what each field may be, what names and secrets look like.

use chrono::{Months, NaiveDate};
use hiji_shared::device::{RouterUser, Service};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Step;
use crate::{
    customers::{self, CustomerForm},
    http::form::{Check, FieldError, FormErrors, MAX_PRICE},
    ids::{AddonId, CustomerId, PackageId, RouterId, SiteId},
    money::{Currency, Money},
    packages::{
        Cycle, FirstPeriod, Terms,
        rules::{MAX_BILL_DAY, MAX_DUE_DAYS, MAX_GRACE_DAYS},
    },
    settings::services::{MAX_USERNAME, is_name},
};

/// Shortest and longest password that is typed, characters.
pub const PASSWORD: (usize, usize) = (4, 63);
/// Characters of a password that hiji makes.
pub const SECRET_LENGTH: usize = 8;
/// No look-alikes: read aloud on the telephone, typed on a modem.
const SECRET_ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// Longest reason, characters.
pub const MAX_REASON: usize = 200;
/// Add-ons of one subscription, and of one kind.
pub const MAX_ADDONS: usize = 20;
pub const MAX_QUANTITY: i64 = 100;
/// Longest name of a hotspot server, characters.
pub const MAX_SERVER: usize = 64;
/// Digits of a running number in names.
const MAX_DIGITS: usize = 9;
/// Months that a first day may lie away, behind and ahead.
const START_MONTHS: (u32, u32) = (2, 6);

/// A new subscription, as the API takes it; the page's form becomes the same. What is left out is as the package says.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct SubscriptionForm {
    /// Of a customer who is there.
    #[schema(value_type = Option<i64>)]
    pub customer_id: Option<CustomerId>,
    /// Of a new one; his site is that of the router unless said.
    pub customer: Option<CustomerForm>,
    #[schema(value_type = i64)]
    pub router_id: Option<RouterId>,
    #[schema(value_type = i64)]
    pub package_id: Option<PackageId>,
    /// By the pattern of the settings unless said.
    #[schema(example = "kebon-0123")]
    pub username: String,
    /// Made by hiji unless said.
    pub password: String,
    /// A user of this name who is on the router already, and whom hiji does not know, is taken over: with his password
    /// unless another is said.
    pub adopt: bool,
    /// Hotspot server; all unless said.
    pub server: String,
    /// Static address of a PPPoE user.
    #[schema(example = "10.20.0.9")]
    pub remote_address: String,
    /// The only device (hotspot) or caller id (PPPoE).
    pub mac: String,
    /// The first day of service; today unless said.
    pub starts_on: Option<NaiveDate>,
    /// `prorate`, `full` or `free`: what the part of a period costs that it begins in.
    pub first_period: String,
    pub setup_fee: Option<Money>,
    /// Off each period.
    pub discount: Option<Money>,
    pub discount_reason: String,
    /// The last day of the discount.
    pub discount_until: Option<NaiveDate>,
    /// `monthly`, `anniversary`, `months_3`, `weeks_2`, `days_30`.
    pub cycle: String,
    /// 1 to 28, of `monthly`.
    pub bill_day: Option<i64>,
    pub is_prepaid: Option<bool>,
    pub due_days: Option<i64>,
    pub grace_days: Option<i64>,
    /// Renewed from the customer's balance, when there is enough.
    pub is_auto_renewed: bool,
    /// Never isolated.
    pub is_exempt: bool,
    pub exempt_reason: String,
    pub addons: Vec<AddonForm>,
}

impl SubscriptionForm {
    /// Whether it says anything of money, or of the time to pay it, beside what the package says.
    #[must_use]
    pub fn sets_terms(&self) -> bool {
        let said = |text: &String| !text.trim().is_empty();
        [&self.first_period, &self.cycle, &self.discount_reason, &self.exempt_reason].into_iter().any(said)
            || self.setup_fee.is_some()
            || self.discount.is_some()
            || self.discount_until.is_some()
            || self.is_prepaid.is_some()
            || self.due_days.is_some()
            || self.grace_days.is_some()
            || self.is_exempt
    }
}

/// An add-on of a new subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SubscriptionAddonForm)]
pub struct AddonForm {
    #[schema(value_type = i64)]
    pub addon_id: AddonId,
    #[serde(default = "one")]
    pub quantity: i64,
}

fn one() -> i64 {
    1
}

/// Whose a subscription becomes.
#[derive(Debug, Clone)]
pub enum Whose {
    Known(CustomerId),
    New(Box<CustomerForm>),
}

/// What both sides agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    pub cycle: Cycle,
    pub bill_day: Option<i32>,
    pub is_prepaid: bool,
    pub due_days: i32,
    pub grace_days: i32,
    pub first_period: FirstPeriod,
    pub setup_fee: Money,
}

impl Agreed {
    /// How its periods follow each other.
    #[must_use]
    pub fn step(&self) -> Step {
        Step::of(self.cycle, self.bill_day)
    }
}

/// A subscription whose fields are right. Whether customer, router and package are there is for the operation to see.
#[derive(Debug, Clone)]
pub struct Draft {
    pub whose: Whose,
    /// `None`: by the pattern.
    pub username: Option<String>,
    /// `None`: made by hiji.
    pub password: Option<String>,
    /// One of this name who is on the router already is taken over.
    pub adopts: bool,
    pub server: String,
    pub remote_address: String,
    pub mac: String,
    pub starts_on: NaiveDate,
    pub agreed: Agreed,
    pub discount: Money,
    pub discount_reason: String,
    pub discount_until: Option<NaiveDate>,
    pub is_auto_renewed: bool,
    pub is_exempt: bool,
    pub exempt_reason: String,
    pub addons: Vec<AddonForm>,
}

impl Draft {
    /// With what the router has of one who is taken over, where nothing else is said: he stays as he is.
    pub fn stays_as(&mut self, found: &RouterUser, service: Service) {
        let (kept, seen) = match service {
            Service::Pppoe => (&mut self.remote_address, &found.remote_address),
            Service::Hotspot => (&mut self.server, &found.server),
        };
        if kept.is_empty() {
            kept.clone_from(seen);
        }
    }
}

/// What a package says of a subscription.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    pub service: Service,
    pub price: Money,
    pub terms: &'a Terms,
}

/// Checks every field. `today` is the day at the site.
///
/// # Errors
/// Every field that is not right.
pub fn check(form: &SubscriptionForm, offer: Offer<'_>, today: NaiveDate) -> Result<Draft, FormErrors> {
    let mut check = Check::default();
    let whose = whose(&mut check, form);
    let username = some(&form.username).and_then(|name| username(&mut check, name));
    let password = some(&form.password).and_then(|text| password(&mut check, text));
    let server = check.optional("server", &form.server, MAX_SERVER).unwrap_or_default();
    let remote_address = remote_address(&mut check, &form.remote_address, offer.service).unwrap_or_default();
    let mac = some(&form.mac).and_then(|text| mac(&mut check, text)).unwrap_or_default();
    let starts_on = starts_on(&mut check, form.starts_on, today);
    let agreed = agreed(&mut check, form, offer);
    let currency = offer.price.currency();
    let discount = amount(&mut check, "discount", form.discount, (currency, offer.price.minor()));
    let discount_reason = reason(&mut check, "discount_reason", &form.discount_reason, discount.minor() > 0);
    if form.discount_until.is_some_and(|until| until < starts_on) {
        check.refuse("discount_until", FieldError::new("day_before_start"));
    }
    let exempt_reason = reason(&mut check, "exempt_reason", &form.exempt_reason, form.is_exempt);
    let addons = addons(&mut check, &form.addons);
    let (true, Some(whose), Some(agreed)) = (check.is_clean(), whose, agreed) else {
        return Err(check.into_errors());
    };
    Ok(Draft {
        whose,
        username,
        password,
        adopts: form.adopt,
        server,
        remote_address,
        mac,
        starts_on,
        agreed,
        discount,
        discount_reason,
        discount_until: form.discount_until.filter(|_| discount.minor() > 0),
        is_auto_renewed: form.is_auto_renewed,
        is_exempt: form.is_exempt,
        exempt_reason,
        addons,
    })
}

fn some(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// What is wrong with a new customer of a form, at its fields. He lives where his router stands.
#[must_use]
pub fn customer_faults(form: &SubscriptionForm) -> FormErrors {
    let mut errors = FormErrors::default();
    let (None, Some(customer)) = (form.customer_id, &form.customer) else { return errors };
    let somewhere = CustomerForm { site_id: Some(SiteId(0)), ..customer.clone() };
    if let Err(others) = customers::rules::check(&somewhere) {
        others.iter().for_each(|(field, error)| errors.add(&format!("customer.{field}"), error.clone()));
    }
    errors
}

fn whose(check: &mut Check, form: &SubscriptionForm) -> Option<Whose> {
    customer_faults(form).iter().for_each(|(field, error)| check.refuse(field, error.clone()));
    match (form.customer_id, &form.customer) {
        (Some(id), None) => Some(Whose::Known(id)),
        (None, Some(customer)) => Some(Whose::New(Box::new(customer.clone()))),
        (None, None) => {
            check.refuse("customer_id", FieldError::new("required"));
            None
        }
        (Some(_), Some(_)) => {
            check.refuse("customer_id", FieldError::new("customer_twice"));
            None
        }
    }
}

/// The name of a user: what RouterOS, modems and comments take without quoting.
pub fn username(check: &mut Check, text: &str) -> Option<String> {
    if text.len() > MAX_USERNAME {
        let max = i64::try_from(MAX_USERNAME).unwrap_or(i64::MAX);
        check.refuse("username", FieldError::new("too_long").arg("max", max));
        return None;
    }
    if !is_name(text) {
        check.refuse("username", FieldError::new("bad_service_username"));
        return None;
    }
    Some(text.to_owned())
}

pub fn password(check: &mut Check, text: &str) -> Option<String> {
    if !(PASSWORD.0..=PASSWORD.1).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let [min, max] = [PASSWORD.0, PASSWORD.1].map(|length| i64::try_from(length).unwrap_or(i64::MAX));
        check.refuse("password", FieldError::new("bad_user_password").arg("min", min).arg("max", max));
        return None;
    }
    Some(text.to_owned())
}

fn remote_address(check: &mut Check, text: &str, service: Service) -> Option<String> {
    let text = some(text)?;
    if service != Service::Pppoe {
        check.refuse("remote_address", FieldError::new("only_of_pppoe"));
        return None;
    }
    let address = text.parse::<std::net::Ipv4Addr>().ok();
    if address.is_none() {
        check.refuse("remote_address", FieldError::new("bad_static_address"));
    }
    address.map(|address| address.to_string())
}

/// `AA:BB:CC:DD:EE:FF`, however it is typed.
pub fn mac(check: &mut Check, text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).map(|digit| digit.to_ascii_uppercase()).collect();
    let plain = text.chars().all(|char| char.is_ascii_hexdigit() || "-:. ".contains(char));
    if digits.len() != 12 || !plain {
        check.refuse("mac", FieldError::new("bad_device"));
        return None;
    }
    let pairs: Vec<&str> = (0..6).filter_map(|at| digits.get(at * 2..at * 2 + 2)).collect();
    Some(pairs.join(":"))
}

fn starts_on(check: &mut Check, day: Option<NaiveDate>, today: NaiveDate) -> NaiveDate {
    let day = day.unwrap_or(today);
    let first = today.checked_sub_months(Months::new(START_MONTHS.0)).unwrap_or(today);
    let last = today.checked_add_months(Months::new(START_MONTHS.1)).unwrap_or(today);
    if !(first..=last).contains(&day) {
        let error = FieldError::new("day_out_of_range").arg("from", first.to_string()).arg("until", last.to_string());
        check.refuse("starts_on", error);
    }
    day
}

fn agreed(check: &mut Check, form: &SubscriptionForm, offer: Offer<'_>) -> Option<Agreed> {
    let terms = offer.terms;
    let cycle = match some(&form.cycle) {
        None => Some(terms.cycle),
        Some(text) => check.choice("cycle", text, Cycle::parse),
    };
    let first_period = match some(&form.first_period) {
        None => Some(terms.first_period),
        Some(text) => check.choice("first_period", text, FirstPeriod::parse),
    };
    let mut within = |field: &str, number: Option<i64>, usual: i32, (min, max): (i64, i64)| {
        let number = number.unwrap_or_else(|| i64::from(usual));
        if !(min..=max).contains(&number) {
            check.refuse(field, FieldError::new("out_of_range").arg("min", min).arg("max", max));
        }
        i32::try_from(number).unwrap_or(usual)
    };
    let bill_day = within("bill_day", form.bill_day, terms.bill_day.unwrap_or(1), (1, MAX_BILL_DAY));
    let due_days = within("due_days", form.due_days, terms.due_days, (0, MAX_DUE_DAYS));
    let grace_days = within("grace_days", form.grace_days, terms.grace_days, (0, MAX_GRACE_DAYS));
    let currency = offer.price.currency();
    let setup_fee = form.setup_fee.unwrap_or(terms.setup_fee);
    let setup_fee = amount(check, "setup_fee", Some(setup_fee), (currency, MAX_PRICE));
    let (cycle, first_period) = (cycle?, first_period?);
    Some(Agreed {
        cycle,
        bill_day: (cycle == Cycle::Monthly).then_some(bill_day),
        is_prepaid: form.is_prepaid.unwrap_or(terms.is_prepaid),
        due_days,
        grace_days,
        first_period,
        setup_fee,
    })
}

/// An amount of the package's currency, 0 when none is said.
fn amount(check: &mut Check, field: &str, money: Option<Money>, (currency, max): (Currency, i64)) -> Money {
    let Some(money) = money else { return Money::new(0, currency) };
    if money.currency() != currency {
        check.refuse(field, FieldError::new("currency"));
    } else if !(0..=max).contains(&money.minor()) {
        check.refuse(field, FieldError::new("out_of_range").arg("min", 0).arg("max", max));
    }
    money
}

fn reason(check: &mut Check, field: &str, text: &str, is_needed: bool) -> String {
    let read =
        if is_needed { check.required(field, text, MAX_REASON) } else { check.optional(field, text, MAX_REASON) };
    read.filter(|_| is_needed).unwrap_or_default()
}

fn addons(check: &mut Check, forms: &[AddonForm]) -> Vec<AddonForm> {
    let mut found: Vec<AddonForm> = Vec::new();
    if forms.len() > MAX_ADDONS {
        let max = i64::try_from(MAX_ADDONS).unwrap_or(i64::MAX);
        check.refuse("addons", FieldError::new("addons_too_many").arg("max", max));
    }
    for form in forms.iter().take(MAX_ADDONS) {
        if !(1..=MAX_QUANTITY).contains(&form.quantity) {
            check.refuse("addons", FieldError::new("out_of_range").arg("min", 1).arg("max", MAX_QUANTITY));
        } else if found.iter().any(|known| known.addon_id == form.addon_id) {
            check.refuse("addons", FieldError::new("addon_twice"));
        } else {
            found.push(*form);
        }
    }
    found
}

/// A password that hiji makes, of this randomness: far more of it than there are passwords, so that all are alike likely.
#[must_use]
pub fn secret(random: [u8; 16]) -> String {
    let mut left = u128::from_be_bytes(random);
    let mut text = String::with_capacity(SECRET_LENGTH);
    for _ in 0..SECRET_LENGTH {
        let at = usize::try_from(left % 31).unwrap_or(0);
        text.push(char::from(SECRET_ALPHABET[at]));
        left /= 31;
    }
    text
}

/// The number of a subscription: `S000456`.
#[must_use]
pub fn number(nth: i64) -> String {
    format!("S{nth:06}")
}

/// What a search may mean as a subscription's number: `S000456`, `s456`, `456`.
#[must_use]
pub fn as_number(q: &str) -> Option<String> {
    let q = q.trim();
    let digits = q.strip_prefix(['s', 'S']).unwrap_or(q);
    let plain = !digits.is_empty() && digits.len() <= MAX_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain).map(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(terms: &Terms) -> Offer<'_> {
        Offer { service: Service::Pppoe, price: Money::idr(165_000), terms }
    }

    fn terms() -> Terms {
        Terms::usual(Service::Pppoe, Currency::IDR)
    }

    fn form() -> SubscriptionForm {
        SubscriptionForm {
            customer_id: Some(CustomerId(1)),
            router_id: Some(RouterId(1)),
            package_id: Some(PackageId(1)),
            ..SubscriptionForm::default()
        }
    }

    fn today() -> NaiveDate {
        "2026-11-24".parse().unwrap()
    }

    #[test]
    fn what_is_left_out_is_as_the_package_says() {
        let draft = check(&form(), offer(&terms()), today()).unwrap();
        assert_eq!(
            (draft.agreed.cycle, draft.agreed.bill_day, draft.agreed.is_prepaid),
            (Cycle::Monthly, Some(1), true)
        );
        assert_eq!((draft.starts_on, draft.username, draft.discount), (today(), None, Money::idr(0)));
        let own = SubscriptionForm {
            cycle: "weeks_2".into(),
            is_prepaid: Some(false),
            due_days: Some(9),
            mac: "aa-bb.cc:dd EE ff".replace(' ', ""),
            remote_address: "10.20.0.9".into(),
            discount: Some(Money::idr(15_000)),
            discount_reason: "tetangga".into(),
            ..form()
        };
        let draft = check(&own, offer(&terms()), today()).unwrap();
        assert_eq!((draft.agreed.cycle, draft.agreed.bill_day, draft.agreed.due_days), (Cycle::Weeks(2), None, 9));
        assert_eq!((draft.mac.as_str(), draft.remote_address.as_str()), ("AA:BB:CC:DD:EE:FF", "10.20.0.9"));
    }

    #[test]
    fn what_cannot_be_is_told_at_its_field() {
        let usd = Money::new(1, Currency::parse("USD").unwrap());
        let addon = |id: i64, quantity: i64| AddonForm { addon_id: AddonId(id), quantity };
        for (form, field, code) in [
            (SubscriptionForm { customer_id: None, ..form() }, "customer_id", "required"),
            (SubscriptionForm { customer: Some(CustomerForm::default()), ..form() }, "customer_id", "customer_twice"),
            (SubscriptionForm { username: "budi santoso".into(), ..form() }, "username", "bad_service_username"),
            (SubscriptionForm { username: "a|b".into(), ..form() }, "username", "bad_service_username"),
            (SubscriptionForm { username: "x".repeat(49), ..form() }, "username", "too_long"),
            (SubscriptionForm { password: "abc".into(), ..form() }, "password", "bad_user_password"),
            (SubscriptionForm { password: "rahasia sekali".into(), ..form() }, "password", "bad_user_password"),
            (SubscriptionForm { remote_address: "10.0.0".into(), ..form() }, "remote_address", "bad_static_address"),
            (SubscriptionForm { mac: "AA:BB".into(), ..form() }, "mac", "bad_device"),
            (SubscriptionForm { starts_on: "2026-01-01".parse().ok(), ..form() }, "starts_on", "day_out_of_range"),
            (SubscriptionForm { cycle: "fortnight".into(), ..form() }, "cycle", "not_offered"),
            (SubscriptionForm { bill_day: Some(29), ..form() }, "bill_day", "out_of_range"),
            (SubscriptionForm { grace_days: Some(31), ..form() }, "grace_days", "out_of_range"),
            (SubscriptionForm { setup_fee: Some(usd), ..form() }, "setup_fee", "currency"),
            (SubscriptionForm { discount: Some(Money::idr(1)), ..form() }, "discount_reason", "required"),
            (SubscriptionForm { is_exempt: true, ..form() }, "exempt_reason", "required"),
            (SubscriptionForm { addons: vec![addon(1, 0)], ..form() }, "addons", "out_of_range"),
            (SubscriptionForm { addons: vec![addon(1, 1), addon(1, 2)], ..form() }, "addons", "addon_twice"),
        ] {
            let errors = check(&form, offer(&terms()), today()).unwrap_err();
            let found: Vec<_> = errors.iter().map(|(field, error)| (field, error.code())).collect();
            assert_eq!(found, [(field, code)]);
        }
        let new = CustomerForm { name: " ".into(), location: "di sana".into(), ..CustomerForm::default() };
        let both = SubscriptionForm { customer_id: None, customer: Some(new), mac: "AA:BB".into(), ..form() };
        let errors = check(&both, offer(&terms()), today()).unwrap_err();
        let found: Vec<_> = errors.iter().map(|(field, _)| field).collect();
        assert_eq!(found, ["customer.location", "customer.name", "mac"], "of whose it is, and of the service");
        let more = SubscriptionForm { discount: Some(Money::idr(165_001)), discount_reason: "x".into(), ..form() };
        assert!(check(&more, offer(&terms()), today()).is_err());
        let terms = terms();
        let hotspot = Offer { service: Service::Hotspot, ..offer(&terms) };
        let fixed = SubscriptionForm { remote_address: "10.0.0.1".into(), ..form() };
        assert!(check(&fixed, hotspot, today()).is_err());
    }

    #[test]
    fn secrets_are_long_enough_and_without_look_alikes() {
        let found = secret([0x5a; 16]);
        assert_eq!(found.len(), SECRET_LENGTH);
        for byte in 0..=u8::MAX {
            assert!(secret([byte; 16]).bytes().all(|char| SECRET_ALPHABET.contains(&char)));
        }
        assert!(!SECRET_ALPHABET.iter().any(|char| b"0o1lI".contains(char)));
        assert_ne!(secret([1; 16]), secret([2; 16]));
    }

    #[test]
    fn a_number_is_found_as_it_is_typed() {
        for q in ["S000456", "s456", "456", " 000456 "] {
            assert_eq!(as_number(q).as_deref(), Some("S000456"), "{q}");
        }
        for q in ["", "s", "45x", "kebon-0456", "4567890123"] {
            assert_eq!(as_number(q), None, "{q}");
        }
    }
}
