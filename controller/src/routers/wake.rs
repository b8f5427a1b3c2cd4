//! Wakes the task that sends wanted state to routers. Only a hint: what is due is read from the database.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Something may be due for some router.
#[derive(Debug, Default)]
pub struct Wakes {
    notify: Notify,
    /// Settings that agents know were changed.
    settings: AtomicBool,
}

impl Wakes {
    /// Look now.
    pub fn wake(&self) {
        self.notify.notify_one();
    }

    /// Settings that agents know were changed: tell those that are connected.
    pub fn reconfigure(&self) {
        self.settings.store(true, Ordering::Relaxed);
        self.wake();
    }

    /// Were settings changed since this was asked last?
    pub fn settings_changed(&self) -> bool {
        self.settings.swap(false, Ordering::Relaxed)
    }

    /// Completes when woken, also if that was before.
    pub async fn woken(&self) {
        self.notify.notified().await;
    }
}
