//! x
pub mod mqtt;
