//! Frames (RFC 6455, section 5.2): the header of one that comes, and those of control that are sent.

use super::close::SocketBreach;
use super::masking::{self, MASK_BYTES};
use engine::outbox::Outbox;

/// The longest payload of a frame of control (section 5.5).
pub(super) const CONTROL_BYTES_MAX: usize = 125;
/// The longest frame of control that is sent.
pub(super) const CONTROL_FRAME_BYTES_MAX: usize = 2 + MASK_BYTES + CONTROL_BYTES_MAX;
/// The longest header of a frame that comes: it has no mask.
const HEADER_BYTES_MAX: usize = 10;

const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;
/// Of the seven bits of a length: it stands in the two bytes, or the eight, that follow.
const IN_TWO: u8 = 126;
const IN_EIGHT: u8 = 127;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn of(bits: u8) -> Result<Opcode, SocketBreach> {
        Ok(match bits {
            0x0 => Opcode::Continuation,
            0x1 => Opcode::Text,
            0x2 => Opcode::Binary,
            0x8 => Opcode::Close,
            0x9 => Opcode::Ping,
            0xa => Opcode::Pong,
            _ => return Err(SocketBreach::of_protocol("a frame has an opcode that is reserved")),
        })
    }

    fn bits(self) -> u8 {
        match self {
            Opcode::Continuation => 0x0,
            Opcode::Text => 0x1,
            Opcode::Binary => 0x2,
            Opcode::Close => 0x8,
            Opcode::Ping => 0x9,
            Opcode::Pong => 0xa,
        }
    }

    /// Whether it is of the connection, and of no message.
    pub(super) fn is_control(self) -> bool {
        matches!(self, Opcode::Close | Opcode::Ping | Opcode::Pong)
    }
}

/// The header of a frame that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SocketFrameHeader {
    pub(super) opcode: Opcode,
    /// It is the last of its message.
    pub(super) is_final: bool,
    /// How many bytes of payload follow.
    pub(super) length: u64,
}

/// A header, in whatever pieces it comes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HeaderReader {
    bytes: [u8; HEADER_BYTES_MAX],
    filled: u8,
}

impl HeaderReader {
    /// Takes bytes; returns how many, and the header once it is whole.
    #[inline]
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(usize, Option<SocketFrameHeader>), SocketBreach> {
        // What is usual: the header is there as a whole.
        if self.filled == 0
            && let Some(header) = parse(bytes)?
        {
            return Ok((header_bytes(bytes), Some(header)));
        }
        self.collect(bytes)
    }

    #[cold]
    fn collect(&mut self, bytes: &[u8]) -> Result<(usize, Option<SocketFrameHeader>), SocketBreach> {
        for (at, byte) in bytes.iter().enumerate() {
            self.bytes[usize::from(self.filled)] = *byte;
            self.filled += 1;
            if let Some(header) = parse(&self.bytes[..usize::from(self.filled)])? {
                self.filled = 0;
                return Ok((at + 1, Some(header)));
            }
        }
        Ok((bytes.len(), None))
    }
}

/// How long the header is that these bytes begin with, of which there are two.
#[inline]
fn header_bytes(bytes: &[u8]) -> usize {
    match bytes[1] & LENGTH {
        IN_TWO => 4,
        IN_EIGHT => HEADER_BYTES_MAX,
        _ => 2,
    }
}

/// The header at the front, if all of it is there. What is wrong with its beginning is told before the rest has come.
#[inline]
fn parse(bytes: &[u8]) -> Result<Option<SocketFrameHeader>, SocketBreach> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    if first & RESERVED != 0 {
        return Err(SocketBreach::of_protocol("a frame has a reserved bit, and no extension was offered"));
    }
    let (opcode, is_final) = (Opcode::of(first & OPCODE)?, first & FINAL != 0);
    if opcode.is_control() && !is_final {
        return Err(SocketBreach::of_protocol("a frame of control is in fragments"));
    }
    let Some(&second) = bytes.get(1) else { return Ok(None) };
    if second & MASKED != 0 {
        return Err(SocketBreach::of_protocol("a frame is masked, as those of clients are"));
    }
    let short = second & LENGTH;
    if opcode.is_control() && usize::from(short) > CONTROL_BYTES_MAX {
        return Err(SocketBreach::of_protocol("a frame of control is longer than 125 bytes"));
    }
    let Some(length) = extended_length(short, bytes)? else { return Ok(None) };
    Ok(Some(SocketFrameHeader { opcode, is_final, length }))
}

/// The length, if all of it is there: in the shortest form that holds it.
#[inline]
fn extended_length(short: u8, bytes: &[u8]) -> Result<Option<u64>, SocketBreach> {
    let (length, least) = match short {
        IN_TWO => match bytes.get(2..4) {
            Some(&[high, low]) => (u64::from(u16::from_be_bytes([high, low])), u64::from(IN_TWO)),
            _ => return Ok(None),
        },
        IN_EIGHT => match bytes.get(2..HEADER_BYTES_MAX).and_then(|bytes| bytes.first_chunk::<8>()) {
            Some(bytes) => (u64::from_be_bytes(*bytes), 1 << u16::BITS),
            None => return Ok(None),
        },
        short => (u64::from(short), 0),
    };
    if length >> 63 != 0 {
        return Err(SocketBreach::of_protocol("a frame's length has its highest bit set"));
    }
    if length < least {
        return Err(SocketBreach::of_protocol("a frame's length is in a longer form than it needs"));
    }
    Ok(Some(length))
}

/// The byte that a message in one frame begins with.
pub(super) fn first_byte(opcode: Opcode) -> u8 {
    FINAL | opcode.bits()
}

/// Where the mask of a frame that was rendered begins.
#[inline]
pub(super) fn mask_offset(frame: &[u8]) -> usize {
    header_bytes(frame)
}

/// Appends a frame of control.
pub(super) fn push_control(opcode: Opcode, payload: &[u8], mask: [u8; MASK_BYTES], out: &mut Outbox<'_>) {
    let start = out.filled();
    out.push(&[first_byte(opcode), MASKED | payload.len() as u8]);
    out.push(&mask);
    out.push(payload);
    masking::apply(mask, &mut out.bytes_from_mut(start)[2 + MASK_BYTES..]);
}
