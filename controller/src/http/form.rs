//! Forms: raw text fields are parsed into a command; what is wrong is collected, field by field, and the form is shown
//! again with what was typed.
//!
//! A raw form is a struct of `String`s with `#[serde(default)]`, so that a missing field is an empty one and never a
//! failure of the parser. No validation crate: a value that was parsed has its own type.

use std::{collections::BTreeMap, fmt::Write as _, ops::RangeInclusive};

use serde::{Deserialize, Serialize};

use super::locale::Arg;
use crate::{
    ids,
    money::{Currency, Money},
};

/// Characters of a name, when the field says no less.
pub const MAX_NAME: usize = 64;
/// Characters of a note.
pub const MAX_NOTE: usize = 500;
/// The largest price: one thousand million rupiah. Beyond it somebody leaned on a key.
pub const MAX_PRICE: i64 = 1_000_000_000;
/// Digits behind the mark of a measure.
const MAX_DECIMALS: usize = 2;

/// A unit in which something is measured: its name, as in the texts `unit-<name>`, and how much one of it is.
pub type Unit = (&'static str, i64);

/// Why a field is refused: a code that programs read, and the arguments of its sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    code: String,
    args: Vec<(String, Arg)>,
}

impl FieldError {
    /// A refusal. Its sentence is the text `error-<code>`, with dashes for underlines.
    #[must_use]
    pub fn new(code: &str) -> Self {
        Self { code: code.to_owned(), args: Vec::new() }
    }

    /// With an argument of its sentence.
    #[must_use]
    pub fn arg(mut self, name: &str, value: impl Into<Arg>) -> Self {
        self.args.push((name.to_owned(), value.into()));
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The key of its sentence.
    #[must_use]
    pub fn text_key(&self) -> String {
        text_key(&self.code)
    }

    /// The arguments of its sentence.
    #[must_use]
    pub fn args(&self) -> &[(String, Arg)] {
        &self.args
    }
}

/// The key of the sentence of an error's code.
#[must_use]
pub fn text_key(code: &str) -> String {
    format!("error-{}", code.replace('_', "-"))
}

/// What is wrong with a form, by field. The field `""` is the form as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FormErrors(BTreeMap<String, FieldError>);

impl FormErrors {
    /// One refused field.
    #[must_use]
    pub fn of(field: &str, error: FieldError) -> Self {
        let mut errors = Self::default();
        errors.add(field, error);
        errors
    }

    /// Refuses a field; the first refusal of a field stays.
    pub fn add(&mut self, field: &str, error: FieldError) {
        self.0.entry(field.to_owned()).or_insert(error);
    }

    /// Refuses what others refuse too, such as what can be read but is not right; first refusals stay.
    pub fn extend(&mut self, others: &Self) {
        others.iter().for_each(|(field, error)| self.add(field, error.clone()));
    }

    /// Is nothing wrong?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every refused field.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &FieldError)> {
        self.0.iter().map(|(field, error)| (field.as_str(), error))
    }
}

/// A form as a page shows it: what was typed, and what is wrong with it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FormView<F> {
    /// The raw fields.
    pub values: F,
    /// What is wrong.
    pub errors: FormErrors,
    /// The hidden id that makes a double submit one.
    pub form_id: String,
}

impl<F> FormView<F> {
    /// A form to fill in.
    #[must_use]
    pub fn fresh(values: F) -> Self {
        Self { values, errors: FormErrors::default(), form_id: new_form_id() }
    }

    /// The form again, with what is wrong. It keeps its id: it is still the same intent.
    #[must_use]
    pub fn again(values: F, errors: FormErrors, form_id: &str) -> Self {
        let form_id = if is_form_id(form_id) { form_id.to_owned() } else { new_form_id() };
        Self { values, errors, form_id }
    }
}

/// One entry of a list that a form offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub label: String,
}

impl Choice {
    /// An entry.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "ids are copied; a reference would only burden callers")]
    pub fn new(value: impl ToString, label: impl Into<String>) -> Self {
        Self { value: value.to_string(), label: label.into() }
    }
}

/// A fresh form id: 128 random bits. Put it into a unique column and a double click makes one thing.
#[must_use]
pub fn new_form_id() -> String {
    ids::token()
}

/// Whether a text can be a form id; anything else that was posted is not used.
#[must_use]
pub fn is_form_id(text: &str) -> bool {
    (16..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Parses the fields of one form and collects what is wrong.
///
/// Each method answers the value or nothing; nothing means that an error was noted. At the end:
/// `let (Some(name), Some(count)) = (name, count) else { return Err(check.into_errors()) };`
#[derive(Debug, Default)]
pub struct Check {
    errors: FormErrors,
}

impl Check {
    /// What was wrong.
    #[must_use]
    pub fn into_errors(self) -> FormErrors {
        self.errors
    }

    /// Is nothing wrong so far?
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// Refuses a field.
    pub fn refuse(&mut self, field: &str, error: FieldError) {
        self.errors.add(field, error);
    }

    /// A text that must be there, trimmed, of at most `max` characters, without control characters.
    pub fn required(&mut self, field: &str, text: &str, max: usize) -> Option<String> {
        let text = text.trim();
        if text.is_empty() {
            self.refuse(field, FieldError::new("required"));
            return None;
        }
        self.optional(field, text, max)
    }

    /// A text that may be empty, trimmed, of at most `max` characters, without control characters but line ends.
    pub fn optional(&mut self, field: &str, text: &str, max: usize) -> Option<String> {
        let text = text.trim();
        if text.chars().count() > max {
            self.refuse(field, FieldError::new("too_long").arg("max", i64::try_from(max).unwrap_or(i64::MAX)));
            return None;
        }
        if text.chars().any(|char| char.is_control() && !matches!(char, '\n' | '\r' | '\t')) {
            self.refuse(field, FieldError::new("control_characters"));
            return None;
        }
        Some(text.to_owned())
    }

    /// A name: [`Check::required`] with the usual length, on one line.
    pub fn name(&mut self, field: &str, text: &str) -> Option<String> {
        let name = self.required(field, text, MAX_NAME)?;
        if name.contains(['\n', '\r', '\t']) {
            self.refuse(field, FieldError::new("control_characters"));
            return None;
        }
        Some(name)
    }

    /// A whole number within limits. Dots and spaces between thousands are let through.
    pub fn int(&mut self, field: &str, text: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let text = text.trim();
        if text.is_empty() {
            self.refuse(field, FieldError::new("required"));
            return None;
        }
        let Some(number) = whole_number(text) else {
            self.refuse(field, FieldError::new("not_a_number"));
            return None;
        };
        if !range.contains(&number) {
            let error = FieldError::new("out_of_range").arg("min", *range.start()).arg("max", *range.end());
            self.refuse(field, error);
            return None;
        }
        Some(number)
    }

    /// A price as people type it, from 0 to [`MAX_PRICE`] minor units: `3.000`, `Rp3.000`; with cents where the
    /// currency has some, behind a comma: `12,50`.
    pub fn money(&mut self, field: &str, text: &str, currency: Currency) -> Option<Money> {
        let text = text.trim();
        let text = text.strip_prefix(currency.sign()).unwrap_or(text).trim();
        let minor = match text.rsplit_once(',') {
            Some((whole, cents)) if currency.exponent() > 0 => self.with_cents(field, (whole, cents), currency),
            Some(_) | None => {
                let Some(whole) = whole_number(text) else {
                    let code = if text.is_empty() { "required" } else { "not_money" };
                    self.refuse(field, FieldError::new(code));
                    return None;
                };
                Some(whole.saturating_mul(10_i64.pow(currency.exponent())))
            }
        }?;
        if !(0..=MAX_PRICE).contains(&minor) {
            self.refuse(field, no_price(0, currency));
            return None;
        }
        Some(Money::new(minor, currency))
    }

    /// A measure as people type it, with the unit chosen beside it: `3`, `1.500`, and `1,5` as well. Limits are in the
    /// smallest measure, and told in the unit that was chosen. What is no whole number of the smallest unit is rounded.
    pub fn measure(
        &mut self,
        field: &str,
        (text, unit): (&str, &str),
        units: &[Unit],
        range: &RangeInclusive<i64>,
    ) -> Option<i64> {
        let text = text.trim();
        if text.is_empty() {
            self.refuse(field, FieldError::new("required"));
            return None;
        }
        let Some((name, each)) = units.iter().find(|(name, _)| *name == unit).copied() else {
            self.refuse(field, FieldError::new("not_offered"));
            return None;
        };
        let step = units.iter().map(|(_, each)| *each).min().unwrap_or(1);
        let Some(measure) = measured(text, each, step) else {
            self.refuse(field, FieldError::new("not_a_number"));
            return None;
        };
        if !range.contains(&measure) {
            let (min, max) = (range.start().saturating_add(each - 1) / each, range.end() / each);
            let error = FieldError::new("measure_out_of_range").arg("min", min).arg("max", max).arg("unit", name);
            self.refuse(field, error);
            return None;
        }
        Some(measure)
    }

    fn with_cents(&mut self, field: &str, (whole, cents): (&str, &str), currency: Currency) -> Option<i64> {
        let digits = usize::try_from(currency.exponent()).unwrap_or(0);
        let unit = 10_i64.pow(currency.exponent());
        let right = (1..=digits).contains(&cents.len()) && cents.bytes().all(|byte| byte.is_ascii_digit());
        let minor = whole_number(whole.trim()).filter(|_| right).and_then(|whole| {
            let cents: i64 = format!("{cents:0<digits$}").parse().ok()?;
            Some(whole.saturating_mul(unit).saturating_add(cents))
        });
        if minor.is_none() {
            self.refuse(field, FieldError::new("not_money"));
        }
        minor
    }

    /// One of the values a list offers.
    pub fn choice<T>(&mut self, field: &str, text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = text.trim();
        if text.is_empty() {
            self.refuse(field, FieldError::new("required"));
            return None;
        }
        let parsed = parse(text);
        if parsed.is_none() {
            self.refuse(field, FieldError::new("not_offered"));
        }
        parsed
    }

    /// The id of a row that a list offers.
    pub fn id(&mut self, field: &str, text: &str) -> Option<i64> {
        self.choice(field, text, |text| text.parse().ok().filter(|id| *id > 0))
    }

    /// A tick box: browsers send nothing when it is not ticked.
    #[must_use]
    pub fn ticked(text: &str) -> bool {
        matches!(text, "on" | "1" | "true" | "yes")
    }
}

/// The refusal of a price beyond its limits, with these as prices.
#[must_use]
pub fn no_price(min: i64, currency: Currency) -> FieldError {
    let price = |minor: i64| Money::new(minor, currency).to_string();
    FieldError::new("out_of_range").arg("min", price(min)).arg("max", price(MAX_PRICE))
}

/// A number of units of `each`, with at most [`MAX_DECIMALS`] digits behind a comma or point, to the next whole `step`.
fn measured(text: &str, each: i64, step: i64) -> Option<i64> {
    if let Some(whole) = whole_number(text) {
        return Some(whole.saturating_mul(each));
    }
    let (whole, decimals) = text.rsplit_once([',', '.']).filter(|(whole, _)| !whole.starts_with(['-', '−']))?;
    let digits = decimals.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || !(1..=MAX_DECIMALS).contains(&decimals.len()) {
        return None;
    }
    let whole = i128::from(whole_number(whole)?);
    let scale = 10_i128.pow(u32::try_from(decimals.len()).ok()?);
    let (each, step) = (i128::from(each), i128::from(step));
    let exact = (whole * scale + decimals.parse::<i128>().ok()?) * each;
    let steps = (exact + scale * step / 2) / (scale * step);
    Some(i64::try_from(steps * step).unwrap_or(i64::MAX))
}

/// `12`, `1.250`, `1 250`, `-3`; nothing else. What is larger than any number is the largest.
fn whole_number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix(['-', '−']) {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let groups: Vec<&str> = digits.trim().split(['.', ',', ' ', '\u{a0}']).collect();
    let grouped_well = groups.iter().skip(1).all(|group| group.len() == 3)
        && (groups.len() == 1
            || groups.first().is_some_and(|first| (1..=3).contains(&first.len()) && !first.starts_with('0')));
    let joined = groups.concat();
    if !grouped_well || joined.is_empty() || !joined.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = joined.parse().unwrap_or(i64::MAX);
    Some(if negative { -number } else { number })
}

/// A text as part of a URL's query.
#[must_use]
pub fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(check: Check, field: &str) -> Option<String> {
        check.into_errors().iter().find(|(name, _)| *name == field).map(|(_, error)| error.code().to_owned())
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, number) in [("12", 12), (" 1.250 ", 1250), ("1,250", 1250), ("2 000 000", 2_000_000), ("-1", -1)] {
            assert_eq!(whole_number(text.trim()), Some(number), "{text}");
        }
        for text in ["", "1.5", "12a", "1..000", "1e3", "0x10", ".500", "0,125", "1234.567", "½"] {
            assert_eq!(whole_number(text), None, "{text}");
        }
        assert_eq!(whole_number("99999999999999999999"), Some(i64::MAX));
    }

    #[test]
    fn a_number_that_is_too_large_is_told_its_limits() {
        let mut check = Check::default();
        assert_eq!(check.int("count", "99999999999999999999", 1..=10), None);
        assert_eq!(check.money("price", "99999999999999999999", Currency::IDR), None);
        let usd = Currency::parse("USD").unwrap();
        assert_eq!(check.money("cents", "99999999999999999999,50", usd), None);
        let errors = check.into_errors();
        let codes: Vec<_> = errors.iter().map(|(field, error)| (field, error.code())).collect();
        assert_eq!(codes, [("cents", "out_of_range"), ("count", "out_of_range"), ("price", "out_of_range")]);
        let price = errors.iter().find(|(field, _)| *field == "price").unwrap().1;
        assert_eq!(price.args()[1], ("max".to_owned(), Arg::Text("Rp1.000.000.000".to_owned())));
    }

    const SIZES: [Unit; 2] = [("mb", 1 << 20), ("gb", 1 << 30)];

    #[test]
    fn measures_are_read_with_their_unit_and_a_comma() {
        let mut check = Check::default();
        for (text, unit, bytes) in [
            ("3", "gb", 3 << 30),
            ("1.500", "mb", 1500 << 20),
            ("1,5", "gb", 1536 << 20),
            ("0.25", "gb", 256 << 20),
            ("1,1", "gb", 1126 << 20),
            ("1.234,5", "mb", 1235 << 20),
        ] {
            assert_eq!(check.measure("quota", (text, unit), &SIZES, &(1..=1 << 50)), Some(bytes), "{text}");
        }
        assert!(check.is_clean());
        for (text, unit, code) in [
            ("", "gb", "required"),
            ("1", "tb", "not_offered"),
            ("1,555", "kb", "not_offered"),
            ("1,5555", "gb", "not_a_number"),
            ("-1,5", "gb", "not_a_number"),
            ("-0,5", "gb", "not_a_number"),
            ("many", "gb", "not_a_number"),
            ("0", "gb", "measure_out_of_range"),
            ("99999999999999999999", "gb", "measure_out_of_range"),
        ] {
            let mut check = Check::default();
            assert_eq!(check.measure("quota", (text, unit), &SIZES, &(1..=1 << 50)), None, "{text}");
            assert_eq!(code_of(&check.into_errors()), code, "{text} {unit}");
        }
    }

    #[test]
    fn the_limits_of_a_measure_are_told_in_its_unit() {
        const SPANS: [Unit; 2] = [("hours", 3_600), ("days", 86_400)];
        let mut check = Check::default();
        assert_eq!(check.measure("active", ("9999", "days"), &SPANS, &(1..=3_660 * 86_400)), None);
        let errors = check.into_errors();
        let args: Vec<_> = errors.iter().next().unwrap().1.args().iter().map(|(_, arg)| arg.clone()).collect();
        assert_eq!(args, [Arg::Number(1), Arg::Number(3_660), Arg::Text("days".to_owned())]);
    }

    fn code_of(errors: &FormErrors) -> &str {
        errors.iter().next().unwrap().1.code()
    }

    #[test]
    fn a_number_outside_its_limits_is_refused_with_the_limits() {
        let mut check = Check::default();
        assert_eq!(check.int("count", "0", 1..=10_000), None);
        assert_eq!(check.int("other", "10.001", 1..=10_000), None);
        let errors = check.into_errors();
        let (field, error) = errors.iter().next().unwrap();
        assert_eq!((field, error.code()), ("count", "out_of_range"));
        assert_eq!(error.args()[1], ("max".to_owned(), Arg::Number(10_000)));
    }

    #[test]
    fn prices_are_never_negative() {
        let mut check = Check::default();
        assert_eq!(check.money("price", "Rp3.000", Currency::IDR), Some(Money::idr(3000)));
        let usd = Currency::parse("USD").unwrap();
        for (text, cents) in [("12", 1200), ("12,5", 1250), ("$1.250,05", 125_005), ("1.250", 125_000)] {
            assert_eq!(check.money("usd", text, usd), Some(Money::new(cents, usd)), "{text}");
        }
        assert_eq!(check.money("cents", "12,505", usd), None);
        assert_eq!(check.money("price", "-1", Currency::IDR), None);
        assert_eq!(code(check, "price").as_deref(), Some("out_of_range"));
    }

    #[test]
    fn texts_are_trimmed_and_bounded() {
        let mut check = Check::default();
        assert_eq!(check.name("name", "  Kebon "), Some("Kebon".to_owned()));
        assert!(check.is_clean());
        assert_eq!(check.name("name", "a\u{0}b"), None);
        assert_eq!(check.required("note", "   ", 10), None);
        assert_eq!(check.required("long", &"x".repeat(11), 10), None);
        assert_eq!(code(check, "long").as_deref(), Some("too_long"));
    }

    #[test]
    fn a_form_shown_again_keeps_its_id() {
        let form = FormView::fresh("typed");
        assert!(is_form_id(&form.form_id));
        assert_eq!(FormView::again("typed", FormErrors::default(), &form.form_id).form_id, form.form_id);
        assert_ne!(FormView::again("typed", FormErrors::default(), "<x>").form_id, "<x>");
    }
}
