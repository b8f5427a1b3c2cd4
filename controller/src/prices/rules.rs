//! Which rule decides what a seller pays of a price, and how much that is. Pure.
//!
//! Only what is sold through a seller has another net price than its price: without one nobody stands between.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    http::form::{Check, FieldError, FormErrors},
    ids::{PackageId, RuleId},
    money::{Currency, Money},
    packages::amount,
    sellers,
};

/// The whole of a price, in basis points.
pub const WHOLE_BP: i64 = 10_000;
/// Largest tier: no batch has more vouchers.
pub const MAX_MIN_COUNT: i64 = 5_000;

/// What a rule makes of a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// The seller pays this for each voucher, whatever its price.
    Fixed {
        /// Never more than the price itself.
        net_price: Money,
    },
    /// The seller pays so much less.
    Percent {
        /// Basis points off: 1000 = 10 %.
        off_bp: i64,
    },
}

/// A price rule as pages and API show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    pub id: RuleId,
    /// `None` = of every package.
    pub package_id: Option<PackageId>,
    /// Empty = of every seller.
    pub level: String,
    /// From so many vouchers of one batch on.
    pub min_count: i32,
    #[serde(flatten)]
    pub effect: Effect,
    pub active: bool,
}

/// What is sold: of which package, through a seller of which level, how many at once.
#[derive(Debug, Clone, Copy)]
pub struct Deal<'a> {
    pub package: PackageId,
    pub level: &'a str,
    pub count: i64,
}

impl Rule {
    fn holds(&self, deal: &Deal<'_>, price: Money) -> bool {
        let currency = match self.effect {
            Effect::Fixed { net_price } => net_price.currency() == price.currency(),
            Effect::Percent { .. } => true,
        };
        self.active
            && currency
            && self.package_id.is_none_or(|package| package == deal.package)
            && (self.level.is_empty() || same_level(&self.level, deal.level))
            && i64::from(self.min_count) <= deal.count
    }

    /// The one that counts has the largest: of a package before of all, of a level before of all, then the higher tier,
    /// then the newer.
    fn rank(&self) -> (bool, bool, i32, RuleId) {
        (self.package_id.is_some(), !self.level.is_empty(), self.min_count, self.id)
    }
}

/// Levels are typed by people.
fn same_level(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// The rule that decides a deal, when one does: the most specific, then the highest tier.
#[must_use]
pub fn deciding<'a>(rules: &'a [Rule], deal: &Deal<'_>, price: Money) -> Option<&'a Rule> {
    rules.iter().filter(|rule| rule.holds(deal, price)).max_by_key(|rule| rule.rank())
}

/// What a seller pays for each voucher: the price itself where no rule holds; never more than it, never negative.
#[must_use]
pub fn net_price(rules: &[Rule], deal: &Deal<'_>, price: Money) -> Money {
    match deciding(rules, deal, price).map(|rule| rule.effect) {
        None => price,
        Some(Effect::Fixed { net_price }) => {
            Money::new(net_price.minor().clamp(0, price.minor().max(0)), price.currency())
        }
        Some(Effect::Percent { off_bp }) => less(price, off_bp),
    }
}

/// A price less basis points, in whole minor units: what remains is rounded half up, so half a rupiah stays with the
/// operator.
#[must_use]
pub fn less(price: Money, off_bp: i64) -> Money {
    let remaining = i128::from(WHOLE_BP - off_bp.clamp(0, WHOLE_BP));
    let exact = i128::from(price.minor().max(0)) * remaining;
    let whole = i128::from(WHOLE_BP);
    let rounded = (exact + whole / 2) / whole;
    Money::new(i64::try_from(rounded).unwrap_or(i64::MAX), price.currency())
}

/// A rule as the API takes it; the page's form becomes the same.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = PriceRuleForm)]
pub struct RuleForm {
    /// Of every package unless said.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub package_id: Option<PackageId>,
    /// Of every seller unless said.
    #[serde(default)]
    #[schema(example = "Silver")]
    pub level: String,
    /// From so many vouchers of one batch on; 1 unless said.
    #[serde(default)]
    pub min_count: Option<i64>,
    #[serde(flatten)]
    pub effect: Effect,
    /// Unless said, it is.
    #[serde(default = "yes")]
    pub active: bool,
}

fn yes() -> bool {
    true
}

/// A rule whose fields are right. Whether its package is there is for the operation to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub package: Option<PackageId>,
    pub level: String,
    pub min_count: i32,
    pub effect: Effect,
    pub active: bool,
}

/// The rule in use that says the same place in the order of rules as a draft would: of the two one would never count.
/// A rule that is changed is no twin of itself.
#[must_use]
pub fn twin<'a>(rules: &'a [Rule], draft: &Draft, own: Option<RuleId>) -> Option<&'a Rule> {
    let same = |rule: &&Rule| {
        rule.active
            && rule.package_id == draft.package
            && rule.min_count == draft.min_count
            && same_level(&rule.level, &draft.level)
            && Some(rule.id) != own
    };
    rules.iter().find(same).filter(|_| draft.active)
}

/// Checks every field. `currency` is that of the package, or of the settings for rules of all.
///
/// # Errors
/// Every field that is not right.
pub fn check(form: &RuleForm, currency: Currency) -> Result<Draft, FormErrors> {
    let mut check = Check::default();
    let level = sellers::rules::level(&mut check, &form.level);
    let min_count = form.min_count.unwrap_or(1);
    if !(1..=MAX_MIN_COUNT).contains(&min_count) {
        check.refuse("min_count", FieldError::new("out_of_range").arg("min", 1).arg("max", MAX_MIN_COUNT));
    }
    match form.effect {
        Effect::Fixed { net_price } => {
            amount(&mut check, "net_price", net_price);
            if net_price.currency() != currency {
                let code = currency.code().to_owned();
                check.refuse("net_price", FieldError::new("not_our_currency").arg("currency", code));
            }
        }
        Effect::Percent { off_bp } => {
            if !(1..=WHOLE_BP).contains(&off_bp) {
                check.refuse("off_bp", FieldError::new("percent"));
            }
        }
    }
    let (true, Some(level)) = (check.is_clean(), level) else { return Err(check.into_errors()) };
    let min_count = i32::try_from(min_count).unwrap_or(1);
    Ok(Draft { package: form.package_id, level, min_count, effect: form.effect, active: form.active })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PRICE: i64 = 3000;

    fn percent(id: i64, package: Option<i64>, level: &str, min_count: i32, off_bp: i64) -> Rule {
        let package_id = package.map(PackageId);
        let effect = Effect::Percent { off_bp };
        Rule { id: RuleId(id), package_id, level: level.to_owned(), min_count, effect, active: true }
    }

    fn fixed(id: i64, package: Option<i64>, level: &str, min_count: i32, net: i64) -> Rule {
        Rule { effect: Effect::Fixed { net_price: Money::idr(net) }, ..percent(id, package, level, min_count, 0) }
    }

    fn paid(rules: &[Rule], level: &str, count: i64) -> i64 {
        net_price(rules, &Deal { package: PackageId(1), level, count }, Money::idr(PRICE)).minor()
    }

    #[test]
    fn without_a_rule_the_seller_pays_the_price() {
        assert_eq!(paid(&[], "Silver", 100), PRICE);
        assert_eq!(paid(&[percent(1, Some(2), "", 1, 1000)], "", 100), PRICE);
        assert_eq!(paid(&[percent(1, None, "Gold", 1, 1000)], "Silver", 100), PRICE);
        assert_eq!(paid(&[percent(1, None, "", 50, 1000)], "", 49), PRICE);
        assert_eq!(paid(&[Rule { active: false, ..percent(1, None, "", 1, 1000) }], "", 1), PRICE);
    }

    #[test]
    fn the_most_specific_rule_counts_and_then_the_highest_tier() {
        let rules = [
            percent(1, None, "", 1, 500),
            percent(2, None, "", 100, 1000),
            percent(3, None, "silver", 1, 1500),
            percent(4, Some(1), "", 1, 2000),
            fixed(5, Some(1), "Silver", 1, 2200),
            fixed(6, Some(1), "Silver", 500, 2000),
        ];
        for (upto, level, count, net) in [
            (1, "", 1, 2850),
            (2, "", 99, 2850),
            (2, "", 100, 2700),
            // A level goes before a tier of everybody.
            (3, " SILVER ", 100, 2550),
            (3, "Gold", 100, 2700),
            // A package goes before a level.
            (4, "Silver", 1, 2400),
            (5, "Silver", 1, 2200),
            (6, "Silver", 499, 2200),
            (6, "Silver", 500, 2000),
            (6, "Gold", 500, 2400),
        ] {
            assert_eq!(paid(&rules[..upto], level, count), net, "{upto} rules, {level}, {count}");
        }
    }

    #[test]
    fn a_second_rule_of_the_same_place_is_a_twin() {
        let rules = [percent(1, Some(1), "Silver", 10, 500), Rule { active: false, ..percent(2, None, "", 1, 500) }];
        let draft = |package: Option<i64>, level: &str, min_count| Draft {
            package: package.map(PackageId),
            level: level.to_owned(),
            min_count,
            effect: Effect::Percent { off_bp: 700 },
            active: true,
        };
        let id = |draft: &Draft, own: Option<i64>| twin(&rules, draft, own.map(RuleId)).map(|rule| rule.id.0);
        assert_eq!(id(&draft(Some(1), " silver ", 10), None), Some(1));
        assert_eq!(id(&draft(Some(1), "silver", 10), Some(1)), None, "itself");
        for other in [draft(None, "Silver", 10), draft(Some(1), "Gold", 10), draft(Some(1), "Silver", 11)] {
            assert_eq!(id(&other, None), None, "{other:?}");
        }
        assert_eq!(id(&draft(None, "", 1), None), None, "one that is not used");
        assert_eq!(id(&Draft { active: false, ..draft(Some(1), "Silver", 10) }, None), None);
    }

    #[test]
    fn of_equal_rules_the_newer_counts() {
        assert_eq!(paid(&[fixed(1, None, "", 1, 2800), fixed(2, None, "", 1, 2700)], "", 1), 2700);
    }

    #[test]
    fn a_fixed_price_is_never_above_the_price_nor_of_another_currency() {
        assert_eq!(paid(&[fixed(1, None, "", 1, 5000)], "", 1), PRICE);
        let usd = Money::new(1, Currency::parse("USD").unwrap());
        let foreign = Rule { effect: Effect::Fixed { net_price: usd }, ..fixed(2, None, "", 1, 0) };
        assert_eq!(paid(&[fixed(1, None, "", 1, 2500), foreign], "", 1), 2500);
    }

    #[test]
    fn what_remains_is_rounded_half_up() {
        // 12,5 % of 2.500 is 312,5: what remains is 2.187,5.
        for (price, off_bp, net) in
            [(2500, 1250, 2188), (2500, 1251, 2187), (1, 5000, 1), (1, 5001, 0), (3, 5000, 2), (0, 5000, 0)]
        {
            assert_eq!(less(Money::idr(price), off_bp), Money::idr(net), "{price} less {off_bp}");
        }
        assert_eq!(less(Money::idr(PRICE), WHOLE_BP), Money::idr(0));
    }

    #[test]
    fn each_wrong_field_is_named() {
        let form = |effect| RuleForm { package_id: None, level: String::new(), min_count: None, effect, active: true };
        let percent = |off_bp| form(Effect::Percent { off_bp });
        let usd = Money::new(1, Currency::parse("USD").unwrap());
        for (form, field, code) in [
            (percent(0), "off_bp", "percent"),
            (percent(10_001), "off_bp", "percent"),
            (form(Effect::Fixed { net_price: Money::idr(-1) }), "net_price", "out_of_range"),
            (form(Effect::Fixed { net_price: usd }), "net_price", "not_our_currency"),
            (RuleForm { min_count: Some(0), ..percent(1) }, "min_count", "out_of_range"),
            (RuleForm { min_count: Some(5001), ..percent(1) }, "min_count", "out_of_range"),
            (RuleForm { level: "x".repeat(31), ..percent(1) }, "level", "too_long"),
        ] {
            let errors = check(&form, Currency::IDR).unwrap_err();
            let found: Vec<_> = errors.iter().map(|(field, error)| (field, error.code())).collect();
            assert_eq!(found, [(field, code)]);
        }
        assert_eq!(check(&percent(10_000), Currency::IDR).unwrap().min_count, 1);
    }

    #[test]
    fn a_rule_of_the_api_says_its_kind() {
        let form = |json| serde_json::from_value::<RuleForm>(json).unwrap().effect;
        let percent = form(serde_json::json!({ "kind": "percent", "off_bp": 1000 }));
        assert_eq!(percent, Effect::Percent { off_bp: 1000 });
        let fixed = form(serde_json::json!({ "kind": "fixed", "net_price": 2500, "level": "Silver" }));
        assert_eq!(fixed, Effect::Fixed { net_price: Money::idr(2500) });
    }

    fn rule() -> impl Strategy<Value = Rule> {
        let effect = prop_oneof![
            (-100i64..20_000).prop_map(|off_bp| Effect::Percent { off_bp }),
            (-100i64..2_000_000_000).prop_map(|net| Effect::Fixed { net_price: Money::idr(net) }),
        ];
        let level = prop_oneof![Just(""), Just("Silver"), Just("Gold")];
        (0i64..50, proptest::option::of(0i64..3), level, 1i32..200, effect, any::<bool>()).prop_map(
            |(id, package, level, min_count, effect, active)| Rule {
                id: RuleId(id),
                package_id: package.map(PackageId),
                level: level.to_owned(),
                min_count,
                effect,
                active,
            },
        )
    }

    proptest! {
        #[test]
        fn a_net_price_is_never_above_the_price_nor_negative(
            rules in proptest::collection::vec(rule(), 0..12),
            price in 0i64..=1_000_000_000,
            count in 1i64..5000,
        ) {
            let deal = Deal { package: PackageId(1), level: "silver", count };
            let net = net_price(&rules, &deal, Money::idr(price));
            prop_assert!((0..=price).contains(&net.minor()), "{net:?} of {price}");
            prop_assert_eq!(net.currency(), Currency::IDR);
            // The order in which rules are read does not matter.
            let turned: Vec<Rule> = rules.iter().rev().cloned().collect();
            let ids: std::collections::BTreeSet<_> = rules.iter().map(|rule| rule.id).collect();
            if ids.len() == rules.len() {
                prop_assert_eq!(net_price(&turned, &deal, Money::idr(price)), net);
            }
        }

        #[test]
        fn a_larger_discount_never_costs_more(price in 0i64..=1_000_000_000, less_bp in 0i64..10_000) {
            let price = Money::idr(price);
            prop_assert!(less(price, less_bp + 1).minor() <= less(price, less_bp).minor());
        }
    }
}
