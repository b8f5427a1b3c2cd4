//! Tests of the acts, against a small router that does as told.

use hiji_shared::isolation::{DesiredIsolation, MARK, Release, plan};
use proptest::prelude::*;

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
        allowed: vec!["wa.me".into()],
    }
}

/// Menus as a router keeps them: fields in no order, rules in theirs.
#[derive(Debug, Clone, Default, PartialEq)]
struct Mini {
    menus: BTreeMap<Menu, Vec<BTreeMap<String, String>>>,
    next: u32,
}

impl Mini {
    fn new() -> Self {
        Self { menus: Menu::ALL.into_iter().map(|menu| (menu, Vec::new())).collect(), next: 1 }
    }

    fn with(mut self, menu: Menu, fields: &[(&str, &str)]) -> Self {
        self.add(menu, fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(), None);
        self
    }

    fn add(&mut self, menu: Menu, mut row: BTreeMap<String, String>, before: Option<&str>) {
        row.insert(".id".into(), format!("*{}", self.next));
        self.next += 1;
        let rows = self.menus.get_mut(&menu).unwrap();
        let at = before.map_or(rows.len(), |id| rows.iter().position(|row| row[".id"] == id).unwrap());
        rows.insert(at, row);
    }

    fn seen(&self) -> Seen {
        let row =
            |row: &BTreeMap<String, String>| row.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.menus.iter().map(|(menu, rows)| (*menu, rows.iter().map(row).collect())).collect()
    }

    fn perform(&mut self, act: &Act) {
        match act {
            Act::Add { menu, fields, before } => {
                let row = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                self.add(*menu, row, before.as_deref());
            }
            Act::Set { menu, id, fields } => {
                let row = self.menus.get_mut(menu).unwrap().iter_mut().find(|row| row[".id"] == *id).unwrap();
                for (name, value) in fields {
                    match value {
                        Some(value) => row.insert((*name).to_owned(), value.clone()),
                        None => row.remove(*name),
                    };
                }
            }
            Act::Move { menu, id, before } => {
                let rows = self.menus.get_mut(menu).unwrap();
                let at = rows.iter().position(|row| row[".id"] == *id).unwrap();
                let row = rows.remove(at);
                let at = rows.iter().position(|row| row[".id"] == *before).unwrap();
                rows.insert(at, row);
            }
            Act::Remove { menu, id } => self.menus.get_mut(menu).unwrap().retain(|row| row[".id"] != *id),
        }
    }

    /// Rounds until nothing is to be done; answers how many acts that took.
    fn settle(&mut self, spec: &DesiredIsolation) -> Result<usize, Refusal> {
        let lines = plan(spec, Release::V7);
        let mut done = 0;
        for _ in 0..super::super::ROUNDS {
            let acts = acts(&lines, &self.seen(), &|_, _| 0)?;
            if acts.is_empty() {
                return Ok(done);
            }
            done += acts.len();
            acts.iter().for_each(|act| self.perform(act));
        }
        panic!("never right: {self:#?}");
    }

    /// What is not hiji's, in its order.
    fn foreign(&self) -> Vec<(Menu, BTreeMap<String, String>)> {
        let rows = self.seen();
        let mut foreign = Vec::new();
        for (menu, list) in &self.menus {
            let ours = rows[menu].iter().map(|row| is_ours(*menu, row));
            foreign.extend(list.iter().zip(ours).filter(|(_, ours)| !ours).map(|(row, _)| (*menu, row.clone())));
        }
        foreign
    }

    fn rules(&self, menu: Menu) -> Vec<&str> {
        self.menus[&menu].iter().map(|row| row.get("comment").map_or("-", String::as_str)).collect()
    }

    /// The filter's rules of one chain.
    fn chain(&self, chain: &str) -> Vec<&str> {
        let rules = self.menus[&Menu::Filter].iter().filter(|row| row["chain"] == chain);
        rules.map(|row| row.get("comment").map_or("-", String::as_str)).collect()
    }
}

/// An admin's firewall, with an accept at the top that would let everything pass.
fn admin() -> Mini {
    Mini::new()
        .with(Menu::Pool, &[("name", "ppp-pool"), ("ranges", "10.20.0.2-10.20.63.254")])
        .with(Menu::PppProfile, &[("name", "10M"), ("remote-address", "ppp-pool")])
        .with(Menu::Filter, &[("chain", "input"), ("action", "drop"), ("comment", "no guests")])
        .with(Menu::Filter, &[("chain", "forward"), ("action", "accept"), ("connection-state", "established")])
        .with(Menu::Filter, &[("chain", "forward"), ("action", "drop"), ("comment", "last")])
        .with(Menu::Nat, &[("chain", "srcnat"), ("action", "masquerade")])
        .with(Menu::Nat, &[("chain", "dstnat"), ("action", "dst-nat"), ("dst-port", "80")])
}

#[test]
fn an_admin_s_router_gets_every_line_once_before_his_own_rules() {
    let mut router = admin();
    let foreign = router.foreign();
    assert_eq!(router.settle(&spec()), Ok(plan(&spec(), Release::V7).len()));
    assert_eq!(router.settle(&spec()), Ok(0), "the second time there is nothing to do");
    assert_eq!(router.foreign(), foreign);
    let rules = [
        "hiji isolation: router dns udp",
        "hiji isolation: router dns tcp",
        "no guests",
        "hiji isolation: jump",
        "-",
        "last",
        "hiji isolation: dns udp",
        "hiji isolation: dns tcp",
        "hiji isolation: page",
        "hiji isolation: allowed",
        "hiji isolation: refuse",
        "hiji isolation: drop",
    ];
    assert_eq!(router.rules(Menu::Filter), rules);
    assert_eq!(router.rules(Menu::Nat), ["-", "hiji isolation: page", "-"]);
}

#[test]
fn what_was_changed_in_winbox_is_put_back() {
    let mut router = admin();
    router.settle(&spec()).unwrap();
    let right = router.clone();
    let rules = router.menus.get_mut(&Menu::Filter).unwrap();
    let jump = rules.iter_mut().find(|row| row.get("jump-target").is_some()).unwrap();
    jump.insert("disabled".into(), "true".into());
    jump.insert("in-interface".into(), "ether5".into());
    jump.insert("src-address-list".into(), "other".into());
    let profile = router.menus.get_mut(&Menu::PppProfile).unwrap().last_mut().unwrap();
    profile.insert("rate-limit".into(), "10M/10M".into());
    profile.insert("comment".into(), format!("{MARK} PPPOE_SYSTEM"));
    assert_eq!(router.settle(&spec()), Ok(2));
    let jump = router.menus[&Menu::Filter].iter().find(|row| row.contains_key("jump-target")).unwrap();
    assert_eq!((jump["disabled"].as_str(), jump["src-address-list"].as_str()), ("no", "isolir"));
    assert!(!jump.contains_key("in-interface"));
    assert_eq!(router.rules(Menu::Filter), right.rules(Menu::Filter));
    // Moved below the accept that lets everything pass, and one of the chain's out of order.
    let rules = router.menus.get_mut(&Menu::Filter).unwrap();
    let at = rules.iter().position(|row| row.get("comment").is_some_and(|comment| comment.ends_with("jump"))).unwrap();
    let jump = rules.remove(at);
    rules.push(jump);
    let drop =
        rules.iter().position(|row| row.get("comment").is_some_and(|comment| comment.ends_with(": drop"))).unwrap();
    let drop = rules.remove(drop);
    rules.insert(0, drop);
    router.settle(&spec()).unwrap();
    for chain in ["input", "forward", CHAIN] {
        assert_eq!(router.chain(chain), right.chain(chain));
    }
}

#[test]
fn a_spelling_of_the_router_s_own_is_no_difference() {
    let mut router = admin();
    router.settle(&spec()).unwrap();
    let mut set = |menu, name: &str, value: &str| {
        for row in router.menus.get_mut(&menu).unwrap().iter_mut().filter(|row| row.contains_key(name)) {
            row.insert(name.to_owned(), value.to_owned());
        }
    };
    set(Menu::PppProfile, "rate-limit", "128000/128000");
    set(Menu::PppProfile, "use-ipv6", "false");
    set(Menu::AddressList, "address", "wa.me/32");
    assert_eq!(router.settle(&spec()), Ok(0));
}

#[test]
fn names_of_others_are_refused_and_nothing_is_done() {
    for (menu, name) in [(Menu::PppProfile, "isolir"), (Menu::HotspotProfile, "isolir")] {
        let mut router = admin().with(menu, &[("name", name), ("rate-limit", "1M/1M")]);
        let before = router.clone();
        assert!(matches!(router.settle(&spec()), Err((FailCode::NameTaken, _))), "{menu:?}");
        assert_eq!(router, before);
    }
    let mut router = admin().with(Menu::Pool, &[("name", "hiji-isolir"), ("comment", "mine")]);
    assert!(matches!(router.settle(&spec()), Err((FailCode::NameTaken, _))));
    let mut router = admin().with(Menu::Pool, &[("name", "guests"), ("ranges", "10.254.0.0/16")]);
    assert!(matches!(router.settle(&spec()), Err((FailCode::BadValue, why)) if why.contains("guests")));
}

#[test]
fn removing_leaves_the_admin_s_own_and_nothing_else() {
    let mut router = admin().with(Menu::AddressList, &[("list", "isolir-allowed"), ("address", "wa.me")]);
    let foreign = router.foreign();
    let before: Vec<_> = router.menus.values().map(Vec::len).collect();
    router.settle(&spec()).unwrap();
    let gone = DesiredIsolation { gone: true, ..DesiredIsolation::default() };
    router.settle(&gone).unwrap();
    assert_eq!(router.foreign(), foreign);
    assert_eq!(router.menus.values().map(Vec::len).collect::<Vec<_>>(), before);
    assert_eq!(router.settle(&gone), Ok(0));
}

#[test]
fn a_profile_in_use_is_not_removed() {
    let mut router = admin();
    router.settle(&spec()).unwrap();
    let used = |menu, name: &str| usize::from(menu == Menu::PppProfile && name == "isolir") * 3;
    let refused = acts(&[], &router.seen(), &used);
    assert!(matches!(refused, Err((FailCode::Other, why)) if why.contains("3 users")));
    let renamed = DesiredIsolation { ppp_profile: "ISOLIR".into(), ..spec() };
    assert!(acts(&plan(&renamed, Release::V7), &router.seen(), &used).is_err());
    router.settle(&renamed).unwrap();
    let profiles: Vec<&str> = router.menus[&Menu::PppProfile].iter().map(|row| row["name"].as_str()).collect();
    assert_eq!(profiles, ["10M", "ISOLIR"]);
}

#[test]
fn a_router_without_a_hotspot_says_so() {
    let mut seen = admin().seen();
    seen.remove(&Menu::HotspotProfile);
    let of = |spec: &DesiredIsolation| acts(&plan(spec, Release::V7), &seen, &|_, _| 0);
    assert!(matches!(of(&spec()), Err((FailCode::Unsupported, _))));
    assert!(of(&DesiredIsolation { hotspot_profile: String::new(), ..spec() }).is_ok());
}

proptest! {
    /// However the rules lie and whatever is missing or doubled: it comes right, and what is the admin's stays.
    #[test]
    fn it_always_comes_right(
        shuffle in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
        lost in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
        doubled in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut router = admin();
        let foreign = router.foreign();
        router.settle(&spec()).unwrap();
        let rules = router.menus.get_mut(&Menu::Filter).unwrap();
        if let Some(index) = doubled {
            let mut copy = index.get(rules).clone();
            if copy.get("comment").is_some_and(|comment| carries_mark(comment)) {
                copy.insert(".id".into(), "*FF".into());
                rules.push(copy);
            }
        }
        for index in &lost {
            let at = index.index(rules.len());
            if rules[at].get("comment").is_some_and(|comment| carries_mark(comment)) {
                rules.remove(at);
            }
        }
        for index in &shuffle {
            let at = index.index(rules.len());
            if rules[at].get("comment").is_some_and(|comment| carries_mark(comment)) {
                let row = rules.remove(at);
                let to = index.index(rules.len());
                rules.insert(to / 2, row);
            }
        }
        router.settle(&spec()).unwrap();
        prop_assert_eq!(router.foreign(), foreign);
        prop_assert_eq!(router.menus[&Menu::Filter].len(), 3 + 9);
        let rules = router.rules(Menu::Filter);
        let place = |what: &str| rules.iter().position(|rule| rule.ends_with(what)).unwrap();
        prop_assert!(place(": jump") < place("-") && place("router dns udp") < place("no guests"));
        prop_assert!(place(": dns udp") < place(": refuse") && place(": allowed") < place(": refuse") && place(": refuse") < place(": drop"));
    }
}
