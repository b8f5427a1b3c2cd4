//! hiji's test bench: simulators of what stands outside, and the world of the stories.

pub mod browser;
pub mod clock;
pub mod demo;
pub mod judges;
pub mod mosquitto;
pub mod router_sim;
pub mod wait;
pub mod world;
