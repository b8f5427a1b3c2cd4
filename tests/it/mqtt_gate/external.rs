//! The client of external brokers: accounts, restarts, brokers that cannot be managed.

use std::time::Duration;

use anyhow::ensure;
use hiji_controller::mqtt::{BusEvent, ManageError, Provisioning, PublishError, start_external};
use hiji_shared::topic::{Down, Up, agent_subscribes};
use hiji_tests::mosquitto::Mosquitto;
use tokio::time::{Instant, sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    broker::{Account, Broker},
    raw::{Connect, PATIENCE, Raw, V5, publish, subscribe},
};

#[tokio::test]
async fn granting_again_disturbs_nobody_and_a_new_password_replaces_the_old() -> anyhow::Result<()> {
    let mut broker = Broker::external().await?;
    let (mut b, code) = Raw::login(broker.addr, &Connect::new(V5, broker.b.login())).await?;
    ensure!(code == 0, "B logs in: {code:#x}");
    broker.grant(&broker.b).await?;
    b.send(&publish(V5, 1, &broker.b.up(Up::Events).to_string(), b"still here")).await?;
    broker.messages_until("still here").await?;

    let changed = Account { password: "another".to_owned(), ..broker.b.clone() };
    broker.grant(&changed).await?;
    let (_, code) = Raw::login(broker.addr, &Connect::new(V5, broker.b.login())).await?;
    ensure!(code >= 0x80, "the old password is refused");
    let (_, code) = Raw::login(broker.addr, &Connect::new(V5, changed.login())).await?;
    ensure!(code == 0, "the new password is accepted: {code:#x}");
    Ok(())
}

#[tokio::test]
async fn a_broker_that_restarts_is_found_again() -> anyhow::Result<()> {
    let mut broker = Broker::external().await?;
    // Taking its role at Mosquitto ended the first connection.
    broker.forget();
    if let Some(mosquitto) = &mut broker.mosquitto {
        mosquitto.kill().await?;
    }
    broker.event_that(|event| matches!(event, BusEvent::Down { .. })).await?;
    ensure!(broker.tell_b("lost").await.is_err(), "nothing can be published");
    ensure!(!broker.bus.status().connected, "the status says so");
    if let Some(mosquitto) = &mut broker.mosquitto {
        mosquitto.revive().await?;
    }
    broker.event_that(|event| *event == BusEvent::Restarted).await?;
    // Accounts granted before are still there, or there again.
    broker.grant(&broker.b).await?;
    let (mut b, code) = Raw::login(broker.addr, &Connect::new(V5, broker.b.login())).await?;
    ensure!(code == 0, "B logs in: {code:#x}");
    b.send(&subscribe(V5, 1, &[&agent_subscribes(&broker.b.agent)])).await?;
    b.wait_for(9).await?;
    broker.tell_b("found").await?;
    ensure!(b.wait_for(3).await?.ends_with(b"found"), "B is told");
    broker.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_broker_that_cannot_be_managed_is_used_all_the_same() -> anyhow::Result<()> {
    let mosquitto = Mosquitto::without_dynamic_security().await?;
    let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
    let (bus, mut events) = start_external(&mosquitto.url.clone().into(), stop.clone(), &tracker).await?;
    ensure!(events.recv().await == Some(BusEvent::Restarted), "it is connected");
    let agent = Account::new(3);
    let grant = hiji_controller::mqtt::AgentGrant { agent: agent.agent.clone(), password: "x".into() };
    let deadline = Instant::now() + PATIENCE * 2;
    while !matches!(bus.status().provisioning, Provisioning::Unavailable(_)) {
        ensure!(Instant::now() < deadline, "it is not said that accounts are not managed");
        sleep(Duration::from_millis(50)).await;
    }
    ensure!(bus.grant(&grant).await == Err(ManageError::NoAnswer), "granting fails at once");
    ensure!(bus.status().connected, "but it is connected");
    bus.publish(&agent.down(Down::Ack), b"{}".to_vec(), false).await?;
    stop.cancel();
    tracker.close();
    tracker.wait().await;
    ensure!(bus.publish(&agent.down(Down::Ack), b"{}".to_vec(), false).await == Err(PublishError::Down), "stopped");
    Ok(())
}

#[tokio::test]
async fn malformed_addresses_are_refused_at_once() -> anyhow::Result<()> {
    for url in ["", "mqtt://host", "amqp://u:p@host", "mqtts://u:p@host?ca=/nowhere.pem"] {
        let started = start_external(&url.into(), CancellationToken::new(), &TaskTracker::new()).await;
        ensure!(started.is_err(), "{url} is refused");
    }
    Ok(())
}
