//! Wakes the task that sends wanted state to routers. Only a hint: what is due is read from the database.

use tokio::sync::Notify;

/// Something may be due for some router.
#[derive(Debug, Default)]
pub struct Wakes(Notify);

impl Wakes {
    /// Look now.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Completes when woken, also if that was before.
    pub async fn woken(&self) {
        self.0.notified().await;
    }
}
