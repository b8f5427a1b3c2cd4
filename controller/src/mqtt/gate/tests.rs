//! The gate with a router that dies, which only a test inside the crate can bring about; and its codec under a hail of
//! mutated packets, without the network around it.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use bytes::BytesMut;
use futures_util::future::BoxFuture;
use hiji_shared::topic::{Down, Topic, Up, agent_publishes, agent_subscribes};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::*;
use crate::mqtt::{Bus, Deny, Identity, Kind, Login, broker, words::Version};

const PATIENCE: Duration = Duration::from_secs(10);

/// One agent, whatever the password.
struct OneAgent(AgentId);

impl Authenticator for OneAgent {
    fn authenticate(&self, _login: Login) -> BoxFuture<'static, Result<Identity, Deny>> {
        let agent = self.0.clone();
        let identity = Identity {
            session: session_of(&agent),
            publish: vec![agent_publishes(&agent)],
            subscribe: vec![agent_subscribes(&agent)],
            retain: vec![],
            agent: Some(agent),
        };
        Box::pin(async move { Ok(identity) })
    }
}

async fn started(agent: &AgentId) -> Started {
    let config = GateConfig { listen: Some((Ipv4Addr::LOCALHOST, 0).into()), ..GateConfig::default() };
    let auth = Arc::new(OneAgent(agent.clone()));
    start(config, auth, CancellationToken::new(), &TaskTracker::new()).await.unwrap()
}

/// CONNECT of MQTT 3.1.1 with user "u" and password "p", and SUBSCRIBE to `filter` with QoS 1.
async fn connect(addr: SocketAddr, filter: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let mut bytes = b"\x10\x12\0\x04MQTT\x04\xC2\0\x3C\0\0\0\x01u\0\x01p".to_vec();
    let length = u8::try_from(filter.len()).unwrap();
    bytes.extend([0x82, length + 5, 0, 1, 0, length]);
    bytes.extend(filter.as_bytes());
    bytes.push(1);
    stream.write_all(&bytes).await.unwrap();
    let mut answers = [0; 9];
    timeout(PATIENCE, stream.read_exact(&mut answers)).await.unwrap().unwrap();
    assert_eq!(answers, [0x20, 2, 0, 0, 0x90, 3, 0, 1, 1]);
    stream
}

#[tokio::test]
async fn a_dead_router_is_replaced_and_clients_come_back() {
    let agent = AgentId::from_random([1; 10]);
    let Started { handle, mut events, plain, .. } = started(&agent).await;
    let (bus, addr, filter) = (Bus(Kind::Embedded(handle.clone())), plain.unwrap(), agent_subscribes(&agent));
    assert_eq!(events.recv().await, Some(BusEvent::Restarted));
    let mut client = connect(addr, &filter).await;
    assert_eq!(events.recv().await, Some(BusEvent::Online { agent: agent.clone() }));

    let (mut outlet, _inlet) = handle.gate.router().link().await.unwrap();
    broker::crash(&mut outlet);
    let mut rest = Vec::new();
    timeout(PATIENCE, client.read_to_end(&mut rest)).await.expect("the session ends with its router").unwrap();
    let mut told = Vec::new();
    while told.len() < 3 {
        told.push(timeout(PATIENCE, events.recv()).await.expect("the controller is told").unwrap());
    }
    assert!(matches!(told[0], BusEvent::Down { .. }), "{told:?}");
    assert_eq!(told[1], BusEvent::Restarted);
    assert_eq!(told[2], BusEvent::Offline { agent: agent.clone(), reason: "broker restarted".to_owned() });

    let mut client = connect(addr, &filter).await;
    bus.publish(&Topic::Down(agent.clone(), Down::Ack), b"back".to_vec(), false).await.unwrap();
    let mut message = vec![0; 64];
    let read = timeout(PATIENCE, client.read(&mut message)).await.unwrap().unwrap();
    assert!(message[..read].ends_with(b"back"));
    let topic = Topic::Up(agent.clone(), Up::Log).to_string();
    let length = u8::try_from(topic.len()).unwrap();
    let publish = [&[0x30, length + 4, 0, length], topic.as_bytes(), b"up"].concat();
    client.write_all(&publish).await.unwrap();
    assert_eq!(events.recv().await, Some(BusEvent::Online { agent }));
    let message = timeout(PATIENCE, events.recv()).await.unwrap();
    assert_eq!(message, Some(BusEvent::Message { topic, payload: Bytes::from_static(b"up") }));
    let status = bus.status();
    assert!(status.connected);
    assert_eq!((status.counts.restarts, status.sessions), (1, 1));
}

#[tokio::test]
async fn a_link_reads_on_after_what_the_router_puts_out_at_once() {
    const MESSAGES: usize = 5_000;
    let router = Router::spawn(8);
    let (mut sender, _) = router.link().await.unwrap();
    let mut link = hub::open(&router, PATIENCE).await.unwrap();
    let agent = AgentId::from_random([1; 10]);
    let topic = Topic::Up(agent, Up::Events).to_string();
    for number in 0..MESSAGES {
        sender.publish(Message::new(topic.clone(), number.to_string().into(), false));
    }
    sender.flush().unwrap();
    let mut next = 0;
    while next < MESSAGES {
        let notice = timeout(PATIENCE, link.inlet.next()).await.expect("the router goes on").unwrap();
        if let crate::mqtt::words::Notice::Deliver(message) = notice {
            assert_eq!(message.payload(), next.to_string().as_bytes());
            next += 1;
        }
    }
}

#[tokio::test]
async fn links_that_come_and_go_leave_nothing_behind() {
    let router = Router::spawn(4);
    for _ in 0..200 {
        let (_outlet, _inlet) = router.link().await.expect("a place is free again");
    }
}

#[test]
fn a_hundred_thousand_mutated_packets_are_decoded_without_a_panic() {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: usize| {
        seed ^= seed >> 12;
        seed ^= seed << 25;
        seed ^= seed >> 27;
        usize::try_from(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % below
    };
    let corpus: [&[u8]; 6] = [
        b"\x32\x14\0\x03a/b\0\x01\x05\x02\0\0\0\x3Cpayload",
        b"\x3A\x18\0\x03a/b\0\x01\x0E\x03\0\x01j\x26\0\x01k\0\x01v\x01\x01{}",
        b"\x82\x0C\0\x01\0\0\x06a/+/#x\x01",
        b"\xA2\x08\0\x01\0\0\x03a/b",
        b"\x40\x04\0\x01\x87\0",
        b"\xE0\x07\x04\x05\x11\0\0\0\x01",
    ];
    let (mut understood, mut malformed) = (0, 0);
    for _ in 0..100_000 {
        let mut bytes = corpus[random(corpus.len())].to_vec();
        for _ in 0..=random(4) {
            let (at, byte) = (random(bytes.len()), u8::try_from(random(256)).unwrap());
            match random(3) {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
            if bytes.len() < 3 {
                bytes.extend([0; 3]);
            }
        }
        bytes[1] = u8::try_from(bytes.len() - 2).unwrap();
        let version = if random(2) == 0 { Version::V4 } else { Version::V5 };
        let frame = frame::Frame::take(&mut BytesMut::from(bytes.as_slice()), 1024).unwrap().expect("a whole packet");
        match broker::decode(version, frame) {
            Ok(_) => understood += 1,
            Err(error) => {
                assert_ne!(error, crate::mqtt::words::DecodeError::Panicked, "{bytes:x?}");
                malformed += 1;
            }
        }
    }
    assert!(understood > 5_000 && malformed > 5_000, "{understood} understood, {malformed} not");
}
