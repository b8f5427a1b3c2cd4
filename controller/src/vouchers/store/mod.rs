//! Queries of batches and vouchers.

mod batches;
mod books;
mod history;
mod life;
mod lookup;
mod names;
mod replace;
mod sale;
mod search;
mod vouchers;

pub(super) use batches::*;
pub(super) use books::*;
pub(super) use history::*;
pub(super) use life::*;
pub(super) use lookup::*;
pub(super) use replace::*;
pub(super) use sale::*;
pub(super) use search::*;
pub(super) use vouchers::*;

/// Rows of one INSERT: below the databases' limits of bound values.
const CHUNK: usize = 200;
/// Names of one IN.
const IN: usize = 500;
