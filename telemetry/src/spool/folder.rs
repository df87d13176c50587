//! The folder of all queues: what is in it, and room for a new segment, for which the oldest of queues that nobody has open goes.

use super::cursor::{self, SpoolOrigin};
use super::mistake::SpoolMistake;
use super::queue::{LOCK, SpoolBounds, SpoolMoment, SpoolQueue};
use super::segment::{self, SegmentReader};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where queues are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpoolFolder(pub PathBuf);

/// What a queue has, as far as it can be read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct QueueSummary {
    /// The run.
    pub run_id: String,
    /// Where its requests were to go; empty where that cannot be read any more.
    pub to: String,
    /// What is in them.
    pub signal: String,
    /// Requests that wait.
    pub requests: u64,
    /// Points in them.
    pub points: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Points that are lost: dropped for room or age, or unreadable.
    pub lost: u64,
    /// When the oldest was written, nanoseconds since 1970; nothing where there is none.
    pub oldest_unix_ns: Option<u64>,
    /// A program has it open: a run that goes on, or somebody who sends it.
    pub is_open: bool,
    /// Where it is.
    pub folder: PathBuf,
}

impl SpoolFolder {
    /// Where a queue is: each run has one for each collector and signal.
    pub fn queue(&self, origin: &SpoolOrigin) -> PathBuf {
        let SpoolOrigin { run_id, to, signal } = origin;
        self.0.join(format!("{run_id}.{:08x}-{signal}", crc32fast::hash(to.as_bytes())))
    }

    /// All queues that can be read, the oldest first.
    pub fn queues(&self) -> Result<Vec<QueueSummary>, SpoolMistake> {
        let mut queues: Vec<QueueSummary> = self.folders()?.iter().filter_map(|path| summary(path)).collect();
        queues.sort_by_key(|queue| (queue.oldest_unix_ns.unwrap_or(u64::MAX), queue.run_id.clone()));
        Ok(queues)
    }

    fn folders(&self) -> Result<Vec<PathBuf>, SpoolMistake> {
        match fs::read_dir(&self.0) {
            Ok(entries) => Ok(entries.flatten().map(|entry| entry.path()).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(SpoolMistake::at(&self.0, "read")(error)),
        }
    }

    /// Makes room for so many bytes beside those of one queue: the oldest that nobody has open goes first. Says how many bytes the one queue
    /// may have, and how many points of others were dropped. Only what has to go is read.
    pub fn make_room(&self, own: &Path, bytes: u64, bounds: SpoolBounds, now: SpoolMoment) -> MadeRoom {
        let (mut dropped, mut others, mut waiting) = (0, 0, Vec::new());
        for folder in self.folders().unwrap_or_default() {
            let held = bytes_in(&folder);
            // One without segments is empty, or about to be made by somebody.
            if folder != own && held > 0 {
                others += held;
                waiting.push((oldest_in(&folder), folder, held));
            }
        }
        waiting.sort();
        for (oldest_unix_ns, folder, held) in waiting {
            let age = |unix_ns| Duration::from_nanos(now.unix_ns.saturating_sub(unix_ns));
            let is_old = oldest_unix_ns.is_some_and(|unix_ns| age(unix_ns) >= bounds.age_max);
            let is_too_much = |others: u64| others.saturating_add(bytes) > bounds.bytes_max;
            if !is_old && !is_too_much(others) {
                continue;
            }
            // One that cannot be opened is somebody's who heeds the bounds too.
            let Ok(mut queue) = SpoolQueue::open_at_once(&folder, bounds, now) else { continue };
            let (lost, rest) = (queue.lost(), others - held);
            queue.drop_old(now);
            while queue.bytes() > 0 && is_too_much(rest + queue.bytes()) {
                queue.drop_oldest();
            }
            dropped += queue.lost() - lost;
            // Nothing is left in the folder of one that is empty.
            let _ = queue.close();
            others = rest + bytes_in(&folder);
        }
        MadeRoom { bytes_max: bounds.bytes_max.saturating_sub(others), dropped }
    }
}

/// What came of making room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeRoom {
    /// What the queue may have.
    pub bytes_max: u64,
    /// Points of other queues that are lost: they were too old, or had to go.
    pub dropped: u64,
}

fn bytes_in(folder: &Path) -> u64 {
    let numbers = segment::numbers(folder).unwrap_or_default();
    let bytes = |number: &u64| fs::metadata(segment::path(folder, *number)).map_or(0, |about| about.len());
    numbers.iter().map(bytes).sum()
}

/// When the oldest of a queue was written.
fn oldest_in(folder: &Path) -> Option<u64> {
    let cursor = cursor::read_cursor(folder).unwrap_or_default();
    let number = segment::numbers(folder).ok()?.into_iter().find(|number| *number >= cursor.segment)?;
    let from = if number == cursor.segment { cursor.offset } else { segment::BEGIN };
    let frame = SegmentReader::open(folder, number, from).ok()??.peek().ok()??;
    Some(frame.unix_ns)
}

/// Whose a queue is that has lost the file which says so: its folder says nearly all of it.
fn origin_by_name(folder: &Path) -> Option<SpoolOrigin> {
    segment::numbers(folder).ok().filter(|numbers| !numbers.is_empty())?;
    let (queue, signal) = folder.file_name()?.to_str()?.rsplit_once('-')?;
    let (run_id, _) = queue.rsplit_once('.')?;
    Some(SpoolOrigin { run_id: run_id.into(), to: String::new(), signal: signal.into() })
}

/// What is in a queue, which stays as it is.
fn summary(folder: &Path) -> Option<QueueSummary> {
    let origin = cursor::read_origin(folder).ok().or_else(|| origin_by_name(folder))?;
    let cursor = cursor::read_cursor(folder).unwrap_or_default();
    let (mut requests, mut points, mut oldest_unix_ns) = (0, 0, None);
    for number in segment::numbers(folder).ok()?.into_iter().filter(|number| *number >= cursor.segment) {
        let from = if number == cursor.segment { cursor.offset } else { segment::BEGIN };
        let Some(mut reader) = SegmentReader::open(folder, number, from).ok().flatten() else { continue };
        while let Ok(Some(frame)) = reader.pass() {
            oldest_unix_ns = oldest_unix_ns.or(Some(frame.unix_ns));
            requests += 1;
            points += frame.batch.points;
        }
    }
    Some(QueueSummary {
        run_id: origin.run_id,
        to: origin.to,
        signal: origin.signal,
        requests,
        points,
        bytes: bytes_in(folder),
        lost: cursor.lost,
        oldest_unix_ns,
        is_open: is_open(folder),
        folder: folder.to_owned(),
    })
}

fn is_open(folder: &Path) -> bool {
    File::open(folder.join(LOCK)).is_ok_and(|file| file.try_lock_shared().is_err())
}
