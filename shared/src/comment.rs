//! The comment codec: hiji's marks on a router.
//!
//! Prints only hiji's own formats (REQUIREMENTS D3, DESIGN 6), reads the older ones too, and never fails on foreign
//! text: what it does not know is [`Comment::Foreign`].

/// Marker of a voucher user, unless the operator chose another.
pub const VOUCHER_MARKER: &str = "VOUCHER_SYSTEM";
/// Marker of a PPPoE subscription.
pub const PPPOE_MARKER: &str = "PPPOE_SYSTEM";
/// Marker of a hotspot subscription.
pub const HOTSPOT_MARKER: &str = "HOTSPOT_SYSTEM";

/// A comment as hiji understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comment<'a> {
    Voucher(VoucherMark),
    Subscription(SubscriptionMark),
    /// Eight fields of older HIJINETWORK builds.
    OldVoucher {
        price: u64,
    },
    /// Five fields of older HIJINETWORK builds.
    OldSubscription {
        customer: &'a str,
        subscription: &'a str,
    },
    /// Somebody else's text, or none.
    Foreign(&'a str),
}

/// `VOUCHER_SYSTEM|price|first_login|valid_until`, epochs in seconds, empty when unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VoucherMark {
    /// Selling price in whole minor units.
    pub price: u64,
    pub first_login: Option<i64>,
    pub valid_until: Option<i64>,
}

/// `PPPOE_SYSTEM|customer no|subscription no|price|valid_until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionMark {
    pub customer: String,
    pub subscription: String,
    pub price: u64,
    pub valid_until: Option<i64>,
}

/// Reads any comment. `marker` is the operator's voucher marker.
#[must_use]
pub fn read<'a>(comment: &'a str, marker: &str) -> Comment<'a> {
    let fields: Vec<&str> = comment.trim_end().split('|').collect();
    let known = match fields.as_slice() {
        [mark, price, first, until] if *mark == marker || *mark == VOUCHER_MARKER => voucher(price, first, until),
        [mark, _batch, price, _cost, _hours, _vendor, _date, _by] if *mark == marker || *mark == VOUCHER_MARKER => {
            price.trim().parse().ok().map(|price| Comment::OldVoucher { price })
        }
        [PPPOE_MARKER | HOTSPOT_MARKER, customer, subscription, price, until] if price.parse::<u64>().is_ok() => {
            subscription_mark(customer, subscription, price, until)
        }
        [PPPOE_MARKER, customer, subscription, _vendor, _date] => {
            Some(Comment::OldSubscription { customer, subscription })
        }
        _ => None,
    };
    known.unwrap_or(Comment::Foreign(comment))
}

/// Whose a subscription's comment is, under any marker: the numbers of customer and subscription.
#[must_use]
pub fn subscriber<'a>(comment: &'a str, marker: &str) -> Option<(&'a str, &'a str)> {
    let fields: Vec<&str> = comment.trim_end().split('|').collect();
    match fields.as_slice() {
        [mark, customer, subscription, price, _until] if *mark == marker && price.parse::<u64>().is_ok() => {
            Some((customer, subscription))
        }
        _ => None,
    }
}

/// Whether anything of hiji stands in a comment, or of the builds before it: such a user is never taken over. `marker` is
/// the operator's voucher marker, `ours` the comment that is wanted.
#[must_use]
pub fn is_marked(comment: &str, marker: &str, ours: &str) -> bool {
    let mark = ours.split('|').next().unwrap_or_default();
    let is_subscriber = !mark.is_empty() && subscriber(comment, mark).is_some();
    is_subscriber || !matches!(read(comment, marker), Comment::Foreign(_))
}

/// Whether a comment is a voucher's, also one of the builds before hiji. `marker` is the operator's voucher marker.
#[must_use]
pub fn is_voucher(comment: &str, marker: &str) -> bool {
    matches!(read(comment, marker), Comment::Voucher(_) | Comment::OldVoucher { .. })
}

/// The comment of a voucher user.
#[must_use]
pub fn print_voucher(marker: &str, mark: &VoucherMark) -> String {
    format!("{marker}|{}|{}|{}", mark.price, epoch(mark.first_login), epoch(mark.valid_until))
}

/// The comment of a subscription's secret or hotspot user.
#[must_use]
pub fn print_subscription(marker: &str, mark: &SubscriptionMark) -> String {
    format!("{marker}|{}|{}|{}|{}", mark.customer, mark.subscription, mark.price, epoch(mark.valid_until))
}

fn voucher<'a>(price: &str, first: &str, until: &str) -> Option<Comment<'a>> {
    Some(Comment::Voucher(VoucherMark {
        price: price.trim().parse().ok()?,
        first_login: optional(first)?,
        valid_until: optional(until)?,
    }))
}

fn subscription_mark<'a>(customer: &str, subscription: &str, price: &str, until: &str) -> Option<Comment<'a>> {
    Some(Comment::Subscription(SubscriptionMark {
        customer: customer.to_owned(),
        subscription: subscription.to_owned(),
        price: price.parse().ok()?,
        valid_until: optional(until)?,
    }))
}

/// `Some(None)` for empty, `None` for what is no number.
fn optional(field: &str) -> Option<Option<i64>> {
    let field = field.trim();
    if field.is_empty() { Some(None) } else { field.parse().ok().map(Some) }
}

fn epoch(value: Option<i64>) -> String {
    value.map_or_else(String::new, |seconds| seconds.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fresh_voucher_has_the_exact_bytes_of_the_contract() {
        let mark = VoucherMark { price: 3000, ..VoucherMark::default() };
        assert_eq!(print_voucher(VOUCHER_MARKER, &mark), "VOUCHER_SYSTEM|3000||");
        let used = VoucherMark { price: 3000, first_login: Some(1_795_351_327), valid_until: Some(1_795_610_527) };
        assert_eq!(print_voucher(VOUCHER_MARKER, &used), "VOUCHER_SYSTEM|3000|1795351327|1795610527");
    }

    #[test]
    fn older_formats_are_read() {
        let old = "VOUCHER_SYSTEM|77|5000|4000|12|3|2025-01-02|admin";
        assert_eq!(read(old, VOUCHER_MARKER), Comment::OldVoucher { price: 5000 });
        let old = "PPPOE_SYSTEM|12|34|vendor|2025-01-02";
        assert_eq!(read(old, VOUCHER_MARKER), Comment::OldSubscription { customer: "12", subscription: "34" });
        let ours = "PPPOE_SYSTEM|C000123|S000456|165000|";
        assert!(matches!(read(ours, VOUCHER_MARKER), Comment::Subscription(mark) if mark.price == 165_000));
    }

    #[test]
    fn a_voucher_is_known_from_a_subscriber_and_a_stranger() {
        let old = "VOUCHER_SYSTEM|77|5000|4000|12|3|2025-01-02|admin";
        for voucher in ["TIKET|3000||", "VOUCHER_SYSTEM|3000|1795351327|", old] {
            assert!(is_voucher(voucher, "TIKET"), "{voucher}");
        }
        for other in ["HOTSPOT_SYSTEM|C000123|S000456|165000|", "TAGIH|C000123|S000456|165000|", "Pak Budi", ""] {
            assert!(!is_voucher(other, "TIKET"), "{other}");
        }
    }

    #[test]
    fn foreign_text_stays_foreign() {
        for text in
            ["", "vc-123-01.02.26-note", "jan/02/2026 10:00:00", "VOUCHER_SYSTEM", "VOUCHER_SYSTEM|x||", "a|b|c|d"]
        {
            assert_eq!(read(text, VOUCHER_MARKER), Comment::Foreign(text));
        }
    }

    #[test]
    fn what_carries_a_mark_of_any_kind_is_somebody_s() {
        let ours = "LANGGANAN|C000123|S000456|165000|";
        for marked in [
            "VOUCHER_SYSTEM|3000||",
            "TOKO|3000||",
            "VOUCHER_SYSTEM|77|5000|4000|12|3|2025-01-02|admin",
            "PPPOE_SYSTEM|C000001|S000002|165000|",
            "PPPOE_SYSTEM|12|34|vendor|2025-01-02",
            "HOTSPOT_SYSTEM|C000001|S000002|165000|1796058000",
            "LANGGANAN|C000001|S000002|165000|",
        ] {
            assert!(is_marked(marked, "TOKO", ours), "{marked}");
        }
        for free in ["", "Budi, Jl. Melati 5", "LANGGANAN", "LANGGANAN|lama", "KEDAI|3000||", "a|b|c|d|e"] {
            assert!(!is_marked(free, "TOKO", ours), "{free}");
        }
        assert_eq!(subscriber(ours, "LANGGANAN"), Some(("C000123", "S000456")));
        assert_eq!(subscriber(ours, PPPOE_MARKER), None);
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(price: u64, first: Option<i64>, until: Option<i64>) {
            let mark = VoucherMark { price, first_login: first, valid_until: until };
            let text = print_voucher("TOKO", &mark);
            prop_assert_eq!(read(&text, "TOKO"), Comment::Voucher(mark));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = read(&text, VOUCHER_MARKER);
        }
    }
}
