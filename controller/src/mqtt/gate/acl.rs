//! Which topics exist at all, and who may use them. Pure.

/// Longest topic or filter, bytes.
const MAX_LENGTH: usize = 256;
/// Most levels of a topic or filter.
const MAX_LEVELS: usize = 12;

/// Does the filter `pattern` cover everything that `filter` could match? A topic is a filter without wildcards, so this
/// also tells whether a topic matches.
pub(super) fn covers(pattern: &str, filter: &str) -> bool {
    let (mut pattern, mut filter) = (pattern.split('/'), filter.split('/'));
    loop {
        match (pattern.next(), filter.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(allowed), Some(level)) if allowed == level && level != "+" && level != "#" => {}
            _ => return false,
        }
    }
}

/// Is this a topic hiji could ever have made? ASCII letters, digits and `-_.` only: rumqttd's router slices topics
/// by bytes and would stop at others.
pub(super) fn is_topic(text: &str) -> bool {
    fits(text) && text.split('/').all(plain)
}

/// The same for subscriptions: `+` for a level, `#` at the end. No `$share`, no `$SYS`.
pub(super) fn is_filter(text: &str) -> bool {
    let last = text.split('/').count() - 1;
    fits(text)
        && text.split('/').enumerate().all(|(at, level)| level == "+" || (level == "#" && at == last) || plain(level))
}

fn fits(text: &str) -> bool {
    text.len() <= MAX_LENGTH && text.split('/').count() <= MAX_LEVELS
}

fn plain(level: &str) -> bool {
    !level.is_empty() && level.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_it_contains_and_nothing_more() {
        for (pattern, filter, expected) in [
            ("hiji/v1/a/x/up/#", "hiji/v1/a/x/up/ev", true),
            ("hiji/v1/a/x/up/#", "hiji/v1/a/x/up", true),
            ("hiji/v1/a/x/up/#", "hiji/v1/a/x/up/#", true),
            ("hiji/v1/a/x/up/#", "hiji/v1/a/x/up/+/y", true),
            ("hiji/v1/a/x/up/#", "hiji/v1/a/y/up/ev", false),
            ("hiji/v1/a/x/up/#", "hiji/v1/a/+/up/ev", false),
            ("hiji/v1/a/x/up/#", "hiji/v1/a/x/#", false),
            ("hiji/v1/a/x/up/#", "hiji/v1/a/x/dn/cmd", false),
            ("hiji/v1/a/x/up/#", "hiji/v1/a/x", false),
            ("hiji/v1/a/x/up/#", "#", false),
            ("hiji/v1/a/x/up/#", "+/#", false),
            ("a/+/c", "a/b/c", true),
            ("a/+/c", "a/+/c", true),
            ("a/+/c", "a/#", false),
            ("a/+", "a/b/c", false),
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
            ("a/b/c", "a/b", false),
            ("#", "anything/at/all", true),
        ] {
            assert_eq!(covers(pattern, filter), expected, "{pattern} covers {filter}");
        }
    }

    #[test]
    fn only_plain_topics_are_topics() {
        assert!(is_topic("hiji/v1/a/abc/up/ev"));
        assert!(is_topic("A-z_0.9"));
        for text in ["", "/", "a//b", "/a", "a/", "é/x", "a/é", "a b", "a/+", "#", "$SYS/x", "a\0b", "a/\u{feff}"] {
            assert!(!is_topic(text), "{text:?}");
        }
        assert!(!is_topic(&"a".repeat(257)));
        assert!(!is_topic(&["a"; 13].join("/")));
    }

    #[test]
    fn filters_take_wildcards_in_their_places_only() {
        for text in ["#", "+", "a/#", "a/+/c", "+/+/#"] {
            assert!(is_filter(text), "{text}");
        }
        for text in ["", "a/#/b", "a#", "a/b+", "$share/g/a", "$SYS/#", "é/#", "a//#", "/#"] {
            assert!(!is_filter(text), "{text:?}");
        }
    }
}
