//! Where a response on a stream of bytes ends: behind a delimiter, after a length, or with the connection.

use super::delimiter::Delimiter;
use crate::protocol::{Receive, Unusable};
use engine::outcome::Kind;
use engine::plan::{LengthPrefix, MessageEnd, STREAM_RESPONSE_BYTES_MAX};

/// A response that is at least so long lets the next be received by throwing it away in the kernel.
const DISCARD_BYTES_MIN: u64 = 8 << 10;

const ENDLESS: Unusable = Unusable {
    kind: Kind::Protocol,
    why: "a response has 16 MiB and no delimiter: does it end by something else?",
};
const TOO_LONG: Unusable =
    Unusable { kind: Kind::Protocol, why: "the length before a response is more than 16 MiB: is it one?" };
const _: () = assert!(STREAM_RESPONSE_BYTES_MAX == 16 << 20, "the texts say so");

/// What ends the responses of a pool's connections.
#[derive(Clone, Debug)]
pub(super) enum StreamFraming {
    Delimiter(Box<Delimiter>),
    Length(LengthPrefix),
    Bytes(u64),
    Close,
    None,
}

impl StreamFraming {
    pub(super) fn new(ends: &MessageEnd) -> StreamFraming {
        match ends {
            MessageEnd::Delimiter(delimiter) => StreamFraming::Delimiter(Box::new(Delimiter::new(delimiter))),
            MessageEnd::Length(prefix) => StreamFraming::Length(*prefix),
            MessageEnd::Bytes(bytes) => StreamFraming::Bytes(*bytes),
            MessageEnd::Close => StreamFraming::Close,
            MessageEnd::None => StreamFraming::None,
        }
    }
}

/// The response that is coming on one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ComingResponse {
    /// Its bytes so far.
    pub(super) bytes: u64,
    /// Those that are to come, once that is known; they need not be looked at.
    left: u64,
    /// Of a delimiter: how many bytes have come.
    fitting: u16,
    /// A length, as far as it has come.
    length: u32,
    /// How long the last one was, where that was known beforehand.
    length_last: u64,
}

impl ComingResponse {
    /// Nothing of it has come; the next ones are as long as this, where that is known.
    pub(super) fn unbegun(framing: &StreamFraming) -> ComingResponse {
        let length_last = if let StreamFraming::Bytes(bytes) = framing { *bytes } else { 0 };
        ComingResponse { length_last, ..ComingResponse::default() }
    }

    /// Takes bytes, of which there is at least one. Says how many belong to it, and whether it is whole.
    #[inline]
    pub(super) fn take(&mut self, framing: &StreamFraming, bytes: &[u8]) -> Result<(usize, bool), Unusable> {
        match framing {
            StreamFraming::Delimiter(delimiter) => match delimiter.end(&mut self.fitting, bytes) {
                Some(end) => {
                    self.bytes += end as u64;
                    if self.bytes > STREAM_RESPONSE_BYTES_MAX { Err(ENDLESS) } else { Ok((end, true)) }
                }
                None => {
                    self.bytes += bytes.len() as u64;
                    if self.bytes > STREAM_RESPONSE_BYTES_MAX {
                        Err(ENDLESS)
                    } else {
                        Ok((bytes.len(), false))
                    }
                }
            },
            StreamFraming::Length(prefix) => self.take_length(*prefix, bytes),
            StreamFraming::Bytes(length) => {
                if self.bytes == 0 {
                    self.left = *length;
                }
                Ok(self.take_known(bytes.len()))
            }
            StreamFraming::Close | StreamFraming::None => {
                self.bytes += bytes.len() as u64;
                Ok((bytes.len(), false))
            }
        }
    }

    fn take_length(&mut self, prefix: LengthPrefix, bytes: &[u8]) -> Result<(usize, bool), Unusable> {
        let mut used = 0;
        while self.bytes < prefix.bytes() as u64 {
            let Some(&byte) = bytes.get(used) else { return Ok((used, false)) };
            self.length = match prefix.is_big_endian() {
                true => self.length << 8 | u32::from(byte),
                false => self.length | u32::from(byte) << (8 * self.bytes),
            };
            (used, self.bytes) = (used + 1, self.bytes + 1);
            if self.bytes == prefix.bytes() as u64 {
                self.left = u64::from(self.length);
                self.length_last = self.left;
                if self.left > STREAM_RESPONSE_BYTES_MAX {
                    return Err(TOO_LONG);
                }
            }
        }
        let (of_it, is_whole) = self.take_known(bytes.len() - used);
        Ok((used + of_it, is_whole))
    }

    fn take_known(&mut self, available: usize) -> (usize, bool) {
        let taken = self.left.min(available as u64);
        self.bytes += taken;
        self.left -= taken;
        (taken as usize, self.left == 0)
    }

    /// So many of its bytes were thrown away. Whether it is whole.
    pub(super) fn discarded(&mut self, bytes: u64) -> bool {
        let is_coming = self.left > 0;
        self.take_known(bytes.min(self.left) as usize);
        is_coming && self.left == 0
    }

    /// It is whole: its bytes. The next begins.
    #[inline]
    pub(super) fn finish(&mut self) -> u64 {
        let bytes = self.bytes;
        *self = ComingResponse { length_last: self.length_last, ..ComingResponse::default() };
        bytes
    }

    /// What to receive next: what need not be looked at is not copied.
    #[inline]
    pub(super) fn wish(&self) -> Receive {
        match self.bytes {
            0 if self.length_last >= DISCARD_BYTES_MIN => Receive::Head,
            _ if self.left > 0 => Receive::Discard(self.left),
            _ => Receive::Stream,
        }
    }
}
