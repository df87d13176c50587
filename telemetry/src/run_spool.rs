//! The spool as a run has it: its queue is made when there is something to keep, and trouble with it stops nothing.

use crate::batch::ExportBatch;
use crate::spool::{SpoolBounds, SpoolFolder, SpoolMistake, SpoolMoment, SpoolOrigin, SpoolQueue, SpoolSync};
use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a spool is let alone that could not be written.
const TROUBLE_PAUSE: Duration = Duration::from_secs(5);

/// Whether and how requests are kept on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Where.
    pub folder: SpoolFolder,
    /// Which.
    pub mode: SpoolMode,
    /// How surely.
    pub sync: SpoolSync,
    /// How much of them.
    pub bounds: SpoolBounds,
}

/// Which requests are kept on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpoolMode {
    /// None.
    Never,
    /// Those that cannot be sent, and those that wait behind them.
    #[default]
    Failing,
    /// All, before they are sent.
    Always,
}

/// The queue of a run.
pub struct RunSpool {
    settings: SpoolSettings,
    origin: SpoolOrigin,
    queue: Option<SpoolQueue>,
    since: Instant,
    /// Until when it is let alone.
    paused: Option<Instant>,
    /// The segment for which room was made last.
    roomy: u64,
    /// Points of queues that were here before, which had to go.
    evicted: u64,
    /// What is wrong with it, since it took something last.
    trouble: Option<String>,
    /// Why something may not be on the disk itself, although that was asked for.
    unsynced: Option<String>,
}

/// A way to put a request into a queue.
type AppendToQueue = fn(&mut SpoolQueue, &ExportBatch, SpoolMoment) -> Result<(), SpoolMistake>;

impl RunSpool {
    /// One that has nothing. There is none where nothing is to be kept.
    pub fn new(settings: &SpoolSettings, origin: SpoolOrigin) -> Option<RunSpool> {
        let is_wanted = settings.mode != SpoolMode::Never;
        is_wanted.then(|| RunSpool {
            settings: settings.clone(),
            origin,
            queue: None,
            since: Instant::now(),
            paused: None,
            roomy: 0,
            evicted: 0,
            trouble: None,
            unsynced: None,
        })
    }

    /// All requests go through it.
    pub fn takes_all(&self) -> bool {
        self.settings.mode == SpoolMode::Always
    }

    /// Puts a request at the tail. False where that could not be done.
    pub fn append(&mut self, batch: &ExportBatch) -> bool {
        self.put_unless_paused(batch, SpoolQueue::append)
    }

    /// Puts one that is in hand already into a spool that is empty: it is the head, and taken.
    pub fn append_taken(&mut self, batch: &ExportBatch) -> bool {
        self.put_unless_paused(batch, SpoolQueue::append_taken)
    }

    fn put_unless_paused(&mut self, batch: &ExportBatch, append: AppendToQueue) -> bool {
        if self.paused.is_some_and(|until| Instant::now() < until) {
            return false;
        }
        match self.put(batch, append) {
            Ok(()) => {
                (self.paused, self.trouble) = (None, None);
                self.tend();
                true
            }
            Err(mistake) => {
                self.trouble = Some(format!("the spool: {mistake}"));
                self.paused = Some(Instant::now() + TROUBLE_PAUSE);
                false
            }
        }
    }

    fn put(&mut self, batch: &ExportBatch, append: AppendToQueue) -> Result<(), SpoolMistake> {
        let (now, bounds) = (self.now(), self.settings.bounds);
        if self.queue.is_none() {
            let folder = self.settings.folder.queue(&self.origin);
            self.queue = Some(SpoolQueue::create(&folder, &self.origin, bounds, self.settings.sync)?);
        }
        let Some(queue) = &mut self.queue else { return Ok(()) };
        let result = append(queue, batch, now);
        let begun = queue.segments_begun();
        // Others may have left since there was no room.
        let is_full =
            result.as_ref().is_err_and(|mistake| mistake.error.kind() == io::ErrorKind::StorageFull);
        if begun == self.roomy && !is_full {
            return result;
        }
        self.roomy = begun;
        self.make_room(now);
        match (&mut self.queue, is_full) {
            (Some(queue), true) => append(queue, batch, now),
            _ => result,
        }
    }

    /// Has others make room, and heeds what they cannot.
    fn make_room(&mut self, now: SpoolMoment) {
        let Some(queue) = &mut self.queue else { return };
        let (folder, bounds) = (&self.settings.folder, self.settings.bounds);
        let path = folder.queue(&self.origin);
        let own = queue.bytes().saturating_add(bounds.segment_bytes);
        let room = folder.make_room(&path, own, bounds, now);
        queue.limit_to(room.bytes_max);
        self.evicted += room.dropped;
    }

    /// The request at the head, which stays there until [`RunSpool::advance`]. Nothing where there is none, or where it cannot be read now;
    /// then it is not empty.
    pub fn head(&mut self) -> Option<ExportBatch> {
        let now = self.now();
        let head = self.queue.as_mut()?.head(now);
        head.unwrap_or_else(|mistake| {
            self.trouble = Some(format!("the spool: {mistake}"));
            None
        })
    }

    /// What was taken from the head is done with.
    pub fn advance(&mut self) {
        if let Some(Err(mistake)) = self.queue.as_mut().map(SpoolQueue::advance) {
            // It is sent again only if this program ends before the next one is done with.
            self.trouble = Some(format!("the spool: {mistake}"));
        }
    }

    /// Whether the request that was taken from the head is still there.
    pub fn has_taken(&self) -> bool {
        self.queue.as_ref().is_some_and(SpoolQueue::has_taken)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.queue.as_ref().is_none_or(SpoolQueue::is_empty)
    }

    /// Points that are in it, and points that were lost from it.
    pub fn points(&self) -> (u64, u64) {
        self.queue.as_ref().map_or((0, 0), |queue| (queue.points(), queue.lost()))
    }

    /// Points of queues that were here before, which were too old or had to go for these.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What is wrong with it, in words; nothing once it has taken something again.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Tries it once more, whatever was wrong.
    pub fn try_again(&mut self) {
        self.paused = None;
    }

    /// Does what is due while nothing else happens.
    pub fn tend(&mut self) {
        let now = self.now();
        if let Some(Err(mistake)) = self.queue.as_mut().map(|queue| queue.sync_if_due(now)) {
            self.unsynced = Some(format!("the spool: {mistake}"));
        }
    }

    /// Ends it. What is in it can be sent another time. Says what is wrong with it, if something is.
    pub fn close(mut self) -> Option<String> {
        let closed = self.queue.take().map(SpoolQueue::close);
        let mistake = closed.and_then(Result::err).map(|mistake| format!("the spool: {mistake}"));
        mistake.or(self.unsynced).or(self.trouble)
    }

    /// Has this done in place of what the system does to have files on the disk, once there is a queue.
    #[cfg(test)]
    pub(crate) fn sync_by(&mut self, make_durable: fn(&std::fs::File) -> io::Result<()>) {
        self.queue.iter_mut().for_each(|queue| queue.sync_by(make_durable));
    }

    fn now(&self) -> SpoolMoment {
        moment(self.since)
    }
}

/// What time it is, for a queue whose time begins there.
pub fn moment(since: Instant) -> SpoolMoment {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    SpoolMoment { unix_ns: unix.as_nanos() as u64, elapsed: since.elapsed() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::ExportSignal;
    use std::fs::File;
    use std::path::Path;

    fn bounds(bytes_max: u64) -> SpoolBounds {
        SpoolBounds { bytes_max, age_max: Duration::from_secs(1 << 30), segment_bytes: 500 }
    }

    fn batch(bytes: usize) -> ExportBatch {
        let body = vec![0; bytes].into();
        ExportBatch { signal: ExportSignal::Metrics, body, points: 10, is_delta: false }
    }

    fn spool(place: &Path, sync: SpoolSync) -> RunSpool {
        let folder = SpoolFolder(place.join("spool"));
        let settings = SpoolSettings { folder, mode: SpoolMode::Always, sync, bounds: bounds(2_000) };
        RunSpool::new(&settings, origin("run")).unwrap()
    }

    fn origin(run_id: &str) -> SpoolOrigin {
        SpoolOrigin { run_id: run_id.into(), to: "http://h:1".into(), signal: "metrics".into() }
    }

    #[test]
    fn what_cannot_be_synced_is_stored_once_and_told_at_the_end() {
        let place = tempfile::tempdir().unwrap();
        let mut spool = spool(place.path(), SpoolSync::Always);
        assert!(spool.append(&batch(100)));
        spool.sync_by(|_| Err(io::Error::other("as a test asks for")));
        assert!(spool.append(&batch(100)), "it is there");
        assert_eq!((spool.points(), spool.trouble()), ((20, 0), None));
        spool.sync_by(File::sync_all);
        assert!(spool.append(&batch(100)));
        assert_eq!(spool.points(), (30, 0));
        let told = spool.close().unwrap();
        assert!(told.contains("as a test asks for"), "{told}");
    }

    #[test]
    fn room_that_others_leave_is_taken() {
        let place = tempfile::tempdir().unwrap();
        let mut spool = spool(place.path(), SpoolSync::Never);
        let path = spool.settings.folder.queue(&origin("other"));
        let mut other = SpoolQueue::create(&path, &origin("other"), bounds(2_000), SpoolSync::Never).unwrap();
        other.append(&batch(1_900), spool.now()).unwrap();
        // The first one is written before anybody looks for others.
        assert!(spool.append(&batch(100)));
        assert!(!spool.append(&batch(100)), "the other one has it open");
        assert!(spool.trouble().is_some_and(|trouble| trouble.contains("all the room there is")));
        other.drop_all().unwrap();
        spool.try_again();
        assert!(spool.append(&batch(100)));
        assert_eq!((spool.points(), spool.trouble()), ((20, 0), None));
    }

    #[test]
    fn what_others_lose_for_it_is_counted() {
        let place = tempfile::tempdir().unwrap();
        let mut spool = spool(place.path(), SpoolSync::Never);
        let path = spool.settings.folder.queue(&origin("other"));
        let mut other = SpoolQueue::create(&path, &origin("other"), bounds(2_000), SpoolSync::Never).unwrap();
        other.append(&batch(1_900), spool.now()).unwrap();
        other.close().unwrap();
        assert!(spool.append(&batch(100)));
        assert_eq!((spool.evicted(), path.exists()), (10, false));
        assert!(spool.append(&batch(100)));
    }
}
