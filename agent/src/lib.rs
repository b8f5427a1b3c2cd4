//! The agent of one router: mirrors it to the controller, and makes it be what the controller wants, also alone.

pub mod clock;
pub mod config;
mod due;
mod mirror;
mod outbox;
mod pace;
pub mod routeros;
mod sessions;
mod state;
