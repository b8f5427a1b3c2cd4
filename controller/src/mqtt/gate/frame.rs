//! MQTT framing: where one packet ends, and the few bytes the gate reads itself. Pure; knows no packet's inside.

use bytes::{BufMut, BytesMut};

use crate::mqtt::words::Version;

/// Why bytes are not a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("malformed length")]
    Length,
    #[error("packet of {0} bytes is over the limit")]
    TooLarge(usize),
}

/// One whole packet, as it came.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::mqtt) struct Frame {
    bytes: BytesMut,
    /// Bytes of the fixed header.
    header: usize,
}

const MAX_LENGTH_BYTES: usize = 4;

impl Frame {
    /// Takes the first packet off `buffer`, when it is whole. Room for the rest of a started one is reserved, at most
    /// `limit` bytes.
    pub(super) fn take(buffer: &mut BytesMut, limit: usize) -> Result<Option<Self>, FrameError> {
        let Some((header, length)) = lengths(buffer)? else { return Ok(None) };
        if length > limit {
            return Err(FrameError::TooLarge(length));
        }
        let whole = header + length;
        if buffer.len() < whole {
            buffer.reserve(whole - buffer.len());
            return Ok(None);
        }
        Ok(Some(Self { bytes: buffer.split_to(whole), header }))
    }

    /// The packet type: the upper half of the first byte.
    pub(in crate::mqtt) fn kind(&self) -> u8 {
        self.first() >> 4
    }

    /// QoS bits of a PUBLISH.
    pub(in crate::mqtt) fn qos(&self) -> u8 {
        (self.first() >> 1) & 3
    }

    /// What follows the fixed header.
    pub(in crate::mqtt) fn body(&self) -> &[u8] {
        self.bytes.get(self.header..).unwrap_or_default()
    }

    pub(in crate::mqtt) fn into_bytes(self) -> BytesMut {
        self.bytes
    }

    fn first(&self) -> u8 {
        self.bytes.first().copied().unwrap_or_default()
    }
}

/// Appends a PUBLISH of the gate's own: with QoS 1 if it has an id, else with QoS 0; no properties.
pub(super) fn publish(version: Version, topic: &str, id: Option<u16>, payload: &[u8], out: &mut BytesMut) {
    // The topic is one of ours, far below 64 KiB.
    let topic_length = u16::try_from(topic.len()).unwrap_or(u16::MAX);
    let properties = usize::from(version == Version::V5);
    let mut rest = 2 + topic.len() + if id.is_some() { 2 } else { 0 } + properties + payload.len();
    out.put_u8(if id.is_some() { 0x32 } else { 0x30 });
    loop {
        let more = if rest > 127 { 128 } else { 0 };
        out.put_u8(u8::try_from(rest % 128).unwrap_or_default() | more);
        rest /= 128;
        if rest == 0 {
            break;
        }
    }
    out.put_u16(topic_length);
    out.extend_from_slice(topic.as_bytes());
    if let Some(id) = id {
        out.put_u16(id);
    }
    out.put_bytes(0, properties);
    out.extend_from_slice(payload);
}

/// QoS and packet id of an encoded PUBLISH (id 0 for QoS 0).
pub(in crate::mqtt) fn delivery(packet: &[u8]) -> (u8, u16) {
    let qos = packet.first().map_or(0, |first| (first >> 1) & 3);
    if qos == 0 {
        return (0, 0);
    }
    let header = match lengths(packet) {
        Ok(Some((header, _))) => header,
        Ok(None) | Err(_) => return (0, 0),
    };
    (qos, packet_id(packet.get(header..).unwrap_or_default()))
}

/// Packet id in the body of a PUBLISH with QoS above 0: after the topic.
pub(in crate::mqtt) fn packet_id(body: &[u8]) -> u16 {
    let word = |at: usize| {
        let pair = body.get(at..at + 2)?;
        Some(u16::from_be_bytes([*pair.first()?, *pair.get(1)?]))
    };
    word(0).and_then(|topic| word(2 + usize::from(topic))).unwrap_or_default()
}

/// Length of the fixed header, and of what follows; none while the header is not whole.
fn lengths(buffer: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
    let mut length = 0usize;
    for (at, byte) in buffer.iter().skip(1).take(MAX_LENGTH_BYTES).enumerate() {
        length |= usize::from(byte & 127) << (7 * at);
        if byte & 128 == 0 {
            return Ok(Some((at + 2, length)));
        }
    }
    if buffer.len() > MAX_LENGTH_BYTES { Err(FrameError::Length) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(bytes: &[u8], limit: usize) -> Result<Option<usize>, FrameError> {
        let mut buffer = BytesMut::from(bytes);
        Frame::take(&mut buffer, limit).map(|frame| frame.map(|frame| frame.body().len()))
    }

    #[test]
    fn a_packet_is_taken_when_it_is_whole() {
        assert_eq!(take(&[], 10), Ok(None));
        assert_eq!(take(&[0xC0], 10), Ok(None));
        assert_eq!(take(&[0xC0, 0], 10), Ok(Some(0)));
        assert_eq!(take(&[0x30, 3, 1, 2], 10), Ok(None));
        assert_eq!(take(&[0x30, 3, 1, 2, 3, 0xC0], 10), Ok(Some(3)));
        let mut long = vec![0x30, 0xC8, 0x01];
        long.extend([7; 200]);
        assert_eq!(take(&long, 200), Ok(Some(200)));
    }

    #[test]
    fn what_exceeds_the_limit_is_refused_before_it_arrives() {
        assert_eq!(take(&[0x30, 11], 10), Err(FrameError::TooLarge(11)));
        assert_eq!(take(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F], 10), Err(FrameError::TooLarge(268_435_455)));
        assert_eq!(take(&[0x30, 0xFF, 0xFF, 0xFF], 10), Ok(None));
        assert_eq!(take(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF], 10), Err(FrameError::Length));
    }

    #[test]
    fn a_publish_of_our_own_is_read_by_the_codec() {
        for version in [Version::V4, Version::V5] {
            for (id, length) in [(None, 0), (Some(101), 1), (Some(u16::MAX), 200), (Some(101), 300_000)] {
                let (mut out, payload) = (BytesMut::new(), vec![7; length]);
                publish(version, "a/b", id, &payload, &mut out);
                assert_eq!(delivery(&out), (u8::from(id.is_some()), id.unwrap_or_default()));
                let frame = Frame::take(&mut out, 400_000).unwrap().unwrap();
                assert!(out.is_empty());
                let request = crate::mqtt::broker::decode(version, frame).unwrap();
                let crate::mqtt::words::Request::Publish(message) = request else { panic!("{request:?}") };
                assert_eq!((message.topic(), message.payload().as_ref()), ("a/b", payload.as_slice()));
                assert_eq!((message.qos, message.id), (u8::from(id.is_some()), id.unwrap_or_default()));
            }
        }
    }

    #[test]
    fn the_packet_id_of_a_publish_stands_after_its_topic() {
        assert_eq!(delivery(&[0x32, 7, 0, 1, b'a', 0x12, 0x34, 9, 9]), (1, 0x1234));
        assert_eq!(delivery(&[0x30, 5, 0, 1, b'a', 9, 9]), (0, 0));
        assert_eq!(delivery(&[0x32, 3, 0, 200, b'a']), (1, 0));
        assert_eq!(delivery(&[0x32]), (0, 0));
        assert_eq!(delivery(&[]), (0, 0));
    }
}
