//! Queries of subscriptions.

mod facts;
mod list;
mod rows;

pub(super) use facts::*;
pub(super) use list::*;
pub(super) use rows::*;

/// Rows of one INSERT: below the databases' limits of bound values.
const CHUNK: usize = 200;
/// Ids of one IN.
const IN: usize = 500;
