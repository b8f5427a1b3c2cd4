//! The envelope of `up/ev`, and the rule that dates a record.

use serde::{Deserialize, Serialize};

use crate::{
    agent_id::AgentId,
    event::{self, Event},
};

/// Version of the envelope.
pub const VERSION: u16 = 1;

/// A batch of records, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    pub v: u16,
    /// Must equal the topic's level.
    pub agent: AgentId,
    /// Epoch of the outbox: unix ms of its creation, always above the one before.
    pub ep: i64,
    /// The sending run of the agent: unix ms of its start.
    pub run: i64,
    /// Ms since the agent started, at sending.
    pub sent_up: u64,
    pub recs: Vec<Record>,
}

/// One sequenced record. A type that this build does not know becomes [`Event::Unknown`], not an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawRecord")]
pub struct Record {
    /// 1, 2, 3 … without gaps inside an epoch.
    pub seq: u64,
    /// Agent's wall clock, unix ms.
    pub ts: i64,
    /// Ms since the agent started; belongs to the run named by `run`.
    pub up: u64,
    /// Which run of the agent recorded it (unix ms of its start): `up` means nothing across runs.
    pub run: i64,
    pub cq: ClockQuality,
    #[serde(flatten)]
    pub event: Event,
}

#[derive(Deserialize)]
struct RawRecord {
    seq: u64,
    ts: i64,
    up: u64,
    run: i64,
    cq: ClockQuality,
    #[serde(rename = "type")]
    name: String,
    data: Box<serde_json::value::RawValue>,
}

impl TryFrom<RawRecord> for Record {
    type Error = serde_json::Error;

    fn try_from(raw: RawRecord) -> Result<Self, serde_json::Error> {
        let RawRecord { seq, ts, up, run, cq, name, data } = raw;
        let event = if event::NAMES.contains(&name.as_str()) {
            serde_json::from_str(&format!(r#"{{"type":"{name}","data":{data}}}"#))?
        } else {
            Event::Unknown
        };
        Ok(Self { seq, ts, up, run, cq, event })
    }
}

/// What the agent's clock was worth when it recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockQuality {
    /// Agrees with the controller's.
    Ntp,
    /// Only the router's or the box's own clock, plausible.
    Router,
    /// Doubtful.
    None,
}

/// When a record happened, unix ms, and whether that is an estimate. `run` is the sending run of the agent.
#[must_use]
pub fn event_time(record: &Record, sent_up: u64, sender_run: i64, received_ms: i64) -> (i64, bool) {
    if record.cq == ClockQuality::Ntp {
        return (record.ts.min(received_ms), false);
    }
    if record.run == sender_run && record.up <= sent_up {
        let age = i64::try_from(sent_up - record.up).unwrap_or(i64::MAX);
        return (received_ms.saturating_sub(age), false);
    }
    match record.cq {
        ClockQuality::Ntp | ClockQuality::Router => (record.ts.min(received_ms), false),
        ClockQuality::None => (received_ms, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(run: i64, up: u64, cq: ClockQuality) -> Record {
        Record { seq: 1, ts: 500, up, run, cq, event: Event::DesiredHave { rev: 1 } }
    }

    #[test]
    fn a_box_without_a_clock_dates_by_its_uptime() {
        assert_eq!(event_time(&record(9, 1_000, ClockQuality::None), 4_000, 9, 1_000_000), (997_000, false));
    }

    #[test]
    fn uptime_of_another_run_means_nothing() {
        assert_eq!(event_time(&record(8, 1_000, ClockQuality::None), 4_000, 9, 1_000_000), (1_000_000, true));
        assert_eq!(event_time(&record(8, 1_000, ClockQuality::Router), 4_000, 9, 1_000_000), (500, false));
    }

    #[test]
    fn nothing_happens_in_the_future() {
        let mut late = record(8, 0, ClockQuality::Ntp);
        late.ts = 2_000_000;
        assert_eq!(event_time(&late, 0, 9, 1_000_000), (1_000_000, false));
    }

    #[test]
    fn the_envelope_is_flat_json() {
        let text = r#"{"v":1,"agent":"aaaaaaaaaaaaaaaa","ep":5,"run":4,"sent_up":10,"recs":[{"seq":1,"ts":2,"up":3,"run":4,"cq":"ntp","type":"desired.have","data":{"rev":7}}]}"#;
        let envelope: Envelope = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&envelope).unwrap(), text);
    }

    #[test]
    fn a_newer_agents_record_is_unknown_not_an_error() {
        let text = r#"{"seq":1,"ts":2,"up":3,"run":4,"cq":"ntp","type":"olt.power","data":{"dbm":-21}}"#;
        assert_eq!(serde_json::from_str::<Record>(text).unwrap().event, Event::Unknown);
        let broken = r#"{"seq":1,"ts":2,"up":3,"run":4,"cq":"ntp","type":"desired.have","data":{"rev":-1}}"#;
        assert!(serde_json::from_str::<Record>(broken).is_err());
    }
}
