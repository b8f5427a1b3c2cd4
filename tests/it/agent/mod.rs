//! The agent alone: a simulated router on one side, a scripted controller on the other.

mod life;
mod reconcile;
mod support;
