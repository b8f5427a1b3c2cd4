//! `hiji-demo`: what `make run` starts. The controller, two simulated routers and two agents, each a process of its
//! own, with demo data made through the API. Ctrl-C stops all; a second start keeps its data.
//!
//! The routers are simulators and forget what they had when they stop: their agents put everything back.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use hiji_tests::{
    demo::{self, found_or_made},
    world::Api,
};
use serde_json::json;
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep, timeout},
};

const LOGIN: (&str, &str) = ("admin", "hiji-demo-2026");
/// Site, its zone, router, RouterOS version, port of its API, of its control, of its agent's hook.
const ROUTERS: [Demo; 2] = [
    Demo { site: "Kebon", zone: "Asia/Jakarta", router: "Kebon-1", version: "7.16", ports: [18728, 18081, 18091] },
    Demo { site: "Waena", zone: "Asia/Jayapura", router: "Waena-1", version: "6.49", ports: [18729, 18082, 18092] },
];
const START_WITHIN: Duration = Duration::from_secs(30);
const STOP_WITHIN: Duration = Duration::from_secs(12);
const STEP: Duration = Duration::from_millis(100);

/// A demo router.
#[derive(Debug, Clone, Copy)]
struct Demo {
    site: &'static str,
    zone: &'static str,
    router: &'static str,
    version: &'static str,
    ports: [u16; 3],
}

#[tokio::main]
async fn main() -> ExitCode {
    match start().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// What went wrong in one line: where in hiji's own code is nothing to the person who started it.
#[expect(clippy::print_stderr, reason = "the demo's own words to the person who started it")]
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("hiji-demo: {error:#}");
    ExitCode::FAILURE
}

async fn start() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut processes = Processes::default();
    let outcome = tokio::select! {
        outcome = run(&mut processes) => outcome,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    processes.stop().await;
    outcome
}

async fn run(processes: &mut Processes) -> anyhow::Result<()> {
    let settings = Settings::from_env()?;
    settings.check_ports()?;
    processes.start("hiji", &["serve"], &settings.controller())?;
    let mut api = Api::new(&settings.public_url)?;
    sign_in(processes, &mut api, &settings.data_dir).await?;
    for demo in ROUTERS {
        let [api_port, control, _] = demo.ports.map(|port| format!("127.0.0.1:{port}"));
        let args = [
            "--listen",
            &api_port,
            "--control",
            &control,
            "--version",
            demo.version,
            "--identity",
            demo.router,
            "--user",
            "hiji",
            "--password",
            "demo",
            "--seed",
            "demo",
            "--clients",
            "12",
        ];
        processes.start("hiji-routersim", &args, &BTreeMap::new())?;
    }
    for demo in ROUTERS {
        let agent = settings.agent(&api, demo).await.with_context(|| format!("setting up {}", demo.router))?;
        processes.start("hiji-agent", &["run"], &agent)?;
    }
    demo::sell(&api).await.context("making demo vouchers")?;
    let packages = demo::offer(&api).await.context("making packages of subscriptions")?;
    demo::subscribe(&api, packages).await.context("making customers and their subscriptions")?;
    say(&format!(
        "\n  hiji is running at {}\n  login: {}   password: {}\n  Two simulated routers are connected. Ctrl-C stops everything; data stays in {}.\n",
        settings.public_url,
        LOGIN.0,
        LOGIN.1,
        settings.data_dir.display()
    ));
    processes.first_to_end().await
}

#[expect(clippy::print_stdout, reason = "the demo's own words to the person who started it")]
fn say(text: &str) {
    println!("{text}");
}

/// Where things listen and live; the same environment as the controller's.
#[derive(Debug)]
struct Settings {
    data_dir: PathBuf,
    http: SocketAddr,
    mqtt: SocketAddr,
    metrics: String,
    public_url: String,
}

impl Settings {
    fn from_env() -> anyhow::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "the demo hands the controller's own settings through")]
        let get = |key: &str, default: &str| std::env::var(key).unwrap_or_else(|_unset| default.to_owned());
        let http: SocketAddr = get("HIJI_HTTP_LISTEN", "127.0.0.1:8080").parse().context("HIJI_HTTP_LISTEN")?;
        let local = format!("http://127.0.0.1:{}", http.port());
        Ok(Self {
            data_dir: get("HIJI_DATA_DIR", "./data").into(),
            mqtt: get("HIJI_MQTT_LISTEN", "127.0.0.1:1883").parse().context("HIJI_MQTT_LISTEN")?,
            metrics: get("HIJI_METRICS_LISTEN", "127.0.0.1:9464"),
            public_url: get("HIJI_PUBLIC_URL", &local),
            http,
        })
    }

    /// Says which port is taken before anything is started.
    fn check_ports(&self) -> anyhow::Result<()> {
        let demo = ROUTERS.iter().flat_map(|demo| demo.ports).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        for (address, setting) in [(self.http, "HIJI_HTTP_LISTEN"), (self.mqtt, "HIJI_MQTT_LISTEN")]
            .into_iter()
            .chain(demo.map(|address| (address, "the demo's own port")))
        {
            if TcpListener::bind(address).is_err() {
                bail!("{address} is in use ({setting}); stop what listens there, or choose another address");
            }
        }
        Ok(())
    }

    fn controller(&self) -> BTreeMap<String, String> {
        [
            ("HIJI_DATA_DIR", self.data_dir.display().to_string()),
            ("HIJI_HTTP_LISTEN", self.http.to_string()),
            ("HIJI_MQTT_LISTEN", self.mqtt.to_string()),
            ("HIJI_METRICS_LISTEN", self.metrics.clone()),
            ("HIJI_PUBLIC_URL", self.public_url.clone()),
            ("HIJI_ADMIN_USER", LOGIN.0.to_owned()),
            ("HIJI_ADMIN_PASSWORD", LOGIN.1.to_owned()),
            ("HIJI_LOG", "warn,hiji_controller=info".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    /// The settings of a router's agent; makes site, router and enrolment where they are missing.
    async fn agent(&self, api: &Api, demo: Demo) -> anyhow::Result<BTreeMap<String, String>> {
        let site = json!({ "name": demo.site, "timezone": demo.zone });
        let site = found_or_made(api, "/sites", demo.site, &site).await?;
        let router = json!({ "site_id": site, "name": demo.router });
        let router = found_or_made(api, "/routers", demo.router, &router).await?;
        let dir = self.data_dir.join("agents").join(demo.router);
        let [router_port, _, hook] = demo.ports.map(|port| format!("127.0.0.1:{port}"));
        let mut settings: BTreeMap<String, String> = [
            ("HIJI_CONTROLLER_URL", self.public_url.clone()),
            ("HIJI_ROUTER_ADDRESS", router_port),
            ("HIJI_ROUTER_USER", "hiji".to_owned()),
            ("HIJI_ROUTER_PASSWORD", "demo".to_owned()),
            ("HIJI_HOOK_LISTEN", hook.clone()),
            ("HIJI_HOOK_URL", format!("http://{hook}")),
            ("HIJI_DATA_DIR", dir.display().to_string()),
            ("HIJI_LOG", "warn".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        if !has_credentials(&dir) {
            let path = format!("/routers/{router}/enrollment");
            let enrollment = api.post(&path, &json!({ "auto_approve": true })).await?.ok()?;
            let token = enrollment["token"].as_str().context("the enrolment has a token")?;
            settings.insert("HIJI_ENROLL_TOKEN".to_owned(), token.to_owned());
        }
        Ok(settings)
    }
}

/// An agent that enrolled before needs no token.
fn has_credentials(dir: &Path) -> bool {
    dir.join(hiji_agent::CREDENTIALS_FILE).is_file()
}

async fn sign_in(processes: &mut Processes, api: &mut Api, data_dir: &Path) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        match api.login(LOGIN.0, LOGIN.1).await {
            Ok(()) => return Ok(()),
            Err(error) if error.to_string().contains("bad_credentials") => bail!(
                "{} is there already, and its login is no longer {} with {}. Start it without the demo (make run DEMO=0), \
                 or move it away for a new demo.",
                data_dir.display(),
                LOGIN.0,
                LOGIN.1
            ),
            Err(error) if start.elapsed() > START_WITHIN => return Err(error.context("signing in to the controller")),
            Err(_not_yet) => processes.check()?,
        }
        sleep(STEP).await;
    }
}

/// The processes of the demo, ended in the reverse order of their start.
#[derive(Debug, Default)]
struct Processes(Vec<(String, Child)>);

impl Processes {
    fn start(&mut self, name: &str, args: &[&str], env: &BTreeMap<String, String>) -> anyhow::Result<()> {
        let binary = std::env::current_exe()?.with_file_name(name);
        let mut command = Command::new(&binary);
        // Only the controller takes the settings `make run` was given; an agent refuses those it does not know.
        if name != "hiji" {
            let given = std::env::vars_os().map(|(key, _value)| key);
            for key in given.filter(|key| key.to_string_lossy().starts_with("HIJI_")) {
                command.env_remove(key);
            }
        }
        // Of their own group: Ctrl-C reaches only the demo, which ends them in order.
        command.args(args).envs(env).stdin(Stdio::null()).stdout(Stdio::null()).process_group(0).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("starting {}", binary.display()))?;
        self.0.push((name.to_owned(), child));
        Ok(())
    }

    /// Fails when one has ended.
    fn check(&mut self) -> anyhow::Result<()> {
        for (name, child) in &mut self.0 {
            if let Some(status) = child.try_wait()? {
                bail!("{name} ended: {status}");
            }
        }
        Ok(())
    }

    async fn first_to_end(&mut self) -> anyhow::Result<()> {
        loop {
            self.check()?;
            sleep(STEP * 5).await;
        }
    }

    async fn stop(&mut self) {
        while let Some((name, mut child)) = self.0.pop() {
            if let Some(pid) = child.id() {
                let _gone = Command::new("kill").arg("-TERM").arg(pid.to_string()).status().await;
            }
            if timeout(STOP_WITHIN, child.wait()).await.is_err() {
                tracing::warn!("{name} did not stop in time");
                let _gone = child.kill().await;
            }
        }
    }
}
