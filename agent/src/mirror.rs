//! The mirror of one menu, and the pure rule that turns what was seen into changes to report.
//!
//! Rows are held compactly (a router has tens of thousands). A full print is compared row by row as it streams; only
//! one that came to its end removes what it did not show. Leaves out how rows are read and where reports go.

use std::{collections::BTreeMap, sync::Arc};

use hiji_shared::{
    device::{Kind, RouterProfile, RouterUser, Row, Used},
    digest::{self, Digest},
    event::Delta,
    limits::MAX_SHOWN_SCRIPT,
    script,
    uplink::KindDigest,
};

/// A hotspot user or PPP secret as seen, with what the agent needs and does not report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UserRow {
    /// The router's own id of the row; opaque.
    pub(crate) id: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) profile: Arc<str>,
    pub(crate) comment: Box<str>,
    pub(crate) server: Option<Arc<str>>,
    pub(crate) mac: Option<Box<str>>,
    pub(crate) remote_address: Option<Box<str>>,
    pub(crate) limit_uptime_secs: u64,
    pub(crate) limit_bytes_total: u64,
    /// Hash of its password; 0 = the router hides it.
    pub(crate) pwh: u64,
    pub(crate) disabled: bool,
    /// The router's own row (`default-trial`, dynamic): nobody's to change.
    pub(crate) builtin: bool,
    /// Counters of all its sessions that ended.
    pub(crate) used: Used,
}

/// A profile as seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ProfileRow {
    pub(crate) id: Box<str>,
    pub(crate) row: RouterProfile,
    /// The scripts as a session begins and as it ends, to keep the admin's lines.
    pub(crate) scripts: [Script; 2],
    pub(crate) builtin: bool,
}

/// A profile's script as the router has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) text: Box<str>,
    /// It is in Windows-1252, as old WinBoxes write it, and has to stay so.
    pub(crate) windows: bool,
}

impl Script {
    /// Reads a script's field.
    pub(crate) fn read(row: &crate::routeros::Row, field: &str) -> Self {
        let windows = row.get(field).is_some_and(|bytes| std::str::from_utf8(bytes).is_err());
        Self { text: row.text(field).as_ref().into(), windows }
    }

    /// The same script with another text.
    pub(crate) fn with(&self, text: String) -> Self {
        Self { text: text.into(), windows: self.windows }
    }

    /// As it is written to the router.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let windows = self.windows.then(|| crate::routeros::encode_windows_1252(&self.text)).flatten();
        windows.unwrap_or_else(|| self.text.as_bytes().to_vec())
    }

    /// As anybody may see it.
    fn shown(&self) -> String {
        let mut text = script::masked(&self.text);
        text.truncate(text.floor_char_boundary(MAX_SHOWN_SCRIPT));
        text
    }
}

/// A row of either sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Observed {
    User(UserRow),
    Profile(ProfileRow),
}

impl Observed {
    /// The key within its kind.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::User(user) => &user.name,
            Self::Profile(profile) => &profile.row.name,
        }
    }

    /// The router's id of the row.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::User(user) => &user.id,
            Self::Profile(profile) => &profile.id,
        }
    }

    /// What is reported of it.
    pub(crate) fn to_row(&self) -> Row {
        match self {
            Self::Profile(profile) => {
                let [begin, end] = &profile.scripts;
                let (script_begin, script_end) = (begin.shown(), end.shown());
                Row::Profile(RouterProfile { script_begin, script_end, ..profile.row.clone() })
            }
            Self::User(user) => Row::User(RouterUser {
                name: (*user.name).to_owned(),
                profile: (*user.profile).to_owned(),
                comment: (*user.comment).to_owned(),
                disabled: user.disabled,
                server: user.server.as_deref().unwrap_or_default().to_owned(),
                mac: user.mac.as_deref().unwrap_or_default().to_owned(),
                limit_uptime_secs: user.limit_uptime_secs,
                limit_bytes_total: user.limit_bytes_total,
                remote_address: user.remote_address.as_deref().unwrap_or_default().to_owned(),
                pwh: if user.pwh == 0 { String::new() } else { format!("{:016x}", user.pwh) },
            }),
        }
    }

    /// The user, if it is one.
    pub(crate) fn user(&self) -> Option<&UserRow> {
        match self {
            Self::User(user) => Some(user),
            Self::Profile(_) => None,
        }
    }

    /// The profile, if it is one.
    pub(crate) fn profile(&self) -> Option<&ProfileRow> {
        match self {
            Self::Profile(profile) => Some(profile),
            Self::User(_) => None,
        }
    }
}

#[derive(Debug)]
struct Slot {
    row: Arc<Observed>,
    /// The scan it was last seen in or after.
    seen: u32,
}

/// The mirror of one kind.
#[derive(Debug)]
pub(crate) struct Table {
    kind: Kind,
    rows: BTreeMap<Box<str>, Slot>,
    digest: Digest,
    scan: u32,
    scanning: bool,
    /// Gone while the running scan went on: an older row of it must not bring them back.
    gone_meanwhile: Vec<Box<str>>,
    /// A full print was seen to its end since this run began.
    loaded: bool,
}

impl Table {
    /// A mirror that has seen nothing.
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            rows: BTreeMap::new(),
            digest: Digest::default(),
            scan: 0,
            scanning: false,
            gone_meanwhile: Vec::new(),
            loaded: false,
        }
    }

    /// Was the menu read to its end in this run?
    pub(crate) fn loaded(&self) -> bool {
        self.loaded
    }

    /// One row.
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Observed>> {
        self.rows.get(name).map(|slot| &slot.row)
    }

    /// All rows, in the order of their names.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Arc<Observed>> {
        self.rows.values().map(|slot| &slot.row)
    }

    /// Names of the rows with these router ids.
    pub(crate) fn names_of(&self, ids: &[String]) -> Vec<Box<str>> {
        self.rows().filter(|row| ids.iter().any(|id| id == row.id())).map(|row| row.name().into()).collect()
    }

    /// Size and root, once it was read.
    pub(crate) fn digest(&self) -> Option<KindDigest> {
        self.loaded.then(|| KindDigest { kind: self.kind, n: self.digest.count(), root: self.digest.root() })
    }

    /// A row read by itself, newer than what a running scan may still bring.
    pub(crate) fn put(&mut self, row: Observed) -> Option<Delta> {
        self.gone_meanwhile.retain(|name| **name != *row.name());
        self.store(row)
    }

    /// A row that is certainly not there.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Delta> {
        if self.scanning {
            self.gone_meanwhile.push(name.into());
        }
        self.take(name)
    }

    /// A full print begins.
    pub(crate) fn begin_scan(&mut self) {
        self.scan = self.scan.wrapping_add(1);
        self.scanning = true;
        self.gone_meanwhile.clear();
    }

    /// A row of the full print. The first of a name counts: the router allows one name on several servers.
    pub(crate) fn scan_row(&mut self, row: Observed) -> Option<Delta> {
        let fresh = self.rows.get(row.name()).is_some_and(|slot| slot.seen == self.scan);
        if fresh || self.gone_meanwhile.iter().any(|name| **name == *row.name()) {
            return None;
        }
        self.store(row)
    }

    /// The full print came to its end: what it did not show is gone. Answers the names too.
    pub(crate) fn end_scan(&mut self) -> Vec<Delta> {
        let scan = self.scan;
        let gone: Vec<Box<str>> =
            self.rows.iter().filter(|(_, slot)| slot.seen != scan).map(|(name, _)| name.clone()).collect();
        let gone = gone.iter().filter_map(|name| self.take(name)).collect();
        self.abort_scan();
        self.loaded = true;
        gone
    }

    /// The full print failed: nothing is known to be gone.
    pub(crate) fn abort_scan(&mut self) {
        self.scanning = false;
        self.gone_meanwhile.clear();
    }

    fn store(&mut self, row: Observed) -> Option<Delta> {
        let name: Box<str> = row.name().into();
        let new = row.to_row();
        let seen = self.scan;
        if let Some(slot) = self.rows.get_mut(&name) {
            slot.seen = seen;
            let old = slot.row.to_row();
            if *slot.row != row {
                slot.row = Arc::new(row);
            }
            if old == new {
                return None;
            }
            self.digest.remove(&name, digest::row_hash(&old));
        } else {
            self.rows.insert(name.clone(), Slot { row: Arc::new(row), seen });
        }
        self.digest.add(&name, digest::row_hash(&new));
        Some(Delta::Put { kind: self.kind, row: new })
    }

    fn take(&mut self, name: &str) -> Option<Delta> {
        let slot = self.rows.remove(name)?;
        self.digest.remove(name, digest::row_hash(&slot.row.to_row()));
        Some(Delta::Del { kind: self.kind, key: name.to_owned() })
    }
}

/// The hash of a password as the mirror holds it: the first 8 bytes of its HMAC; never 0, which means hidden.
pub(crate) fn password_hash(mirror_key: &[u8; 32], password: &str) -> u64 {
    let mac = hiji_shared::signed::hmac(mirror_key, &[password.as_bytes()]);
    mac.iter().take(8).fold(0, |hash, byte| (hash << 8) | u64::from(*byte)).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn user(name: &str, comment: &str) -> Observed {
        Observed::User(UserRow { name: name.into(), comment: comment.into(), ..UserRow::default() })
    }

    fn scan(table: &mut Table, rows: &[(&str, &str)]) -> Vec<Delta> {
        table.begin_scan();
        let mut deltas: Vec<Delta> =
            rows.iter().filter_map(|(name, comment)| table.scan_row(user(name, comment))).collect();
        deltas.extend(table.end_scan());
        deltas
    }

    #[test]
    fn a_print_that_failed_removes_nothing() {
        let mut table = Table::new(Kind::HotspotUser);
        assert_eq!(table.digest(), None);
        scan(&mut table, &[("a", ""), ("b", "")]);
        table.begin_scan();
        table.scan_row(user("a", "new"));
        table.abort_scan();
        assert!(table.get("b").is_some());
        assert_eq!(table.digest().unwrap().n, 2);
        let deltas = scan(&mut table, &[("a", "new")]);
        assert_eq!(deltas, vec![Delta::Del { kind: Kind::HotspotUser, key: "b".into() }]);
    }

    #[test]
    fn what_happened_during_a_print_wins_over_its_older_rows() {
        let mut table = Table::new(Kind::HotspotUser);
        scan(&mut table, &[("a", "old"), ("b", "old")]);
        table.begin_scan();
        table.put(user("a", "new"));
        table.put(user("c", "made meanwhile"));
        table.remove("b");
        assert_eq!(table.scan_row(user("a", "old")), None);
        assert_eq!(table.scan_row(user("b", "old")), None);
        assert!(table.end_scan().is_empty());
        let names: Vec<&str> = table.rows().map(|row| row.name()).collect();
        assert_eq!(names, ["a", "c"]);
    }

    #[test]
    fn counters_change_without_a_report() {
        let mut table = Table::new(Kind::HotspotUser);
        scan(&mut table, &[("a", "")]);
        let used = Used { uptime_secs: 9, ..Used::default() };
        assert_eq!(table.put(Observed::User(UserRow { name: "a".into(), used, ..UserRow::default() })), None);
        assert_eq!(table.get("a").unwrap().user().unwrap().used.uptime_secs, 9);
    }

    #[test]
    fn a_password_hash_is_the_wire_s_sixteen_hex_characters() {
        let hash = password_hash(&[1; 32], "rahasia");
        let row = Observed::User(UserRow { pwh: hash, ..UserRow::default() }).to_row();
        let Row::User(row) = row else { panic!() };
        assert_eq!(row.pwh, hiji_shared::signed::hex(&hiji_shared::signed::hmac(&[1; 32], &[b"rahasia"]))[..16]);
    }

    proptest! {
        #[test]
        fn replaying_the_reports_gives_the_router_s_rows(
            scans in proptest::collection::vec(
                proptest::collection::btree_map("[a-e]", "[x-z]", 0..5), 1..6),
        ) {
            let mut table = Table::new(Kind::HotspotUser);
            let mut copy = BTreeMap::new();
            for rows in scans {
                let pairs: Vec<(&str, &str)> = rows.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
                for delta in scan(&mut table, &pairs) {
                    match delta {
                        Delta::Put { row: Row::User(user), .. } => { copy.insert(user.name, user.comment); }
                        Delta::Put { .. } => unreachable!(),
                        Delta::Del { key, .. } => { copy.remove(&key); }
                    }
                }
                prop_assert_eq!(&copy, &rows);
                let mut fresh = Table::new(Kind::HotspotUser);
                scan(&mut fresh, &pairs);
                prop_assert_eq!(fresh.digest(), table.digest());
            }
        }
    }
}
