//! The languages of the pages: Fluent files of `web/locales`, and which one a request gets.
//!
//! A new language is a file `xx.ftl`, a variant here and its number and date style in `format.rs`. Texts are read once
//! at start, also in debug builds.

use std::{borrow::Cow, fmt, sync::Arc};

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
    bundles: Arc<[(Locale, FluentBundle<FluentResource>)]>,
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
        let bundles = Locale::ALL.into_iter().map(|locale| Ok((locale, read(locale)?)));
        Ok(Self { bundles: bundles.collect::<anyhow::Result<Vec<_>>>()?.into() })
    }

    /// The text of a key, or nothing when the language lacks it.
    #[must_use]
    pub fn get<'a>(&self, locale: Locale, key: &str, args: impl IntoIterator<Item = (&'a str, Arg)>) -> Option<String> {
        let bundle = self.bundles.iter().find(|(known, _)| *known == locale).map(|(_, bundle)| bundle)?;
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
    fn a_missing_key_shows_as_itself() {
        let texts = Texts::load().unwrap();
        assert_eq!(texts.text(Locale::Id, "no-such-key", []), "no-such-key");
        assert_eq!(texts.get(Locale::Id, "no-such-key", []), None);
    }
}
