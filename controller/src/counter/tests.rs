//! The counter on both databases.
