//! One agent, from its start to its stop. Nothing is global: a process may run many.

use std::{fs::File, io, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config::Config,
    ctx::{Ctx, Keys, Parts},
    enroll::{self, Credentials, EnrollError},
    hook,
    outbox::Outbox,
    router,
    state::State,
    uplink,
};

/// Everything has stopped by then.
const STOP_WITHIN: Duration = Duration::from_secs(9);

/// Why an agent could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("enrolment failed")]
    Enroll(#[from] EnrollError),
    #[error("the data directory {path} cannot be used")]
    Data {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("another agent is running on the data directory {0}")]
    InUse(String),
    #[error("the broker's address or the CA file cannot be used")]
    Broker(#[source] io::Error),
}

/// Runs an agent until `stop`: enrols it if need be, then mirrors and reconciles its router. Whatever is unreachable
/// is tried again for ever.
///
/// # Errors
/// [`RunError`]: what trying again would not mend.
pub async fn run(config: Config, clock: Arc<dyn Clock>, stop: CancellationToken) -> Result<(), RunError> {
    let lock = lock(&config)?;
    let credentials = match enroll::credentials(&config, &stop).await {
        Err(EnrollError::Stopped) => return Ok(()),
        credentials => credentials?,
    };
    let broker = uplink::broker(&credentials.mqtt_url, config.tls_ca.as_deref()).map_err(RunError::Broker)?;
    let ctx = Arc::new(open(config, clock, stop, &credentials)?);
    let hook = hook::bind(&ctx).await;
    tracing::info!(agent = %ctx.agent, router = ctx.config.router.host, "the agent runs");
    let work = async {
        tokio::join!(
            Box::pin(router::keep(&ctx)),
            Box::pin(uplink::run(&ctx, &broker)),
            Box::pin(uplink::keep_durable(&ctx)),
            Box::pin(hook::run(&ctx, hook)),
        );
    };
    let stopped = async {
        ctx.stop.cancelled().await;
        tokio::time::sleep(STOP_WITHIN).await;
    };
    tokio::select! {
        () = work => {}
        () = stopped => tracing::warn!("stopping takes too long; leaving as it is"),
    }
    if let Err(error) = ctx.outbox().close() {
        tracing::error!(%error, "the outbox could not be closed");
    }
    ctx.core().state.sync();
    drop(lock);
    tracing::info!("stopped");
    Ok(())
}

/// Only enrols: fetches credentials into the data directory, if they are not there.
///
/// # Errors
/// As [`run`].
pub async fn enroll(config: &Config, stop: &CancellationToken) -> Result<(), RunError> {
    let _lock = lock(config)?;
    enroll::credentials(config, stop).await?;
    Ok(())
}

/// Makes the data directory and keeps other agents out of it. The lock goes with the process, however it ends.
pub(crate) fn lock(config: &Config) -> Result<File, RunError> {
    let path = config.data_dir.display().to_string();
    let data = |source| RunError::Data { path: path.clone(), source };
    std::fs::create_dir_all(&config.data_dir).map_err(data)?;
    let file = File::create(config.data_dir.join("lock")).map_err(data)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(RunError::InUse(path)),
        Err(std::fs::TryLockError::Error(source)) => Err(data(source)),
    }
}

fn open(
    config: Config,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    credentials: &Credentials,
) -> Result<Ctx, RunError> {
    let path = config.data_dir.display().to_string();
    let data = |source| RunError::Data { path: path.clone(), source };
    let secret = credentials.secret().ok_or(EnrollError::Damaged)?;
    let keys = Keys::derive(&secret);
    let now_ms = clock.now_ms();
    let (state, sessions) = State::open(&config.data_dir, keys.command, now_ms).map_err(data)?;
    let outbox = Outbox::open(&config.data_dir.join("outbox"), now_ms).map_err(data)?;
    let agent = credentials.agent.clone();
    Ok(Ctx::new(Parts { config, clock, stop, agent, keys, state, sessions, outbox }))
}
