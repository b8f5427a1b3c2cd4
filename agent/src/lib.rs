//! The agent of one router: mirrors it to the controller, and makes it be what the controller wants, also alone.

mod apply;
pub mod clock;
mod commands;
pub mod config;
mod ctx;
mod due;
mod life;
mod menus;
mod mirror;
mod outbox;
mod pace;
mod reconcile;
mod router;
pub mod routeros;
mod sessions;
mod state;
