//! What a world is made of: database, broker, router, agent.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use sea_orm::{ConnectionTrait as _, Database as Connections};
use tokio::{
    process::{Child, Command},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{clock::TestClock, router_sim::RouterSim};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    /// Of its own on the server that `TEST_POSTGRES` names (`make test` starts one).
    Postgres,
}

/// Which broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broker {
    Embedded,
    /// A process of its own, provisioned by the controller.
    Mosquitto,
}

/// A PostgreSQL database of one world.
#[derive(Debug)]
pub struct Database {
    admin: String,
    name: String,
    url: String,
}

impl Database {
    /// Makes one; `None` on SQLite, which needs none.
    ///
    /// # Errors
    /// When `TEST_POSTGRES` is not set or does not answer.
    pub async fn create(backend: Backend) -> anyhow::Result<Option<Self>> {
        if backend == Backend::Sqlite {
            return Ok(None);
        }
        #[expect(clippy::disallowed_methods, reason = "set by make test, not a setting of hiji")]
        let admin = std::env::var("TEST_POSTGRES").context("TEST_POSTGRES is not set: run make test")?;
        let name = format!("w{}", hiji_controller::ids::token());
        let server = Connections::connect(&admin).await.context("connecting to TEST_POSTGRES")?;
        server.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
        let (base, _) = admin.rsplit_once('/').context("TEST_POSTGRES ends in a database")?;
        let url = format!("{base}/{name}");
        Ok(Some(Self { admin, name, url }))
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Drops it, whoever is connected.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn drop(self) -> anyhow::Result<()> {
        let server = Connections::connect(&self.admin).await?;
        server.execute_unprepared(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).await?;
        Ok(())
    }
}

/// A router of a world.
#[derive(Debug)]
pub struct Router {
    /// In the controller.
    pub id: i64,
    pub name: String,
    pub sim: RouterSim,
    pub agent: Agent,
}

impl Router {
    /// The hotspot user of a name, as the router has it.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<crate::router_sim::Record> {
        self.sim.row("/ip/hotspot/user", name)
    }

    /// How many hotspot users carry the voucher mark.
    #[must_use]
    pub fn vouchers(&self) -> usize {
        let marked = |row: &crate::router_sim::Record| {
            row.get("comment").is_some_and(|comment| comment.starts_with("VOUCHER_SYSTEM|"))
        };
        self.sim.rows("/ip/hotspot/user").iter().filter(|row| marked(row)).count()
    }
}

impl Router {
    /// How many hotspot users agents added, however often they asked.
    #[must_use]
    pub fn added(&self) -> usize {
        let added = |write: &&crate::router_sim::Write| write.command == "/ip/hotspot/user/add" && write.trap.is_none();
        self.sim.writes().iter().filter(added).count()
    }
}

/// An agent running in this process.
#[derive(Debug)]
pub struct Agent {
    settings: Vec<(String, String)>,
    clock: Arc<TestClock>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Agent {
    pub(super) fn start(settings: Vec<(String, String)>, clock: Arc<TestClock>) -> anyhow::Result<Self> {
        let config = hiji_agent::config::Config::from_vars(settings.clone())?;
        let stop = CancellationToken::new();
        let run = hiji_agent::run(config, Arc::<TestClock>::clone(&clock), stop.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = run.await {
                tracing::error!("an agent ended: {error}");
            }
        });
        Ok(Self { settings, clock, stop, task })
    }

    /// Stops it as SIGTERM would.
    ///
    /// # Errors
    /// When its task died.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        (&mut self.task).await.context("the agent's task died")
    }

    /// Runs it as a process of its own, to be killed: stop this one first.
    ///
    /// # Errors
    /// When the binary is not built or does not start.
    pub fn process(&self) -> anyhow::Result<Child> {
        self.process_of(&binary("hiji-agent")?)
    }

    /// The same with a certain binary.
    ///
    /// # Errors
    /// When it does not start.
    pub fn process_of(&self, binary: &Path) -> anyhow::Result<Child> {
        let mut command = Command::new(binary);
        command.arg("run").envs(self.settings.iter().cloned()).env("HIJI_LOG", "warn").kill_on_drop(true);
        command.spawn().context("starting hiji-agent")
    }

    /// Starts it again on its own data directory, as after a cut of its power.
    ///
    /// # Errors
    /// When its settings are not usable.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        // Until the one before is gone it holds the lock of the directory, and the new one would end at once.
        self.task.abort();
        if !self.task.is_finished() {
            let _aborted = (&mut self.task).await;
        }
        *self = Self::start(self.settings.clone(), Arc::<TestClock>::clone(&self.clock))?;
        Ok(())
    }
}

/// A binary of this build; `make test` builds them before the tests run.
///
/// # Errors
/// When it is not there.
pub(super) fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let path = test.ancestors().nth(2).context("tests run from target/<profile>/deps")?.join(name);
    anyhow::ensure!(path.is_file(), "{} is not built: run cargo build --workspace", path.display());
    Ok(path)
}

/// Logs of all parts, when a story fails to tell by itself: `TEST_LOG=debug cargo test …`.
pub(super) fn log_to_stderr() {
    #[expect(clippy::disallowed_methods, reason = "for people who look into a failing story, not a setting of hiji")]
    let filter = std::env::var("TEST_LOG").unwrap_or_else(|_unset| "off".to_owned());
    let _another_world_did = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
