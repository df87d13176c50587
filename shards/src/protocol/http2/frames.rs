//! Frames of HTTP/2 as bytes (RFC 9113, sections 4 and 6): their headers, and those that are written whole.

use super::error::ErrorCode;
use engine::outbox::Outbox;

/// What a client's connection begins with (section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The header of a frame.
pub(super) const FRAME_HEADER_BYTES: usize = 9;
/// The longest payload that either side has to accept, and the longest that we do.
pub(super) const FRAME_PAYLOAD_BYTES_MAX: usize = 16_384;
/// The longest frame among those that answer something: a PING, or a GOAWAY.
pub(super) const ANSWER_BYTES_MAX: usize = FRAME_HEADER_BYTES + 8;
/// The largest identifier of a stream, and the largest window.
pub(super) const THIRTY_ONE_BITS: u32 = 0x7fff_ffff;

/// Types of frames.
pub(super) mod frame_type {
    pub(crate) const DATA: u8 = 0x0;
    pub(crate) const HEADERS: u8 = 0x1;
    pub(crate) const PRIORITY: u8 = 0x2;
    pub(crate) const RST_STREAM: u8 = 0x3;
    pub(crate) const SETTINGS: u8 = 0x4;
    pub(crate) const PUSH_PROMISE: u8 = 0x5;
    pub(crate) const PING: u8 = 0x6;
    pub(crate) const GOAWAY: u8 = 0x7;
    pub(crate) const WINDOW_UPDATE: u8 = 0x8;
    pub(crate) const CONTINUATION: u8 = 0x9;
}

/// Flags of frames.
pub(super) mod flag {
    pub(crate) const ACK: u8 = 0x1;
    pub(crate) const END_STREAM: u8 = 0x1;
    pub(crate) const END_HEADERS: u8 = 0x4;
    pub(crate) const PADDED: u8 = 0x8;
    pub(crate) const PRIORITY: u8 = 0x20;
}

/// Identifiers of settings (section 6.5.2).
pub(super) mod setting {
    pub(crate) const HEADER_TABLE_SIZE: u16 = 0x1;
    pub(crate) const ENABLE_PUSH: u16 = 0x2;
    pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 0x3;
    pub(crate) const INITIAL_WINDOW_SIZE: u16 = 0x4;
    pub(crate) const MAX_FRAME_SIZE: u16 = 0x5;
    pub(crate) const MAX_HEADER_LIST_SIZE: u16 = 0x6;
}

/// The header of a frame (section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Of the payload.
    pub(super) length: usize,
    pub(super) frame_type: u8,
    pub(super) flags: u8,
    /// 0 of the connection.
    pub(super) stream: u32,
}

impl FrameHeader {
    /// The header at the front of bytes, if they are enough.
    #[inline]
    pub(super) fn read(bytes: &[u8]) -> Option<FrameHeader> {
        let bytes: &[u8; FRAME_HEADER_BYTES] = bytes.first_chunk()?;
        let first = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        // The highest bit is reserved, and ignored.
        let stream = u32::from_be_bytes([bytes[5], bytes[6], bytes[7], bytes[8]]) & THIRTY_ONE_BITS;
        let (length, frame_type) = ((first >> 8) as usize, first as u8);
        Some(FrameHeader { length, frame_type, flags: bytes[4], stream })
    }

    #[inline]
    pub(super) fn bytes(self) -> [u8; FRAME_HEADER_BYTES] {
        let first = ((self.length as u32) << 8 | u32::from(self.frame_type)).to_be_bytes();
        let stream = self.stream.to_be_bytes();
        [first[0], first[1], first[2], first[3], self.flags, stream[0], stream[1], stream[2], stream[3]]
    }

    #[inline]
    pub(super) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Four bytes, the highest first.
pub(super) fn be32(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Appends a frame whose payload is at hand.
pub(super) fn push_frame(out: &mut Outbox<'_>, frame_type: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.push(&FrameHeader { length: payload.len(), frame_type, flags, stream }.bytes());
    out.push(payload);
}

/// Appends SETTINGS.
pub(super) fn push_settings(out: &mut Outbox<'_>, settings: &[(u16, u32)]) {
    let length = settings.len() * 6;
    out.push(&FrameHeader { length, frame_type: frame_type::SETTINGS, flags: 0, stream: 0 }.bytes());
    for (identifier, value) in settings {
        out.push(&identifier.to_be_bytes());
        out.push(&value.to_be_bytes());
    }
}

/// Appends a WINDOW_UPDATE.
pub(super) fn push_window_update(out: &mut Outbox<'_>, stream: u32, increment: u32) {
    push_frame(out, frame_type::WINDOW_UPDATE, 0, stream, &increment.to_be_bytes());
}

/// Appends a RST_STREAM.
pub(super) fn push_reset(out: &mut Outbox<'_>, stream: u32, code: ErrorCode) {
    push_frame(out, frame_type::RST_STREAM, 0, stream, &code.0.to_be_bytes());
}

/// Appends a GOAWAY. Servers start no streams of their own here, so none of theirs was processed.
pub(super) fn push_goaway(out: &mut Outbox<'_>, code: ErrorCode) {
    let [a, b, c, d] = code.0.to_be_bytes();
    push_frame(out, frame_type::GOAWAY, 0, 0, &[0, 0, 0, 0, a, b, c, d]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::outbox::collected;

    #[test]
    fn a_header_is_the_same_after_reading() {
        let header = FrameHeader { length: 0x01_02_03, frame_type: 4, flags: 5, stream: 0x7a_0b_0c_0d };
        assert_eq!(header.bytes(), [1, 2, 3, 4, 5, 0x7a, 11, 12, 13]);
        assert_eq!(FrameHeader::read(&header.bytes()), Some(header));
        assert_eq!(FrameHeader::read(&[1, 2, 3, 4, 5, 0xfa, 11, 12, 13]), Some(header), "a reserved bit");
        assert_eq!(FrameHeader::read(&[0; 8]), None);
    }

    #[test]
    fn frames_are_written_as_the_standard_draws_them() {
        let frames = collected(64, |out| {
            push_settings(out, &[(setting::ENABLE_PUSH, 0), (setting::INITIAL_WINDOW_SIZE, 1 << 30)]);
            push_reset(out, 3, ErrorCode::CANCEL);
        });
        let settings = [0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 4, 0x40, 0, 0, 0];
        assert_eq!(frames[..21], settings);
        assert_eq!(frames[21..], [0, 0, 4, 3, 0, 0, 0, 0, 3, 0, 0, 0, 8]);
        let goaway = collected(17, |out| push_goaway(out, ErrorCode::ENHANCE_YOUR_CALM));
        assert_eq!(goaway, [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11]);
    }
}
