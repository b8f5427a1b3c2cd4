//! Money: whole minor units of one currency, checked. No floats, no bare `i64` prices.

use std::fmt;

use serde::{Deserialize, Serialize};

/// ISO 4217 code; three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// An amount. In entries of the ledger it may be negative, everywhere else it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Sums of different currencies, or beyond what fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("amounts of different currencies cannot be added")]
    Mixed,
    #[error("amount out of range")]
    Overflow,
}

impl Currency {
    /// Indonesian rupiah.
    pub const IDR: Self = Self(*b"IDR");

    /// The currency of an ISO code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Self(bytes))
    }

    /// Its ISO code.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("IDR")
    }

    /// Digits behind the comma. Rupiah is counted whole (DESIGN 7).
    #[must_use]
    pub fn exponent(self) -> u32 {
        match &self.0 {
            b"IDR" | b"JPY" | b"KRW" | b"VND" | b"CLP" => 0,
            b"BHD" | b"KWD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }

    /// What stands before amounts: `Rp`.
    #[must_use]
    pub fn sign(&self) -> &str {
        match &self.0 {
            b"IDR" => "Rp",
            b"USD" => "$",
            b"EUR" => "€",
            b"MYR" => "RM",
            _ => self.code(),
        }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Money {
    /// An amount in minor units.
    #[must_use]
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Whole rupiah.
    #[must_use]
    pub fn idr(rupiah: i64) -> Self {
        Self::new(rupiah, Currency::IDR)
    }

    /// Minor units.
    #[must_use]
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// Its currency.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError`] on different currencies or overflow.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// The difference.
    ///
    /// # Errors
    /// [`MoneyError`] on different currencies or overflow.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    /// `count` times the amount.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn times(self, count: i64) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_mul(count).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// Digits as they are typed into a field: `165.000`, `12,50`.
    #[must_use]
    pub fn typed(self) -> String {
        self.to_string().replacen(self.currency.sign(), "", 1)
    }

    fn combine(self, other: Self, op: fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Mixed);
        }
        op(self.minor, other.minor).map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }
}

/// `Rp165.000`, `$12,50`: thousands by dots, as the field writes it.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10u64.pow(self.currency.exponent());
        let (whole, rest) = (self.minor.unsigned_abs() / unit, self.minor.unsigned_abs() % unit);
        let sign = if self.minor < 0 { "-" } else { "" };
        write!(f, "{sign}{}{}", self.currency.sign(), grouped(whole))?;
        if unit > 1 {
            let width = usize::try_from(self.currency.exponent()).unwrap_or(0);
            write!(f, ",{rest:0width$}")?;
        }
        Ok(())
    }
}

/// A number with dots between thousands.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text
}

#[derive(Serialize, Deserialize)]
struct Wire {
    amount: i64,
    currency: String,
}

/// The API's shape: `{"amount": 165000, "currency": "IDR"}`.
impl Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire { amount: self.minor, currency: self.currency.code().to_owned() }.serialize(serializer)
    }
}

/// Reads the API's shape, or a bare whole number: rupiah.
impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Full(Wire),
            Bare(i64),
        }
        match Either::deserialize(deserializer)? {
            Either::Bare(minor) => Ok(Self::idr(minor)),
            Either::Full(wire) => Currency::parse(&wire.currency)
                .map(|currency| Self::new(wire.amount, currency))
                .ok_or_else(|| serde::de::Error::custom("currency must be three capital letters, for example IDR")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rupiah_are_written_as_the_field_writes_them() {
        assert_eq!(Money::idr(165_000).to_string(), "Rp165.000");
        assert_eq!(Money::idr(0).to_string(), "Rp0");
        assert_eq!(Money::idr(-1_234_567).to_string(), "-Rp1.234.567");
        let usd = Money::new(1250, Currency::parse("USD").unwrap());
        assert_eq!((usd.to_string(), usd.typed()), ("$12,50".to_owned(), "12,50".to_owned()));
        assert_eq!(Money::idr(165_000).typed(), "165.000");
        assert_eq!(Money::idr(i64::MIN).to_string(), "-Rp9.223.372.036.854.775.808");
    }

    #[test]
    fn sums_are_checked() {
        let usd = Money::new(1, Currency::parse("USD").unwrap());
        assert_eq!(Money::idr(1).plus(usd), Err(MoneyError::Mixed));
        assert_eq!(Money::idr(i64::MAX).plus(Money::idr(1)), Err(MoneyError::Overflow));
        assert_eq!(Money::idr(3_000).times(120), Ok(Money::idr(360_000)));
    }

    #[test]
    fn money_in_the_api_has_amount_and_currency() {
        assert_eq!(serde_json::to_string(&Money::idr(5)).unwrap(), r#"{"amount":5,"currency":"IDR"}"#);
        assert_eq!(serde_json::from_str::<Money>("3000").unwrap(), Money::idr(3000));
        assert!(serde_json::from_str::<Money>("3000.5").is_err());
        assert!(serde_json::from_str::<Money>(r#"{"amount":5,"currency":"rupiah"}"#).is_err());
    }
}
