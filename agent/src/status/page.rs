//! The guests' page as HTML: small, without scripts, everything escaped. Pure.

use std::fmt::Write as _;

use super::{
    standing::{Left, Standing, State},
    words::Lang,
};

/// The stylesheet, at `/status.css`.
pub(crate) const CSS: &str = include_str!("status.css");
/// A page of a voucher in use looks again after so many seconds.
const REFRESH_SECS: u32 = 60;

/// What a page says.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) lang: Lang,
    /// The operator's name.
    pub(crate) brand: &'a str,
    /// What was typed, as it was typed.
    pub(crate) code: &'a str,
    pub(crate) said: Said<'a>,
    /// Now, and the site's zone.
    pub(crate) now: i64,
    pub(crate) zone: (i32, &'a str),
}

/// The answer on the page.
#[derive(Debug)]
pub(crate) enum Said<'a> {
    /// Nothing was asked yet.
    Nothing,
    Unknown,
    TooMany,
    Voucher(&'a Standing),
}

impl Page<'_> {
    /// The HTML.
    pub(crate) fn html(&self) -> String {
        let words = self.lang.words();
        let (lang, other) = (self.lang.tag(), self.lang.other().tag());
        let brand = escaped(if self.brand.is_empty() { "hiji" } else { self.brand });
        let code = escaped(self.code);
        let mut html = String::with_capacity(3_000);
        let _infallible = write!(
            html,
            "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <meta name=\"robots\" content=\"noindex\">{}<title>{} · {brand}</title>\
             <link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"/status.css\"></head><body><main>\
             <p class=\"brand\">{brand}</p><h1>{}</h1>\
             <form action=\"/status\" method=\"get\"><input type=\"hidden\" name=\"lang\" value=\"{lang}\">\
             <label for=\"code\">{}</label><div class=\"row\"><input id=\"code\" name=\"code\" value=\"{code}\" \
             maxlength=\"64\" required autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\">\
             <button>{}</button></div></form>",
            self.refresh(),
            words.title,
            words.title,
            words.code,
            words.check,
        );
        match &self.said {
            Said::Nothing => {}
            Said::Unknown => note(&mut html, words.unknown),
            Said::TooMany => note(&mut html, words.too_many),
            Said::Voucher(standing) => self.voucher(&mut html, standing),
        }
        let query = if self.code.is_empty() { String::new() } else { format!("code={}&amp;", percent(self.code)) };
        let _infallible = write!(
            html,
            "<p class=\"foot\"><a href=\"/status?{query}lang={other}\" hreflang=\"{other}\" lang=\"{other}\">{}</a></p>\
             </main></body></html>",
            words.other
        );
        html
    }

    fn refresh(&self) -> String {
        match &self.said {
            Said::Voucher(Standing { state: State::Active | State::Preparing, .. }) => {
                format!("<meta http-equiv=\"refresh\" content=\"{REFRESH_SECS}\">")
            }
            Said::Voucher(_) | Said::Nothing | Said::Unknown | Said::TooMany => String::new(),
        }
    }

    fn voucher(&self, html: &mut String, standing: &Standing) {
        let (lang, words) = (self.lang, self.lang.words());
        let (state, tone) = lang.state(standing.state);
        let _infallible = write!(html, "<section><p class=\"state {tone}\" role=\"status\">{state}</p><dl>");
        let lives = matches!(standing.state, State::Ready | State::Active | State::Preparing);
        let left_of = |left: Left, write: &dyn Fn(u64) -> String| {
            format!("{} <small>{} {}</small>", write(left.left), words.of, write(left.of))
        };
        if let (Some(until), true) = (standing.valid_until, lives) {
            let left = until.saturating_sub(self.now).max(0).unsigned_abs();
            line(html, words.valid_left, &lang.duration(left));
        }
        if let Some(until) = standing.valid_until {
            line(html, words.valid_until, &escaped(&lang.moment(until, self.zone)));
        } else if let (Some(secs), true) = (standing.active_secs, lives) {
            line(html, words.valid_for, &format!("{} <small>{}</small>", lang.duration(secs), words.since_login));
        }
        if let Some(before) = standing.activate_before {
            line(html, words.activate_before, &escaped(&lang.moment(before, self.zone)));
        }
        if let Some(online) = standing.online {
            line(html, words.online_left, &left_of(online, &|secs| lang.duration(secs)));
        }
        if let Some(bytes) = standing.bytes {
            line(html, words.quota_left, &left_of(bytes, &|bytes| lang.bytes(bytes)));
        }
        if matches!(standing.state, State::Active) {
            line(html, words.device, if standing.is_online { words.online } else { words.offline });
        }
        let now = escaped(&lang.moment(self.now, self.zone));
        let _infallible = write!(html, "</dl><p class=\"at\">{} {now}</p></section>", words.at);
    }
}

fn note(html: &mut String, text: &str) {
    let _infallible = write!(html, "<p class=\"note\" role=\"alert\">{text}</p>");
}

/// A line of the list; `value` is HTML.
fn line(html: &mut String, name: &str, value: &str) {
    let _infallible = write!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>");
}

/// Text as HTML.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            control if control.is_control() => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

/// Text as a part of a query.
fn percent(text: &str) -> String {
    let mut query = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            query.push(char::from(byte));
        } else {
            let _infallible = write!(query, "%{byte:02X}");
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page<'a>(code: &'a str, said: Said<'a>) -> Page<'a> {
        Page { lang: Lang::Id, brand: "Kebon <Net>", code, said, now: 1_000, zone: (25_200, "WIB") }
    }

    fn standing(state: State) -> Standing {
        Standing {
            state,
            active_secs: Some(259_200),
            valid_until: Some(4_600),
            activate_before: None,
            online: Some(Left { left: 3_600, of: 43_200 }),
            bytes: Some(Left { left: 1 << 30, of: 2 << 30 }),
            is_online: true,
        }
    }

    #[test]
    fn what_was_typed_stays_text() {
        let hostile = "\"><script>alert(1)</script>'&\u{202e}\n☃";
        let html = page(hostile, Said::Unknown).html();
        assert!(!html.contains("<script>") && !html.contains("<Net>"), "{html}");
        assert!(html.contains("value=\"&quot;&gt;&lt;script&gt;"), "{html}");
        assert!(html.contains("code=%22%3E%3Cscript"), "{html}");
    }

    #[test]
    fn a_voucher_in_use_shows_what_is_left_of_it() {
        let standing = standing(State::Active);
        let html = page("KB1", Said::Voucher(&standing)).html();
        for text in ["Aktif", "1 jam", "1 GB", "2 GB", "sedang online", "1 Jan 1970 08.16 WIB"] {
            assert!(html.contains(text), "{text} in {html}");
        }
        assert!(html.len() + CSS.len() < 15 * 1_024, "{} bytes", html.len() + CSS.len());
    }

    #[test]
    fn nothing_inline_and_nothing_from_elsewhere() {
        let standing = standing(State::Ready);
        for said in [Said::Nothing, Said::Unknown, Said::TooMany, Said::Voucher(&standing)] {
            let html = page("KB1", said).html();
            for part in ["<style", "style=", "<script", "onclick", "http://", "https://", "@import"] {
                assert!(!html.contains(part) && !CSS.contains(part), "{part} in {html}");
            }
        }
    }
}
