//! `hiji-agent check`: walks the way to router and controller and says in plain sentences what is wrong on it.

use hiji_shared::{comment, device::Kind, script::Syntax};

use crate::{
    config::Config,
    hook::probe,
    http, menus,
    menus::system,
    router,
    routeros::{CallError, Client, Request, TrapKind, values::Version},
};

/// Older routers lack commands that are needed.
const OLDEST: Version = Version::new(6, 43, 0);
/// Rows looked at to see whether passwords are shown.
const SAMPLE: usize = 50;

/// The sentences of a check, in order, and whether all is well.
#[derive(Debug, Default)]
pub struct Report {
    /// One sentence each; those that say what is wrong begin with `!`.
    pub lines: Vec<String>,
    /// Nothing is in the way.
    pub well: bool,
}

impl Report {
    pub(crate) fn good(&mut self, line: impl Into<String>) {
        self.lines.push(format!("  {}", line.into()));
    }

    pub(crate) fn bad(&mut self, line: impl Into<String>) {
        let line = line.into();
        // Some causes are questions already.
        let line = line.strip_suffix("?.").map_or_else(|| line.clone(), |question| format!("{question}?"));
        self.lines.push(format!("! {line}"));
    }
}

/// Looks at router and controller as these settings name them. Changes nothing.
pub async fn check(config: &Config) -> Report {
    let mut report = Report::default();
    check_router(config, &mut report).await;
    check_controller(config, &mut report).await;
    report.well = report.lines.iter().all(|line| !line.starts_with('!'));
    report
}

async fn check_router(config: &Config, report: &mut Report) {
    let address = format!("{}:{}", config.router.host, config.router.port);
    let client = match Client::connect(&router::options(&config.router)).await {
        Ok(client) => client,
        Err(error) => return report.bad(format!("router {address}: {}.", router::plain(&error))),
    };
    report.good(format!("router {address}: connected and logged in as {}.", config.router.user));
    if let Some(print) = client.certificate_fingerprint() {
        report.good(format!(
            "its certificate has the SHA-256 {}; pin it with HIJI_ROUTER_TLS_FINGERPRINT.",
            hiji_shared::signed::hex(&print)
        ));
    }
    let seen = match system::read(&client).await {
        Ok(seen) => seen,
        Err(error) => return report.bad(format!("router {address}: {error}.")),
    };
    let facts = &seen.facts;
    match Version::parse(&facts.version) {
        Some(version) if version < OLDEST => {
            report.bad(format!("RouterOS {version} is too old: {OLDEST} or newer is needed."));
        }
        Some(version) => report.good(format!("{}: {}, RouterOS {version}.", facts.identity, facts.board)),
        None => report.bad("the router does not tell its version: does the user have the policy read?"),
    }
    if seen.clock.now_ms.is_none() {
        report.good("the router does not show its clock; it is left out of the comparison of clocks.");
    }
    for kind in Kind::ALL {
        check_menu(&client, kind, report).await;
    }
    check_write(&client, report).await;
    check_hook(config, &client, Syntax::of(&facts.version), report).await;
}

/// Has the router call this machine, as the scripts of profiles do.
async fn check_hook(config: &Config, client: &Client, syntax: Syntax, report: &mut Report) {
    let Some(listen) = config.hook_listen else {
        return report.good("there is no hook (HIJI_HOOK_LISTEN is empty): logins are seen by watching the router.");
    };
    match probe::alone(client, listen, config.hook_url.as_deref(), syntax).await {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            report.good(format!("the hook is not tested: an agent listens on {listen}; test it in the web app."));
        }
        Err(error) => report.bad(format!("HIJI_HOOK_LISTEN: cannot listen on {listen} ({error}).")),
        Ok((url, Ok(ms))) => report.good(format!("the hook: the router reaches {url} in {ms} ms.")),
        Ok((url, Err((missed, words)))) => {
            let words = if words.is_empty() { String::new() } else { format!(" (\"{words}\")") };
            report.bad(format!("the hook at {url}: {}{words}. Logins are seen all the same, later.", missed.fix()));
        }
    }
}

async fn check_menu(client: &Client, kind: Kind, report: &mut Report) {
    let menu = menus::of(kind);
    let path = menu.path();
    let request = Request::new(&format!("{path}/print")).proplist(menu.fields());
    let rows = match client.call(request).await {
        Ok(answer) => answer.rows,
        Err(CallError::Trap(trap)) => {
            if trap.kind() == TrapKind::Permission {
                return report.bad(format!("{path}: the user may not read it; add the policy read."));
            }
            if trap.kind() == TrapKind::NoSuchCommand {
                return report.good(format!("{path}: this router has no such menu; that service is left out."));
            }
            return report.bad(format!("{path}: the router refuses: {trap}."));
        }
        Err(error) => return report.bad(format!("{path}: {error}.")),
    };
    let users = kind == Kind::user_of(kind.service());
    let hidden = |row: &crate::routeros::Row| !row.text("name").is_empty() && row.text("password").is_empty();
    let sample: Vec<_> = rows.iter().filter(|row| row.text("default") != "true").take(SAMPLE).collect();
    if users && !sample.is_empty() && sample.iter().all(|row| hidden(row)) {
        report.bad(format!("{path}: {} rows, but passwords are hidden; add the policy sensitive.", rows.len()));
    } else {
        report.good(format!("{path}: {} rows.", rows.len()));
    }
}

/// Asks for the removal of nothing: a user without the policy is refused before the router looks for the row.
async fn check_write(client: &Client, report: &mut Report) {
    let request = Request::new("/ip/hotspot/user/remove").attr(".id", "*FFFFFF0");
    match client.write(request).await {
        Err(CallError::Trap(trap)) if trap.kind() == TrapKind::Permission => {
            report.bad("the user may not change anything; add the policy write.");
        }
        _ => report.good(format!("the user may write; hiji changes only what carries {}.", comment::VOUCHER_MARKER)),
    }
}

async fn check_controller(config: &Config, report: &mut Report) {
    let url = &config.controller;
    let scheme = if url.tls { "https" } else { "http" };
    let shown = format!("{scheme}://{}:{}{}", url.host, url.port, url.base);
    match http::get(url, "/healthz", config.tls_ca.as_deref()).await {
        Ok(answer) if answer.status == 200 => report.good(format!("controller {shown}: reachable.")),
        Ok(answer) => report.bad(format!("controller {shown}: answers {}; is this hiji's address?", answer.status)),
        Err(error) => report.bad(format!("controller {shown}: {}.", http::plain(&error))),
    }
    if !config.data_dir.join("credentials.json").exists() && config.enroll_token.is_none() {
        report.bad("this agent is not enrolled: set HIJI_ENROLL_TOKEN to the token shown in the web app.");
    }
}
