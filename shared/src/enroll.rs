//! Enrolment: `POST /agent/v1/enroll`, the one HTTP call an agent makes.
//!
//! The agent posts its one-time token and a nonce of its own making. The answer carries its id and secret; asked again
//! with the same token and nonce within the token's life it answers the same, so a lost answer loses nothing. With
//! another nonce the token is spent. The agent then connects to the broker; until an admin approves it, the broker
//! refuses it, and it tries again.

use serde::{Deserialize, Serialize};

use crate::agent_id::AgentId;

/// Path on the controller.
pub const PATH: &str = "/agent/v1/enroll";

/// What the agent posts, JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollRequest {
    pub token: String,
    /// 32 hex characters, random, kept by the agent until it has its answer.
    pub nonce: String,
    /// The agent's version.
    pub version: String,
    /// Shown to the admin who approves: what the router says it is (empty when it did not answer yet).
    #[serde(default)]
    pub identity: String,
    #[serde(default)]
    pub board: String,
    #[serde(default)]
    pub serial: String,
    #[serde(default)]
    pub router_version: String,
}

/// The answer, JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollResponse {
    pub agent: AgentId,
    /// 64 hex characters; MQTT password and command key are derived from it ([`crate::signed`]).
    pub secret: String,
    /// `mqtt://host:port` or `mqtts://host:port`.
    pub mqtt_url: String,
    /// False: an admin has to approve first.
    pub approved: bool,
}
