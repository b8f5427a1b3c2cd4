//! Commands under way: their tags, and where their answers go.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::client::Answer;
use super::error::{CallError, Trap};
use super::reply::Row;

/// Commands that may be under way at once on one connection; more wait for their turn.
const MAX_IN_FLIGHT: usize = 128;
/// Most memory the rows of one collected answer may take.
const MAX_ANSWER: usize = 64 << 20;
/// Further messages kept of a command that fails in many ways.
const MAX_TRAPS: usize = 16;

/// The tags of one connection, each used by one command at a time.
pub(crate) struct Tags {
    slots: Arc<Semaphore>,
    used: Mutex<UsedTags>,
}

#[derive(Default)]
struct UsedTags {
    last: u32,
    values: HashSet<u32>,
}

impl Tags {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { slots: Arc::new(Semaphore::new(MAX_IN_FLIGHT)), used: Mutex::default() })
    }

    /// A tag for a caller's command, once there are few enough under way.
    pub(crate) async fn take(tags: &Arc<Self>) -> Tag {
        let slot = Arc::clone(&tags.slots).acquire_owned().await;
        Self::make(tags, slot.ok())
    }

    /// A tag for the connection's own commands (cancel, keepalive), which must not wait; they are few, at most one
    /// cancel for each caller's command.
    pub(crate) fn take_own(tags: &Arc<Self>) -> Tag {
        Self::make(tags, None)
    }

    fn make(tags: &Arc<Self>, slot: Option<OwnedSemaphorePermit>) -> Tag {
        let mut used = tags.lock();
        // Counting on rather than reusing the lowest: a late reply to a finished command then meets no other.
        let value = loop {
            used.last = used.last.wrapping_add(1);
            let value = used.last;
            if used.values.insert(value) {
                break value;
            }
        };
        Tag { value, tags: Arc::clone(tags), _slot: slot }
    }

    fn lock(&self) -> MutexGuard<'_, UsedTags> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One tag in use; free again when dropped, which happens at the command's `!done`.
pub(crate) struct Tag {
    value: u32,
    tags: Arc<Tags>,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Tag {
    pub(crate) const fn value(&self) -> u32 {
        self.value
    }
}

impl Drop for Tag {
    fn drop(&mut self) {
        self.tags.lock().values.remove(&self.value);
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({})", self.value)
    }
}

/// Where the answer to a command goes.
pub(crate) enum Sink {
    /// All rows at once, at the end.
    Collect { rows: Vec<Row>, size: usize, write: bool, answer: oneshot::Sender<Result<Answer, CallError>> },
    /// Row by row. `lossy`: rather lose the stream than hold up the connection.
    Stream { rows: mpsc::Sender<Row>, end: oneshot::Sender<Result<(), CallError>>, lossy: bool },
    /// Nobody: given up by its caller, or one of the connection's own commands.
    Nobody,
}

/// What became of a row given to a sink.
pub(crate) enum Given {
    Taken,
    /// The stream is full: the row comes back, to be given when there is room.
    Full(Row, mpsc::Sender<Row>),
    /// The command is to be given up.
    Refused(CallError),
}

impl Sink {
    pub(crate) const fn collect(answer: oneshot::Sender<Result<Answer, CallError>>, write: bool) -> Self {
        Self::Collect { rows: Vec::new(), size: 0, write, answer }
    }

    pub(crate) const fn stream(
        rows: mpsc::Sender<Row>,
        end: oneshot::Sender<Result<(), CallError>>,
        lossy: bool,
    ) -> Self {
        Self::Stream { rows, end, lossy }
    }

    fn give(&mut self, row: Row) -> Given {
        match self {
            Self::Collect { rows, size, .. } => {
                *size += row.size();
                if *size > MAX_ANSWER {
                    return Given::Refused(CallError::TooLarge("answer"));
                }
                rows.push(row);
                Given::Taken
            }
            Self::Stream { rows, lossy, .. } => match rows.try_send(row) {
                Err(TrySendError::Full(_)) if *lossy => Given::Refused(CallError::Lagged),
                Err(TrySendError::Full(row)) => Given::Full(row, rows.clone()),
                // Closed: dropped by its consumer, whose cancel is on its way here.
                Ok(()) | Err(TrySendError::Closed(_)) => Given::Taken,
            },
            Self::Nobody => Given::Taken,
        }
    }

    /// Whether the one who waited for the answer has gone.
    fn is_deserted(&self) -> bool {
        match self {
            Self::Collect { answer, .. } => answer.is_closed(),
            Self::Stream { rows, .. } => rows.is_closed(),
            Self::Nobody => false,
        }
    }

    /// Ends it with the router's answer.
    fn finish(self, result: Result<Option<String>, Trap>) {
        let result = result.map_err(CallError::Trap);
        // A receiver that is gone needs no answer.
        match self {
            Self::Collect { rows, answer, .. } => drop(answer.send(result.map(|ret| Answer { rows, ret }))),
            Self::Stream { end, .. } => drop(end.send(result.map(|_ret| ()))),
            Self::Nobody => {}
        }
    }

    /// Ends it without an answer of the router.
    pub(crate) fn fail(self, error: CallError, sent: bool) {
        match self {
            Self::Collect { write, answer, .. } => {
                let error = if write && sent { CallError::OutcomeUnknown } else { error };
                drop(answer.send(Err(error)));
            }
            Self::Stream { end, .. } => drop(end.send(Err(error))),
            Self::Nobody => {}
        }
    }
}

/// A command that was sent and has had no `!done` yet.
pub(crate) struct Pending {
    /// Held until `!done`, so that the tag is not used again before.
    tag: Tag,
    sink: Sink,
    trap: Option<Trap>,
    pub(crate) patience: Option<Duration>,
    /// When it last got anything.
    pub(crate) progress: Instant,
}

impl Pending {
    pub(crate) const fn new(tag: Tag, sink: Sink, patience: Option<Duration>, now: Instant) -> Self {
        Self { tag, sink, trap: None, patience, progress: now }
    }

    pub(crate) fn give(&mut self, row: Row) -> Given {
        self.sink.give(row)
    }

    /// The first message is the one that counts, the others are kept beside it.
    pub(crate) fn trapped(&mut self, trap: Trap) {
        match &mut self.trap {
            None => self.trap = Some(trap),
            Some(first) if first.others.len() < MAX_TRAPS => first.others.push(trap.message),
            Some(_) => {}
        }
    }

    pub(crate) fn done(self, ret: Option<String>) {
        self.sink.finish(self.trap.map_or(Ok(ret), Err));
        drop(self.tag);
    }

    /// Answers the caller although `!done` is missing; the tag stays in use. A refusal that did come is worth more
    /// than the error.
    pub(crate) fn fail(&mut self, error: CallError) {
        self.patience = None;
        let sink = std::mem::replace(&mut self.sink, Sink::Nobody);
        match self.trap.take() {
            Some(trap) => sink.finish(Err(trap)),
            None => sink.fail(error, true),
        }
    }

    /// Forgets a caller who has gone. Answers whether there was one.
    pub(crate) fn abandon(&mut self) -> bool {
        let deserted = self.sink.is_deserted();
        if deserted {
            self.patience = None;
            self.sink = Sink::Nobody;
        }
        deserted
    }

    /// Whether nobody waits for it, but its `!done` is still to come.
    pub(crate) const fn is_left(&self) -> bool {
        matches!(self.sink, Sink::Nobody)
    }

    /// When its patience ends.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.patience.map(|patience| self.progress + patience)
    }
}
