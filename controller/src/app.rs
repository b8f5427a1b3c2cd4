//! Everything shared, in one value that is passed and never global.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admins, brand::Brand, clock::Clock, config::Config, db::Db, events::live::Live, ids, invoices, mqtt::Bus, payments,
    routers::wake::Wakes, sealed::Keys, subscriptions, tokens::Tokens,
};

/// The running controller, cheap to clone.
#[derive(Debug, Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
#[derive(Debug)]
pub struct Parts {
    pub config: Config,
    pub clock: Arc<dyn Clock>,
    pub db: Db,
    pub keys: Keys,
    pub tokens: Tokens,
    pub bus: Bus,
    pub live: Live,
    pub brand: Brand,
    pub wakes: Wakes,
    /// Who signed in and asked a moment ago.
    pub callers: admins::KnownCallers,
    /// Sums of long lists.
    pub sums: invoices::KeptSums,
    /// How many services are in each state.
    pub counts: subscriptions::KeptCounts,
    /// What was taken on a day.
    pub takings: payments::KeptTakings,
    /// Name of this process among several controllers.
    pub instance: String,
    /// When this process began.
    pub started_at: DateTime<Utc>,
    /// What agents are told to connect to.
    pub mqtt_public_url: String,
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
}

impl Parts {
    /// Parts without a broker; whoever starts one puts it in before making the [`App`].
    #[must_use]
    pub fn new(config: Config, clock: Arc<dyn Clock>, db: Db, keys: Keys) -> Self {
        Self {
            mqtt_public_url: config.mqtt_public_url(None),
            tokens: Tokens::new(&keys),
            bus: Bus::none(),
            live: Live::default(),
            brand: Brand::default(),
            wakes: Wakes::default(),
            callers: admins::KnownCallers::default(),
            sums: invoices::KeptSums::default(),
            counts: subscriptions::KeptCounts::default(),
            takings: payments::KeptTakings::default(),
            instance: ids::token(),
            started_at: clock.now(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            config,
            clock,
            db,
            keys,
        }
    }
}

impl App {
    /// An app of its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Runs a task that ends with the app. Every task listens to the stop token through this.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task => tracing::debug!(task = name, "task ended"),
            }
        });
    }

    /// Live changes for open pages.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<crate::events::live::LiveEvent> {
        self.live.subscribe()
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
