//! Queries of batches and vouchers.

mod batches;
mod life;
mod names;
mod sale;
mod vouchers;

pub(super) use batches::*;
pub(super) use life::*;
pub(super) use sale::*;
pub(super) use vouchers::*;

/// Rows of one INSERT: 24 columns.
const CHUNK: usize = 200;
/// Names of one IN.
const IN: usize = 500;
