//! The agent of one router: mirrors it to the controller, and makes it be what the controller wants, also alone.

pub mod clock;
pub mod config;
mod outbox;
pub mod routeros;
mod state;
