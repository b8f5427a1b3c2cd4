//! Faults a test can switch on while the router runs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The API service is off: open connections are closed, new ones are accepted and reset at once (the port stays
    /// ours, so that clearing the fault cannot fail).
    ApiDown,
    /// Each command takes this much longer, one after another over all connections.
    Slow { per_command_ms: u64 },
    /// Connections are accepted, commands swallowed: nothing is done and nothing answered.
    Silent,
    /// After so many more whole sentences the next one is cut in its middle and the connection closed; once.
    CutMidSentence { after: usize },
    /// The next write of this path (a menu or a whole command) is performed, then the connection is cut before its
    /// `!done`; once.
    CutBeforeDone { path: String },
    /// Power off and on: see [`super::RouterSim::reboot`]. Happens once, at once.
    Reboot { clock_1970: bool },
    /// So many more `add`s fit; then each is refused with `failure: no space left on device` (our wording).
    FlashFull { after: u32 },
    /// Writes of this field are refused as an unknown parameter, as by a version without it.
    UnknownField { field: String },
    /// Scripts of profiles do not run: missing rights, or the profile's hook was lost.
    NoScripts,
    /// Every `/tool/fetch` fails with these words, in scripts and as a command.
    FetchFails { message: String },
    /// `listen` is refused, and what listened is ended.
    NoListen,
    /// A change of a profile that names no script loses both of its scripts (a bug of some 6.x).
    LosesScripts,
    /// A command on a path or with a verb the router does not know gets no answer at all.
    DropUnknown,
}

#[derive(Debug, Default)]
struct Active {
    api_down: bool,
    slow: Duration,
    silent: bool,
    drop_unknown: bool,
    no_listen: bool,
    cut_after: Option<usize>,
    cut_before_done: Option<String>,
}

/// The faults that concern connections. Reboots and the flash are the router's business.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Active>);

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Active> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_api_down(&self) {
        self.lock().api_down = true;
    }

    pub(crate) fn set_slow(&self, slow: Duration) {
        self.lock().slow = slow;
    }

    pub(crate) fn set_silent(&self) {
        self.lock().silent = true;
    }

    pub(crate) fn set_drop_unknown(&self) {
        self.lock().drop_unknown = true;
    }

    pub(crate) fn set_no_listen(&self) {
        self.lock().no_listen = true;
    }

    pub(crate) fn set_cut_sentence(&self, after: usize) {
        self.lock().cut_after = Some(after);
    }

    pub(crate) fn set_cut_before_done(&self, path: String) {
        self.lock().cut_before_done = Some(path);
    }

    pub(crate) fn clear(&self) {
        *self.lock() = Active::default();
    }

    pub(crate) fn api_down(&self) -> bool {
        self.lock().api_down
    }

    pub(crate) fn slow(&self) -> Duration {
        self.lock().slow
    }

    pub(crate) fn silent(&self) -> bool {
        self.lock().silent
    }

    pub(crate) fn no_listen(&self) -> bool {
        self.lock().no_listen
    }

    pub(crate) fn drop_unknown(&self) -> bool {
        self.lock().drop_unknown
    }

    /// Does the connection end before this write is answered? Answers yes once.
    pub(crate) fn cut_before_done(&self, path: &str, command: &str) -> bool {
        let mut active = self.lock();
        let hit = active.cut_before_done.as_deref().is_some_and(|wanted| wanted == path || wanted == command);
        if hit {
            active.cut_before_done = None;
        }
        hit
    }

    /// When a cut is due in the chunk at hand, what is still written; `cut` tells either that or what remains.
    pub(crate) fn cut_sentence<T>(&self, cut: impl FnOnce(usize) -> Result<T, usize>) -> Option<T> {
        let mut active = self.lock();
        match cut(active.cut_after?) {
            Ok(part) => {
                active.cut_after = None;
                Some(part)
            }
            Err(left) => {
                active.cut_after = Some(left);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_shot_faults_happen_once() {
        let faults = Faults::default();
        faults.set_cut_before_done("/ip/hotspot/user".to_owned());
        assert!(!faults.cut_before_done("/ppp/secret", "/ppp/secret/add"));
        assert!(faults.cut_before_done("/ip/hotspot/user", "/ip/hotspot/user/add"));
        assert!(!faults.cut_before_done("/ip/hotspot/user", "/ip/hotspot/user/add"));
        faults.set_cut_sentence(3);
        assert_eq!(faults.cut_sentence(|whole| Err::<(), usize>(whole - 2)), None);
        assert_eq!(faults.cut_sentence(Ok), Some(1));
        assert_eq!(faults.cut_sentence(Ok), None);
    }

    #[test]
    fn faults_are_named_in_json_as_in_rust() {
        let fault: Fault = serde_json::from_str(r#"{"kind":"slow","per_command_ms":5}"#).unwrap();
        assert_eq!(fault, Fault::Slow { per_command_ms: 5 });
    }
}
