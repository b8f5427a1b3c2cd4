//! Sorts what came from the bus, and decides which records come next. Pure: no database.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use hiji_shared::{
    agent_id::AgentId,
    envelope::{Envelope, Record, event_time},
    topic::{Topic, Up},
    uplink::{Hello, Metrics, Presence, SnapshotChunk},
};

use crate::{
    mqtt::{BusEvent, report::Reported},
    routers::{AgentState, store::AgentRow},
};

/// Messages of one gathering, by what they are.
#[derive(Debug, Default)]
pub(super) struct Intake {
    /// What each agent's line did, in order.
    pub lines: Vec<(AgentId, Line)>,
    pub hellos: Vec<Hello>,
    pub envelopes: Vec<(Envelope, DateTime<Utc>)>,
    pub chunks: Vec<SnapshotChunk>,
    pub metrics: Vec<(AgentId, Metrics)>,
}

/// A change of an agent's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Its session at the broker opened.
    Up,
    /// Its session ended.
    Down(String),
    /// It says so itself, with its connection's number.
    Says { online: bool, conn: u64, reason: String },
}

/// A record with its place.
#[derive(Debug, Clone)]
pub(super) struct Numbered {
    pub epoch: i64,
    pub seq: u64,
    pub report: Reported,
}

/// How far an agent is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub epoch: i64,
    pub seq: u64,
}

/// What to apply, and what to say.
#[derive(Debug, Default)]
pub(super) struct Next {
    pub reported: Vec<Numbered>,
    pub cursors: BTreeMap<AgentId, Cursor>,
    pub acks: Vec<(AgentId, i64, u64)>,
}

impl Intake {
    /// Sorts messages. What is not understood is logged and dropped: it would not be understood later either.
    pub(super) fn sort(gathered: Vec<BusEvent>, now: DateTime<Utc>) -> Self {
        let mut intake = Self::default();
        for event in gathered {
            match event {
                BusEvent::Message { topic, payload } => {
                    if let Err(error) = intake.message(&topic, &payload, now) {
                        tracing::warn!(mqtt.topic = %topic, "message of an agent not understood: {error}");
                    }
                }
                BusEvent::Online { agent } => intake.lines.push((agent, Line::Up)),
                BusEvent::Offline { agent, reason } => intake.lines.push((agent, Line::Down(reason))),
                BusEvent::Denied { who, what } => tracing::warn!(who, what, "denied by the broker"),
                BusEvent::Restarted => tracing::info!("connected to the broker"),
                BusEvent::Down { reason } => tracing::warn!(reason, "the broker is away"),
            }
        }
        intake
    }

    fn message(&mut self, topic: &str, payload: &[u8], now: DateTime<Utc>) -> Result<(), String> {
        let topic: Topic = topic.parse().map_err(|error| format!("{error}"))?;
        let Topic::Up(agent, up) = topic else { return Err("not an uplink".to_owned()) };
        match up {
            Up::Presence if payload.is_empty() => Ok(()),
            Up::Presence => {
                let presence: Presence = own(&agent, payload, |body: &Presence| &body.agent)?;
                let Presence { online, conn, reason, .. } = presence;
                self.lines.push((agent, Line::Says { online, conn, reason }));
                Ok(())
            }
            Up::Hello => own(&agent, payload, |body: &Hello| &body.agent).map(|hello| self.hellos.push(hello)),
            Up::Events => {
                own(&agent, payload, |body: &Envelope| &body.agent).map(|envelope| self.envelopes.push((envelope, now)))
            }
            Up::Snapshot => {
                own(&agent, payload, |body: &SnapshotChunk| &body.agent).map(|chunk| self.chunks.push(chunk))
            }
            Up::Metrics => own(&agent, payload, |body: &Metrics| &body.agent)
                .map(|metrics| self.metrics.push((agent.clone(), metrics))),
            Up::Log => {
                tracing::info!(%agent, "{}", String::from_utf8_lossy(payload));
                Ok(())
            }
        }
    }

    /// Every agent that said something.
    pub(super) fn agents(&self) -> Vec<AgentId> {
        let mut agents = BTreeSet::new();
        agents.extend(self.lines.iter().map(|(agent, _)| agent));
        agents.extend(self.hellos.iter().map(|hello| &hello.agent));
        agents.extend(self.envelopes.iter().map(|(envelope, _)| &envelope.agent));
        agents.extend(self.chunks.iter().map(|chunk| &chunk.agent));
        agents.extend(self.metrics.iter().map(|(agent, _)| agent));
        agents.into_iter().cloned().collect()
    }

    /// The records that come next, in order, and the cursors after them. Agents that are not approved count for
    /// nothing.
    pub(super) fn next_records(
        &self,
        agents: &HashMap<AgentId, AgentRow>,
        mut cursors: HashMap<AgentId, Cursor>,
    ) -> Next {
        let mut next = Next::default();
        for hello in &self.hellos {
            if approved(agents, &hello.agent) {
                let cursor = cursors.entry(hello.agent.clone()).or_insert(Cursor { epoch: hello.ep, seq: 0 });
                if let Some(moved) = after_hello(*cursor, hello) {
                    *cursor = moved;
                    next.cursors.insert(hello.agent.clone(), moved);
                }
            }
        }
        for (envelope, received) in &self.envelopes {
            let Some(row) = agents.get(&envelope.agent).filter(|row| row.state == AgentState::Approved) else {
                continue;
            };
            let cursor = cursors.entry(envelope.agent.clone()).or_insert(Cursor { epoch: envelope.ep, seq: 0 });
            if envelope.ep > cursor.epoch && envelope.recs.first().is_some_and(|first| first.seq == 1) {
                *cursor = Cursor { epoch: envelope.ep, seq: 0 };
            }
            if envelope.ep != cursor.epoch {
                continue;
            }
            for record in &envelope.recs {
                if record.seq == cursor.seq + 1 {
                    cursor.seq = record.seq;
                    let report = report(row, envelope, record, *received);
                    next.reported.push(Numbered { epoch: envelope.ep, seq: record.seq, report });
                }
            }
            next.cursors.insert(envelope.agent.clone(), *cursor);
        }
        let spoke = self.envelopes.iter().map(|(envelope, _)| &envelope.agent).collect::<BTreeSet<_>>();
        let ack = |agent: &AgentId| next.cursors.get(agent).map(|at| (agent.clone(), at.epoch, at.seq));
        next.acks = spoke.into_iter().filter_map(ack).collect();
        next
    }
}

/// Where the cursor goes when an agent says which records it still has: to a new epoch, or over records that are lost.
fn after_hello(cursor: Cursor, hello: &Hello) -> Option<Cursor> {
    let before_first = hello.first_seq.saturating_sub(1);
    if hello.ep > cursor.epoch {
        return Some(Cursor { epoch: hello.ep, seq: before_first });
    }
    (hello.ep == cursor.epoch && before_first > cursor.seq).then_some(Cursor { epoch: hello.ep, seq: before_first })
}

fn report(row: &AgentRow, envelope: &Envelope, record: &Record, received: DateTime<Utc>) -> Reported {
    let (ms, estimated) = event_time(record, envelope.sent_up, envelope.run, received.timestamp_millis());
    Reported {
        agent: row.id.clone(),
        router: row.router,
        site: row.site,
        at: DateTime::from_timestamp_millis(ms).unwrap_or(received),
        estimated,
        event: record.event.clone(),
    }
}

fn approved(agents: &HashMap<AgentId, AgentRow>, agent: &AgentId) -> bool {
    agents.get(agent).is_some_and(|row| row.state == AgentState::Approved)
}

/// A body that says it is of the agent whose topic it came on.
fn own<T: serde::de::DeserializeOwned>(
    agent: &AgentId,
    payload: &[u8],
    of: impl Fn(&T) -> &AgentId,
) -> Result<T, String> {
    let body: T = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    if of(&body) == agent { Ok(body) } else { Err("the body names another agent".to_owned()) }
}

#[cfg(test)]
mod tests {
    use hiji_shared::{envelope::ClockQuality, event::Event};

    use super::*;
    use crate::ids::{RouterId, SiteId};

    fn agent() -> AgentId {
        AgentId::from_random([3; 10])
    }

    fn agents() -> HashMap<AgentId, AgentRow> {
        let row = AgentRow {
            id: agent(),
            router: RouterId(1),
            site: SiteId(1),
            state: AgentState::Approved,
            online: true,
            conn: 0,
            have_rev: 0,
            desired_rev: 0,
            secret: Vec::new(),
        };
        HashMap::from([(agent(), row)])
    }

    fn envelope(ep: i64, seqs: &[u64]) -> (Envelope, DateTime<Utc>) {
        let record = |seq: &u64| Record {
            seq: *seq,
            ts: 1,
            up: 1,
            run: 1,
            cq: ClockQuality::Ntp,
            event: Event::DesiredHave { rev: *seq },
        };
        let recs = seqs.iter().map(record).collect();
        (Envelope { v: 1, agent: agent(), ep, run: 1, sent_up: 1, recs }, DateTime::UNIX_EPOCH)
    }

    fn seqs(next: &Next) -> Vec<u64> {
        next.reported.iter().map(|record| record.seq).collect()
    }

    fn take(envelopes: Vec<(Envelope, DateTime<Utc>)>, cursor: Cursor) -> Next {
        let intake = Intake { envelopes, ..Intake::default() };
        intake.next_records(&agents(), HashMap::from([(agent(), cursor)]))
    }

    #[test]
    fn repeated_and_early_records_are_not_applied() {
        let next = take(vec![envelope(5, &[2, 3, 4]), envelope(5, &[3, 4, 7])], Cursor { epoch: 5, seq: 2 });
        assert_eq!(seqs(&next), [3, 4]);
        assert_eq!(next.acks, [(agent(), 5, 4)]);
    }

    #[test]
    fn a_new_epoch_starts_at_one_and_an_old_one_is_over() {
        let next = take(vec![envelope(4, &[9]), envelope(6, &[1, 2])], Cursor { epoch: 5, seq: 8 });
        assert_eq!(seqs(&next), [1, 2]);
        assert_eq!(next.acks, [(agent(), 6, 2)]);
        assert!(seqs(&take(vec![envelope(6, &[2])], Cursor { epoch: 5, seq: 8 })).is_empty());
    }

    #[test]
    fn a_body_of_another_agent_is_dropped() {
        let other = AgentId::from_random([4; 10]);
        let (body, _) = envelope(1, &[1]);
        let topic = Topic::Up(other, Up::Events).to_string();
        let payload = serde_json::to_vec(&body).unwrap().into();
        let intake = Intake::sort(vec![BusEvent::Message { topic, payload }], DateTime::UNIX_EPOCH);
        assert!(intake.envelopes.is_empty());
    }
}
