//! The `hiji-agent` binary: settings from the environment, one agent, one thread.

use std::{io::Write as _, process::ExitCode, sync::Arc};

use hiji_agent::{EnrollError, RunError, clock::SystemClock, config::Config};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _};

const USAGE: &str = "\
hiji-agent: mirrors one router to hiji's controller and keeps it as wanted

  hiji-agent [run]    run until SIGTERM or Ctrl-C
  hiji-agent check    say what is wrong on the way to router and controller
  hiji-agent unhook   take hiji's block out of every profile's scripts; stop the agent first
  hiji-agent enroll   only fetch credentials with HIJI_ENROLL_TOKEN
  hiji-agent version

Settings are environment variables: HIJI_CONTROLLER_URL, HIJI_ENROLL_TOKEN, HIJI_ROUTER_ADDRESS, HIJI_ROUTER_USER,
HIJI_ROUTER_PASSWORD, HIJI_ROUTER_TLS, HIJI_ROUTER_TLS_FINGERPRINT, HIJI_HOOK_LISTEN, HIJI_HOOK_URL, HIJI_DATA_DIR,
HIJI_POLL_SECS, HIJI_TLS_CA, HIJI_LOG.
";

/// Bad settings.
const BAD_SETTINGS: u8 = 2;

enum Command {
    Run,
    Check,
    Enroll,
    Unhook,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = match (arguments.next().as_deref(), arguments.next()) {
        (None | Some("run"), None) => Command::Run,
        (Some("check"), None) => Command::Check,
        (Some("enroll"), None) => Command::Enroll,
        (Some("unhook"), None) => Command::Unhook,
        (Some("version" | "--version" | "-V"), None) => {
            say(concat!("hiji-agent ", env!("CARGO_PKG_VERSION"), "\n"));
            return ExitCode::SUCCESS;
        }
        (Some("help" | "--help" | "-h"), _) => {
            say(USAGE);
            return ExitCode::SUCCESS;
        }
        (other, _) => {
            complain(&format!("hiji-agent: {} is no command\n\n{USAGE}", other.unwrap_or_default()));
            return ExitCode::from(BAD_SETTINGS);
        }
    };
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => {
            complain(&format!("hiji-agent: {error}\n"));
            return ExitCode::from(BAD_SETTINGS);
        }
    };
    let Ok(filter) = config.log.parse::<Targets>() else {
        complain("hiji-agent: HIJI_LOG: must be a level such as info, or pairs such as hiji_agent=debug\n");
        return ExitCode::from(BAD_SETTINGS);
    };
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false))
        .with(filter)
        .init();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("hiji-agent: no runtime: {error}\n"));
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(perform(command, config))
}

async fn perform(command: Command, config: Config) -> ExitCode {
    let stop = CancellationToken::new();
    let result = match command {
        Command::Unhook => {
            let report = hiji_agent::unhook(&config).await;
            say(&(report.lines.join("\n") + "\n"));
            return if report.well { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        Command::Check => {
            let report = hiji_agent::check(&config).await;
            say(&(report.lines.join("\n") + "\n"));
            return if report.well { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        Command::Enroll => until_told(&stop, Box::pin(hiji_agent::enroll(&config, &stop))).await,
        Command::Run => {
            let run = hiji_agent::run(config, Arc::new(SystemClock::new()), stop.clone());
            until_told(&stop, Box::pin(run)).await
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("hiji-agent: {}\n", chain(&error)));
            match error {
                RunError::Enroll(EnrollError::NoToken) => ExitCode::from(BAD_SETTINGS),
                RunError::Enroll(_) | RunError::Data { .. } | RunError::InUse(_) | RunError::Broker(_) => {
                    ExitCode::FAILURE
                }
            }
        }
    }
}

/// Runs it, and asks it to stop at SIGTERM or Ctrl-C.
async fn until_told<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> T {
    let told = async {
        // Without a handler the signal ends the process, which loses nothing either.
        if let (Ok(mut terminate), Ok(mut interrupt)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            stop.cancel();
        }
    };
    tokio::pin!(work);
    tokio::select! {
        result = &mut work => result,
        () = told => work.await,
    }
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn say(text: &str) {
    // Nobody reads it: nothing to be done.
    let _closed = std::io::stdout().write_all(text.as_bytes());
}

fn complain(text: &str) {
    let _closed = std::io::stderr().write_all(text.as_bytes());
}
