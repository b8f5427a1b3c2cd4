//! Phone numbers: however people write them, kept as E.164 (`+6281234567890`), shown as people write them.
//!
//! The rules of every country come from `phonenumber`; what it gets wrong is put right before (facts/whatsapp.md 5.5).

use std::fmt;

use phonenumber::country;
use serde::{Deserialize, Serialize};

/// Longest text that is looked at.
pub const MAX_TYPED: usize = 40;
/// Fewest digits that can be a whole number.
const MIN_DIGITS: usize = 7;
/// Digits of Indonesian area codes that have only two of them.
const SHORT_AREAS: [&str; 5] = ["21", "22", "24", "31", "61"];

/// A number in E.164, with its plus.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(String);

/// Why a text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPhone {
    /// No such number anywhere.
    #[error("not a phone number")]
    Invalid,
    /// Two numbers in one field.
    #[error("more than one phone number")]
    Several,
    /// Perhaps a foreign number without its plus.
    #[error("not a number of this country; foreign numbers begin with +")]
    NeedsPlus,
}

impl BadPhone {
    /// Its stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Invalid => "bad_phone",
            Self::Several => "several_phones",
            Self::NeedsPlus => "phone_needs_plus",
        }
    }
}

impl Phone {
    /// The number of a text: `0812-3456-7890`, `+62 812…`, `62812…`, `00 62…`, `6281…@s.whatsapp.net`, `812…`.
    ///
    /// # Errors
    /// [`BadPhone`].
    pub fn parse(typed: &str) -> Result<Self, BadPhone> {
        if typed.chars().count() > MAX_TYPED * 2 {
            return Err(BadPhone::Invalid);
        }
        let cleaned = cleaned(typed)?;
        let digits = cleaned.bytes().filter(u8::is_ascii_digit).count();
        if digits < MIN_DIGITS {
            return Err(BadPhone::Invalid);
        }
        let number = phonenumber::parse(Some(country::Id::ID), &cleaned).map_err(|_unreadable| BadPhone::Invalid)?;
        if !number.is_valid() {
            let domestic = cleaned.starts_with(['+', '0', '8']) || cleaned.starts_with("62");
            return Err(if domestic { BadPhone::Invalid } else { BadPhone::NeedsPlus });
        }
        Ok(Self(number.format().mode(phonenumber::Mode::E164).to_string()))
    }

    /// A number as it was stored.
    #[must_use]
    pub fn stored(e164: String) -> Self {
        Self(e164)
    }

    /// With its plus, as stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without its plus, as WhatsApp takes it.
    #[must_use]
    pub fn digits(&self) -> &str {
        self.0.trim_start_matches('+')
    }

    /// Can it have WhatsApp? Landlines of Indonesia seldom do; of other countries it is not known.
    #[must_use]
    pub fn is_mobile(&self) -> bool {
        self.0.strip_prefix("+62").is_none_or(|national| national.starts_with('8'))
    }

    /// As people write it: `0812-3456-7890`, `021-555-0123`, `+60 123456789`.
    #[must_use]
    pub fn shown(&self) -> String {
        let Some(national) = self.0.strip_prefix("+62") else { return self.0.clone() };
        let area =
            if national.starts_with('8') || SHORT_AREAS.iter().all(|area| !national.starts_with(area)) { 3 } else { 2 };
        let Some((area, rest)) = national.split_at_checked(area) else { return self.0.clone() };
        let step = if national.starts_with('8') { 4 } else { 3 };
        match rest.split_at_checked(step) {
            Some((middle, last)) if !last.is_empty() => format!("0{area}-{middle}-{last}"),
            _ => format!("0{area}-{rest}"),
        }
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Digits and a leading plus; what the library misreads is put right.
fn cleaned(typed: &str) -> Result<String, BadPhone> {
    let typed = typed.trim().trim_start_matches('\'');
    let typed = typed.split('@').next().unwrap_or_default();
    let typed = typed.strip_prefix("tel:").or_else(|| typed.strip_prefix("wa.me/")).unwrap_or(typed);
    if typed.contains(['/', ';', ',', '|', '\n']) {
        return Err(BadPhone::Several);
    }
    let mut text = String::with_capacity(typed.len());
    for char in typed.chars() {
        match char {
            '0'..='9' => text.push(char),
            // Full-width digits of a keyboard that is set so.
            '\u{ff10}'..='\u{ff19}' => {
                text.push(char::from_digit(u32::from(char) - 0xff10, 10).unwrap_or('0'));
            }
            '+' | '＋' if text.is_empty() => text.push('+'),
            ' ' | '\u{a0}' | '-' | '‐' | '‑' | '–' | '−' | '.' | '(' | ')' | '\u{200e}' | '\u{202a}' | '\u{202c}' =>
                {}
            _ => return Err(BadPhone::Invalid),
        }
    }
    if let Some(rest) = text.strip_prefix("00") {
        text = format!("+{rest}");
    }
    // `62 0812…` and `+62 (0)812…`: the zero belongs to the form without the country.
    for country in ["+620", "620"] {
        if let Some(rest) = text.strip_prefix(country) {
            text = format!("+62{rest}");
        }
    }
    Ok(text)
}

/// The ways a part of a number may begin in E.164, for searches: `0812` is `+62812`. Nothing when it has other characters.
#[must_use]
pub fn beginning(typed: &str) -> Option<String> {
    let text = cleaned(typed).ok()?;
    if let Some(rest) = text.strip_prefix('+') {
        return Some(format!("+{rest}"));
    }
    if let Some(rest) = text.strip_prefix('0') {
        return Some(format!("+62{rest}"));
    }
    if text.starts_with("62") { Some(format!("+{text}")) } else { Some(format!("+62{text}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_number_is_the_same_number() {
        for typed in [
            "081234567890",
            "0812-3456-7890",
            "+62 812 3456 7890",
            "6281234567890",
            "62 0812 3456 7890",
            "8123456 7890",
            "006281234567890",
            "6281234567890@s.whatsapp.net",
            "+62 (0)812-3456-7890",
            "'081234567890",
            "０８１２３４５６７８９０",
            "\u{202a}+62 812‑3456‑7890\u{202c}",
            "wa.me/6281234567890",
            "0812.3456.7890",
        ] {
            assert_eq!(Phone::parse(typed), Ok(Phone("+6281234567890".to_owned())), "{typed}");
        }
    }

    #[test]
    fn what_is_no_number_is_told_why() {
        for (typed, why) in [
            ("", BadPhone::Invalid),
            ("0812", BadPhone::Invalid),
            ("Budi", BadPhone::Invalid),
            ("0812x3456", BadPhone::Invalid),
            ("+62", BadPhone::Invalid),
            ("+99912345678", BadPhone::Invalid),
            ("08123456789012345678901234567890", BadPhone::Invalid),
            ("081234567890 / 081234567891", BadPhone::Several),
            ("081234567890, 081234567891", BadPhone::Several),
            ("60123456789", BadPhone::NeedsPlus),
            ("<script>", BadPhone::Invalid),
        ] {
            assert_eq!(Phone::parse(typed), Err(why), "{typed}");
        }
    }

    #[test]
    fn numbers_are_shown_as_people_write_them() {
        for (typed, shown) in [
            ("+6281234567890", "0812-3456-7890"),
            ("+62812345678", "0812-3456-78"),
            ("+62215550123", "021-555-0123"),
            ("+60123456789", "+60123456789"),
        ] {
            assert_eq!(Phone(typed.to_owned()).shown(), shown);
        }
        assert_eq!(Phone::parse("+60 12-345 6789").unwrap().as_str(), "+60123456789");
        assert_eq!(Phone::parse("021 5550123").unwrap().digits(), "62215550123");
    }

    #[test]
    fn beginnings_are_those_of_the_stored_number() {
        for (typed, begins) in [("0812-34", "+6281234"), ("62812", "+62812"), ("812", "+62812"), ("+6012", "+6012")] {
            assert_eq!(beginning(typed).as_deref(), Some(begins));
        }
        assert_eq!(beginning("budi"), None);
    }
}
