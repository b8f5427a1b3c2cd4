//! The sizes both sides keep to. One place, so that a sender never makes what the receiver refuses.

/// Largest MQTT payload, bytes.
pub const MAX_PAYLOAD: usize = 256 * 1024;
/// Rows of one snapshot chunk.
pub const MAX_SNAPSHOT_ROWS: usize = 250;
/// Bytes one snapshot chunk or event batch aims to stay under.
pub const MAX_CHUNK_BYTES: usize = 48 * 1024;
/// Records the agent may have sent without an acknowledgement.
pub const EVENT_WINDOW: usize = 256;
/// Records of one `up/ev` message.
pub const EVENT_BATCH: usize = 64;
/// Objects of one `desired.put`.
pub const DESIRED_BATCH: usize = 100;
/// Longest name of a router user or profile, bytes.
pub const MAX_NAME: usize = 128;
/// Longest comment kept from a router, bytes; the rest is cut at a character.
pub const MAX_COMMENT: usize = 512;
/// Bytes of a profile's script that are mirrored: a little over the longest one that is ever touched.
pub const MAX_SHOWN_SCRIPT: usize = crate::script::MAX_SCRIPT + 8;
