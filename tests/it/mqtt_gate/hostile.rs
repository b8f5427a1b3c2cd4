//! Clients that mean harm: whatever they send, a bystander is served as before.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use hiji_controller::mqtt::GateConfig;
use hiji_shared::topic::{Up, agent_subscribes};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{
    broker::{Account, Broker, CHATTERS, config},
    raw::{Connect, Raw, V4, V5, id_of, packet, publish, subscribe, text},
};

/// Agent B, connected throughout.
struct Bystander {
    raw: Raw,
    served: u32,
}

impl Bystander {
    async fn connect(broker: &Broker) -> anyhow::Result<Self> {
        let (mut raw, code) = Raw::login(broker.addr, &Connect::new(V4, broker.b.login())).await?;
        ensure!(code == 0, "the bystander logs in: {code:#x}");
        raw.send(&subscribe(V4, 1, &[&agent_subscribes(&broker.b.agent)])).await?;
        raw.wait_for(9).await?;
        Ok(Self { raw, served: 0 })
    }

    /// It is told things, its own things arrive, it gets its pong, all on the connection it always had; and a newcomer
    /// gets in.
    async fn is_served(&mut self, broker: &mut Broker, after: &str) -> anyhow::Result<()> {
        self.served += 1;
        let (down, up) = (format!("down {}", self.served), format!("up {}", self.served));
        broker.tell_b(&down).await?;
        let got = self.raw.wait_for(3).await.with_context(|| format!("after {after}: nothing is delivered"))?;
        ensure!(got.ends_with(down.as_bytes()), "after {after}: got {got:?}");
        self.raw.send(&packet(0x40, &id_of(&got)?)).await?;
        let topic = broker.b.up(Up::Events).to_string();
        self.raw.send(&publish(V4, 9, &topic, up.as_bytes())).await?;
        self.raw.wait_for(4).await.with_context(|| format!("after {after}: not acknowledged"))?;
        broker.messages_until(&up).await.with_context(|| format!("after {after}"))?;
        self.raw.send(&packet(0xC0, &[])).await?;
        self.raw.wait_for(13).await.with_context(|| format!("after {after}: no pong"))?;
        for level in [V4, V5] {
            let (_, code) = Raw::login(broker.addr, &Connect::new(level, broker.a.login())).await?;
            ensure!(code == 0, "after {after}: a newcomer is refused: {code:#x}");
        }
        ensure!(broker.bus.status().counts.restarts == 0, "after {after}: the router died");
        Ok(())
    }
}

async fn login(addr: SocketAddr, level: u8, login: (&str, &str)) -> anyhow::Result<Raw> {
    let (raw, code) = Raw::login(addr, &Connect::new(level, login)).await?;
    ensure!(code == 0, "refused: {code:#x}");
    Ok(raw)
}

/// The inputs that stop rumqttd's own server, one after another (facts/mqtt.md 1.3, without the seventh, which is
/// `tls_is_spoken_and_silent_peers_keep_nobody_waiting`).
#[tokio::test]
async fn what_stops_the_stock_server_stops_nobody_here() -> anyhow::Result<()> {
    let mut broker = Broker::embedded_with(GateConfig { max_connections: 6, ..config() }).await?;
    let (addr, a) = (broker.addr, broker.a.clone());
    let mut bystander = Bystander::connect(&broker).await?;

    for level in [V4, V5] {
        let mut hostile = login(addr, level, a.login()).await?;
        hostile.send(&publish(level, 1, "é/x", b"x")).await?;
        hostile.wait_for(4).await?;
    }
    bystander.is_served(&mut broker, "a topic that begins with a letter of two bytes").await?;

    let connect = Connect { clean: false, ..Connect::new(V5, CHATTERS[0]) };
    let (mut hostile, _) = Raw::login(addr, &connect).await?;
    hostile.send(&subscribe(V5, 1, &["$share/g/chat/#", "chat/#"])).await?;
    ensure!(hostile.wait_for(9).await? == [0, 1, 0, 0x87, 1], "shared subscriptions are refused");
    hostile.send(&publish(V5, 2, "chat/x", b"never acknowledged")).await?;
    hostile.wait_for(3).await?;
    drop(hostile);
    drop(Raw::login(addr, &connect).await?);
    bystander.is_served(&mut broker, "a shared subscription in a persistent session").await?;

    for client_id in ["+", "$SYS", "a#b", "a/b", "é", ""] {
        for _ in 0..2 {
            let connect = Connect { client_id, ..Connect::new(V4, a.login()) };
            ensure!(Raw::login(addr, &connect).await?.1 == 0, "the client id does not matter: {client_id:?}");
        }
    }
    bystander.is_served(&mut broker, "client ids with wildcards").await?;

    too_many(&broker).await?;
    bystander.is_served(&mut broker, "too many connections").await?;

    for kind in [0x20, 0x50, 0x62, 0x70, 0x90, 0xB0, 0xD0, 0xF0, 0x00] {
        let mut hostile = login(addr, V5, a.login()).await?;
        hostile.send(&packet(kind, &[0, 1, 0, 0])).await?;
        ensure!(hostile.wait_for_end().await? == Some(0x81), "type {kind:#x} is malformed from a client");
    }
    bystander.is_served(&mut broker, "packets only a server sends").await?;

    let mut reader = login(addr, V4, CHATTERS[0]).await?;
    reader.send(&subscribe(V4, 1, &["chat/#"])).await?;
    reader.wait_for(9).await?;
    let mut publisher = login(addr, V5, CHATTERS[1]).await?;
    let mut body = [text("chat/x"), vec![0, 1]].concat();
    body.extend([5, 2, 0, 0, 0, 60]);
    body.extend(b"with an expiry");
    publisher.send(&packet(0x32, &body)).await?;
    publisher.wait_for(4).await?;
    let got = reader.wait_for(3).await?;
    ensure!(got.ends_with(b"with an expiry") && got.len() == 2 + 6 + 2 + 14, "without the property: {got:?}");
    bystander.is_served(&mut broker, "properties of MQTT 5 for a reader of MQTT 3.1.1").await?;
    Ok(())
}

/// More clients than places, and one of them twice.
async fn too_many(broker: &Broker) -> anyhow::Result<()> {
    let mut codes = Vec::new();
    let mut open = Vec::new();
    for account in &broker.crowd {
        let (raw, code) = Raw::login(broker.addr, &Connect::new(V5, account.login())).await?;
        codes.push(code);
        open.push(raw);
    }
    ensure!(codes == [0, 0, 0, 0, 0, 0x89, 0x89, 0x89], "five beside the bystander: {codes:?}");
    for _ in 0..2 {
        let (_, code) = Raw::login(broker.addr, &Connect::new(V5, broker.crowd[0].login())).await?;
        ensure!(code == 0, "who takes over needs no place of his own: {code:#x}");
    }
    Ok(())
}

/// Deterministic randomness (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let word = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D);
        usize::try_from(word >> 33).unwrap() % limit
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

/// Well-formed packets of both versions, to start from.
fn corpus(level: u8, account: &Account) -> Vec<Vec<u8>> {
    let up = account.up(Up::Events).to_string();
    let mut with_properties = [text(&up), vec![0, 5]].concat();
    with_properties.extend([16, 2, 0, 0, 0, 9, 3, 0, 1, b'j', 38, 0, 1, b'k', 0, 1, b'v', b'{', b'}']);
    let unsubscribe = [vec![0, 3], if level == V5 { vec![0] } else { vec![] }, text("a/b")].concat();
    vec![
        publish(level, 1, &up, b"{\"v\":1}"),
        packet(0x30, &[text(&up), vec![0], b"x".to_vec()].concat()),
        packet(0x3A, &with_properties),
        subscribe(level, 2, &[&agent_subscribes(&account.agent), "#", "a/+/b"]),
        packet(0xA2, &unsubscribe),
        packet(0x40, &[0, 1]),
        packet(0x40, &[0, 1, 0x87, 0]),
        packet(0xC0, &[]),
        packet(0xE0, &[4, 5, 17, 0, 0, 0, 1]),
        packet(0x62, &[0, 1]),
        Connect { will: Some((&up, "w")), ..Connect::new(level, account.login()) }.encode(),
    ]
}

/// Changes some bytes; mostly the length is set right again, so that the inside is looked at.
fn mutate(random: &mut Random, original: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes[at] = random.byte(),
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes.insert(at, random.byte()),
            3 if bytes.len() > 2 => {
                bytes.remove(at);
            }
            4 => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF][random.below(5)],
            _ => {
                let from = random.below(bytes.len());
                let piece = bytes[from..(from + random.below(8)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    if random.below(8) > 0 && bytes.len() > 2 {
        return packet(bytes[0], &bytes[2..]);
    }
    bytes
}

/// One connection: a login (mutated every tenth time) and some mutated packets behind it, read until it is closed.
async fn assault(addr: SocketAddr, bytes: &[u8]) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(addr).await?;
    // Both may fail when the gate closes first.
    if stream.write_all(bytes).await.is_ok() {
        let _closed = stream.shutdown().await;
        let mut sink = [0; 1024];
        let drained = async { while matches!(stream.read(&mut sink).await, Ok(read) if read > 0) {} };
        timeout(Duration::from_secs(20), drained).await.context("the gate neither answers nor closes")?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_mutated_packets_harm_nobody() -> anyhow::Result<()> {
    const PACKETS: usize = 100_000;
    const AT_ONCE: usize = 10;
    let mut broker = Broker::embedded().await?;
    let mut bystander = Bystander::connect(&broker).await?;
    let sent = Arc::new(AtomicUsize::new(0));
    let mut workers = Vec::new();
    for worker in 0..broker.crowd.len() {
        let (addr, a, sent) = (broker.addr, broker.crowd[worker].clone(), Arc::clone(&sent));
        workers.push(tokio::spawn(async move {
            let mut random = Random(0x9E37_79B9_7F4A_7C15 + u64::try_from(worker)?);
            let corpora = [V4, V5].map(|level| (Connect::new(level, a.login()).encode(), corpus(level, &a)));
            while sent.fetch_add(AT_ONCE, Relaxed) < PACKETS {
                let (login, packets) = &corpora[random.below(2)];
                let mut bytes = if random.below(10) == 0 { mutate(&mut random, login) } else { login.clone() };
                for _ in 0..AT_ONCE {
                    let original = &packets[random.below(packets.len())];
                    bytes.extend(mutate(&mut random, original));
                }
                assault(addr, &bytes).await?;
            }
            anyhow::Ok(())
        }));
    }
    let mut rounds = 0;
    while sent.load(Relaxed) < PACKETS {
        bystander.is_served(&mut broker, "some mutated packets").await?;
        rounds += 1;
    }
    for worker in workers {
        worker.await??;
    }
    ensure!(rounds > 0, "the bystander was looked at meanwhile");
    bystander.is_served(&mut broker, "a hundred thousand mutated packets").await?;
    let counts = broker.bus.status().counts;
    ensure!(counts.malformed > 1_000, "the packets were looked at: {counts:?}");
    Ok(())
}
