//! Background jobs of routers: letting agents into the broker, and out.

use anyhow::Context as _;
use hiji_shared::{agent_id::AgentId, signed};
use serde::{Deserialize, Serialize};

use super::{AgentState, enroll::SECRET_PLACE, store};
use crate::{
    app::App,
    jobs::{Job, Said},
    mqtt::AgentGrant,
};

/// Makes the broker know an approved agent. The embedded broker asks the database by itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct Grant {
    pub agent: AgentId,
}

impl Job for Grant {
    const KIND: &'static str = "agent.grant";

    async fn run(self, app: &App) -> anyhow::Result<Said> {
        let found = store::agent_secret(app.db.read(), &self.agent).await.context("reading the agent")?;
        let Some((AgentState::Approved, sealed)) = found else {
            return Ok(Said::new("agent_not_approved"));
        };
        let secret = app.keys.open(SECRET_PLACE, &sealed).context("opening the agent's secret")?;
        let grant = AgentGrant { agent: self.agent, password: signed::mqtt_password(&secret).into() };
        app.bus.grant(&grant).await.context("telling the broker")?;
        Ok(Said::new("agent_granted"))
    }
}

/// Throws an agent out of the broker.
#[derive(Debug, Serialize, Deserialize)]
pub struct Revoke {
    pub agent: AgentId,
}

impl Job for Revoke {
    const KIND: &'static str = "agent.revoke";

    async fn run(self, app: &App) -> anyhow::Result<Said> {
        app.bus.revoke(&self.agent, "revoked").await.context("telling the broker")?;
        Ok(Said::new("agent_revoked"))
    }
}
