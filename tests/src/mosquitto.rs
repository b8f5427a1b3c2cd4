//! A real Mosquitto, started on a free port of this machine. Its accounts are empty but for the admin; hiji's
//! controller makes the rest through dynamic security.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command as Blocking, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};

const BINARY: &str = "/usr/sbin/mosquitto";
/// Where Debian and Ubuntu put the plugin, by machine.
const PLUGINS: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so",
    "/usr/lib/aarch64-linux-gnu/mosquitto_dynamic_security.so",
    "/usr/lib/mosquitto_dynamic_security.so",
];
const ADMIN: &str = "admin";
const PASSWORD: &str = "admin-of-the-tests";
/// For the process to listen, and to end.
const START_TIME: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(20);
/// Another process may take the free port first.
const ATTEMPTS: usize = 5;

/// A running Mosquitto. Killed when dropped.
#[derive(Debug)]
pub struct Mosquitto {
    /// `mqtt://admin:…@127.0.0.1:port`, as in `HIJI_MQTT_URL`.
    pub url: String,
    pub addr: SocketAddr,
    config: PathBuf,
    child: Option<Child>,
    _dir: TempDir,
}

impl Mosquitto {
    /// Starts one with dynamic security and an admin account.
    ///
    /// # Errors
    /// A Debian package is missing (the message names it), or it does not start.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(true).await
    }

    /// Starts one without the plugin: the admin is an ordinary user, there are no rules.
    ///
    /// # Errors
    /// As [`Mosquitto::start`].
    pub async fn without_dynamic_security() -> anyhow::Result<Self> {
        Self::start_with(false).await
    }

    async fn start_with(dynamic_security: bool) -> anyhow::Result<Self> {
        ensure!(Path::new(BINARY).exists(), "{BINARY} is missing: install the Debian package mosquitto");
        for _ in 0..ATTEMPTS {
            let dir = tempfile::tempdir().context("making a directory for Mosquitto")?;
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            let config = configure(dir.path(), port, dynamic_security)?;
            let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let url = format!("mqtt://{ADMIN}:{PASSWORD}@{addr}");
            let mut mosquitto = Self { url, addr, config, child: None, _dir: dir };
            if mosquitto.revive().await.is_ok() {
                return Ok(mosquitto);
            }
        }
        bail!("Mosquitto did not start in {ATTEMPTS} attempts")
    }

    /// Starts it again, on the same port with the accounts it had.
    ///
    /// # Errors
    /// It ends at once, or does not listen in time.
    pub async fn revive(&mut self) -> anyhow::Result<()> {
        let mut child = Command::new(BINARY)
            .arg("-c")
            .arg(&self.config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting mosquitto")?;
        let deadline = Instant::now() + START_TIME;
        while TcpStream::connect(self.addr).await.is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("mosquitto ended at once: {status}");
            }
            ensure!(Instant::now() < deadline, "mosquitto does not listen on {}", self.addr);
            sleep(STEP).await;
        }
        self.child = Some(child);
        Ok(())
    }

    /// Kills it, as a power cut would.
    ///
    /// # Errors
    /// The process cannot be killed.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await.context("killing mosquitto")?;
        }
        Ok(())
    }

    /// Ends it for good.
    ///
    /// # Errors
    /// As [`Mosquitto::kill`].
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.kill().await
    }
}

fn configure(dir: &Path, port: u16, dynamic_security: bool) -> anyhow::Result<PathBuf> {
    let mut lines = vec![
        format!("listener {port} 127.0.0.1"),
        "per_listener_settings false".to_owned(),
        "allow_anonymous false".to_owned(),
        "persistence false".to_owned(),
        "log_type error".to_owned(),
        "max_inflight_messages 100".to_owned(),
        "max_queued_bytes 8388608".to_owned(),
    ];
    // Started by root it would become the user mosquitto, who may not write into our directory.
    if fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0) {
        lines.push("user root".to_owned());
    }
    let accounts = dir.join("accounts");
    if dynamic_security {
        let plugin = PLUGINS.iter().find(|path| Path::new(path).exists());
        let plugin =
            plugin.context("mosquitto_dynamic_security.so is missing: install the Debian package mosquitto")?;
        lines.push(format!("plugin {plugin}"));
        lines.push(format!("plugin_opt_config_file {}", accounts.display()));
        let path = accounts.display().to_string();
        run("mosquitto_ctrl", &["dynsec", "init", &path, ADMIN, PASSWORD])?;
    } else {
        lines.push(format!("password_file {}", accounts.display()));
        run("mosquitto_passwd", &["-b", "-c", &accounts.display().to_string(), ADMIN, PASSWORD])?;
    }
    let config = dir.join("mosquitto.conf");
    fs::write(&config, lines.join("\n") + "\n").context("writing mosquitto.conf")?;
    Ok(config)
}

fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Blocking::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("{program} is missing: install the Debian package mosquitto"))?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
