//! Independent judges: other people's client libraries, from PyPI, in one virtual environment under `target/`.
//!
//! Our own clients would share our own misunderstandings.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

/// Where the scripts are.
#[must_use]
pub fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("judges")
}

/// The interpreter of the environment, with these requirements installed (`paho-mqtt==2.1.0`). Installs what is
/// missing; tests in other processes wait for each other.
///
/// # Errors
/// Python, its venv module or the package index is missing; the message says which.
pub async fn python(requirements: &'static [&'static str]) -> anyhow::Result<PathBuf> {
    tokio::task::spawn_blocking(move || prepare(requirements)).await?
}

fn prepare(requirements: &[&str]) -> anyhow::Result<PathBuf> {
    // The target directory this test was built in: target/<profile>/deps/<test>.
    let test = std::env::current_exe().context("finding the target directory")?;
    let target = test.ancestors().nth(3).context("tests run from target/<profile>/deps")?;
    let (venv, lock) = (target.join("judges-venv"), target.join("judges-venv.lock"));
    let lock = File::create(&lock).with_context(|| format!("creating {}", lock.display()))?;
    lock.lock().context("waiting for another process that prepares the judges")?;
    let python = venv.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))
            .context("making a virtual environment (Debian packages python3 and python3-venv)")?;
    }
    for requirement in requirements {
        let done = venv.join(format!("installed-{requirement}"));
        if !done.exists() {
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet", requirement]))
                .with_context(|| format!("installing {requirement} from PyPI"))?;
            fs::write(&done, "").with_context(|| format!("writing {}", done.display()))?;
        }
    }
    // The lock ends with the file.
    drop(lock);
    Ok(python)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("starting {}", command.get_program().display()))?;
    ensure!(output.status.success(), "{} failed: {}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(())
}
