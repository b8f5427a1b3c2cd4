//! A client of the RouterOS binary API (ports 8728 and 8729), and the pure codec under it.
//!
//! It knows the protocol and nothing of hiji: no menus, no vouchers, no policy about when to reconnect. The codec,
//! [`Reply`] and [`Request`] are pure and serve the router's side as well, so a simulator can stand on them.
//!
//! * [`codec`], [`reply`], [`request`], [`values`], [`backoff`]: pure.
//! * [`client`]: one connection with many commands in flight. It never reconnects by itself: a caller who reconnects
//!   also has to look again at what the router holds, so that loop is the caller's, paced by [`backoff`].
//!
//! Left out: the REST interface (no `listen`, and it leaks router sessions), SSH, MAC telnet.

pub mod backoff;
pub mod client;
pub mod codec;
mod connect;
mod demux;
mod error;
mod login;
mod options;
mod pending;
pub mod reply;
pub mod request;
mod stream;
mod tls;
pub mod values;

pub use client::{Answer, Client};
pub use codec::{CodecError, Decoder, Limits, Sentence, encode};
pub use error::{CallError, CloseReason, ConnectError, Fingerprint, Trap, TrapKind};
pub use options::{ConnectOptions, Tls};
pub(crate) use reply::encode_windows_1252;
pub use reply::{Reply, ReplyKind, Row};
pub use request::Request;
pub use stream::RowStream;

#[cfg(test)]
mod tests;
