//! What messages say, in the customer's language, and how their variables are filled in. Pure, and no language of its
//! own: a text can name a variable and do nothing else.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::Serialize;

use super::rules::{Stage, Template};
use crate::{
    http::{format, locale::Locale},
    money::Money,
};

/// Longest message, characters.
pub const MAX_BODY: usize = 4_096;

/// A variable of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    Text(String),
    Money(Money),
    Day(NaiveDate),
    Number(i64),
}

/// The variables of a message, by name.
pub type Vars = BTreeMap<&'static str, Value>;

/// A text names what its message does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the text names {0}, which its message does not have")]
pub struct Missing(pub String);

/// Variables that every message has: who is written to, and who writes.
pub const ALWAYS: [&str; 3] = ["customer", "number", "company"];

/// The variables beside [`ALWAYS`] that a kind of message has.
#[must_use]
pub fn variables(template: Template) -> &'static [&'static str] {
    match template {
        Template::Welcome => &[],
        Template::InvoiceIssued | Template::Reminder(_) => &["invoice", "amount", "due"],
        Template::Isolated => &["service", "amount"],
        Template::Restored => &["service"],
        Template::PaymentReceived | Template::BalanceUsed => &["receipt", "amount", "owed"],
        Template::PaymentReversed => &["receipt", "amount", "reason"],
    }
}

/// The text of a kind of message, with its variables in braces.
#[must_use]
pub fn text(template: Template, locale: Locale) -> &'static str {
    match locale {
        Locale::Id => indonesian(template),
        Locale::En => english(template),
    }
}

fn indonesian(template: Template) -> &'static str {
    match template {
        Template::Welcome => {
            "Halo {customer}, selamat datang di {company}. Nomor pelanggan Anda {number}. Simpan nomor WhatsApp ini untuk \
             tagihan dan bantuan."
        }
        Template::InvoiceIssued => {
            "Halo {customer}, tagihan {invoice} sebesar *{amount}* sudah terbit. Jatuh tempo {due}. Terima kasih, {company}."
        }
        Template::Reminder(Stage::Due7) => {
            "Halo {customer}, tagihan {invoice} sebesar *{amount}* jatuh tempo {due}. Terima kasih, {company}."
        }
        Template::Reminder(Stage::Due3) => {
            "Halo {customer}, sekadar mengingatkan: tagihan {invoice} sebesar *{amount}* jatuh tempo {due}. Abaikan bila \
             sudah membayar. {company}"
        }
        Template::Reminder(Stage::Due1) => {
            "Halo {customer}, pengingat terakhir: tagihan {invoice} sebesar *{amount}* jatuh tempo {due}. {company}"
        }
        Template::Reminder(Stage::Due0) => {
            "Halo {customer}, hari ini jatuh tempo tagihan {invoice} sebesar *{amount}*. {company}"
        }
        Template::Reminder(Stage::Late1) => {
            "Halo {customer}, tagihan {invoice} sebesar *{amount}* sudah lewat jatuh tempo {due}. Mohon segera dibayar agar \
             internet tetap aktif. {company}"
        }
        Template::Reminder(Stage::Late3) => {
            "Halo {customer}, tagihan {invoice} sebesar *{amount}* belum kami terima sejak jatuh tempo {due}. Layanan \
             dapat dijeda sewaktu-waktu. {company}"
        }
        Template::Isolated => {
            "Halo {customer}, layanan {service} dijeda karena ada tagihan *{amount}* yang belum dibayar. Internet aktif lagi \
             begitu pembayaran kami terima. {company}"
        }
        Template::Restored => "Halo {customer}, layanan {service} sudah dibuka lagi. Terima kasih, {company}.",
        Template::PaymentReceived => {
            "Halo {customer}, pembayaran *{amount}* sudah kami terima, kuitansi {receipt}. Sisa tagihan {owed}. Terima kasih, \
             {company}."
        }
        Template::BalanceUsed => {
            "Halo {customer}, tagihan Anda dibayar dari saldo sebesar *{amount}*, kuitansi {receipt}. Sisa tagihan {owed}. \
             Terima kasih, {company}."
        }
        Template::PaymentReversed => {
            "Halo {customer}, pembayaran {amount} dengan kuitansi {receipt} dibatalkan: {reason}. Hubungi kami bila ini \
             keliru. {company}"
        }
    }
}

fn english(template: Template) -> &'static str {
    match template {
        Template::Welcome => {
            "Hello {customer}, welcome to {company}. Your customer number is {number}. Keep this WhatsApp number for \
             invoices and help."
        }
        Template::InvoiceIssued => {
            "Hello {customer}, invoice {invoice} of *{amount}* has been issued. It is due on {due}. Thank you, {company}."
        }
        Template::Reminder(Stage::Due7) => {
            "Hello {customer}, invoice {invoice} of *{amount}* is due on {due}. Thank you, {company}."
        }
        Template::Reminder(Stage::Due3) => {
            "Hello {customer}, a reminder: invoice {invoice} of *{amount}* is due on {due}. Please ignore this if you have \
             paid. {company}"
        }
        Template::Reminder(Stage::Due1) => {
            "Hello {customer}, a last reminder: invoice {invoice} of *{amount}* is due on {due}. {company}"
        }
        Template::Reminder(Stage::Due0) => "Hello {customer}, invoice {invoice} of *{amount}* is due today. {company}",
        Template::Reminder(Stage::Late1) => {
            "Hello {customer}, invoice {invoice} of *{amount}* was due on {due}. Please pay soon to stay online. {company}"
        }
        Template::Reminder(Stage::Late3) => {
            "Hello {customer}, we have not received *{amount}* of invoice {invoice}, due on {due}. The service may be paused \
             at any time. {company}"
        }
        Template::Isolated => {
            "Hello {customer}, service {service} is paused because *{amount}* has not been paid. It comes back as soon as we \
             receive the payment. {company}"
        }
        Template::Restored => "Hello {customer}, service {service} is open again. Thank you, {company}.",
        Template::PaymentReceived => {
            "Hello {customer}, we have received *{amount}*, receipt {receipt}. Still open: {owed}. Thank you, {company}."
        }
        Template::BalanceUsed => {
            "Hello {customer}, *{amount}* of your balance has paid your invoices, receipt {receipt}. Still open: {owed}. \
             Thank you, {company}."
        }
        Template::PaymentReversed => {
            "Hello {customer}, the payment of {amount} with receipt {receipt} was taken back: {reason}. Please call us if \
             this is wrong. {company}"
        }
    }
}

/// A text with its variables filled in, once: what a value contains is not looked at again.
///
/// # Errors
/// [`Missing`].
pub fn fill(text: &str, locale: Locale, vars: &Vars) -> Result<String, Missing> {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}').ok_or_else(|| Missing(after.to_owned()))?;
        out.push_str(before);
        out.push_str(&written(vars.get(name).ok_or_else(|| Missing(name.to_owned()))?, locale));
        rest = tail;
    }
    out.push_str(rest);
    Ok(out.chars().take(MAX_BODY).collect())
}

fn written(value: &Value, locale: Locale) -> String {
    match value {
        Value::Text(text) => plain(text),
        Value::Money(money) => money.to_string(),
        Value::Number(number) => format::number(*number, locale),
        Value::Day(day) => format::date(day.and_time(chrono::NaiveTime::MIN).and_utc(), Tz::UTC, locale),
    }
}

/// What somebody typed, without the characters WhatsApp reads as bold and the like, and on one line.
fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() || "*_~`".contains(char) { ' ' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(template: Template) -> Vars {
        let sample = |name: &'static str| match name {
            "amount" | "owed" => Value::Money(Money::idr(165_000)),
            "due" => Value::Day("2026-12-10".parse().unwrap()),
            other => Value::Text(other.to_uppercase()),
        };
        ALWAYS.iter().chain(variables(template)).map(|name| (*name, sample(name))).collect()
    }

    #[test]
    fn every_text_of_every_language_has_its_variables() {
        for template in Template::ALL {
            for locale in Locale::ALL {
                let body = fill(text(template, locale), locale, &vars(template)).unwrap();
                assert!(body.contains("CUSTOMER") && body.contains("COMPANY") && !body.contains(['{', '}']), "{body}");
                for name in variables(template) {
                    let needed = template != Template::Reminder(Stage::Due0) || *name != "due";
                    let named = text(template, locale).contains(&format!("{{{name}}}"));
                    assert!(named || !needed, "{template:?} does not say {name} in {locale}");
                }
            }
        }
    }

    #[test]
    fn amounts_and_days_are_written_as_the_customer_reads_them() {
        let template = Template::Reminder(Stage::Due3);
        let said = |locale| fill(text(template, locale), locale, &vars(template)).unwrap();
        assert!(said(Locale::Id).contains("*Rp165.000* jatuh tempo 10-12-2026"), "{}", said(Locale::Id));
        assert!(said(Locale::En).contains("*Rp165.000* is due on 10 Dec 2026"), "{}", said(Locale::En));
    }

    #[test]
    fn a_name_can_neither_shout_nor_name_variables() {
        let vars: Vars = [("customer", Value::Text("*Budi* {company}\nBayar ke 123".to_owned()))].into();
        assert_eq!(fill("Halo {customer}", Locale::Id, &vars).unwrap(), "Halo  Budi  {company} Bayar ke 123");
        assert_eq!(fill("Halo {rahasia}", Locale::Id, &vars), Err(Missing("rahasia".to_owned())));
        assert_eq!(fill("Halo {customer", Locale::Id, &vars), Err(Missing("customer".to_owned())));
    }
}
