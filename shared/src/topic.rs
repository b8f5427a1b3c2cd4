//! Topic <-> string, and the subscription filters. Nobody else formats a topic.

use std::{fmt, str::FromStr};

use crate::agent_id::AgentId;

/// First two levels of every topic; `v1` changes only for incompatible trees.
pub const ROOT: &str = "hiji/v1";

/// What an agent publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Up {
    /// Retained state, last will.
    Presence,
    /// After each connect.
    Hello,
    /// All sequenced records.
    Events,
    /// Snapshot chunks, buckets and rows of the mirror.
    Snapshot,
    /// Counters, latest wins.
    Metrics,
    /// Log lines.
    Log,
}

/// What the controller publishes to one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Down {
    /// Cumulative acknowledgement and server time.
    Ack,
    /// Answer to hello, requests for snapshots.
    Sync,
    /// A signed command.
    Command,
    /// The agent's settings.
    Config,
}

/// Every topic of hiji.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// From an agent.
    Up(AgentId, Up),
    /// To an agent.
    Down(AgentId, Down),
    /// Event stream for other programs: site, class, event.
    Event { site: String, class: String, event: String },
    /// Retained state for other programs: site, class, id.
    State { site: String, class: String, id: String },
}

/// The text is none of hiji's topics.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a topic of hiji")]
pub struct UnknownTopic;

const UPS: [(Up, &str); 6] = [
    (Up::Presence, "presence"),
    (Up::Hello, "hello"),
    (Up::Events, "ev"),
    (Up::Snapshot, "snap"),
    (Up::Metrics, "m"),
    (Up::Log, "log"),
];
const DOWNS: [(Down, &str); 4] =
    [(Down::Ack, "ack"), (Down::Sync, "sync"), (Down::Command, "cmd"), (Down::Config, "cfg")];

impl Up {
    fn level(self) -> &'static str {
        UPS.iter().find(|(up, _)| *up == self).map_or("", |(_, level)| level)
    }
}

impl Down {
    fn level(self) -> &'static str {
        DOWNS.iter().find(|(down, _)| *down == self).map_or("", |(_, level)| level)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up(agent, up) => write!(f, "{ROOT}/a/{agent}/up/{}", up.level()),
            Self::Down(agent, down) => write!(f, "{ROOT}/a/{agent}/dn/{}", down.level()),
            Self::Event { site, class, event } => write!(f, "{ROOT}/ev/{site}/{class}/{event}"),
            Self::State { site, class, id } => write!(f, "{ROOT}/st/{site}/{class}/{id}"),
        }
    }
}

impl FromStr for Topic {
    type Err = UnknownTopic;

    fn from_str(text: &str) -> Result<Self, UnknownTopic> {
        let rest = text.strip_prefix(ROOT).and_then(|rest| rest.strip_prefix('/')).ok_or(UnknownTopic)?;
        let levels: Vec<&str> = rest.split('/').collect();
        match levels.as_slice() {
            ["a", agent, "up", level] => {
                let agent = agent.parse().map_err(|_bad| UnknownTopic)?;
                let (up, _) = UPS.iter().find(|(_, known)| known == level).ok_or(UnknownTopic)?;
                Ok(Self::Up(agent, *up))
            }
            ["a", agent, "dn", level] => {
                let agent = agent.parse().map_err(|_bad| UnknownTopic)?;
                let (down, _) = DOWNS.iter().find(|(_, known)| known == level).ok_or(UnknownTopic)?;
                Ok(Self::Down(agent, *down))
            }
            ["ev", site, class, event] if plain(site) && plain(class) && plain(event) => {
                Ok(Self::Event { site: (*site).to_owned(), class: (*class).to_owned(), event: (*event).to_owned() })
            }
            ["st", site, class, id] if plain(site) && plain(class) && plain(id) => {
                Ok(Self::State { site: (*site).to_owned(), class: (*class).to_owned(), id: (*id).to_owned() })
            }
            _ => Err(UnknownTopic),
        }
    }
}

fn plain(level: &str) -> bool {
    !level.is_empty() && level.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// What one agent may publish.
#[must_use]
pub fn agent_publishes(agent: &AgentId) -> String {
    format!("{ROOT}/a/{agent}/up/#")
}

/// What one agent may subscribe to, and does.
#[must_use]
pub fn agent_subscribes(agent: &AgentId) -> String {
    format!("{ROOT}/a/{agent}/dn/#")
}

/// What the controller subscribes to: everything of every agent.
#[must_use]
pub fn all_uplinks() -> String {
    format!("{ROOT}/a/+/up/#")
}

/// Everything of every agent downwards: the gate gives these a small queue each.
#[must_use]
pub fn all_downlinks() -> String {
    format!("{ROOT}/a/+/dn/#")
}

/// What a stream account of one site may read.
#[must_use]
pub fn site_stream(site: &str) -> [String; 2] {
    [format!("{ROOT}/ev/{site}/#"), format!("{ROOT}/st/{site}/#")]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent() -> AgentId {
        AgentId::from_random([7; 10])
    }

    #[test]
    fn every_topic_reads_back_as_it_was_written() {
        let mut topics = vec![
            Topic::Event { site: "1".into(), class: "voucher".into(), event: "activated".into() },
            Topic::State { site: "1".into(), class: "router".into(), id: "7".into() },
        ];
        topics.extend(UPS.map(|(up, _)| Topic::Up(agent(), up)));
        topics.extend(DOWNS.map(|(down, _)| Topic::Down(agent(), down)));
        for topic in topics {
            assert_eq!(topic.to_string().parse::<Topic>(), Ok(topic));
        }
    }

    #[test]
    fn foreign_and_wild_topics_are_refused() {
        let id = agent();
        for text in [
            String::new(),
            "hiji/v1".into(),
            "hiji/v2/a/x/up/ev".into(),
            format!("hiji/v1/a/{id}/up"),
            format!("hiji/v1/a/{id}/up/ev/more"),
            format!("hiji/v1/a/{id}/up/#"),
            "hiji/v1/a/+/up/ev".into(),
            "hiji/v1/ev/1/voucher/".into(),
            "hiji/v1/ev/1/vou cher/x".into(),
        ] {
            assert_eq!(text.parse::<Topic>(), Err(UnknownTopic), "{text}");
        }
    }
}
