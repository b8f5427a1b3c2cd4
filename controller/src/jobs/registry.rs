//! The list of all jobs: a kind's name to the code that runs it. A new job is one line here.

use super::{Job, Said};
use crate::app::App;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Done(Said),
    Failed { error: String, max_attempts: i32 },
}

/// Runs the job of a kind.
pub(super) async fn run(app: &App, kind: &str, payload: serde_json::Value) -> Outcome {
    match kind {
        crate::jobs::schedule::Purge::KIND => one::<crate::jobs::schedule::Purge>(app, payload).await,
        crate::ledger::jobs::Prove::KIND => one::<crate::ledger::jobs::Prove>(app, payload).await,
        crate::customers::import::job::Take::KIND => one::<crate::customers::import::job::Take>(app, payload).await,
        crate::billing::approvals::Approve::KIND => one::<crate::billing::approvals::Approve>(app, payload).await,
        crate::billing::night::Night::KIND => one::<crate::billing::night::Night>(app, payload).await,
        crate::billing::plan::Isolate::KIND => one::<crate::billing::plan::Isolate>(app, payload).await,
        crate::notifications::react::Tell::KIND => one::<crate::notifications::react::Tell>(app, payload).await,
        crate::payments::jobs::ProveDocuments::KIND => one::<crate::payments::jobs::ProveDocuments>(app, payload).await,
        crate::subscriptions::intake::job::Take::KIND => {
            one::<crate::subscriptions::intake::job::Take>(app, payload).await
        }
        crate::subscriptions::reprice::TakePrices::KIND => {
            one::<crate::subscriptions::reprice::TakePrices>(app, payload).await
        }
        crate::routers::jobs::Grant::KIND => one::<crate::routers::jobs::Grant>(app, payload).await,
        crate::routers::jobs::Revoke::KIND => one::<crate::routers::jobs::Revoke>(app, payload).await,
        crate::subscriptions::react::Follow::KIND => one::<crate::subscriptions::react::Follow>(app, payload).await,
        crate::vouchers::CleanUp::KIND => one::<crate::vouchers::CleanUp>(app, payload).await,
        unknown => Outcome::Failed { error: format!("no job of kind {unknown} in this version"), max_attempts: 0 },
    }
}

async fn one<J: Job>(app: &App, payload: serde_json::Value) -> Outcome {
    let failed = |error: String| Outcome::Failed { error, max_attempts: J::MAX_ATTEMPTS };
    match serde_json::from_value::<J>(payload) {
        Err(error) => failed(format!("payload not understood: {error}")),
        Ok(job) => match job.run(app).await {
            Ok(result) => Outcome::Done(result),
            Err(error) => failed(format!("{error:#}")),
        },
    }
}
