//! Frames: how a request stands in a file of the spool, so that what is damaged is known.
//!
//! `len u32, crc32 u32, signal u8, flags u8, points u32, first u64, unix_ns u64`, least significant byte first, and then the request.
//! The checksum is of all but itself. `first` is the number of its first point among all that were ever put into the queue: whatever is
//! missing between two frames is counted to the point.

use crate::batch::{ExportBatch, ExportSignal};
use crc32fast::Hasher;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes before the request.
pub(super) const HEAD_BYTES: usize = 30;
/// The longest request that is believed to be one. An outbox holds half as much.
pub(super) const BODY_BYTES_MAX: usize = 16 << 20;
const IS_DELTA: u8 = 1;

/// A frame as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SpoolFrame {
    pub(super) batch: ExportBatch,
    /// The number of its first point.
    pub(super) first: u64,
    /// When it was written.
    pub(super) unix_ns: u64,
}

impl SpoolFrame {
    /// Bytes of it.
    pub(super) fn bytes(&self) -> u64 {
        bytes(&self.batch)
    }
}

/// Bytes of the frame of a request.
pub(super) fn bytes(batch: &ExportBatch) -> u64 {
    (HEAD_BYTES + batch.body.len()) as u64
}

/// A request as a frame.
pub(super) fn encode(batch: &ExportBatch, first: u64, unix_ns: u64) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEAD_BYTES + batch.body.len());
    frame.extend((batch.body.len() as u32).to_le_bytes());
    frame.extend([0; 4]);
    frame.push(batch.signal.code());
    frame.push(if batch.is_delta { IS_DELTA } else { 0 });
    frame.extend(u32::try_from(batch.points).unwrap_or(u32::MAX).to_le_bytes());
    frame.extend(first.to_le_bytes());
    frame.extend(unix_ns.to_le_bytes());
    frame.extend(&batch.body);
    let checksum = checksum(&frame);
    frame[4..8].copy_from_slice(&checksum.to_le_bytes());
    frame
}

/// The frame there; nothing where there is no whole one. That the file cannot be read now says nothing of what is in it.
pub(super) fn read_at(file: &File, offset: u64) -> io::Result<Option<SpoolFrame>> {
    let mut frame = vec![0; HEAD_BYTES];
    if !is_whole(file.read_exact_at(&mut frame, offset))? {
        return Ok(None);
    }
    let length = u32_at(&frame, 0) as usize;
    if length > BODY_BYTES_MAX {
        return Ok(None);
    }
    frame.resize(HEAD_BYTES + length, 0);
    if !is_whole(file.read_exact_at(&mut frame[HEAD_BYTES..], offset + HEAD_BYTES as u64))? {
        return Ok(None);
    }
    Ok(decode(frame))
}

/// Whether there was as much as was asked for.
pub(super) fn is_whole(read: io::Result<()>) -> io::Result<bool> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

fn decode(mut frame: Vec<u8>) -> Option<SpoolFrame> {
    if checksum(&frame) != u32_at(&frame, 4) {
        return None;
    }
    let (signal, flags) = (ExportSignal::of_code(frame[8])?, frame[9]);
    let (points, first, unix_ns) = (u32_at(&frame, 10), u64_at(&frame, 14), u64_at(&frame, 22));
    let body = frame.split_off(HEAD_BYTES).into();
    let batch = ExportBatch { signal, body, points: u64::from(points), is_delta: flags & IS_DELTA != 0 };
    Some(SpoolFrame { batch, first, unix_ns })
}

fn checksum(frame: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&frame[..4]);
    hasher.update(&frame[8..]);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn written(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    proptest! {
        /// What was written is read, and no byte can change unnoticed.
        #[test]
        fn a_frame_is_read_as_it_was_written_or_not_at_all(
            body in prop::collection::vec(any::<u8>(), 0..200),
            (points, first, unix_ns, is_delta) in (any::<u32>(), any::<u64>(), any::<u64>(), any::<bool>()),
            (at, bit) in (any::<prop::sample::Index>(), 0_u8..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let points = u64::from(points);
            let batch = ExportBatch { signal: ExportSignal::Metrics, body: body.into(), points, is_delta };
            let bytes = encode(&batch, first, unix_ns);
            let frame = SpoolFrame { batch, first, unix_ns };
            prop_assert_eq!(frame.bytes(), bytes.len() as u64);
            prop_assert_eq!(read_at(&written(&bytes), 0).unwrap(), Some(frame));
            let mut damaged = bytes.clone();
            damaged[at.index(bytes.len())] ^= 1 << bit;
            prop_assert_eq!(read_at(&written(&damaged), 0).unwrap(), None);
            prop_assert_eq!(read_at(&written(&bytes[..cut.index(bytes.len())]), 0).unwrap(), None);
        }
    }

    /// The format is that of files which stay: it does not change without its version.
    #[test]
    fn the_bytes_of_a_frame_stay_what_they_are() {
        let batch =
            ExportBatch { signal: ExportSignal::Metrics, body: "ab".into(), points: 3, is_delta: true };
        let bytes = encode(&batch, 4, 5);
        let head = [2, 0, 0, 0, 0, 0, 0, 0, 1, 1, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!((&bytes[..4], &bytes[8..30], &bytes[30..]), (&head[..4], &head[8..], &b"ab"[..]));
    }
}
