//! Tests of the plan: the very lines, per version.

use super::*;

fn spec() -> DesiredIsolation {
    DesiredIsolation {
        gone: false,
        ppp_profile: "isolir".into(),
        hotspot_profile: "isolir".into(),
        pool: "hiji-isolir".into(),
        ranges: "10.254.1.2-10.254.1.254".into(),
        local_address: "10.254.1.1".into(),
        rate_limit: "128k/128k".into(),
        list: "isolir".into(),
        page: "172.17.0.2:8081".into(),
        allowed: vec!["bill.hiji.test".into(), "wa.me".into()],
    }
}

fn text(spec: &DesiredIsolation, version: &str) -> String {
    let release = Release::of(version);
    let lines = plan(spec, release);
    lines.iter().map(|line| line.text(release) + if line.is_first { "  <first\n" } else { "\n" }).collect()
}

#[test]
fn version_7_gets_these_lines() {
    insta::assert_snapshot!(text(&spec(), "7.16.1"), @r##"
    /ip/pool/add name=hiji-isolir ranges=10.254.1.2-10.254.1.254 comment="hiji isolation"
    /ppp/profile/add name=isolir local-address=10.254.1.1 remote-address=hiji-isolir address-list=isolir rate-limit=128k/128k use-ipv6=no comment="hiji isolation"
    /ip/hotspot/user/profile/add name=isolir address-list=isolir rate-limit=128k/128k on-login="# hiji isolation"
    /ip/firewall/address-list/add list=isolir-allowed address=bill.hiji.test comment="hiji isolation"
    /ip/firewall/address-list/add list=isolir-allowed address=wa.me comment="hiji isolation"
    /ip/firewall/filter/add chain=input action=accept protocol=udp dst-port=53 src-address-list=isolir comment="hiji isolation: router dns udp"  <first
    /ip/firewall/filter/add chain=input action=accept protocol=tcp dst-port=53 src-address-list=isolir comment="hiji isolation: router dns tcp"  <first
    /ip/firewall/filter/add chain=forward action=jump jump-target=hiji-isolation src-address-list=isolir comment="hiji isolation: jump"  <first
    /ip/firewall/filter/add chain=hiji-isolation action=accept protocol=udp dst-port=53 comment="hiji isolation: dns udp"
    /ip/firewall/filter/add chain=hiji-isolation action=accept protocol=tcp dst-port=53 comment="hiji isolation: dns tcp"
    /ip/firewall/filter/add chain=hiji-isolation action=accept dst-address=172.17.0.2 comment="hiji isolation: page"
    /ip/firewall/filter/add chain=hiji-isolation action=accept dst-address-list=isolir-allowed comment="hiji isolation: allowed"
    /ip/firewall/filter/add chain=hiji-isolation action=reject protocol=tcp reject-with=tcp-reset comment="hiji isolation: refuse"
    /ip/firewall/filter/add chain=hiji-isolation action=drop comment="hiji isolation: drop"
    /ip/firewall/nat/add chain=dstnat action=dst-nat protocol=tcp dst-port=80 src-address-list=isolir dst-address-list=!isolir-allowed to-addresses=172.17.0.2 to-ports=8081 comment="hiji isolation: page"  <first
    "##);
}

#[test]
fn version_6_has_no_comment_of_pools_and_no_ipv6_of_its_own() {
    let hotspotless = DesiredIsolation { hotspot_profile: String::new(), allowed: Vec::new(), ..spec() };
    insta::assert_snapshot!(text(&DesiredIsolation { page: String::new(), ..hotspotless }, "6.49.17"), @r#"
    /ip pool add name=hiji-isolir ranges=10.254.1.2-10.254.1.254
    /ppp profile add name=isolir local-address=10.254.1.1 remote-address=hiji-isolir address-list=isolir rate-limit=128k/128k comment="hiji isolation"
    /ip firewall filter add chain=input action=accept protocol=udp dst-port=53 src-address-list=isolir comment="hiji isolation: router dns udp"  <first
    /ip firewall filter add chain=input action=accept protocol=tcp dst-port=53 src-address-list=isolir comment="hiji isolation: router dns tcp"  <first
    /ip firewall filter add chain=forward action=jump jump-target=hiji-isolation src-address-list=isolir comment="hiji isolation: jump"  <first
    /ip firewall filter add chain=hiji-isolation action=accept protocol=udp dst-port=53 comment="hiji isolation: dns udp"
    /ip firewall filter add chain=hiji-isolation action=accept protocol=tcp dst-port=53 comment="hiji isolation: dns tcp"
    /ip firewall filter add chain=hiji-isolation action=reject protocol=tcp reject-with=tcp-reset comment="hiji isolation: refuse"
    /ip firewall filter add chain=hiji-isolation action=drop comment="hiji isolation: drop"
    "#);
}

#[test]
fn a_hotspot_alone_needs_no_pool_and_the_page_has_a_usual_port() {
    let hotspot = DesiredIsolation { ppp_profile: String::new(), page: "10.0.0.9".into(), ..spec() };
    let lines = plan(&hotspot, Release::V7);
    assert!(lines.iter().all(|line| !matches!(line.menu, Menu::Pool | Menu::PppProfile)));
    let nat = lines.iter().find(|line| line.menu == Menu::Nat).unwrap();
    assert_eq!((nat.field("to-addresses"), nat.field("to-ports")), ("10.0.0.9", "80"));
    assert_eq!(plan(&DesiredIsolation { gone: true, ..spec() }, Release::V7), []);
}

#[test]
fn every_line_says_whose_it_is() {
    for version in ["6.49", "7.20", ""] {
        for line in plan(&spec(), Release::of(version)) {
            let marked = match line.menu {
                Menu::Pool => line.field("name").starts_with(POOL_PREFIX),
                Menu::HotspotProfile => script_carries_mark(line.field("on-login")),
                Menu::PppProfile | Menu::AddressList | Menu::Filter | Menu::Nat => carries_mark(line.field("comment")),
            };
            assert!(marked, "{line:?}");
        }
    }
    assert!(carries_mark("hiji isolation PPPOE_SYSTEM") && carries_mark(MARK));
    assert!(!carries_mark("hiji isolations") && !carries_mark("my hiji isolation") && !carries_mark(""));
}

#[test]
fn rules_of_a_chain_are_known_by_their_comments() {
    let lines = plan(&spec(), Release::V7);
    for menu in [Menu::Filter, Menu::Nat] {
        let mut comments: Vec<&str> =
            lines.iter().filter(|line| line.menu == menu).map(|line| line.field("comment")).collect();
        let count = comments.len();
        comments.sort_unstable();
        comments.dedup();
        assert_eq!(comments.len(), count);
    }
}

#[test]
fn other_lines_have_another_digest() {
    let of = |spec: &DesiredIsolation, release| digest(&plan(spec, release), release);
    let before = of(&spec(), Release::V7);
    assert_eq!(of(&spec(), Release::V7), before);
    assert_ne!(of(&spec(), Release::V6), before);
    assert_ne!(of(&DesiredIsolation { rate_limit: "64k/64k".into(), ..spec() }, Release::V7), before);
}

#[test]
fn what_the_console_would_read_otherwise_is_quoted() {
    assert_eq!((quoted("a-b/1.2"), quoted(""), quoted("a b")), ("a-b/1.2".into(), "\"\"".into(), "\"a b\"".into()));
    assert_eq!(quoted("a\"$b\\"), r#""a\"\$b\\""#);
}

#[test]
fn the_object_keeps_its_shape_on_the_wire() {
    let json =
        serde_json::to_string(&DesiredIsolation { hotspot_profile: String::new(), page: String::new(), ..spec() });
    assert_eq!(
        json.unwrap(),
        r#"{"ppp_profile":"isolir","pool":"hiji-isolir","ranges":"10.254.1.2-10.254.1.254","local_address":"10.254.1.1","rate_limit":"128k/128k","list":"isolir","allowed":["bill.hiji.test","wa.me"]}"#
    );
}
