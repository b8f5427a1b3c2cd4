//! Does the hook arrive? The agent has the router call it, and tells what came of it in words that lead to a fix.
//!
//! The call goes the way the scripts' calls go, but with the rights of hiji's API user: whether a profile's script may
//! do the same shows only at a login.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hiji_shared::{
    command::{CommandResult, CommandStatus},
    event::Event,
    script::{Syntax, TOKEN_HEADER},
    signed,
};
use tokio::{
    net::TcpListener,
    sync::mpsc,
    time::{Instant, timeout},
};

use super::{Endpoint, TEST_PATH};
use crate::{
    ctx::Ctx,
    knowledge::HookTest,
    router::{Reader, is_lost},
    routeros::{CallError, Client, Request},
};

/// The router gives up by itself after about ten seconds.
const PATIENCE: Duration = Duration::from_secs(15);
/// A call that the router says was answered arrives within this.
const ARRIVES_WITHIN: Duration = Duration::from_millis(500);
const NONCE_BYTES: usize = 16;

/// Why a call did not arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Missed {
    /// The agent listens nowhere.
    Off,
    /// Nobody listens at that address: wrong address or port.
    Refused,
    /// No answer: a firewall drops it, or the address is somebody else's.
    TimedOut,
    /// The router has no way there.
    Unreachable,
    /// Device-mode forbids `/tool/fetch`.
    DeviceMode,
    /// The API user lacks the policies `ftp` (from 7.13 on) and `test`.
    Permission,
    /// Something else than this agent answered.
    Elsewhere,
    /// The connection to the router broke.
    RouterLost,
    /// Anything else.
    Other,
}

impl Missed {
    /// As on the wire.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Off => "hook_off",
            Self::Refused => "hook_refused",
            Self::TimedOut => "hook_timeout",
            Self::Unreachable => "hook_unreachable",
            Self::DeviceMode => "hook_device_mode",
            Self::Permission => "hook_permission",
            Self::Elsewhere => "hook_elsewhere",
            Self::RouterLost => "router_unreachable",
            Self::Other => "hook_failed",
        }
    }

    /// What to do about it.
    pub(crate) fn fix(&self) -> &'static str {
        match self {
            Self::Off => "the agent has no hook: set HIJI_HOOK_LISTEN",
            Self::Refused => "nobody listens there: set HIJI_HOOK_URL to the address the router reaches this agent at",
            Self::TimedOut => "no answer: a firewall is in between, or HIJI_HOOK_URL is another machine's address",
            Self::Unreachable => "the router has no route to this agent: give it one, or set HIJI_HOOK_URL",
            Self::DeviceMode => {
                "device-mode forbids fetch: /system/device-mode/update fetch=yes, then press the button"
            }
            Self::Permission => "the API user may not fetch: add the policies ftp and test to its group",
            Self::Elsewhere => "something else answered there: set HIJI_HOOK_URL to this agent's own address",
            Self::RouterLost => "the connection to the router broke: try again",
            Self::Other => "the router could not call the hook",
        }
    }

    fn of(error: &CallError) -> Self {
        let CallError::Trap(trap) = error else {
            return if is_lost(error) { Self::RouterLost } else { Self::TimedOut };
        };
        let text = trap.to_string().to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if has(&["device-mode", "device mode"]) {
            Self::DeviceMode
        } else if has(&["permission", "not allowed", "policy"]) {
            Self::Permission
        } else if has(&["refused"]) {
            Self::Refused
        } else if has(&["timeout", "timed out"]) {
            Self::TimedOut
        } else if has(&["no route", "unreachable", "resolv"]) {
            Self::Unreachable
        } else if has(&["status"]) {
            Self::Elsewhere
        } else {
            Self::Other
        }
    }
}

/// What came of a test: how many ms it took, or why it did not arrive and the router's own words.
pub(crate) type Outcome = Result<u64, (Missed, String)>;

/// Has the router call the endpoint at this address.
pub(crate) async fn probe(client: &Client, endpoint: &Endpoint, url: &str, syntax: Syntax) -> Outcome {
    let nonce = nonce();
    let arrival = endpoint.expect(&nonce);
    tokio::pin!(arrival);
    let began = Instant::now();
    let in_ms = |began: Instant| u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let fetch = client.call(request(endpoint, url, &nonce, syntax));
    tokio::pin!(fetch);
    let fetched = tokio::select! {
        biased;
        Ok(()) = &mut arrival => return Ok(in_ms(began)),
        fetched = timeout(PATIENCE, &mut fetch) => fetched,
    };
    // The two ways race: the answer may be here before the word of its arrival.
    if let Ok(Ok(())) = timeout(ARRIVES_WITHIN, &mut arrival).await {
        return Ok(in_ms(began));
    }
    match fetched {
        Ok(Ok(answer)) => {
            // v6 tells a failure as a row.
            let status = answer.rows.last().map(|row| row.text("status").into_owned()).unwrap_or_default();
            let missed = if status == "failed" { Missed::Other } else { Missed::Elsewhere };
            Err((missed, status))
        }
        Ok(Err(CallError::Trap(trap))) => {
            let words = trap.to_string();
            Err((Missed::of(&CallError::Trap(trap)), words))
        }
        Ok(Err(error)) => Err((Missed::of(&error), error.to_string())),
        Err(_elapsed) => Err((Missed::TimedOut, "the router is silent".to_owned())),
    }
}

/// The call a script would make, as a command of the API.
fn request(endpoint: &Endpoint, url: &str, nonce: &str, syntax: Syntax) -> Request {
    let request = Request::new("/tool/fetch").attr("http-method", "post").attr("http-data", nonce);
    let request = request.attr("output", "none").attr("keep-result", "no");
    if syntax.has_headers() {
        let header = format!("{TOKEN_HEADER}: {}", endpoint.token);
        request.attr("url", format!("{url}{TEST_PATH}")).attr("http-header-field", header)
    } else {
        request.attr("url", format!("{url}{TEST_PATH}/{}", endpoint.token))
    }
}

fn nonce() -> String {
    let mut bytes = [0; NONCE_BYTES];
    // Without a source of chance it is a word all the same: the token guards the door.
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::warn!(%error, "no randomness");
    }
    signed::hex(&bytes)
}

/// Does the tests that commands ask for, until the connection is lost.
pub(crate) async fn run(reader: &Reader<'_>) -> CallError {
    let ctx = reader.ctx;
    loop {
        let tests = std::mem::take(&mut ctx.core().hook_tests);
        for test in tests {
            let outcome = one(reader).await;
            let lost = matches!(outcome, Err((Missed::RouterLost, _)));
            tell(ctx, test, outcome);
            ctx.commit().await;
            if lost {
                return CallError::Closed;
            }
        }
        ctx.wake.hook_test.notified().await;
    }
}

async fn one(reader: &Reader<'_>) -> Outcome {
    let (url, syntax) = {
        let core = reader.ctx.core();
        (core.hook_url.clone(), Syntax::of(&core.facts.version))
    };
    match (reader.ctx.hook.get(), url) {
        (Some(bound), Some(url)) => probe(reader.client, &bound.endpoint, &url, syntax).await,
        _ => Err((Missed::Off, String::new())),
    }
}

fn tell(ctx: &Ctx, test: HookTest, outcome: Outcome) {
    let (status, code, msg) = match outcome {
        Ok(ms) => (CommandStatus::Ok, "", ms.to_string()),
        Err((missed, words)) => (CommandStatus::Failed, missed.code(), words),
    };
    let took_ms = u32::try_from(ctx.moment().mono_ms.saturating_sub(test.since_mono_ms)).unwrap_or(u32::MAX);
    let (op, code) = ("hook.test".to_owned(), code.to_owned());
    let mut core = ctx.core();
    let result = CommandResult { id: test.jti, op, status, code, msg, took_ms };
    tracing::info!(status = ?result.status, code = result.code, "the hook was tested");
    core.state.remember_result(&result);
    ctx.emit(&mut core, &Event::CommandResult(result));
}

/// A test without a running agent, for `check`: listens itself for as long as it takes.
///
/// # Errors
/// The address cannot be listened on: an agent that runs has it.
pub(crate) async fn alone(
    client: &Client,
    listen: SocketAddr,
    url: Option<&str>,
    syntax: Syntax,
) -> io::Result<(String, Outcome)> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let (endpoint, reports): (Arc<Endpoint>, mpsc::Receiver<_>) = Endpoint::new(nonce());
    let ip = if address.ip().is_unspecified() { client.local_ip() } else { Some(address.ip()) };
    let derived = |ip: IpAddr| format!("http://{}", SocketAddr::new(ip, address.port()));
    let Some(url) = url.map(str::to_owned).or_else(|| ip.map(derived)) else {
        return Ok((String::new(), Err((Missed::Off, String::new()))));
    };
    let outcome = tokio::select! {
        outcome = probe(client, &endpoint, &url, syntax) => outcome,
        () = super::accept(&listener, &endpoint, None) => Err((Missed::Off, String::new())),
    };
    drop(reports);
    Ok((url, outcome))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routeros::Trap;

    #[test]
    fn the_router_s_words_lead_to_a_cause() {
        for (words, missed) in [
            ("failure: connection refused", Missed::Refused),
            ("failure: timeout waiting data", Missed::TimedOut),
            ("failure: connection timeout", Missed::TimedOut),
            ("failure: no route to host", Missed::Unreachable),
            ("not allowed by device-mode", Missed::DeviceMode),
            ("not enough permissions (9)", Missed::Permission),
            ("failure: Status 404, Not Found", Missed::Elsewhere),
            ("failure: something new", Missed::Other),
        ] {
            let trap = Trap { category: None, message: words.to_owned(), others: Vec::new() };
            assert_eq!(Missed::of(&CallError::Trap(trap)), missed, "{words}");
        }
        assert_eq!(Missed::of(&CallError::Closed), Missed::RouterLost);
    }
}
