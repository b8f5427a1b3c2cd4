//! Session events through broker, inbox and session table, from 20 agents at once, until the last acknowledgement.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use hiji_shared::{
    agent_id::AgentId,
    device::{RouterSession, Service},
    enroll::EnrollResponse,
    envelope::{ClockQuality, Envelope, Record, VERSION},
    event::{Event, Source},
    limits::{EVENT_BATCH, EVENT_WINDOW, MAX_PAYLOAD},
    signed,
    topic::{Down, Topic, Up, agent_subscribes},
    uplink::{Ack, Hello},
};
use hiji_tests::world::{Backend, Broker, World};
use rumqttc::v5::{AsyncClient, Event as Mqtt, EventLoop, Incoming, MqttOptions, mqttbytes::QoS};
use serde_json::json;
use tokio::task::JoinSet;

use crate::figures::Figures;

const AGENTS: usize = 20;
const EVENTS: u64 = 10_000;
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) async fn run(figures: &mut Figures) -> anyhow::Result<()> {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if !figures.wants("ingest") {
            return Ok(());
        }
        let world = World::start(backend, Broker::Embedded).await?;
        let site = world.site("Kebon").await?;
        let mut agents = Vec::new();
        for number in 0..AGENTS {
            agents.push(enroll(&world, site, number).await?);
        }
        let start = Instant::now();
        let mut running = JoinSet::new();
        for agent in agents {
            running.spawn(async move { tokio::time::timeout(PATIENCE, report(agent)).await? });
        }
        while let Some(ended) = running.join_next().await {
            ended??;
        }
        let took = start.elapsed();
        let total = EVENTS * AGENTS as u64;
        let rate = u128::from(total) * 1000 / took.as_millis().max(1);
        let what = format!("session events ingested, {backend:?}, {total} from {AGENTS} agents");
        figures.add(&what, "≥ 10,000/s", format!("{rate}/s"));
        world.stop().await?;
    }
    Ok(())
}

async fn enroll(world: &World, site: i64, number: usize) -> anyhow::Result<EnrollResponse> {
    let body = json!({ "site_id": site, "name": format!("R{number}") });
    let router = world.api.post("/routers", &body).await?.id()?;
    let path = format!("/routers/{router}/enrollment");
    let enrollment = world.api.post(&path, &json!({ "auto_approve": true })).await?.ok()?;
    world.enroll(enrollment["token"].as_str().context("a token")?).await
}

/// One agent: hello, then all its events within the window, until everything is acknowledged.
async fn report(credentials: EnrollResponse) -> anyhow::Result<()> {
    let (agent, client, mut link) = connect(&credentials)?;
    client.subscribe(agent_subscribes(&agent), QoS::AtLeastOnce).await?;
    let (mut sent, mut acked) = (0u64, 0u64);
    while acked < EVENTS {
        let Mqtt::Incoming(incoming) = link.poll().await? else { continue };
        if matches!(incoming, Incoming::SubAck(_)) {
            let topic = Topic::Up(agent.clone(), Up::Hello).to_string();
            client.publish(topic, QoS::AtLeastOnce, false, serde_json::to_vec(&hello(&agent))?).await?;
            continue;
        }
        let Incoming::Publish(publish) = incoming else { continue };
        match std::str::from_utf8(&publish.topic)?.parse()? {
            Topic::Down(_, Down::Ack) => acked = serde_json::from_slice::<Ack>(&publish.payload)?.seq,
            Topic::Down(_, Down::Sync) => {}
            Topic::Down(_, Down::Command | Down::Config)
            | Topic::Up(..)
            | Topic::Event { .. }
            | Topic::State { .. } => {
                continue;
            }
        }
        while sent < EVENTS && sent - acked + EVENT_BATCH as u64 <= EVENT_WINDOW as u64 {
            let last = (sent + EVENT_BATCH as u64).min(EVENTS);
            let recs = (sent + 1..=last).map(|seq| record(&agent, seq)).collect();
            let envelope = Envelope { v: VERSION, agent: agent.clone(), ep: 1, run: 1, sent_up: 1, recs };
            let topic = Topic::Up(agent.clone(), Up::Events).to_string();
            client.publish(topic, QoS::AtLeastOnce, false, serde_json::to_vec(&envelope)?).await?;
            sent = last;
        }
    }
    client.disconnect().await?;
    Ok(())
}

fn connect(credentials: &EnrollResponse) -> anyhow::Result<(AgentId, AsyncClient, EventLoop)> {
    let address = credentials.mqtt_url.trim_start_matches("mqtt://");
    let (host, port) = address.rsplit_once(':').context("host and port")?;
    let secret = signed::unhex(&credentials.secret).context("a hex secret")?;
    let mut options = MqttOptions::new(credentials.agent.to_string(), host, port.parse()?);
    options.set_credentials(credentials.agent.to_string(), signed::mqtt_password(&secret));
    options.set_max_packet_size(Some(u32::try_from(MAX_PAYLOAD)?));
    let (client, link) = AsyncClient::new(options, 64);
    Ok((credentials.agent.clone(), client, link))
}

fn hello(agent: &AgentId) -> Hello {
    Hello {
        v: VERSION,
        agent: agent.clone(),
        ep: 1,
        first_seq: 1,
        last_seq: 0,
        conn: 1,
        ver: "bench".to_owned(),
        caps: Vec::new(),
        run: 1,
        up: 1,
        ts: 1,
        have_rev: 0,
        reach: true,
        digests: Vec::new(),
    }
}

fn record(agent: &AgentId, seq: u64) -> Record {
    let session = RouterSession {
        service: Service::Hotspot,
        user: format!("KB{seq:06}"),
        sid: format!("{agent}-{seq}"),
        address: "10.5.50.2".to_owned(),
        mac: "AA:BB:CC:00:00:01".to_owned(),
        server: "hs1".to_owned(),
        started_ts: 1_795_351_327_000,
    };
    let event = Event::SessionLogin { session, src: Source::Poll };
    Record { seq, ts: 1_795_351_327_000, up: 1, run: 1, cq: ClockQuality::Ntp, event }
}
