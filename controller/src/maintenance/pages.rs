//! What the page of background jobs shows.

use chrono::DateTime;
use serde::Serialize;

use crate::{
    http::page::{Flash, Page},
    jobs::{JobRow, JobState, Said},
    ledger::Proof,
};

/// How many jobs are in a state.
#[derive(Debug, Serialize)]
pub(crate) struct Count {
    pub(crate) state: JobState,
    pub(crate) count: i64,
}

/// A job with what it said in words.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    #[serde(flatten)]
    job: JobRow,
    said: Option<Flash>,
}

impl From<JobRow> for Line {
    fn from(job: JobRow) -> Self {
        let said = job.result.as_ref().map(|said| Flash { key: said.text_key(), args: said.args() });
        Self { job, said }
    }
}

/// Background jobs, newest first.
#[derive(Debug, Serialize)]
pub(crate) struct JobsPage {
    pub(crate) counts: Vec<Count>,
    pub(crate) jobs: Vec<Line>,
    /// The last proof of the ledger, for who may see it.
    pub(crate) proof: Option<Proof>,
    pub(crate) sees_ledger: bool,
    /// The state asked for, empty = all.
    pub(crate) state: String,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) may_retry: bool,
    pub(crate) timezone: String,
}

/// A count for each state, also where there is none.
pub(crate) fn counts(found: &[(JobState, i64)]) -> Vec<Count> {
    let of = |state| found.iter().find(|(other, _)| *other == state).map_or(0, |(_, count)| *count);
    JobState::ALL.into_iter().map(|state| Count { state, count: of(state) }).collect()
}

impl Page for JobsPage {
    const TEMPLATE: &'static str = "maintenance/jobs.html";

    fn samples() -> Vec<Self> {
        let job = |state| JobRow {
            id: 7,
            kind: "agent.grant".to_owned(),
            state,
            attempts: 3,
            run_at: DateTime::UNIX_EPOCH,
            created_at: DateTime::UNIX_EPOCH,
            finished_at: None,
            last_error: (state == JobState::Parked).then(|| "broker refused".to_owned()),
            result: (state == JobState::Done).then(|| Said::new("agent_granted")),
        };
        let page = |jobs, state: &str, may_retry| Self {
            counts: counts(&[(JobState::Parked, 2)]),
            jobs,
            proof: None,
            sees_ledger: may_retry,
            state: state.to_owned(),
            next: None,
            is_later: false,
            may_retry,
            timezone: "Asia/Jakarta".to_owned(),
        };
        let all = || JobState::ALL.into_iter().map(job).map(Line::from).collect::<Vec<_>>();
        vec![
            page(Vec::new(), "", true),
            page(all(), "parked", false),
            Self { next: Some("x".to_owned()), is_later: true, ..page(all(), "", true) },
        ]
    }
}
