//! hiji's test bench: simulators of what stands outside.

pub mod router_sim;
