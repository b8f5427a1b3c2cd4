//! The agent alone: a simulated router on one side, a scripted controller on the other.

#![expect(clippy::wildcard_enum_match_arm, reason = "a story looks for one kind of report and ignores the others")]

mod hooks;
mod isolation;
mod life;
mod reconcile;
mod sloppy;
mod status;
mod support;
mod witness;
