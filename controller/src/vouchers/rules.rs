//! Pure decisions about batches: what one may be, and how its codes are made.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    http::form::{Check, FieldError, FormErrors, MAX_NOTE},
    ids::{PackageId, RouterId, SellerId},
    money::{Currency, Money, MoneyError},
    packages,
};

/// Vouchers of one batch.
pub const MAX_COUNT: i64 = 5000;
/// Characters of the random part of a code.
pub const LENGTH: (i64, i64) = (4, 12);
/// Unless said otherwise.
pub const DEFAULT_LENGTH: i64 = 6;
/// Characters before the random part.
pub const MAX_PREFIX: usize = 8;
/// There are at least so many possible codes for each one made: nobody finds one by trying.
pub const CODES_PER_VOUCHER: u128 = 1000;
/// Digits of the password of a voucher whose password is not its code.
pub const PASSWORD_DIGITS: usize = 6;
/// Longest name of a hotspot server.
const MAX_SERVER: usize = 60;
/// Times that taken codes are made anew before giving up.
pub const MAX_ROUNDS: usize = 20;

/// The characters of a code. None of them leaves out more than what looks alike on paper: 0 O o, 1 I i L l.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Charset {
    UpperDigits,
    Digits,
    Upper,
    Lower,
    Mixed,
}

impl BatchForm {
    /// One voucher of a package, all as the package says: a sale over the counter.
    #[must_use]
    pub fn one(router_id: RouterId, package_id: PackageId) -> Self {
        Self {
            router_id,
            package_id,
            count: 1,
            prefix: None,
            length: None,
            charset: None,
            mode: None,
            mac_lock: None,
            server: None,
            note: None,
            online_secs: None,
            active_secs: None,
            limit_bytes: None,
            activate_before: None,
            price: None,
            cost: None,
            seller_id: None,
            // The price is the package's own; a loss was decided there.
            confirm_below_cost: true,
        }
    }
}

impl Charset {
    /// All, the usual one first.
    pub const ALL: [Self; 5] = [Self::UpperDigits, Self::Digits, Self::Upper, Self::Lower, Self::Mixed];

    /// As stored and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UpperDigits => "upper_digits",
            Self::Digits => "digits",
            Self::Upper => "upper",
            Self::Lower => "lower",
            Self::Mixed => "mixed",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// Its characters. Digits alone are not mistaken for letters, so there all ten stand.
    #[must_use]
    pub fn alphabet(self) -> &'static [u8] {
        match self {
            Self::UpperDigits => b"ABCDEFGHJKMNPQRSTUVWXYZ23456789",
            Self::Digits => b"0123456789",
            Self::Upper => b"ABCDEFGHJKMNPQRSTUVWXYZ",
            Self::Lower => b"abcdefghjkmnpqrstuvwxyz",
            Self::Mixed => b"ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789",
        }
    }

    /// How many codes of a length there are.
    #[must_use]
    pub fn space(self, length: u32) -> u128 {
        u128::try_from(self.alphabet().len()).unwrap_or(1).saturating_pow(length)
    }
}

/// How a guest signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The code is user and password.
    Same,
    /// The code is the user; the password is another number.
    Separate,
}

impl Mode {
    /// As stored and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Separate => "separate",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Same, Self::Separate].into_iter().find(|known| known.as_str() == text)
    }
}

/// A batch as it is asked for by the API; the page's form becomes the same.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = BatchForm)]
pub struct BatchForm {
    #[schema(value_type = i64)]
    pub router_id: RouterId,
    #[schema(value_type = i64)]
    pub package_id: PackageId,
    /// 1 to 5000.
    #[schema(example = 120)]
    pub count: i64,
    /// At most 8 of A–Z, a–z, 0–9 and `-`.
    #[serde(default)]
    #[schema(example = "KB")]
    pub prefix: Option<String>,
    /// Characters after the prefix, 4 to 12; 6 unless said.
    #[serde(default)]
    pub length: Option<i64>,
    /// `upper_digits` (unless said), `digits`, `upper`, `lower`, `mixed`.
    #[serde(default)]
    pub charset: Option<String>,
    /// `same`: the code is also the password; `separate`: the password is a number of its own.
    #[serde(default)]
    pub mode: Option<String>,
    /// Bound to the device of the first login; the package's unless said.
    #[serde(default)]
    pub mac_lock: Option<bool>,
    /// Hotspot server; empty = all of the router.
    #[serde(default)]
    pub server: Option<String>,
    #[serde(default)]
    pub note: Option<String>,
    /// Masa pakai: online time in all; the package's unless said, 0 = no limit.
    #[serde(default)]
    pub online_secs: Option<i64>,
    /// Masa aktif: from the first login; the package's unless said, 0 = no limit.
    #[serde(default)]
    pub active_secs: Option<i64>,
    /// Kuota: bytes in all; the package's unless said, 0 = no limit.
    #[serde(default)]
    pub limit_bytes: Option<i64>,
    /// Not to be activated after; the package's unless said.
    #[serde(default)]
    pub activate_before: Option<DateTime<Utc>>,
    /// The package's unless said.
    #[serde(default)]
    pub price: Option<Money>,
    /// The package's unless said.
    #[serde(default)]
    pub cost: Option<Money>,
    /// Who sells it on; price rules say what he pays.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub seller_id: Option<SellerId>,
    /// A batch that brings less than it costs is made only with this.
    #[serde(default)]
    pub confirm_below_cost: bool,
}

/// What the package says of a batch made of it.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    pub price: Money,
    pub cost: Money,
    pub online_secs: Option<i64>,
    pub active_secs: Option<i64>,
    pub limit_bytes: Option<i64>,
    pub activate_before: Option<DateTime<Utc>>,
    pub mac_lock: bool,
}

impl Terms {
    /// Terms of no package: for looking at the other fields of a form.
    #[must_use]
    pub fn none(currency: Currency) -> Self {
        let free = Money::new(0, currency);
        Self {
            price: free,
            cost: free,
            online_secs: None,
            active_secs: None,
            limit_bytes: None,
            activate_before: None,
            mac_lock: false,
        }
    }
}

/// How the codes of a batch look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    pub prefix: String,
    pub length: u32,
    pub charset: Charset,
}

/// A batch whose fields are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub count: usize,
    pub look: Look,
    pub mode: Mode,
    pub mac_lock: bool,
    pub server: String,
    pub note: String,
    pub price: Money,
    pub cost: Money,
    /// What the seller pays of the price.
    pub net_price: Money,
    pub seller: Option<SellerId>,
    pub online_secs: Option<i64>,
    pub active_secs: Option<i64>,
    pub limit_bytes: Option<i64>,
    pub activate_before: Option<DateTime<Utc>>,
}

impl Draft {
    /// The draft with what its seller pays.
    ///
    /// # Errors
    /// That is less than it costs, and nobody said that it shall be so.
    pub fn sold_for(self, net_price: Money, confirmed: bool) -> Result<Self, FormErrors> {
        if net_price.minor() < self.cost.minor() && !confirmed {
            return Err(FormErrors::of("confirm_below_cost", FieldError::new("below_cost")));
        }
        Ok(Self { net_price, ..self })
    }
}

impl Look {
    /// The look of a form's fields; what is wrong is noted.
    pub fn check(check: &mut Check, form: &BatchForm) -> Option<Self> {
        let (min, max) = LENGTH;
        let length = form.length.unwrap_or(DEFAULT_LENGTH);
        if !(min..=max).contains(&length) {
            check.refuse("length", FieldError::new("out_of_range").arg("min", min).arg("max", max));
        }
        let charset = check.choice("charset", form.charset.as_deref().unwrap_or("upper_digits"), Charset::parse);
        let prefix = form.prefix.clone().unwrap_or_default();
        if !prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            check.refuse("prefix", FieldError::new("prefix_characters"));
        }
        if prefix.chars().count() > MAX_PREFIX {
            let max = i64::try_from(MAX_PREFIX).unwrap_or(i64::MAX);
            check.refuse("prefix", FieldError::new("too_long").arg("max", max));
        }
        let length = u32::try_from(length).ok()?;
        if !check.is_clean() {
            return None;
        }
        Some(Self { prefix, length, charset: charset? })
    }

    /// The shortest length with enough codes for so many vouchers.
    #[must_use]
    pub fn least_length(&self, count: u128) -> i64 {
        let enough = |length: &i64| {
            self.charset.space(u32::try_from(*length).unwrap_or(0)) >= count.saturating_mul(CODES_PER_VOUCHER)
        };
        (LENGTH.0..=LENGTH.1).find(enough).unwrap_or(LENGTH.1)
    }
}

/// Checks every field of a batch against its package's terms.
///
/// # Errors
/// Every field that is not right.
pub fn check(form: &BatchForm, terms: &Terms, now: DateTime<Utc>) -> Result<Draft, FormErrors> {
    let mut check = Check::default();
    if !(1..=MAX_COUNT).contains(&form.count) {
        check.refuse("count", FieldError::new("out_of_range").arg("min", 1).arg("max", MAX_COUNT));
    }
    let mut looks = Check::default();
    let look = Look::check(&mut looks, form);
    for (field, error) in looks.into_errors().iter() {
        check.refuse(field, error.clone());
    }
    let count = u128::try_from(form.count).unwrap_or(0);
    if let Some(look) = look.as_ref().filter(|_| (1..=MAX_COUNT).contains(&form.count)) {
        let least = look.least_length(count);
        if i64::from(look.length) < least {
            check.refuse("length", FieldError::new("too_few_codes").arg("min", least));
        }
    }
    let mode = check.choice("mode", form.mode.as_deref().unwrap_or("same"), Mode::parse);
    let server = check.optional("server", form.server.as_deref().unwrap_or_default(), MAX_SERVER);
    let note = check.optional("note", form.note.as_deref().unwrap_or_default(), MAX_NOTE);
    let (price, cost) = (form.price.unwrap_or(terms.price), form.cost.unwrap_or(terms.cost));
    for (field, money) in [("price", price), ("cost", cost)] {
        packages::amount(&mut check, field, money);
        if money.currency() != terms.price.currency() {
            check.refuse(field, FieldError::new("currency"));
        }
    }
    for (field, secs) in [("online_secs", form.online_secs), ("active_secs", form.active_secs)] {
        packages::rules::span(&mut check, field, secs.filter(|secs| *secs != 0));
    }
    packages::rules::limit_bytes(&mut check, "limit_bytes", form.limit_bytes.filter(|bytes| *bytes != 0));
    let activate_before = form.activate_before.or(terms.activate_before);
    if activate_before.is_some_and(|before| before <= now) {
        check.refuse("activate_before", FieldError::new("in_the_past"));
    }
    let (true, Some(look), Some(mode), Some(server), Some(note)) = (check.is_clean(), look, mode, server, note) else {
        return Err(check.into_errors());
    };
    Ok(Draft {
        count: usize::try_from(form.count).unwrap_or(0),
        look,
        mode,
        mac_lock: form.mac_lock.unwrap_or(terms.mac_lock),
        server,
        note,
        price,
        cost,
        net_price: price,
        seller: form.seller_id,
        online_secs: chosen(form.online_secs, terms.online_secs),
        active_secs: chosen(form.active_secs, terms.active_secs),
        limit_bytes: chosen(form.limit_bytes, terms.limit_bytes),
        activate_before,
    })
}

/// A limit as the form says it, where 0 is none; else the package's.
fn chosen(said: Option<i64>, usual: Option<i64>) -> Option<i64> {
    said.or(usual).filter(|limit| *limit != 0)
}

/// A random text of an alphabet of at most 256 characters. `byte` gives random bytes; those that would favour the first
/// characters are thrown away.
pub fn random_text(alphabet: &[u8], length: usize, byte: &mut impl FnMut() -> u8) -> String {
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let drawn = usize::from(byte());
        if drawn < fair {
            text.push(char::from(alphabet[drawn % alphabet.len()]));
        }
    }
    text
}

/// A random code.
pub fn code(look: &Look, byte: &mut impl FnMut() -> u8) -> String {
    let random = random_text(look.charset.alphabet(), usize::try_from(look.length).unwrap_or(0), byte);
    format!("{}{random}", look.prefix)
}

/// The number of a batch: the `nth` of a local day, `VB-20261122-0001`.
#[must_use]
pub fn batch_number(day: chrono::NaiveDate, nth: u64) -> String {
    format!("{}{nth:04}", batch_day(day))
}

/// What the numbers of a day begin with.
#[must_use]
pub fn batch_day(day: chrono::NaiveDate) -> String {
    format!("VB-{}-", day.format("%Y%m%d"))
}

/// What a whole batch costs, brings and leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Totals {
    pub cost: Money,
    /// What is printed on the vouchers.
    pub price: Money,
    /// What the seller pays.
    pub net: Money,
    /// What is left of that.
    pub profit: Money,
}

/// The totals of so many vouchers.
///
/// # Errors
/// [`MoneyError`] on overflow or different currencies.
pub fn totals(count: i64, price: Money, net_price: Money, cost: Money) -> Result<Totals, MoneyError> {
    let (price, net, cost) = (price.times(count)?, net_price.times(count)?, cost.times(count)?);
    Ok(Totals { cost, price, net, profit: net.minus(cost)? })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn form() -> BatchForm {
        serde_json::from_value(serde_json::json!({ "router_id": 1, "package_id": 1, "count": 120 })).unwrap()
    }

    fn terms() -> Terms {
        Terms {
            price: Money::idr(3000),
            cost: Money::idr(2000),
            online_secs: Some(43_200),
            active_secs: Some(259_200),
            limit_bytes: Some(1 << 30),
            activate_before: None,
            mac_lock: true,
        }
    }

    fn refused(form: &BatchForm) -> Vec<(String, String)> {
        let errors = check(form, &terms(), DateTime::UNIX_EPOCH).unwrap_err();
        errors.iter().map(|(field, error)| (field.to_owned(), error.code().to_owned())).collect()
    }

    #[test]
    fn a_batch_takes_what_is_not_said_from_its_package() {
        let draft = check(&form(), &terms(), DateTime::UNIX_EPOCH).unwrap();
        assert_eq!((draft.count, draft.price, draft.cost), (120, Money::idr(3000), Money::idr(2000)));
        assert_eq!((draft.look.length, draft.look.charset, draft.mode), (6, Charset::UpperDigits, Mode::Same));
        assert_eq!((draft.online_secs, draft.active_secs), (Some(43_200), Some(259_200)));
        assert_eq!((draft.limit_bytes, draft.mac_lock, draft.net_price), (Some(1 << 30), true, Money::idr(3000)));
    }

    #[test]
    fn a_batch_may_have_limits_of_its_own_or_none() {
        let own = BatchForm {
            online_secs: Some(3600),
            active_secs: Some(0),
            limit_bytes: Some(0),
            mac_lock: Some(false),
            ..form()
        };
        let draft = check(&own, &terms(), DateTime::UNIX_EPOCH).unwrap();
        assert_eq!((draft.online_secs, draft.active_secs, draft.limit_bytes), (Some(3600), None, None));
        assert!(!draft.mac_lock);
    }

    #[test]
    fn a_loss_is_made_only_when_somebody_says_so() {
        let draft = check(&form(), &terms(), DateTime::UNIX_EPOCH).unwrap();
        let errors = draft.clone().sold_for(Money::idr(1999), false).unwrap_err();
        let found: Vec<_> = errors.iter().map(|(field, error)| (field, error.code())).collect();
        assert_eq!(found, [("confirm_below_cost", "below_cost")]);
        assert_eq!(draft.clone().sold_for(Money::idr(1999), true).unwrap().net_price, Money::idr(1999));
        assert_eq!(draft.sold_for(Money::idr(2000), false).unwrap().net_price, Money::idr(2000));
    }

    #[test]
    fn each_wrong_field_is_named_once() {
        let usd = Money::new(1, Currency::parse("USD").unwrap());
        for (form, field, code) in [
            (BatchForm { count: 0, ..form() }, "count", "out_of_range"),
            (BatchForm { count: -5, ..form() }, "count", "out_of_range"),
            (BatchForm { count: 5001, ..form() }, "count", "out_of_range"),
            (BatchForm { count: 10_001, ..form() }, "count", "out_of_range"),
            (BatchForm { prefix: Some("K B".into()), ..form() }, "prefix", "prefix_characters"),
            (BatchForm { prefix: Some(" KB".into()), ..form() }, "prefix", "prefix_characters"),
            (BatchForm { prefix: Some("KÉ".into()), ..form() }, "prefix", "prefix_characters"),
            (BatchForm { prefix: Some("ABCDEFGHI".into()), ..form() }, "prefix", "too_long"),
            (BatchForm { length: Some(3), ..form() }, "length", "out_of_range"),
            (BatchForm { length: Some(13), ..form() }, "length", "out_of_range"),
            (BatchForm { length: Some(4), charset: Some("digits".into()), ..form() }, "length", "too_few_codes"),
            (BatchForm { charset: Some("runes".into()), ..form() }, "charset", "not_offered"),
            (BatchForm { mode: Some("none".into()), ..form() }, "mode", "not_offered"),
            (BatchForm { price: Some(Money::idr(-1)), ..form() }, "price", "out_of_range"),
            (BatchForm { price: Some(usd), ..form() }, "price", "currency"),
            (BatchForm { note: Some("x".repeat(501)), ..form() }, "note", "too_long"),
            (BatchForm { online_secs: Some(-1), ..form() }, "online_secs", "out_of_range"),
            (BatchForm { active_secs: Some(i64::MAX), ..form() }, "active_secs", "out_of_range"),
            (BatchForm { limit_bytes: Some(-1), ..form() }, "limit_bytes", "out_of_range"),
            (BatchForm { activate_before: Some(DateTime::UNIX_EPOCH), ..form() }, "activate_before", "in_the_past"),
        ] {
            assert_eq!(refused(&form), [(field.to_owned(), code.to_owned())]);
        }
    }

    #[test]
    fn several_wrong_fields_are_told_together() {
        let bad = BatchForm { count: 0, prefix: Some("a b".into()), price: Some(Money::idr(-1)), ..form() };
        assert_eq!(refused(&bad).len(), 3);
    }

    #[test]
    fn too_few_codes_come_with_the_length_that_would_do() {
        let look = |charset, length| Look { prefix: String::new(), length, charset };
        assert_eq!(look(Charset::Digits, 4).least_length(10), 4);
        assert_eq!(look(Charset::Digits, 4).least_length(11), 5);
        assert_eq!(look(Charset::UpperDigits, 6).least_length(5000), 5);
    }

    #[test]
    fn no_alphabet_has_letters_that_look_alike() {
        for charset in [Charset::UpperDigits, Charset::Upper, Charset::Lower, Charset::Mixed] {
            let alphabet = charset.alphabet();
            assert!(!alphabet.iter().any(|byte| b"0O1IL oil".contains(byte)), "{charset:?}");
            assert_eq!(alphabet.iter().collect::<BTreeSet<_>>().len(), alphabet.len(), "{charset:?}");
        }
    }

    #[test]
    fn every_character_is_equally_likely() {
        for charset in Charset::ALL {
            let mut next = 0u8;
            let mut bytes = || {
                next = next.wrapping_add(1);
                next
            };
            let fair = 256 - 256 % charset.alphabet().len();
            let text = random_text(charset.alphabet(), fair, &mut bytes);
            let times = |byte: &u8| text.bytes().filter(|drawn| drawn == byte).count();
            let counts: BTreeSet<usize> = charset.alphabet().iter().map(times).collect();
            assert_eq!(counts.len(), 1, "{charset:?}");
        }
    }

    proptest! {
        #[test]
        fn codes_are_of_their_alphabet(seed in proptest::collection::vec(0u8..200, 64), at in 0usize..5, length in 4u32..=12) {
            let look = Look { prefix: "KB-".to_owned(), length, charset: Charset::ALL[at] };
            let mut bytes = seed.iter().copied().cycle();
            let code = code(&look, &mut || bytes.next().unwrap());
            let random = code.strip_prefix("KB-").unwrap();
            prop_assert_eq!(random.len(), usize::try_from(length).unwrap());
            prop_assert!(random.bytes().all(|byte| look.charset.alphabet().contains(&byte)));
        }
    }

    #[test]
    fn numbers_count_the_batches_of_a_local_day() {
        let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
        assert_eq!(batch_number(day, 1), "VB-20261122-0001");
        assert_eq!(batch_number(day, 12_345), "VB-20261122-12345");
    }

    #[test]
    fn totals_are_those_of_the_form() {
        let (price, cost) = (Money::idr(3000), Money::idr(2000));
        let all = totals(120, price, price, cost).unwrap();
        let (modal, jual, laba) = (Money::idr(240_000), Money::idr(360_000), Money::idr(120_000));
        assert_eq!(all, Totals { cost: modal, price: jual, net: jual, profit: laba });
        let through_a_seller = totals(120, price, Money::idr(2500), cost).unwrap();
        assert_eq!((through_a_seller.price, through_a_seller.profit), (jual, Money::idr(60_000)));
        assert!(totals(i64::MAX, Money::idr(2), price, cost).is_err());
    }
}
