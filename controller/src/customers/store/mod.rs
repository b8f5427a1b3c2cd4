//! Queries of customers and what belongs to them.

mod customers;
mod events;
mod imports;
mod reach;
mod search;

pub(super) use customers::*;
pub(super) use events::*;
pub(super) use imports::*;
pub(super) use reach::*;
pub(super) use search::*;

/// Rows of one INSERT.
const CHUNK: usize = 500;
/// Values of one IN.
const IN: usize = 500;
