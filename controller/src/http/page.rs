//! Pages: typed values with a template and samples, rendered in the language of the request. Names minijinja; no other
//! file does.
//!
//! Templates are embedded; in debug builds they are read from disk at each render, so an edit shows on reload. Undefined
//! names are errors, every value is escaped, texts come from `t("key")` only.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock},
};

use anyhow::Context as _;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use chrono_tz::Tz;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, context, escape_formatter,
    syntax::SyntaxConfig,
    value::{Kwargs, Rest, Serde},
};
use rust_embed::RustEmbed;
use serde::Serialize;

use super::{
    assets,
    form::FieldError,
    format,
    locale::{Arg, Locale, Texts},
    nav::NavItem,
};
use crate::money::{Currency, Money};

/// Shown where there is no value.
const NOTHING: &str = "–";
/// Templates in templates: layout, page, component and a component of it; more is a mistake.
const MAX_NESTING: usize = 60;

/// What one template shows. A unit test renders every sample of every page in every language.
pub trait Page: Serialize {
    /// The template's path below `web/templates`.
    const TEMPLATE: &'static str;

    /// Values that show every branch of the template: empty, usual, full.
    fn samples() -> Vec<Self>
    where
        Self: Sized;
}

/// One sample of one page, ready to be rendered by the test that renders all.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The page's template.
    pub template: &'static str,
    value: Value,
}

/// The samples of a page.
#[must_use]
pub fn samples_of<P: Page>() -> Vec<Sample> {
    P::samples().into_iter().map(|page| Sample { template: P::TEMPLATE, value: Value::from(Serde(page)) }).collect()
}

/// What stands around every page: who asks, in which language, where.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Shell {
    /// The company's name.
    pub brand: String,
    /// The signed-in admin.
    pub user: Option<ShellUser>,
    /// The menu.
    pub nav: Vec<NavItem>,
    /// The language.
    pub locale: Locale,
    /// The chosen theme.
    pub theme: Theme,
    /// Whether `HIJI_DEV` is on.
    pub dev: bool,
    /// Path and query of the page, for forms that come back here.
    pub here: String,
    /// How far live changes were when the page was asked for; its stream goes on from there.
    pub live: String,
    /// What the last action did.
    pub flash: Option<Flash>,
}

/// The signed-in admin, as the header shows it.
#[derive(Debug, Clone, Serialize)]
pub struct ShellUser {
    /// Name shown.
    pub name: String,
    /// Role, in kebab-case; its text is `role-<role>`.
    pub role: String,
}

/// The colours of the page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the device says.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The theme of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            _ => None,
        }
    }

    /// Its name in the cookie.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A sentence shown once, on the page after an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Flash {
    /// Key of its text.
    pub key: String,
    /// Arguments of its text.
    pub args: Vec<(String, Arg)>,
}

/// The templates of every language.
#[derive(Clone)]
pub struct Pages {
    texts: Texts,
    environments: Arc<[(Locale, Environment<'static>)]>,
    on_missing: OnMissing,
}

/// What a text key without a text does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnMissing {
    /// The key is shown: the page still comes up.
    Show,
    /// The page fails: in tests.
    Fail,
}

#[derive(RustEmbed)]
#[folder = "../web/templates"]
struct TemplateFiles;

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("on_missing", &self.on_missing).finish_non_exhaustive()
    }
}

impl Pages {
    /// Pages with these texts.
    #[must_use]
    pub fn new(texts: Texts) -> Self {
        Self::with(texts, OnMissing::Show)
    }

    /// Pages that fail on a key without a text. For tests.
    #[must_use]
    pub fn strict(texts: Texts) -> Self {
        Self::with(texts, OnMissing::Fail)
    }

    fn with(texts: Texts, on_missing: OnMissing) -> Self {
        let environments = Locale::ALL.map(|locale| (locale, environment(locale, &texts, on_missing)));
        Self { texts, environments: Arc::new(environments), on_missing }
    }

    /// The texts of the pages.
    #[must_use]
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// The HTML of a page.
    ///
    /// # Errors
    /// The template is broken or reads what the page lacks.
    pub fn render<P: Page>(&self, page: &P, shell: &Shell) -> anyhow::Result<String> {
        self.render_value(P::TEMPLATE, Value::from(Serde(page)), shell)
    }

    /// The HTML of a sample.
    ///
    /// # Errors
    /// As [`Pages::render`].
    pub fn render_sample(&self, sample: &Sample, shell: &Shell) -> anyhow::Result<String> {
        self.render_value(sample.template, sample.value.clone(), shell)
    }

    fn render_value(&self, template: &str, page: Value, shell: &Shell) -> anyhow::Result<String> {
        let fresh;
        let environment = if cfg!(debug_assertions) {
            fresh = environment(shell.locale, &self.texts, self.on_missing);
            &fresh
        } else {
            let found = self.environments.iter().find(|(locale, _)| *locale == shell.locale);
            &found.context("finding the templates of a language")?.1
        };
        let context = context! { shell => Value::from(Serde(shell)), ..page };
        environment
            .get_template(template)
            .and_then(|found| found.render(context))
            .with_context(|| format!("rendering {template} in {}", shell.locale))
    }
}

/// A fault of a template, with the sentence minijinja shows beside its line.
fn fault(text: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, text)
}

fn environment(locale: Locale, texts: &Texts, on_missing: OnMissing) -> Environment<'static> {
    let mut env = Environment::new();
    // A line that holds only a tag leaves no empty line behind.
    env.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap_or_default());
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    env.set_formatter(|out, state, value| match value.as_str() {
        // minijinja also escapes `/`; without that, paths in the source of a page stay readable.
        Some(text) if *state.auto_escape() == AutoEscape::Html && !value.is_safe() => {
            out.write_str(&escaped(text)).map_err(Error::from)
        }
        _ => escape_formatter(out, state, value),
    });
    env.set_recursion_limit(MAX_NESTING);
    env.set_debug(cfg!(debug_assertions));
    env.set_loader(|name| match TemplateFiles::get(name) {
        None => Ok(None),
        Some(file) => String::from_utf8(file.data.into_owned())
            .map(Some)
            .map_err(|_not_text| fault(format!("{name} is not UTF-8"))),
    });
    add_texts(&mut env, locale, texts, on_missing);
    add_formats(&mut env, locale, texts);
    env.add_function("asset", |name: &str| {
        assets::url(name).ok_or_else(|| fault(format!("there is no asset {name}; run `make web`")))
    });
    env.add_function("icon", |name: &str| {
        let known = ICONS.get(name).cloned();
        known.ok_or_else(|| fault(format!("{name} is not in web/icons.txt, or `make web` was not run since")))
    });
    env.add_function("link", link);
    env
}

/// The icons as they stand in pages: a page has dozens of them.
static ICONS: LazyLock<HashMap<String, Value>> = LazyLock::new(|| {
    let sprite = assets::url("icons.svg").unwrap_or_default();
    let svg = |name: &str| {
        Value::from_safe_string(format!(
            "<svg class=\"icon\" aria-hidden=\"true\"><use href=\"{sprite}#{name}\"></use></svg>"
        ))
    };
    assets::icons().into_iter().map(|name| (name.clone(), svg(&name))).collect()
});

fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// `t("key", name=value)`, `has_text("key")` and `|problem` for a form's errors.
fn add_texts(env: &mut Environment<'static>, locale: Locale, texts: &Texts, on_missing: OnMissing) {
    let known = texts.clone();
    let say = move |key: &str, args: &[(String, Arg)]| -> Result<String, Error> {
        let args = || args.iter().map(|(name, arg)| (name.as_str(), arg.clone()));
        match on_missing {
            OnMissing::Show => Ok(known.text(locale, key, args())),
            OnMissing::Fail => {
                known.get(locale, key, args()).ok_or_else(|| fault(format!("no text {key} in {locale}.ftl")))
            }
        }
    };
    let by_key = say.clone();
    let known = texts.clone();
    env.add_function("t", move |key: &str, kwargs: Kwargs| {
        let args = text_args(&kwargs)?;
        match known.plain(locale, key).filter(|_| args.is_empty()) {
            Some(text) => Ok(Value::from(text)),
            None => by_key(key, &args).map(Value::from),
        }
    });
    let shown = move |args: &[(String, Arg)]| -> Vec<(String, Arg)> {
        args.iter().map(|(name, arg)| (name.clone(), arg.shown(locale))).collect()
    };
    let by_flash = say.clone();
    env.add_filter("sentence", move |flash: Serde<Flash>| by_flash(&flash.key, &shown(&flash.args)));
    env.add_filter("problem", move |error: Serde<FieldError>| say(&error.text_key(), &shown(error.args())));
    let known = texts.clone();
    env.add_function("has_text", move |key: &str| known.has(locale, key));
}

fn text_args(kwargs: &Kwargs) -> Result<Vec<(String, Arg)>, Error> {
    kwargs
        .args()
        .map(|name| {
            let value: Value = kwargs.get(name)?;
            let arg = match i64::try_from(value.clone()) {
                Ok(number) if value.is_integer() => Arg::Number(number),
                _ => Arg::Text(value.to_string()),
            };
            Ok((name.to_owned(), arg))
        })
        .collect()
}

/// The filters that write values: `money`, `number`, `bytes`, `percent` (of hundredths), `duration`, `date`, `time`,
/// `datetime`, `zone`, `day`; and `last_day`, since periods are kept with the day after their last, and promises with the
/// midnight that ends it (then with the zone), while people say the last day.
/// A missing value is a dash.
fn add_formats(env: &mut Environment<'static>, locale: Locale, texts: &Texts) {
    env.add_filter("money", |value: Value| or_nothing(&value, |value| Ok(money(value)?.to_string())));
    env.add_filter("number", move |value: Value| or_nothing(&value, |value| Ok(format::number(whole(value)?, locale))));
    env.add_filter("bytes", move |value: Value| or_nothing(&value, |value| Ok(format::bytes(whole(value)?, locale))));
    env.add_filter("percent", move |value: Value| {
        or_nothing(&value, |value| Ok(format::percent(whole(value)?, locale)))
    });
    let texts = texts.clone();
    env.add_filter("duration", move |value: Value| {
        or_nothing(&value, |value| {
            let parts = format::duration(whole(value)?);
            let words = parts.into_iter().map(|(key, count)| texts.text(locale, key, [("count", Arg::Number(count))]));
            Ok(words.collect::<Vec<_>>().join(" "))
        })
    });
    env.add_filter("date", move |value: Value, zone: &str| {
        or_nothing(&value, |value| Ok(format::date(instant(value)?, place(zone)?, locale)))
    });
    env.add_filter("day", move |value: Value| or_nothing(&value, |value| Ok(format::day(local_day(value)?, locale))));
    env.add_filter("last_day", move |value: Value, zone: Option<&str>| {
        or_nothing(&value, |value| {
            let next = match zone {
                // An instant: the midnight that ends the day.
                Some(zone) => instant(value)?.with_timezone(&place(zone)?).date_naive(),
                None => local_day(value)?,
            };
            let last = next.pred_opt().ok_or_else(|| fault("a day before all days"))?;
            Ok(format::day(last, locale))
        })
    });
    env.add_filter("time", move |value: Value, zone: &str, kwargs: Kwargs| {
        let seconds = kwargs.get::<Option<bool>>("seconds")?.unwrap_or(false);
        or_nothing(&value, |value| Ok(format::time(instant(value)?, place(zone)?, seconds)))
    });
    env.add_filter("datetime", move |value: Value, zone: &str, kwargs: Kwargs| {
        let seconds = kwargs.get::<Option<bool>>("seconds")?.unwrap_or(false);
        or_nothing(&value, |value| {
            let (at, zone) = (instant(value)?, place(zone)?);
            Ok(format!("{} {}", format::date(at, zone, locale), format::time(at, zone, seconds)))
        })
    });
    env.add_filter("when", move |value: Value, zone: &str, kwargs: Kwargs| {
        let seconds = kwargs.get::<Option<bool>>("seconds")?.unwrap_or(false);
        or_nothing(&value, |value| Ok(when(instant(value)?, place(zone)?, seconds, locale)))
            .map(Value::from_safe_string)
    });
    env.add_filter("zone", move |value: Value, zone: &str| {
        or_nothing(&value, |value| Ok(format::zone_name(instant(value)?, place(zone)?)))
    });
}

fn or_nothing(value: &Value, write: impl FnOnce(&Value) -> Result<String, Error>) -> Result<String, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    if value.is_none() { Ok(NOTHING.to_owned()) } else { write(value) }
}

fn money(value: &Value) -> Result<Money, Error> {
    let read = || {
        let amount = i64::try_from(value.get_attr("amount").ok()?).ok()?;
        Some(Money::new(amount, Currency::parse(value.get_attr("currency").ok()?.as_str()?)?))
    };
    read().ok_or_else(|| fault(format!("{value} is no money")))
}

fn whole(value: &Value) -> Result<i64, Error> {
    i64::try_from(value.clone()).map_err(|_not_whole| fault(format!("{value} is no whole number")))
}

fn local_day(value: &Value) -> Result<NaiveDate, Error> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| fault(format!("{value} is no day")))
}

fn instant(value: &Value) -> Result<DateTime<Utc>, Error> {
    let text = value.as_str().ok_or_else(|| fault(format!("{value} is no instant")))?;
    text.parse().map_err(|_not_a_time| fault(format!("{text} is no instant")))
}

/// An instant at a place as HTML: date and time, to the second and with the zone on hover. In one go, since lists show it
/// once a row.
fn when(at: DateTime<Utc>, zone: Tz, seconds: bool, locale: Locale) -> String {
    let (date, name) = (format::date(at, zone, locale), format::zone_name(at, zone));
    let exact = format::time(at, zone, true);
    let shown = if seconds { &*exact } else { exact.get(.."00:00".len()).unwrap_or(&exact) };
    let machine = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    format!("<time class=\"nowrap\" datetime=\"{machine}\" title=\"{date} {exact} {name}\">{date} {shown}</time>")
}

fn place(zone: &str) -> Result<Tz, Error> {
    zone.parse().map_err(|_unknown| fault(format!("{zone} is no time zone")))
}

/// `link("/vouchers", q=filter.q, cursor=next)`: empty and missing parameters are left out.
#[expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over so")]
fn link(path: &str, extra: Rest<Value>, kwargs: Kwargs) -> Result<String, Error> {
    if !extra.is_empty() {
        return Err(fault("link takes a path and named parameters"));
    }
    let mut url = path.to_owned();
    for name in kwargs.args() {
        let value: Value = kwargs.get(name)?;
        let text = if value.is_none() || value.is_undefined() { String::new() } else { value.to_string() };
        if !text.is_empty() {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(name);
            url.push('=');
            url.push_str(&super::form::percent_encoded(&text));
        }
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(locale: Locale, source: &str, context: Value) -> Result<String, String> {
        let texts = Texts::load().unwrap();
        environment(locale, &texts, OnMissing::Fail).render_str(source, context).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn values_are_written_as_people_read_them() {
        let context = context! {
            price => Value::from(Serde(Money::idr(165_000))),
            at => "2026-11-22T12:42:07Z",
            none => (),
        };
        let source = "{{ price|money }} {{ none|money }} {{ 43200|duration }} {{ 259200|duration }} {{ 1234|number }} \
                      {{ at|datetime('Asia/Jakarta', seconds=true) }} {{ at|date('Asia/Jayapura') }} {{ at|zone('Asia/Jakarta') }}";
        assert_eq!(
            said(Locale::Id, source, context.clone()).unwrap(),
            "Rp165.000 – 12 jam 3 hari 1.234 22-11-2026 19:42:07 22-11-2026 WIB"
        );
        assert_eq!(
            said(Locale::En, source, context).unwrap(),
            "Rp165.000 – 12 hours 3 days 1,234 22 Nov 2026 19:42:07 22 Nov 2026 WIB"
        );
    }

    #[test]
    fn a_period_is_told_by_its_last_day() {
        let source = "{{ from|day }} – {{ until|last_day }}, {{ none|last_day }}";
        let context = context! { from => "2026-11-29", until => "2026-12-01" };
        assert_eq!(said(Locale::Id, source, context.clone()).unwrap(), "29-11-2026 – 30-11-2026, –");
        assert_eq!(said(Locale::En, "{{ until|last_day }}", context).unwrap(), "30 Nov 2026");
    }

    #[test]
    fn days_in_sentences_are_written_as_the_language_writes_them() {
        let error = FieldError::new("day_out_of_range").arg("from", "2026-11-29").arg("until", "2027-11-29");
        let flash = Flash { key: error.text_key(), args: error.args().to_vec() };
        let context = context! { error => Value::from(Serde(error)), flash => Value::from(Serde(flash)) };
        for source in ["{{ error|problem }}", "{{ flash|sentence }}"] {
            assert_eq!(
                said(Locale::Id, source, context.clone()).unwrap(),
                "Pilih hari dari 29-11-2026 sampai 29-11-2027."
            );
        }
    }

    #[test]
    fn links_leave_out_what_is_empty() {
        let source = "{{ link('/vouchers', q='a b&c', cursor=none, page=2) }}";
        assert_eq!(said(Locale::Id, source, context! {}).unwrap(), "/vouchers?q=a%20b%26c&amp;page=2");
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        assert!(said(Locale::Id, "{{ nothing }}", context! {}).is_err());
        assert!(said(Locale::Id, "{{ t('no-such-key') }}", context! {}).unwrap_err().contains("no-such-key"));
        assert!(said(Locale::Id, "{{ icon('no-such-icon') }}", context! {}).is_err());
    }

    #[test]
    fn what_people_type_is_escaped() {
        let context = context! { name => "<script>alert('1')</script>\" & x", list => vec!["<i>"] };
        assert_eq!(
            said(Locale::Id, "{{ name }} {{ list }} {{ [name]|join }}", context).unwrap().matches(['<', '\'']).count(),
            0
        );
    }
}
