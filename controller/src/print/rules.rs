//! What a printed voucher says: how long it lasts, its price, the lines an operator wrote. Pure; the language comes in as
//! a function that knows the texts.

use crate::{http::locale::Arg, money::Money};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// As many hours still read well: `36 jam` rather than `1 hari 12 jam`.
const MAX_HOURS: i64 = 99;
/// As many minutes still read well.
const MAX_MINUTES: i64 = 90;
/// Longest line of an operator, characters.
pub const MAX_LINE: usize = 80;
/// Most lines above the code, and below it.
pub const MAX_LINES: usize = 3;

/// Says a text key with its arguments in the language of the print.
pub(crate) type Say<'a> = &'a dyn Fn(&str, &[(&str, Arg)]) -> String;

/// How long something lasts as people say it: hours stay hours, days are whole days, and nothing is ever `0 hari`.
/// The first of a part is the key of its text.
#[must_use]
pub fn span(seconds: i64) -> Vec<(&'static str, i64)> {
    let whole = |size: i64| seconds.checked_rem(size) == Some(0);
    if seconds <= 0 {
        return vec![("duration-seconds", 0)];
    }
    if whole(DAY) {
        return vec![("duration-days", seconds / DAY)];
    }
    if whole(HOUR) && seconds / HOUR <= MAX_HOURS {
        return vec![("duration-hours", seconds / HOUR)];
    }
    if whole(MINUTE) && seconds / MINUTE <= MAX_MINUTES {
        return vec![("duration-minutes", seconds / MINUTE)];
    }
    crate::http::format::duration(seconds)
}

/// [`span`] in words.
pub(crate) fn span_text(say: Say<'_>, seconds: i64) -> String {
    let words = span(seconds).into_iter().map(|(key, count)| say(key, &[("count", Arg::Number(count))]));
    words.collect::<Vec<_>>().join(" ")
}

/// What a voucher may be used for, in the order it is read: `12 jam · Rp3.000 · aktif 3 hari`.
pub(crate) fn terms(say: Say<'_>, online_secs: Option<i64>, active_secs: Option<i64>, price: Option<Money>) -> String {
    let online = online_secs.map(|seconds| span_text(say, seconds));
    let active = active_secs.map(|seconds| say("print-active", &[("span", Arg::Text(span_text(say, seconds)))]));
    [online, price.map(|price| price.to_string()), active].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// The place of a voucher in its batch: `#001`.
pub(crate) fn number(number: i32) -> String {
    format!("#{number:03}")
}

/// What a line of an operator may name, as it is written there: `{kode}`.
pub const PLACEHOLDERS: [&str; 11] =
    ["kode", "sandi", "durasi", "aktif", "harga", "wifi", "nomor", "paket", "penjual", "kuota", "batas"];

/// The values of a voucher under the names of [`PLACEHOLDERS`], in that order.
pub(crate) type Values = [String; PLACEHOLDERS.len()];

/// The first name in a line that is no placeholder. Braces without a name stay as they are.
///
/// # Errors
/// That name.
pub(crate) fn check_line(line: &str) -> Result<(), String> {
    for (_, name) in named(line) {
        if !PLACEHOLDERS.contains(&name) {
            return Err(name.to_owned());
        }
    }
    Ok(())
}

/// The placeholders of a line: where each begins with its brace, and its name.
fn named(line: &str) -> impl Iterator<Item = (usize, &str)> {
    line.match_indices('{').filter_map(|(at, _)| {
        let rest = line.get(at + 1..)?;
        let name = rest.get(..rest.find('}')?)?;
        let is_name = !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || char == '_');
        is_name.then_some((at, name))
    })
}

/// A line with its placeholders replaced, once: what a value contains is not looked at again.
pub(crate) fn fill(line: &str, values: &Values) -> String {
    let mut out = String::with_capacity(line.len() + 32);
    let mut from = 0;
    for (at, name) in named(line) {
        let Some(value) = PLACEHOLDERS.iter().position(|known| *known == name).and_then(|place| values.get(place))
        else {
            continue;
        };
        out.push_str(line.get(from..at).unwrap_or_default());
        out.push_str(value);
        from = at + name.len() + 2;
    }
    out.push_str(line.get(from..).unwrap_or_default());
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The address a phone opens to log in: from the hotspot's name, or its address where it has no name.
pub(crate) fn login_url(host: &str, code: &str, password: Option<&str>) -> String {
    let encoded = crate::http::form::percent_encoded;
    format!("http://{host}/login?username={}&password={}", encoded(code), encoded(password.unwrap_or(code)))
}

/// The host of login addresses, or nothing when the router has told none that guests could open.
pub(crate) fn login_host<'a>(dns_name: &'a str, address: &'a str) -> Option<&'a str> {
    let plain =
        |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b));
    [dns_name, address].into_iter().find(|text| plain(text) && *text != "0.0.0.0")
}

/// Do two ranges of numbers, ends included, share one?
pub(crate) fn overlap(one: (i32, i32), other: (i32, i32)) -> bool {
    one.0 <= other.1 && other.0 <= one.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::locale::{Locale, Texts};

    fn saying<R>(locale: Locale, with: impl FnOnce(Say<'_>) -> R) -> R {
        let texts = Texts::load().unwrap();
        with(&|key, args| texts.get(locale, key, args.iter().cloned()).unwrap_or_else(|| panic!("no text {key}")))
    }

    #[test]
    fn hours_print_as_hours_and_never_as_no_days() {
        let cases = [
            (12 * HOUR, "12 jam", "12 hours"),
            (HOUR, "1 jam", "1 hour"),
            (24 * HOUR, "1 hari", "1 day"),
            (36 * HOUR, "36 jam", "36 hours"),
            (3 * DAY, "3 hari", "3 days"),
            (30 * DAY, "30 hari", "30 days"),
            (90 * MINUTE, "90 menit", "90 minutes"),
            (30 * MINUTE, "30 menit", "30 minutes"),
            (10 * DAY + 5 * HOUR, "10 hari 5 jam", "10 days 5 hours"),
            (150 * MINUTE, "2 jam 30 menit", "2 hours 30 minutes"),
            (45, "45 detik", "45 seconds"),
            (1, "1 detik", "1 second"),
        ];
        for (seconds, id, en) in cases {
            assert_eq!(saying(Locale::Id, |say| span_text(say, seconds)), id);
            assert_eq!(saying(Locale::En, |say| span_text(say, seconds)), en);
            assert!(!id.starts_with("0 ") && !en.starts_with("0 "));
        }
    }

    #[test]
    fn terms_are_read_in_one_line() {
        let said = |locale, online, active, price| saying(locale, |say| terms(say, online, active, price));
        let price = Some(Money::idr(3000));
        assert_eq!(said(Locale::Id, Some(12 * HOUR), Some(3 * DAY), price), "12 jam · Rp3.000 · aktif 3 hari");
        assert_eq!(said(Locale::En, Some(12 * HOUR), Some(3 * DAY), price), "12 hours · Rp3.000 · valid 3 days");
        assert_eq!(said(Locale::Id, None, Some(12 * HOUR), price), "Rp3.000 · aktif 12 jam");
        assert_eq!(said(Locale::Id, Some(HOUR), None, None), "1 jam");
        assert_eq!(said(Locale::Id, None, None, None), "");
    }

    #[test]
    fn placeholders_are_replaced_once_and_others_named() {
        let mut values = Values::default();
        values[0] = "KB{harga}".to_owned();
        values[4] = "Rp3.000".to_owned();
        values[8] = "Tini".to_owned();
        assert_eq!(fill("Kode {kode} {harga} di {penjual}", &values), "Kode KB{harga} Rp3.000 di Tini");
        assert_eq!(fill("{} { x } {kode", &values), "{} { x } {kode");
        assert_eq!(fill("{{kode}}", &values), "{KB{harga}}");
        assert_eq!(fill("  {sandi}  ok ", &values), "ok");
        assert_eq!(check_line("Hub. 0812 {wifi} {}"), Ok(()));
        assert_eq!(check_line("{kode} {password}"), Err("password".to_owned()));
        assert_eq!(check_line("{% for x in y %}{{ x }}"), Ok(()));
        assert_eq!(check_line("{{x}}"), Err("x".to_owned()));
    }

    #[test]
    fn a_login_address_holds_any_code() {
        assert_eq!(login_url("wifi.warung", "KB7", None), "http://wifi.warung/login?username=KB7&password=KB7");
        assert_eq!(
            login_url("10.5.50.1", "a b&c", Some("é=%")),
            "http://10.5.50.1/login?username=a%20b%26c&password=%C3%A9%3D%25"
        );
    }

    #[test]
    fn a_router_without_a_name_is_reached_by_its_address() {
        assert_eq!(login_host("wifi.warung", "10.5.50.1"), Some("wifi.warung"));
        assert_eq!(login_host("", "10.5.50.1"), Some("10.5.50.1"));
        assert_eq!(login_host("", "0.0.0.0"), None);
        assert_eq!(login_host("evil/host", ""), None);
    }

    #[test]
    fn parts_of_a_batch_are_printed_beside_each_other() {
        assert!(!overlap((1, 60), (61, 120)));
        assert!(overlap((1, 60), (60, 120)) && overlap((1, 120), (7, 7)));
        assert_eq!((number(1), number(5000)), ("#001".to_owned(), "#5000".to_owned()));
    }
}
