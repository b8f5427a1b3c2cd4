//! The form of a batch as typed, and how it is read. Pure.

use chrono::{DateTime, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{
    Batch,
    rules::{self, BatchForm, Charset, Look, Mode},
};
use crate::{
    http::form::{Check, FieldError, FormErrors},
    ids::{PackageId, RouterId, SellerId},
    money::Currency,
    packages,
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
    pub(crate) online: String,
    pub(crate) online_unit: String,
    pub(crate) active: String,
    pub(crate) active_unit: String,
    pub(crate) quota: String,
    pub(crate) quota_unit: String,
    /// `yes`, `no`, or empty: the package's.
    pub(crate) mac_lock: String,
    pub(crate) server: String,
    /// A local date of the site; the whole day counts.
    pub(crate) activate_before: String,
    pub(crate) seller_id: String,
    pub(crate) note: String,
    pub(crate) confirm_below_cost: String,
}

impl Fields {
    /// What a new batch starts with.
    pub(crate) fn fresh() -> Self {
        Self::default().with_usual()
    }

    /// What somebody's next batch starts with: his last one, but for its number of vouchers and its prices.
    pub(crate) fn like(last: &Batch) -> Self {
        Self {
            router_id: last.router_id.to_string(),
            package_id: last.package_id.to_string(),
            mode: last.mode.clone(),
            prefix: last.prefix.clone(),
            length: last.length.to_string(),
            charset: last.charset.clone(),
            server: last.server.clone(),
            seller_id: last.seller_id.map(|seller| seller.to_string()).unwrap_or_default(),
            ..Self::default()
        }
        .with_usual()
    }

    /// Whether nothing at all was asked for yet.
    pub(crate) fn is_blank(&self) -> bool {
        [&self.router_id, &self.package_id, &self.count, &self.mode].into_iter().all(String::is_empty)
    }

    /// What is not said, as it usually is.
    pub(crate) fn with_usual(mut self) -> Self {
        let usual = [
            (&mut self.mode, Mode::Same.as_str()),
            (&mut self.charset, Charset::UpperDigits.as_str()),
            (&mut self.online_unit, "hours"),
            (&mut self.active_unit, "days"),
            (&mut self.quota_unit, "gb"),
        ];
        for (field, text) in usual {
            if field.is_empty() {
                text.clone_into(field);
            }
        }
        if self.length.is_empty() {
            self.length = rules::DEFAULT_LENGTH.to_string();
        }
        self
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
            mac_lock: given(&self.mac_lock).map(Check::ticked),
            server: text(&self.server),
            note: text(&self.note),
            online_secs: limit(&self.online, || {
                packages::span_of(&mut check, "online", &self.online, &self.online_unit)
            }),
            active_secs: limit(&self.active, || {
                packages::span_of(&mut check, "active", &self.active, &self.active_unit)
            }),
            limit_bytes: limit(&self.quota, || packages::quota_of(&mut check, "quota", &self.quota, &self.quota_unit)),
            activate_before: given(&self.activate_before).and_then(|text| end_of_day(&mut check, text, zone)),
            price,
            cost,
            seller_id: given(&self.seller_id).and_then(|text| check.id("seller_id", text)).map(SellerId),
            confirm_below_cost: Check::ticked(&self.confirm_below_cost),
        };
        (form, check.into_errors())
    }

    /// How the codes would look, as far as that can be told.
    pub(crate) fn look(&self) -> Option<Look> {
        let (form, _) = self.read(Tz::UTC, Currency::IDR);
        Look::check(&mut Check::default(), &form)
    }
}

/// Refusals at the fields of the page in which they are typed.
pub(crate) fn typed_in(errors: &FormErrors) -> FormErrors {
    let mut typed = FormErrors::default();
    for (field, error) in errors.iter() {
        let field = match field {
            "online_secs" => "online",
            "active_secs" => "active",
            "limit_bytes" => "quota",
            other => other,
        };
        typed.add(field, error.clone());
    }
    typed
}

/// 0 is no limit, whatever the package says.
fn limit(typed: &str, read: impl FnOnce() -> Option<i64>) -> Option<i64> {
    if typed.trim() == "0" { Some(0) } else { read() }
}

fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// The last second of a local day.
pub(super) fn end_of_day(check: &mut Check, text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let date = check.day("activate_before", text)?;
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
            mac_lock: "yes".into(),
            online: "12".into(),
            active: "0".into(),
            activate_before: "2026-12-31".into(),
            ..Fields::fresh()
        }
    }

    #[test]
    fn a_form_is_read_as_people_type_it() {
        let (form, errors) = typed().read(Tz::Asia__Jayapura, Currency::IDR);
        assert!(errors.is_empty());
        assert_eq!((form.router_id, form.package_id, form.count), (RouterId(1), PackageId(2), 120));
        assert_eq!((form.price, form.cost, form.mac_lock), (Some(Money::idr(3000)), None, Some(true)));
        assert_eq!((form.online_secs, form.active_secs, form.limit_bytes), (Some(43_200), Some(0), None));
        assert_eq!(form.activate_before.unwrap().to_rfc3339(), "2026-12-31T14:59:59+00:00");
        let mac_lock = |text: &str| Fields { mac_lock: text.into(), ..typed() }.read(Tz::UTC, Currency::IDR).0.mac_lock;
        assert_eq!((mac_lock(""), mac_lock("no"), mac_lock("on")), (None, Some(false), Some(true)));
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
            (Fields { online: "soon".into(), ..typed() }, "online", "not_a_number"),
            (Fields { quota: "1".into(), quota_unit: "tb".into(), ..typed() }, "quota", "not_offered"),
            (Fields { seller_id: "x".into(), ..typed() }, "seller_id", "not_offered"),
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
