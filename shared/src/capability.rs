//! What an agent can do: asked, never guessed from versions.

use serde::{Deserialize, Serialize};

/// One ability, told in hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Takes `desired.put` and reconciles by itself.
    Desired,
    /// Sees first logins and ends vouchers by itself.
    VoucherLife,
    /// Sends snapshots on `up/snap`.
    Snapshots,
    /// Sets local address and pool of PPP profiles.
    ProfileAddresses,
    /// Serves the local hook endpoint.
    Hook,
    /// Makes what a router needs to isolate customers.
    Isolation,
    /// Takes users over that an admin made, and leaves passwords alone that it is not told.
    Adoption,
    /// An ability of a newer agent.
    #[serde(other)]
    Unknown,
}
