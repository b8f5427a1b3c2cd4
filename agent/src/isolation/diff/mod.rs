//! What to do so that a router has what isolates customers: (lines, what is there) -> acts; pure.
//!
//! Only what carries hiji's mark is changed, moved or removed. A rule is known by its comment, a profile or pool by its
//! name. Acts of one round go by what was read before it; they are followed by another look.

use std::collections::{BTreeMap, BTreeSet};

use hiji_shared::{
    desired::FailCode,
    isolation::{CHAIN, Line, Menu, POOL_PREFIX, carries_mark, ranges, script_carries_mark},
};

use crate::{
    reconcile::normal_rate,
    routeros::{Row, values},
};

/// Fields of a rule that are hiji's to say: what decides which packets it is about, and what becomes of them.
pub(super) const RULE_FIELDS: &[&str] = &[
    "chain",
    "action",
    "jump-target",
    "reject-with",
    "to-addresses",
    "to-ports",
    "protocol",
    "src-port",
    "dst-port",
    "port",
    "src-address",
    "dst-address",
    "src-address-list",
    "dst-address-list",
    "src-address-type",
    "dst-address-type",
    "src-mac-address",
    "in-interface",
    "out-interface",
    "in-interface-list",
    "out-interface-list",
    "connection-state",
    "connection-nat-state",
    "connection-mark",
    "packet-mark",
    "routing-mark",
    "layer7-protocol",
    "content",
    "tcp-flags",
    "packet-size",
    "hotspot",
    "time",
    "limit",
    "dst-limit",
    "random",
];

/// Static rows of the menus, in the router's order. A menu that is not there has no entry.
pub(super) type Seen = BTreeMap<Menu, Vec<Row>>;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Add {
        menu: Menu,
        fields: Vec<(&'static str, String)>,
        /// In front of the item of this id; `None` = at the end.
        before: Option<String>,
    },
    /// Values to write; `None` clears one.
    Set {
        menu: Menu,
        id: String,
        fields: Vec<(&'static str, Option<String>)>,
    },
    Move {
        menu: Menu,
        id: String,
        before: String,
    },
    Remove {
        menu: Menu,
        id: String,
    },
}

/// Why it cannot be as things stand.
pub(super) type Refusal = (FailCode, String);

/// The fields read of a menu.
pub(super) fn fields(menu: Menu) -> Vec<&'static str> {
    let own: &[&str] = match menu {
        Menu::Pool => &["name", "ranges"],
        Menu::PppProfile => &["name", "local-address", "remote-address", "address-list", "rate-limit", "use-ipv6"],
        Menu::HotspotProfile => &["name", "address-list", "rate-limit", "on-login"],
        Menu::AddressList => &["list", "address"],
        Menu::Filter | Menu::Nat => RULE_FIELDS,
    };
    let mut fields = vec![".id"];
    fields.extend(own);
    if menu != Menu::HotspotProfile {
        fields.push("comment");
    }
    if !menu.is_named() {
        fields.extend(["dynamic", "disabled"]);
    }
    fields
}

/// What to do next; nothing = it is as wanted. `used` tells how many users have a profile.
///
/// # Errors
/// [`Refusal`]; nothing is to be done then.
pub(super) fn acts(lines: &[Line], seen: &Seen, used: &dyn Fn(Menu, &str) -> usize) -> Result<Vec<Act>, Refusal> {
    let (mut puts, mut removes) = (Vec::new(), Vec::new());
    for menu in Menu::ALL {
        let wanted: Vec<&Line> = lines.iter().filter(|line| line.menu == menu).collect();
        let Some(rows) = seen.get(&menu) else {
            if wanted.is_empty() {
                continue;
            }
            return Err((FailCode::Unsupported, format!("the router has no menu {}", menu.path())));
        };
        let mut kept = BTreeSet::new();
        for line in &wanted {
            let matching = rows.iter().filter(|row| is_same(line, row));
            let found = matching.clone().find(|row| is_ours(menu, row)).or_else(|| matching.clone().next());
            match found {
                Some(row) if !is_ours(menu, row) => {
                    if menu != Menu::AddressList {
                        let name = row.text("name");
                        return Err((FailCode::NameTaken, format!("{} {name} exists and is not hiji's", menu.path())));
                    }
                }
                Some(row) => {
                    kept.insert(id(row));
                    puts.extend(repair(line, row));
                }
                None => puts.push(add(line, &wanted, rows)),
            }
            if menu == Menu::Pool {
                free_of_others(line, rows)?;
            }
        }
        for row in rows.iter().rev().filter(|row| is_ours(menu, row) && !kept.contains(&id(row))) {
            let name = row.text("name");
            let users = if menu.is_named() { used(menu, &name) } else { 0 };
            if users > 0 {
                let why = format!("{} {name} is still the profile of {users} users", menu.path());
                return Err((FailCode::Other, why));
            }
            removes.push(Act::Remove { menu, id: id(row) });
        }
    }
    // What is needed by another is removed after it.
    removes.sort_by_key(|act| std::cmp::Reverse(menu_of(act)));
    puts.extend(removes);
    if puts.is_empty() { Ok(moves(lines, seen)) } else { Ok(puts) }
}

/// The menu an act is about.
pub(super) fn menu_of(act: &Act) -> Menu {
    match act {
        Act::Add { menu, .. } | Act::Set { menu, .. } | Act::Move { menu, .. } | Act::Remove { menu, .. } => *menu,
    }
}

fn id(row: &Row) -> String {
    row.text(".id").into_owned()
}

fn is_ours(menu: Menu, row: &Row) -> bool {
    match menu {
        Menu::Pool => {
            let comment = row.text("comment");
            row.text("name").starts_with(POOL_PREFIX) && (comment.is_empty() || carries_mark(&comment))
        }
        Menu::HotspotProfile => script_carries_mark(&row.text("on-login")),
        Menu::PppProfile | Menu::AddressList | Menu::Filter | Menu::Nat => carries_mark(&row.text("comment")),
    }
}

/// Is this the row of the line, whoever's it is?
fn is_same(line: &Line, row: &Row) -> bool {
    let same = |name: &str| row.text(name) == line.field(name);
    match line.menu {
        Menu::Pool | Menu::PppProfile | Menu::HotspotProfile => same("name"),
        Menu::AddressList => same("list") && plain(&row.text("address")) == plain(line.field("address")),
        Menu::Filter | Menu::Nat => same("comment"),
    }
}

/// What a row that is hiji's lacks.
fn repair(line: &Line, row: &Row) -> Option<Act> {
    let mut fields: Vec<(&'static str, Option<String>)> =
        line.fields.iter().filter(|(name, wanted)| differs(line.menu, name, wanted, row)).map(put).collect();
    let optional: &[&'static str] = match line.menu {
        Menu::PppProfile | Menu::HotspotProfile => &["rate-limit"],
        Menu::Filter | Menu::Nat => RULE_FIELDS,
        Menu::Pool | Menu::AddressList => &[],
    };
    let left = optional.iter().filter(|name| line.field(name).is_empty() && !row.text(name).is_empty());
    fields.extend(left.map(|name| (*name, None)));
    if values::parse_bool(&row.text("disabled")) == Some(true) {
        fields.push(("disabled", Some("no".to_owned())));
    }
    (!fields.is_empty()).then(|| Act::Set { menu: line.menu, id: id(row), fields })
}

fn put((name, value): &(&'static str, String)) -> (&'static str, Option<String>) {
    (name, Some(value.clone()))
}

/// Is a field other than wanted? Routers spell some values in their own way.
fn differs(menu: Menu, name: &str, wanted: &str, row: &Row) -> bool {
    let seen = row.text(name);
    match name {
        // The admin may have added words of his own.
        "comment" if menu.is_named() => !carries_mark(&seen),
        "on-login" => !script_carries_mark(&seen),
        "rate-limit" => normal_rate(&seen) != normal_rate(wanted),
        "use-ipv6" => values::parse_bool(&seen) != values::parse_bool(wanted),
        _ => plain(&seen) != plain(wanted),
    }
}

/// An address without the length of a single one.
fn plain(text: &str) -> &str {
    text.strip_suffix("/32").unwrap_or(text)
}

fn add(line: &Line, wanted: &[&Line], rows: &[Row]) -> Act {
    let before = if line.is_first {
        first_foreign(line.menu, line.field("chain"), rows).map(id)
    } else {
        // The next of hiji's own that is there.
        let after = wanted.iter().skip_while(|other| **other != line).skip(1);
        let mut next = after.filter(|other| line.menu.is_ordered() && other.field("chain") == line.field("chain"));
        next.find_map(|other| rows.iter().find(|row| is_same(other, row))).map(id)
    };
    Act::Add { menu: line.menu, fields: line.fields.clone(), before }
}

/// The first rule of a chain that is not hiji's.
fn first_foreign<'a>(menu: Menu, chain: &str, rows: &'a [Row]) -> Option<&'a Row> {
    rows.iter().find(|row| row.text("chain") == chain && !is_ours(menu, row))
}

/// Another pool with the same addresses would give one address to two customers.
fn free_of_others(line: &Line, rows: &[Row]) -> Result<(), Refusal> {
    let own = ranges::parse(line.field("ranges"));
    let clash = rows.iter().filter(|row| !is_ours(Menu::Pool, row)).find(|row| {
        let other = ranges::parse(&row.text("ranges"));
        own.iter().any(|own| other.iter().any(|other| ranges::overlap(*own, *other)))
    });
    match clash {
        Some(row) => {
            Err((FailCode::BadValue, format!("{} is in the pool {} too", line.field("ranges"), row.text("name"))))
        }
        None => Ok(()),
    }
}

/// Rules that are there but not where they work.
fn moves(lines: &[Line], seen: &Seen) -> Vec<Act> {
    let mut acts = Vec::new();
    for menu in [Menu::Filter, Menu::Nat] {
        let rows = seen.get(&menu).map(Vec::as_slice).unwrap_or_default();
        let wanted: Vec<&Line> = lines.iter().filter(|line| line.menu == menu).collect();
        let chains: BTreeSet<&str> = wanted.iter().map(|line| line.field("chain")).collect();
        for chain in chains {
            acts.extend(moves_in(menu, chain, &wanted, rows));
        }
    }
    acts
}

fn moves_in(menu: Menu, chain: &str, wanted: &[&Line], rows: &[Row]) -> Vec<Act> {
    let place = |line: &&&Line| rows.iter().position(|row| is_ours(menu, row) && is_same(line, row));
    let own: Vec<usize> =
        wanted.iter().filter(|line| line.field("chain") == chain).filter_map(|line| place(&line)).collect();
    let anchor =
        rows.iter().position(|row| row.text("chain") == chain && !is_ours(menu, row)).filter(|_| chain != CHAIN);
    let behind = |place: &usize| anchor.is_some_and(|anchor| *place > anchor);
    if own.is_sorted() && !own.iter().any(behind) {
        return Vec::new();
    }
    // From the last to the first, each in front of the one that follows it.
    let mut acts = Vec::new();
    let mut before = anchor;
    for place in own.into_iter().rev() {
        if let Some(before) = before {
            acts.push(Act::Move { menu, id: id(&rows[place]), before: id(&rows[before]) });
        }
        before = Some(place);
    }
    acts
}

#[cfg(test)]
mod tests;
