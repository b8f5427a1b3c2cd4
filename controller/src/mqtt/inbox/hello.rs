//! Presence and hello: who is there, what it has, and what it should send.

use std::collections::HashMap;

use hiji_shared::{
    agent_id::AgentId,
    topic::Down,
    uplink::{Hello, Sync},
};
use sea_orm::DbErr;

use super::{
    intake::{Intake, Line},
    send, store,
};
use crate::{
    app::App,
    db::Tx,
    events::{self, BusinessEvent},
    routers::{AgentState, store as routers, store::AgentRow},
    vouchers,
};

type Agents = HashMap<AgentId, AgentRow>;

/// Records who came and went. An offline of an older connection is stale.
pub(super) async fn presence(tx: &Tx, app: &App, agents: &Agents, intake: &Intake) -> Result<(), DbErr> {
    let mut latest: HashMap<&AgentId, (bool, &str)> = HashMap::new();
    for (agent, line) in &intake.lines {
        let Some(row) = agents.get(agent) else { continue };
        let conn = row.conn.unsigned_abs();
        match line {
            Line::Up => latest.insert(agent, (true, "")),
            Line::Down(reason) => latest.insert(agent, (false, reason)),
            Line::Says { online: true, .. } => latest.insert(agent, (true, "")),
            Line::Says { online: false, conn: said, .. } if *said < conn => None,
            Line::Says { online: false, reason, .. } => latest.insert(agent, (false, reason)),
        };
    }
    let now = app.clock.now();
    for (agent, (online, reason)) in latest {
        let Some(row) = agents.get(agent) else { continue };
        routers::set_online(&**tx, agent, now, online).await?;
        if row.online == online || row.state != AgentState::Approved {
            continue;
        }
        let router_id = row.router;
        let event = if online {
            BusinessEvent::RouterOnline { router_id }
        } else {
            BusinessEvent::RouterOffline { router_id, reason: reason.to_owned() }
        };
        events::record(&**tx, now, Some(row.site), &event).await?;
    }
    Ok(())
}

/// Records what agents say of themselves; the answers to send after the commit.
pub(super) async fn greet(tx: &Tx, app: &App, agents: &Agents, intake: &Intake) -> Result<Vec<(AgentId, Sync)>, DbErr> {
    let mut answers = Vec::new();
    let ids: Vec<AgentId> = intake.hellos.iter().map(|hello| hello.agent.clone()).collect();
    let cursors = store::cursors(&**tx, &ids).await?;
    for hello in &intake.hellos {
        let Some(row) = agents.get(&hello.agent).filter(|row| row.state == AgentState::Approved) else { continue };
        let caps = serde_json::to_value(&hello.caps).unwrap_or_default();
        let conn = i64::try_from(hello.conn).unwrap_or(i64::MAX);
        routers::set_hello(&**tx, &hello.agent, &hello.ver, caps, conn).await?;
        let have = i64::try_from(hello.have_rev).unwrap_or(i64::MAX);
        routers::set_have_rev(&**tx, &hello.agent, have).await?;
        routers::deliver_desired(&**tx, row.router, app.clock.now(), have).await?;
        if have == 0 {
            vouchers::uplink::began_anew(tx, app, row.router, row.site).await?;
        }
        let cursor = cursors.get(&hello.agent);
        let (ep, seq) = cursor.map_or((hello.ep, 0), |cursor| (cursor.epoch, cursor.seq));
        // Its outbox is older than what is known here: it was restored or rolled back, and must not reuse numbers.
        let behind = ep > hello.ep || (ep == hello.ep && seq > hello.last_seq);
        let min_ep = behind.then_some(ep.max(hello.ep));
        let srv_ts = app.clock.now().timestamp_millis();
        answers.push((hello.agent.clone(), Sync::Welcome { srv_ts, ep, seq, min_ep }));
        answers.extend(repairs(tx, row, hello).await?);
    }
    Ok(answers)
}

/// Kinds whose mirror is not what the agent sees.
async fn repairs(tx: &Tx, row: &AgentRow, hello: &Hello) -> Result<Vec<(AgentId, Sync)>, DbErr> {
    let mut requests = Vec::new();
    for digest in &hello.digests {
        if !routers::mirrors(&**tx, row.router, digest.kind, &digest.root).await? {
            requests.push((hello.agent.clone(), Sync::Snapshot { kind: digest.kind }));
        }
    }
    Ok(requests)
}

/// Sends an agent its settings.
pub(super) async fn configure(app: &App, row: &AgentRow) {
    match crate::routers::config::of_agent(app, row).await {
        Ok(config) => send(app, row.id.clone(), Down::Config, &config).await,
        Err(error) => tracing::error!(agent = %row.id, "the agent was not told its settings: {error}"),
    }
}
