//! What the pages of price rules show, and how their form is read.

use serde::{Deserialize, Serialize};

use super::{Effect, Rule, RuleForm};
use crate::{
    http::{
        form::{Check, Choice, FieldError, FormErrors, FormView},
        format,
        locale::Locale,
        page::Page,
    },
    ids::{PackageId, RuleId},
    money::{Currency, Money},
};

/// The list of rules.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) rules: Vec<Row>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) may_change: bool,
}

/// A rule in the list.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) id: RuleId,
    /// Empty = of every package.
    pub(crate) package: String,
    pub(crate) level: String,
    pub(crate) min_count: i32,
    pub(crate) net_price: Option<Money>,
    /// Hundredths of a per cent, of a rule that takes a part off.
    pub(crate) off_bp: Option<i64>,
    pub(crate) active: bool,
}

impl Row {
    /// A rule with the name of its package.
    pub(crate) fn new(rule: Rule, package: String) -> Self {
        let (net_price, off_bp) = match rule.effect {
            Effect::Fixed { net_price } => (Some(net_price), None),
            Effect::Percent { off_bp } => (None, Some(off_bp)),
        };
        let Rule { id, level, min_count, active, .. } = rule;
        Self { id, package, level, min_count, net_price, off_bp, active }
    }
}

/// The form of a new or an existing rule.
#[derive(Debug, Serialize)]
pub(crate) struct FormPage {
    /// `None` = a new one.
    pub(crate) id: Option<RuleId>,
    pub(crate) form: FormView<Fields>,
    pub(crate) packages: Vec<Choice>,
    pub(crate) levels: Vec<String>,
    pub(crate) currency_sign: String,
}

/// A rule's fields as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) package_id: String,
    pub(crate) level: String,
    pub(crate) min_count: String,
    pub(crate) kind: String,
    pub(crate) net_price: String,
    pub(crate) off: String,
    pub(crate) active: String,
}

impl Fields {
    /// What a new rule starts with.
    pub(crate) fn fresh() -> Self {
        let (min_count, kind, active) = ("1".to_owned(), "percent".to_owned(), "on".to_owned());
        Self { min_count, kind, active, ..Self::default() }
    }

    /// The fields of a rule that is there.
    pub(crate) fn of(rule: &Rule, locale: Locale) -> Self {
        let (kind, net_price, off) = match rule.effect {
            Effect::Fixed { net_price } => ("fixed", net_price.typed(), String::new()),
            Effect::Percent { off_bp } => ("percent", String::new(), format::percent(off_bp, locale)),
        };
        Self {
            form_id: String::new(),
            package_id: rule.package_id.map(|id| id.to_string()).unwrap_or_default(),
            level: rule.level.clone(),
            min_count: rule.min_count.to_string(),
            kind: kind.to_owned(),
            net_price,
            off,
            active: if rule.active { "on".to_owned() } else { String::new() },
        }
    }

    /// The package, when one is chosen.
    pub(crate) fn package(&self) -> Option<PackageId> {
        self.package_id.trim().parse().ok().map(PackageId)
    }

    /// The form of what was typed.
    ///
    /// # Errors
    /// What cannot be read.
    pub(crate) fn read(&self, currency: Currency) -> Result<RuleForm, FormErrors> {
        let mut check = Check::default();
        let given = |text: &str| !text.trim().is_empty();
        let package = if given(&self.package_id) { check.id("package_id", &self.package_id) } else { None };
        let min_count = check.int("min_count", &self.min_count, i64::MIN..=i64::MAX);
        let effect = match check.choice("kind", &self.kind, kind) {
            None => None,
            Some(Kind::Fixed) => {
                check.money("net_price", &self.net_price, currency).map(|net_price| Effect::Fixed { net_price })
            }
            Some(Kind::Percent) => match basis_points(&self.off) {
                Some(off_bp) => Some(Effect::Percent { off_bp }),
                None => {
                    check.refuse("off", FieldError::new("percent"));
                    None
                }
            },
        };
        match effect {
            Some(effect) if check.is_clean() => Ok(RuleForm {
                package_id: package.map(PackageId),
                level: self.level.clone(),
                min_count,
                effect,
                active: Check::ticked(&self.active),
            }),
            Some(_) | None => Err(check.into_errors()),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Fixed,
    Percent,
}

fn kind(text: &str) -> Option<Kind> {
    match text {
        "fixed" => Some(Kind::Fixed),
        "percent" => Some(Kind::Percent),
        _ => None,
    }
}

/// The field of the page in which a field of the API is typed.
pub(crate) fn typed_in(errors: &FormErrors) -> FormErrors {
    let mut typed = FormErrors::default();
    for (field, error) in errors.iter() {
        typed.add(if field == "off_bp" { "off" } else { field }, error.clone());
    }
    typed
}

/// `12,5` or `12.5` per cent as basis points.
fn basis_points(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches('%').trim();
    let (whole, part) = text.split_once([',', '.']).unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || part.len() > 2 || !digits(whole) || !digits(part) {
        return None;
    }
    Some(whole.parse::<i64>().ok()? * 100 + format!("{part:0<2}").parse::<i64>().ok()?)
}

fn samples() -> [Rule; 2] {
    let fixed = Rule {
        id: RuleId(1),
        package_id: Some(PackageId(1)),
        level: "Silver".to_owned(),
        min_count: 100,
        effect: Effect::Fixed { net_price: Money::idr(2500) },
        active: true,
    };
    let percent = Rule {
        package_id: None,
        level: String::new(),
        effect: Effect::Percent { off_bp: 1250 },
        active: false,
        ..fixed
    };
    [fixed, percent]
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "prices/list.html";

    fn samples() -> Vec<Self> {
        let [fixed, percent] = samples();
        let rules = vec![Row::new(fixed, "12 Jam".to_owned()), Row::new(percent, String::new())];
        vec![
            Self { rules: Vec::new(), next: None, is_later: false, may_change: true },
            Self { rules: Vec::new(), next: None, is_later: false, may_change: false },
            Self { rules, next: Some("x".to_owned()), is_later: true, may_change: true },
        ]
    }
}

impl Page for FormPage {
    const TEMPLATE: &'static str = "prices/form.html";

    fn samples() -> Vec<Self> {
        let mut errors = FormErrors::of("off", FieldError::new("percent"));
        errors.add("", FieldError::new("too_many_rules").arg("max", 500));
        errors.add("min_count", FieldError::new("price_rule_twice"));
        errors.add("net_price", FieldError::new("not_our_currency").arg("currency", "IDR"));
        errors.add("level", FieldError::new("too_long").arg("max", 30));
        let page = |id, form| Self {
            id,
            form,
            packages: vec![Choice::new(1, "12 Jam")],
            levels: vec!["Silver".to_owned()],
            currency_sign: "Rp".to_owned(),
        };
        let [fixed, percent] = samples();
        vec![
            page(None, FormView::fresh(Fields::fresh())),
            page(Some(RuleId(1)), FormView::fresh(Fields::of(&fixed, Locale::Id))),
            page(Some(RuleId(1)), FormView::again(Fields::of(&percent, Locale::Id), errors, "")),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn per_cent_are_read_as_people_write_them() {
        for (text, off_bp) in [("10", 1000), ("12,5 %", 1250), ("0.25", 25), ("100%", 10_000), ("7,05", 705)] {
            assert_eq!(basis_points(text), Some(off_bp), "{text}");
        }
        for text in ["", "-5", "ten", "1,234", "1000", ",5"] {
            assert_eq!(basis_points(text), None, "{text}");
        }
    }

    #[test]
    fn a_rule_comes_back_from_its_form_as_it_was() {
        for rule in samples() {
            for locale in Locale::ALL {
                let form = Fields::of(&rule, locale).read(Currency::IDR).unwrap();
                assert_eq!((form.effect, form.package_id, form.active), (rule.effect, rule.package_id, rule.active));
                assert_eq!((form.level, form.min_count), (rule.level.clone(), Some(100)));
            }
        }
    }
}
