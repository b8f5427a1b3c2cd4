//! Says in one sentence what to do when the browser's files were not fetched, before rust-embed says it in twenty.
//!
//! A release embeds them, so there it is an error. Debug builds read them while they run: checks and most tests need
//! none, so there it is a warning, and a page says the same sentence.

use std::{fs, path::Path, process::ExitCode};

const NEEDED: [&str; 3] = ["bootstrap.min.css", "htmx.min.js", "icons.svg"];

fn main() -> ExitCode {
    let release = std::env::var_os("PROFILE").is_some_and(|profile| profile != "debug");
    let dist = Path::new("../web/dist");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../web/dist");
    if release {
        for folder in ["static", "templates", "locales"] {
            println!("cargo::rerun-if-changed=../web/{folder}");
        }
    }
    let Some(name) = NEEDED.iter().find(|name| !dist.join(name).is_file()) else { return ExitCode::SUCCESS };
    let level = if release { "error" } else { "warning" };
    println!("cargo::{level}=web/dist/{name} is missing: run `make web` (npm ci, then node web/build.mjs)");
    // The folder itself must be there for rust-embed.
    if release || fs::create_dir_all(dist).is_err() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
