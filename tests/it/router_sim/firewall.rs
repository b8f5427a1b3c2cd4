//! Rules of the simulated router: their order, and what they make of packets.

use hiji_tests::router_sim::{Packet, Verdict, Version};

use super::support::{Bench, Raw};

const FILTER: &str = "/ip/firewall/filter";

fn comments(bench: &Bench, chain: &str) -> Vec<String> {
    let rules = bench.sim.rows(FILTER).into_iter().filter(|row| row["chain"] == chain && row["dynamic"] == "false");
    rules.map(|row| row.get("comment").cloned().unwrap_or_default()).collect()
}

#[tokio::test]
async fn rules_are_placed_moved_and_printed_in_their_order() {
    for version in [Version::V6_49, Version::V7_20] {
        let bench = Bench::new(version).await;
        let mut raw = Raw::admin(&bench.sim).await;
        let add = "/ip/firewall/filter/add";
        let last = raw.ask(&[add, "=chain=x", "=comment=last"]).await[0][1].replace("=ret=", "");
        let before = format!("=place-before={last}");
        let first = raw.ask(&[add, "=chain=x", "=comment=first", &before]).await[0][1].replace("=ret=", "");
        raw.ask(&[add, "=chain=x", "=comment=middle", &before]).await;
        assert_eq!(comments(&bench, "x"), ["first", "middle", "last"]);
        let seen = raw.ask(&["/ip/firewall/filter/print", "?chain=x", "=.proplist=comment"]).await;
        assert_eq!(seen[0], ["!re", "=comment=first"]);
        let to = format!("=destination={first}");
        raw.ask(&["/ip/firewall/filter/move", &format!("=numbers={last}"), &to]).await;
        assert_eq!(comments(&bench, "x"), ["last", "first", "middle"]);
        raw.ask(&["/ip/firewall/filter/move", &format!("=numbers={last}")]).await;
        assert_eq!(comments(&bench, "x"), ["first", "middle", "last"]);
        let gone = raw.ask(&[add, "=chain=x", "=place-before=*FF"]).await;
        assert!(gone[0].last().unwrap().starts_with("=message=no such item"));
        let own = bench.sim.rows(FILTER).into_iter().find(|row| row["dynamic"] == "true").unwrap();
        let refused = raw.ask(&[add, "=chain=forward", &format!("=place-before={}", own[".id"])]).await;
        assert_eq!(refused[0][0], "!trap", "the router's own rules stay where they are");
        bench.sim.remove(FILTER, &first).unwrap();
        assert_eq!(comments(&bench, "x"), ["middle", "last"]);
    }
}

#[tokio::test]
async fn pools_of_version_6_have_no_comment() {
    for (version, has) in [(Version::V6_49, false), (Version::V7_8, true)] {
        let bench = Bench::new(version).await;
        let mut raw = Raw::admin(&bench.sim).await;
        let added = raw.ask(&["/ip/pool/add", "=name=p", "=ranges=10.9.0.2-10.9.0.3", "=comment=x"]).await;
        assert_eq!(added[0][0] == "!done", has, "{added:?}");
        if has {
            let seen = raw.ask(&["/ip/pool/print", "?name=p", "=.proplist=comment"]).await;
            assert_eq!(seen[0], ["!re", "=comment=x"]);
        }
    }
}

#[tokio::test]
async fn packets_go_through_rules_chains_and_lists() {
    let bench = Bench::new(Version::V7_16).await;
    let sim = &bench.sim;
    let web = Packet::tcp("10.99.0.2", "93.184.216.34", 443);
    assert_eq!(sim.verdict(web), Verdict::Passes, "nothing stops it");
    sim.add("/ip/firewall/address-list", &[("list", "isolir"), ("address", "10.99.0.0/24")]).unwrap();
    sim.add("/ip/firewall/address-list", &[("list", "open"), ("address", "wa.me")]).unwrap();
    for rule in [
        [("chain", "forward"), ("action", "jump"), ("jump-target", "own"), ("src-address-list", "isolir")],
        [("chain", "own"), ("action", "accept"), ("protocol", "udp"), ("dst-port", "53")],
        [("chain", "own"), ("action", "accept"), ("dst-address-list", "open"), ("comment", "-")],
        [("chain", "own"), ("action", "return"), ("dst-address", "10.0.0.0/8"), ("comment", "-")],
        [("chain", "own"), ("action", "reject"), ("protocol", "tcp"), ("comment", "-")],
        [("chain", "own"), ("action", "drop"), ("comment", "-"), ("log", "no")],
    ] {
        sim.add(FILTER, &rule).unwrap();
    }
    let nat = [
        ("chain", "dstnat"),
        ("action", "dst-nat"),
        ("dst-port", "80"),
        ("to-addresses", "10.1.1.1"),
        ("to-ports", "8081"),
    ];
    sim.add("/ip/firewall/nat", &nat).unwrap();
    assert_eq!(sim.verdict(web), Verdict::Rejected);
    assert_eq!(sim.verdict(Packet { is_known: true, ..web }), Verdict::Passes, "an accept stands above the jump");
    assert_eq!(sim.verdict(Packet::udp("10.99.0.2", "8.8.8.8", 53)), Verdict::Passes);
    assert_eq!(sim.verdict(Packet::udp("10.99.0.2", "8.8.8.8", 123)), Verdict::Dropped);
    assert_eq!(sim.verdict(Packet::tcp("10.99.0.2", "wa.me", 443)), Verdict::Passes);
    assert_eq!(sim.verdict(Packet::tcp("10.99.0.2", "93.184.216.34", 80)), Verdict::Led("10.1.1.1:8081".into()));
    assert_eq!(sim.verdict(Packet::tcp("10.20.0.2", "93.184.216.34", 443)), Verdict::Passes, "not isolated");
}
