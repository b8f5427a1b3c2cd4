//! The figures of DESIGN section 10 that exist so far, printed; nothing here passes or fails.
//!
//! `hiji-bench [NAME…]` runs those whose name contains one of the words; without words all.

mod agent;
mod batch;
mod customers;
mod figures;
mod ingest;
mod invoices;
mod ledger;
mod lists;
mod login;
mod mirror;
mod nightly;
mod pages;
mod print;
mod search;

use std::process::ExitCode;

use figures::Figures;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_env_filter("error").with_writer(std::io::stderr).init();
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut figures = Figures::new(wanted);
    let outcome = run(&mut figures).await;
    figures.print();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            figures::say(&format!("stopped: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(figures: &mut Figures) -> anyhow::Result<()> {
    ingest::run(figures).await?;
    login::run(figures).await?;
    batch::run(figures).await?;
    ledger::run(figures).await?;
    lists::run(figures).await?;
    mirror::run(figures).await?;
    nightly::run(figures).await?;
    print::run(figures).await?;
    customers::run(figures).await?;
    search::run(figures).await?;
    invoices::run(figures).await?;
    agent::run(figures).await
}
