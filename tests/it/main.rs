//! hiji from outside: stories, house rules, and the judges of the simulators.
//!
//! Each module is `cfg(test)`, which it is anyway: clippy allows `unwrap` only below one.

#[cfg(test)]
mod agent;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod judges;
#[cfg(test)]
mod mqtt_gate;
#[cfg(test)]
mod router_sim;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod tidy;
