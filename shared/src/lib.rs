//! What agent and controller say to each other, and the rules both must agree on.
//!
//! Pure: no runtime, no database, no web framework, no clock. Everything here is data with a codec, so that both
//! sides, the simulators and the tests share one meaning of a message.

pub mod agent_id;
pub mod capability;
pub mod command;
pub mod comment;
pub mod desired;
pub mod device;
pub mod digest;
pub mod enroll;
pub mod envelope;
pub mod event;
pub mod isolation;
pub mod limits;
pub mod script;
pub mod signed;
pub mod topic;
pub mod uplink;
