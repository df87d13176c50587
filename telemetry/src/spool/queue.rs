//! A queue of the spool: requests go in at the tail and come out at the head, in one order, and what is lost is counted.
//!
//! A request that was taken from the head stays there until it is said to be done with: one that is not, because the program ended, is
//! there the next time. Within the bounds nothing is dropped; beyond them the oldest segment is.

use super::cursor::{self, SpoolCursor, SpoolOrigin};
use super::frame;
use super::mistake::SpoolMistake;
use super::segment::{self, SegmentReader, SegmentWriter, SpoolSegment};
use crate::batch::ExportBatch;
use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(super) const LOCK: &str = "lock";
/// How long somebody is waited for who only looks, or makes room.
const LOCK_PATIENCE: Duration = Duration::from_millis(200);
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Has a file or folder on the disk itself.
type MakeDurable = fn(&File) -> io::Result<()>;

/// How much a queue may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolBounds {
    /// Bytes on disk; of a folder, of all its queues together.
    pub bytes_max: u64,
    /// How old what is in it may be.
    pub age_max: Duration,
    /// How long a segment gets before there is a new one.
    pub segment_bytes: u64,
}

impl Default for SpoolBounds {
    fn default() -> SpoolBounds {
        SpoolBounds {
            bytes_max: 256 << 20,
            age_max: Duration::from_secs(24 * 60 * 60),
            segment_bytes: 8 << 20,
        }
    }
}

/// When what is written is made to be on the disk, which it is then even if the machine fails. If only the program does, it is anyway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpoolSync {
    /// After each request.
    Always,
    /// When so much time has passed since it was done last, one second, or at the end.
    #[default]
    EachSecond,
    /// When the system does so.
    Never,
}

/// What time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolMoment {
    /// By the clock of the wall, which may be set: for those who open the queue another time.
    pub unix_ns: u64,
    /// By one that is not, from any moment on: for ages within this time.
    pub elapsed: Duration,
}

/// A queue, and the right to change it.
pub struct SpoolQueue {
    folder: PathBuf,
    /// Held as long as it is open.
    _lock: File,
    bounds: SpoolBounds,
    sync: SpoolSync,
    segments: VecDeque<SpoolSegment>,
    writer: Option<SegmentWriter>,
    reader: Option<SegmentReader>,
    cursor: SpoolCursor,
    /// What was taken from the head and is not done with: its bytes and points.
    taken: Option<(u64, u64)>,
    /// The segment that was created last.
    newest: u64,
    /// There are segments that another version of this program has written, which are none of ours to read or to remove.
    has_foreign: bool,
    make_durable: MakeDurable,
    synced: Duration,
    is_synced: bool,
    /// That its files are there is on the disk, too.
    is_folder_synced: bool,
}

impl SpoolQueue {
    /// A new one, in a folder that is made for it.
    pub fn create(
        folder: &Path,
        origin: &SpoolOrigin,
        bounds: SpoolBounds,
        sync: SpoolSync,
    ) -> Result<SpoolQueue, SpoolMistake> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(SpoolMistake::at(folder, "created"))?;
        let lock = lock(folder, LOCK_PATIENCE)?;
        // What is there and was to go elsewhere stays what it is.
        if cursor::read_origin(folder).is_ok_and(|known| known != *origin) {
            let taken = io::Error::new(io::ErrorKind::AlreadyExists, "it holds what was to go elsewhere");
            return Err(SpoolMistake::at(folder, "created")(taken));
        }
        cursor::write_origin(folder, origin, sync != SpoolSync::Never)?;
        let now = SpoolMoment { unix_ns: 0, elapsed: Duration::ZERO };
        SpoolQueue::with_lock(folder, lock, bounds, sync, now)
    }

    /// One that is there, if nobody else has it open for longer than a look takes.
    pub fn open(folder: &Path, bounds: SpoolBounds, now: SpoolMoment) -> Result<SpoolQueue, SpoolMistake> {
        let lock = lock(folder, LOCK_PATIENCE)?;
        SpoolQueue::with_lock(folder, lock, bounds, SpoolSync::default(), now)
    }

    /// One that is there, if nobody has it open at this moment: to drop of it, which the disk need not know at once.
    pub(super) fn open_at_once(
        folder: &Path,
        bounds: SpoolBounds,
        now: SpoolMoment,
    ) -> Result<SpoolQueue, SpoolMistake> {
        let lock = lock(folder, Duration::ZERO)?;
        SpoolQueue::with_lock(folder, lock, bounds, SpoolSync::Never, now)
    }

    fn with_lock(
        folder: &Path,
        lock: File,
        bounds: SpoolBounds,
        sync: SpoolSync,
        now: SpoolMoment,
    ) -> Result<SpoolQueue, SpoolMistake> {
        let known = cursor::read_cursor(folder);
        let mut cursor = known.unwrap_or_default();
        let numbers = segment::numbers(folder)?;
        let newest = numbers.last().copied().unwrap_or(0).max(cursor.segment);
        let has_first = numbers.first() == Some(&1);
        let (mut segments, mut has_foreign) = (VecDeque::<SpoolSegment>::new(), false);
        for number in numbers {
            if segment::is_foreign(folder, number)? {
                has_foreign = true;
                continue;
            }
            let from = if number == cursor.segment { cursor.offset } else { segment::BEGIN };
            let is_new = number >= cursor.segment;
            let known = if is_new { scanned(folder, number, from, now, bounds.age_max)? } else { None };
            match known {
                Some((segment, end)) => {
                    cursor.put = cursor.put.max(end);
                    segments.push_back(segment);
                }
                // It was read before, or has nothing that can be.
                None => drop(fs::remove_file(segment::path(folder, number))),
            }
        }
        // What was removed before the first of them was sent: it is only not written down any more how far.
        if let Some(first) = segments.front().filter(|_| known.is_none() && !has_first) {
            cursor.next = first.first;
        }
        let mut queue = SpoolQueue {
            folder: folder.to_owned(),
            _lock: lock,
            bounds,
            sync,
            segments,
            writer: None,
            reader: None,
            cursor,
            taken: None,
            newest,
            has_foreign,
            make_durable: File::sync_all,
            synced: now.elapsed,
            is_synced: true,
            is_folder_synced: true,
        };
        queue.begin_at_first();
        if queue.segments.is_empty() {
            queue.lose_up_to(queue.cursor.put);
        }
        Ok(queue)
    }

    /// Puts a request at the tail. What had to be dropped for it is counted. Where there is an error, it is not there; that it is on the
    /// disk itself, [`SpoolQueue::sync_if_due`] says.
    pub fn append(&mut self, batch: &ExportBatch, now: SpoolMoment) -> Result<(), SpoolMistake> {
        self.drop_old(now);
        let (bytes, bytes_max) = (frame::bytes(batch), self.bounds.bytes_max);
        if segment::BEGIN + bytes > bytes_max {
            let full = io::Error::new(io::ErrorKind::StorageFull, "others have all the room there is");
            return Err(SpoolMistake::at(&self.folder, "written")(full));
        }
        let current = self.segments.back().map_or(0, |segment| segment.bytes);
        // Where there is little room, what has to go for a request is to be little too, and never the request itself.
        let is_full = current >= self.bounds.segment_bytes.min(bytes_max / 4) || current + bytes > bytes_max;
        if self.writer.is_none() || is_full {
            self.begin_segment(now)?;
        }
        let segment = self.segments.back_mut().expect("there is the one that is written");
        let writer = self.writer.as_ref().expect("it was opened");
        segment.bytes += writer.append(segment.bytes, batch, self.cursor.put, now.unix_ns)?;
        segment.expires = now.elapsed + self.bounds.age_max;
        self.cursor.put += batch.points;
        self.is_synced = false;
        while self.bytes() > self.bounds.bytes_max {
            self.drop_oldest();
        }
        Ok(())
    }

    /// Puts a request into an empty queue that somebody has in hand already: it is as if it had been taken from the head.
    pub fn append_taken(&mut self, batch: &ExportBatch, now: SpoolMoment) -> Result<(), SpoolMistake> {
        self.append(batch, now)?;
        let bytes = self.segments.back().map_or(0, |segment| segment.bytes) - self.cursor.offset;
        self.taken = (!self.segments.is_empty()).then_some((bytes, batch.points));
        Ok(())
    }

    /// The request at the head, which stays there until [`SpoolQueue::advance`]; nothing where the queue is empty.
    pub fn head(&mut self, now: SpoolMoment) -> Result<Option<ExportBatch>, SpoolMistake> {
        self.taken = None;
        self.drop_old(now);
        loop {
            let Some(segment) = self.segments.front() else { return Ok(None) };
            if self.cursor.offset >= segment.bytes {
                if self.segments.len() == 1 {
                    // Whatever is missing at the very end was put in and cannot be read.
                    self.lose_up_to(self.cursor.put);
                    return Ok(None);
                }
                self.leave_segment();
                continue;
            }
            if self.reader.is_none() {
                self.reader = SegmentReader::open(&self.folder, segment.number, self.cursor.offset)?;
            }
            let frame = self.reader.as_ref().map_or(Ok(None), SegmentReader::peek)?;
            let Some(frame) = frame else {
                // What is behind a bad frame in this segment cannot be found. The next one has a beginning.
                self.drop_oldest();
                continue;
            };
            self.lose_up_to(frame.first);
            self.taken = Some((frame.bytes(), frame.batch.points));
            return Ok(Some(frame.batch));
        }
    }

    /// What was taken from the head is done with. False when it was dropped meanwhile, and is not there any more.
    pub fn advance(&mut self) -> Result<bool, SpoolMistake> {
        let Some((bytes, points)) = self.taken.take() else { return Ok(false) };
        self.cursor.offset += bytes;
        self.cursor.next += points;
        if let Some(reader) = &mut self.reader {
            reader.offset = self.cursor.offset;
        }
        // Where it gets lost with the machine, what was sent is sent again.
        let written = cursor::write_cursor(&self.folder, &self.cursor, false);
        if self.is_empty() {
            self.drop_read();
        }
        written.map(|()| true)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        let is_read = |segment: &SpoolSegment| self.cursor.offset >= segment.bytes;
        self.segments.is_empty() || (self.segments.len() == 1 && self.segments.front().is_some_and(is_read))
    }

    /// Points that are in it.
    pub fn points(&self) -> u64 {
        self.cursor.put.saturating_sub(self.cursor.next)
    }

    /// Points that were lost so far: dropped for room or age, or unreadable.
    pub fn lost(&self) -> u64 {
        self.cursor.lost
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Has it hold less, where others need room in the same folder.
    pub fn limit_to(&mut self, bytes_max: u64) {
        self.bounds.bytes_max = bytes_max;
    }

    /// How many segments were begun, whoever did.
    pub fn segments_begun(&self) -> u64 {
        self.newest
    }

    /// Whether the head was taken, and is not dropped.
    pub fn has_taken(&self) -> bool {
        self.taken.is_some()
    }

    /// Drops what is older than may be.
    pub fn drop_old(&mut self, now: SpoolMoment) {
        while self.segments.front().is_some_and(|segment| segment.expires <= now.elapsed) {
            self.drop_oldest();
        }
    }

    /// Drops the oldest segment, and counts what is lost with it. Nothing where there is none.
    pub fn drop_oldest(&mut self) {
        let Some(gone) = self.segments.pop_front() else { return };
        if let Some((_, points)) = self.taken.take() {
            // Whoever took it says what becomes of it.
            self.cursor.next += points;
        }
        self.remove(gone.number);
        let next = self.segments.front().map_or(self.cursor.put, |segment| segment.first);
        if self.segments.is_empty() {
            self.writer = None;
        }
        self.lose_up_to(next);
        self.begin_at_first();
        // It is what the files say anyway, but for what was lost.
        let _ = cursor::write_cursor(&self.folder, &self.cursor, false);
    }

    /// Has on the disk what is to be there by now.
    pub fn sync_if_due(&mut self, now: SpoolMoment) -> Result<(), SpoolMistake> {
        let is_due = match self.sync {
            SpoolSync::Always => true,
            SpoolSync::EachSecond => now.elapsed.saturating_sub(self.synced) >= Duration::from_secs(1),
            SpoolSync::Never => false,
        };
        if is_due && !self.is_synced {
            self.synced = now.elapsed;
            self.sync()?;
        }
        Ok(())
    }

    /// Ends it: what is in it is for another time. The folder of an empty one goes.
    pub fn close(mut self) -> Result<(), SpoolMistake> {
        if self.is_empty() && !self.has_foreign {
            self.drop_read();
            return fs::remove_dir_all(&self.folder).map_err(SpoolMistake::at(&self.folder, "removed"));
        }
        let is_durable = self.sync != SpoolSync::Never;
        let synced = if is_durable { self.sync() } else { Ok(()) };
        let written = cursor::write_cursor(&self.folder, &self.cursor, is_durable);
        synced.and(written)
    }

    /// Ends it with all that is in it.
    pub fn drop_all(mut self) -> Result<(), SpoolMistake> {
        self.drop_read();
        self.close()
    }

    fn sync(&mut self) -> Result<(), SpoolMistake> {
        if let Some(writer) = self.writer.as_ref().filter(|_| !self.is_synced) {
            writer.sync(self.make_durable)?;
        }
        if !self.is_folder_synced {
            // The folder of all of them too, for this one may be new.
            for folder in [Some(self.folder.as_path()), self.folder.parent()].into_iter().flatten() {
                let synced = File::open(folder).and_then(|file| (self.make_durable)(&file));
                synced.map_err(SpoolMistake::at(folder, "written to the disk"))?;
            }
        }
        (self.is_synced, self.is_folder_synced) = (true, true);
        Ok(())
    }

    /// Has this done in place of what the system does.
    #[cfg(test)]
    pub(crate) fn sync_by(&mut self, make_durable: MakeDurable) {
        self.make_durable = make_durable;
    }

    fn begin_segment(&mut self, now: SpoolMoment) -> Result<(), SpoolMistake> {
        if self.sync != SpoolSync::Never && !self.is_synced {
            self.sync()?;
        }
        if self.is_empty() {
            self.drop_read();
        }
        let number = self.newest + 1;
        self.writer = Some(SegmentWriter::create(&self.folder, number)?);
        (self.newest, self.is_synced, self.is_folder_synced) = (number, false, false);
        let expires = now.elapsed + self.bounds.age_max;
        let segment = SpoolSegment { number, first: self.cursor.put, bytes: segment::BEGIN, expires };
        self.segments.push_back(segment);
        if self.segments.len() == 1 {
            self.begin_at_first();
        }
        Ok(())
    }

    /// Reads from the beginning of the first segment on, if it is not in it already.
    fn begin_at_first(&mut self) {
        self.reader = None;
        if let Some(first) = self.segments.front()
            && first.number != self.cursor.segment
        {
            (self.cursor.segment, self.cursor.offset) = (first.number, segment::BEGIN);
        }
    }

    /// Goes on with the next segment.
    fn leave_segment(&mut self) {
        if let Some(gone) = self.segments.pop_front() {
            self.remove(gone.number);
        }
        self.begin_at_first();
    }

    /// Removes what was read to its end.
    fn drop_read(&mut self) {
        self.lose_up_to(self.cursor.put);
        (self.writer, self.reader, self.is_synced) = (None, None, true);
        while let Some(gone) = self.segments.pop_front() {
            self.remove(gone.number);
        }
    }

    fn remove(&self, number: u64) {
        // One that stays is seen to have been read, the next time.
        let _ = fs::remove_file(segment::path(&self.folder, number));
    }

    fn lose_up_to(&mut self, next: u64) {
        self.cursor.lost += next.saturating_sub(self.cursor.next);
        self.cursor.next = self.cursor.next.max(next);
    }
}

/// What a segment has that can be read, and the number of the point behind it.
fn scanned(
    folder: &Path,
    number: u64,
    from: u64,
    now: SpoolMoment,
    age_max: Duration,
) -> Result<Option<(SpoolSegment, u64)>, SpoolMistake> {
    let Some(mut reader) = SegmentReader::open(folder, number, from)? else { return Ok(None) };
    let Some(frame) = reader.pass()? else { return Ok(None) };
    let (first, mut written, mut end) = (frame.first, frame.unix_ns, frame.first + frame.batch.points);
    while let Some(frame) = reader.pass()? {
        (written, end) = (frame.unix_ns, frame.first + frame.batch.points);
    }
    // What was written later than now was written before the clock was set back: it is as young as can be.
    let age = Duration::from_nanos(now.unix_ns.saturating_sub(written));
    let expires = now.elapsed + age_max.saturating_sub(age);
    Ok(Some((SpoolSegment { number, first, bytes: reader.offset, expires }, end)))
}

fn lock(folder: &Path, patience: Duration) -> Result<File, SpoolMistake> {
    let path = folder.join(LOCK);
    let opened = File::options().create(true).append(true).open(&path);
    let file = opened.map_err(SpoolMistake::at(&path, "opened"))?;
    let until = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                let busy = io::Error::new(io::ErrorKind::ResourceBusy, "another program has it open");
                return Err(SpoolMistake::at(folder, "opened")(busy));
            }
            Err(TryLockError::Error(error)) => return Err(SpoolMistake::at(&path, "locked")(error)),
        }
    }
}
