//! From the first byte to the answer to CONNECT: who is it, may it connect now, may it leave that will.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout, timeout_at},
};

use super::{
    Gate, acl,
    frame::{Frame, FrameError},
    quota::Usage,
    session::MAX_PACKET,
    sessions::{Kick, Place},
};
use crate::mqtt::{
    Deny, Identity, Login,
    broker::{self, Inlet, Message, Outlet},
    words::{Connect, ConnectError, Refusal, Reply, Version, Welcome},
};

/// Largest CONNECT, its header not counted: before the login nobody gets more memory than this.
const MAX_CONNECT: usize = 4096;
/// Longest wait for a refusal to leave.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// As much of a user name is told on.
const SHOWN_NAME: usize = 64;

/// A client that was let in.
pub(super) struct Admitted {
    pub(super) version: Version,
    pub(super) identity: Identity,
    pub(super) will: Option<Message>,
    pub(super) receive_maximum: u16,
    pub(super) packet_limit: usize,
    pub(super) keep_alive: Duration,
    pub(super) usage: Usage,
    pub(super) place: Place,
    pub(super) outlet: Outlet,
    pub(super) inlet: Inlet,
    /// What it sent after its CONNECT.
    pub(super) input: BytesMut,
    /// What it gets first.
    pub(super) output: BytesMut,
    pub(super) permit: OwnedSemaphorePermit,
}

/// Why a connection came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("no whole CONNECT in time")]
    Silent,
    #[error("{0}")]
    Malformed(ConnectError),
    #[error("{0}")]
    Login(Deny),
    #[error("this account connects too often")]
    TooOften,
    #[error("{0}")]
    Full(&'static str),
    #[error("the will is not allowed")]
    Will,
    #[error("the broker is restarting")]
    Router,
}

impl Refused {
    /// What the client is told.
    fn answer(&self) -> Option<Refusal> {
        match self {
            Self::Silent | Self::Malformed(_) => None,
            Self::Login(Deny::BadCredentials) => Some(Refusal::BadCredentials),
            Self::Login(Deny::NotAuthorized) | Self::Will => Some(Refusal::NotAuthorized),
            Self::Login(Deny::Busy) | Self::Router | Self::Full(_) => Some(Refusal::Busy),
            Self::TooOften => Some(Refusal::TooOften),
        }
    }
}

/// Reads CONNECT and decides. A refusal has been answered when this returns.
pub(super) async fn admit<S>(
    gate: &Arc<Gate>,
    stream: &mut S,
    peer: SocketAddr,
    deadline: Instant,
) -> Result<Admitted, Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut input = BytesMut::with_capacity(512);
    let frame = timeout_at(deadline, first_frame(stream, &mut input)).await.map_err(|_late| Refused::Silent)??;
    let (version, connect) = match broker::decode_connect(frame) {
        Ok(connect) => connect,
        Err(error) => {
            if error == ConnectError::Level {
                // "Unacceptable protocol version", as versions before 5 say it.
                let _left = timeout(REFUSAL_TIME, stream.write_all(&[0x20, 2, 0, 1])).await;
            }
            return Err(Refused::Malformed(error));
        }
    };
    let decided = decide(gate, version, connect, peer).await;
    match decided {
        Ok(admitted) => Ok(Admitted { input, ..admitted }),
        Err(refused) => {
            if let Some(refusal) = refused.answer() {
                let mut answer = BytesMut::new();
                if broker::encode(version, Reply::Refuse(refusal), &mut answer).is_ok() {
                    let _left = timeout(REFUSAL_TIME, stream.write_all(&answer)).await;
                    let _left = timeout(REFUSAL_TIME, stream.shutdown()).await;
                }
            }
            Err(refused)
        }
    }
}

async fn first_frame<S: AsyncRead + Unpin>(stream: &mut S, input: &mut BytesMut) -> Result<Frame, Refused> {
    loop {
        match Frame::take(input, MAX_CONNECT) {
            Ok(Some(frame)) => return Ok(frame),
            Ok(None) => {}
            Err(FrameError::Length | FrameError::TooLarge(_)) => {
                return Err(Refused::Malformed(ConnectError::NotMqtt));
            }
        }
        // Another protocol is recognized by its first byte; do not wait for more of it.
        if input.first().is_some_and(|first| *first != 0x10) {
            return Err(Refused::Malformed(ConnectError::NotMqtt));
        }
        match stream.read_buf(input).await {
            Ok(0) | Err(_) => return Err(Refused::Silent),
            Ok(_) => {}
        }
    }
}

async fn decide(
    gate: &Arc<Gate>,
    version: Version,
    mut connect: Connect,
    peer: SocketAddr,
) -> Result<Admitted, Refused> {
    let identity = authenticate(gate, &mut connect, peer).await?;
    let usage = gate.accounts.usage(&identity.session, Instant::now());
    if !usage.may_connect(Instant::now()) {
        return Err(Refused::TooOften);
    }
    if let Some(will) = &connect.will
        && !may_leave(&identity, will)
    {
        gate.denied(&identity.session, format!("will on {:?}", shown(will.topic())));
        return Err(Refused::Will);
    }
    let mut place = gate.sessions.enter(&identity.session, identity.agent.clone());
    await_predecessor(gate, &mut place).await?;
    let permit = Arc::clone(&gate.places).try_acquire_owned().map_err(|_full| Refused::Full("too many sessions"))?;
    let link = timeout(gate.config.timing.wedged, gate.router().link()).await;
    let (outlet, inlet) = link.map_err(|_late| Refused::Router)?.map_err(|_gone| Refused::Router)?;

    let longest = gate.config.timing.keep_alive;
    let wanted = Duration::from_secs(connect.keep_alive.into());
    let keep_alive = if wanted.is_zero() { longest } else { wanted.min(longest) };
    let welcome = Welcome {
        keep_alive: (keep_alive != wanted).then(|| u16::try_from(keep_alive.as_secs()).unwrap_or(u16::MAX)),
        assigned_id: (!connect.named_itself).then(|| identity.session.clone()),
        packet_limit: u32::try_from(MAX_PACKET).unwrap_or(u32::MAX),
    };
    let mut output = BytesMut::with_capacity(512);
    broker::encode(version, Reply::Welcome(welcome), &mut output).map_err(|_error| Refused::Router)?;
    Ok(Admitted {
        version,
        identity,
        will: connect.will,
        receive_maximum: connect.receive_maximum,
        packet_limit: connect.packet_limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        keep_alive,
        usage,
        place,
        outlet,
        inlet,
        input: BytesMut::new(),
        output,
        permit,
    })
}

async fn authenticate(gate: &Gate, connect: &mut Connect, peer: SocketAddr) -> Result<Identity, Refused> {
    let Some((username, password)) = connect.login.take() else {
        gate.addresses.failed(peer.ip(), Instant::now());
        return Err(Refused::Login(Deny::NotAuthorized));
    };
    let name = shown(&username).to_owned();
    let login = Login { username, password, peer };
    let answer = timeout(gate.config.timing.authenticate, gate.auth.authenticate(login)).await;
    let answer = answer.unwrap_or(Err(Deny::Busy));
    if let Err(deny) = &answer
        && *deny != Deny::Busy
    {
        gate.addresses.failed(peer.ip(), Instant::now());
        gate.denied(&name, format!("login from {peer}: {deny}"));
    }
    answer.map_err(Refused::Login)
}

fn may_leave(identity: &Identity, will: &Message) -> bool {
    let topic = will.topic();
    let covered = |patterns: &[String]| patterns.iter().any(|pattern| acl::covers(pattern, topic));
    acl::is_topic(topic) && covered(&identity.publish) && (!will.retain() || covered(&identity.retain))
}

/// Waits until the session that is taken over has left, so that its end is not told after our beginning.
async fn await_predecessor(gate: &Gate, place: &mut Place) -> Result<(), Refused> {
    let Some(predecessor) = place.predecessor.take() else { return Ok(()) };
    tokio::select! {
        () = predecessor.cancelled() => Ok(()),
        // A third one came.
        kick = &mut place.kick => {
            place.leaving(kick.unwrap_or(Kick::TakenOver).to_string());
            Err(Refused::Full("taken over before it was open"))
        }
        () = tokio::time::sleep(gate.config.timing.takeover) => {
            Err(Refused::Full("the older session does not leave"))
        }
    }
}

/// A name or topic as it may be shown and logged: short.
pub(super) fn shown(text: &str) -> &str {
    text.get(..text.floor_char_boundary(SHOWN_NAME)).unwrap_or_default()
}
