//! `print`, `getall` and `listen`: which rows, which columns, in pieces small enough to let others answer in between.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::super::query::{Query, passes, wanted};
use super::super::request::Request;
use super::super::router::{Item, Router, format_id, parse_id};
use super::super::schema::{Field, Menu};
use super::super::table::{Change, Row};
use super::super::traps::Trap;
use super::super::value::Kind;
use super::super::wire::{Chunk, attribute};
use super::{Account, Outcome, write};

/// Arguments `print` takes in every version; they change nothing over the API.
const KNOWN: &[&str] = &[
    "detail",
    "brief",
    "terse",
    "stats",
    "bytes",
    "packets",
    "without-paging",
    "count-only",
    "follow",
    "follow-only",
    "from",
];

/// A print that is under way.
#[derive(Debug)]
pub(crate) struct PrintJob {
    menu: &'static Menu,
    queries: Vec<Query>,
    columns: Vec<Column>,
    rows: Rows,
    count_only: bool,
    found: usize,
    /// After the rows the changes follow (`print =follow=`).
    pub(crate) follow: bool,
}

#[derive(Debug, Clone, Copy)]
enum Column {
    Id,
    Field(&'static Field),
}

#[derive(Debug)]
enum Rows {
    /// The whole table, from this id on.
    From(u32),
    /// Every row has been looked at.
    End,
    /// These, the last one first.
    These(Vec<u32>),
}

/// `print` and `getall`.
pub(super) fn print(router: &mut Router, account: &Account, menu: &'static Menu, request: &Request) -> Outcome {
    let unknown = request.args.iter().find(|(name, _)| !is_known(router, name));
    if let Some((name, _)) = unknown {
        return Outcome::Trap(Trap::unknown_parameter(router.version, name));
    }
    let only_follow = request.switch("follow-only");
    if menu.singleton && (only_follow || request.switch("follow")) {
        return Outcome::Trap(Trap::unknown_parameter(router.version, b"follow-only"));
    }
    let mut job = PrintJob::new(router, account, menu, request);
    let seq = router.menu(menu.path).seq();
    if only_follow {
        return Outcome::Listen(job, seq);
    }
    job.rows = match chosen(router, menu, request) {
        Ok(rows) => rows,
        Err(trap) => return Outcome::Trap(trap),
    };
    if request.queries.is_empty() && matches!(job.rows, Rows::From(_)) && !job.count_only {
        router.journal.printed_all(menu.path);
    }
    Outcome::Print(job)
}

/// `listen`: the same as `print follow-only`.
pub(super) fn listen(router: &Router, account: &Account, menu: &'static Menu, request: &Request) -> Outcome {
    if menu.singleton {
        return Outcome::Trap(Trap::unknown_parameter(router.version, b"follow-only"));
    }
    Outcome::Listen(PrintJob::new(router, account, menu, request), router.menu(menu.path).seq())
}

fn is_known(router: &Router, name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name);
    KNOWN.contains(&name.as_ref()) || (name == "show-sensitive" && router.version.show_sensitive())
}

/// The rows to look at: those of `from`, those an index can name, or all.
fn chosen(router: &Router, menu: &'static Menu, request: &Request) -> Result<Rows, Trap> {
    let table = router.menu(menu.path);
    if let Some(from) = request.arg("from") {
        let mut ids = write::resolve(router, menu, from)?;
        ids.reverse();
        return Ok(Rows::These(ids));
    }
    if let Some(id) = wanted(&request.queries, ".id") {
        return Ok(Rows::These(parse_id(id).into_iter().collect()));
    }
    if let Some(name) = wanted(&request.queries, "name").filter(|_| menu.field(b"name").is_some()) {
        let mut ids: Vec<u32> = table.named(name).map(|row| row.id).collect();
        ids.reverse();
        return Ok(Rows::These(ids));
    }
    if menu.ordered {
        let mut ids: Vec<u32> = table.rows().map(|row| row.id).collect();
        ids.reverse();
        return Ok(Rows::These(ids));
    }
    Ok(Rows::From(0))
}

impl PrintJob {
    fn new(router: &Router, account: &Account, menu: &'static Menu, request: &Request) -> Self {
        let asked = !router.hides_secrets || request.switch("show-sensitive");
        let open = |field: &&Field| field.kind != Kind::Secret || (asked && account.may("sensitive"));
        let id = (!menu.singleton).then_some(Column::Id);
        let columns = match &request.proplist {
            None => id.into_iter().chain(menu.fields.iter().filter(open).map(Column::Field)).collect(),
            Some(names) => {
                let column = |name: &Vec<u8>| match name.as_slice() {
                    b".id" => id,
                    name => menu.field(name).filter(open).map(Column::Field),
                };
                names.iter().filter_map(column).collect()
            }
        };
        Self {
            menu,
            queries: request.queries.clone(),
            columns,
            rows: Rows::End,
            count_only: request.switch("count-only"),
            found: 0,
            follow: request.switch("follow"),
        }
    }

    /// Writes up to `rows` more records; at the end what closes the print, unless changes follow. True when it is done.
    pub(crate) fn step(&mut self, router: &Router, tag: Option<&Bytes>, rows: usize, chunk: &mut Chunk) -> bool {
        let table = router.menu(self.menu.path);
        let ids: Vec<u32> = match &mut self.rows {
            Rows::End => Vec::new(),
            Rows::From(next) => {
                let ids: Vec<u32> = table.ids_from(*next).take(rows).collect();
                self.rows = match ids.last().and_then(|last| last.checked_add(1)) {
                    Some(next) if ids.len() == rows => Rows::From(next),
                    Some(_) | None => Rows::End,
                };
                ids
            }
            Rows::These(left) => {
                let keep = left.len().saturating_sub(rows);
                let ids = left.split_off(keep).into_iter().rev().collect();
                if left.is_empty() {
                    self.rows = Rows::End;
                }
                ids
            }
        };
        for row in ids.into_iter().filter_map(|id| table.get(id)) {
            if passes(&self.queries, &Item { router, table, row }) {
                self.found += 1;
                if !self.count_only {
                    self.record(router, row, tag, chunk);
                }
            }
        }
        let finished = matches!(self.rows, Rows::End);
        if finished && !self.follow {
            self.close(router, tag, chunk);
        }
        finished
    }

    fn close(&self, router: &Router, tag: Option<&Bytes>, chunk: &mut Chunk) {
        if self.count_only {
            chunk.done(tag, Some(self.found.to_string().as_bytes()));
            return;
        }
        if self.found == 0 && router.version.empty_sentence() {
            chunk.sentence("!empty", tag, []);
        }
        chunk.done(tag, None);
    }

    fn record(&self, router: &Router, row: &Row, tag: Option<&Bytes>, chunk: &mut Chunk) {
        let table = router.menu(self.menu.path);
        let words = self.columns.iter().filter_map(|column| match column {
            Column::Id => Some(attribute(".id", format_id(row.id).as_bytes())),
            Column::Field(field) => Some(attribute(field.name, &router.value(table, row, field)?)),
        });
        chunk.sentence("!re", tag, words);
    }

    /// The menu whose changes this print waits for.
    pub(crate) fn path(&self) -> &'static str {
        self.menu.path
    }

    /// What changed after `seen`, each row once in its last state; answers the number of the last change.
    ///
    /// A row that came and went in between is not mentioned, as on the router.
    pub(crate) fn changes(&self, router: &Router, seen: u64, tag: Option<&Bytes>, chunk: &mut Chunk) -> u64 {
        let table = router.menu(self.menu.path);
        let mut order = Vec::new();
        let mut known_before: BTreeMap<u32, bool> = BTreeMap::new();
        let mut touched = BTreeSet::new();
        for (id, change) in table.changes_after(seen) {
            known_before.entry(id).or_insert(change != Change::Added);
            if touched.insert(id) {
                order.push(id);
            }
        }
        for id in order {
            match table.get(id) {
                Some(row) if passes(&self.queries, &Item { router, table, row }) => {
                    self.record(router, row, tag, chunk)
                }
                Some(_) => {}
                None if known_before.get(&id).copied().unwrap_or(true) => {
                    let words = [attribute(".id", format_id(id).as_bytes()), attribute(".dead", router.version.dead())];
                    chunk.sentence("!re", tag, words);
                }
                None => {}
            }
        }
        table.seq()
    }
}
