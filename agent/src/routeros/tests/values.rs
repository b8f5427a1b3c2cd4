//! Durations, booleans, dates, versions and the waits of a reconnect loop.

use std::time::Duration;

use chrono::NaiveDate;
use proptest::prelude::*;

use crate::routeros::backoff::Backoff;
use crate::routeros::values::{
    Stage, Version, parse_bool, parse_datetime, parse_duration, parse_gmt_offset, parse_timestamp, print_duration,
};

#[test]
fn durations_are_read_in_every_form() {
    let seconds = [
        ("0s", 0),
        ("1w2d3h4m5s", 788_645),
        ("3d", 259_200),
        ("90m", 5400),
        ("1h", 3600),
        ("06:42:44", 24_164),
        ("00:10:00", 600),
        ("01:22:53", 4973),
        ("1d02:03:04", 93_784),
        ("2w1d00:05:00", 1_296_300),
        ("1d 02:00:00", 93_600),
        ("3600", 3600),
        ("0", 0),
        ("immediately", 0),
        (" 5m ", 300),
        ("26:00:00", 93_600),
    ];
    for (text, seconds) in seconds {
        assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
    }
    assert_eq!(parse_duration("12ms"), Some(Duration::from_millis(12)));
    assert_eq!(parse_duration("1s500ms"), Some(Duration::from_millis(1500)));
    assert_eq!(parse_duration("10ms321us"), Some(Duration::from_micros(10_321)));
    assert_eq!(parse_duration("00:00:01.25"), Some(Duration::from_millis(1250)));
}

#[test]
fn what_is_no_duration_is_none() {
    let texts = [
        "",
        " ",
        "none",
        "never",
        "abc",
        "5x",
        "1h2",
        "-5s",
        "+5",
        "1:2",
        "1:2:3:4",
        "00:60:00",
        "00:00:60",
        "1::2",
        "::",
        "1d::",
        "h",
        "99999999999999999999s",
        "99999999999999999w",
        "1w5ü",
        "00:00:00.x",
    ];
    for text in texts {
        assert_eq!(parse_duration(text), None, "{text}");
    }
}

#[test]
fn durations_are_printed_without_zero_parts() {
    for text in ["0s", "1w2d3h4m5s", "3d", "1m", "1d5s", "12ms", "1s500ms", "52w1d"] {
        assert_eq!(print_duration(parse_duration(text).unwrap()), text);
    }
    assert_eq!(print_duration(Duration::from_secs(3600)), "1h");
}

#[test]
fn booleans_have_two_spellings() {
    assert_eq!((parse_bool("true"), parse_bool("yes")), (Some(true), Some(true)));
    assert_eq!((parse_bool("false"), parse_bool("no")), (Some(false), Some(false)));
    assert_eq!((parse_bool(""), parse_bool("auto")), (None, None));
}

#[test]
fn both_eras_of_dates_are_read() {
    let moment = NaiveDate::from_ymd_opt(2023, 7, 14).unwrap().and_hms_opt(7, 9, 24).unwrap();
    for date in ["jul/14/2023", "Jul/14/2023", "2023-07-14"] {
        assert_eq!(parse_datetime(date, "07:09:24"), Some(moment), "{date}");
    }
    assert_eq!(parse_timestamp("jul/14/2023 07:09:24"), Some(moment));
    assert_eq!(parse_timestamp("2023-07-14 07:09:24"), Some(moment));
    let epoch = parse_datetime("jan/02/1970", "00:00:12").unwrap();
    assert_eq!(epoch.and_utc().timestamp(), 86_412);
    for (date, time) in [("", ""), ("2023-13-01", "00:00:00"), ("2023-02-30", "00:00:00"), ("jul/14", "07:00:00")] {
        assert_eq!(parse_datetime(date, time), None, "{date} {time}");
    }
    assert_eq!(parse_timestamp("never"), None);
}

#[test]
fn offsets_to_utc_are_read() {
    assert_eq!(parse_gmt_offset("+07:00").unwrap().local_minus_utc(), 25_200);
    assert_eq!(parse_gmt_offset("-03:30").unwrap().local_minus_utc(), -12_600);
    assert_eq!(parse_gmt_offset("00:00").unwrap().local_minus_utc(), 0);
    for text in ["", "7", "+24:00", "+07:60", "+-7:00", "x:y"] {
        assert_eq!(parse_gmt_offset(text), None, "{text}");
    }
}

#[test]
fn versions_are_ordered_as_released() {
    let order =
        ["6.43rc21", "6.43", "6.49.10 (long-term)", "7.9.2", "7.10", "7.20beta4", "7.20rc1", "7.20", "7.20.1 (stable)"];
    let versions: Vec<Version> = order.iter().map(|text| Version::parse(text).unwrap()).collect();
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    assert_eq!(Version::parse("7.16.1 (stable)"), Some(Version::new(7, 16, 1)));
    assert_eq!(Version::parse("7.20beta4").unwrap().stage, Stage::Beta(4));
    for text in ["7.16.1", "7.20", "7.20rc1", "6.43rc21"] {
        assert_eq!(Version::parse(text).unwrap().to_string(), text);
    }
    for text in ["", "7", "seven", "7.x", "7.1.2.3", "7.1gamma2", "7..1", "99999.1"] {
        assert_eq!(Version::parse(text), None, "{text}");
    }
}

#[test]
fn waits_double_up_to_a_minute_and_start_again() {
    let mut backoff = Backoff::new();
    for full in [1, 2, 4, 8, 16, 32, 60, 60, 60].map(Duration::from_secs) {
        let wait = backoff.next_wait();
        assert!(wait >= full / 2 && wait <= full, "{wait:?} of {full:?}");
    }
    backoff.reset();
    assert!(backoff.next_wait() <= Duration::from_secs(1));
}

proptest! {
    #[test]
    fn printed_durations_are_read_back(millis in 0_u64..10_000_000_000) {
        let duration = Duration::from_millis(millis);
        prop_assert_eq!(parse_duration(&print_duration(duration)), Some(duration));
    }

    #[test]
    fn no_text_breaks_the_readers(text in "[0-9a-z:. /+-]{0,20}|\\PC{0,20}") {
        let _read = (parse_duration(&text), parse_bool(&text), parse_timestamp(&text), parse_gmt_offset(&text));
        let _read = (parse_datetime(&text, &text), Version::parse(&text));
    }
}
