//! Names of users: what they may be made of, and the pattern by which hiji makes them. Pure.

/// Longest name of a user, characters.
pub const MAX_USERNAME: usize = 48;
/// Longest pattern, characters.
pub const MAX_PATTERN: usize = 40;
/// Digits of a running number.
const MAX_DIGITS: usize = 9;

/// Whether a text is made of what RouterOS, modems and comments take without quoting.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte))
}

/// The name of a site as it stands in usernames: `Kebon Jeruk` → `kebon-jeruk`.
#[must_use]
pub fn slug(name: &str) -> String {
    let words = name.to_lowercase();
    let words = words.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("-");
    if slug.is_empty() { "user".to_owned() } else { slug }
}

/// A pattern of usernames that was understood: `{site}-{seq:4}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    before: String,
    digits: usize,
    after: String,
}

impl Pattern {
    /// Reads a pattern for a site. It has a running number, once, and may have the site.
    #[must_use]
    pub fn parse(text: &str, site: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_PATTERN {
            return None;
        }
        let (before, rest) = text.split_once("{seq")?;
        let (digits, after) = rest.split_once('}')?;
        let digits = match digits {
            "" => 1,
            counted => counted.strip_prefix(':')?.parse().ok().filter(|digits| (1..=MAX_DIGITS).contains(digits))?,
        };
        let longest = MAX_USERNAME - MAX_DIGITS;
        let slug: String = slug(site).chars().take(longest.saturating_sub(text.len())).collect();
        let [before, after] = [before, after].map(|text| text.replace("{site}", slug.trim_end_matches('-')));
        (is_name(&before) && is_name(&after)).then_some(Self { before, digits, after })
    }

    /// The series its numbers are of: names that look alike share one.
    #[must_use]
    pub fn series(&self) -> String {
        format!("{}#{}", self.before, self.after)
    }

    /// The name with a number.
    #[must_use]
    pub fn write(&self, number: i64) -> String {
        let Self { before, digits, after } = self;
        format!("{before}{number:0digits$}{after}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_pattern_and_the_site() {
        let pattern = Pattern::parse("{site}-{seq:4}", "Kebon").unwrap();
        assert_eq!((pattern.write(123).as_str(), pattern.write(12_345).as_str()), ("kebon-0123", "kebon-12345"));
        let pattern = Pattern::parse("{seq}@{site}.net", "Kebon Jeruk / RT 02").unwrap();
        assert_eq!(pattern.write(7), "7@kebon-jeruk-rt-02.net");
        // Sites whose names look alike count on one series, others on their own.
        let series = |site: &str| Pattern::parse("{site}-{seq:4}", site).unwrap().series();
        assert_eq!(series("Kebon"), series("KEBON!"));
        assert_ne!(series("Kebon"), series("Waena"));
        assert_eq!(slug("日本"), "user");
    }

    #[test]
    fn a_pattern_without_its_number_or_with_what_routers_quote_is_none() {
        for text in ["", "{site}", "{seq:0}", "{seq:10}", "{seq", "a b{seq}", "{name}-{seq}", "é{seq}", "{seq}{seq}"] {
            assert!(Pattern::parse(text, "Kebon").is_none(), "{text}");
        }
        assert!(Pattern::parse(&format!("{}{{seq}}", "x".repeat(40)), "Kebon").is_none());
        let long = Pattern::parse("{site}-{seq:4}", &"kebon jeruk ".repeat(9)).unwrap();
        assert!(long.write(123_456_789).len() <= MAX_USERNAME);
    }
}
