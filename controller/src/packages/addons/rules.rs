//! Pure decisions about add-ons: what each field may be.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::rules::{MAX_NAME, amount, one_line};
use crate::{
    http::form::{Check, FieldError, FormErrors},
    money::Money,
};

/// When an add-on is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AddonKind {
    /// Once.
    OneOff,
    /// With every period, for its share of a month.
    Monthly,
}

impl AddonKind {
    /// Both, the usual one first.
    pub const ALL: [Self; 2] = [Self::Monthly, Self::OneOff];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OneOff => "one_off",
            Self::Monthly => "monthly",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// What an add-on shall be, as the API takes it; the page's form becomes the same.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = AddonForm)]
pub struct AddonForm {
    #[schema(example = "IP statis")]
    pub name: String,
    /// `monthly` or `one_off`.
    #[schema(example = "monthly")]
    pub kind: String,
    /// Of one, in the currency of the settings. A bare whole number is rupiah.
    pub price: Money,
    /// What it costs the operator; 0 unless said.
    #[serde(default)]
    pub cost: Option<Money>,
    /// Whether PPN is reckoned.
    #[serde(default)]
    pub is_taxed: bool,
}

/// An add-on whose fields are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub name: String,
    pub kind: AddonKind,
    pub price: Money,
    pub cost: Money,
    pub is_taxed: bool,
}

/// Checks every field.
///
/// # Errors
/// Every field that is not right.
pub fn check(form: &AddonForm) -> Result<Draft, FormErrors> {
    let mut check = Check::default();
    let name = one_line(&mut check, "name", &form.name, MAX_NAME);
    let kind = check.choice("kind", &form.kind, AddonKind::parse);
    let cost = form.cost.unwrap_or_else(|| Money::new(0, form.price.currency()));
    amount(&mut check, "price", form.price);
    amount(&mut check, "cost", cost);
    if cost.currency() != form.price.currency() {
        check.refuse("cost", FieldError::new("currency"));
    }
    match (name, kind) {
        (Some(name), Some(kind)) if check.is_clean() => {
            Ok(Draft { name, kind, price: form.price, cost, is_taxed: form.is_taxed })
        }
        _ => Err(check.into_errors()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> AddonForm {
        serde_json::from_value(serde_json::json!({ "name": " IP statis ", "kind": "monthly", "price": 50_000 }))
            .unwrap()
    }

    #[test]
    fn an_addon_has_a_name_a_kind_and_a_price() {
        let draft = check(&form()).unwrap();
        assert_eq!((&*draft.name, draft.kind, draft.cost), ("IP statis", AddonKind::Monthly, Money::idr(0)));
        let usd = Money::new(1, crate::money::Currency::parse("USD").unwrap());
        for (form, field, code) in [
            (AddonForm { name: " ".into(), ..form() }, "name", "required"),
            (AddonForm { kind: "weekly".into(), ..form() }, "kind", "not_offered"),
            (AddonForm { price: Money::idr(-1), ..form() }, "price", "out_of_range"),
            (AddonForm { cost: Some(usd), ..form() }, "cost", "currency"),
        ] {
            let errors = check(&form).unwrap_err();
            let found: Vec<_> = errors.iter().map(|(field, error)| (field, error.code())).collect();
            assert_eq!(found, [(field, code)]);
        }
    }
}
