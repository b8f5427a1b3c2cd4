//! Replies, rows, requests and the kinds of refusals.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::routeros::reply::{Reply, ReplyKind, Row, decode_text};
use crate::routeros::{Request, Sentence, Trap, TrapKind};

fn reply(words: &[&[u8]]) -> Reply {
    Reply::parse(Sentence { words: words.iter().map(|word| Bytes::copy_from_slice(word)).collect() })
}

#[test]
fn tag_and_attributes_come_in_any_order() {
    for words in [
        [&b"!done"[..], b".tag=7", b"=ret=*5", b"=name=siti"],
        [&b"!done"[..], b"=ret=*5", b"=name=siti", b".tag=7"],
        [&b"!done"[..], b"=name=siti", b".tag=7", b"=ret=*5"],
    ] {
        let reply = reply(&words);
        assert_eq!(reply.kind, ReplyKind::Done);
        assert_eq!(reply.tag.as_deref(), Some(&b"7"[..]));
        assert_eq!((reply.attrs.text("ret").as_ref(), reply.attrs.text("name").as_ref()), ("*5", "siti"));
        assert!(reply.rest.is_empty());
    }
}

#[test]
fn a_value_may_hold_anything() {
    let reply =
        reply(&[b"!re", b"=on-login=:put \"a=b\"\r\n;", b"=comment=", b"=flag", b"=", b"==x", b"=bin=\x00\xFF"]);
    assert_eq!(reply.attrs.get("on-login"), Some(&b":put \"a=b\"\r\n;"[..]));
    assert_eq!(reply.attrs.get("comment"), Some(&b""[..]));
    assert_eq!(reply.attrs.get("flag"), Some(&b""[..]));
    assert_eq!(reply.attrs.get(""), Some(&b"x"[..]));
    assert_eq!(reply.attrs.get("bin"), Some(&[0, 0xFF][..]));
    assert_eq!(reply.attrs.get("absent"), None);
    assert_eq!(reply.attrs.text("absent"), "");
    assert_eq!(reply.attrs.len(), 6);
}

#[test]
fn the_last_of_two_equal_names_counts() {
    let reply = reply(&[b"!re", b"=name=a", b"=x=1", b"=name=b"]);
    assert_eq!(reply.attrs.text("name"), "b");
    let fields: Vec<_> = reply.attrs.iter().collect();
    assert_eq!(fields, [(&b"name"[..], &b"a"[..]), (b"x", b"1"), (b"name", b"b")]);
}

#[test]
fn a_message_is_an_attribute_or_bare_words() {
    assert_eq!(reply(&[b"!trap", b"=message=no such item"]).message(), "no such item");
    assert_eq!(reply(&[b"!fatal", b"session terminated on request"]).message(), "session terminated on request");
    assert_eq!(reply(&[b"!fatal"]).message(), "");
}

#[test]
fn kinds_are_told_apart() {
    assert_eq!(reply(&[b"!re"]).kind, ReplyKind::Re);
    assert_eq!(reply(&[b"!empty", b".tag=5"]).kind, ReplyKind::Empty);
    assert_eq!(reply(&[b"!new"]).kind, ReplyKind::Other(Bytes::from_static(b"!new")));
    assert_eq!(reply(&[]).kind, ReplyKind::Other(Bytes::new()));
}

#[test]
fn text_that_is_not_utf8_is_windows_1252() {
    assert_eq!(decode_text("Ngạwi ☕".as_bytes()), "Ngạwi ☕");
    assert_eq!(decode_text(b"caf\xE9 \x80 \x99\x81"), "café € ™\u{81}");
}

#[test]
fn secrets_are_masked_in_debug() {
    let row = Row::from_iter([("name", "siti"), ("password", "rahasia"), ("wpa2-pre-shared-key", "kunci")]);
    let shown = format!("{row:?}");
    assert!(shown.contains("siti") && !shown.contains("rahasia") && !shown.contains("kunci"), "{shown}");
    let request = Request::new("/ppp/secret/add").attr("name", "siti").attr("password", "rahasia");
    let shown = format!("{request:?}");
    assert!(shown.contains("siti") && !shown.contains("rahasia"), "{shown}");
}

#[test]
fn a_request_is_its_words_in_order() {
    let request = Request::new("/ip/hotspot/user/print")
        .attr("count-only", "")
        .query("?name=a")
        .query("?name=b")
        .query("?#|")
        .proplist(&[".id", "name"]);
    let words: Vec<&[u8]> = request.words().iter().map(AsRef::as_ref).collect();
    assert_eq!(
        words,
        [&b"/ip/hotspot/user/print"[..], b"=count-only=", b"?name=a", b"?name=b", b"?#|", b"=.proplist=.id,name"]
    );
    assert_eq!(Request::new("/x").clear("limit-uptime").words()[1], "=!limit-uptime=");
}

#[test]
fn refusals_are_classified_by_their_text() {
    let cases = [
        ("invalid user name or password (6)", TrapKind::Auth),
        ("cannot log in", TrapKind::Auth),
        ("not enough permissions (9)", TrapKind::Permission),
        ("failure: already have user with this name for this server", TrapKind::Duplicate),
        ("failure: already have such address", TrapKind::Duplicate),
        ("failure: cannot add already have such entry", TrapKind::Duplicate),
        ("failure: entry already exists", TrapKind::Duplicate),
        ("Failure: user with the SAME NAME already exists", TrapKind::Duplicate),
        ("input does not match any value of profile", TrapKind::BadReference),
        ("invalid value for argument address", TrapKind::BadValue),
        ("value of shared-users out of range (0..4294967295)", TrapKind::BadValue),
        ("unknown parameter", TrapKind::UnknownParameter),
        ("unknown parameter show-sensitive", TrapKind::UnknownParameter),
        ("no such command prefix", TrapKind::NoSuchCommand),
        ("no such item (4)", TrapKind::NoSuchItem),
        ("interrupted", TrapKind::Cancelled),
        ("action failed (6)", TrapKind::Busy),
        ("action timed out - try again, if error continues contact MikroTik support (13)", TrapKind::Busy),
        ("failure: not allowed by device-mode", TrapKind::DeviceMode),
        ("failure: Status 404, Not Found", TrapKind::Other),
    ];
    for (message, kind) in cases {
        let trap = Trap { category: None, message: message.to_owned(), others: Vec::new() };
        assert_eq!(trap.kind(), kind, "{message}");
    }
    let by_category = |category| Trap { category, message: "?".to_owned(), others: Vec::new() }.kind();
    assert_eq!(by_category(Some(1)), TrapKind::BadValue);
    assert_eq!(by_category(Some(2)), TrapKind::Cancelled);
    assert_eq!(by_category(Some(99)), TrapKind::Other);
}

proptest! {
    #[test]
    fn any_words_make_a_reply_that_can_be_read(words in vec(vec(any::<u8>(), 0..40), 0..20)) {
        let words: Vec<&[u8]> = words.iter().map(AsRef::as_ref).collect();
        let reply = reply(&words);
        let attributes = words.iter().skip(1).filter(|word| word.first() == Some(&b'='));
        prop_assert_eq!(reply.attrs.iter().count(), attributes.count());
        for (name, value) in reply.attrs.iter() {
            let _text = (decode_text(name), decode_text(value));
        }
        let _shown = format!("{reply:?} {}", reply.message());
    }

    #[test]
    fn a_row_gives_back_its_fields(fields in vec((vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..40)), 0..20)) {
        let row: Row = fields.iter().map(|(name, value)| (name, value)).collect();
        let back: Vec<_> = row.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        prop_assert_eq!(back, fields);
    }
}
