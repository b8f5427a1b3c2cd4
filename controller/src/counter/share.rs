//! The text that goes with a voucher over WhatsApp, in the language of the page.

use super::{Sale, rules};
use crate::{
    http::{
        format,
        locale::{Arg, Locale, Texts},
    },
    phone::Phone,
    vouchers::Batch,
};

/// What the text is made of, beside the sale.
#[derive(Debug)]
pub(super) struct Around<'a> {
    pub(super) brand: &'a str,
    pub(super) batch: &'a Batch,
    /// The address that logs the guest in, where it is known.
    pub(super) login_url: Option<&'a str>,
    /// Where guests look up what is left.
    pub(super) status_url: &'a str,
}

/// The link that opens WhatsApp with the text.
pub(super) fn link(texts: &Texts, locale: Locale, sale: &Sale, around: &Around<'_>) -> String {
    let phone = (!sale.phone.is_empty()).then(|| Phone::stored(sale.phone.clone()));
    rules::whatsapp_url(phone.as_ref(), &text(texts, locale, sale, around))
}

fn text(texts: &Texts, locale: Locale, sale: &Sale, around: &Around<'_>) -> String {
    let line = |key: &str, name: &str, value: String| texts.text(locale, key, [(name, Arg::from(value))]);
    let duration = |secs: i64| {
        let words = format::duration(secs).into_iter().map(|(key, n)| texts.text(locale, key, [("count", n.into())]));
        words.collect::<Vec<_>>().join(" ")
    };
    let voucher = &sale.voucher;
    let mut lines = vec![
        line("share-title", "brand", around.brand.to_owned()),
        format!("{} · {}", voucher.package, sale.price),
        String::new(),
        line("share-code", "code", format!("*{}*", voucher.code)),
    ];
    if let Some(password) = &voucher.password {
        lines.push(line("share-password", "password", format!("*{password}*")));
    }
    if let Some(secs) = around.batch.online_secs {
        lines.push(line("share-online", "time", duration(secs)));
    }
    if let Some(bytes) = around.batch.limit_bytes {
        lines.push(line("share-quota", "size", format::bytes(bytes, locale)));
    }
    if let Some(secs) = around.batch.active_secs {
        lines.push(line("share-active", "time", duration(secs)));
    }
    if let Some(url) = around.login_url {
        lines.push(String::new());
        lines.push(line("share-login", "url", url.to_owned()));
    }
    lines.push(line("share-status", "url", around.status_url.to_owned()));
    lines.join("\n")
}
