//! Where records of TLS begin and end (RFC 8446 section 5.1), in whatever pieces their bytes come.
//!
//! A record that is whole where it arrived is handed out where it lies. Only one that is split over pieces is put together in
//! memory of its own, which a connection takes once.

use super::alert::{Breach, RECORD_OVERFLOW};

/// A record's head: what it holds, the version, and its length.
pub(super) const HEADER_BYTES: usize = 5;
/// The most plaintext in one record.
pub(super) const PLAINTEXT_BYTES_MAX: usize = 1 << 14;
/// The most that may follow a record's head.
const PAYLOAD_BYTES_MAX: usize = PLAINTEXT_BYTES_MAX + 256;
/// The longest record there is.
pub(super) const RECORD_BYTES_MAX: usize = HEADER_BYTES + PAYLOAD_BYTES_MAX;
/// The first byte of the version that every record has, whatever version is spoken.
const VERSION_MAJOR: u8 = 3;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum RecordContent {
    ChangeCipherSpec = 20,
    Alert = 21,
    Handshake = 22,
    Application = 23,
}

impl RecordContent {
    /// By its number, if there is one.
    pub(super) fn of(number: u8) -> Option<RecordContent> {
        use RecordContent::{Alert, Application, ChangeCipherSpec, Handshake};
        [ChangeCipherSpec, Alert, Handshake, Application].into_iter().find(|content| *content as u8 == number)
    }
}

/// Finds records in bytes that arrive.
#[derive(Debug, Default)]
pub(super) struct Deframer {
    /// The beginning of a record whose end has not come.
    partial: Vec<u8>,
    /// The record in `partial` is whole, and was handed out.
    is_given: bool,
}

impl Deframer {
    /// Of a new connection.
    pub(super) fn clear(&mut self) {
        self.partial.clear();
        self.is_given = false;
    }

    /// Whether the bytes that came end in the middle of a record.
    pub(super) fn is_inside(&self) -> bool {
        !self.partial.is_empty() && !self.is_given
    }

    /// The next whole record, from `at` on in what arrived; nothing when more has to arrive first.
    #[inline]
    pub(super) fn next<'b>(
        &'b mut self,
        arrived: &'b mut [u8],
        at: &mut usize,
    ) -> Result<Option<&'b mut [u8]>, Breach> {
        if self.is_given {
            self.clear();
        }
        if !self.partial.is_empty() {
            return self.complete(arrived, at);
        }
        let rest = &mut arrived[*at..];
        match record_bytes(rest)? {
            Some(length) if length <= rest.len() => {
                *at += length;
                Ok(Some(&mut rest[..length]))
            }
            _ => {
                *at += rest.len();
                self.keep(rest);
                Ok(None)
            }
        }
    }

    /// Goes on with a record whose beginning came before.
    #[cold]
    fn complete(&mut self, arrived: &[u8], at: &mut usize) -> Result<Option<&mut [u8]>, Breach> {
        self.fill(HEADER_BYTES, arrived, at);
        let Some(length) = record_bytes(&self.partial)? else { return Ok(None) };
        self.fill(length, arrived, at);
        self.is_given = self.partial.len() == length;
        Ok(self.is_given.then_some(&mut self.partial[..]))
    }

    /// Takes as much of what arrived as brings the record to a length.
    fn fill(&mut self, length: usize, arrived: &[u8], at: &mut usize) {
        let missing = length.saturating_sub(self.partial.len());
        let taken = missing.min(arrived.len() - *at);
        self.keep(&arrived[*at..*at + taken]);
        *at += taken;
    }

    fn keep(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() && self.partial.capacity() == 0 {
            self.partial.reserve_exact(RECORD_BYTES_MAX);
        }
        self.partial.extend_from_slice(bytes);
    }
}

/// The length of the record at the beginning of these bytes; nothing as long as its head is not whole.
#[inline]
fn record_bytes(bytes: &[u8]) -> Result<Option<usize>, Breach> {
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
    if RecordContent::of(header[0]).is_none() || header[1] != VERSION_MAJOR {
        return Err(Breach::silent(no_record(header)));
    }
    if length > PAYLOAD_BYTES_MAX {
        return Err(Breach::new(
            RECORD_OVERFLOW,
            "the target sent a TLS record that is longer than any may be",
        ));
    }
    Ok(Some(HEADER_BYTES + length))
}

/// What came, when it was no record.
#[cold]
fn no_record(header: &[u8; HEADER_BYTES]) -> &'static str {
    match header {
        b"HTTP/" => {
            "the target answered in plain HTTP, not in TLS: it is the port of http://, not of https://"
        }
        _ => "the target sent something that is not TLS: does it speak TLS on this port?",
    }
}

#[cfg(test)]
mod tests {
    use super::super::alert::Alert;
    use super::*;
    use proptest::prelude::*;

    /// The records found in bytes that come in these pieces, and whether a record is left half-way.
    fn found(pieces: &[&[u8]]) -> Result<(Vec<Vec<u8>>, bool), Breach> {
        let mut deframer = Deframer::default();
        let mut found = Vec::new();
        for piece in pieces {
            let (mut piece, mut at) = (piece.to_vec(), 0);
            while at < piece.len() {
                found.extend(deframer.next(&mut piece, &mut at)?.map(|record| record.to_vec()));
            }
        }
        Ok((found, deframer.is_inside()))
    }

    fn record(payload: &[u8]) -> Vec<u8> {
        [&[23, 3, 3][..], &(payload.len() as u16).to_be_bytes(), payload].concat()
    }

    proptest! {
        #[test]
        fn records_are_the_same_however_their_bytes_are_split(
            lengths in prop::collection::vec(0_usize..400, 1..6),
            cuts in prop::collection::vec(0.0_f64..1.0, 0..12),
        ) {
            let records: Vec<Vec<u8>> = lengths.iter().map(|&length| record(&vec![7; length])).collect();
            let bytes = records.concat();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| (cut * bytes.len() as f64) as usize).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(found(&pieces).unwrap(), (records, false));
        }
    }

    #[test]
    fn a_record_that_is_cut_off_is_known_to_be() {
        let record = record(b"abc");
        for end in 1..record.len() {
            assert_eq!(found(&[&record[..end]]).unwrap(), (vec![], true), "{end}");
        }
    }

    #[test]
    fn the_longest_record_is_taken_and_a_longer_one_is_not() {
        let longest = record(&vec![0; PAYLOAD_BYTES_MAX]);
        assert_eq!(longest.len(), RECORD_BYTES_MAX);
        assert_eq!(found(&[&longest]).unwrap().0, [longest]);
        let longer = found(&[&record(&vec![0; PAYLOAD_BYTES_MAX + 1])]).unwrap_err();
        assert_eq!(longer.alert, Alert::Ours(RECORD_OVERFLOW));
    }

    #[test]
    fn what_is_no_record_is_told_in_words() {
        let http = found(&[b"HT", b"TP/1.1 400 Bad Request\r\n"]).unwrap_err();
        assert!(http.why.contains("plain HTTP"), "{}", http.why);
        for other in [&b"SSH-2.0-x"[..], b"\x17\x02\x03\x00\x01a", b"\x18\x03\x03\x00\x01a"] {
            assert!(found(&[other]).unwrap_err().why.contains("not TLS"));
        }
    }
}
