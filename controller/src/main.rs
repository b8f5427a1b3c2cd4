//! `hiji`: reads the command line and hands over.

use std::process::ExitCode;

fn main() -> ExitCode {
    hiji_controller::cli::main()
}
