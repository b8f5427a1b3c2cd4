//! From topic and body to the feature's `uplink.rs`, once and in order.
//!
//! Records of many agents are gathered and applied in one transaction: the inbox rows (unique by agent, epoch and
//! sequence), their effects and the cursors commit together, then the agents are told. A record that comes again is
//! below the cursor; one that comes too early waits for the agent to send what is missing.

mod hello;
mod intake;
mod snapshots;
mod store;

use std::{collections::HashMap, time::Duration};

use anyhow::Context as _;
use hiji_shared::{
    agent_id::AgentId,
    envelope::VERSION,
    event::Event,
    topic::{Down, Topic},
    uplink::Ack,
};
use tokio::{sync::mpsc, time::Instant};

use self::{intake::Intake, snapshots::Snapshots};
use super::{BusEvent, report::Reported};
use crate::{
    app::App,
    db::{self, Tx},
    monitoring,
    routers::{self, store::AgentRow},
    subscriptions, vouchers,
};

pub use store::purge;

/// Messages gathered into one transaction at most.
const GATHER: usize = 128;
/// How long in all more messages are waited for once one has come: short enough for the dashboard's second.
const LINGER: Duration = Duration::from_millis(15);
/// A failed transaction is tried again by the agents' resend; wait this long before taking more.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Applies what comes from agents until the app stops.
pub async fn run(app: App, mut bus: mpsc::Receiver<BusEvent>) {
    let mut snapshots = Snapshots::default();
    let mut gathered = Vec::with_capacity(GATHER);
    loop {
        if bus.recv_many(&mut gathered, GATHER).await == 0 {
            return;
        }
        let deadline = Instant::now() + LINGER;
        while gathered.len() < GATHER {
            let room = GATHER - gathered.len();
            match tokio::time::timeout_at(deadline, bus.recv_many(&mut gathered, room)).await {
                Ok(n) if n > 0 => {}
                _ => break,
            }
        }
        if let Err(error) = take(&app, &mut snapshots, std::mem::take(&mut gathered)).await {
            tracing::error!("agents' reports could not be applied, they will come again: {error:#}");
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

async fn take(app: &App, snapshots: &mut Snapshots, gathered: Vec<BusEvent>) -> anyhow::Result<()> {
    let intake = Intake::sort(gathered, app.clock.now());
    let agents: HashMap<AgentId, AgentRow> = routers::store::agents(app.db.read(), &intake.agents())
        .await
        .context("reading agents")?
        .into_iter()
        .map(|row| (row.id.clone(), row))
        .collect();
    let tx = app.db.begin().await?;
    // First of all, as with those who change vouchers: nobody waits in a circle.
    db::one_at_a_time(&*tx, db::Guard::Vouchers).await?;
    hello::presence(&tx, app, &agents, &intake).await.context("recording presence")?;
    let acks = records(&tx, app, &agents, &intake, snapshots).await.context("applying records")?;
    let hellos = hello::greet(&tx, app, &agents, &intake).await.context("answering hello")?;
    for (agent, metrics) in &intake.metrics {
        if let Some(row) = agents.get(agent) {
            monitoring::uplink::metrics(&tx, app, row.router, metrics).await?;
        }
    }
    let requests = snapshots.apply(&tx, app, &agents, intake.chunks).await.context("applying snapshots")?;
    tx.commit().await.context("committing agents' reports")?;
    app.wakes.wake();
    let now_ms = app.clock.now().timestamp_millis();
    for (agent, ep, seq) in acks {
        let ack = Ack { v: VERSION, ep, seq, srv_ts: now_ms };
        send(app, agent, Down::Ack, &ack).await;
    }
    for (agent, sync) in hellos.into_iter().chain(requests) {
        send(app, agent, Down::Sync, &sync).await;
    }
    for hello in &intake.hellos {
        if let Some(row) = agents.get(&hello.agent) {
            hello::configure(app, row).await;
        }
    }
    Ok(())
}

/// Applies the records that come next for each agent; what to acknowledge.
async fn records(
    tx: &Tx,
    app: &App,
    agents: &HashMap<AgentId, AgentRow>,
    intake: &Intake,
    snapshots: &mut Snapshots,
) -> anyhow::Result<Vec<(AgentId, i64, u64)>> {
    let cursors = store::cursors(&**tx, &intake.agents()).await?;
    let next = intake.next_records(agents, cursors);
    let mut routed = Routed::default();
    for reported in &next.reported {
        routed.take(reported);
        snapshots.note(&reported.report);
    }
    store::keep(&**tx, app.clock.now(), &next.reported).await?;
    store::advance(&**tx, &next.cursors).await?;
    // Before the routers' own rows: who changes a service holds it first.
    subscriptions::uplink::apply(tx, app, &routed.subscriptions).await?;
    routers::uplink::apply(tx, app, &routed.routers).await?;
    monitoring::uplink::apply(tx, app, &routed.monitoring).await?;
    vouchers::uplink::apply(tx, app, &routed.vouchers).await?;
    Ok(next.acks)
}

/// Reports by the feature that applies them.
#[derive(Debug, Default)]
struct Routed {
    routers: Vec<Reported>,
    monitoring: Vec<Reported>,
    vouchers: Vec<Reported>,
    subscriptions: Vec<Reported>,
}

impl Routed {
    /// The one place that says which report goes where. A new variant of `Event` does not compile until it is here.
    fn take(&mut self, record: &intake::Numbered) {
        let report = &record.report;
        match &report.event {
            Event::RouterFacts(_)
            | Event::RouterReach { .. }
            | Event::DesiredHave { .. }
            | Event::CommandResult(_)
            | Event::Alert { .. }
            | Event::OutboxGap { .. } => self.routers.push(report.clone()),
            Event::DesiredResult { .. } => {
                self.routers.push(report.clone());
                self.vouchers.push(report.clone());
                self.subscriptions.push(report.clone());
            }
            Event::Delta(_) => {
                self.routers.push(report.clone());
                self.subscriptions.push(report.clone());
            }
            Event::SessionLogin { .. } | Event::SessionLogout(_) => self.monitoring.push(report.clone()),
            Event::FirstLogin(_)
            | Event::UserEnded(_)
            | Event::UserUsage { .. }
            | Event::UserBound { .. }
            | Event::UsersRestored { .. } => self.vouchers.push(report.clone()),
            // Digests are compared by `snapshots`, after everything before them is applied.
            Event::MirrorDigest { .. } | Event::Unknown => {}
        }
    }
}

async fn send<T: serde::Serialize + Sync>(app: &App, agent: AgentId, down: Down, message: &T) {
    let Ok(body) = serde_json::to_vec(message) else { return };
    if let Err(error) = app.bus.publish(&Topic::Down(agent.clone(), down), body, false).await {
        tracing::debug!(%agent, "not told, the agent asks again: {error}");
    }
}
