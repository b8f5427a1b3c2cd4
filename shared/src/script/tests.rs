//! What happens to an admin's lines, and what each version is given.

use proptest::prelude::*;

use super::*;

const CALL: Call<'_> = Call { url: "http://10.0.0.2:8081", token: "T0KEN" };
const WANTED: Wanted<'_> =
    Wanted { marker: Some("VOUCHER_SYSTEM"), kept_marker: None, call: Some(CALL), beside_mikhmon: false };

fn planned(script: &str) -> String {
    plan(script, Slot::Login, WANTED, Syntax::of("7.16.1")).unwrap()
}

#[test]
fn a_block_is_one_line_in_each_version_s_own_words() {
    let line = |slot, version: &str| {
        let text = block(slot, None, Some(CALL), Syntax::of(version));
        assert_eq!(text.lines().count(), 3);
        assert!(!text.contains(','), "Mikhmon counts commas: {text}");
        text.lines().nth(1).unwrap().to_owned()
    };
    assert_eq!(
        line(Slot::Login, "6.49.17"),
        r#":do {/tool fetch url="http://10.0.0.2:8081/h/login" http-method=post http-header-field="X-Hiji: T0KEN" http-data=("h2|" . $address . "|" . $"mac-address" . "|" . $interface . "|" . "" . "|" . "" . "|" . "" . "|" . "" . "|" . $user) output=none keep-result=no} on-error={}"#
    );
    assert!(line(Slot::Login, "7.16").contains(" idle-timeout=2s}") && !line(Slot::Login, "7.15").contains("idle"));
    let oldest = line(Slot::Login, "6.43.16");
    assert!(oldest.contains("/h/login/T0KEN\"") && !oldest.contains("header"), "{oldest}");
    let out = line(Slot::Logout, "7.16");
    assert!(out.contains(r#"$cause . "|" . $"uptime-secs" . "|" . $"bytes-in" . "|" . $"bytes-out" . "|" . $user)"#));
    assert!(line(Slot::Up, "7.16").contains(r#"$"remote-address" . "|" . $"caller-id""#));
    assert_eq!(Syntax::of("who knows"), Syntax::of("6.49"));
}

#[test]
fn lines_that_came_into_the_block_or_lost_it_stay() {
    let inside = planned(":put 1").replace("# hiji end", ":put mine\n# a note of mine\n# hiji end");
    assert_eq!(without_block(&inside), ":put mine\n# a note of mine\n:put 1");
    for damaged in [
        planned(":put 1").replace("# hiji end\n", ""),
        planned(":put 1").replace("# hiji begin\n", ""),
        format!("# hiji begin\n{}", planned(":put 1")),
        format!("{}\n# hiji end", planned(":put 1")),
    ] {
        assert_eq!(without_block(&damaged).trim_end(), ":put 1", "{damaged}");
        assert_eq!(planned(&damaged).trim_end(), planned(":put 1"), "{damaged}");
    }
    assert_eq!(without_block("# VOUCHER_SYSTEM\n:put 1\n# hiji end"), "# VOUCHER_SYSTEM\n:put 1\n");
}

#[test]
fn the_block_stays_where_the_admin_put_it_and_takes_his_line_ends() {
    let moved = format!(":put first\r\n{}\r\n:put last", planned("").replace('\n', "\r\n"));
    assert_eq!(planned(&moved), moved);
    let other = plan(&moved, Slot::Login, Wanted { call: None, ..WANTED }, Syntax::of("7.16")).unwrap();
    assert_eq!(other, ":put first\r\n# hiji begin\r\n# VOUCHER_SYSTEM\r\n# hiji end\r\n:put last");
    assert!(same_text(&planned(":put 1"), &planned(":put 1").replace('\n', "\r\n")));
}

#[test]
fn a_marker_that_was_there_before_stays_when_the_hook_goes() {
    let found = "# hiji begin\n# VOUCHER_SYSTEM\n# hiji end\n:log info \"mine\"";
    let keep = Wanted { marker: None, kept_marker: Some("VOUCHER_SYSTEM"), ..WANTED };
    let with = plan(found, Slot::Login, keep, Syntax::of("7.16")).unwrap();
    assert!(is_marked(&with, "VOUCHER_SYSTEM") && calls_hook(&with));
    let off = Wanted { call: None, ..keep };
    assert_eq!(plan(&with, Slot::Login, off, Syntax::of("7.16")).unwrap(), found);
    let unmarked = plan(":log info", Slot::Login, off, Syntax::of("7.16")).unwrap();
    assert_eq!(unmarked, ":log info");
}

#[test]
fn a_script_too_long_for_the_router_is_left_alone() {
    let own = ":put 1\n".repeat(560);
    let refused = plan(&own, Slot::Login, WANTED, Syntax::of("6.49")).unwrap_err();
    assert!(matches!(refused, ScriptError::TooLong { max: MAX_SCRIPT_V6, .. }), "{refused}");
    assert!(plan(&own, Slot::Login, WANTED, Syntax::of("7.8")).is_ok());
    let off = Wanted { marker: None, call: None, ..WANTED };
    let long = format!("{}\n{own}", planned(""));
    assert_eq!(plan(&long, Slot::Login, off, Syntax::of("6.49")).unwrap(), own, "out it goes all the same");
}

#[test]
fn mikhmon_s_script_is_touched_only_where_that_was_allowed() {
    let own = ":put (\",remc,3000,12h,5000,,Enable,\"); {:local date [ /system clock get date ];}";
    assert_eq!(plan(own, Slot::Login, WANTED, Syntax::of("7.16")), Err(ScriptError::Mikhmon));
    let beside = plan(own, Slot::Login, Wanted { beside_mikhmon: true, ..WANTED }, Syntax::of("7.16")).unwrap();
    assert_eq!(without_block(&beside), own);
    let (head, _) = beside.split_once(":put").unwrap();
    assert!(!head.contains(','), "Mikhmon still finds its fields");
    assert_eq!(planned(&beside), beside, "what is there needs no leave");
}

#[test]
fn nobody_sees_the_token() {
    for version in ["6.43", "6.49", "7.20"] {
        let script = plan(":put 1", Slot::Logout, WANTED, Syntax::of(version)).unwrap();
        let shown = masked(&script);
        assert!(script.contains("T0KEN") && !shown.contains("T0KEN") && shown.contains(MASK), "{shown}");
        assert!(shown.ends_with(":put 1") && calls_hook(&shown) && has_block(&shown));
        assert_eq!(without_block(&shown), ":put 1");
    }
    assert!(!format!("{CALL:?}").contains("T0KEN"));
}

#[test]
fn a_body_is_read_back_and_a_name_may_hold_bars() {
    let body = "h2|10.5.50.9|AA:BB|bridge|user request|75|1000|2000|a|b";
    let read = hint(body).unwrap();
    assert_eq!((read.user.as_str(), read.mac.as_str(), read.cause.as_str()), ("a|b", "AA:BB", "user request"));
    assert_eq!((read.uptime_secs, read.bytes_in, read.bytes_out), (Some(75), Some(1000), Some(2000)));
    assert_eq!(hint("h2|10.5.50.9|AA|b|||||siti").unwrap().uptime_secs, None);
    for foreign in ["", "siti|10.0.0.1", "h2", "h2|a|b", "h2|||||||", "h2||||||||", "h3||||||||siti"] {
        assert_eq!(hint(foreign), None, "{foreign}");
    }
}

#[test]
fn a_comment_gets_the_marker_and_is_as_before_without_it() {
    for own in ["", "Paket rumah", "a|b"] {
        let with = comment_with(own, "PPPOE_SYSTEM");
        assert!(comment_marked(&with, "PPPOE_SYSTEM"));
        assert_eq!(comment_without(&with, "PPPOE_SYSTEM"), own);
        assert_eq!(comment_with(&with, "PPPOE_SYSTEM"), with);
    }
    assert_eq!(comment_without("MY_PPPOE_SYSTEM", "PPPOE_SYSTEM"), "MY_PPPOE_SYSTEM");
}

/// Lines as admins, WinBox and accidents write them.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => "[ -~é]{0,20}",
        1 => Just("# hiji begin".to_owned()),
        1 => Just("# hiji end".to_owned()),
        1 => Just("# VOUCHER_SYSTEM".to_owned()),
        1 => Just(block(Slot::Login, None, Some(CALL), Syntax::of("7.16")).lines().nth(1).unwrap().to_owned()),
    ]
}

fn script() -> impl Strategy<Value = String> {
    let part = (line(), prop_oneof![3 => Just("\n"), 1 => Just("\r\n")]);
    (proptest::collection::vec(part, 0..12), "[ -~]{0,10}")
        .prop_map(|(parts, last)| parts.into_iter().map(|(text, end)| text + end).chain([last]).collect())
}

proptest! {
    #[test]
    fn in_and_out_again_leaves_what_was_there(own in "[ -~é\r\n]{0,200}") {
        prop_assume!(!has_block(&own) && !is_mikhmon(&own));
        prop_assert_eq!(without_block(&planned(&own)), own);
    }

    #[test]
    fn no_line_of_the_admin_s_is_lost_moved_or_changed(script in script()) {
        let ours = |line: &&str| matches!(line.trim(), BEGIN | END) || is_ours(line);
        let own = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !ours(line)).map(str::to_owned).collect()
        };
        prop_assume!(!is_mikhmon(&script));
        let with = planned(&script);
        prop_assert_eq!(own(&with), own(&script));
        prop_assert_eq!(own(&without_block(&with)), own(&script));
        prop_assert!(!has_block(&without_block(&with)));
        prop_assert_eq!(&planned(&with), &with, "once is enough");
        prop_assert!(is_marked(&with, "VOUCHER_SYSTEM") && calls_hook(&with));
    }
}
