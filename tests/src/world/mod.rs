//! The whole system in one process: controller, broker, simulated routers, their agents, one clock.
//!
//! Everything outside the process is real (PostgreSQL, Mosquitto) or a simulator on the real wire. Stories drive it
//! through the API, as other programs would, and look at the router's own tables.

mod api;
mod parts;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use hiji_controller::{config::Config, db::Db, serve};
use hiji_shared::enroll::{EnrollRequest, EnrollResponse};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

pub use api::{Api, Reply};
pub use parts::{Agent, Backend, Broker, Database, Router};

use crate::{
    clock::TestClock,
    mosquitto::Mosquitto,
    router_sim::{RouterSim, SimConfig},
    wait,
};

/// The admin every world has.
pub const ADMIN: (&str, &str) = ("admin", "rahasia-sekali");
/// How long anything may take before a story fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running system.
#[derive(Debug)]
pub struct World {
    pub clock: Arc<TestClock>,
    pub api: Api,
    controller: Option<serve::Running>,
    config: Config,
    mosquitto: Option<Mosquitto>,
    database: Option<Database>,
    routers: usize,
    dir: TempDir,
}

impl World {
    /// Starts a controller without routers.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn start(backend: Backend, broker: Broker) -> anyhow::Result<Self> {
        parts::log_to_stderr();
        let dir = tempfile::tempdir()?;
        let clock = Arc::new(TestClock::default());
        let mut config = Config::for_directory(dir.path().join("controller"));
        config.http_listen = free_address()?;
        config.public_url = format!("http://{}", config.http_listen);
        config.set_listeners(&free_address()?.to_string(), "");
        config.admin_user = Some(ADMIN.0.to_owned());
        config.admin_password = Some(ADMIN.1.to_owned().into());
        let database = Database::create(backend).await?;
        if let Some(database) = &database {
            config.set_database_url(database.url());
        }
        let mosquitto = match broker {
            Broker::Embedded => None,
            Broker::Mosquitto => Some(Mosquitto::start().await?),
        };
        config.mqtt_url = mosquitto.as_ref().map(|broker| broker.url.clone().into());
        let controller = serve::start(config.clone(), Arc::<TestClock>::clone(&clock)).await?;
        let mut api = Api::new(&config.public_url)?;
        api.login(ADMIN.0, ADMIN.1).await?;
        Ok(Self { clock, api, controller: Some(controller), config, mosquitto, database, routers: 0, dir })
    }

    /// The running controller's app, to look into its database.
    ///
    /// # Panics
    /// While the controller is away.
    #[must_use]
    pub fn app(&self) -> &hiji_controller::app::App {
        &self.controller.as_ref().expect("the controller runs").app
    }

    /// Where the web app is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.config.public_url
    }

    /// Makes a site.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn site(&self, name: &str) -> anyhow::Result<i64> {
        let body = json!({ "name": name, "timezone": "Asia/Jakarta" });
        self.api.post("/sites", &body).await?.id()
    }

    /// A simulated router with an approved agent that is online.
    ///
    /// # Errors
    /// When a part does not start or the API refuses.
    pub async fn router(&mut self, site: i64, sim: SimConfig) -> anyhow::Result<Router> {
        self.router_with(site, sim, |_| Ok(())).await
    }

    /// The same, with something done to the router before the agent sees it.
    ///
    /// # Errors
    /// When a part does not start, the API or `prepare` refuses.
    pub async fn router_with(
        &mut self,
        site: i64,
        sim: SimConfig,
        prepare: impl FnOnce(&RouterSim) -> anyhow::Result<()>,
    ) -> anyhow::Result<Router> {
        self.routers += 1;
        let name = format!("R{}", self.routers);
        let id = self.api.post("/routers", &json!({ "site_id": site, "name": name })).await?.id()?;
        let sim = SimConfig { clock: Arc::<TestClock>::clone(&self.clock), ..sim };
        let (user, password) = (sim.user.clone(), sim.password.clone());
        let sim = RouterSim::start(sim).await?;
        prepare(&sim)?;
        let path = format!("/routers/{id}/enrollment");
        let enrollment = self.api.post(&path, &json!({ "auto_approve": true })).await?.ok()?;
        let token = enrollment["token"].as_str().context("the enrolment has a token")?.to_owned();
        let settings = vec![
            ("HIJI_CONTROLLER_URL".to_owned(), self.config.public_url.clone()),
            ("HIJI_ENROLL_TOKEN".to_owned(), token),
            ("HIJI_ROUTER_ADDRESS".to_owned(), sim.api_addr().to_string()),
            ("HIJI_ROUTER_USER".to_owned(), user),
            ("HIJI_ROUTER_PASSWORD".to_owned(), password),
            ("HIJI_HOOK_LISTEN".to_owned(), free_address()?.to_string()),
            ("HIJI_DATA_DIR".to_owned(), self.dir.path().join(&name).display().to_string()),
        ];
        let agent = Agent::start(settings, Arc::<TestClock>::clone(&self.clock))?;
        let router = Router { id, name, sim, agent };
        self.online(&router).await;
        Ok(router)
    }

    /// Enrols as an agent would, for tests that speak its protocol themselves.
    ///
    /// # Errors
    /// When the controller refuses.
    pub async fn enroll(&self, token: &str) -> anyhow::Result<EnrollResponse> {
        let request = EnrollRequest {
            token: token.to_owned(),
            nonce: hiji_controller::ids::token(),
            version: "test".to_owned(),
            identity: String::new(),
            board: String::new(),
            serial: String::new(),
            router_version: String::new(),
        };
        let url = format!("{}{}", self.config.public_url, hiji_shared::enroll::PATH);
        let response = reqwest::Client::new().post(url).json(&request).send().await?.error_for_status()?;
        Ok(response.json().await?)
    }

    /// Waits until the controller shows the router online and mirrored.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn online(&self, router: &Router) {
        let path = format!("/routers/{}", router.id);
        wait::until(format!("router {} online", router.name), PATIENCE, || async {
            let reply = self.api.get(&path).await.ok()?.ok().ok()?;
            let mirrored = reply["mirrors"].as_array().is_some_and(|kinds| kinds.len() >= 4);
            (reply["presence"] == "online" && mirrored).then_some(())
        })
        .await;
    }

    /// A hotspot package on routers, bound to profile `default`.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn package(&self, name: &str, routers: &[&Router], validity: Value) -> anyhow::Result<i64> {
        let body = json!({
            "name": name, "service": "hotspot", "profile": "default",
            "price": { "amount": 3000, "currency": "IDR" }, "cost": { "amount": 2000, "currency": "IDR" },
            "validity": validity, "router_ids": routers.iter().map(|router| router.id).collect::<Vec<_>>(),
        });
        self.api.post("/packages", &body).await?.id()
    }

    /// A batch of vouchers; its id.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn batch(&self, router: &Router, package: i64, count: usize) -> anyhow::Result<i64> {
        let body = json!({ "router_id": router.id, "package_id": package, "count": count, "prefix": "KB" });
        self.api.post("/voucher_batches", &body).await?.id()
    }

    /// Waits until every voucher of a batch is proven on the router.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn ready(&self, batch: i64) -> Value {
        wait::until(format!("batch {batch} ready"), PATIENCE * 4, || async {
            let reply = self.api.get(&format!("/voucher_batches/{batch}")).await.ok()?.ok().ok()?;
            (reply["progress"]["applied"] == reply["progress"]["wanted"]).then_some(reply)
        })
        .await
    }

    /// All vouchers of a batch.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn vouchers(&self, batch: i64) -> anyhow::Result<Vec<Value>> {
        self.api.all(&format!("/vouchers?batch_id={batch}")).await
    }

    /// Waits until a voucher has a status.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn voucher_is(&self, code: &str, status: &str) -> Value {
        wait::until(format!("voucher {code} {status}"), PATIENCE, || async {
            let items = self.api.all(&format!("/vouchers?q={code}")).await.ok()?;
            items.into_iter().find(|voucher| voucher["code"] == code && voucher["status"] == status)
        })
        .await
    }

    /// Stops the controller; routers and agents go on.
    ///
    /// # Errors
    /// When it reports one while stopping.
    pub async fn stop_controller(&mut self) -> anyhow::Result<()> {
        match self.controller.take() {
            Some(running) => running.stop().await,
            None => Ok(()),
        }
    }

    /// Starts it again, on the same addresses and database.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_controller(&mut self) -> anyhow::Result<()> {
        let clock = Arc::<TestClock>::clone(&self.clock);
        self.controller = Some(serve::start(self.config.clone(), clock).await?);
        Ok(())
    }

    /// Runs the controller as a process of its own, to be killed: stop the one in this process first.
    ///
    /// # Errors
    /// When the binary is not built or does not start.
    pub fn controller_process(&self) -> anyhow::Result<Child> {
        self.hiji("serve")?.spawn().context("starting hiji")
    }

    /// A command of the `hiji` binary on this world's database and addresses.
    ///
    /// # Errors
    /// When the binary is not built.
    pub fn hiji(&self, subcommand: &str) -> anyhow::Result<Command> {
        let mut command = Command::new(parts::binary("hiji")?);
        command
            .arg(subcommand)
            .env("HIJI_DATA_DIR", &self.config.data_dir)
            .env("HIJI_DATABASE_URL", self.config.database_url().expose_secret())
            .env("HIJI_HTTP_LISTEN", self.config.http_listen.to_string())
            .env("HIJI_PUBLIC_URL", &self.config.public_url)
            .env("HIJI_METRICS_LISTEN", "")
            .env("HIJI_LOG", "warn")
            .kill_on_drop(true);
        match (&self.config.mqtt_url, self.config.mqtt_listen()) {
            (Some(url), _) => command.env("HIJI_MQTT_URL", url.expose_secret()),
            (None, listen) => command.env("HIJI_MQTT_LISTEN", listen.map(|addr| addr.to_string()).unwrap_or_default()),
        };
        Ok(command)
    }

    /// The database, also while no controller runs.
    ///
    /// # Errors
    /// When it does not open.
    pub async fn database(&self) -> anyhow::Result<Db> {
        Db::connect(&self.config.database_url()).await
    }

    /// Waits until the controller answers.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn answering(&self) {
        wait::until("the controller answers", PATIENCE, || async {
            self.api.get("/me").await.ok().filter(|reply| reply.status.is_success())
        })
        .await;
    }

    /// The external broker, to break it.
    pub fn mosquitto(&mut self) -> Option<&mut Mosquitto> {
        self.mosquitto.as_mut()
    }

    /// Ends everything.
    ///
    /// # Errors
    /// When a part reports one.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop_controller().await?;
        if let Some(broker) = self.mosquitto.take() {
            broker.stop().await?;
        }
        if let Some(database) = self.database.take() {
            database.drop().await?;
        }
        Ok(())
    }
}

/// Ports that the system does not hand out by itself: what is free now stays free until it is listened on.
const PORTS: std::ops::Range<u16> = 10_000..30_000;
static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

/// An address nobody listens on, and no other test of this process was given.
///
/// # Errors
/// When the machine has none.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    // Processes begin at different places.
    let begin = u16::try_from(std::process::id() % u32::from(PORTS.end - PORTS.start))?;
    for _attempt in PORTS {
        let step = begin.wrapping_add(NEXT_PORT.fetch_add(1, Ordering::Relaxed)) % (PORTS.end - PORTS.start);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, PORTS.start + step));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    anyhow::bail!("no free port between {} and {}", PORTS.start, PORTS.end)
}
