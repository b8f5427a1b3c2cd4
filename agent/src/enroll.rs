//! Enrolment: the one-time token buys credentials, which are kept in the data directory from then on.
//!
//! The nonce is kept before the first try, so that an answer that was lost can be asked for again.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::Duration,
};

use hiji_shared::{
    agent_id::AgentId,
    enroll::{EnrollRequest, EnrollResponse, PATH},
    signed,
};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{config::Config, http, menus::system, router, routeros::Client};

/// Where an enrolled agent keeps its credentials, in its data directory.
pub const CREDENTIALS_FILE: &str = "credentials.json";
const NONCE: &str = "enroll.nonce";
/// The router is asked who it is for at most this long before enrolling without.
const ROUTER_PATIENCE: Duration = Duration::from_secs(10);
/// Between tries while the controller cannot be reached.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Longest fact sent along, bytes: the controller refuses longer ones.
const MAX_FACT: usize = 100;

/// What an agent is known by.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Credentials {
    pub(crate) agent: AgentId,
    /// 64 hex characters.
    secret: String,
    pub(crate) mqtt_url: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("agent", &self.agent).finish_non_exhaustive()
    }
}

impl Credentials {
    /// The enrolment secret.
    pub(crate) fn secret(&self) -> Option<Vec<u8>> {
        signed::unhex(&self.secret).filter(|bytes| bytes.len() == 32)
    }
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    #[error("this agent is not enrolled yet: set HIJI_ENROLL_TOKEN to the token shown in the web app")]
    NoToken,
    #[error("the controller refuses the token ({0}): it is used or over; make a new one in the web app")]
    Refused(String),
    #[error("the credentials in the data directory are damaged: delete credentials.json and enrol again")]
    Damaged,
    #[error("the data directory cannot be used")]
    Disk(#[from] io::Error),
    #[error("stopped")]
    Stopped,
}

/// The kept credentials, or new ones. Tries until the controller answers.
///
/// # Errors
/// [`EnrollError`].
pub(crate) async fn credentials(config: &Config, stop: &CancellationToken) -> Result<Credentials, EnrollError> {
    let path = config.data_dir.join(CREDENTIALS_FILE);
    match fs::read(&path) {
        Ok(bytes) => {
            let kept: Credentials = serde_json::from_slice(&bytes).map_err(|_bad| EnrollError::Damaged)?;
            return if kept.secret().is_some() { Ok(kept) } else { Err(EnrollError::Damaged) };
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let token = config.enroll_token.as_ref().ok_or(EnrollError::NoToken)?;
    let request = request(config, token.expose().to_owned()).await?;
    let mut wait = FIRST_WAIT;
    loop {
        match ask(config, &request).await {
            Ok(answer) => {
                if !answer.approved {
                    tracing::info!("enrolled; an admin has to approve this agent in the web app");
                }
                let new = Credentials { agent: answer.agent, secret: answer.secret, mqtt_url: answer.mqtt_url };
                write_private(&path, &serde_json::to_vec(&new).map_err(io::Error::other)?)?;
                let _gone = fs::remove_file(config.data_dir.join(NONCE));
                return Ok(new);
            }
            Err(Asked::Refused(why)) => return Err(EnrollError::Refused(why)),
            Err(Asked::Unreachable(why)) => tracing::warn!(why, "the controller cannot be reached to enrol"),
        }
        tokio::select! {
            () = sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
            () = stop.cancelled() => return Err(EnrollError::Stopped),
        }
    }
}

enum Asked {
    Refused(String),
    Unreachable(String),
}

async fn ask(config: &Config, request: &EnrollRequest) -> Result<EnrollResponse, Asked> {
    let unreachable = |error: http::HttpError| Asked::Unreachable(http::plain(&error));
    let body = serde_json::to_vec(request).map_err(|error| Asked::Unreachable(error.to_string()))?;
    let answer =
        http::post_json(&config.controller, PATH, body, config.tls_ca.as_deref()).await.map_err(unreachable)?;
    match answer.status {
        200..=299 => serde_json::from_slice(&answer.body)
            .map_err(|error| Asked::Unreachable(format!("the answer is not understood: {error}"))),
        // Too many requests is a matter of time, everything else of the token.
        429 => Err(Asked::Unreachable("the controller asks to slow down".to_owned())),
        status @ 400..=499 => Err(Asked::Refused(reason(status, &answer.body))),
        status => Err(Asked::Unreachable(format!("the controller answers {status}"))),
    }
}

/// What a problem document says.
fn reason(status: u16, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(default)]
        detail: String,
        #[serde(default)]
        title: String,
    }
    let problem: Option<Problem> = serde_json::from_slice(body).ok();
    let text = problem.map(|problem| if problem.detail.is_empty() { problem.title } else { problem.detail });
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| status.to_string())
}

async fn request(config: &Config, token: String) -> Result<EnrollRequest, EnrollError> {
    let facts = match timeout(ROUTER_PATIENCE, look(config)).await {
        Ok(Some(facts)) => facts,
        Ok(None) | Err(_) => {
            tracing::warn!("the router does not answer yet; enrolling without saying which it is");
            hiji_shared::device::RouterFacts::default()
        }
    };
    let cut = |mut text: String| {
        text.truncate(text.floor_char_boundary(MAX_FACT));
        text
    };
    Ok(EnrollRequest {
        token,
        nonce: nonce(&config.data_dir)?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        identity: cut(facts.identity),
        board: cut(facts.board),
        serial: cut(facts.serial),
        router_version: cut(facts.version),
    })
}

async fn look(config: &Config) -> Option<hiji_shared::device::RouterFacts> {
    let client = Client::connect(&router::options(&config.router)).await.ok()?;
    system::read(&client).await.ok().map(|seen| seen.facts)
}

/// The nonce of the enrolment under way, made and kept if there is none.
fn nonce(dir: &Path) -> io::Result<String> {
    let path = dir.join(NONCE);
    if let Ok(kept) = fs::read_to_string(&path)
        && kept.len() == 32
        && signed::unhex(&kept).is_some()
    {
        return Ok(kept);
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let nonce = signed::hex(&bytes);
    write_private(&path, nonce.as_bytes())?;
    Ok(nonce)
}

/// Writes a file that only this user may read, whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let tmp = path.with_extension("tmp");
    let _left_over = fs::remove_file(&tmp);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&tmp)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&tmp, path)?;
    match path.parent() {
        Some(dir) => fs::File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_nonce_stays_until_it_has_bought_something() {
        let dir = tempfile::tempdir().unwrap();
        let first = nonce(dir.path()).unwrap();
        assert_eq!((nonce(dir.path()).unwrap(), first.len()), (first, 32));
        let mode = fs::metadata(dir.path().join(NONCE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(dir.path().join(NONCE), "torn").unwrap();
        assert_eq!(nonce(dir.path()).unwrap().len(), 32);
    }

    #[test]
    fn a_refusal_says_why() {
        assert_eq!(reason(401, br#"{"title":"Unauthorized","detail":"the token is used"}"#), "the token is used");
        assert_eq!(reason(404, b"<html>"), "404");
    }
}
