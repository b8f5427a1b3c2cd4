//! What is typed and sent to change vouchers, read into an [`Act`].

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Act, Which};
use crate::{
    http::{
        error::AppError,
        form::{Check, FieldError, FormErrors, Unit},
    },
    vouchers::{Extension, fields::end_of_day},
};

/// Longest reason, characters.
pub(super) const MAX_REASON: usize = 200;
/// Most that is added at once: ten years of time, and a petabyte.
const MAX_SECS: i64 = 3_650 * 86_400;
const MAX_BYTES: i64 = 1 << 50;
/// Units of time and of bytes (in binary steps, as routers and packages count), as in the texts `unit-<name>`.
const TIME_UNITS: [Unit; 3] = [("minutes", 60), ("hours", 3_600), ("days", 86_400)];
const BYTE_UNITS: [Unit; 2] = [("mb", 1 << 20), ("gb", 1 << 30)];

/// The body of a request of the API; what an act does not need is not read.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(super) struct Body {
    /// Why; needed to void.
    reason: String,
    /// Seconds of masa aktif on top.
    active_secs: Option<i64>,
    /// Seconds online on top.
    online_secs: Option<i64>,
    /// Bytes on top.
    bytes: Option<i64>,
    /// The new last moment for a first login.
    activate_before: Option<DateTime<Utc>>,
    /// Of a batch: which vouchers.
    pub(super) which: Option<Which>,
    /// `revision` as read: refused when something was done since.
    pub(super) seen: Option<i64>,
}

/// The same as typed on a page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) reason: String,
    pub(crate) active: String,
    pub(crate) active_unit: String,
    pub(crate) online: String,
    pub(crate) online_unit: String,
    pub(crate) quota: String,
    pub(crate) quota_unit: String,
    /// A local day; until its end.
    pub(crate) activate_before: String,
    pub(crate) which: String,
    pub(crate) seen: String,
}

impl Body {
    /// What is asked by the last part of the path.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is no such act, the fields that are wrong.
    pub(super) fn act(&self, name: &str, now: DateTime<Utc>) -> Result<Act, AppError> {
        let mut check = Check::default();
        let reason = reason(&mut check, &self.reason, name == "void");
        let mut amount = |field: &str, value: Option<i64>, max: i64| {
            let value = value.unwrap_or(0);
            if !(0..=max).contains(&value) {
                check.refuse(field, FieldError::new("out_of_range").arg("min", 0).arg("max", max));
            }
            value
        };
        let more = Extension {
            active_secs: amount("active_secs", self.active_secs, MAX_SECS),
            online_secs: amount("online_secs", self.online_secs, MAX_SECS),
            bytes: amount("bytes", self.bytes, MAX_BYTES),
            activate_before: self.activate_before,
        };
        finish(check, name, reason, more, now)
    }
}

impl Fields {
    /// As a form that nobody filled in yet.
    pub(crate) fn fresh() -> Self {
        Self {
            active_unit: "days".to_owned(),
            online_unit: "hours".to_owned(),
            quota_unit: "gb".to_owned(),
            ..Self::default()
        }
    }

    /// Was anything of an extension typed?
    pub(super) fn extends(&self) -> bool {
        [&self.active, &self.online, &self.quota, &self.activate_before].iter().any(|text| !text.trim().is_empty())
    }

    /// The state that was seen.
    pub(super) fn seen(&self) -> Option<i64> {
        self.seen.parse().ok()
    }

    /// Which vouchers of a batch; what the act usually means when nothing was chosen.
    pub(super) fn which(&self, act: &Act) -> Which {
        Which::parse(&self.which).unwrap_or_else(|| usual(act))
    }

    /// As [`Body::act`]; days end in the zone of the site.
    pub(super) fn act(&self, name: &str, zone: Tz, now: DateTime<Utc>) -> Result<Act, AppError> {
        let mut check = Check::default();
        let reason = reason(&mut check, &self.reason, name == "void");
        let day = self.activate_before.trim();
        let activate_before = if day.is_empty() { None } else { end_of_day(&mut check, day, zone) };
        let more = Extension {
            active_secs: amount(&mut check, "active", (&self.active, &self.active_unit), &TIME_UNITS, MAX_SECS),
            online_secs: amount(&mut check, "online", (&self.online, &self.online_unit), &TIME_UNITS, MAX_SECS),
            bytes: amount(&mut check, "quota", (&self.quota, &self.quota_unit), &BYTE_UNITS, MAX_BYTES),
            activate_before,
        };
        finish(check, name, reason, more, now)
    }
}

/// Which vouchers of a batch an act means when nobody says so.
pub(super) fn usual(act: &Act) -> Which {
    match act {
        Act::Void { .. } | Act::Replace => Which::Unused,
        Act::Block { .. } | Act::Unblock | Act::Extend(_) | Act::Move => Which::Running,
    }
}

fn finish(mut check: Check, name: &str, reason: String, more: Extension, now: DateTime<Utc>) -> Result<Act, AppError> {
    let act = match name {
        "block" => Act::Block { reason },
        "unblock" => Act::Unblock,
        "extend" => Act::Extend(more),
        "void" => Act::Void { reason },
        "move" => Act::Move,
        "reissue" => Act::Replace,
        _ => return Err(AppError::NotFound),
    };
    if matches!(&act, Act::Extend(more) if more.activate_before.is_some_and(|at| at <= now)) {
        check.refuse("activate_before", FieldError::new("in_the_past"));
    }
    if check.is_clean() && matches!(&act, Act::Extend(more) if *more == Extension::default()) {
        check.refuse("", FieldError::new("voucher_nothing_added"));
    }
    if check.is_clean() { Ok(act) } else { Err(check.into_errors().into()) }
}

fn reason(check: &mut Check, text: &str, needed: bool) -> String {
    let read =
        if needed { check.required("reason", text, MAX_REASON) } else { check.optional("reason", text, MAX_REASON) };
    read.unwrap_or_default()
}

fn amount(check: &mut Check, field: &str, typed: (&str, &str), units: &[Unit], max: i64) -> i64 {
    if typed.0.trim().is_empty() {
        return 0;
    }
    check.measure(field, typed, units, &(0..=max)).unwrap_or(0)
}

/// What a form is told that comes back: which fields are wrong, or why it is not done now.
pub(super) fn refused(error: &AppError) -> Option<FormErrors> {
    if let AppError::Invalid(errors) = error {
        return Some(errors.clone());
    }
    let AppError::Conflict { code } = error else { return None };
    Some(FormErrors::of("", FieldError::new(code)))
}
