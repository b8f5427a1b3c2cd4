//! What the pages of packages show, and how their form is read.

use hiji_shared::device::Service;
use serde::{Deserialize, Serialize};

use super::{Found, OnExpiry, Package, PackageForm, SellBy, Validity, rules};
use crate::{
    http::{
        form::{Check, Choice, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::{PackageId, RouterId},
    money::{Currency, Money},
};

/// Profiles shown below the list.
pub(super) const MAX_FOUND: usize = 50;

/// The list of packages, and the profiles that could become some.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) packages: Vec<Row>,
    pub(crate) found: Vec<Found>,
    pub(crate) q: String,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    /// Those no longer offered are shown.
    pub(crate) archived: bool,
    pub(crate) may_manage: bool,
}

/// A package in the list.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    #[serde(flatten)]
    pub(crate) package: Package,
    /// Names of the routers it is sold on.
    pub(crate) routers: Vec<String>,
    pub(crate) price_text: Money,
    pub(crate) cost_text: Option<Money>,
    /// Seconds after it was made.
    pub(crate) sell_secs: Option<i64>,
}

impl Row {
    /// A package with the names of its routers.
    pub(crate) fn new(package: Package, names: &[Choice]) -> Self {
        let sold = |choice: &&Choice| package.router_ids.iter().any(|id| id.to_string() == choice.value);
        let routers = names.iter().filter(sold).map(|choice| choice.label.clone()).collect();
        let sell_secs = match package.validity.activate_before {
            Some(SellBy::After(secs)) => Some(secs),
            Some(SellBy::At(_)) | None => None,
        };
        Self { routers, price_text: package.price, cost_text: package.cost, sell_secs, package }
    }
}

/// The form of a new or an existing package.
#[derive(Debug, Serialize)]
pub(crate) struct FormPage {
    /// `None` = a new one.
    pub(crate) id: Option<PackageId>,
    pub(crate) form: FormView<Fields>,
    pub(crate) routers: Vec<Choice>,
    /// Names of profiles that routers have, those with hiji's mark first.
    pub(crate) profiles: Vec<String>,
    pub(crate) currency_sign: String,
    pub(crate) archived: bool,
    pub(crate) sees_costs: bool,
}

/// A package's fields as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) name: String,
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
    pub(crate) cycle: String,
    pub(crate) grace_days: String,
    pub(crate) on_expiry: String,
    pub(crate) router_ids: Vec<String>,
    pub(crate) create_profile: String,
}

/// Units a span of time is typed in; their texts are `unit-<name>`.
const UNITS: [(&str, i64); 3] = [("days", 86_400), ("hours", 3600), ("minutes", 60)];
/// Units a quota is typed in, in binary steps as routers count; their texts are `unit-<name>`.
const SIZES: [(&str, i64); 2] = [("gb", 1 << 30), ("mb", 1 << 20)];

impl Fields {
    /// What a new package starts with.
    pub(crate) fn fresh() -> Self {
        Self {
            service: Service::Hotspot.as_str().to_owned(),
            shared_users: "1".to_owned(),
            online_unit: "hours".to_owned(),
            active_unit: "days".to_owned(),
            sell_unit: "days".to_owned(),
            quota_unit: "gb".to_owned(),
            cycle: "monthly".to_owned(),
            grace_days: "0".to_owned(),
            create_profile: "on".to_owned(),
            ..Self::default()
        }
    }

    /// What a package made of a router's profile starts with.
    pub(crate) fn of_found(found: &Found) -> Self {
        Self {
            name: found.name.clone(),
            service: found.service.as_str().to_owned(),
            profile: found.name.clone(),
            rate_limit: found.rate_limit.clone(),
            shared_users: found.shared_users.to_string(),
            router_ids: found.router_ids.iter().map(ToString::to_string).collect(),
            ..Self::fresh()
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
            form_id: String::new(),
            name: package.name.clone(),
            service: package.service.as_str().to_owned(),
            profile: package.profile.clone(),
            price: package.price.typed(),
            cost: package.cost.map_or_else(String::new, Money::typed),
            rate_limit: package.rate_limit.clone(),
            shared_users: package.shared_users.to_string(),
            quota,
            quota_unit,
            mac_lock: if package.mac_lock { "on".to_owned() } else { String::new() },
            online,
            online_unit,
            active,
            active_unit,
            sell,
            sell_unit,
            sell_at,
            cycle: package.cycle.clone(),
            grace_days: package.grace_days.to_string(),
            on_expiry: package.on_expiry.clone(),
            router_ids: package.router_ids.iter().map(ToString::to_string).collect(),
            create_profile: if package.made_on.is_empty() { String::new() } else { "on".to_owned() },
        }
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
        let number = |check: &mut Check, field: &str, text: &str| {
            if text.trim().is_empty() { None } else { check.int(field, text, i64::MIN..=i64::MAX) }
        };
        let voucher = self.service.trim() == Service::Hotspot.as_str();
        let validity = if voucher { self.validity(check) } else { Validity::default() };
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        PackageForm {
            name: self.name.clone(),
            service: self.service.clone(),
            price,
            cost,
            rate_limit: self.rate_limit.clone(),
            shared_users: number(check, "shared_users", &self.shared_users),
            limit_bytes: if voucher { quota_of(check, "quota", &self.quota, &self.quota_unit) } else { None },
            mac_lock: voucher && Check::ticked(&self.mac_lock),
            validity,
            // What is asked of the other service only is not looked at.
            cycle: text(&self.cycle).filter(|_| !voucher),
            grace_days: if voucher { None } else { number(check, "grace_days", &self.grace_days) },
            on_expiry: text(&self.on_expiry),
            router_ids: self.router_ids.iter().filter_map(|id| check.id("router_ids", id)).map(RouterId).collect(),
            profile: text(&self.profile),
            create_profile: if Check::ticked(&self.create_profile) { None } else { Some(false) },
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

/// A span as typed, with its unit; nothing when nothing is typed.
pub(crate) fn span_of(check: &mut Check, field: &str, text: &str, unit: &str) -> Option<i64> {
    amount_of(check, field, (text, unit), &UNITS)
}

/// A quota as typed, with its unit; nothing when nothing is typed.
pub(crate) fn quota_of(check: &mut Check, field: &str, text: &str, unit: &str) -> Option<i64> {
    amount_of(check, field, (text, unit), &SIZES)
}

fn amount_of(check: &mut Check, field: &str, (text, unit): (&str, &str), units: &[(&str, i64)]) -> Option<i64> {
    if text.trim().is_empty() {
        return None;
    }
    let number = check.int(field, text, 1..=rules::MAX_VALIDITY_SECS)?;
    let Some((_, each)) = units.iter().find(|(name, _)| *name == unit) else {
        check.refuse(field, FieldError::new("not_offered"));
        return None;
    };
    Some(number.saturating_mul(*each))
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

impl Page for ListPage {
    const TEMPLATE: &'static str = "packages/list.html";

    fn samples() -> Vec<Self> {
        let found = Found {
            name: "12jam-3rb".to_owned(),
            service: Service::Hotspot,
            rate_limit: "2M/4M".to_owned(),
            shared_users: 1,
            marked: true,
            router_ids: vec![RouterId(1)],
        };
        let foreign = Found { name: "tamu".to_owned(), marked: false, rate_limit: String::new(), ..found.clone() };
        let row = Row::new(sample(), &[Choice::new(1, "Kebon 1")]);
        let bare = Package { validity: Validity::default(), rate_limit: String::new(), ..sample() }.without_cost();
        let full = Self {
            packages: vec![row, Row::new(bare, &[])],
            found: vec![found, foreign],
            q: "jam".to_owned(),
            next: Some("x".to_owned()),
            is_later: true,
            archived: false,
            may_manage: true,
        };
        let searched = Self { q: "x".to_owned(), may_manage: false, ..Self::none() };
        let gone = Package { archived_at: Some(chrono::DateTime::UNIX_EPOCH), ..sample() };
        let archived = Self { packages: vec![Row::new(gone, &[])], archived: true, ..Self::none() };
        vec![Self::none(), full, searched, archived, Self { archived: true, ..Self::none() }]
    }
}

impl ListPage {
    fn none() -> Self {
        let (packages, found) = (Vec::new(), Vec::new());
        Self { packages, found, q: String::new(), next: None, is_later: false, archived: false, may_manage: true }
    }
}

impl Page for FormPage {
    const TEMPLATE: &'static str = "packages/form.html";

    fn samples() -> Vec<Self> {
        let routers = vec![Choice::new(1, "Kebon 1")];
        let mut errors = FormErrors::default();
        for field in ["name", "online", "router_ids", "create_profile", "profile", "sell"] {
            errors.add(field, FieldError::new("required"));
        }
        vec![
            Self {
                id: None,
                form: FormView::fresh(Fields::fresh()),
                routers: Vec::new(),
                profiles: vec!["12jam-3rb".to_owned()],
                currency_sign: "Rp".to_owned(),
                archived: false,
                sees_costs: false,
            },
            Self {
                id: Some(PackageId(1)),
                form: FormView::again(Fields::of(&sample()), errors, ""),
                routers,
                profiles: Vec::new(),
                currency_sign: "Rp".to_owned(),
                archived: true,
                sees_costs: true,
            },
        ]
    }
}

/// A package for samples.
pub(crate) fn sample() -> Package {
    Package {
        id: PackageId(1),
        name: "12 Jam".to_owned(),
        service: Service::Hotspot,
        profile: "12jam-3rb".to_owned(),
        price: Money::idr(3000),
        cost: Some(Money::idr(2000)),
        rate_limit: "2M/4M".to_owned(),
        shared_users: 1,
        limit_bytes: Some(5 << 30),
        mac_lock: true,
        validity: Validity {
            online_secs: Some(43_200),
            active_secs: Some(259_200),
            activate_before: Some(SellBy::After(2_592_000)),
        },
        cycle: "monthly".to_owned(),
        grace_days: 0,
        on_expiry: OnExpiry::Remove.as_str().to_owned(),
        router_ids: vec![RouterId(1)],
        made_on: vec![RouterId(1)],
        created_at: chrono::DateTime::UNIX_EPOCH,
        archived_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_comes_back_from_its_form_as_it_was() {
        let draft = Fields::of(&sample()).draft(Currency::IDR).unwrap();
        assert_eq!((draft.price, draft.cost), (Money::idr(3000), Money::idr(2000)));
        assert_eq!(draft.validity, sample().validity);
        assert_eq!(draft.router_ids, [RouterId(1)]);
        assert_eq!((draft.limit_bytes, draft.mac_lock), (sample().limit_bytes, true));
    }

    #[test]
    fn what_is_of_the_other_service_is_not_looked_at() {
        let typed = Fields { grace_days: "many".into(), cycle: "days_0".into(), ..Fields::of(&sample()) };
        let hotspot = typed.draft(Currency::IDR).unwrap();
        assert_eq!((hotspot.grace_days, hotspot.cycle), (0, rules::Cycle::Monthly));
        let pppoe = Fields { service: "pppoe".into(), online: "x".into(), ..Fields::of(&sample()) };
        let pppoe = pppoe.draft(Currency::IDR).unwrap();
        assert_eq!((pppoe.validity, pppoe.limit_bytes, pppoe.mac_lock), (Validity::default(), None, false));
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
                told("online", "out_of_range"),
                told("price", "out_of_range"),
                told("shared_users", "not_a_number"),
            ]
        );
    }

    #[test]
    fn spans_are_shown_in_their_largest_unit() {
        assert_eq!(span(Some(43_200), "days"), ("12".to_owned(), "hours".to_owned()));
        assert_eq!(span(Some(259_200), "hours"), ("3".to_owned(), "days".to_owned()));
        assert_eq!(span(Some(5_400), "hours"), ("90".to_owned(), "minutes".to_owned()));
        assert_eq!(span(None, "hours"), (String::new(), "hours".to_owned()));
    }
}
