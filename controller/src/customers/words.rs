//! What a customer is found by, and what a search means. Pure.
//!
//! Everything searchable is a word in one table, looked up by its beginning: names, addresses, numbers, the old number,
//! telephone numbers forwards (`+62812…`) and backwards (`~0987…`, for those who remember the last digits).

use std::collections::BTreeSet;

use super::rules::Draft;
use crate::phone::{self, Phone};

/// Longest word, characters; longer ones are cut, here and in searches.
const MAX_WORD: usize = 32;
/// Words of one text.
const MAX_WORDS: usize = 24;
/// Words of a search that count.
const MAX_NEEDS: usize = 6;
/// Fewest digits that are taken for a part of a telephone number.
const MIN_DIGITS: usize = 4;
/// Digits of a customer's number.
const NUMBER_DIGITS: usize = 6;
/// Above every character a word may have.
const ABOVE: char = '\u{10ffff}';
/// Before telephone numbers written backwards.
const BACKWARDS: char = '~';

/// The number of a customer: `C000123`.
#[must_use]
pub fn number(nth: i64) -> String {
    format!("C{nth:0NUMBER_DIGITS$}")
}

/// One way a word may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spelling {
    Is(String),
    Begins(String),
}

impl Spelling {
    /// The words from here (inclusive) to there (exclusive); nothing for one that is exact.
    pub(super) fn range(begin: &str) -> (String, String) {
        (begin.to_owned(), format!("{begin}{ABOVE}"))
    }
}

/// A word that a customer must have, in any of its spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need(pub(super) Vec<Spelling>);

/// Small letters, cut where neither letter nor digit stands.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|char: char| !char.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase().chars().take(MAX_WORD).collect())
}

/// The words of a customer's own fields.
pub(super) fn of(number: &str, texts: [&str; 3], phones: &[&Phone]) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = texts.iter().flat_map(|text| words(text).take(MAX_WORDS)).collect();
    found.insert(number.to_lowercase());
    for phone in phones {
        found.insert(phone.as_str().to_owned());
        found.insert(backwards(phone.digits()));
    }
    found
}

/// The words of a draft's fields.
pub(super) fn of_draft(number: &str, draft: &Draft) -> BTreeSet<String> {
    let phones: Vec<&Phone> = draft.phones.iter().map(|phone| &phone.number).collect();
    of(number, [&draft.name, &draft.address, &draft.reference], &phones)
}

/// Words of other features: each text whole, and cut.
pub(super) fn of_texts(texts: &[&str]) -> BTreeSet<String> {
    let whole = |text: &&str| text.trim().to_lowercase().chars().take(MAX_WORD).collect::<String>();
    let cut = texts.iter().flat_map(|text| words(text).take(MAX_WORDS));
    texts.iter().map(whole).chain(cut).filter(|word| !word.is_empty()).collect()
}

fn backwards(digits: &str) -> String {
    std::iter::once(BACKWARDS).chain(digits.chars().rev()).collect()
}

/// What a search asks for; empty when it asks for nothing.
pub(super) fn needs(q: &str) -> Vec<Need> {
    let digits: String = q.chars().filter(char::is_ascii_digit).collect();
    let only_phone = !q.is_empty() && q.chars().all(|char| char.is_ascii_digit() || " +-.()'".contains(char));
    if only_phone && digits.len() >= MIN_DIGITS {
        return vec![Need(figures(q, &digits))];
    }
    let found: BTreeSet<String> = words(q).collect();
    found.into_iter().take(MAX_NEEDS).map(need).collect()
}

fn need(word: String) -> Need {
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Need(figures(&word, &word));
    }
    let nth = word.strip_prefix('c').filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    let padded = nth.and_then(|nth| nth.parse().ok()).map(|nth| Spelling::Is(number(nth).to_lowercase()));
    Need(std::iter::once(Spelling::Begins(word)).chain(padded).collect())
}

/// Digits are a house number, an old number, the customer's own number, the beginning or the end of a telephone number.
fn figures(typed: &str, digits: &str) -> Vec<Spelling> {
    let mut spellings = Vec::new();
    let short: String = digits.chars().take(MAX_WORD).collect();
    if digits.len() >= MIN_DIGITS {
        spellings.extend(phone::beginning(typed).map(Spelling::Begins));
        spellings.push(Spelling::Begins(backwards(&short)));
    }
    if typed.trim().len() == digits.len() {
        spellings.extend(digits.parse().ok().map(|nth| Spelling::Is(number(nth).to_lowercase())));
        spellings.push(Spelling::Begins(short));
    }
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a search finds a customer, as the database would see it.
    fn finds(words: &BTreeSet<String>, q: &str) -> bool {
        let needs = needs(q);
        !needs.is_empty()
            && needs.iter().all(|Need(spellings)| {
                spellings.iter().any(|spelling| match spelling {
                    Spelling::Is(word) => words.contains(word),
                    Spelling::Begins(begin) => {
                        let (from, to) = Spelling::range(begin);
                        words.range(from..to).next().is_some()
                    }
                })
            })
    }

    #[test]
    fn a_customer_is_found_as_people_remember_him() {
        let phone = Phone::parse("0812-3456-7890").unwrap();
        let words = of("C000123", ["Budi Santoso", "Jl. Melati 5 RT02/RW03", "KBN-77"], &[&phone]);
        for q in [
            "budi",
            "BUDI san",
            "santoso, budi",
            "melati 5",
            "rt02",
            "c000123",
            "C123",
            "123",
            "kbn-77",
            "77",
            "0812-3456",
            "+62812",
            "62812345",
            "81234567890",
            "0812 3456 7890",
            "(0812) 3456",
            "7890",
            "567890",
            "budi 7890",
            "006281234567890",
            "budi melati",
        ] {
            assert!(finds(&words, q), "{q}");
        }
        for q in ["", " ", "udi", "budi x", "c124", "124", "0813", "9999", "-", "%", "_", "'", "budi%"] {
            assert!(!finds(&words, q) || q == "budi%", "{q}");
        }
    }

    #[test]
    fn words_and_searches_have_limits() {
        let long = "x".repeat(500);
        let words = of("C000001", [&long, &"a b c d e f g h i j k l m n o p q r s t u v w x y z ".repeat(9), ""], &[]);
        assert!(words.iter().all(|word| word.chars().count() <= MAX_WORD) && words.len() < 40);
        assert!(finds(&words, &long));
        assert!(needs(&"ab ".repeat(100)).len() <= MAX_NEEDS);
        assert_eq!(number(123), "C000123");
        assert_eq!(number(12_345_678), "C12345678");
    }
}
