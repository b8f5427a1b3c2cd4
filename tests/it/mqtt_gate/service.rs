//! What a well-meaning client may rely on: delivery, order, limits that slow down and do not lose, a soft stop, TLS.

use std::{process::Stdio, time::Duration};

use anyhow::{Context as _, ensure};
use hiji_controller::mqtt::{BusEvent, Limits, Rate, start_external};
use hiji_shared::{
    limits::MAX_PAYLOAD,
    topic::{Down, Up, agent_subscribes},
};
use tokio::{
    process::Command,
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    broker::{Broker, LISTENER, config, with_tls},
    raw::{Connect, PATIENCE, Raw, V4, V5, id_of, packet, publish, subscribe, text},
};

async fn online(broker: &Broker, level: u8) -> anyhow::Result<Raw> {
    let (mut raw, code) = Raw::login(broker.addr, &Connect::new(level, broker.b.login())).await?;
    ensure!(code == 0, "B logs in: {code:#x}");
    raw.send(&subscribe(level, 1, &[&agent_subscribes(&broker.b.agent)])).await?;
    let granted = raw.wait_for(9).await?;
    ensure!(granted.last() == Some(&1), "B subscribes with QoS 1: {granted:?}");
    Ok(raw)
}

#[tokio::test]
async fn both_versions_are_served_on_one_port() -> anyhow::Result<()> {
    let mut broker = Broker::embedded().await?;
    for level in [V4, V5] {
        let mut b = online(&broker, level).await?;
        let came = broker.event_that(|event| matches!(event, BusEvent::Online { .. })).await?;
        ensure!(came == BusEvent::Online { agent: broker.b.agent.clone() }, "the controller is told who came");
        broker.tell_b("to B").await?;
        let got = b.wait_for(3).await?;
        ensure!(got.ends_with(b"to B"), "B got {got:?}");
        b.send(&publish(level, 7, &broker.b.up(Up::Events).to_string(), b"from B")).await?;
        ensure!(b.wait_for(4).await?.starts_with(&[0, 7]), "B's publish is acknowledged");
        broker.messages_until("from B").await?;
        b.send(&packet(0xC0, &[])).await?;
        b.wait_for(13).await?;
        b.send(&packet(0xE0, &[])).await?;
        ensure!(b.wait_for_end().await?.is_none(), "it closes without a word");
        let left = broker.event_that(|event| matches!(event, BusEvent::Offline { .. })).await?;
        let reason = "disconnected".to_owned();
        ensure!(left == BusEvent::Offline { agent: broker.b.agent.clone(), reason }, "the controller is told");
    }
    Ok(())
}

#[tokio::test]
async fn a_slow_controller_loses_nothing() -> anyhow::Result<()> {
    const MESSAGES: u16 = 3000;
    let mut broker = Broker::embedded().await?;
    let mut b = online(&broker, V4).await?;
    let topic = broker.b.up(Up::Events).to_string();
    for number in 1..=MESSAGES {
        b.send(&publish(V4, number, &topic, number.to_string().as_bytes())).await?;
        if number % 50 == 0 {
            for _ in 0..50 {
                b.wait_for(4).await?;
            }
        }
    }
    // Only now the controller reads: more than the channel, the link and its buffer hold.
    let messages = broker.messages_until(&MESSAGES.to_string()).await?;
    let numbers: Vec<u16> = messages.iter().map(|(_, payload)| payload.parse()).collect::<Result<_, _>>()?;
    ensure!(numbers == (1..=MESSAGES).collect::<Vec<_>>(), "all came, in their order");
    Ok(())
}

#[tokio::test]
async fn a_client_gets_no_more_at_once_than_it_said() -> anyhow::Result<()> {
    let broker = Broker::embedded().await?;
    // Receive maximum 2, largest packet 200 bytes.
    let properties = [0x21, 0, 2, 0x27, 0, 0, 0, 200];
    let connect = Connect { properties: &properties, ..Connect::new(V5, broker.b.login()) };
    let (mut b, _) = Raw::login(broker.addr, &connect).await?;
    b.send(&subscribe(V5, 1, &[&agent_subscribes(&broker.b.agent)])).await?;
    b.wait_for(9).await?;
    for message in ["1", "2", "3", &"too large".repeat(40), "4"] {
        broker.tell_b(message).await?;
    }
    let mut ids = Vec::new();
    for expected in ["1", "2"] {
        let body = b.wait_for(3).await?;
        ensure!(body.ends_with(expected.as_bytes()), "{expected} comes");
        ids.push(id_of(&body)?);
    }
    b.send(&packet(0xC0, &[])).await?;
    ensure!(b.next().await?.map(|(first, _)| first) == Some(0xD0), "the third waits");
    // Acknowledged in the other order; the router would have ended the connection for that.
    for (id, next) in [(ids[1], "3"), (ids[0], "4")] {
        b.send(&packet(0x40, &id)).await?;
        let body = b.wait_for(3).await?;
        ensure!(body.ends_with(next.as_bytes()), "{next} comes after an acknowledgement");
    }
    Ok(())
}

#[tokio::test]
async fn who_publishes_too_much_is_slowed_down_and_loses_nothing() -> anyhow::Result<()> {
    let rate = Rate { per_second: 100, burst: 50 };
    let limits = Limits { messages_per_identity: rate, ..config().limits };
    let mut broker = Broker::embedded_with(hiji_controller::mqtt::GateConfig { limits, ..config() }).await?;
    let mut b = online(&broker, V5).await?;
    let topic = broker.b.up(Up::Events).to_string();
    let started = Instant::now();
    for number in 1..=150u16 {
        b.send(&publish(V5, number, &topic, number.to_string().as_bytes())).await?;
    }
    let messages = broker.messages_until("150").await?;
    ensure!(messages.len() == 150, "all came");
    b.send(&publish(V5, 151, &topic, b"151")).await?;
    broker.messages_until("151").await?;
    ensure!(started.elapsed() > Duration::from_millis(700), "100 above the burst take a second");
    ensure!(broker.bus.status().counts.throttled > 0, "it was counted");
    Ok(())
}

#[tokio::test]
async fn who_is_denied_too_often_is_put_out() -> anyhow::Result<()> {
    let mut broker = Broker::embedded().await?;
    let mut b = online(&broker, V5).await?;
    let foreign = broker.a.up(Up::Events).to_string();
    b.send(&publish(V5, 1, &foreign, b"forged")).await?;
    ensure!(b.wait_for(4).await? == [0, 1, 0x87, 0], "a denied publish is acknowledged as denied");
    for id in 2..30 {
        if b.send(&publish(V5, id, &foreign, b"forged")).await.is_err() {
            break;
        }
    }
    ensure!(b.wait_for_end().await? == Some(0x87), "and then it is out");
    let left = broker.event_that(|event| matches!(event, BusEvent::Offline { .. })).await?;
    ensure!(matches!(left, BusEvent::Offline { reason, .. } if reason == "too many denied attempts"), "told why");
    Ok(())
}

#[tokio::test]
async fn logins_are_answered_with_the_codes_of_their_version() -> anyhow::Result<()> {
    let limits = Limits { connects_per_identity: Rate { per_second: 1, burst: 3 }, ..config().limits };
    let broker = Broker::embedded_with(hiji_controller::mqtt::GateConfig { limits, ..config() }).await?;
    for (level, bad_password, too_often) in [(V4, 4, 3), (V5, 0x86, 0x9F)] {
        let wrong = Connect::new(level, (broker.a.name(), "wrong"));
        ensure!(Raw::login(broker.addr, &wrong).await?.1 == bad_password, "wrong password");
        let mut codes = Vec::new();
        let login = if level == V4 { broker.a.login() } else { broker.b.login() };
        for _ in 0..5 {
            codes.push(Raw::login(broker.addr, &Connect::new(level, login)).await?.1);
        }
        ensure!(codes[0] == 0 && codes[4] == too_often, "{codes:?}");
    }
    // A version that is neither.
    let mut old = Raw::open(broker.addr).await?;
    let body = [text("MQTT"), vec![3, 2, 0, 60], text("x")].concat();
    old.send(&packet(0x10, &body)).await?;
    ensure!(old.next().await? == Some((0x20, vec![0, 1])), "unacceptable protocol version");
    // No login at all.
    let mut nameless = Raw::open(broker.addr).await?;
    nameless.send(&packet(0x10, &[text("MQTT"), vec![4, 2, 0, 60], text("x")].concat())).await?;
    ensure!(nameless.next().await? == Some((0x20, vec![0, 5])), "not authorized");
    Ok(())
}

#[tokio::test]
async fn the_newer_session_takes_over() -> anyhow::Result<()> {
    let mut broker = Broker::embedded().await?;
    let mut first = online(&broker, V5).await?;
    broker.event_that(|event| matches!(event, BusEvent::Online { .. })).await?;
    let mut second = online(&broker, V5).await?;
    ensure!(first.wait_for_end().await? == Some(0x8E), "the first is told");
    broker.tell_b("to the second").await?;
    ensure!(second.wait_for(3).await?.ends_with(b"to the second"), "the second gets it");
    ensure!(broker.bus.status().sessions == 1, "one session");
    let mut crowd = Vec::new();
    for _ in 0..40 {
        let (addr, b) = (broker.addr, broker.b.clone());
        crowd.push(tokio::spawn(
            async move { Raw::login(addr, &Connect::new(V5, b.login())).await.map(|(_, code)| code) },
        ));
    }
    for one in crowd {
        // Accepted, refused because a third one came, or closed: but never silent.
        let _answered = one.await?;
    }
    let mut last = online(&broker, V5).await?;
    broker.tell_b("to the last").await?;
    ensure!(last.wait_for(3).await?.ends_with(b"to the last"), "the last gets it");
    Ok(())
}

#[tokio::test]
async fn a_will_is_published_when_the_client_is_lost() -> anyhow::Result<()> {
    let mut broker = Broker::embedded().await?;
    let topic = broker.b.up(Up::Presence).to_string();
    for level in [V4, V5] {
        let connect = Connect { will: Some((&topic, "gone")), ..Connect::new(level, broker.b.login()) };
        let (b, code) = Raw::login(broker.addr, &connect).await?;
        ensure!(code == 0, "the own will is allowed: {code:#x}");
        drop(b);
        let messages = broker.messages_until("gone").await?;
        ensure!(messages == [(topic.clone(), "gone".to_owned())], "{messages:?}");
    }
    let foreign = broker.a.up(Up::Presence).to_string();
    for (level, code) in [(V4, 5), (V5, 0x87)] {
        let connect = Connect { will: Some((&foreign, "forged")), ..Connect::new(level, broker.b.login()) };
        ensure!(Raw::login(broker.addr, &connect).await?.1 == code, "a foreign will is refused");
    }
    Ok(())
}

#[tokio::test]
async fn at_stop_clients_are_told_and_their_last_messages_are_not_lost() -> anyhow::Result<()> {
    let broker = Broker::embedded().await?;
    let mut b = online(&broker, V5).await?;
    let (topic, mut last_words) = (broker.b.up(Up::Events).to_string(), Vec::new());
    for id in 1..=20 {
        last_words.extend(publish(V5, id, &topic, format!("last {id}").as_bytes()));
    }
    b.send(&last_words).await?;
    // The first is acknowledged, so all of them have arrived; the stop comes while the others are being handled.
    b.wait_for(4).await?;
    let rest = broker.stop().await?;
    let told = rest.iter().filter(|event| matches!(event, BusEvent::Message { .. })).count();
    let mut acknowledged = 1;
    let mut reason = None;
    while let Some((first, body)) = b.next().await? {
        match first >> 4 {
            4 => acknowledged += 1,
            14 => reason = body.first().copied(),
            _ => {}
        }
    }
    ensure!(reason == Some(0x8B), "told that the server is shutting down: {reason:?}");
    ensure!(acknowledged == told, "{acknowledged} acknowledged, {told} told to the controller");
    ensure!(acknowledged == 20, "all of them: {acknowledged}");
    Ok(())
}

#[tokio::test]
async fn packets_up_to_the_limit_pass_and_larger_ones_end_the_connection() -> anyhow::Result<()> {
    let mut broker = Broker::embedded().await?;
    let mut b = online(&broker, V5).await?;
    let topic = broker.b.up(Up::Snapshot).to_string();
    b.send(&publish(V5, 1, &topic, &vec![b'x'; MAX_PAYLOAD])).await?;
    let event = broker.event_that(|event| matches!(event, BusEvent::Message { .. })).await?;
    ensure!(matches!(event, BusEvent::Message { payload, .. } if payload.len() == MAX_PAYLOAD), "it came whole");
    b.send(&publish(V5, 2, &topic, &vec![b'x'; MAX_PAYLOAD + 8192])[..2048]).await?;
    ensure!(b.wait_for_end().await? == Some(0x95), "packet too large, before it has come");
    let big = broker.bus.publish(&broker.b.down(Down::Command), vec![0; MAX_PAYLOAD + 1], false).await;
    ensure!(big.is_err(), "nor does the controller send such");
    Ok(())
}

#[tokio::test]
async fn tls_is_spoken_and_silent_peers_keep_nobody_waiting() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    std::fs::write(&cert, made.cert.pem())?;
    std::fs::write(&key, made.signing_key.serialize_pem())?;
    let mut broker = Broker::embedded_with(with_tls(&cert, &key)).await?;
    let tls = broker.tls.context("a TLS listener")?;
    // More than there are seats for those who have not logged in.
    let mut silent = Vec::new();
    for number in 0..600 {
        let mut raw = Raw::open(tls).await?;
        if number % 2 == 0 {
            // It could not be told from one who is just slow.
            raw.send(&[0x16, 3, 1]).await?;
        }
        silent.push(raw);
    }
    let started = Instant::now();
    let topic = broker.a.up(Up::Events).to_string();
    let output = Command::new("mosquitto_pub")
        .args(["-h", "localhost", "-p", &tls.port().to_string(), "-V", "5", "-q", "1"])
        .args(["-u", broker.a.name(), "-P", &broker.a.password, "-t", &topic, "-m", "over TLS"])
        .arg("--cafile")
        .arg(&cert)
        .stdin(Stdio::null())
        .output()
        .await
        .context("mosquitto_pub is missing: install the Debian package mosquitto-clients")?;
    ensure!(output.status.success(), "mosquitto_pub: {}", String::from_utf8_lossy(&output.stderr));
    broker.messages_until("over TLS").await?;
    ensure!(started.elapsed() < PATIENCE, "it did not wait for the silent ones");
    drop(silent);

    // The client of external brokers speaks TLS too, and trusts the authority it was told.
    let (name, password) = LISTENER;
    for (ca, trusted) in [(cert.display().to_string(), true), (String::new(), false)] {
        let ca = if ca.is_empty() { ca } else { format!("?ca={ca}") };
        let url = format!("mqtts://{name}:{password}@localhost:{}{ca}", tls.port());
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let (bus, mut events) = start_external(&url.into(), stop.clone(), &tracker).await?;
        let patience = if trusted { PATIENCE } else { Duration::from_secs(1) };
        let connected = timeout(patience, events.recv()).await;
        ensure!(connected.is_ok() == trusted, "connected: {connected:?}, trusted: {trusted}");
        ensure!(bus.status().connected == trusted, "the status says so");
        stop.cancel();
        tracker.close();
        tracker.wait().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_full_mailbox_is_told_and_what_is_in_it_is_delivered() -> anyhow::Result<()> {
    let broker = Broker::embedded().await?;
    let mut b = online(&broker, V5).await?;
    // B reads nothing.
    let mut taken = 0;
    while broker.tell_b(&taken.to_string()).await.is_ok() {
        taken += 1;
        ensure!(taken < 1_000, "it is never full");
        tokio::task::yield_now().await;
    }
    ensure!(taken >= 128, "there is room for {taken} only");
    for expected in 0..taken {
        let body = b.wait_for(3).await?;
        ensure!(body.ends_with(format!("\0{expected}").as_bytes()), "{expected} is next: {body:?}");
        b.send(&packet(0x40, &id_of(&body)?)).await?;
    }
    broker.tell_b("room again").await?;
    ensure!(b.wait_for(3).await?.ends_with(b"room again"), "and goes on");
    ensure!(broker.bus.status().counts.publish_failures == 1, "it was counted");
    Ok(())
}
