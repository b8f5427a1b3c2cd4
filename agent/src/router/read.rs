//! Reading mirrored menus: in full, or only rows of certain names.
//!
//! An error is never an empty list: only a print that came to its end removes rows. Routers differ, and stand-ins
//! differ more: what a router cannot do (a query, an OR of queries, `show-sensitive`) is found out and not asked again.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hiji_shared::{
    desired::FailCode,
    device::{Kind, Row as WireRow},
    event::Event,
};

use crate::{
    ctx::Ctx,
    knowledge::{Core, slot},
    life,
    menus::{self, Menu, Reading},
    mirror::Observed,
    reconcile::Step,
    routeros::{CallError, Client, Request, Row, TrapKind, values::Version},
    state::want::Progress,
};

/// Names of one OR query.
const OR_NAMES: usize = 50;
/// More names than this are read by a full print.
const MAX_NAMES: usize = 200;
/// Printing passwords needs to be asked for since this version.
const SHOW_SENSITIVE: Version = Version::new(7, 21, 0);
/// At least this long between full prints that a doubtful query answer asks for.
const FULL_AGAIN: Duration = Duration::from_secs(5);

/// Reads menus over one connection.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) ctx: &'a Ctx,
    pub(crate) client: &'a Client,
    learned: Mutex<Learned>,
}

/// What was found out about this router.
#[derive(Debug, Default)]
struct Learned {
    /// `?name=x` answers the row of that name and nothing else.
    queries: Option<bool>,
    /// Several with `?#|` answer all of them.
    or_queries: Option<bool>,
    /// `=show-sensitive=` is understood.
    show_sensitive: Option<bool>,
    unsupported: [bool; 4],
    /// When a full print last had to show whether queries work.
    doubted: Option<tokio::time::Instant>,
}

impl<'a> Reader<'a> {
    /// A reader that knows nothing of the router yet.
    pub(crate) fn new(ctx: &'a Ctx, client: &'a Client) -> Self {
        Self { ctx, client, learned: Mutex::default() }
    }

    fn learned(&self) -> std::sync::MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the router no such menu?
    pub(crate) fn unsupported(&self, kind: Kind) -> bool {
        self.learned().unsupported[slot(kind)]
    }

    /// Reads a menu to its end and compares it with what was known and what is wanted.
    ///
    /// # Errors
    /// The connection is lost. A router that refuses leaves the mirror as it was.
    pub(crate) async fn scan(&self, kind: Kind) -> Result<(), CallError> {
        if self.unsupported(kind) {
            return Ok(());
        }
        let menu = menus::of(kind);
        self.ctx.core().table_mut(kind).begin_scan();
        let read = self.stream(menu, &self.print(menu), None).await;
        match read {
            Ok(_) => {
                let mut core = self.ctx.core();
                let first = !core.table(kind).loaded();
                let gone = core.table_mut(kind).end_scan();
                self.ctx.mirror_changed(&mut core, gone);
                if first && let Some(digest) = core.table(kind).digest() {
                    let (n, root) = (digest.n, digest.root);
                    self.ctx.emit(&mut core, &Event::MirrorDigest { kind, n, root });
                }
                compare(self.ctx, &mut core, kind);
                Ok(())
            }
            Err(error) => {
                self.ctx.core().table_mut(kind).abort_scan();
                self.refused(kind, error)
            }
        }
    }

    /// Reads the rows of these names; what is not there is known to be gone.
    ///
    /// # Errors
    /// The connection is lost, or the router would not say.
    pub(crate) async fn by_names(&self, kind: Kind, names: &[Box<str>]) -> Result<(), CallError> {
        if names.is_empty() || self.unsupported(kind) {
            return Ok(());
        }
        if names.len() > MAX_NAMES || self.learned().queries == Some(false) {
            return self.scan(kind).await;
        }
        for chunk in names.chunks(OR_NAMES) {
            let or = chunk.len() > 1 && self.learned().or_queries != Some(false);
            let missing = if or { self.by_or(kind, chunk).await? } else { chunk.to_vec() };
            if missing.is_empty() {
                continue;
            }
            let certain = or && self.learned().or_queries == Some(true);
            let gone = if certain { missing } else { self.one_by_one(kind, &missing).await? };
            if self.learned().queries == Some(false) {
                return self.scan(kind).await;
            }
            let mut core = self.ctx.core();
            let deltas: Vec<_> = gone.iter().filter_map(|name| core.table_mut(kind).remove(name)).collect();
            self.ctx.mirror_changed(&mut core, deltas);
        }
        Ok(())
    }

    /// Rows that were just written and cannot be found by name: perhaps this router does not understand queries.
    ///
    /// # Errors
    /// As [`Self::scan`].
    pub(crate) async fn doubt_queries(&self, kind: Kind, names: &[Box<str>]) -> Result<(), CallError> {
        {
            let mut learned = self.learned();
            if learned.queries == Some(true) || learned.doubted.is_some_and(|at| at.elapsed() < FULL_AGAIN) {
                return Ok(());
            }
            learned.doubted = Some(tokio::time::Instant::now());
        }
        self.scan(kind).await?;
        let core = self.ctx.core();
        if names.iter().any(|name| core.table(kind).get(name).is_some()) {
            tracing::warn!("this router does not answer queries by name; menus are read in full instead");
            self.learned().queries = Some(false);
        }
        Ok(())
    }

    /// One OR query; answers the names it did not show.
    async fn by_or(&self, kind: Kind, names: &[Box<str>]) -> Result<Vec<Box<str>>, CallError> {
        let menu = menus::of(kind);
        let mut request = self.print(menu);
        for name in names {
            request = request.query(format!("?name={name}"));
        }
        request = request.query(format!("?#{}", "|".repeat(names.len() - 1)));
        let wanted: BTreeSet<&str> = names.iter().map(AsRef::as_ref).collect();
        let seen = match self.stream(menu, &request, Some(&wanted)).await {
            Ok(seen) => seen,
            Err(CallError::Trap(trap)) => {
                tracing::debug!(%trap, "the router refuses a query with OR");
                self.learned().or_queries = Some(false);
                return Ok(names.to_vec());
            }
            Err(error) => return Err(error),
        };
        if seen.found.len() > 1 && seen.others == 0 {
            self.learned().or_queries = Some(true);
        } else if seen.others > 0 {
            // It printed everything; those asked for are among them.
            let mut learned = self.learned();
            (learned.or_queries, learned.queries) = (Some(false), Some(false));
        }
        Ok(names.iter().filter(|name| !seen.found.contains(&**name)).cloned().collect())
    }

    /// One query a name; answers those that are not there.
    async fn one_by_one(&self, kind: Kind, names: &[Box<str>]) -> Result<Vec<Box<str>>, CallError> {
        let menu = menus::of(kind);
        let mut gone = Vec::new();
        for name in names {
            let request = self.print(menu).query(format!("?name={name}"));
            let seen = self.stream(menu, &request, Some(&BTreeSet::from([&**name]))).await?;
            if seen.others > 0 {
                self.learned().queries = Some(false);
                return Ok(Vec::new());
            }
            if seen.found.is_empty() {
                gone.push(name.clone());
            } else {
                let mut learned = self.learned();
                learned.queries = Some(true);
                if names.len() > 1 && learned.or_queries.is_none() {
                    // The OR before did not show it.
                    learned.or_queries = Some(false);
                }
            }
        }
        Ok(gone)
    }

    fn print(&self, menu: &dyn Menu) -> Request {
        let request = Request::new(&format!("{}/print", menu.path())).proplist(menu.fields());
        if self.shows_sensitive(menu.kind()) { request.attr("show-sensitive", "") } else { request }
    }

    fn shows_sensitive(&self, kind: Kind) -> bool {
        let has_password = matches!(kind, Kind::HotspotUser | Kind::PppSecret);
        let known = self.learned().show_sensitive;
        let new_enough = || Version::parse(&self.ctx.core().facts.version).is_some_and(|v| v >= SHOW_SENSITIVE);
        has_password && known.unwrap_or_else(new_enough)
    }

    /// Takes in the rows of a print. With `wanted`, only those names, as rows read by themselves.
    async fn stream(
        &self,
        menu: &dyn Menu,
        request: &Request,
        wanted: Option<&BTreeSet<&str>>,
    ) -> Result<Seen, CallError> {
        let read = self.stream_once(menu, request.clone(), wanted).await;
        match read {
            Err(CallError::Trap(trap))
                if trap.kind() == TrapKind::UnknownParameter && self.shows_sensitive(menu.kind()) =>
            {
                self.learned().show_sensitive = Some(false);
                let words = request.words().iter().filter(|word| !word.starts_with(b"=show-sensitive"));
                let plain = words.skip(1).fold(Request::new(&format!("{}/print", menu.path())), |request, word| {
                    match word.strip_prefix(b"=.proplist=") {
                        Some(fields) => request.attr(".proplist", fields),
                        None => request.query(word),
                    }
                });
                self.stream_once(menu, plain, wanted).await
            }
            read => read,
        }
    }

    async fn stream_once(
        &self,
        menu: &dyn Menu,
        request: Request,
        wanted: Option<&BTreeSet<&str>>,
    ) -> Result<Seen, CallError> {
        let mut rows = self.client.stream(request).await?;
        let mut seen = Seen::default();
        while let Some(row) = rows.next().await {
            let row = row?;
            let mut core = self.ctx.core();
            let Some(observed) = observe(self.ctx, &mut core, menu, &row) else { continue };
            if let Some(wanted) = wanted {
                if !wanted.contains(observed.name()) {
                    seen.others += 1;
                    continue;
                }
                if !seen.found.insert(observed.name().into()) {
                    continue;
                }
            }
            take(self.ctx, &mut core, menu.kind(), observed, wanted.is_some());
        }
        Ok(seen)
    }

    /// A menu the router does not have is no error; a lost connection is.
    fn refused(&self, kind: Kind, error: CallError) -> Result<(), CallError> {
        if let CallError::Trap(trap) = &error {
            tracing::warn!(%trap, menu = menus::of(kind).path(), "the router does not show a menu");
            if trap.kind() == TrapKind::NoSuchCommand {
                self.learned().unsupported[slot(kind)] = true;
                // Whatever is wanted there cannot be: each is told so, once.
                compare(self.ctx, &mut self.ctx.core(), kind);
            }
            return Ok(());
        }
        if super::is_lost(&error) { Err(error) } else { Ok(()) }
    }
}

/// What a print showed.
#[derive(Debug, Default)]
struct Seen {
    found: BTreeSet<Box<str>>,
    /// Rows that were not asked for.
    others: usize,
}

fn observe(ctx: &Ctx, core: &mut Core, menu: &dyn Menu, row: &Row) -> Option<Observed> {
    let Core { texts, state, .. } = core;
    let mut reading = Reading {
        mirror_key: &ctx.keys.mirror,
        texts,
        voucher_marker: &state.config().voucher_marker,
        pppoe_marker: &state.config().pppoe_marker,
    };
    menu.read(row, &mut reading)
}

/// Takes one row into the mirror.
fn take(ctx: &Ctx, core: &mut Core, kind: Kind, observed: Observed, by_itself: bool) {
    let name: Box<str> = observed.name().into();
    let first_time = !core.table(kind).loaded();
    let table = core.table_mut(kind);
    let delta = if by_itself { table.put(observed) } else { table.scan_row(observed) };
    // The first full print is told by its digest: the controller asks for all rows if it lacks any.
    if let Some(delta) = delta.filter(|_| !first_time) {
        ctx.mirror_changed(core, vec![delta]);
    }
    life::row_seen(ctx, core, kind, &name);
}

/// Queues every entry of a kind that is not as wanted, or not yet reported so.
fn compare(ctx: &Ctx, core: &mut Core, kind: Kind) {
    let mut wrong: Vec<Box<str>> = Vec::new();
    let mut right: Vec<Box<str>> = Vec::new();
    for (name, entry) in core.state.iter(kind) {
        let settled = match &entry.life {
            // Being ended: not the reconciler's business until that is done.
            Some(life) if life.ended.is_some() && !life.end_done => true,
            // It was reported with its end, until the controller wants something else of it.
            Some(life) if life.ended.is_some() && entry.user().is_some_and(|user| !user.over) => {
                core.step(kind, name, ctx) == Step::Right
            }
            _ => !entry.kick_due && entry.verified_rev == entry.rev && core.step(kind, name, ctx) == Step::Right,
        };
        // What failed has its own time to be tried again.
        match &entry.progress {
            Progress::Unknown | Progress::Verified if !settled => wrong.push(name.into()),
            Progress::Unknown => right.push(name.into()),
            Progress::Verified | Progress::Queued | Progress::Written | Progress::Failed { .. } => {}
        }
    }
    for name in &wrong {
        core.enqueue(kind, name);
    }
    for name in &right {
        if let Some(entry) = core.state.get_mut(kind, name) {
            entry.progress = Progress::Verified;
        }
    }
    if !wrong.is_empty() {
        ctx.wake.apply.notify_one();
    }
}

/// What a failure of a command is to the controller.
pub(crate) fn fail_code(kind: TrapKind) -> FailCode {
    match kind {
        TrapKind::Duplicate => FailCode::NameTaken,
        TrapKind::BadReference => FailCode::MissingReference,
        TrapKind::BadValue => FailCode::BadValue,
        TrapKind::UnknownParameter | TrapKind::NoSuchCommand | TrapKind::DeviceMode => FailCode::Unsupported,
        TrapKind::Permission => FailCode::Permission,
        TrapKind::Full => FailCode::Full,
        TrapKind::NoSuchItem | TrapKind::Cancelled | TrapKind::Busy | TrapKind::Auth | TrapKind::Other => {
            FailCode::Other
        }
    }
}

/// The rows of a mirror, as sent in a snapshot.
pub(crate) fn wire_rows(core: &Core, kind: Kind) -> Vec<std::sync::Arc<Observed>> {
    core.table(kind).rows().map(std::sync::Arc::clone).collect()
}

/// One row as JSON text.
pub(crate) fn row_json(row: &Observed) -> String {
    let wire: WireRow = row.to_row();
    serde_json::to_string(&wire).unwrap_or_default()
}
