//! The agent of one router: mirrors it to the controller, and makes it be what the controller wants, also alone.

pub mod clock;
pub mod config;
mod due;
mod menus;
mod mirror;
mod outbox;
mod pace;
mod reconcile;
pub mod routeros;
mod sessions;
mod state;
