//! One agent against another, at both brokers: neither can read, forge or take over what is the other's. Attackers are
//! Eclipse Paho and the mosquitto clients; the agent they attack is rumqttc.

use std::{
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use hiji_controller::mqtt::{BusEvent, PublishError};
use hiji_shared::topic::{Down, Up, agent_subscribes};
use hiji_tests::judges;
use rumqttc::v5::mqttbytes::{QoS, v5::Packet};
use tokio::{
    process::Command,
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::{
    broker::{Account, Broker, VIEWER},
    raw::PATIENCE,
};

/// Agent B, well-behaved: rumqttc with MQTT 5.
struct Listener {
    got: Arc<Mutex<Vec<String>>>,
    connects: Arc<AtomicUsize>,
    client: rumqttc::v5::AsyncClient,
    task: JoinHandle<()>,
}

impl Listener {
    async fn start(broker: &Broker, account: &Account) -> anyhow::Result<Self> {
        let port = broker.addr.port();
        let mut options = rumqttc::v5::MqttOptions::new(account.name(), "127.0.0.1", port);
        options.set_credentials(account.name(), &account.password).set_clean_start(true);
        let (client, mut eventloop) = rumqttc::v5::AsyncClient::new(options, 64);
        let (got, connects) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicUsize>::default());
        let (subscriber, filter) = (client.clone(), agent_subscribes(&account.agent));
        let (messages, ready) = (Arc::clone(&got), Arc::clone(&connects));
        let task = tokio::spawn(async move {
            loop {
                match eventloop.poll().await {
                    Ok(rumqttc::v5::Event::Incoming(Packet::ConnAck(_))) => {
                        subscriber.try_subscribe(&filter, QoS::AtLeastOnce).unwrap();
                    }
                    Ok(rumqttc::v5::Event::Incoming(Packet::SubAck(_))) => {
                        ready.fetch_add(1, Relaxed);
                    }
                    Ok(rumqttc::v5::Event::Incoming(Packet::Publish(publish))) => {
                        messages.lock().unwrap().push(String::from_utf8_lossy(&publish.payload).into_owned());
                    }
                    Ok(_) => {}
                    Err(_) => sleep(Duration::from_millis(50)).await,
                }
            }
        });
        let listener = Self { got, connects, client, task };
        listener.until("subscribed", |listener| listener.connects.load(Relaxed) > 0).await?;
        Ok(listener)
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            ensure!(Instant::now() < deadline, "not {what} in time");
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    async fn until_it_got(&self, payload: &str) -> anyhow::Result<()> {
        self.until(payload, |listener| listener.got.lock().unwrap().iter().any(|got| got == payload)).await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A mosquitto client; answers what it printed.
async fn mosquitto(
    program: &str,
    broker: &Broker,
    login: (&str, &str),
    arguments: &[&str],
) -> anyhow::Result<(bool, String)> {
    let output = Command::new(program)
        .args(["-h", "127.0.0.1", "-p", &broker.addr.port().to_string(), "-i", login.0, "-u", login.0, "-P", login.1])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .with_context(|| format!("{program} is missing: install the Debian package mosquitto-clients"))?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

async fn spy_with_paho(broker: &Broker, version: &str) -> anyhow::Result<()> {
    let python = judges::python(&["paho-mqtt==2.1.0"]).await?;
    let output = Command::new(python)
        .arg(judges::scripts().join("mqtt_spy.py"))
        .args(["127.0.0.1", &broker.addr.port().to_string(), version])
        .args([broker.a.name(), &broker.a.password, broker.b.name()])
        .output()
        .await?;
    ensure!(output.status.success(), "mqtt_spy.py: {}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    ensure!(report["seen"] == serde_json::json!([]), "A saw with version {version}: {}", report["seen"]);
    ensure!(report["logged_in_as_b"] == false, "A logged in as B");
    Ok(())
}

async fn spy_with_mosquitto(broker: &Broker, version: &str) -> anyhow::Result<()> {
    let (a, b) = (&broker.a, &broker.b);
    let (down, up) = (format!("hiji/v1/a/{b}/dn/#", b = b.agent), format!("hiji/v1/a/{b}/up/ev", b = b.agent));
    let filters = ["-t", &down, "-t", "#", "-t", "hiji/v1/a/+/dn/#", "-t", "$share/g/hiji/v1/#", "-W", "1"];
    let (_, seen) =
        mosquitto("mosquitto_sub", broker, a.login(), &[&["-V", version, "-q", "1", "-v"], &filters[..]].concat())
            .await?;
    ensure!(seen.is_empty(), "mosquitto_sub saw {seen:?}");
    let forge = ["-V", version, "-q", "1", "-t", &up, "-m", "forged"];
    mosquitto("mosquitto_pub", broker, a.login(), &forge).await?;
    let own = a.up(Up::Log).to_string();
    let (sent, _) =
        mosquitto("mosquitto_pub", broker, a.login(), &["-V", version, "-q", "1", "-t", &own, "-m", "A's own"]).await?;
    ensure!(sent, "mosquitto_pub of version {version} cannot publish A's own");
    let wrong = (a.name(), "not the password");
    let (sent, _) = mosquitto("mosquitto_pub", broker, wrong, &["-V", version, "-t", &own, "-m", "forged"]).await?;
    ensure!(!sent, "a wrong password was accepted");
    Ok(())
}

/// The suite, the same for every broker.
async fn an_agent_is_alone(mut broker: Broker) -> anyhow::Result<()> {
    let listener = Listener::start(&broker, &broker.b).await?;
    // While A spies, there is always something to see. What A sends of its own is read from the bus meanwhile.
    let (bus, topic) = (broker.bus.clone(), broker.b.down(Down::Command));
    let talking = tokio::spawn(async move {
        for number in 0.. {
            let sent = bus.publish(&topic, format!("secret {number}").into_bytes(), false).await;
            if sent == Err(PublishError::TooLarge) {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    });
    for version in ["3", "5"] {
        spy_with_paho(&broker, version).await?;
    }
    for version in ["311", "5"] {
        spy_with_mosquitto(&broker, version).await?;
    }
    talking.abort();

    broker.tell_b("after all").await?;
    listener.until_it_got("after all").await?;
    let got = listener.got.lock().unwrap().clone();
    let foreign: Vec<_> = got.iter().filter(|got| !got.starts_with("secret ") && *got != "after all").collect();
    ensure!(foreign.is_empty(), "B got {foreign:?}");
    ensure!(listener.connects.load(Relaxed) == 1, "B's session was ended");

    let (up, own) = (broker.b.up(Up::Events).to_string(), broker.a.up(Up::Log).to_string());
    listener.client.publish(&up, QoS::AtLeastOnce, false, "the end").await?;
    let messages = broker.messages_until("the end").await?;
    for (topic, payload) in &messages {
        let expected = (topic == &own && payload == "A's own") || (topic == &up && payload == "the end");
        ensure!(expected, "the controller got {payload:?} on {topic}");
    }
    ensure!(messages.len() >= 4, "A's own messages are missing: {messages:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_is_alone_at_the_gate() -> anyhow::Result<()> {
    an_agent_is_alone(Broker::embedded().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_is_alone_at_mosquitto() -> anyhow::Result<()> {
    an_agent_is_alone(Broker::external().await?).await
}

#[tokio::test]
async fn a_stream_account_reads_its_site_and_nothing_else() -> anyhow::Result<()> {
    let mut broker = Broker::embedded().await?;
    let event = |site: &str| hiji_shared::topic::Topic::Event {
        site: site.to_owned(),
        class: "voucher".to_owned(),
        event: "activated".to_owned(),
    };
    let filters = ["-t", "hiji/v1/ev/1/#", "-t", "hiji/v1/ev/#", "-t", "hiji/v1/ev/2/#", "-t", "hiji/v1/a/+/up/#"];
    let arguments = [&["-V", "5", "-v", "-q", "1", "-C", "1", "-W", "5"], &filters[..]].concat();
    let reading = mosquitto("mosquitto_sub", &broker, VIEWER, &arguments);
    let telling = async {
        // Four of its filters are refused; the fifth counts when the first is answered.
        broker_denies(&broker, 3).await?;
        broker.bus.publish(&event("2"), b"foreign".to_vec(), false).await?;
        broker.bus.publish(&event("1"), b"own".to_vec(), false).await?;
        anyhow::Ok(())
    };
    let (read, told) = tokio::join!(reading, telling);
    told?;
    ensure!(read?.1 == "hiji/v1/ev/1/voucher/activated own\n", "the viewer reads its site");
    let forge = ["-V", "5", "-q", "1", "-t", "hiji/v1/ev/1/voucher/activated", "-m", "forged"];
    mosquitto("mosquitto_pub", &broker, VIEWER, &forge).await?;
    let denied = broker
        .event_that(|event| matches!(event, BusEvent::Denied { what, .. } if what.starts_with("publish")))
        .await?;
    ensure!(matches!(denied, BusEvent::Denied { who, .. } if who == "s.s-viewer"), "the denial names the session");
    Ok(())
}

/// Waits until the broker has denied so much.
async fn broker_denies(broker: &Broker, times: u64) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while broker.bus.status().counts.denied < times {
        ensure!(Instant::now() < deadline, "nothing was denied");
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_revoked_agent_is_out_at_once() -> anyhow::Result<()> {
    for broker in [Broker::embedded().await?, Broker::external().await?] {
        let listener = Listener::start(&broker, &broker.b).await?;
        broker.tell_b("before").await?;
        listener.until_it_got("before").await?;
        broker.bus.revoke(&broker.b.agent, "replaced").await?;
        if broker.mosquitto.is_some() {
            broker.tell_b("behind its back").await?;
            let (connected, _) =
                mosquitto("mosquitto_pub", &broker, broker.b.login(), &["-t", "x", "-m", "x", "-q", "1"]).await?;
            ensure!(!connected, "a revoked account still logs in");
            ensure!(!listener.got.lock().unwrap().contains(&"behind its back".to_owned()), "B still listens");
        } else {
            // The test's accounts do not change; what is seen is that the session was ended.
            listener.until("back", |listener| listener.connects.load(Relaxed) > 1).await?;
            ensure!(broker.bus.status().counts.kicked == 1, "the session was ended by the gate");
        }
    }
    Ok(())
}
