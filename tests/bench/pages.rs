//! Pages asked of the routes themselves, so that CPU and memory are the controller's and no client's: one after the other
//! for what each costs, then at a steady pace for how long people wait.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use hiji_controller::app::App;
use hiji_tests::world::ADMIN;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::figures::{Figures, percentile};

/// Pages asked for one after the other.
const REQUESTS: u32 = 200;
/// Before these are counted connections, plans and what is kept are made.
const WARM: u32 = 5;
/// How many, and how often, at the steady pace: 200 a second.
const PACED: u32 = 1_000;
const PACE: Duration = Duration::from_millis(5);
/// A tick of the kernel's clock, as `/proc` counts them.
const TICK: Duration = Duration::from_millis(10);

/// The controller's pages as the admin sees them.
#[derive(Debug, Clone)]
pub(crate) struct Pages {
    web: Router,
    token: String,
}

impl Pages {
    /// Signs in as [`ADMIN`], who must be there.
    pub(crate) async fn of(app: &App) -> anyhow::Result<Self> {
        let password = ADMIN.1.to_owned().into();
        let made = hiji_controller::admins::login(app, ADMIN.0, &password, "127.0.0.1", "bench").await;
        Ok(Self { web: hiji_controller::http::build(app)?.app, token: made.context("signing in")?.token })
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) async fn ask(&self, path: &str) -> anyhow::Result<Body> {
        let cookie = format!("hiji_session={}; hiji_lang=id", self.token);
        let request = Request::get(path).header(header::COOKIE, cookie).body(Body::empty())?;
        let answer = self.web.clone().oneshot(request).await?;
        ensure!(answer.status().is_success(), "{path}: {}", answer.status());
        Ok(answer.into_body())
    }

    /// How long a page takes, and its bytes.
    pub(crate) async fn load(&self, path: &str) -> anyhow::Result<(Duration, usize)> {
        let start = Instant::now();
        let bytes = self.ask(path).await?.collect().await?.to_bytes().len();
        Ok((start.elapsed(), bytes))
    }

    /// How long a page takes each time, one after the other; the CPU of one; its bytes.
    pub(crate) async fn alone(&self, path: &str) -> anyhow::Result<(Vec<Duration>, Duration, usize)> {
        for _ in 0..WARM {
            self.load(path).await?;
        }
        let (mut took, mut size) = (Vec::new(), 0);
        let before = cpu()?;
        for _ in 0..REQUESTS {
            let (one, bytes) = self.load(path).await?;
            took.push(one);
            size = bytes;
        }
        Ok((took, (cpu()? - before) / REQUESTS, size))
    }

    /// 200 requests a second whatever the answers take; a late answer is late from when it was due.
    async fn paced(&self, path: &str) -> anyhow::Result<Vec<Duration>> {
        let start = tokio::time::Instant::now();
        let mut running = tokio::task::JoinSet::new();
        for nth in 0..PACED {
            let due = start + PACE * nth;
            tokio::time::sleep_until(due).await;
            let (pages, path) = (self.clone(), path.to_owned());
            running.spawn(async move {
                pages.load(&path).await?;
                anyhow::Ok(due.elapsed())
            });
        }
        let mut took = Vec::new();
        while let Some(ended) = running.join_next().await {
            took.push(ended??);
        }
        Ok(took)
    }

    /// A page of the monthly business: what it costs, and how long people wait at 200 a second.
    pub(crate) async fn figure(&self, figures: &mut Figures, what: &str, path: &str) -> anyhow::Result<()> {
        let (_, cpu, size) = self.alone(path).await?;
        let mut took = self.paced(path).await?;
        let (p50, p99) = (percentile(&mut took, 50), percentile(&mut took, 99));
        let measured = format!("{cpu:.2?} CPU, at 200/s p50 {p50:.1?}, p99 {p99:.1?}, {} KiB", size / 1024);
        figures.add(what, "≤ 5 ms CPU, p99 ≤ 50 ms", measured);
        Ok(())
    }
}

/// What this process used of the processors so far.
fn cpu() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("reading /proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').context("a name in brackets")?;
    let ticks = |at: usize| fields.split_whitespace().nth(at).and_then(|text| text.parse::<u32>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).context("the times of a process")?;
    Ok(TICK * (user + system))
}
