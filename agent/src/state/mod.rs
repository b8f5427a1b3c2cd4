//! What the agent knows and must not forget: the router's desired state, the facts of each user's life, the results of
//! commands, the open sessions. In memory, and on disk as a journal signed with the command key, so that the agent can
//! act alone, rebuild a replaced router, and go on after a crash at any point.
//!
//! Leaves out the mirror (the router itself is its store) and all decisions.

mod journal;
mod lines;
pub(crate) mod want;

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    path::Path,
};

use hiji_shared::{
    command::{AgentConfig, CommandResult},
    desired::{Desired, Object, Rev},
    device::{Kind, RouterSession},
    event::Usage,
    isolation,
};

use self::{
    journal::Journal,
    lines::Line,
    want::{Entry, Life, Texts, Want, WantUser},
};

/// Results of commands kept, so that a repeated command is not done again.
const KEPT_RESULTS: usize = 500;
/// A voucher that ended is remembered this long, so that a late revision does not make it again.
const TOMBSTONE_SECS: i64 = 7 * 24 * 3_600;
/// The journal is rewritten when it has grown to twice its rewritten size, but not below this.
const MIN_REWRITE_BYTES: u64 = 512 * 1024;
/// Objects of one line of a rewritten journal.
const REWRITE_BATCH: usize = 50;

/// The state of one agent.
#[derive(Debug)]
pub(crate) struct State {
    journal: Journal,
    rewrite_at: u64,
    texts: Texts,
    entries: Entries,
    have_rev: Rev,
    results: VecDeque<CommandResult>,
    config: AgentConfig,
    conn: u64,
    last_known_ms: i64,
}

/// What is wanted, by kind as in [`index`].
type Entries = [BTreeMap<Box<str>, Entry>; Kind::WANTED.len()];

/// What came of taking objects in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Changed, to be reconciled.
    pub(crate) fresh: Vec<(Kind, Box<str>)>,
    /// A newer revision was already there.
    pub(crate) stale: Vec<(Kind, Box<str>, Rev)>,
}

/// A session that was open when the agent last ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownSession {
    pub(crate) session: RouterSession,
    /// Its login is certain to be in the outbox.
    pub(crate) told: bool,
}

/// Why objects were not taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PutError {
    #[error("revisions up to {have} are here, these follow {from}")]
    Gap { have: Rev, from: Rev },
    #[error("cannot write the state")]
    Disk(#[source] io::Error),
}

impl State {
    /// Opens the state in a directory; the sessions that were open come back beside it.
    ///
    /// # Errors
    /// The journal cannot be read or written.
    pub(crate) fn open(dir: &Path, key: [u8; 32], now_ms: i64) -> io::Result<(Self, Vec<KnownSession>)> {
        std::fs::create_dir_all(dir)?;
        let path = dir.join("state.log");
        let mut loaded = Loaded::default();
        let (journal, found) = Journal::open(&path, key, |line| match serde_json::from_slice(line) {
            Ok(line) => loaded.line(line),
            Err(error) => tracing::warn!(%error, "a line of the state is of another version; skipped"),
        })?;
        let Loaded { mut texts, mut entries, mut have_rev, results, config, conn, last_known_ms, sessions } = loaded;
        if found.damaged {
            // Something in the middle is gone: the controller sends everything again, facts of life stay.
            tracing::warn!("the state was damaged on disk; asking the controller for all of it");
            have_rev = 0;
        }
        let now = now_ms / 1_000;
        for kind in &mut entries {
            kind.retain(|_, entry| entry.want != Want::Forgotten && !is_old_tombstone(entry, now));
        }
        let _first = texts.shared("");
        let rewrite_at = MIN_REWRITE_BYTES.max(journal.len() * 2);
        let state = Self { journal, rewrite_at, texts, entries, have_rev, results, config, conn, last_known_ms };
        Ok((state, sessions.into_values().collect()))
    }

    /// How far the desired state is here.
    pub(crate) fn have_rev(&self) -> Rev {
        self.have_rev
    }

    /// The controller's settings for this agent.
    pub(crate) fn config(&self) -> &AgentConfig {
        &self.config
    }

    /// The last moment known for certain, unix ms; 0 = never.
    pub(crate) fn last_known_ms(&self) -> i64 {
        self.last_known_ms
    }

    /// The entries of a kind.
    pub(crate) fn iter(&self, kind: Kind) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries[index(kind)].iter().map(|(name, entry)| (&**name, entry))
    }

    /// One entry.
    pub(crate) fn get(&self, kind: Kind, name: &str) -> Option<&Entry> {
        self.entries[index(kind)].get(name)
    }

    /// One entry, to note its progress. What must outlive the process goes through the other methods.
    pub(crate) fn get_mut(&mut self, kind: Kind, name: &str) -> Option<&mut Entry> {
        self.entries[index(kind)].get_mut(name)
    }

    /// Takes objects in, durably. With `reset` everything before is forgotten but its facts.
    ///
    /// # Errors
    /// [`PutError`]; nothing was changed then.
    pub(crate) fn put(
        &mut self,
        from_rev: Rev,
        to_rev: Rev,
        reset: bool,
        mut objects: Vec<Desired>,
    ) -> Result<Taken, PutError> {
        let have = if reset { 0 } else { self.have_rev };
        if from_rev > have {
            return Err(PutError::Gap { have, from: from_rev });
        }
        let mut taken = Taken::default();
        objects.retain(|object| {
            let known = self.get(object.kind(), object.name()).filter(|entry| entry.want != Want::Forgotten);
            let newer = reset || known.is_none_or(|entry| object.rev > entry.rev);
            let unseen = object.rev > have;
            if !newer && known.is_some_and(|entry| entry.rev > object.rev) {
                taken.stale.push((object.kind(), object.name().into(), object.rev));
            }
            newer && unseen
        });
        taken.fresh = objects.iter().map(|object| (object.kind(), object.name().into())).collect();
        let have = have.max(to_rev);
        let line = Line::Put { have, reset, objects };
        self.write(&line, true).map_err(PutError::Disk)?;
        let Line::Put { objects, .. } = line else { return Ok(taken) };
        if reset {
            forget(&mut self.entries);
        }
        for object in objects {
            insert(&mut self.entries, &mut self.texts, object);
        }
        self.have_rev = have;
        Ok(taken)
    }

    /// Changes the facts of a user's life, durably.
    pub(crate) fn set_life(&mut self, kind: Kind, name: &str, mut change: impl FnMut(&mut Life)) {
        self.set_lives(kind, &[name], |_, life| change(life));
        self.sync();
    }

    /// The same for many users; durable only after [`Self::sync`].
    pub(crate) fn set_lives(&mut self, kind: Kind, names: &[&str], mut change: impl FnMut(&str, &mut Life)) {
        for name in names {
            let Some(entry) = self.entries[index(kind)].get_mut(*name) else { continue };
            let life = entry.life_mut();
            change(name, life);
            let line = Line::Life { kind, name: (*name).to_owned(), life: (&*life).into() };
            self.write_or_log(&line, false);
        }
    }

    /// Notes what users have used in sessions that ended. Not durable at once: the router counts too.
    pub(crate) fn set_used(&mut self, kind: Kind, users: Vec<Usage>) {
        note_used(&mut self.entries[index(kind)], &users);
        self.write_or_log(&Line::Used { kind, users }, false);
    }

    /// Notes objects that are on the router as wanted (their revision), or only that they are hiji's (revision 0).
    pub(crate) fn set_applied(&mut self, items: Vec<(Kind, String, Rev)>) {
        for (kind, name, rev) in &items {
            if let Some(entry) = self.get_mut(*kind, name) {
                entry.applied = true;
                entry.verified_rev = entry.verified_rev.max(*rev);
            }
        }
        self.write_or_log(&Line::Applied { items }, false);
    }

    /// Notes that the sessions of a user have to end before what is wanted of it is proven, or that they did. Written
    /// before the router is: a crash in between must not leave the old session open.
    pub(crate) fn set_kick_due(&mut self, kind: Kind, name: &str, due: bool) {
        let Some(entry) = self.get_mut(kind, name).filter(|entry| entry.kick_due != due) else { return };
        entry.kick_due = due;
        self.write_or_log(&Line::Kick { kind, name: name.to_owned(), due }, false);
    }

    /// Forgets objects that are gone as wanted.
    pub(crate) fn drop_entries(&mut self, items: Vec<(Kind, String)>) {
        for (kind, name) in &items {
            self.entries[index(*kind)].remove(name.as_str());
        }
        self.write_or_log(&Line::Drop { items }, false);
    }

    /// The result of a command that was done before.
    pub(crate) fn result(&self, jti: &str) -> Option<&CommandResult> {
        self.results.iter().find(|result| result.id == jti)
    }

    /// Keeps a command's result.
    pub(crate) fn remember_result(&mut self, result: &CommandResult) {
        self.write_or_log(&Line::Result(result.clone()), true);
        push_result(&mut self.results, result.clone());
    }

    /// Keeps the controller's settings; true when they are new.
    pub(crate) fn set_config(&mut self, config: AgentConfig) -> bool {
        if config == self.config {
            return false;
        }
        self.write_or_log(&Line::Config(config.clone()), false);
        self.config = config;
        true
    }

    /// The number of the next connection to the broker.
    pub(crate) fn next_conn(&mut self) -> u64 {
        self.conn += 1;
        self.write_or_log(&Line::Meta { conn: self.conn, last_known_ms: self.last_known_ms }, false);
        self.conn
    }

    /// Notes a moment known for certain.
    pub(crate) fn set_last_known(&mut self, now_ms: i64) {
        self.last_known_ms = now_ms;
        self.write_or_log(&Line::Meta { conn: self.conn, last_known_ms: now_ms }, false);
    }

    /// Notes a session that opened.
    pub(crate) fn session_opened(&mut self, session: &RouterSession) {
        self.write_or_log(&Line::Open(session.clone()), false);
    }

    /// Notes that every session opened so far was reported, and these were reported closed.
    pub(crate) fn sessions_told(&mut self, closed: Vec<String>) {
        self.write_or_log(&Line::Told { closed }, false);
    }

    /// Waits until everything is on the disk.
    pub(crate) fn sync(&self) {
        if let Err(error) = self.journal.sync() {
            tracing::error!(%error, "cannot write the state to disk");
        }
    }

    /// Rewrites the journal if it has grown enough. `open` are the sessions to keep.
    pub(crate) fn tidy_up(&mut self, open: &[RouterSession], now_ms: i64) {
        if self.journal.len() < self.rewrite_at {
            return;
        }
        for kind in &mut self.entries {
            kind.retain(|_, entry| !is_old_tombstone(entry, now_ms / 1_000));
        }
        let lines = self.all_lines(open);
        let json = lines.iter().filter_map(|line| serde_json::to_vec(line).ok());
        match self.journal.rewrite(json) {
            Ok(()) => self.rewrite_at = MIN_REWRITE_BYTES.max(self.journal.len() * 2),
            Err(error) => {
                tracing::error!(%error, "cannot rewrite the state; it grows on");
                self.rewrite_at = self.journal.len().saturating_mul(2);
            }
        }
    }

    fn all_lines(&self, open: &[RouterSession]) -> Vec<Line> {
        let mut lines =
            vec![Line::Config(self.config.clone()), Line::Meta { conn: self.conn, last_known_ms: self.last_known_ms }];
        for kind in Kind::WANTED {
            let objects: Vec<Desired> =
                self.iter(kind).filter_map(|(name, entry)| desired(kind, name, entry)).collect();
            lines.extend(objects.chunks(REWRITE_BATCH).map(|objects| Line::Put {
                have: 0,
                reset: false,
                objects: objects.to_vec(),
            }));
            let applied: Vec<(Kind, String, Rev)> = self
                .iter(kind)
                .filter(|(_, entry)| entry.applied)
                .map(|(name, entry)| (kind, name.to_owned(), entry.verified_rev))
                .collect();
            lines.extend(applied.chunks(REWRITE_BATCH).map(|items| Line::Applied { items: items.to_vec() }));
            lines.extend(self.iter(kind).filter_map(|(name, entry)| {
                let life = entry.life.as_deref()?.into();
                Some(Line::Life { kind, name: name.to_owned(), life })
            }));
            lines.extend(self.iter(kind).filter(|(_, entry)| entry.kick_due).map(|(name, _)| Line::Kick {
                kind,
                name: name.to_owned(),
                due: true,
            }));
        }
        lines.extend(self.results.iter().cloned().map(Line::Result));
        lines.extend(open.iter().cloned().map(Line::Open));
        lines.push(Line::Told { closed: Vec::new() });
        lines.push(Line::Put { have: self.have_rev, reset: false, objects: Vec::new() });
        lines
    }

    fn write(&mut self, line: &Line, sync: bool) -> io::Result<()> {
        let json = serde_json::to_vec(line).map_err(io::Error::other)?;
        self.journal.append(&json, sync)
    }

    fn write_or_log(&mut self, line: &Line, sync: bool) {
        if let Err(error) = self.write(line, sync) {
            tracing::error!(%error, "cannot write the state to disk");
        }
    }
}

fn index(kind: Kind) -> usize {
    match kind {
        Kind::HotspotProfile => 0,
        Kind::PppProfile => 1,
        Kind::HotspotUser => 2,
        Kind::PppSecret => 3,
        Kind::Isolation => 4,
    }
}

fn is_old_tombstone(entry: &Entry, now: i64) -> bool {
    let done = entry.life.as_ref().is_some_and(|life| life.end_done);
    done && entry.ended().is_some_and(|(_, at)| at < now.saturating_sub(TOMBSTONE_SECS))
}

fn forget(entries: &mut Entries) {
    for entry in entries.iter_mut().flat_map(BTreeMap::values_mut) {
        (entry.want, entry.rev, entry.verified_rev) = (Want::Forgotten, 0, 0);
    }
}

fn insert(entries: &mut Entries, texts: &mut Texts, desired: Desired) {
    let kind = index(desired.kind());
    let rev = desired.rev;
    let (name, want): (Box<str>, Want) = match desired.object {
        Object::User(user) => (user.name.as_str().into(), Want::User(Box::new(WantUser::new(&user, texts)))),
        Object::Profile(profile) => (profile.name.as_str().into(), Want::Profile(Box::new(profile))),
        Object::Isolation(isolation) => (isolation::NAME.into(), Want::Isolation(Box::new(isolation))),
        Object::Gone { name, .. } => (name.into(), Want::Gone),
        Object::Forgotten { name, .. } => {
            entries[kind].remove(name.as_str());
            return;
        }
    };
    match entries[kind].get_mut(&name) {
        Some(entry) => {
            (entry.rev, entry.want, entry.progress) = (rev, want, want::Progress::Unknown);
        }
        None => {
            entries[kind].insert(name, Entry::new(rev, want));
        }
    }
}

fn note_used(entries: &mut BTreeMap<Box<str>, Entry>, users: &[Usage]) {
    for usage in users {
        if let Some(entry) = entries.get_mut(usage.0.as_str()) {
            entry.life_mut().closed = usage.used();
        }
    }
}

fn desired(kind: Kind, name: &str, entry: &Entry) -> Option<Desired> {
    let object = match &entry.want {
        Want::User(user) => Object::User(user.desired(kind.service(), name)),
        Want::Profile(profile) => Object::Profile((**profile).clone()),
        Want::Isolation(isolation) => Object::Isolation((**isolation).clone()),
        Want::Gone => Object::Gone { kind, name: name.to_owned() },
        Want::Forgotten => return None,
    };
    Some(Desired { rev: entry.rev, object })
}

fn push_result(results: &mut VecDeque<CommandResult>, result: CommandResult) {
    if results.len() >= KEPT_RESULTS {
        results.pop_front();
    }
    results.push_back(result);
}

/// A state while its journal is read.
#[derive(Default)]
struct Loaded {
    texts: Texts,
    entries: Entries,
    have_rev: Rev,
    results: VecDeque<CommandResult>,
    config: AgentConfig,
    conn: u64,
    last_known_ms: i64,
    sessions: BTreeMap<String, KnownSession>,
}

impl Loaded {
    fn line(&mut self, line: Line) {
        match line {
            Line::Put { have, reset, objects } => {
                if reset {
                    forget(&mut self.entries);
                }
                self.have_rev = if reset { have } else { self.have_rev.max(have) };
                for object in objects {
                    insert(&mut self.entries, &mut self.texts, object);
                }
            }
            Line::Life { kind, name, life } => {
                if let Some(entry) = self.entries[index(kind)].get_mut(name.as_str()) {
                    entry.life = Some(Box::new(life.into()));
                }
            }
            Line::Used { kind, users } => note_used(&mut self.entries[index(kind)], &users),
            Line::Kick { kind, name, due } => {
                if let Some(entry) = self.entries[index(kind)].get_mut(name.as_str()) {
                    entry.kick_due = due;
                }
            }
            Line::Applied { items } => {
                for (kind, name, rev) in items {
                    if let Some(entry) = self.entries[index(kind)].get_mut(name.as_str()) {
                        entry.applied = true;
                        entry.verified_rev = entry.verified_rev.max(rev);
                    }
                }
            }
            Line::Drop { items } => {
                for (kind, name) in items {
                    self.entries[index(kind)].remove(name.as_str());
                }
            }
            Line::Result(result) => push_result(&mut self.results, result),
            Line::Meta { conn, last_known_ms } => (self.conn, self.last_known_ms) = (conn, last_known_ms),
            Line::Config(config) => self.config = config,
            Line::Open(session) => {
                self.sessions.insert(session.sid.clone(), KnownSession { session, told: false });
            }
            Line::Told { closed } => {
                for sid in closed {
                    self.sessions.remove(&sid);
                }
                for known in self.sessions.values_mut() {
                    known.told = true;
                }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
