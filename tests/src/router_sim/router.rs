//! The whole state of one simulated router, and how a stored value becomes what is printed.
//!
//! Everything here is synchronous and lives behind one mutex; sockets and tasks are in [`super::session`].

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::DateTime;

use super::clock::SimClock;
use super::hooks::HookQueue;
use super::journal::Journal;
use super::menus;
use super::query::Subject;
use super::schema::{Field, Show};
use super::table::{Row, Table};
use super::traps::Trap;
use super::value::{Kind, Text, duration, normalise};
use super::version::Version;
use super::world::World;

/// What a board without a battery believes after a power cut: the second day of 1970.
const CLOCK_1970_MS: i64 = 86_400_000;

/// The router behind the API.
pub(crate) struct Router {
    pub(crate) version: Version,
    pub(crate) world: World,
    pub(crate) journal: Journal,
    pub(crate) hooks: HookQueue,
    /// Adds that still fit on the flash, when it is filling up.
    pub(crate) adds_left: Option<u32>,
    /// A field that this version does not know, though its menu does.
    pub(crate) unknown_field: Option<String>,
    /// A change of a profile loses its scripts.
    pub(crate) loses_scripts: bool,
    /// From 7.21 on: are secrets printed only with `show-sensitive`?
    pub(crate) hides_secrets: bool,
    tables: HashMap<&'static str, Table>,
    clock: Arc<dyn SimClock>,
    clock_offset_ms: i64,
    boot_ms: i64,
}

impl Router {
    pub(crate) fn new(version: Version, clock: Arc<dyn SimClock>, hooks: HookQueue) -> Self {
        let tables = menus::all().map(|menu| (menu.path, Table::new(menu))).collect();
        let boot_ms = clock.now_ms();
        Self {
            version,
            world: World::default(),
            journal: Journal::default(),
            hooks,
            adds_left: None,
            unknown_field: None,
            loses_scripts: false,
            hides_secrets: false,
            tables,
            clock,
            clock_offset_ms: 0,
            boot_ms,
        }
    }

    pub(crate) fn table(&self, path: &str) -> Option<&Table> {
        self.tables.get(path)
    }

    /// A table this crate names itself.
    pub(crate) fn menu(&self, path: &'static str) -> &Table {
        self.tables.get(path).expect("the path stands in menus::all()")
    }

    /// The same, to change it.
    pub(crate) fn menu_mut(&mut self, path: &'static str) -> &mut Table {
        self.tables.get_mut(path).expect("the path stands in menus::all()")
    }

    /// The one record of a singleton menu.
    pub(crate) fn single(&self, path: &'static str) -> Option<&Row> {
        self.menu(path).rows().next()
    }

    // Time

    /// The world's time, unix milliseconds.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Milliseconds since the last boot.
    pub(crate) fn uptime_ms(&self) -> i64 {
        (self.now() - self.boot_ms).max(0)
    }

    /// How far the router's own clock is off.
    pub(crate) fn set_clock_offset(&mut self, ms: i64) {
        self.clock_offset_ms = ms;
    }

    /// Starts the uptime anew; with `clock_1970` the router forgets what day it is.
    pub(crate) fn restart_clock(&mut self, clock_1970: bool) {
        self.boot_ms = self.now();
        if clock_1970 {
            self.clock_offset_ms = CLOCK_1970_MS - self.boot_ms - self.zone_ms();
        }
    }

    fn zone_ms(&self) -> i64 {
        let zone = self.single("/system/clock").map(|row| row.text("time-zone-name").into_owned());
        match zone.as_deref() {
            Some("Asia/Makassar") => 8 * 3_600_000,
            Some("Asia/Jayapura") => 9 * 3_600_000,
            Some("UTC") => 0,
            _ => 7 * 3_600_000,
        }
    }

    /// The router's own date and time at a moment of the world, in the format of its version.
    pub(crate) fn local(&self, at_ms: i64) -> (String, String) {
        let local = at_ms.saturating_add(self.clock_offset_ms).saturating_add(self.zone_ms());
        let moment = DateTime::from_timestamp_millis(local).unwrap_or_default();
        let date = if self.version.iso_dates() {
            moment.format("%Y-%m-%d").to_string()
        } else {
            moment.format("%b/%d/%Y").to_string().to_ascii_lowercase()
        };
        (date, moment.format("%H:%M:%S").to_string())
    }

    // Values

    /// What is printed for a field, or `None` when it does not stand in the record.
    pub(crate) fn value<'a>(&'a self, table: &'a Table, row: &'a Row, field: &Field) -> Option<Cow<'a, [u8]>> {
        if !field.is_in(self.version) {
            return None;
        }
        let stored = match field.show {
            Show::Hidden => None,
            Show::Live => return self.live(table.menu.path, row, field.name).map(|text| Cow::Owned(text.into_bytes())),
            Show::Always(_) => Some(row.read(field.name)),
            Show::WhenSet => row.stored(field.name),
        }?;
        match field.kind {
            Kind::Ref { menu, .. } | Kind::RefOrAddress { menu } => Some(Cow::Borrowed(self.name_of(menu, stored))),
            Kind::Text
            | Kind::Secret
            | Kind::Flag
            | Kind::Number { .. }
            | Kind::Size
            | Kind::Duration { .. }
            | Kind::Mac
            | Kind::Address
            | Kind::Rates
            | Kind::Word(_) => Some(Cow::Borrowed(stored)),
        }
    }

    /// The name behind a stored reference; the id itself when that item is gone.
    pub(crate) fn name_of<'a>(&'a self, menu: &str, stored: &'a [u8]) -> &'a [u8] {
        self.referenced(menu, stored).and_then(|row| row.stored("name")).unwrap_or(stored)
    }

    /// The item behind a stored reference.
    pub(crate) fn referenced(&self, menu: &str, stored: &[u8]) -> Option<&Row> {
        self.table(menu)?.get(parse_id(stored)?)
    }

    /// What is stored for a value someone typed.
    pub(crate) fn input(&self, field: &Field, typed: &[u8]) -> Result<Text, Trap> {
        match field.kind {
            Kind::Ref { menu, words } => {
                if words.iter().any(|word| word.as_bytes() == typed) {
                    return Ok(typed.to_vec());
                }
                self.find_reference(menu, typed).ok_or_else(|| Trap::no_match(field.name))
            }
            Kind::RefOrAddress { menu } => {
                let address = typed.is_empty().then(Text::new).or_else(|| normalise(Kind::Address, typed));
                address.or_else(|| self.find_reference(menu, typed)).ok_or_else(|| Trap::no_match(field.name))
            }
            Kind::Word(_) => normalise(field.kind, typed).ok_or_else(|| Trap::no_match(field.name)),
            Kind::Text
            | Kind::Secret
            | Kind::Flag
            | Kind::Number { .. }
            | Kind::Size
            | Kind::Duration { .. }
            | Kind::Mac
            | Kind::Address
            | Kind::Rates => normalise(field.kind, typed).ok_or_else(|| Trap::bad_value(field.name)),
        }
    }

    fn find_reference(&self, menu: &str, typed: &[u8]) -> Option<Text> {
        let table = self.table(menu)?;
        let by_id = parse_id(typed).and_then(|id| table.get(id));
        by_id.or_else(|| table.find("name", typed)).map(|row| format_id(row.id).into_bytes())
    }

    /// A record as text, in the order of the menu, secrets included: what tests and the control interface see.
    pub(crate) fn record(&self, table: &Table, row: &Row) -> BTreeMap<String, String> {
        let mut record = BTreeMap::new();
        if !table.menu.singleton {
            record.insert(".id".to_owned(), format_id(row.id));
        }
        for field in table.menu.fields {
            if let Some(value) = self.value(table, row, field) {
                record.insert(field.name.to_owned(), String::from_utf8_lossy(&value).into_owned());
            }
        }
        record
    }

    fn live(&self, path: &str, row: &Row, field: &str) -> Option<String> {
        match (path, field) {
            ("/system/resource", "uptime") => Some(whole_seconds(self.uptime_ms())),
            ("/system/resource", "version") => Some(self.version.full()),
            ("/system/resource", "build-time") => Some(self.version.build_time().to_owned()),
            ("/system/resource", "free-memory") => Some((812_000_000 - self.uptime_ms() / 1000 % 4096).to_string()),
            ("/system/resource", "cpu-load") => Some((2 + self.uptime_ms() / 1000 % 11).to_string()),
            ("/system/clock", "time") => Some(self.local(self.now()).1),
            ("/system/clock", "date") => Some(self.local(self.now()).0),
            ("/system/clock", "gmt-offset") => Some(format!("+{:02}:00", self.zone_ms() / 3_600_000)),
            _ => self.live_world(path, row, field),
        }
    }
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Router").field("version", &self.version).finish_non_exhaustive()
    }
}

/// An item as the query words see it.
pub(crate) struct Item<'a> {
    pub(crate) router: &'a Router,
    pub(crate) table: &'a Table,
    pub(crate) row: &'a Row,
}

impl Subject for Item<'_> {
    fn property(&self, name: &[u8]) -> Option<(Kind, Text)> {
        if name == b".id" && !self.table.menu.singleton {
            return Some((Kind::Text, format_id(self.row.id).into_bytes()));
        }
        let field = self.table.menu.field(name)?;
        let value = self.router.value(self.table, self.row, field)?;
        Some((field.kind, value.into_owned()))
    }
}

/// `*1F`.
pub(crate) fn format_id(id: u32) -> String {
    format!("*{id:X}")
}

/// The id behind `*1F`.
pub(crate) fn parse_id(text: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(text.strip_prefix(b"*")?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}

/// A duration as live fields show it: without milliseconds.
pub(crate) fn whole_seconds(ms: i64) -> String {
    duration(ms.max(0) / 1000 * 1000)
}
