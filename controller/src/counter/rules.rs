//! Pure decisions at the counter: what may be taken back, the order of the buttons, addresses that are handed on.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;

use crate::{
    http::form::percent_encoded,
    ids::{AdminId, PackageId},
    packages::Package,
    phone::Phone,
    vouchers::Status,
};

/// A sale can be taken back by who made it for this long.
pub const CANCEL_MINUTES: i64 = 15;
/// Longest reason.
pub const MAX_REASON: usize = 200;
/// Packages that a key of the keyboard chooses.
pub const KEYS: usize = 9;

/// What is known of a sale that somebody wants to take back.
#[derive(Debug, Clone, Copy)]
pub struct Undo {
    pub seller: AdminId,
    pub sold_at: DateTime<Utc>,
    pub is_cancelled: bool,
    pub status: Status,
}

/// Why a sale stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stays {
    /// Somebody else sold it.
    NotYours,
    Cancelled,
    TooLate,
    /// Somebody logged in with it, or it is over.
    Used,
}

impl Stays {
    /// For programs; its sentence is the text `error-<code>`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotYours => "sale_not_yours",
            Self::Cancelled => "sale_cancelled",
            Self::TooLate => "sale_too_old",
            Self::Used => "sale_used",
        }
    }
}

/// Whether `by` may take a sale back now.
///
/// # Errors
/// [`Stays`]: why not.
pub fn may_cancel(undo: Undo, by: AdminId, now: DateTime<Utc>) -> Result<(), Stays> {
    if undo.seller != by {
        Err(Stays::NotYours)
    } else if undo.is_cancelled {
        Err(Stays::Cancelled)
    } else if now - undo.sold_at > Duration::minutes(CANCEL_MINUTES) {
        Err(Stays::TooLate)
    } else if !matches!(undo.status, Status::Draft | Status::Ready) {
        Err(Stays::Used)
    } else {
        Ok(())
    }
}

/// When the day began at a place.
#[must_use]
pub fn midnight(now: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let local = now.with_timezone(&zone);
    let begun = local.date_naive().and_hms_opt(0, 0, 0).and_then(|at| at.and_local_timezone(zone).earliest());
    begun.map_or(now - Duration::days(1), |at| at.with_timezone(&Utc))
}

/// The order of the buttons: what is sold most, then the cheaper, then by name.
pub fn arrange(packages: &mut [Package], sold: &HashMap<PackageId, i64>) {
    let times = |package: &Package| sold.get(&package.id).copied().unwrap_or(0);
    packages.sort_by(|a, b| {
        let key = |package: &Package| (std::cmp::Reverse(times(package)), package.price.minor());
        key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
    });
}

/// The address that opens WhatsApp with a text, to a number or to be chosen.
#[must_use]
pub fn whatsapp_url(phone: Option<&Phone>, text: &str) -> String {
    format!("https://wa.me/{}?text={}", phone.map_or("", Phone::digits), percent_encoded(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: AdminId = AdminId(1);

    fn undo(status: Status) -> Undo {
        Undo { seller: ME, sold_at: DateTime::UNIX_EPOCH, is_cancelled: false, status }
    }

    #[test]
    fn only_a_fresh_unused_sale_of_ones_own_is_taken_back() {
        let at = |minutes| DateTime::UNIX_EPOCH + Duration::minutes(minutes);
        let ready = undo(Status::Ready);
        assert_eq!(may_cancel(ready, ME, at(15)), Ok(()));
        assert_eq!(may_cancel(undo(Status::Draft), ME, at(0)), Ok(()));
        assert_eq!(may_cancel(ready, AdminId(2), at(1)), Err(Stays::NotYours));
        assert_eq!(may_cancel(ready, ME, at(16)), Err(Stays::TooLate));
        assert_eq!(may_cancel(Undo { is_cancelled: true, ..ready }, ME, at(1)), Err(Stays::Cancelled));
        for status in [Status::Active, Status::Expired, Status::UsedUp, Status::Blocked, Status::Void] {
            assert_eq!(may_cancel(undo(status), ME, at(1)), Err(Stays::Used));
        }
    }

    #[test]
    fn an_address_carries_a_text_whole() {
        let phone = Phone::parse("0812-3456-7890").unwrap();
        assert_eq!(whatsapp_url(Some(&phone), "Kode: A&B\n"), "https://wa.me/6281234567890?text=Kode%3A%20A%26B%0A");
        assert_eq!(whatsapp_url(None, "x"), "https://wa.me/?text=x");
    }
}
