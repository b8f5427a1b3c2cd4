//! The gate and the external brokers, with clients that are not ours.

mod broker;
mod external;
mod hostile;
mod isolation;
mod raw;
mod service;
