//! Which messages there are, which reminder is due on a day, and when nobody is disturbed. Pure.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::ledger::aging::local_day;

/// Days after the due day from which nobody is reminded any more.
pub const LAST_LATE_DAY: i64 = 7;

/// A reminder of an invoice, by its place around the due day. In the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Due7,
    Due3,
    Due1,
    Due0,
    Late1,
    Late3,
}

impl Stage {
    /// Every stage, in the order of time.
    pub const ALL: [Self; 6] = [Self::Due7, Self::Due3, Self::Due1, Self::Due0, Self::Late1, Self::Late3];

    /// Days from it to the due day; negative after it.
    #[must_use]
    pub fn days_before(self) -> i64 {
        match self {
            Self::Due7 => 7,
            Self::Due3 => 3,
            Self::Due1 => 1,
            Self::Due0 => 0,
            Self::Late1 => -1,
            Self::Late3 => -3,
        }
    }
}

/// The reminder that an unpaid invoice has reached on a day. Stages that were missed are left out: only the newest is
/// ever due. What the news of the invoice itself said on its day is not said again.
#[must_use]
pub fn stage_on(day: NaiveDate, due_on: NaiveDate, issued_on: NaiveDate) -> Option<Stage> {
    let left = (due_on - day).num_days();
    if left < -LAST_LATE_DAY {
        return None;
    }
    let stage = Stage::ALL.into_iter().rev().find(|stage| left <= stage.days_before())?;
    let its_day_was_before = (due_on - issued_on).num_days() <= stage.days_before();
    (stage.days_before() < 0 || !its_day_was_before).then_some(stage)
}

/// A kind of message to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Template {
    Welcome,
    InvoiceIssued,
    Reminder(Stage),
    Isolated,
    Restored,
    PaymentReceived,
    /// Invoices were paid from the balance.
    BalanceUsed,
    PaymentReversed,
}

impl Template {
    /// Every kind, as lists offer them.
    pub const ALL: [Self; 13] = [
        Self::Welcome,
        Self::InvoiceIssued,
        Self::Reminder(Stage::Due7),
        Self::Reminder(Stage::Due3),
        Self::Reminder(Stage::Due1),
        Self::Reminder(Stage::Due0),
        Self::Reminder(Stage::Late1),
        Self::Reminder(Stage::Late3),
        Self::Isolated,
        Self::Restored,
        Self::PaymentReceived,
        Self::BalanceUsed,
        Self::PaymentReversed,
    ];

    /// As stored, and as the API names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::InvoiceIssued => "invoice_issued",
            Self::Reminder(Stage::Due7) => "reminder_due_7",
            Self::Reminder(Stage::Due3) => "reminder_due_3",
            Self::Reminder(Stage::Due1) => "reminder_due_1",
            Self::Reminder(Stage::Due0) => "reminder_due_0",
            Self::Reminder(Stage::Late1) => "reminder_late_1",
            Self::Reminder(Stage::Late3) => "reminder_late_3",
            Self::Isolated => "isolated",
            Self::Restored => "restored",
            Self::PaymentReceived => "payment_received",
            Self::BalanceUsed => "balance_used",
            Self::PaymentReversed => "payment_reversed",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.as_str() == name)
    }

    /// Whether it answers what the customer did himself a moment ago: that disturbs nobody at night.
    #[must_use]
    pub fn is_answer(self) -> bool {
        matches!(self, Self::PaymentReceived | Self::Restored)
    }

    /// Whether somebody without WhatsApp is to be told by telephone.
    #[must_use]
    pub fn is_worth_a_call(self) -> bool {
        matches!(self, Self::Reminder(_) | Self::Isolated)
    }

    /// Whether it asks for the money of an invoice: of those only the newest is sent.
    #[must_use]
    pub fn asks_for_money(self) -> bool {
        matches!(self, Self::InvoiceIssued | Self::Reminder(_))
    }
}

/// The hours of a day in which nobody is disturbed, `[from, until)`, over midnight when `until` is less. Equal hours: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    pub from: u32,
    pub until: u32,
}

impl Quiet {
    fn is_quiet(self, time: NaiveTime) -> bool {
        let hour = chrono::Timelike::hour(&time);
        if self.from <= self.until {
            (self.from..self.until).contains(&hour)
        } else {
            hour >= self.from || hour < self.until
        }
    }

    /// The first moment from `now` on at which somebody at a place may be disturbed.
    #[must_use]
    pub fn after(self, now: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
        let local = now.with_timezone(&zone);
        if !self.is_quiet(local.time()) {
            return now;
        }
        let today = local_day(now, zone);
        let over = local.time() >= NaiveTime::from_hms_opt(self.until, 0, 0).unwrap_or(NaiveTime::MIN);
        let day = if over { today.succ_opt().unwrap_or(today) } else { today };
        // An hour that a clock change skips begins with the next one.
        (self.until..24)
            .filter_map(|hour| day.and_hms_opt(hour, 0, 0))
            .find_map(|at| zone.from_local_datetime(&at).earliest())
            .map_or(now, |at| at.with_timezone(&Utc))
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America::Santiago, Asia};

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn each_day_around_the_due_day_has_the_newest_stage() {
        let (due, issued) = (day("2026-12-10"), day("2026-11-25"));
        for (on, stage) in [
            ("2026-12-02", None),
            ("2026-12-03", Some(Stage::Due7)),
            ("2026-12-06", Some(Stage::Due7)),
            ("2026-12-07", Some(Stage::Due3)),
            ("2026-12-08", Some(Stage::Due3)),
            ("2026-12-09", Some(Stage::Due1)),
            ("2026-12-10", Some(Stage::Due0)),
            ("2026-12-11", Some(Stage::Late1)),
            ("2026-12-12", Some(Stage::Late1)),
            ("2026-12-13", Some(Stage::Late3)),
            ("2026-12-17", Some(Stage::Late3)),
            ("2026-12-18", None),
        ] {
            assert_eq!(stage_on(day(on), due, issued), stage, "{on}");
        }
    }

    #[test]
    fn what_the_invoice_itself_has_just_said_is_not_said_again() {
        let due = day("2026-12-10");
        assert_eq!(stage_on(day("2026-12-03"), due, day("2026-12-03")), None);
        assert_eq!(stage_on(day("2026-12-08"), due, day("2026-12-08")), None);
        assert_eq!(stage_on(day("2026-12-09"), due, day("2026-12-08")), Some(Stage::Due1));
        assert_eq!(stage_on(day("2026-12-10"), due, day("2026-12-10")), None);
        assert_eq!(stage_on(day("2026-12-11"), due, day("2026-12-10")), Some(Stage::Late1));
        // An invoice of the past is due at once.
        assert_eq!(stage_on(day("2026-12-13"), due, day("2026-12-12")), Some(Stage::Late3));
    }

    #[test]
    fn at_night_messages_wait_for_the_morning_of_the_place() {
        let quiet = Quiet { from: 20, until: 7 };
        for (zone, now, then) in [
            (Asia::Jakarta, "2026-12-03T02:00:00Z", "2026-12-03T02:00:00Z"),
            (Asia::Jakarta, "2026-12-02T17:05:00Z", "2026-12-03T00:00:00Z"),
            (Asia::Jakarta, "2026-12-02T13:00:00Z", "2026-12-03T00:00:00Z"),
            (Asia::Jakarta, "2026-12-02T12:59:59Z", "2026-12-02T12:59:59Z"),
            (Asia::Jayapura, "2026-12-02T12:00:00Z", "2026-12-02T22:00:00Z"),
            (Asia::Makassar, "2026-12-02T23:00:00Z", "2026-12-02T23:00:00Z"),
        ] {
            assert_eq!(quiet.after(now.parse().unwrap(), zone), then.parse::<DateTime<Utc>>().unwrap(), "{zone} {now}");
        }
    }

    #[test]
    fn quiet_hours_may_be_none_or_end_where_a_clock_jumps() {
        let now: DateTime<Utc> = "2026-12-02T17:05:00Z".parse().unwrap();
        assert_eq!(Quiet { from: 0, until: 0 }.after(now, Asia::Jakarta), now);
        // In Santiago 24:00 of 5 September 2026 is 1:00 of the 6th.
        let late: DateTime<Utc> = "2026-09-06T03:30:00Z".parse().unwrap();
        assert_eq!(
            Quiet { from: 22, until: 0 }.after(late, Santiago),
            "2026-09-06T04:00:00Z".parse::<DateTime<Utc>>().unwrap()
        );
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        for template in Template::ALL {
            assert_eq!(Template::parse(template.as_str()), Some(template));
        }
        assert_eq!(Template::parse("spam"), None);
    }
}
