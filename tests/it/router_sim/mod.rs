//! The router simulator against its own rules: the world by its Rust interface, the wire by raw sentences.

mod control;
mod faults;
mod firewall;
mod hotspot;
mod ppp;
mod support;
mod wire;
