//! The agent of one router: mirrors it to the controller, and makes it be what the controller wants, also alone.

mod apply;
mod check;
pub mod clock;
mod commands;
pub mod config;
mod ctx;
mod due;
mod enroll;
mod glimpses;
mod hook;
mod http;
mod isolation;
mod knowledge;
mod life;
mod menus;
mod mirror;
mod mqtt;
mod outbox;
mod pace;
mod reconcile;
mod router;
pub mod routeros;
mod run;
mod sessions;
mod state;
mod status;
mod tls;
mod unhook;
mod uplink;
mod usage;

pub use check::check;
pub use enroll::{CREDENTIALS_FILE, EnrollError};
pub use run::{RunError, enroll, run};
pub use unhook::unhook;
