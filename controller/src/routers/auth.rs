//! Who may connect to the embedded broker: approved agents, each to its own topics.

use std::{future::Future, pin::Pin};

use hiji_shared::{agent_id::AgentId, signed, topic};
use secrecy::ExposeSecret as _;

use super::{AgentState, enroll::SECRET_PLACE, store};
use crate::{
    db::Db,
    mqtt::{Authenticator, Deny, Identity, Login},
    sealed::Keys,
};

/// Asks the database.
#[derive(Debug, Clone)]
pub struct AgentAuth {
    db: Db,
    keys: Keys,
}

impl AgentAuth {
    /// Authenticates the agents of this database.
    #[must_use]
    pub fn new(db: Db, keys: Keys) -> Self {
        Self { db, keys }
    }

    async fn check(self, login: Login) -> Result<Identity, Deny> {
        let agent: AgentId = login.username.parse().map_err(|_not_an_agent| Deny::BadCredentials)?;
        let found = store::agent_secret(self.db.read(), &agent).await.map_err(|error| {
            tracing::error!("an agent could not be authenticated: {error}");
            Deny::Busy
        })?;
        let (state, sealed) = found.ok_or(Deny::BadCredentials)?;
        let secret = self.keys.open(SECRET_PLACE, &sealed).map_err(|_opaque| Deny::BadCredentials)?;
        let expected = signed::mqtt_password(&secret);
        if !signed::same(expected.as_bytes(), login.password.expose_secret().as_bytes()) {
            return Err(Deny::BadCredentials);
        }
        if state != AgentState::Approved {
            return Err(Deny::NotAuthorized);
        }
        Ok(identity(agent))
    }
}

fn identity(agent: AgentId) -> Identity {
    let presence = topic::Topic::Up(agent.clone(), topic::Up::Presence).to_string();
    Identity {
        session: format!("a.{agent}"),
        publish: vec![topic::agent_publishes(&agent)],
        subscribe: vec![topic::agent_subscribes(&agent)],
        retain: vec![presence],
        agent: Some(agent),
    }
}

impl Authenticator for AgentAuth {
    fn authenticate(&self, login: Login) -> Pin<Box<dyn Future<Output = Result<Identity, Deny>> + Send>> {
        Box::pin(self.clone().check(login))
    }
}
