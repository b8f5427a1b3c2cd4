//! Starts the controller and stops it: the order in which its parts come up and go down.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, Parts},
    clock::Clock,
    config::Config,
    db::Db,
    events, http, jobs,
    mqtt::{self, Bus, BusEvent, GateConfig, TlsListen},
    routers,
    sealed::Keys,
    settings,
};

/// How long tasks may take to end after the stop was asked for.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// A running controller.
#[derive(Debug)]
pub struct Running {
    pub app: App,
    /// Where the web app really listens.
    pub http: SocketAddr,
    /// Where the embedded broker really listens.
    pub mqtt: Option<SocketAddr>,
}

/// Starts everything and answers when it is ready for browsers and agents.
///
/// # Errors
/// When a listener cannot be bound, the database cannot be opened or migrated, or the key file cannot be used.
pub async fn start(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Running> {
    install_crypto();
    std::fs::create_dir_all(&config.data_dir).with_context(|| format!("making {}", config.data_dir.display()))?;
    let keys = Keys::load(&config.secret_key_file())?;
    let db = Db::connect(&config.database_url()).await?;
    db.migrate().await?;
    let listener = TcpListener::bind(config.http_listen)
        .await
        .with_context(|| format!("listening on {} (HIJI_HTTP_LISTEN)", config.http_listen))?;
    forget_presence(&db, clock.now()).await.context("marking agents offline")?;
    let mut parts = Parts::new(config, clock, db, keys);
    let (bus, uplinks, mqtt) = start_bus(&parts).await?;
    parts.bus = bus;
    parts.mqtt_public_url = parts.config.mqtt_public_url(mqtt);
    let app = App::new(parts);
    let settings = settings::load(app.db.read()).await.context("reading the settings")?;
    app.brand.set(&settings.company_name);
    first_admin(&app).await?;
    let http = serve_http(&app, listener).await?;
    if let Some(uplinks) = uplinks {
        app.spawn("inbox", mqtt::inbox::run(app.clone(), uplinks));
    }
    app.spawn("push", routers::push::run(app.clone()));
    app.spawn("events", events::consumers::run(app.clone()));
    app.spawn("schedule", jobs::schedule::run(app.clone()));
    // The worker listens to the stop token itself: running jobs end by themselves.
    app.tasks.spawn(jobs::worker::run(app.clone()));
    tracing::info!(%http, mqtt = ?mqtt, "hiji is ready at {}", app.config.public_url);
    Ok(Running { app, http, mqtt })
}

/// An app without listeners and tasks, for the command line's own work on the database.
///
/// # Errors
/// When the database cannot be opened or migrated, or the key file cannot be used.
pub async fn offline(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<App> {
    let keys = Keys::load(&config.secret_key_file())?;
    let db = Db::connect(&config.database_url()).await?;
    db.migrate().await?;
    Ok(App::new(Parts::new(config, clock, db, keys)))
}

impl Running {
    /// Stops taking work, lets what runs end, closes the database.
    ///
    /// # Errors
    /// When the database reports one while closing.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.app.stop.cancel();
        self.app.tasks.close();
        if tokio::time::timeout(STOP_WITHIN, self.app.tasks.wait()).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        self.app.db.clone().close().await.context("closing the database")
    }
}

/// Two TLS libraries are linked; this chooses the one all use. Installed once a process, again is no error.
fn install_crypto() {
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
}

async fn forget_presence(db: &Db, now: DateTime<Utc>) -> Result<(), sea_orm::DbErr> {
    let tx = db.begin().await?;
    routers::all_offline(&tx, now).await?;
    tx.commit().await
}

/// Serves pages and API on `listener`, and the metrics on theirs; where the app listens.
async fn serve_http(app: &App, listener: TcpListener) -> anyhow::Result<SocketAddr> {
    let http = http::build(app)?;
    let address = listener.local_addr().context("reading the listener's address")?;
    if let Some(metrics) = app.config.metrics_listen() {
        let listener = TcpListener::bind(metrics)
            .await
            .with_context(|| format!("listening on {metrics} (HIJI_METRICS_LISTEN)"))?;
        app.tasks.spawn(serve_routes(listener, http.metrics, app.stop.clone()));
    }
    app.tasks.spawn(serve_routes(listener, http.app, app.stop.clone()));
    Ok(address)
}

/// Serves until stopped; requests that run are answered.
async fn serve_routes(listener: TcpListener, routes: axum::Router, stop: CancellationToken) {
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let stopped = async move { stop.cancelled().await };
    if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(stopped).await {
        tracing::error!("the web server ended: {error}");
    }
}

type StartedBus = (Bus, Option<mpsc::Receiver<BusEvent>>, Option<SocketAddr>);

async fn start_bus(parts: &Parts) -> anyhow::Result<StartedBus> {
    let Parts { config, db, keys, stop, tasks, .. } = parts;
    if let Some(url) = &config.mqtt_url {
        let (bus, uplinks) = mqtt::start_external(url, stop.clone(), tasks).await.context("starting MQTT")?;
        return Ok((bus, Some(uplinks), None));
    }
    let listen = config.mqtt_listen();
    if listen.is_none() && config.mqtt_tls_listen.is_none() {
        return Ok((Bus::none(), None, None));
    }
    let tls = match (config.mqtt_tls_listen, &config.tls_cert, &config.tls_key) {
        (Some(addr), Some(cert), Some(key)) => Some(TlsListen { addr, cert: cert.clone(), key: key.clone() }),
        _ => None,
    };
    let auth = Arc::new(routers::auth::AgentAuth::new(db.clone(), keys.clone()));
    let gate = GateConfig { listen, tls, ..Default::default() };
    let (bus, uplinks, plain, _tls) =
        mqtt::start_embedded(gate, auth, stop.clone(), tasks).await.context("starting the embedded broker")?;
    Ok((bus, Some(uplinks), plain))
}

async fn first_admin(app: &App) -> anyhow::Result<()> {
    if let (Some(user), Some(password)) = (&app.config.admin_user, &app.config.admin_password)
        && crate::admins::ensure_first(app, user, password).await.context("making the first admin")?
    {
        tracing::info!(user, "first admin made");
    }
    if let Some(token) = crate::admins::setup::open(app).await.context("opening the set-up of the first admin")? {
        tracing::warn!("there is no admin yet; make the first at {}/setup/{token}", app.config.public_url);
    }
    Ok(())
}
