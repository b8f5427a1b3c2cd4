//! `add`, `set`, `remove` and their kin: what is checked before anything changes.

use std::collections::BTreeMap;

use super::super::request::Request;
use super::super::router::{Router, parse_id};
use super::super::schema::{Field, Menu, Show};
use super::super::table::Row;
use super::super::traps::Trap;
use super::super::value::{Text, parse_duration};
use super::end_of;

/// New values of fields; `None` clears one.
type Values = BTreeMap<&'static str, Option<Text>>;
/// `=name=value` words.
type Args = [(Text, Text)];

/// Adds an item; answers its id.
pub(crate) fn add(router: &mut Router, menu: &'static Menu, args: &Args) -> Result<u32, Trap> {
    let place = args.iter().find(|(name, _)| menu.ordered && name == b"place-before");
    let before = place.map(|(_, target)| place_of(router, menu, target)).transpose()?;
    let skip: &[&str] = if menu.ordered { &["place-before"] } else { &[] };
    let mut values = checked(router, menu, args, skip)?;
    implied(router, menu, &mut values);
    let given = |name: &str| values.get(name).is_some_and(Option::is_some);
    if let Some(missing) = menu.required.iter().find(|name| !given(name)) {
        return Err(Trap::missing(missing));
    }
    refuse_duplicate(router, menu, &values, None)?;
    if router.adds_left == Some(0) {
        return Err(Trap::flash_full());
    }
    router.adds_left = router.adds_left.map(|left| left - 1);
    let table = router.menu_mut(menu.path);
    let id = table.insert(values.into_iter().filter_map(|(name, value)| Some((name, value?))));
    if let Some(before) = before {
        table.place(id, Some(before));
    }
    Ok(id)
}

/// Moves items in front of another one, or to the end when none is named.
pub(crate) fn shift(router: &mut Router, menu: &'static Menu, request: &Request) -> Result<(), Trap> {
    let ids = targets(router, menu, request)?;
    let before = request.arg("destination").map(|target| place_of(router, menu, target)).transpose()?;
    for id in ids {
        router.menu_mut(menu.path).place(id, before);
    }
    Ok(())
}

/// The item that another is put in front of. The router's own rules stay where they are.
fn place_of(router: &Router, menu: &'static Menu, target: &[u8]) -> Result<u32, Trap> {
    let id = resolve(router, menu, target)?.first().copied().ok_or_else(|| Trap::no_such_item(router.version))?;
    let own = router.menu(menu.path).get(id).is_some_and(|row| row.is("dynamic"));
    if own { Err(Trap::before_dynamic()) } else { Ok(id) }
}

/// Changes the items of `.id` or `numbers`, or the one record of a singleton.
pub(crate) fn set(router: &mut Router, menu: &'static Menu, args: &Args) -> Result<(), Trap> {
    let ids = ids_of(router, menu, args)?;
    let mut values = checked(router, menu, args, &[".id", "numbers"])?;
    for id in &ids {
        refuse_duplicate(router, menu, &values, Some(*id))?;
    }
    let lost = lost_scripts(router, menu, |name| values.contains_key(name));
    values.extend(lost);
    for id in ids {
        router.menu_mut(menu.path).update(id, values.clone());
    }
    Ok(())
}

/// What the bug of some 6.x takes away with a change that names no script.
fn lost_scripts(router: &Router, menu: &Menu, named: impl Fn(&str) -> bool) -> Vec<(&'static str, Option<Text>)> {
    let scripts = ["on-login", "on-logout", "on-up", "on-down"].into_iter();
    let loses = router.loses_scripts && !scripts.clone().any(named);
    scripts.filter(|name| loses && menu.field(name.as_bytes()).is_some()).map(|name| (name, None)).collect()
}

/// Sets one field that has a command of its own: `enable`, `disable`, `comment`.
pub(crate) fn put(
    router: &mut Router,
    menu: &'static Menu,
    request: &Request,
    field: &'static str,
    value: &[u8],
) -> Result<(), Trap> {
    let value = (!value.is_empty()).then(|| value.to_vec());
    for id in targets(router, menu, request)? {
        router.menu_mut(menu.path).update(id, [(field, value.clone())]);
    }
    Ok(())
}

/// Clears the field `value-name` names.
pub(crate) fn unset(router: &mut Router, menu: &'static Menu, request: &Request) -> Result<(), Trap> {
    let name = request.arg("value-name").ok_or_else(|| Trap::missing("value-name"))?;
    let field = writable(menu, name).ok_or_else(|| Trap::no_match("value-name"))?;
    for id in targets(router, menu, request)? {
        router.menu_mut(menu.path).update(id, [(field.name, None)]);
    }
    Ok(())
}

/// Takes items away: all of them, or none when one cannot be.
pub(crate) fn remove(router: &mut Router, menu: &'static Menu, request: &Request) -> Result<(), Trap> {
    let ids = targets(router, menu, request)?;
    for id in &ids {
        let Some(row) = router.menu(menu.path).get(*id) else { continue };
        if row.is("default") {
            return Err(Trap::protected());
        }
        if menu.path == "/user" && is_last_full_user(router, row) {
            return Err(Trap::last_full_user());
        }
    }
    for id in ids {
        if !end_of(router, menu.path, id) {
            router.menu_mut(menu.path).remove(id);
        }
    }
    Ok(())
}

/// Puts the counters of items, or of all when none is named, to zero.
pub(crate) fn reset_counters(router: &mut Router, menu: &'static Menu, request: &Request) -> Result<(), Trap> {
    let named = request.arg(".id").or_else(|| request.arg("numbers")).is_some();
    let ids = if named { targets(router, menu, request)? } else { router.menu(menu.path).ids_from(0).collect() };
    for id in ids {
        router.menu_mut(menu.path).update(id, menu.counters.iter().map(|field| (*field, None)));
    }
    Ok(())
}

/// The items a command is about.
pub(crate) fn targets(router: &Router, menu: &'static Menu, request: &Request) -> Result<Vec<u32>, Trap> {
    ids_of(router, menu, &request.args)
}

fn ids_of(router: &Router, menu: &'static Menu, args: &Args) -> Result<Vec<u32>, Trap> {
    if menu.singleton {
        return Ok(router.menu(menu.path).ids_from(0).take(1).collect());
    }
    let list = args.iter().find(|(name, _)| name == b".id" || name == b"numbers");
    let (_, list) = list.ok_or_else(|| Trap::missing(".id"))?;
    resolve(router, menu, list)
}

/// The items of a comma list of ids and names. One that does not exist spoils all.
pub(crate) fn resolve(router: &Router, menu: &'static Menu, list: &[u8]) -> Result<Vec<u32>, Trap> {
    let table = router.menu(menu.path);
    let one = |reference: &[u8]| {
        let by_id = parse_id(reference).and_then(|id| table.get(id));
        let by_name = || menu.field(b"name").and_then(|_| table.find("name", reference));
        by_id.or_else(by_name).map(|row| row.id)
    };
    if let Some(id) = one(list) {
        return Ok(vec![id]);
    }
    let ids: Option<Vec<u32>> = list.split(|byte| *byte == b',').map(one).collect();
    ids.ok_or_else(|| Trap::no_such_item(router.version))
}

fn writable(menu: &'static Menu, name: &[u8]) -> Option<&'static Field> {
    menu.field(name).filter(|field| field.writable)
}

/// Reads the arguments as values of fields. `=!name=` and an empty optional field clear.
fn checked(router: &Router, menu: &'static Menu, args: &Args, skip: &[&str]) -> Result<Values, Trap> {
    let mut values = Values::new();
    for (name, typed) in args {
        if skip.iter().any(|other| other.as_bytes() == name) {
            continue;
        }
        let (name, clear) = name.strip_prefix(b"!").map_or((name.as_slice(), false), |name| (name, true));
        if router.unknown_field.as_deref().is_some_and(|unknown| unknown.as_bytes() == name) {
            return Err(Trap::unknown_parameter(router.version, name));
        }
        let field = writable(menu, name).filter(|field| field.is_in(router.version));
        let field = field.ok_or_else(|| Trap::unknown_parameter(router.version, name))?;
        let optional = !matches!(field.show, Show::Always(_)) && field.name != "name";
        let value = match clear || (typed.is_empty() && optional) {
            true => None,
            false => Some(router.input(field, typed)?),
        };
        values.insert(field.name, value);
    }
    Ok(values)
}

/// What an item gets without being asked.
fn implied(router: &Router, menu: &'static Menu, values: &mut Values) {
    let given = |values: &Values, name: &str| values.get(name).is_some_and(Option::is_some);
    if matches!(menu.path, "/queue/simple" | "/ip/hotspot") && !given(values, "name") {
        let kind = if menu.path == "/queue/simple" { "queue" } else { "hotspot" };
        let free = (1u32..)
            .map(|count| format!("{kind}{count}").into_bytes())
            .find(|name| router.menu(menu.path).named(name).next().is_none());
        values.insert("name", free);
    }
    if menu.path == "/ip/firewall/address-list" {
        let (date, time) = router.local(router.now());
        values.insert("creation-time", Some(format!("{date} {time}").into_bytes()));
        let timeout = values.get("timeout").and_then(Option::as_deref).map(String::from_utf8_lossy);
        if let Some(lasts) = timeout.and_then(|timeout| parse_duration(&timeout)) {
            values.insert("dynamic", Some(b"true".to_vec()));
            values.insert("expires-ms", Some((router.now() + lasts).to_string().into_bytes()));
        }
    }
}

/// No two items may agree in all fields of the menu's rule.
fn refuse_duplicate(router: &Router, menu: &'static Menu, values: &Values, changed: Option<u32>) -> Result<(), Trap> {
    if menu.unique.is_empty() || !menu.unique.iter().any(|name| values.contains_key(name)) {
        return Ok(());
    }
    let table = router.menu(menu.path);
    let current = changed.and_then(|id| table.get(id));
    let key: Vec<&[u8]> = menu
        .unique
        .iter()
        .map(|name| match values.get(name) {
            Some(value) => value.as_deref().unwrap_or_default(),
            None => current.map(|row| row.read(name)).unwrap_or_else(|| default_of(menu, name)),
        })
        .collect();
    let same = |row: &Row| {
        Some(row.id) != changed
            && menu.unique.iter().zip(&key).all(|(name, value)| all_as_empty(row.read(name)) == all_as_empty(value))
    };
    let by_name = menu.unique.iter().position(|name| *name == "name");
    let taken = match by_name {
        Some(index) => table.named(key[index]).any(same),
        None => table.rows().any(same),
    };
    if taken { Err(Trap::duplicate(menu.duplicate)) } else { Ok(()) }
}

fn default_of(menu: &'static Menu, name: &str) -> &'static [u8] {
    match menu.field(name.as_bytes()).map(|field| field.show) {
        Some(Show::Always(default)) => default.as_bytes(),
        Some(Show::WhenSet | Show::Live | Show::Hidden) | None => b"",
    }
}

/// A user for all servers is stored as `all` or as nothing.
fn all_as_empty(value: &[u8]) -> &[u8] {
    if value == b"all" { b"" } else { value }
}

/// Is this the last enabled user of the group `full`?
fn is_last_full_user(router: &Router, row: &Row) -> bool {
    let users = router.menu("/user");
    let is_full = |row: &Row| router.name_of("/user/group", row.read("group")) == b"full" && !row.is("disabled");
    is_full(row) && !users.rows().any(|other| other.id != row.id && is_full(other))
}
