//! hiji's test bench: simulators of what stands outside.

pub mod judges;
pub mod mosquitto;
pub mod router_sim;
