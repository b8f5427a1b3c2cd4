//! Queries of the nights: their runs, their plans, and the walks over what they work on.

mod plans;
mod runs;
mod traces;
mod walks;

pub(super) use plans::*;
pub(super) use runs::*;
pub(super) use traces::*;
pub(super) use walks::*;

/// Rows of one INSERT, ids of one IN.
const CHUNK: usize = 500;
