//! Messages of the handshake that come after it: session tickets, updates of keys, requests to negotiate again.
//!
//! A message may be split over records, and a record may hold several (RFC 8446 section 5.1).

use super::alert::{Breach, DECODE_ERROR, ILLEGAL_PARAMETER, UNEXPECTED_MESSAGE};
use engine::plan::TlsVersion;

/// Its kind, and its length in three bytes.
const HEAD_BYTES: usize = 4;
/// The longest ticket that is kept: it comes back in the next connection's first message, for which there has to be room.
pub(super) const TICKET_BYTES_MAX: usize = 2 << 10;

const HELLO_REQUEST: u8 = 0;
const NEW_SESSION_TICKET: u8 = 4;
const KEY_UPDATE: u8 = 24;

/// A whole message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PostHandshake<'a> {
    /// By this, a later connection can take up the session.
    Ticket(&'a [u8]),
    /// The same, and longer than what is kept.
    LongTicket,
    /// The other side seals with its next key from here on; it may ask for ours.
    KeyUpdate { is_requested: bool },
    /// TLS 1.2: the other side would like to negotiate again.
    HelloRequest,
}

/// Puts messages together.
#[derive(Debug)]
pub(super) struct MessageReader {
    version: TlsVersion,
    partial: Vec<u8>,
    /// So much of a long ticket is still to come.
    skipped: usize,
    is_given: bool,
}

impl MessageReader {
    pub(super) fn new(version: TlsVersion) -> MessageReader {
        MessageReader { version, partial: Vec::new(), skipped: 0, is_given: false }
    }

    /// Whether a message is half-way.
    pub(super) fn is_inside(&self) -> bool {
        self.skipped > 0 || (!self.partial.is_empty() && !self.is_given)
    }

    /// The next whole message at the beginning of `bytes`, which it is taken from; nothing when they do not hold its end.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<PostHandshake<'_>>, Breach> {
        if self.is_given {
            self.partial.clear();
            self.is_given = false;
        }
        if self.skipped > 0 {
            return Ok(self.skip(bytes));
        }
        self.fill(HEAD_BYTES, bytes);
        let Some(head) = self.partial.first_chunk::<HEAD_BYTES>() else { return Ok(None) };
        let (kind, length) = (head[0], u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize);
        self.check(kind, length)?;
        if length > TICKET_BYTES_MAX {
            self.partial.clear();
            self.skipped = length;
            return Ok(self.skip(bytes));
        }
        self.fill(HEAD_BYTES + length, bytes);
        self.is_given = self.partial.len() == HEAD_BYTES + length;
        if !self.is_given {
            return Ok(None);
        }
        let body = &self.partial[HEAD_BYTES..];
        match kind {
            NEW_SESSION_TICKET => Ok(Some(PostHandshake::Ticket(body))),
            HELLO_REQUEST => Ok(Some(PostHandshake::HelloRequest)),
            _ => key_update(body[0]).map(Some),
        }
    }

    /// Whether a message of this kind and length may come at all.
    fn check(&self, kind: u8, length: usize) -> Result<(), Breach> {
        let bad_length =
            Breach::new(DECODE_ERROR, "the target sent a TLS message of a length that it cannot have");
        match (self.version, kind, length) {
            (TlsVersion::V1_3, NEW_SESSION_TICKET, _) => Ok(()),
            (TlsVersion::V1_3, KEY_UPDATE, 1) | (TlsVersion::V1_2, HELLO_REQUEST, 0) => Ok(()),
            (TlsVersion::V1_3, KEY_UPDATE, _) | (TlsVersion::V1_2, HELLO_REQUEST, _) => Err(bad_length),
            _ => Err(Breach::new(
                UNEXPECTED_MESSAGE,
                "the target sent a TLS message that has no place after the handshake",
            )),
        }
    }

    fn skip(&mut self, bytes: &mut &[u8]) -> Option<PostHandshake<'static>> {
        let skipped = self.skipped.min(bytes.len());
        *bytes = &bytes[skipped..];
        self.skipped -= skipped;
        (self.skipped == 0).then_some(PostHandshake::LongTicket)
    }

    /// Takes as many bytes as bring the message to a length.
    fn fill(&mut self, length: usize, bytes: &mut &[u8]) {
        let taken = length.saturating_sub(self.partial.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(taken);
        self.partial.extend_from_slice(head);
        *bytes = rest;
    }
}

fn key_update(request: u8) -> Result<PostHandshake<'static>, Breach> {
    match request {
        0 | 1 => Ok(PostHandshake::KeyUpdate { is_requested: request == 1 }),
        _ => Err(Breach::new(
            ILLEGAL_PARAMETER,
            "the target sent a TLS KeyUpdate that asks for nothing there is",
        )),
    }
}

/// Our update of keys, which asks for none of the other side's.
pub(super) const OUR_KEY_UPDATE: [u8; HEAD_BYTES + 1] = [KEY_UPDATE, 0, 0, 1, 0];

#[cfg(test)]
mod tests {
    use super::super::alert::Alert;
    use super::*;

    /// The messages in a record's bytes, in words.
    fn read(version: TlsVersion, records: &[&[u8]]) -> Result<Vec<String>, Breach> {
        let mut reader = MessageReader::new(version);
        let mut found = Vec::new();
        for mut record in records.iter().copied() {
            while let Some(message) = reader.next(&mut record)? {
                found.push(format!("{message:?}"));
            }
        }
        assert!(!reader.is_inside(), "a message is left half-way");
        Ok(found)
    }

    #[test]
    fn messages_are_found_wherever_records_split_them() {
        let ticket = [&[4, 0, 0, 3][..], b"abc"].concat();
        let bytes = [&ticket[..], &OUR_KEY_UPDATE].concat();
        let expected = ["Ticket([97, 98, 99])", "KeyUpdate { is_requested: false }"];
        for cut in 0..=bytes.len() {
            assert_eq!(read(TlsVersion::V1_3, &[&bytes[..cut], &bytes[cut..]]).unwrap(), expected, "{cut}");
        }
    }

    #[test]
    fn a_long_ticket_is_left_out_and_what_follows_is_not() {
        let length = TICKET_BYTES_MAX as u32 + 1;
        let head = [&[4][..], &length.to_be_bytes()[1..]].concat();
        let long = [&head[..], &vec![0; length as usize], &[24, 0, 0, 1, 1]].concat();
        let expected = ["LongTicket", "KeyUpdate { is_requested: true }"];
        for cut in [0, 1, 4, 5, 1_000, long.len() - 5, long.len() - 1] {
            assert_eq!(read(TlsVersion::V1_3, &[&long[..cut], &long[cut..]]).unwrap(), expected, "{cut}");
        }
    }

    #[test]
    fn messages_of_the_other_version_have_no_place() {
        let alert = |version, record: &[u8]| read(version, &[record]).unwrap_err().alert;
        assert_eq!(read(TlsVersion::V1_2, &[&[0, 0, 0, 0]]).unwrap(), ["HelloRequest"]);
        assert_eq!(alert(TlsVersion::V1_3, &[0, 0, 0, 0]), Alert::Ours(UNEXPECTED_MESSAGE));
        assert_eq!(alert(TlsVersion::V1_2, &OUR_KEY_UPDATE), Alert::Ours(UNEXPECTED_MESSAGE));
        assert_eq!(alert(TlsVersion::V1_3, &[13, 0, 0, 0]), Alert::Ours(UNEXPECTED_MESSAGE));
    }

    #[test]
    fn a_key_update_has_one_byte_that_is_0_or_1() {
        let alert = |record: &[u8]| read(TlsVersion::V1_3, &[record]).unwrap_err().alert;
        assert_eq!(alert(&[24, 0, 0, 2, 0, 0]), Alert::Ours(DECODE_ERROR));
        assert_eq!(alert(&[24, 0, 0, 1, 2]), Alert::Ours(ILLEGAL_PARAMETER));
    }
}
