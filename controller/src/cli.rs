//! The command line of `hiji`. Exit codes: 0 stopped as asked, 2 bad settings, 1 anything else.

use std::{io::IsTerminal as _, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    admins, audit,
    clock::{Clock as _, SystemClock},
    config::{BadConfig, Config},
    db::Db,
    events,
    http::access::Role,
    ledger, payments, serve,
};

/// The billing system for ISPs on MikroTik routers.
#[derive(Debug, Parser)]
#[command(name = "hiji", version)]
struct Cli {
    /// Settings file; the environment wins over it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the web app and the embedded broker (the default).
    Serve,
    /// Brings the database's schema up to date.
    Migrate,
    /// Admins.
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Proves the audit log's chain, the ledger and the documents, and says how jobs stand. Names what is wrong and fails.
    Doctor,
    /// Settings.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Prints the OpenAPI document of /api/v1.
    Openapi,
    /// Prints the AsyncAPI document of the event stream.
    Asyncapi,
    /// Business events.
    Events {
        #[command(subcommand)]
        command: EventsCommand,
    },
}

#[derive(Debug, Subcommand)]
enum EventsCommand {
    /// Prints events as lines of JSON as they happen, from the database.
    Tail {
        /// Begin after this place in the stream; without it with what happens from now on.
        #[arg(long)]
        after: Option<i64>,
    },
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Adds an admin; the password is read from standard input.
    Add {
        username: String,
        /// super_admin, admin or operator.
        #[arg(long, default_value = "super_admin")]
        role: String,
    },
    /// Sets a new password, read from standard input, and ends all sessions of that admin.
    Passwd { username: String },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Prints a commented hiji.toml with every setting and its default.
    Template,
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::anyhow!(error).context("starting the runtime")),
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

#[expect(clippy::print_stderr, reason = "the command line's own answer")]
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("hiji: {error:#}");
    if error.is::<BadConfig>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "the command line's own answer")]
fn say(text: &str) {
    println!("{text}");
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let command = cli.command.unwrap_or(Command::Serve);
    match command {
        Command::Config { command: ConfigCommand::Template } => {
            say(&Config::template());
            return Ok(());
        }
        Command::Openapi => {
            say(&crate::http::openapi().to_pretty_json().context("writing the OpenAPI document")?);
            return Ok(());
        }
        Command::Asyncapi => {
            say(&serde_json::to_string_pretty(&events::asyncapi::document())
                .context("writing the AsyncAPI document")?);
            return Ok(());
        }
        Command::Serve | Command::Migrate | Command::Admin { .. } | Command::Doctor | Command::Events { .. } => {}
    }
    let config = Config::load(cli.config.as_deref())?;
    init_log(&config)?;
    match command {
        Command::Serve => serve_until_stopped(config).await,
        Command::Migrate => {
            Db::connect(&config.database_url()).await?.migrate().await?;
            say("the schema is up to date");
            Ok(())
        }
        Command::Admin { command } => admin(config, command).await,
        Command::Doctor => doctor(&config).await,
        Command::Events { command: EventsCommand::Tail { after } } => tail(&config, after).await,
        Command::Config { .. } | Command::Openapi | Command::Asyncapi => Ok(()),
    }
}

async fn serve_until_stopped(config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("listening to SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening to SIGINT")?;
    let running = serve::start(config, Arc::new(SystemClock)).await?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    running.stop().await
}

/// Admin commands run on the database alone: no listener, no broker.
async fn admin(mut config: Config, command: AdminCommand) -> anyhow::Result<()> {
    config.set_listeners("", "");
    let app = serve::offline(config, Arc::new(SystemClock)).await?;
    let actor = audit::Actor::system("command line");
    let password = read_password()?;
    match command {
        AdminCommand::Add { username, role } => {
            let role = Role::parse(&role).context("--role must be super_admin, admin, operator, cashier or viewer")?;
            let form = admins::AdminForm {
                name: username.clone(),
                username,
                role,
                site_ids: Vec::new(),
                grants: Vec::new(),
                password: Some(password),
                active: true,
            };
            admins::add(&app, &actor, form).await.context("adding the admin")?;
            say("the admin was added");
        }
        AdminCommand::Passwd { username } => {
            let all = admins::list(app.db.read()).await?;
            let found = all.into_iter().find(|admin| admin.username == username);
            let found = found.with_context(|| format!("there is no admin {username}"))?;
            let form = admins::AdminForm {
                username: found.username,
                name: found.name,
                role: found.role,
                site_ids: found.site_ids,
                grants: found.grants,
                password: Some(password),
                active: found.active,
            };
            admins::change(&app, &actor, found.id, form).await.context("changing the password")?;
            say("the password was changed and all sessions ended");
        }
    }
    Ok(())
}

fn read_password() -> anyhow::Result<secrecy::SecretString> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("reading the password from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned().into())
}

/// Looks at everything, also behind what is wrong, and names each difference; any is a failure.
async fn doctor(config: &Config) -> anyhow::Result<()> {
    let db = Db::connect(&config.database_url()).await?;
    let mut wrong = Vec::new();
    match audit::prove(db.read()).await.context("reading the audit log")? {
        Ok(entries) => say(&format!("audit log: {entries} entries, the chain is whole")),
        Err(broken) => {
            say(&format!("audit log: the chain is broken at entry {}", broken.id));
            wrong.push("the audit log is broken".to_owned());
        }
    }
    let proof = ledger::prove(db.read(), SystemClock.now(), true).await.context("proving the ledger")?;
    for ledger::Difference { check, object, expected, found } in &proof.differences {
        say(&format!("ledger: {check} of {object}: the postings say {expected}, found {found}"));
    }
    match proof.differences.len() {
        0 => say(&format!("ledger: {} entries, all balances proved", proof.entries)),
        count => wrong.push(format!("the ledger does not prove: {count} differences")),
    }
    let differences = payments::prove(db.read()).await.context("proving invoices and payments")?;
    for ledger::Difference { check, object, expected, found } in &differences {
        say(&format!("documents: {check} of {object}: the ledger says {expected}, found {found}"));
    }
    match differences.len() {
        0 => say("documents: invoices and payments are what the ledger says, no number is missing"),
        count => wrong.push(format!("invoices and payments are not what the ledger says: {count} differences")),
    }
    let jobs = crate::jobs::counts(db.read()).await.context("reading jobs")?;
    for (state, count) in jobs {
        say(&format!("jobs {state:?}: {count}"));
    }
    anyhow::ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}

/// Prints events until stopped.
async fn tail(config: &Config, after: Option<i64>) -> anyhow::Result<()> {
    const PAGE: u64 = 500;
    const EVERY: Duration = Duration::from_millis(500);
    let db = Db::connect(&config.database_url()).await?;
    let mut after = match after {
        Some(after) => after,
        None => events::last(db.read()).await.context("reading the stream's end")?,
    };
    loop {
        let page = events::history(db.read(), after, PAGE, None).await.context("reading events")?;
        for event in &page {
            after = event.hseq.unwrap_or(after);
            say(&serde_json::to_string(event).context("writing an event")?);
        }
        if page.is_empty() {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                _ = tokio::signal::ctrl_c() => return Ok(()),
            }
        }
    }
}

fn init_log(config: &Config) -> anyhow::Result<()> {
    use tracing_subscriber::{EnvFilter, fmt};
    // The broker's router and the migrations tell of themselves what nobody asked; the gate says what matters. What the
    // operator sets comes after, and wins.
    let filter = EnvFilter::try_new(format!("rumqttd=off,sea_orm_migration=warn,{}", config.log))
        .map_err(|error| BadConfig(format!("HIJI_LOG is not a log filter such as info: {error}")))?;
    let colours = std::io::stderr().is_terminal();
    let log = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    if config.log_format == "json" {
        log.json().init();
    } else {
        log.init();
    }
    Ok(())
}
