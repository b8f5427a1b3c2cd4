//! Periods of service: where they begin and end, and what a part of one costs.

pub mod rules;
#[cfg(test)]
mod tests;

pub use rules::{Away, Calendar, Moved, Payment, Period, Step, difference, paid_from, parts, prorated};
