//! The `hiji-agent` binary.

fn main() {}
