//! One menu's rows: ids, the index by name, and the record of changes that `listen` reads.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use tokio::sync::watch;

use super::schema::{Menu, Show};
use super::value::Text;

/// Changes kept for listeners that have not looked yet.
const CHANGES_KEPT: usize = 65_536;

/// An item of a menu. Only what was set is stored; defaults stand in the menu.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) id: u32,
    menu: &'static Menu,
    values: BTreeMap<&'static str, Text>,
}

impl Row {
    /// What was set.
    pub(crate) fn stored(&self, name: &str) -> Option<&[u8]> {
        self.values.get(name).map(Vec::as_slice)
    }

    /// What was set, or the menu's default, or nothing.
    pub(crate) fn read(&self, name: &str) -> &[u8] {
        self.stored(name).unwrap_or_else(|| match self.menu.field(name.as_bytes()).map(|field| field.show) {
            Some(Show::Always(default)) => default.as_bytes(),
            Some(Show::WhenSet | Show::Live | Show::Hidden) | None => b"",
        })
    }

    /// The same as text.
    pub(crate) fn text(&self, name: &str) -> Cow<'_, str> {
        String::from_utf8_lossy(self.read(name))
    }

    /// A flag.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.read(name) == b"true"
    }

    /// A number; anything else counts as 0.
    pub(crate) fn number(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or(0)
    }
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Added,
    Changed,
    Removed,
}

/// The rows of one menu.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) menu: &'static Menu,
    rows: BTreeMap<u32, Row>,
    /// Of menus whose items have an order.
    order: Vec<u32>,
    by_name: HashMap<Text, BTreeSet<u32>>,
    next_id: u32,
    seq: u64,
    changes: VecDeque<(u64, u32, Change)>,
    notify: watch::Sender<u64>,
}

impl Table {
    pub(crate) fn new(menu: &'static Menu) -> Self {
        Self {
            menu,
            rows: BTreeMap::new(),
            order: Vec::new(),
            by_name: HashMap::new(),
            next_id: menu.first_id,
            seq: 0,
            changes: VecDeque::new(),
            notify: watch::Sender::new(0),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn get(&self, id: u32) -> Option<&Row> {
        self.rows.get(&id)
    }

    /// Rows in the order they are printed.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        let ordered = self.order.iter().filter_map(|id| self.rows.get(id));
        let plain = (!self.menu.ordered).then(|| self.rows.values());
        ordered.chain(plain.into_iter().flatten())
    }

    /// Moves an item in front of another, or to the end.
    pub(crate) fn place(&mut self, id: u32, before: Option<u32>) {
        self.order.retain(|other| *other != id);
        let end = self.order.len();
        let at = before.and_then(|before| self.order.iter().position(|other| *other == before)).unwrap_or(end);
        self.order.insert(at, id);
        self.record(id, Change::Changed);
    }

    /// Ids from `from` on, in the order they are printed.
    pub(crate) fn ids_from(&self, from: u32) -> impl Iterator<Item = u32> {
        self.rows.range(from..).map(|(id, _)| *id)
    }

    /// The rows of that name, oldest first.
    pub(crate) fn named(&self, name: &[u8]) -> impl Iterator<Item = &Row> {
        self.by_name.get(name).into_iter().flatten().filter_map(|id| self.rows.get(id))
    }

    /// The first row whose field has that value.
    pub(crate) fn find(&self, field: &str, value: &[u8]) -> Option<&Row> {
        if field == "name" {
            return self.named(value).next();
        }
        self.rows().find(|row| row.read(field) == value)
    }

    /// Adds a row under the next id.
    pub(crate) fn insert(&mut self, values: impl IntoIterator<Item = (&'static str, Text)>) -> u32 {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        self.insert_as(id, values);
        id
    }

    /// Adds a row under an id of its own: default items and singletons.
    pub(crate) fn insert_as(&mut self, id: u32, values: impl IntoIterator<Item = (&'static str, Text)>) {
        let row = Row { id, menu: self.menu, values: values.into_iter().collect() };
        if let Some(name) = row.stored("name") {
            self.by_name.entry(name.to_vec()).or_default().insert(id);
        }
        self.rows.insert(id, row);
        if self.menu.ordered {
            self.order.push(id);
        }
        self.record(id, Change::Added);
    }

    /// Sets fields (`None` clears one) and records the change once.
    pub(crate) fn update(&mut self, id: u32, values: impl IntoIterator<Item = (&'static str, Option<Text>)>) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        let old_name = row.stored("name").map(<[u8]>::to_vec);
        for (name, value) in values {
            match value {
                Some(value) => row.values.insert(name, value),
                None => row.values.remove(name),
            };
        }
        let new_name = row.stored("name").map(<[u8]>::to_vec);
        if old_name != new_name {
            self.unindex(old_name.as_deref(), id);
            if let Some(name) = new_name {
                self.by_name.entry(name).or_default().insert(id);
            }
        }
        self.record(id, Change::Changed);
    }

    /// Takes a row away.
    pub(crate) fn remove(&mut self, id: u32) -> Option<Row> {
        let row = self.rows.remove(&id)?;
        self.order.retain(|other| *other != id);
        self.unindex(row.stored("name"), id);
        self.record(id, Change::Removed);
        Some(row)
    }

    /// Begins the ids anew: dynamic lists after a reboot.
    pub(crate) fn restart_ids(&mut self) {
        self.next_id = self.menu.first_id;
    }

    /// The number of the last change.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Wakes whoever waits for changes of this menu.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.notify.subscribe()
    }

    /// What happened after change number `seq`, oldest first.
    pub(crate) fn changes_after(&self, seq: u64) -> impl Iterator<Item = (u32, Change)> {
        let from = self.changes.partition_point(|(at, ..)| *at <= seq);
        self.changes.iter().skip(from).map(|(_, id, change)| (*id, *change))
    }

    fn unindex(&mut self, name: Option<&[u8]>, id: u32) {
        let Some(name) = name else { return };
        if let Some(ids) = self.by_name.get_mut(name) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_name.remove(name);
            }
        }
    }

    fn record(&mut self, id: u32, change: Change) {
        self.seq += 1;
        if self.changes.len() == CHANGES_KEPT {
            self.changes.pop_front();
        }
        self.changes.push_back((self.seq, id, change));
        self.notify.send_replace(self.seq);
    }
}

#[cfg(test)]
mod tests {
    use super::super::menus;
    use super::*;

    fn users() -> Table {
        Table::new(menus::find("/ip/hotspot/user").unwrap())
    }

    #[test]
    fn rows_are_found_by_name_through_renames_and_removals() {
        let mut table = users();
        let id = table.insert([("name", b"budi".to_vec())]);
        table.update(id, [("name", Some(b"siti".to_vec()))]);
        assert_eq!(table.named(b"budi").count(), 0);
        assert_eq!(table.find("name", b"siti").map(|row| row.id), Some(id));
        table.remove(id);
        assert_eq!(table.named(b"siti").count(), 0);
        let next = table.insert([("name", b"siti".to_vec())]);
        assert_ne!(next, id, "ids of static lists are not used again");
    }

    #[test]
    fn changes_are_kept_in_order() {
        let mut table = users();
        let before = table.seq();
        let id = table.insert([("name", b"budi".to_vec())]);
        table.update(id, [("comment", Some(b"x".to_vec()))]);
        table.remove(id);
        let seen: Vec<Change> = table.changes_after(before).map(|(_, change)| change).collect();
        assert_eq!(seen, [Change::Added, Change::Changed, Change::Removed]);
        assert_eq!(table.changes_after(table.seq()).count(), 0);
    }

    #[test]
    fn unset_fields_read_as_their_defaults() {
        let mut table = users();
        let id = table.insert([("name", b"budi".to_vec())]);
        let row = table.get(id).unwrap();
        assert_eq!((row.text("uptime").as_ref(), row.is("disabled"), row.read("comment")), ("0s", false, &b""[..]));
    }
}
