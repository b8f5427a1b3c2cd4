//! A record of an agent, on its way to the feature that applies it: dated, and joined with its router and site.

use chrono::{DateTime, Utc};
use hiji_shared::{agent_id::AgentId, event::Event};

use crate::ids::{RouterId, SiteId};

/// One record, in the order the agent reported it.
#[derive(Debug, Clone)]
pub struct Reported {
    pub agent: AgentId,
    pub router: RouterId,
    pub site: SiteId,
    /// When it happened, by the rule of [`hiji_shared::envelope::event_time`].
    pub at: DateTime<Utc>,
    /// The agent's clock was doubtful: `at` is when it arrived.
    pub estimated: bool,
    pub event: Event,
}
