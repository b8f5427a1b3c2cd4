//! The form of a new subscription as typed, and how it is read. Pure.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    SubscriptionForm,
    rules::{AddonForm, MAX_ADDONS},
};
use crate::{
    customers::{CustomerForm, PhoneForm},
    http::form::{Check, FieldError, FormErrors},
    ids::{AddonId, CustomerId, PackageId, RouterId},
    money::{Currency, Money},
    packages::{self, Cycle, Package},
};

/// A subscription's fields as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    /// `known` or `new`.
    pub(crate) whose: String,
    /// The number, or the id, of a customer who is there.
    pub(crate) customer: String,
    pub(crate) customer_id: String,
    pub(crate) name: String,
    pub(crate) phone: String,
    pub(crate) address: String,
    pub(crate) location: String,
    pub(crate) id_number: String,
    pub(crate) notes: String,
    pub(crate) allow_duplicate: String,
    pub(crate) router_id: String,
    pub(crate) package_id: String,
    /// The package that the terms below were filled in from.
    pub(crate) terms_of: String,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) adopt: String,
    pub(crate) server: String,
    pub(crate) remote_address: String,
    pub(crate) mac: String,
    pub(crate) starts_on: String,
    pub(crate) first_period: String,
    pub(crate) setup_fee: String,
    pub(crate) discount: String,
    pub(crate) discount_reason: String,
    pub(crate) discount_until: String,
    /// Without its number.
    pub(crate) cycle: String,
    pub(crate) cycle_count: String,
    pub(crate) bill_day: String,
    /// `yes` or `no`.
    pub(crate) is_prepaid: String,
    pub(crate) due_days: String,
    pub(crate) grace_days: String,
    pub(crate) is_auto_renewed: String,
    pub(crate) is_exempt: String,
    pub(crate) exempt_reason: String,
    /// Ids of add-ons, and how many of each, side by side.
    pub(crate) addon: Vec<String>,
    pub(crate) addon_count: Vec<String>,
}

impl Fields {
    /// What a new subscription starts with.
    pub(crate) fn fresh(customer: Option<CustomerId>) -> Self {
        Self {
            whose: if customer.is_some() { "known".to_owned() } else { "new".to_owned() },
            customer_id: customer.map(|id| id.to_string()).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The router, when one is chosen.
    pub(crate) fn router(&self) -> Option<RouterId> {
        self.router_id.trim().parse().ok().filter(|id| *id > 0).map(RouterId)
    }

    /// The package, when one is chosen.
    pub(crate) fn package(&self) -> Option<PackageId> {
        self.package_id.trim().parse().ok().filter(|id| *id > 0).map(PackageId)
    }

    /// The customer who is there, when one is chosen.
    pub(crate) fn known_customer(&self) -> Option<CustomerId> {
        self.customer_id.trim().parse().ok().filter(|id| *id > 0).map(CustomerId)
    }

    /// Beside another cycle the day is hidden, and not looked at.
    fn has_bill_day(&self) -> bool {
        let unit = self.cycle.trim();
        unit.is_empty() || unit == Cycle::Monthly.unit()
    }

    /// With the terms of a package, unless they are filled in from it already.
    pub(crate) fn with_terms(mut self, package: &Package, today: NaiveDate) -> Self {
        if self.starts_on.is_empty() {
            self.starts_on = today.to_string();
        }
        if self.terms_of == package.id.to_string() {
            return self;
        }
        let terms = &package.terms;
        self.terms_of = package.id.to_string();
        terms.cycle.unit().clone_into(&mut self.cycle);
        self.cycle_count = terms.cycle.count().to_string();
        self.bill_day = terms.bill_day.unwrap_or(1).to_string();
        self.is_prepaid = if terms.is_prepaid { "yes".to_owned() } else { "no".to_owned() };
        self.due_days = terms.due_days.to_string();
        self.grace_days = terms.grace_days.to_string();
        self.first_period = terms.first_period.as_str().to_owned();
        self.setup_fee = terms.setup_fee.typed();
        self
    }

    /// The form of what was typed, and what cannot be read of it.
    pub(crate) fn read(&self, currency: Currency) -> (SubscriptionForm, FormErrors) {
        let mut check = Check::default();
        let money = |check: &mut Check, field: &str, text: &str| -> Option<Money> {
            given(text).and_then(|text| check.money(field, text, currency))
        };
        let number = |check: &mut Check, field: &str, text: &str| -> Option<i64> {
            given(text).and_then(|text| check.int(field, text, i64::MIN..=i64::MAX))
        };
        let is_new = self.whose != "known";
        let form = SubscriptionForm {
            customer_id: if is_new { None } else { self.known_customer() },
            customer: is_new.then(|| self.new_customer()),
            router_id: self.router(),
            package_id: self.package(),
            username: self.username.clone(),
            password: self.password.clone(),
            adopt: Check::ticked(&self.adopt),
            server: self.server.clone(),
            remote_address: self.remote_address.clone(),
            mac: self.mac.clone(),
            starts_on: check.optional_day("starts_on", &self.starts_on),
            first_period: self.first_period.clone(),
            setup_fee: money(&mut check, "setup_fee", &self.setup_fee),
            discount: money(&mut check, "discount", &self.discount),
            discount_reason: self.discount_reason.clone(),
            discount_until: check.optional_day("discount_until", &self.discount_until),
            cycle: packages::typed_cycle(&mut check, &self.cycle, &self.cycle_count).unwrap_or_default(),
            bill_day: if self.has_bill_day() { number(&mut check, "bill_day", &self.bill_day) } else { None },
            is_prepaid: match self.is_prepaid.as_str() {
                "yes" => Some(true),
                "no" => Some(false),
                _ => None,
            },
            due_days: number(&mut check, "due_days", &self.due_days),
            grace_days: number(&mut check, "grace_days", &self.grace_days),
            is_auto_renewed: Check::ticked(&self.is_auto_renewed),
            is_exempt: Check::ticked(&self.is_exempt),
            exempt_reason: self.exempt_reason.clone(),
            addons: self.addons(&mut check),
        };
        (form, check.into_errors())
    }

    fn new_customer(&self) -> CustomerForm {
        let phone = PhoneForm { number: self.phone.clone(), label: String::new(), is_whatsapp: None };
        CustomerForm {
            name: self.name.clone(),
            phones: vec![phone],
            address: self.address.clone(),
            location: self.location.clone(),
            notes: self.notes.clone(),
            id_number: given(&self.id_number).map(str::to_owned),
            allow_duplicate: Check::ticked(&self.allow_duplicate),
            ..CustomerForm::default()
        }
    }

    fn addons(&self, check: &mut Check) -> Vec<AddonForm> {
        let mut wishes = Vec::new();
        for (at, count) in self.addon_count.iter().enumerate().take(MAX_ADDONS * 10) {
            let Some(count) = given(count).filter(|count| *count != "0") else { continue };
            let id = self.addon.get(at).and_then(|id| id.trim().parse().ok()).filter(|id| *id > 0);
            match (id, check.int("addons", count, 0..=1_000)) {
                (Some(id), Some(quantity)) => wishes.push(AddonForm { addon_id: AddonId(id), quantity }),
                (None, _) => check.refuse("addons", FieldError::new("not_offered")),
                (Some(_), None) => {}
            }
        }
        wishes
    }
}

/// Refusals at the fields of the page in which they are typed.
pub(crate) fn typed_in(errors: &FormErrors) -> FormErrors {
    let mut typed = FormErrors::default();
    for (field, error) in errors.iter() {
        let field = match field.strip_prefix("customer.") {
            // His site is that of the router.
            Some("site_id") => "router_id",
            Some(other) => other,
            None if field == "customer_id" => "customer",
            None => field,
        };
        typed.add(field, error.clone());
    }
    typed
}

fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed() -> Fields {
        Fields {
            whose: "new".into(),
            name: "Budi Santoso".into(),
            phone: "0812-3456-7890".into(),
            router_id: "1".into(),
            package_id: "2".into(),
            starts_on: "2026-11-24".into(),
            setup_fee: "200.000".into(),
            bill_day: "1".into(),
            is_prepaid: "no".into(),
            addon: vec!["3".into(), "4".into()],
            addon_count: vec!["0".into(), "2".into()],
            ..Fields::default()
        }
    }

    #[test]
    fn a_form_is_read_as_people_type_it() {
        let (form, errors) = typed().read(Currency::IDR);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!((form.router_id, form.package_id), (Some(RouterId(1)), Some(PackageId(2))));
        assert_eq!((form.setup_fee, form.discount, form.is_prepaid), (Some(Money::idr(200_000)), None, Some(false)));
        assert_eq!(form.addons, [AddonForm { addon_id: AddonId(4), quantity: 2 }]);
        assert_eq!((form.customer_id, form.customer.unwrap().name.as_str()), (None, "Budi Santoso"));
        let known = Fields { whose: "known".into(), customer_id: "7".into(), ..typed() };
        let (form, _) = known.read(Currency::IDR);
        assert!(form.customer_id == Some(CustomerId(7)) && form.customer.is_none());
    }

    #[test]
    fn a_cycle_is_chosen_with_its_number_and_sent_as_the_api_names_it() {
        for (unit, count, name, day) in [
            ("monthly", "", "monthly", Some(5)),
            ("anniversary", "x", "anniversary", None),
            ("months", "3", "months_3", None),
            ("weeks", " 2 ", "weeks_2", None),
            ("days", "30", "days_30", None),
            // Nothing chosen yet: as the package says.
            ("", "3", "", Some(5)),
        ] {
            let fields = Fields { cycle: unit.into(), cycle_count: count.into(), bill_day: "5".into(), ..typed() };
            let (form, errors) = fields.read(Currency::IDR);
            assert!(errors.is_empty(), "{unit}: {errors:?}");
            assert_eq!((form.cycle.as_str(), form.bill_day), (name, day), "{unit}");
            assert!(name.is_empty() || Cycle::parse(name).is_some(), "{name}");
        }
        // The day that a monthly cycle left in its hidden field hinders no other.
        let fields = Fields { cycle: "days".into(), cycle_count: "7".into(), bill_day: "x".into(), ..typed() };
        assert!(fields.read(Currency::IDR).1.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_told_at_its_field() {
        for (fields, field, code) in [
            (Fields { starts_on: "tomorrow".into(), ..typed() }, "starts_on", "not_a_date"),
            (Fields { setup_fee: "many".into(), ..typed() }, "setup_fee", "not_money"),
            (Fields { due_days: "x".into(), ..typed() }, "due_days", "not_a_number"),
            (Fields { bill_day: "x".into(), ..typed() }, "bill_day", "not_a_number"),
            (Fields { cycle: "months".into(), ..typed() }, "cycle_count", "required"),
            (Fields { cycle: "weeks".into(), cycle_count: "53".into(), ..typed() }, "cycle_count", "out_of_range"),
            (Fields { addon_count: vec!["x".into()], ..typed() }, "addons", "not_a_number"),
            (Fields { addon: vec![], ..typed() }, "addons", "not_offered"),
        ] {
            let (_, errors) = fields.read(Currency::IDR);
            let found: Vec<_> = errors.iter().map(|(field, error)| (field, error.code())).collect();
            assert_eq!(found, [(field, code)]);
        }
    }
}
