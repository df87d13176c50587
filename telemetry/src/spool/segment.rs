//! Segments: files of frames, numbered, each of which is dropped as a whole.

use super::frame::{self, SpoolFrame};
use super::mistake::SpoolMistake;
use crate::batch::ExportBatch;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a segment begins with: what it is, and the version of its format.
const MAGIC: &[u8; 8] = b"VAJRASP1";
/// The part of it that every version has.
const KIND: &[u8; 7] = b"VAJRASP";
const SUFFIX: &str = "segment";

/// What is known of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SpoolSegment {
    pub(super) number: u64,
    /// The number of its first point.
    pub(super) first: u64,
    /// How many bytes of it are whole frames, with what it begins with.
    pub(super) bytes: u64,
    /// When the last of it is too old, by the clock of whoever has the queue open.
    pub(super) expires: Duration,
}

/// Where the first frame begins.
pub(super) const BEGIN: u64 = MAGIC.len() as u64;

pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:08}.{SUFFIX}"))
}

/// The numbers of the segments of a queue, in order.
pub(super) fn numbers(folder: &Path) -> Result<Vec<u64>, SpoolMistake> {
    let entries = fs::read_dir(folder).map_err(SpoolMistake::at(folder, "read"))?;
    let number = |entry: io::Result<fs::DirEntry>| {
        let path = entry.ok()?.path();
        let is_segment = path.extension().is_some_and(|suffix| suffix == SUFFIX);
        path.file_stem()?.to_str()?.parse().ok().filter(|_| is_segment)
    };
    let mut numbers: Vec<u64> = entries.filter_map(number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Whether another version of this program has written it, whose format is not known here.
pub(super) fn is_foreign(folder: &Path, number: u64) -> Result<bool, SpoolMistake> {
    let path = path(folder, number);
    let mut magic = [0; MAGIC.len()];
    let read = File::open(&path).and_then(|file| frame::is_whole(file.read_exact_at(&mut magic, 0)));
    Ok(read.map_err(SpoolMistake::at(&path, "read"))? && magic.starts_with(KIND) && magic != *MAGIC)
}

/// Frames of a file from the first on, as far as they are whole.
pub(super) struct SegmentReader {
    file: File,
    path: PathBuf,
    pub(super) offset: u64,
}

impl SegmentReader {
    /// One that reads from there; nothing where the file is gone, or none of ours.
    pub(super) fn open(
        folder: &Path,
        number: u64,
        offset: u64,
    ) -> Result<Option<SegmentReader>, SpoolMistake> {
        let path = path(folder, number);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(SpoolMistake::at(&path, "read"))?,
        };
        let mut magic = [0; MAGIC.len()];
        let read = frame::is_whole(file.read_exact_at(&mut magic, 0));
        let is_ours = read.map_err(SpoolMistake::at(&path, "read"))? && magic == *MAGIC;
        Ok(is_ours.then_some(SegmentReader { file, path, offset: offset.max(BEGIN) }))
    }

    /// The next frame, which stays the next one; nothing where there is no whole one.
    pub(super) fn peek(&self) -> Result<Option<SpoolFrame>, SpoolMistake> {
        frame::read_at(&self.file, self.offset).map_err(SpoolMistake::at(&self.path, "read"))
    }

    /// The next frame.
    pub(super) fn pass(&mut self) -> Result<Option<SpoolFrame>, SpoolMistake> {
        let frame = self.peek()?;
        self.offset += frame.as_ref().map_or(0, SpoolFrame::bytes);
        Ok(frame)
    }
}

/// The segment that is written.
pub(super) struct SegmentWriter {
    file: File,
    path: PathBuf,
}

impl SegmentWriter {
    pub(super) fn create(folder: &Path, number: u64) -> Result<SegmentWriter, SpoolMistake> {
        let path = path(folder, number);
        let created = OpenOptions::new().write(true).create_new(true).mode_of_owner().open(&path);
        let file = created.map_err(SpoolMistake::at(&path, "created"))?;
        if let Err(error) = file.write_all_at(MAGIC, 0) {
            // Half of one is none.
            let _ = fs::remove_file(&path);
            return Err(SpoolMistake::at(&path, "written")(error));
        }
        Ok(SegmentWriter { file, path })
    }

    /// Puts a frame there, or nothing at all. Gives its bytes.
    pub(super) fn append(
        &self,
        at: u64,
        batch: &ExportBatch,
        first: u64,
        unix_ns: u64,
    ) -> Result<u64, SpoolMistake> {
        let frame = frame::encode(batch, first, unix_ns);
        if let Err(error) = self.file.write_all_at(&frame, at) {
            // What was written of it would be read as a bad frame, which is what the rest of the segment is lost by.
            let _ = self.file.set_len(at);
            return Err(SpoolMistake::at(&self.path, "written")(error));
        }
        Ok(frame.len() as u64)
    }

    /// Has it on the disk, whatever happens to the machine.
    pub(super) fn sync(&self, make_durable: fn(&File) -> io::Result<()>) -> Result<(), SpoolMistake> {
        make_durable(&self.file).map_err(SpoolMistake::at(&self.path, "written to the disk"))
    }
}

/// Files that nobody else can read: what is measured may be no one else's to know.
trait OfOwner {
    fn mode_of_owner(&mut self) -> &mut Self;
}

impl OfOwner for OpenOptions {
    fn mode_of_owner(&mut self) -> &mut OpenOptions {
        use std::os::unix::fs::OpenOptionsExt;
        self.mode(0o600)
    }
}
