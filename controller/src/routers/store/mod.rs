//! Queries of routers, their agents, wanted objects, commands and the mirror.

mod agents;
mod commands;
mod desired;
mod isolation;
mod mirror;
mod profiles;
mod rows;

pub(crate) use agents::*;
pub use commands::CommandRow;
pub(crate) use commands::*;
pub(crate) use desired::*;
pub use desired::{DesiredCounts, FailedObject, ObjectState};
pub(crate) use isolation::*;
pub(crate) use mirror::*;
pub use mirror::{MirrorRow, MirrorState};
pub use profiles::ProfileState;
pub(crate) use profiles::*;
pub use rows::Place;
pub(crate) use rows::*;
