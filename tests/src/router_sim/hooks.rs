//! Scripts of profiles: no interpreter. A line with `/tool fetch` is recognised and its POST really performed;
//! everything else is counted and ignored. `/tool/fetch` as a command of the API takes the same way. Whether a real
//! router's policies would let a script run is not known well enough to be modelled: a hook may always be missing
//! ([`super::Fault::NoScripts`]), and nothing may depend on it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Uri, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::value::Text;

/// Calls waiting to be made; more are lost, as on a router that is out of sessions.
const QUEUE: usize = 1_024;
/// How long `/tool fetch` waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Last calls kept for tests.
const CALLS_KEPT: usize = 1_000;

/// A script's variables: `$user`, `$"mac-address"`.
pub(crate) type Vars = Vec<(&'static str, Text)>;

/// One performed call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HookCall {
    pub method: String,
    pub url: String,
    /// `Name: value` of `http-header-field`.
    pub headers: Vec<String>,
    pub body: String,
    /// What was answered; `None` when nobody answered in time.
    pub status: Option<u16>,
}

/// What became of the scripts so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HookStats {
    /// Scripts that ran and held no `/tool fetch`.
    pub ignored: usize,
    /// Calls answered with 2xx.
    pub answered: usize,
    /// Calls refused, timed out, answered otherwise, or lost because too many waited.
    pub failed: usize,
    /// The last calls.
    pub calls: Vec<HookCall>,
}

/// Where the router puts the calls its scripts make.
#[derive(Debug, Clone)]
pub(crate) struct HookQueue {
    calls: mpsc::Sender<HookCall>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    ignored: AtomicUsize,
    stats: Mutex<HookStats>,
    /// Scripts do not run.
    off: AtomicBool,
    /// Every fetch fails with these words.
    fails: Mutex<Option<String>>,
}

impl HookQueue {
    /// A queue, and the task that makes the calls until `stop`.
    pub(crate) fn start(tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let (calls, receiver) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared::default());
        tasks.spawn(work(receiver, Arc::clone(&shared), tasks.clone(), stop));
        Self { calls, shared }
    }

    /// Runs a script: each fetch in it becomes a call.
    pub(crate) fn run(&self, script: &str, vars: &Vars) {
        if self.shared.off.load(Ordering::Relaxed) {
            return;
        }
        let fetches = parse(script, vars);
        if fetches.is_empty() && !script.trim().is_empty() {
            self.shared.ignored.fetch_add(1, Ordering::Relaxed);
        }
        for call in fetches {
            if let Err(lost) = self.calls.try_send(call) {
                self.shared.finished(lost.into_inner());
            }
        }
    }

    /// Scripts run, or do not.
    pub(crate) fn set_off(&self, off: bool) {
        self.shared.off.store(off, Ordering::Relaxed);
    }

    /// Every fetch fails with these words, or works.
    pub(crate) fn set_fails(&self, words: Option<String>) {
        *self.shared.fails.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }

    /// `/tool/fetch` as a command: the words of its failure.
    ///
    /// # Errors
    /// Those words. All but the last two are our choice: the real ones are not known.
    pub(crate) async fn fetch(&self, call: &HookCall) -> Result<(), String> {
        self.shared.broken().map_or(Ok(()), Err)?;
        match tokio::time::timeout(TIMEOUT, fetch(call)).await {
            Ok(Ok(200..=299)) => Ok(()),
            Ok(Ok(status)) => Err(format!("failure: Status {status}, {}", reason(status))),
            Ok(Err(error)) => match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
                Some(std::io::ErrorKind::ConnectionRefused) => Err("failure: connection refused".to_owned()),
                Some(_) | None => Err(format!("failure: {error}")),
            },
            Err(_elapsed) => Err("failure: timeout waiting data".to_owned()),
        }
    }

    pub(crate) fn stats(&self) -> HookStats {
        let stats = self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner).clone();
        HookStats { ignored: self.shared.ignored.load(Ordering::Relaxed), ..stats }
    }
}

impl Shared {
    fn broken(&self) -> Option<String> {
        self.fails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn finished(&self, call: HookCall) {
        let mut stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        match call.status {
            Some(200..=299) => stats.answered += 1,
            Some(_) | None => stats.failed += 1,
        }
        if stats.calls.len() == CALLS_KEPT {
            stats.calls.remove(0);
        }
        stats.calls.push(call);
    }
}

async fn work(mut calls: mpsc::Receiver<HookCall>, shared: Arc<Shared>, tasks: TaskTracker, stop: CancellationToken) {
    loop {
        let call = tokio::select! {
            () = stop.cancelled() => return,
            call = calls.recv() => call,
        };
        let Some(mut call) = call else { return };
        if shared.broken().is_some() {
            shared.finished(call);
            continue;
        }
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        tasks.spawn(async move {
            let answer = tokio::select! {
                () = stop.cancelled() => return,
                answer = tokio::time::timeout(TIMEOUT, fetch(&call)) => answer,
            };
            match answer {
                Ok(Ok(status)) => call.status = Some(status),
                Ok(Err(error)) => debug!(url = %call.url, %error, "hook not answered"),
                Err(_) => debug!(url = %call.url, "hook timed out"),
            }
            shared.finished(call);
        });
    }
}

async fn fetch(call: &HookCall) -> anyhow::Result<u16> {
    let uri: Uri = call.url.parse()?;
    anyhow::ensure!(uri.scheme_str() == Some("http"), "only http is fetched");
    let authority = uri.authority().ok_or_else(|| anyhow::anyhow!("no host"))?.clone();
    let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::builder()
        .method(Method::from_bytes(call.method.to_ascii_uppercase().as_bytes())?)
        .uri(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(header::HOST, authority.as_str())
        .header(header::USER_AGENT, "Mikrotik/7.x Fetch");
    for line in &call.headers {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        request = request.header(name.trim(), value.trim());
    }
    let request = request.body(Full::new(Bytes::from(call.body.clone())))?;
    let answer = async { Ok(sender.send_request(request).await?.status().as_u16()) };
    tokio::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        // A server that closes after its answer ends the connection with the answer still to be taken.
        closed = connection => {
            closed?;
            answer.await
        }
    }
}

fn reason(status: u16) -> &'static str {
    hyper::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default()
}

/// Every `/tool fetch` of a script, its variables put in.
fn parse(script: &str, vars: &Vars) -> Vec<HookCall> {
    let mut calls = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let mut rest = line;
        while let Some(at) = rest.find("/tool fetch").or_else(|| rest.find("/tool/fetch")) {
            rest = &rest[at + "/tool fetch".len()..];
            let (call, after) = arguments(rest, vars);
            rest = after;
            if !call.url.is_empty() {
                calls.push(call);
            }
        }
    }
    calls
}

/// `name=value name="value"` up to the end of the command.
fn arguments<'a>(text: &'a str, vars: &Vars) -> (HookCall, &'a str) {
    let empty = String::new;
    let mut call =
        HookCall { method: "get".to_owned(), url: empty(), headers: Vec::new(), body: empty(), status: None };
    let mut rest = text.trim_start();
    while let Some((name, value)) = rest.split_once('=') {
        let name = name.trim();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            break;
        }
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted_text(quoted, vars),
            None => match value.strip_prefix('(') {
                Some(expression) => joined(expression, vars),
                None => bare_text(value, vars),
            },
        };
        match name {
            "url" => call.url = value,
            "http-method" => call.method = value,
            "http-data" => call.body = value,
            "http-header-field" => call.headers = value.split(',').map(|field| field.trim().to_owned()).collect(),
            _ => {}
        }
        rest = after.trim_start();
    }
    (call, rest)
}

/// The inside of a quoted string: `\"`, `$name` and `$"name"` are known. Answers it and what follows the quote.
fn quoted_text<'a>(text: &'a str, vars: &Vars) -> (String, &'a str) {
    let mut value = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '"' => return (value, rest),
            '\\' => {
                let Some(escaped) = rest.chars().next() else { break };
                rest = &rest[escaped.len_utf8()..];
                value.push(match escaped {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                });
            }
            '$' => rest = variable(rest, vars, &mut value),
            other => value.push(other),
        }
    }
    (value, "")
}

/// The inside of `("a" . $b . $"c-d")`: texts and variables joined with dots. Answers it and what follows the bracket.
fn joined<'a>(text: &'a str, vars: &Vars) -> (String, &'a str) {
    let mut value = String::new();
    let mut rest = text.trim_start();
    loop {
        rest = if let Some(quoted) = rest.strip_prefix('"') {
            let (part, after) = quoted_text(quoted, vars);
            value.push_str(&part);
            after
        } else if let Some(name) = rest.strip_prefix('$') {
            variable(name, vars, &mut value)
        } else {
            return (String::new(), "");
        };
        rest = rest.trim_start();
        match rest.strip_prefix('.') {
            Some(more) => rest = more.trim_start(),
            None => return (value, rest.strip_prefix(')').unwrap_or_default()),
        }
    }
}

fn bare_text<'a>(text: &'a str, vars: &Vars) -> (String, &'a str) {
    let end = text.find([' ', ';', '}', '\t']).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let mut value = String::new();
    let word = match word.strip_prefix('$') {
        Some(name) => variable(name, vars, &mut value),
        None => word,
    };
    value.push_str(word);
    (value, rest)
}

/// Puts a variable's value in; unknown ones are empty, as on the router. Answers what follows its name.
fn variable<'a>(text: &'a str, vars: &Vars, value: &mut String) -> &'a str {
    let (name, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
        None => text.split_at(text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len())),
    };
    if let Some((_, found)) = vars.iter().find(|(known, _)| *known == name) {
        value.push_str(&String::from_utf8_lossy(found));
    }
    rest
}

#[cfg(test)]
mod tests {
    use hiji_shared::script::{Call, Slot, Syntax, Wanted, plan};

    use super::*;

    fn vars() -> Vars {
        vec![("user", b"budi".to_vec()), ("address", b"10.5.50.9".to_vec()), ("mac-address", b"AA:BB".to_vec())]
    }

    #[test]
    fn hijis_own_line_is_understood() {
        let call = Call { url: "http://172.17.0.2:8081", token: "T0K" };
        let wanted =
            Wanted { marker: Some("VOUCHER_SYSTEM"), kept_marker: None, call: Some(call), beside_mikhmon: false };
        for (version, url) in [("6.43", "/h/login/T0K"), ("6.49.17", "/h/login"), ("7.20", "/h/login")] {
            let script = plan(":log info own", Slot::Login, wanted, Syntax::of(version)).unwrap();
            let calls = parse(&script, &vars());
            assert_eq!(calls.len(), 1, "{script}");
            let call = calls.first().unwrap();
            assert_eq!((call.method.as_str(), call.url.as_str()), ("post", &*format!("http://172.17.0.2:8081{url}")));
            assert!(version == "6.43" || call.headers == ["X-Hiji: T0K"]);
            assert_eq!(call.body, "h2|10.5.50.9|AA:BB||||||budi");
        }
    }

    #[test]
    fn other_scripts_make_no_call() {
        for script in ["", ":log info \"$user\"", "# /tool fetch url=\"http://x\"", "/tool fetch", "/tool fetch url="] {
            assert!(parse(script, &vars()).is_empty(), "{script}");
        }
    }

    #[test]
    fn escapes_and_bare_words_are_read() {
        let calls = parse(r#"/tool/fetch url=http://h/$user http-data="a\"b\\$("#, &vars());
        assert_eq!(calls.first().map(|call| call.body.as_str()), Some("a\"b\\("));
        let calls = parse("/tool fetch url=\"http://h/\\$user\"", &vars());
        assert_eq!(calls.first().map(|call| call.url.as_str()), Some("http://h/$user"));
    }
}
