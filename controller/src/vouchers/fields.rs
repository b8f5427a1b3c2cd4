//! The form of a batch as typed, and how it is read. Pure.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::rules::{self, BatchForm, Charset, Look};
use crate::{
    http::form::{Check, FieldError, FormErrors},
    ids::{PackageId, RouterId},
    money::Currency,
};

/// A batch's fields as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) router_id: String,
    pub(crate) package_id: String,
    pub(crate) count: String,
    pub(crate) mode: String,
    pub(crate) prefix: String,
    pub(crate) length: String,
    pub(crate) charset: String,
    pub(crate) price: String,
    pub(crate) cost: String,
    pub(crate) mac_lock: String,
    pub(crate) server: String,
    /// A local date of the site; the whole day counts.
    pub(crate) activate_before: String,
    pub(crate) note: String,
}

impl Fields {
    /// What a new batch starts with.
    pub(crate) fn fresh() -> Self {
        Self {
            mode: "same".to_owned(),
            length: rules::DEFAULT_LENGTH.to_string(),
            charset: Charset::UpperDigits.as_str().to_owned(),
            ..Self::default()
        }
    }

    /// The router, when one is chosen.
    pub(crate) fn router(&self) -> Option<RouterId> {
        self.router_id.parse().ok().map(RouterId)
    }

    /// The package, when one is chosen.
    pub(crate) fn package(&self) -> Option<PackageId> {
        self.package_id.parse().ok().map(PackageId)
    }

    /// The form of what was typed, and what cannot be read of it. `zone` is that of the router's site, `currency` that
    /// of the package.
    pub(crate) fn read(&self, zone: Tz, currency: Currency) -> (BatchForm, FormErrors) {
        let mut check = Check::default();
        let any = i64::MIN..=i64::MAX;
        let price = given(&self.price).and_then(|text| check.money("price", text, currency));
        let cost = given(&self.cost).and_then(|text| check.money("cost", text, currency));
        let text = |text: &str| given(text).map(str::to_owned);
        let form = BatchForm {
            router_id: RouterId(check.id("router_id", &self.router_id).unwrap_or_default()),
            package_id: PackageId(check.id("package_id", &self.package_id).unwrap_or_default()),
            // What cannot be read is told already; one voucher is never too many.
            count: check.int("count", &self.count, any.clone()).unwrap_or(1),
            prefix: Some(self.prefix.clone()),
            length: given(&self.length).and_then(|text| check.int("length", text, any)),
            charset: text(&self.charset),
            mode: text(&self.mode),
            mac_lock: Check::ticked(&self.mac_lock),
            server: text(&self.server),
            note: text(&self.note),
            activate_before: given(&self.activate_before).and_then(|text| end_of_day(&mut check, text, zone)),
            price,
            cost,
        };
        (form, check.into_errors())
    }

    /// How the codes would look, as far as that can be told.
    pub(crate) fn look(&self) -> Option<Look> {
        let (form, _) = self.read(Tz::UTC, Currency::IDR);
        Look::check(&mut Check::default(), &form)
    }
}

fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// The last second of a local day.
pub(super) fn end_of_day(check: &mut Check, text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let Ok(date) = text.parse::<NaiveDate>() else {
        check.refuse("activate_before", FieldError::new("not_a_date"));
        return None;
    };
    let last =
        NaiveTime::from_hms_opt(23, 59, 59).and_then(|time| zone.from_local_datetime(&date.and_time(time)).latest());
    if last.is_none() {
        check.refuse("activate_before", FieldError::new("not_a_date"));
    }
    last.map(|at| at.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Money;

    fn typed() -> Fields {
        Fields {
            router_id: "1".into(),
            package_id: "2".into(),
            count: "120".into(),
            prefix: "KB".into(),
            price: "3.000".into(),
            mac_lock: "on".into(),
            activate_before: "2026-12-31".into(),
            ..Fields::fresh()
        }
    }

    #[test]
    fn a_form_is_read_as_people_type_it() {
        let (form, errors) = typed().read(Tz::Asia__Jayapura, Currency::IDR);
        assert!(errors.is_empty());
        assert_eq!((form.router_id, form.package_id, form.count), (RouterId(1), PackageId(2), 120));
        assert_eq!((form.price, form.cost, form.mac_lock), (Some(Money::idr(3000)), None, true));
        assert_eq!(form.activate_before.unwrap().to_rfc3339(), "2026-12-31T14:59:59+00:00");
    }

    #[test]
    fn what_cannot_be_read_is_told_at_its_field() {
        for (fields, field, code) in [
            (Fields { router_id: String::new(), ..typed() }, "router_id", "required"),
            (Fields { package_id: "x".into(), ..typed() }, "package_id", "not_offered"),
            (Fields { count: String::new(), ..typed() }, "count", "required"),
            (Fields { count: "12x".into(), ..typed() }, "count", "not_a_number"),
            (Fields { price: "-1".into(), ..typed() }, "price", "out_of_range"),
            (Fields { length: "six".into(), ..typed() }, "length", "not_a_number"),
            (Fields { activate_before: "tomorrow".into(), ..typed() }, "activate_before", "not_a_date"),
        ] {
            let (_, errors) = fields.read(Tz::UTC, Currency::IDR);
            let found: Vec<_> = errors.iter().map(|(field, error)| (field, error.code())).collect();
            assert_eq!(found, [(field, code)]);
        }
    }

    #[test]
    fn a_prefix_with_spaces_is_not_quietly_trimmed() {
        let (form, _) = Fields { prefix: " KB".into(), ..typed() }.read(Tz::UTC, Currency::IDR);
        assert_eq!(form.prefix.as_deref(), Some(" KB"));
        assert!(Fields { prefix: " KB".into(), ..typed() }.look().is_none());
        assert_eq!(typed().look().unwrap().prefix, "KB");
    }
}
