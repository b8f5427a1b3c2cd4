//! The languages of the pages: Fluent files of `web/locales`, and which one a request gets.
//!
//! A new language is a file `xx.ftl`, a variant here and its number and date style in `format.rs`. Texts are read once
//! at start, also in debug builds.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use fluent_bundle::{
    FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle, memoizer::MemoizerKind, types::FluentNumber,
};
use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize, Serializer};

use super::format;

/// Languages of an `Accept-Language` that are looked at.
const MAX_ACCEPTED: usize = 10;

/// A language of the pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// Indonesian, the default.
    #[default]
    Id,
    /// English.
    En,
}

impl Locale {
    /// Every language, in the order of the switch.
    pub const ALL: [Self; 2] = [Self::Id, Self::En];

    /// Its tag, as in `<html lang>`, the cookie and the admin's setting.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::En => "en",
        }
    }

    /// The language of a tag; regions are ignored, so `en-GB` is English.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|locale| locale.tag().eq_ignore_ascii_case(primary.trim()))
    }

    /// The best of an `Accept-Language` header.
    #[must_use]
    pub fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(u16, Self)> = None;
        for part in header.split(',').take(MAX_ACCEPTED) {
            let mut fields = part.split(';');
            let Some(locale) = Self::from_tag(fields.next().unwrap_or_default()) else { continue };
            let weight = fields.find_map(|field| field.trim().strip_prefix("q=")).map_or(1000, thousandths);
            if weight > 0 && best.is_none_or(|(seen, _)| weight > seen) {
                best = Some((weight, locale));
            }
        }
        best.map(|(_, locale)| locale)
    }
}

impl Serialize for Locale {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.tag())
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

/// `0.8` is 800: enough to compare weights, without floats.
fn thousandths(quality: &str) -> u16 {
    let (whole, rest) = quality.trim().split_once('.').unwrap_or((quality.trim(), ""));
    if whole != "0" {
        return 1000;
    }
    let digits: String = rest.chars().chain("000".chars()).take(3).collect();
    digits.parse().unwrap_or(0)
}

/// An argument of a text: a number chooses plurals and is grouped, a text is put in as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Arg {
    /// A count.
    Number(i64),
    /// A name.
    Text(String),
}

impl Arg {
    /// The argument as a language shows it: days are written as the language writes days.
    #[must_use]
    pub fn shown(&self, locale: Locale) -> Self {
        const DAY_CHARS: usize = 10;
        match self {
            Self::Text(text) if text.len() == DAY_CHARS => {
                Self::Text(text.parse().map_or_else(|_no_day| text.clone(), |day| format::day(day, locale)))
            }
            Self::Text(_) | Self::Number(_) => self.clone(),
        }
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

#[derive(RustEmbed)]
#[folder = "../web/locales"]
struct LocaleFiles;

/// The texts of every language.
#[derive(Clone)]
pub struct Texts {
    languages: Arc<[Language]>,
}

struct Language {
    locale: Locale,
    bundle: FluentBundle<FluentResource>,
    /// Texts that take no arguments, as they were written once: a page shows hundreds of them.
    plain: RwLock<HashMap<String, Arc<str>>>,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").finish_non_exhaustive()
    }
}

impl Texts {
    /// Reads the embedded files.
    ///
    /// # Errors
    /// A file is missing or is not Fluent; the message names it. A released binary cannot fail here: tests read them.
    pub fn load() -> anyhow::Result<Self> {
        let languages = Locale::ALL
            .into_iter()
            .map(|locale| Ok(Language { locale, bundle: read(locale)?, plain: RwLock::default() }));
        Ok(Self { languages: languages.collect::<anyhow::Result<Vec<_>>>()?.into() })
    }

    /// Has the language a text of this key? Nothing is written, so that no argument is missed.
    #[must_use]
    pub fn has(&self, locale: Locale, key: &str) -> bool {
        let message = self.language(locale).and_then(|language| language.bundle.get_message(key));
        message.is_some_and(|message| message.value().is_some())
    }

    /// The text of a key, or nothing when the language lacks it.
    #[must_use]
    pub fn get<'a>(&self, locale: Locale, key: &str, args: impl IntoIterator<Item = (&'a str, Arg)>) -> Option<String> {
        let bundle = &self.language(locale)?.bundle;
        let pattern = bundle.get_message(key)?.value()?;
        let mut values = FluentArgs::new();
        for (name, arg) in args {
            let value = match arg {
                Arg::Number(number) => FluentValue::from(number),
                Arg::Text(text) => FluentValue::from(text),
            };
            values.set(Cow::Owned(name.to_owned()), value);
        }
        let mut faults = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&values), &mut faults).into_owned();
        if let Some(fault) = faults.first() {
            tracing::warn!(key, %locale, %fault, "text with a fault");
        }
        Some(text)
    }

    /// The text of a key that takes no arguments; nothing when the language lacks it, or when it takes some.
    #[must_use]
    pub fn plain(&self, locale: Locale, key: &str) -> Option<Arc<str>> {
        let Language { bundle, plain, .. } = self.language(locale)?;
        if let Some(text) = plain.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Some(Arc::clone(text));
        }
        let mut faults = Vec::new();
        let text = bundle.format_pattern(bundle.get_message(key)?.value()?, None, &mut faults);
        let text: Arc<str> = faults.is_empty().then(|| text.into())?;
        plain.write().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), Arc::clone(&text));
        Some(text)
    }

    fn language(&self, locale: Locale) -> Option<&Language> {
        self.languages.iter().find(|language| language.locale == locale)
    }

    /// The text of a key; the key itself when the language lacks it, so that a page still comes up.
    #[must_use]
    pub fn text<'a>(&self, locale: Locale, key: &str, args: impl IntoIterator<Item = (&'a str, Arg)>) -> String {
        self.get(locale, key, args).unwrap_or_else(|| {
            tracing::warn!(key, %locale, "text is missing");
            key.to_owned()
        })
    }
}

fn read(locale: Locale) -> anyhow::Result<FluentBundle<FluentResource>> {
    let name = format!("{locale}.ftl");
    let file = LocaleFiles::get(&name).ok_or_else(|| anyhow::anyhow!("web/locales/{name} is missing"))?;
    let source = String::from_utf8(file.data.into_owned())?;
    let resource = FluentResource::try_new(source)
        .map_err(|(_, faults)| anyhow::anyhow!("web/locales/{name} is not Fluent: {faults:?}"))?;
    let mut bundle = FluentBundle::new_concurrent(vec![locale.tag().parse()?]);
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(match locale {
        Locale::Id => grouped_id,
        Locale::En => grouped_en,
    }));
    bundle
        .add_resource(resource)
        .map_err(|faults| anyhow::anyhow!("web/locales/{name} says a key twice: {faults:?}"))?;
    Ok(bundle)
}

fn grouped_id<M: MemoizerKind>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    grouped(value, Locale::Id)
}

fn grouped_en<M: MemoizerKind>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    grouped(value, Locale::En)
}

fn grouped(value: &FluentValue<'_>, locale: Locale) -> Option<String> {
    let FluentValue::Number(FluentNumber { value, .. }) = value else { return None };
    // Arguments are whole numbers that came in as i64; Fluent carries them as floats.
    let whole: i64 = format!("{value:.0}").parse().ok()?;
    Some(format::number(whole, locale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_accepted_language_wins() {
        assert_eq!(Locale::accepted("en-GB,en;q=0.9,id;q=0.8"), Some(Locale::En));
        assert_eq!(Locale::accepted("de, id;q=0.4, en;q=0.39"), Some(Locale::Id));
        assert_eq!(Locale::accepted("de;q=1"), None);
        assert_eq!(Locale::accepted("en;q=0"), None);
        assert_eq!(Locale::accepted(&"en,".repeat(10_000)), Some(Locale::En));
    }

    #[test]
    fn every_key_stands_in_every_language() {
        let keys = |locale: Locale| {
            let file = LocaleFiles::get(&format!("{locale}.ftl")).unwrap();
            let text = String::from_utf8(file.data.into_owned()).unwrap();
            let mut keys: Vec<String> = text
                .lines()
                .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
                .filter_map(|line| line.split_once(" =").map(|(key, _)| key.to_owned()))
                .collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(Locale::Id), keys(Locale::En));
    }

    #[test]
    fn plurals_and_grouped_numbers_are_written_per_language() {
        let texts = Texts::load().unwrap();
        let seconds = |locale, count: i64| texts.text(locale, "fault-too-many", [("seconds", Arg::from(count))]);
        assert!(seconds(Locale::En, 1).contains("1 second."), "{}", seconds(Locale::En, 1));
        assert!(seconds(Locale::En, 1234).contains("1,234 seconds."));
        assert!(seconds(Locale::Id, 1234).contains("1.234 detik"));
    }

    #[test]
    fn a_plain_text_is_kept_and_one_with_arguments_is_not() {
        let texts = Texts::load().unwrap();
        for _again in 0..2 {
            let plain = texts.plain(Locale::En, "search").unwrap();
            assert_eq!(*plain, *texts.text(Locale::En, "search", []));
            assert_eq!(texts.plain(Locale::Id, "fault-too-many"), None);
            assert_eq!(texts.plain(Locale::Id, "no-such-key"), None);
        }
        assert_ne!(texts.plain(Locale::En, "search"), texts.plain(Locale::Id, "search"));
    }

    #[test]
    fn days_are_shown_as_the_language_writes_them() {
        let shown = |text: &str, locale| Arg::from(text).shown(locale);
        assert_eq!(shown("2026-12-05", Locale::Id), Arg::from("05-12-2026"));
        assert_eq!(shown("2026-12-05", Locale::En), Arg::from("5 Dec 2026"));
        for text in ["2026-13-05", "Rumah 10M.", "2026-12-05T00:00", ""] {
            assert_eq!(shown(text, Locale::En), Arg::from(text));
        }
        assert_eq!(Arg::from(2026).shown(Locale::Id), Arg::from(2026));
    }

    #[test]
    fn a_missing_key_shows_as_itself() {
        let texts = Texts::load().unwrap();
        assert_eq!(texts.text(Locale::Id, "no-such-key", []), "no-such-key");
        assert_eq!(texts.get(Locale::Id, "no-such-key", []), None);
        assert!(!texts.has(Locale::Id, "no-such-key") && texts.has(Locale::Id, "fault-too-many"));
    }
}
