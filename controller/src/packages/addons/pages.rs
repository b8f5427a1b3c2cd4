//! What the pages of add-ons show, and how their form is read.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::{Addon, AddonForm, AddonKind, Draft, rules};
use crate::{
    http::{
        form::{Check, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::AddonId,
    money::{Currency, Money},
};

/// The list of add-ons.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) addons: Vec<Addon>,
    pub(crate) q: String,
    pub(crate) archived: bool,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) may_change: bool,
}

/// The form of a new or an existing add-on.
#[derive(Debug, Serialize)]
pub(crate) struct FormPage {
    /// `None` = a new one.
    pub(crate) id: Option<AddonId>,
    pub(crate) form: FormView<Fields>,
    pub(crate) archived: bool,
    pub(crate) currency_sign: String,
    pub(crate) sees_costs: bool,
}

/// An add-on's fields as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) price: String,
    pub(crate) cost: String,
    pub(crate) is_taxed: String,
}

impl Fields {
    /// What a new one starts with.
    pub(crate) fn fresh() -> Self {
        Self { kind: AddonKind::Monthly.as_str().to_owned(), ..Self::default() }
    }

    /// The fields of one that is there.
    pub(crate) fn of(addon: &Addon) -> Self {
        Self {
            form_id: String::new(),
            name: addon.name.clone(),
            kind: addon.kind.as_str().to_owned(),
            price: addon.price.typed(),
            cost: addon.cost.map_or_else(String::new, Money::typed),
            is_taxed: if addon.is_taxed { "on".to_owned() } else { String::new() },
        }
    }

    /// The add-on of what was typed.
    ///
    /// # Errors
    /// What cannot be read, and what is not right of the rest: both at once.
    pub(crate) fn read(&self, currency: Currency) -> Result<Draft, FormErrors> {
        let mut check = Check::default();
        let price = check.money("price", &self.price, currency);
        let cost = if self.cost.trim().is_empty() { None } else { check.money("cost", &self.cost, currency) };
        let draft = rules::check(&AddonForm {
            name: self.name.clone(),
            kind: self.kind.clone(),
            price: price.unwrap_or(Money::new(0, currency)),
            cost,
            is_taxed: Check::ticked(&self.is_taxed),
        });
        let mut errors = check.into_errors();
        if let Err(others) = &draft {
            errors.extend(others);
        }
        if errors.is_empty() { draft } else { Err(errors) }
    }
}

/// An add-on for samples.
fn sample() -> Addon {
    Addon {
        id: AddonId(1),
        name: "IP statis".to_owned(),
        kind: AddonKind::Monthly,
        price: Money::idr(50_000),
        cost: Some(Money::idr(10_000)),
        is_taxed: true,
        created_at: DateTime::UNIX_EPOCH,
        archived_at: None,
    }
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "packages/addons.html";

    fn samples() -> Vec<Self> {
        let none = || Self {
            addons: Vec::new(),
            q: String::new(),
            archived: false,
            next: None,
            is_later: false,
            may_change: true,
        };
        let bare = Addon { kind: AddonKind::OneOff, is_taxed: false, ..sample() }.without_cost();
        let full = Self { addons: vec![sample(), bare], next: Some("x".to_owned()), is_later: true, ..none() };
        vec![
            none(),
            full,
            Self { may_change: false, ..none() },
            Self { q: "modem".to_owned(), ..none() },
            Self { archived: true, ..none() },
        ]
    }
}

impl Page for FormPage {
    const TEMPLATE: &'static str = "packages/addon.html";

    fn samples() -> Vec<Self> {
        let mut errors = FormErrors::of("name", FieldError::new("taken"));
        errors.add("", FieldError::new("too_many_addons").arg("max", 200));
        let page =
            |id, form, sees_costs| Self { id, form, archived: sees_costs, currency_sign: "Rp".to_owned(), sees_costs };
        vec![
            page(None, FormView::fresh(Fields::fresh()), false),
            page(Some(AddonId(1)), FormView::again(Fields::of(&sample()), errors, ""), true),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_addon_comes_back_from_its_form_as_it_was() {
        let form = Fields::of(&sample()).read(Currency::IDR).unwrap();
        assert_eq!((form.price, form.cost, form.is_taxed), (Money::idr(50_000), Money::idr(10_000), true));
        let errors = Fields { price: "x".into(), ..Fields::of(&sample()) }.read(Currency::IDR).unwrap_err();
        assert_eq!(errors.iter().map(|(field, error)| (field, error.code())).next(), Some(("price", "not_money")));
    }
}
