//! Sends wanted state and commands to connected agents: what the agent has not got is read from the database and sent
//! again until the agent says it has it. Nothing in memory is needed to survive.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use hiji_shared::{
    agent_id::AgentId,
    command::{Command, Op},
    limits::DESIRED_BATCH,
    signed::{self, Purpose},
    topic::{Down, Topic},
};

use super::{enroll::SECRET_PLACE, rules, store};
use crate::{app::App, clock, ids};

/// Chunks on their way to one agent at a time.
const WINDOW: i64 = 4;
/// Looks without being woken this often.
const IDLE: Duration = Duration::from_secs(2);
/// Sends again after this long without progress, doubling.
const FIRST_RESEND: Duration = Duration::from_secs(5);
const LONGEST_RESEND: Duration = Duration::from_secs(120);
/// A command is worth doing this long after it was sent.
const EXPIRES_SECS: i64 = 3600;
/// Imperative commands are sent again this often until they are answered.
const COMMAND_RESEND: Duration = Duration::from_secs(30);

/// How far sending to one agent is; lost at a restart without harm.
#[derive(Debug)]
struct Progress {
    /// Highest revision sent.
    sent: i64,
    /// What the agent had when we last looked.
    have: i64,
    /// Chunks sent beyond what it has.
    in_flight: i64,
    /// When to send again from `have`.
    resend_at: Instant,
    resend_after: Duration,
    commands: HashMap<String, Instant>,
}

/// Sends until the app stops.
pub async fn run(app: App) {
    let mut agents: HashMap<AgentId, Progress> = HashMap::new();
    loop {
        if let Err(error) = pass(&app, &mut agents).await {
            tracing::error!("wanted state could not be sent: {error:#}");
        }
        let _elapsed = tokio::time::timeout(IDLE, app.wakes.woken()).await;
    }
}

async fn pass(app: &App, agents: &mut HashMap<AgentId, Progress>) -> anyhow::Result<()> {
    let rows = store::all_approved(app.db.read()).await.context("reading agents")?;
    let online: Vec<store::AgentRow> = rows.into_iter().filter(|row| row.online).collect();
    if app.wakes.settings_changed()
        && let Err(error) = super::config::tell(app, &online).await
    {
        tracing::warn!("agents were not told their settings: {error:#}");
        app.wakes.reconfigure();
    }
    agents.retain(|id, _| online.iter().any(|row| &row.id == id));
    let asked = store::routers_with_commands(app.db.read()).await.context("reading commands")?;
    for row in online {
        let progress = agents.entry(row.id.clone()).or_insert_with(|| Progress::new(row.have_rev));
        let pending = row.have_rev != row.desired_rev || asked.contains(&row.router);
        if !pending {
            continue;
        }
        if let Err(error) = send(app, &row, progress, asked.contains(&row.router)).await {
            tracing::warn!(router.id = %row.router, agent = %row.id, "sending to the agent failed: {error:#}");
        }
    }
    Ok(())
}

impl Progress {
    fn new(have: i64) -> Self {
        Self {
            sent: have,
            have,
            in_flight: 0,
            resend_at: Instant::now() + FIRST_RESEND,
            resend_after: FIRST_RESEND,
            commands: HashMap::new(),
        }
    }

    /// Takes notice of what the agent has now.
    fn observe(&mut self, have: i64) {
        if have > self.have {
            self.in_flight = if have >= self.sent { 0 } else { self.in_flight.saturating_sub(1) };
            self.resend_after = FIRST_RESEND;
            self.resend_at = Instant::now() + self.resend_after;
        } else if have < self.have || Instant::now() >= self.resend_at {
            self.sent = have;
            self.in_flight = 0;
            self.resend_after = (self.resend_after * 2).min(LONGEST_RESEND);
            self.resend_at = Instant::now() + self.resend_after;
        }
        self.have = have;
        self.sent = self.sent.max(have);
    }
}

async fn send(app: &App, row: &store::AgentRow, progress: &mut Progress, asked: bool) -> anyhow::Result<()> {
    let (have, reset) = rules::continue_from(row.have_rev, row.desired_rev);
    if reset {
        *progress = Progress { sent: 0, have: 0, ..Progress::new(0) };
    } else {
        progress.observe(have);
    }
    let secret = app.keys.open(SECRET_PLACE, &row.secret).context("opening the agent's secret")?;
    let key = signed::derive(&secret, Purpose::Command);
    while progress.sent < row.desired_rev && progress.in_flight < WINDOW {
        let limit = u64::try_from(DESIRED_BATCH).unwrap_or(1);
        let objects = store::desired_after(app.db.read(), &app.keys, row.router, progress.sent, limit).await?;
        let full = objects.len() == DESIRED_BATCH;
        let last = objects.last().map(|object| i64::try_from(object.rev).unwrap_or(i64::MAX));
        // Revisions that were superseded leave holes: a chunk that is not full reaches to the end.
        let to = if full { last.unwrap_or(row.desired_rev) } else { row.desired_rev };
        let op = Op::DesiredPut {
            from_rev: progress.sent.unsigned_abs(),
            to_rev: to.unsigned_abs(),
            reset: reset && progress.sent == 0,
            objects,
        };
        publish(app, row, &key, ids::ulid(app.clock.now().timestamp_millis()), EXPIRES_SECS, op).await?;
        progress.sent = to;
        progress.in_flight += 1;
        progress.resend_at = Instant::now() + progress.resend_after;
    }
    if asked { send_commands(app, row, progress, &key).await } else { Ok(()) }
}

async fn send_commands(app: &App, row: &store::AgentRow, progress: &mut Progress, key: &[u8]) -> anyhow::Result<()> {
    let now = app.clock.now();
    for command in store::waiting_commands(app.db.read(), row.router).await? {
        let due = progress.commands.get(&command.id).is_none_or(|sent| sent.elapsed() >= COMMAND_RESEND);
        let left = (command.expires_at - now).num_seconds();
        if !due || left <= 0 {
            continue;
        }
        let op: Op = serde_json::from_value(command.args).context("reading a command")?;
        publish(app, row, key, command.id.clone(), left, op).await?;
        progress.commands.insert(command.id.clone(), Instant::now());
        let tx = app.db.begin().await?;
        store::command_sent(&*tx, &command.id, now).await?;
        tx.commit().await?;
    }
    let tx = app.db.begin().await?;
    store::expire_commands(&*tx, now).await?;
    tx.commit().await.context("expiring commands")
}

async fn publish(
    app: &App,
    row: &store::AgentRow,
    key: &[u8],
    jti: String,
    expires_secs: i64,
    op: Op,
) -> anyhow::Result<()> {
    let now = app.clock.now();
    let command = Command {
        aud: row.id.clone(),
        jti,
        iat: now.timestamp(),
        exp: (now + clock::seconds(expires_secs)).timestamp(),
        cseq: now.timestamp_millis().unsigned_abs(),
        op,
    };
    let token = signed::sign(key, &command).context("signing a command")?;
    let topic = Topic::Down(row.id.clone(), Down::Command);
    app.bus.publish(&topic, token.into_bytes(), false).await.context("publishing a command")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_agent_has_opens_the_window_again() {
        let mut progress = Progress::new(0);
        (progress.sent, progress.in_flight) = (400, 4);
        progress.observe(100);
        assert_eq!((progress.sent, progress.in_flight), (400, 3));
        progress.observe(400);
        assert_eq!((progress.sent, progress.in_flight), (400, 0));
    }

    #[test]
    fn an_agent_that_lost_its_disk_is_sent_everything_again() {
        let mut progress = Progress::new(400);
        progress.observe(0);
        assert_eq!((progress.sent, progress.in_flight, progress.have), (0, 0, 0));
    }

    #[test]
    fn without_progress_the_same_is_sent_again_ever_later() {
        let mut progress = Progress::new(0);
        (progress.sent, progress.in_flight) = (400, 4);
        progress.resend_at = Instant::now();
        progress.observe(0);
        assert_eq!((progress.sent, progress.in_flight, progress.resend_after), (0, 0, FIRST_RESEND * 2));
    }
}
