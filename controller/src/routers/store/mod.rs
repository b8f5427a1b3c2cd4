//! Queries of routers, their agents, wanted objects, commands and the mirror.

mod agents;
mod commands;
mod desired;
mod mirror;
mod rows;

pub(crate) use agents::*;
pub use commands::CommandRow;
pub(crate) use commands::*;
pub use desired::DesiredCounts;
pub(crate) use desired::*;
pub(crate) use mirror::*;
pub use mirror::{MirrorRow, MirrorState};
pub(crate) use rows::*;
