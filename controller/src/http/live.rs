//! `GET /live`: tells an open page which of its parts changed; the browser fetches them again.
//!
//! Only names of topics travel, no data, so nothing can leak that the fetch itself would not show. Bursts are gathered: a
//! page hears of a topic at most once a moment, however many sessions start in it. Who falls behind is told to fetch
//! everything. What changed between the page and its stream is told first: the page says by its mark how far it is.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use axum_extra::extract::Query;
use futures_util::stream;
use serde::Deserialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, broadcast},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{access::Scope, error::AppError, session::Signed};
use crate::events::live::{Live, LiveEvent};

/// Open pages that listen at once.
const MAX_LISTENERS: usize = 2_000;
/// Topics one page listens to.
const MAX_TOPICS: usize = 20;
const MAX_TOPIC_BYTES: usize = 64;
/// Changes of this moment are told together.
const GATHER: Duration = Duration::from_millis(100);
/// Proxies close what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A listener is let go and comes back by itself; then its session is looked at anew.
const MAX_LISTENING: Duration = Duration::from_secs(300);

/// What listeners need. Held as the state of the route.
#[derive(Debug, Clone)]
pub(crate) struct LiveState {
    live: Live,
    stop: CancellationToken,
    seats: Arc<Semaphore>,
}

impl LiveState {
    pub(crate) fn new(live: Live, stop: CancellationToken) -> Self {
        Self { live, stop, seats: Arc::new(Semaphore::new(MAX_LISTENERS)) }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    topic: Vec<String>,
    /// The mark of the page; a page without one is told of what comes.
    #[serde(default)]
    since: String,
}

/// `GET /live?topic=dashboard&topic=batch-12&since=…`.
pub(crate) async fn listen(
    State(state): State<LiveState>,
    Signed(caller): Signed,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    let topics: BTreeSet<String> = asked.topic.into_iter().collect();
    if topics.len() > MAX_TOPICS || topics.iter().any(|topic| topic.len() > MAX_TOPIC_BYTES) {
        return Err(AppError::Malformed);
    }
    let seat = Arc::clone(&state.seats)
        .try_acquire_owned()
        .map_err(|_full| AppError::Unavailable(anyhow::anyhow!("{MAX_LISTENERS} pages listen already")))?;
    let mut listener = Listener {
        events: state.live.subscribe(),
        stop: state.stop,
        topics,
        sites: caller.sites,
        until: Instant::now() + MAX_LISTENING,
        waiting: Vec::new(),
        _seat: seat,
    };
    // After it listens, so that nothing falls in between.
    if !asked.since.is_empty() {
        listener.catch_up(state.live.since(&asked.since));
    }
    let told = stream::unfold(listener, |mut listener| async move {
        listener.next().await.map(|event| (Ok::<_, Infallible>(event), listener))
    });
    let mut response = Sse::new(told).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx gathers answers unless told not to.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

struct Listener {
    events: broadcast::Receiver<LiveEvent>,
    stop: CancellationToken,
    topics: BTreeSet<String>,
    sites: Scope,
    until: Instant,
    waiting: Vec<Event>,
    _seat: OwnedSemaphorePermit,
}

/// What a moment brought.
enum Moment {
    Changed(BTreeSet<String>),
    Missed,
    Over,
}

impl Listener {
    /// What the page missed before it listened; everything when that is not known.
    fn catch_up(&mut self, missed: Option<Vec<LiveEvent>>) {
        self.waiting = match missed {
            None => vec![refresh()],
            Some(missed) => {
                let ours = missed.into_iter().filter(|event| self.concerns(event));
                changes(ours.map(|event| event.topic).collect())
            }
        };
    }

    /// The next event, or nothing when the listener is let go.
    async fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.waiting.pop() {
            return Some(event);
        }
        match self.moment().await {
            Moment::Changed(topics) => {
                self.waiting = changes(topics);
                self.waiting.pop()
            }
            Moment::Missed => Some(refresh()),
            Moment::Over => None,
        }
    }

    /// Waits for a change that concerns this page, then gathers what else comes within a moment.
    async fn moment(&mut self) -> Moment {
        let mut topics = BTreeSet::new();
        let mut until = self.until;
        loop {
            let event = tokio::select! {
                () = self.stop.cancelled() => return Moment::Over,
                () = tokio::time::sleep_until(until) => {
                    return if topics.is_empty() { Moment::Over } else { Moment::Changed(topics) };
                }
                event = self.events.recv() => event,
            };
            match event {
                Ok(event) if self.concerns(&event) => {
                    if topics.is_empty() {
                        until = Instant::now() + GATHER;
                    }
                    topics.insert(event.topic);
                }
                Ok(_foreign) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return Moment::Missed,
                Err(broadcast::error::RecvError::Closed) => return Moment::Over,
            }
        }
    }

    fn concerns(&self, event: &LiveEvent) -> bool {
        event.site.is_none_or(|site| self.sites.sees(site)) && self.topics.contains(&event.topic)
    }
}

fn changes(topics: BTreeSet<String>) -> Vec<Event> {
    topics.into_iter().map(|topic| Event::default().event("change").data(topic)).collect()
}

fn refresh() -> Event {
    Event::default().event("refresh").data("all")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SiteId;

    fn listener(live: &Live, sites: Scope) -> Listener {
        Listener {
            events: live.subscribe(),
            stop: CancellationToken::new(),
            topics: BTreeSet::from(["dashboard".to_owned(), "batch-1".to_owned()]),
            sites,
            until: Instant::now() + Duration::from_millis(400),
            waiting: Vec::new(),
            _seat: Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap(),
        }
    }

    #[tokio::test]
    async fn a_burst_is_told_once_per_topic() {
        let live = Live::default();
        let mut listener = listener(&live, Scope::All);
        for _ in 0..500 {
            live.send("dashboard", None);
        }
        live.send("batch-1", Some(SiteId(1)));
        live.send("batch-2", Some(SiteId(1)));
        let Moment::Changed(topics) = listener.moment().await else { panic!("nothing was told") };
        assert_eq!(topics.into_iter().collect::<Vec<_>>(), ["batch-1", "dashboard"]);
    }

    #[tokio::test]
    async fn a_foreign_sites_changes_are_not_told() {
        let live = Live::default();
        let mut listener = listener(&live, Scope::Sites(BTreeSet::from([SiteId(1)])));
        live.send("dashboard", Some(SiteId(2)));
        assert!(matches!(listener.moment().await, Moment::Over));
    }

    #[tokio::test]
    async fn who_falls_behind_fetches_everything() {
        let live = Live::default();
        let mut listener = listener(&live, Scope::All);
        for number in 0..5_000 {
            live.send(format!("other-{number}"), None);
        }
        let told = format!("{:?}", listener.next().await);
        // An event without data is none for a browser.
        assert!(told.contains("event: refresh") && told.contains("data: all"), "{told}");
    }

    #[tokio::test]
    async fn what_changed_before_the_stream_was_open_is_told_first() {
        let live = Live::default();
        let mark = live.mark();
        live.send("batch-1", Some(SiteId(1)));
        live.send("batch-1", Some(SiteId(1)));
        live.send("batch-2", Some(SiteId(1)));
        live.send("dashboard", Some(SiteId(2)));
        let mut listener = listener(&live, Scope::Sites(BTreeSet::from([SiteId(1)])));
        listener.catch_up(live.since(&mark));
        let told = format!("{:?}", listener.next().await);
        assert!(told.contains("event: change") && told.contains("data: batch-1"), "{told}");
        assert!(listener.next().await.is_none(), "told twice, or of what is not its own");
        listener.catch_up(live.since("another-1"));
        assert!(format!("{:?}", listener.next().await).contains("event: refresh"));
    }

    #[tokio::test]
    async fn a_stop_lets_listeners_go() {
        let live = Live::default();
        let mut listener = listener(&live, Scope::All);
        listener.stop.cancel();
        assert!(listener.next().await.is_none());
    }
}
