//! The form of a package as typed, and how it is read. Each kind has its own form: what belongs to the other kind is not
//! looked at.

use hiji_shared::device::Service;
use serde::{Deserialize, Serialize};

use super::{Cycle, Found, Package, PackageForm, SellBy, SoldAs, Terms, Validity, rules, terms};
use crate::{
    http::form::{Check, FormErrors, Unit},
    ids::RouterId,
    money::{Currency, Money},
};

/// A package's fields as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) name: String,
    pub(crate) sold_as: String,
    pub(crate) service: String,
    pub(crate) profile: String,
    pub(crate) price: String,
    pub(crate) cost: String,
    pub(crate) rate_limit: String,
    pub(crate) shared_users: String,
    pub(crate) quota: String,
    pub(crate) quota_unit: String,
    pub(crate) mac_lock: String,
    pub(crate) online: String,
    pub(crate) online_unit: String,
    pub(crate) active: String,
    pub(crate) active_unit: String,
    pub(crate) sell: String,
    pub(crate) sell_unit: String,
    /// A sell-by instant set by the API; kept unless a span is typed.
    pub(crate) sell_at: String,
    /// `prepaid`, `postpaid`.
    pub(crate) paid: String,
    /// Without its number.
    pub(crate) cycle: String,
    pub(crate) cycle_count: String,
    pub(crate) bill_day: String,
    pub(crate) due_days: String,
    pub(crate) grace_days: String,
    pub(crate) on_expiry: String,
    pub(crate) first_period: String,
    pub(crate) setup_fee: String,
    pub(crate) is_taxed: String,
    pub(crate) local_address: String,
    pub(crate) address_pool: String,
    pub(crate) router_ids: Vec<String>,
    /// `missing`, `always`; anything else: hiji leaves the profile alone.
    pub(crate) create_profile: String,
}

const PREPAID: &str = "prepaid";
const POSTPAID: &str = "postpaid";
const MISSING: &str = "missing";
const ALWAYS: &str = "always";

/// Units a span of time is typed in; their texts are `unit-<name>`.
const UNITS: [Unit; 3] = [("days", 86_400), ("hours", 3600), ("minutes", 60)];
/// Units a quota is typed in, in binary steps as routers count; their texts are `unit-<name>`.
const SIZES: [Unit; 2] = [("gb", 1 << 30), ("mb", 1 << 20)];

impl Fields {
    /// What a new package starts with.
    pub(crate) fn fresh(sold_as: SoldAs) -> Self {
        let service = match sold_as {
            SoldAs::Voucher => Service::Hotspot,
            SoldAs::Subscription => Service::Pppoe,
        };
        Self {
            sold_as: sold_as.as_str().to_owned(),
            service: service.as_str().to_owned(),
            shared_users: "1".to_owned(),
            online_unit: "hours".to_owned(),
            active_unit: "days".to_owned(),
            sell_unit: "days".to_owned(),
            quota_unit: "gb".to_owned(),
            create_profile: MISSING.to_owned(),
            ..Self::default()
        }
        .with_terms(&Terms::usual(service, Currency::IDR))
    }

    /// What a package made of a router's profile starts with. One that carries hiji's mark is hiji's to set.
    pub(crate) fn of_found(found: &Found, sold_as: SoldAs) -> Self {
        let fresh = Self::fresh(sold_as);
        Self {
            name: found.name.clone(),
            service: found.service.as_str().to_owned(),
            profile: found.name.clone(),
            rate_limit: found.rate_limit.clone(),
            shared_users: found.shared_users.to_string(),
            local_address: found.local_address.clone(),
            address_pool: found.address_pool.clone(),
            router_ids: found.router_ids.iter().map(ToString::to_string).collect(),
            create_profile: if found.marked { ALWAYS.to_owned() } else { fresh.create_profile.clone() },
            ..fresh
        }
    }

    fn with_terms(self, terms: &Terms) -> Self {
        let fee = terms.setup_fee;
        Self {
            paid: if terms.is_prepaid { PREPAID.to_owned() } else { POSTPAID.to_owned() },
            cycle: terms.cycle.unit().to_owned(),
            cycle_count: terms.cycle.count().to_string(),
            bill_day: terms.bill_day.map(|day| day.to_string()).unwrap_or_default(),
            due_days: terms.due_days.to_string(),
            grace_days: terms.grace_days.to_string(),
            on_expiry: terms.on_expiry.as_str().to_owned(),
            first_period: terms.first_period.as_str().to_owned(),
            setup_fee: if fee.minor() == 0 { String::new() } else { fee.typed() },
            is_taxed: tick(terms.is_taxed),
            local_address: terms.local_address.clone(),
            address_pool: terms.address_pool.clone(),
            ..self
        }
    }

    /// The fields of a package that is there.
    pub(crate) fn of(package: &Package) -> Self {
        let Validity { online_secs, active_secs, activate_before } = package.validity;
        let (sell, sell_at) = match activate_before {
            None => (None, String::new()),
            Some(SellBy::After(secs)) => (Some(secs), String::new()),
            Some(SellBy::At(at)) => (None, at.to_rfc3339()),
        };
        let ((online, online_unit), (active, active_unit)) = (span(online_secs, "hours"), span(active_secs, "days"));
        let (sell, sell_unit) = span(sell, "days");
        let (quota, quota_unit) = size(package.limit_bytes);
        Self {
            name: package.name.clone(),
            sold_as: package.sold_as.as_str().to_owned(),
            service: package.service.as_str().to_owned(),
            profile: package.profile.clone(),
            price: package.price.typed(),
            cost: package.cost.map_or_else(String::new, Money::typed),
            rate_limit: package.rate_limit.clone(),
            shared_users: package.shared_users.to_string(),
            quota,
            quota_unit,
            mac_lock: tick(package.mac_lock),
            online,
            online_unit,
            active,
            active_unit,
            sell,
            sell_unit,
            sell_at,
            router_ids: package.router_ids.iter().map(ToString::to_string).collect(),
            create_profile: if package.made_on.is_empty() { String::new() } else { MISSING.to_owned() },
            ..Self::default()
        }
        .with_terms(&package.terms)
    }

    /// The draft of what was typed.
    ///
    /// # Errors
    /// Every field that is not right.
    pub(crate) fn draft(&self, currency: Currency) -> Result<rules::Draft, FormErrors> {
        let mut check = Check::default();
        let form = self.read(&mut check, currency);
        match rules::check(&form) {
            Ok(draft) if check.is_clean() => Ok(draft),
            Ok(_) => Err(check.into_errors()),
            Err(others) => {
                for (field, error) in others.iter() {
                    check.refuse(typed_in(field), error.clone());
                }
                Err(check.into_errors())
            }
        }
    }

    fn read(&self, check: &mut Check, currency: Currency) -> PackageForm {
        let free = Money::new(0, currency);
        let price = check.money("price", &self.price, currency).unwrap_or(free);
        let cost = if self.cost.trim().is_empty() { None } else { check.money("cost", &self.cost, currency) };
        let sold_as = self.sold_as();
        let form = PackageForm {
            name: self.name.clone(),
            service: self.service.clone(),
            sold_as: sold_as.map(|sold_as| sold_as.as_str().to_owned()).or_else(|| text(&self.sold_as)),
            price,
            cost,
            rate_limit: self.rate_limit.clone(),
            shared_users: number(check, "shared_users", &self.shared_users),
            limit_bytes: None,
            mac_lock: false,
            validity: Validity::default(),
            cycle: None,
            is_prepaid: None,
            bill_day: None,
            due_days: None,
            grace_days: None,
            on_expiry: None,
            first_period: None,
            setup_fee: None,
            is_taxed: false,
            local_address: String::new(),
            address_pool: String::new(),
            router_ids: self.router_ids.iter().filter_map(|id| check.id("router_ids", id)).map(RouterId).collect(),
            profile: text(&self.profile),
            create_profile: self.create_profile(),
        };
        match sold_as {
            Some(SoldAs::Voucher) => self.with_limits(check, form),
            Some(SoldAs::Subscription) | None => self.with_agreed(check, form, currency),
        }
    }

    /// The kind of the form: unless said, as the service is sold usually.
    pub(crate) fn sold_as(&self) -> Option<SoldAs> {
        match text(&self.sold_as) {
            Some(text) => SoldAs::parse(&text),
            None => rules::service(self.service.trim()).map(SoldAs::usual),
        }
    }

    fn create_profile(&self) -> Option<bool> {
        match self.create_profile.trim() {
            ALWAYS => Some(true),
            text if text == MISSING || Check::ticked(text) => None,
            _ => Some(false),
        }
    }

    /// What only vouchers have.
    fn with_limits(&self, check: &mut Check, form: PackageForm) -> PackageForm {
        PackageForm {
            limit_bytes: quota_of(check, "quota", &self.quota, &self.quota_unit),
            mac_lock: Check::ticked(&self.mac_lock),
            validity: self.validity(check),
            on_expiry: text(&self.on_expiry),
            ..form
        }
    }

    /// What only subscriptions have.
    fn with_agreed(&self, check: &mut Check, form: PackageForm, currency: Currency) -> PackageForm {
        let pppoe = self.service.trim() == Service::Pppoe.as_str();
        let monthly = self.cycle.trim() == Cycle::Monthly.unit();
        let of_ppp = |text: &str| if pppoe { text.to_owned() } else { String::new() };
        PackageForm {
            cycle: terms::typed_cycle(check, &self.cycle, &self.cycle_count),
            is_prepaid: Some(self.paid.trim() != POSTPAID),
            bill_day: if monthly { number(check, "bill_day", &self.bill_day) } else { None },
            due_days: number(check, "due_days", &self.due_days),
            grace_days: number(check, "grace_days", &self.grace_days),
            on_expiry: text(&self.on_expiry),
            first_period: text(&self.first_period),
            setup_fee: if self.setup_fee.trim().is_empty() {
                None
            } else {
                check.money("setup_fee", &self.setup_fee, currency)
            },
            is_taxed: Check::ticked(&self.is_taxed),
            local_address: of_ppp(&self.local_address),
            address_pool: of_ppp(&self.address_pool),
            ..form
        }
    }

    fn validity(&self, check: &mut Check) -> Validity {
        let sell = span_of(check, "sell", &self.sell, &self.sell_unit).map(SellBy::After);
        let sell_at = self.sell_at.parse().ok().map(SellBy::At);
        Validity {
            online_secs: span_of(check, "online", &self.online, &self.online_unit),
            active_secs: span_of(check, "active", &self.active, &self.active_unit),
            activate_before: sell.or(sell_at),
        }
    }
}

fn tick(on: bool) -> String {
    if on { "on".to_owned() } else { String::new() }
}

/// What was typed, if anything was.
fn text(text: &str) -> Option<String> {
    given(text).map(str::to_owned)
}

fn number(check: &mut Check, field: &str, text: &str) -> Option<i64> {
    if text.trim().is_empty() { None } else { check.int(field, text, i64::MIN..=i64::MAX) }
}

/// A span as typed, with its unit; nothing when nothing is typed.
pub(crate) fn span_of(check: &mut Check, field: &str, text: &str, unit: &str) -> Option<i64> {
    let range = rules::MIN_VALIDITY_SECS..=rules::MAX_VALIDITY_SECS;
    given(text).and_then(|text| check.measure(field, (text, unit), &UNITS, &range))
}

/// A quota as typed, with its unit; nothing when nothing is typed.
pub(crate) fn quota_of(check: &mut Check, field: &str, text: &str, unit: &str) -> Option<i64> {
    given(text).and_then(|text| check.measure(field, (text, unit), &SIZES, &(1..=rules::MAX_LIMIT_BYTES)))
}

fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// The field of the page in which a field of the API is typed.
fn typed_in(field: &str) -> &str {
    match field {
        "validity.online_secs" => "online",
        "validity.active_secs" => "active",
        "validity.activate_before" => "sell",
        "limit_bytes" => "quota",
        other => other,
    }
}

/// A quota in its largest whole unit.
fn size(bytes: Option<i64>) -> (String, String) {
    let Some(bytes) = bytes else { return (String::new(), "gb".to_owned()) };
    // One that the API set to a part of a megabyte is shown as the next whole one.
    let (unit, each) = SIZES.into_iter().find(|(_, each)| bytes % each == 0).unwrap_or(("mb", 1 << 20));
    (((bytes + each - 1) / each).to_string(), unit.to_owned())
}

/// A span in its largest whole unit.
fn span(secs: Option<i64>, usual: &str) -> (String, String) {
    let Some(secs) = secs else { return (String::new(), usual.to_owned()) };
    let (unit, each) = UNITS.into_iter().find(|(_, each)| secs % each == 0).unwrap_or(("minutes", 60));
    ((secs / each).to_string(), unit.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{super::pages::sample, *};

    #[test]
    fn a_package_comes_back_from_its_form_as_it_was() {
        let draft = Fields::of(&sample()).draft(Currency::IDR).unwrap();
        assert_eq!((draft.price, draft.cost), (Money::idr(3000), Money::idr(2000)));
        assert_eq!(draft.validity, sample().validity);
        assert_eq!(draft.router_ids, [RouterId(1)]);
        assert_eq!((draft.limit_bytes, draft.mac_lock), (sample().limit_bytes, true));
    }

    fn member() -> Fields {
        let typed = Fields { name: "Rumah 10M".into(), price: "165.000".into(), ..Fields::fresh(SoldAs::Subscription) };
        Fields { setup_fee: "200.000".into(), bill_day: "5".into(), address_pool: "pool-rumah".into(), ..typed }
    }

    #[test]
    fn a_subscription_comes_back_from_its_form_as_it_was() {
        let draft = member().draft(Currency::IDR).unwrap();
        assert_eq!((draft.sold_as, draft.terms.setup_fee), (SoldAs::Subscription, Money::idr(200_000)));
        assert_eq!((draft.terms.bill_day, &*draft.terms.address_pool), (Some(5), "pool-rumah"));
        for cycle in [Cycle::Monthly, Cycle::Anniversary, Cycle::Months(3), Cycle::Weeks(2), Cycle::Days(30)] {
            let bill_day = (cycle == Cycle::Monthly).then_some(5);
            let terms = Terms { cycle, bill_day, ..draft.terms.clone() };
            let package = Package { sold_as: SoldAs::Subscription, service: Service::Pppoe, terms, ..sample() };
            let package = Package { validity: Validity::default(), limit_bytes: None, mac_lock: false, ..package };
            assert_eq!(Fields::of(&package).draft(Currency::IDR).unwrap().terms, package.terms);
        }
    }

    #[test]
    fn what_is_of_the_other_kind_is_not_looked_at() {
        let typed = Fields { grace_days: "many".into(), cycle: "days".into(), ..Fields::of(&sample()) };
        let voucher = typed.draft(Currency::IDR).unwrap();
        assert_eq!((voucher.terms.grace_days, voucher.terms.cycle), (0, Cycle::Monthly));
        let typed = Fields { online: "x".into(), mac_lock: "on".into(), quota: "5".into(), ..member() };
        let draft = typed.draft(Currency::IDR).unwrap();
        assert_eq!((draft.validity, draft.limit_bytes, draft.mac_lock), (Validity::default(), None, false));
        let hotspot = Fields { service: "hotspot".into(), ..member() };
        assert_eq!(hotspot.draft(Currency::IDR).unwrap().terms.address_pool, "");
        let yearly = Fields { cycle: "anniversary".into(), bill_day: "99".into(), ..member() };
        assert_eq!(yearly.draft(Currency::IDR).unwrap().terms.bill_day, None);
    }

    #[test]
    fn a_cycle_is_typed_with_its_number() {
        let codes = |cycle: &str, count: &str| {
            let typed = Fields { cycle: cycle.into(), cycle_count: count.into(), ..member() };
            let errors = typed.draft(Currency::IDR).unwrap_err();
            errors.iter().map(|(field, error)| format!("{field}: {}", error.code())).collect::<Vec<_>>()
        };
        assert_eq!(codes("weeks", "53"), ["cycle_count: out_of_range"]);
        assert_eq!(codes("days", ""), ["cycle_count: required"]);
        assert_eq!(codes("years", "1"), ["cycle: not_offered"]);
    }

    #[test]
    fn hiji_sets_a_profile_that_carries_its_mark() {
        let create =
            |create_profile: &str| Fields { create_profile: create_profile.into(), ..member() }.create_profile();
        assert_eq!((create("always"), create("missing"), create("on")), (Some(true), None, None));
        assert_eq!((create(""), create("never")), (Some(false), Some(false)));
    }

    #[test]
    fn quotas_are_typed_in_binary_megabytes_and_gigabytes() {
        assert_eq!(size(Some(5 << 30)), ("5".to_owned(), "gb".to_owned()));
        assert_eq!(size(Some(500 << 20)), ("500".to_owned(), "mb".to_owned()));
        assert_eq!(size(Some(1)), ("1".to_owned(), "mb".to_owned()));
        assert_eq!(quota_of(&mut Check::default(), "quota", "1.500", "mb"), Some(1500 << 20));
        assert_eq!(quota_of(&mut Check::default(), "quota", " ", "mb"), None);
    }

    #[test]
    fn what_is_typed_wrong_is_told_at_its_field() {
        let fields = Fields {
            price: "-1".into(),
            shared_users: "many".into(),
            online: "0".into(),
            name: String::new(),
            ..Fields::of(&sample())
        };
        let errors = fields.draft(Currency::IDR).unwrap_err();
        let found: Vec<_> = errors.iter().map(|(field, error)| (field.to_owned(), error.code().to_owned())).collect();
        let told = |field: &str, code: &str| (field.to_owned(), code.to_owned());
        assert_eq!(
            found,
            [
                told("name", "required"),
                told("online", "measure_out_of_range"),
                told("price", "out_of_range"),
                told("shared_users", "not_a_number"),
            ]
        );
    }

    #[test]
    fn limits_are_told_in_the_unit_that_was_chosen() {
        let told = |read: &dyn Fn(&mut Check) -> Option<i64>| {
            let mut check = Check::default();
            assert_eq!(read(&mut check), None);
            let errors = check.into_errors();
            let texts = crate::http::locale::Texts::load().unwrap();
            let error = errors.iter().next().unwrap().1;
            let args = error.args().iter().map(|(name, arg)| (name.as_str(), arg.clone()));
            texts.text(crate::http::locale::Locale::Id, &error.text_key(), args)
        };
        assert_eq!(told(&|check| span_of(check, "active", "5.000", "days")), "Isi antara 1 dan 3.660 hari.");
        assert_eq!(told(&|check| span_of(check, "active", "0", "hours")), "Isi antara 1 dan 87.840 jam.");
        assert_eq!(told(&|check| quota_of(check, "quota", "200.000", "gb")), "Isi antara 1 dan 102.400 GB.");
        assert_eq!(quota_of(&mut Check::default(), "quota", "1,5", "gb"), Some(3 << 29));
    }

    #[test]
    fn spans_are_shown_in_their_largest_unit() {
        assert_eq!(span(Some(43_200), "days"), ("12".to_owned(), "hours".to_owned()));
        assert_eq!(span(Some(259_200), "hours"), ("3".to_owned(), "days".to_owned()));
        assert_eq!(span(Some(5_400), "hours"), ("90".to_owned(), "minutes".to_owned()));
        assert_eq!(span(None, "hours"), (String::new(), "hours".to_owned()));
    }
}
