//! Vouchers: batches, codes and their life.

pub mod uplink;
