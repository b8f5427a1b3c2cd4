//! MQTT by hand: the packets a well-meaning client library would never send.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Longest wait for anything the broker should say.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// 3.1.1 is level 4.
pub(crate) const V4: u8 = 4;
pub(crate) const V5: u8 = 5;

/// A packet: first byte and body.
pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut length = body.len();
    loop {
        let byte = u8::try_from(length % 128).unwrap();
        length /= 128;
        packet.push(if length > 0 { byte | 128 } else { byte });
        if length == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

/// A string with its length.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let mut bytes = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

/// CONNECT with user name and password.
pub(crate) struct Connect<'a> {
    pub(crate) level: u8,
    pub(crate) client_id: &'a str,
    pub(crate) login: (&'a str, &'a str),
    pub(crate) clean: bool,
    pub(crate) keep_alive: u16,
    /// Properties of MQTT 5, without their length.
    pub(crate) properties: &'a [u8],
    pub(crate) will: Option<(&'a str, &'a str)>,
}

impl<'a> Connect<'a> {
    pub(crate) fn new(level: u8, login: (&'a str, &'a str)) -> Self {
        Self { level, client_id: login.0, login, clean: true, keep_alive: 30, properties: &[], will: None }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut body = text("MQTT");
        let will = if self.will.is_some() { 0x2C } else { 0 };
        body.extend([self.level, 0xC0 | will | u8::from(self.clean) << 1]);
        body.extend(self.keep_alive.to_be_bytes());
        if self.level == V5 {
            body.push(u8::try_from(self.properties.len()).unwrap());
            body.extend(self.properties);
        }
        body.extend(text(self.client_id));
        if let Some((topic, message)) = self.will {
            if self.level == V5 {
                body.push(0);
            }
            body.extend(text(topic));
            body.extend(text(message));
        }
        body.extend(text(self.login.0));
        body.extend(text(self.login.1));
        packet(0x10, &body)
    }
}

pub(crate) fn subscribe(level: u8, id: u16, filters: &[&str]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if level == V5 {
        body.push(0);
    }
    for filter in filters {
        body.extend(text(filter));
        body.push(1);
    }
    packet(0x82, &body)
}

/// A PUBLISH with QoS 1.
pub(crate) fn publish(level: u8, id: u16, topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut body = text(topic);
    body.extend(id.to_be_bytes());
    if level == V5 {
        body.push(0);
    }
    body.extend(payload);
    packet(0x32, &body)
}

/// The packet id of a PUBLISH.
pub(crate) fn id_of(body: &[u8]) -> anyhow::Result<[u8; 2]> {
    let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
    Ok(body.get(2 + topic..4 + topic).context("no packet id")?.try_into()?)
}

/// A connection.
pub(crate) struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Opens the connection only.
    pub(crate) async fn open(addr: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self { stream: TcpStream::connect(addr).await? })
    }

    /// Logs in; answers the connection and the code of CONNACK.
    pub(crate) async fn login(addr: SocketAddr, connect: &Connect<'_>) -> anyhow::Result<(Self, u8)> {
        let mut raw = Self::open(addr).await?;
        raw.send(&connect.encode()).await?;
        let (first, body) = raw.next().await?.context("closed without CONNACK")?;
        ensure!(first == 0x20, "not a CONNACK: {first:#x}");
        let code = body.get(1).copied().context("short CONNACK")?;
        Ok((raw, code))
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// The next packet; none when the connection is closed.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<(u8, Vec<u8>)>> {
        timeout(PATIENCE, self.read()).await.context("the broker says nothing")
    }

    async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.stream.read_u8().await.ok()?;
        let (mut length, mut shift) = (0usize, 0);
        loop {
            let byte = self.stream.read_u8().await.ok()?;
            length |= usize::from(byte & 127) << shift;
            shift += 7;
            if byte & 128 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.ok()?;
        Some((first, body))
    }

    /// Reads packets up to the first of this type (upper half of the first byte).
    pub(crate) async fn wait_for(&mut self, kind: u8) -> anyhow::Result<Vec<u8>> {
        loop {
            let (first, body) = self.next().await?.with_context(|| format!("closed before a packet of type {kind}"))?;
            if first >> 4 == kind {
                return Ok(body);
            }
        }
    }

    /// Reads until the broker closes; answers the reason of its DISCONNECT, if it said one.
    pub(crate) async fn wait_for_end(&mut self) -> anyhow::Result<Option<u8>> {
        let mut reason = None;
        while let Some((first, body)) = self.next().await? {
            if first >> 4 == 14 {
                reason = body.first().copied();
            }
        }
        Ok(reason)
    }
}
