//! What a menu is: its fields, how each is shown, which commands it takes.

use super::value::Kind;
use super::version::Version;

/// When a field stands in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// Always; this value when nothing was set.
    Always(&'static str),
    /// Only when set.
    WhenSet,
    /// Computed by the world at the moment of printing.
    Live,
    /// Never: passwords of the router's own users, the simulator's own notes.
    Hidden,
}

/// One property of a menu.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) show: Show,
    pub(crate) writable: bool,
    /// The first version that has it; `None` = all.
    pub(crate) since: Option<Version>,
}

impl Field {
    /// A writable field that is shown when set.
    pub(crate) const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, show: Show::WhenSet, writable: true, since: None }
    }

    /// The same, always shown.
    pub(crate) const fn or(self, default: &'static str) -> Self {
        Self { show: Show::Always(default), ..self }
    }

    /// Not to be written by `add` and `set`.
    pub(crate) const fn read_only(self) -> Self {
        Self { writable: false, ..self }
    }

    /// Older versions do not know it.
    pub(crate) const fn since(self, version: Version) -> Self {
        Self { since: Some(version), ..self }
    }

    /// Does this version have it?
    pub(crate) fn is_in(&self, version: Version) -> bool {
        self.since.is_none_or(|since| version >= since)
    }

    /// Computed by the world.
    pub(crate) const fn live(self) -> Self {
        Self { show: Show::Live, writable: false, ..self }
    }

    /// Never printed.
    pub(crate) const fn hidden(self) -> Self {
        Self { show: Show::Hidden, ..self }
    }
}

/// A text field, shown when set.
pub(crate) const fn text(name: &'static str) -> Field {
    Field::new(name, Kind::Text)
}

/// A flag, always shown.
pub(crate) const fn flag(name: &'static str, default: &'static str) -> Field {
    Field::new(name, Kind::Flag).or(default)
}

/// A number of bytes, shown when set.
pub(crate) const fn size(name: &'static str) -> Field {
    Field::new(name, Kind::Size)
}

/// A duration or `none`.
pub(crate) const fn span(name: &'static str) -> Field {
    Field::new(name, Kind::Duration { words: &["none", "immediately", "never", "auto"] })
}

/// A menu.
#[derive(Debug)]
pub(crate) struct Menu {
    pub(crate) path: &'static str,
    pub(crate) fields: &'static [Field],
    /// One record without `.id`, as `/system/identity`.
    pub(crate) singleton: bool,
    pub(crate) add: bool,
    pub(crate) set: bool,
    pub(crate) remove: bool,
    /// Items have an order that matters and can be moved, as firewall rules.
    pub(crate) ordered: bool,
    /// Fields that `reset-counters` puts to zero; empty: no such command.
    pub(crate) counters: &'static [&'static str],
    /// Fields that must not all be the same in two items; empty: no rule.
    pub(crate) unique: &'static [&'static str],
    /// The text of the trap when they are.
    pub(crate) duplicate: &'static str,
    /// Arguments `add` insists on.
    pub(crate) required: &'static [&'static str],
    /// The policy a group needs to write here.
    pub(crate) write_policy: &'static str,
    /// The first `.id` given out; active lists begin high, as dynamic items do.
    pub(crate) first_id: u32,
}

/// Where the ids of dynamic lists begin, again after each reboot.
pub(crate) const FIRST_DYNAMIC_ID: u32 = 0x8000_0001;

impl Menu {
    /// A list that can be added to, changed and removed from.
    pub(crate) const fn list(path: &'static str, fields: &'static [Field]) -> Self {
        Self {
            path,
            fields,
            singleton: false,
            add: true,
            set: true,
            remove: true,
            ordered: false,
            counters: &[],
            unique: &[],
            duplicate: "failure: already have such item",
            required: &[],
            write_policy: "write",
            first_id: 1,
        }
    }

    /// A list that only the world fills.
    pub(crate) const fn observed(path: &'static str, fields: &'static [Field]) -> Self {
        Self { add: false, set: false, remove: false, ..Self::list(path, fields) }
    }

    /// One record.
    pub(crate) const fn singleton(path: &'static str, fields: &'static [Field]) -> Self {
        Self { singleton: true, add: false, remove: false, ..Self::list(path, fields) }
    }

    /// The field of that name.
    pub(crate) fn field(&self, name: &[u8]) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name.as_bytes() == name)
    }

    /// Can it be enabled and disabled?
    pub(crate) fn can_disable(&self) -> bool {
        self.field(b"disabled").is_some_and(|field| field.writable)
    }

    /// Can it be commented? Hotspot user profiles cannot, in any version.
    pub(crate) fn can_comment(&self) -> bool {
        self.field(b"comment").is_some_and(|field| field.writable)
    }
}
