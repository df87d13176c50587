//! The spool held against the plainest queue there is, in a folder that is damaged, closed and opened again, and at bounds.

use super::SpoolOrigin;
use super::folder::SpoolFolder;
use super::frame::HEAD_BYTES;
use super::queue::{SpoolBounds, SpoolMoment, SpoolQueue, SpoolSync};
use super::segment;
use crate::batch::{ExportBatch, ExportSignal};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const DAY_NS: u64 = 24 * 3_600 * 1_000_000_000;
const SMALL: SpoolBounds =
    SpoolBounds { bytes_max: 4_000, age_max: Duration::from_secs(100), segment_bytes: 500 };
const LARGE: SpoolBounds = SpoolBounds { bytes_max: u64::MAX, ..SMALL };

fn at(seconds: u64) -> SpoolMoment {
    SpoolMoment { unix_ns: 1_000 * DAY_NS + seconds * 1_000_000_000, elapsed: Duration::from_secs(seconds) }
}

fn batch(name: u64, bytes: usize, points: u64) -> ExportBatch {
    let mut body = name.to_le_bytes().to_vec();
    body.resize(bytes.max(8), name as u8);
    ExportBatch { signal: ExportSignal::Metrics, body: body.into(), points, is_delta: name % 2 == 1 }
}

fn origin(run_id: &str) -> SpoolOrigin {
    SpoolOrigin { run_id: run_id.into(), to: "http://h:1/v1/metrics".into(), signal: "metrics".into() }
}

fn create(folder: &Path, bounds: SpoolBounds) -> SpoolQueue {
    SpoolQueue::create(folder, &origin("run"), bounds, SpoolSync::Never).unwrap()
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    segment::numbers(folder).unwrap().into_iter().map(|number| segment::path(folder, number)).collect()
}

/// All that is in it, taken out.
fn drained(queue: &mut SpoolQueue, now: SpoolMoment) -> Vec<ExportBatch> {
    let mut all = Vec::new();
    while let Some(batch) = queue.head(now).unwrap() {
        all.push(batch);
        assert!(queue.advance().unwrap());
    }
    all
}

/// What happens to a queue.
#[derive(Clone, Debug)]
enum SpoolStep {
    Put {
        bytes: usize,
        points: u64,
    },
    /// Takes the head, and is done with it.
    Get,
    /// Takes it, and is not.
    Look,
    /// Ends it in order, and opens it again.
    Reopen,
    /// The program ends at once, and another one opens it.
    Crash,
}

fn step() -> impl Strategy<Value = SpoolStep> {
    prop_oneof![
        4 => (0_usize..300, 1_u64..50).prop_map(|(bytes, points)| SpoolStep::Put { bytes, points }),
        3 => Just(SpoolStep::Get),
        1 => Just(SpoolStep::Look),
        1 => Just(SpoolStep::Reopen),
        1 => Just(SpoolStep::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is put in comes out, once and in order, and every point is in the account, however often the queue is opened.
    #[test]
    fn a_queue_is_the_plainest_queue_there_is(steps in prop::collection::vec(step(), 1..120)) {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("queue");
        let (mut queue, mut model) = (create(&folder, LARGE), VecDeque::<ExportBatch>::new());
        for (name, step) in steps.into_iter().enumerate() {
            match step {
                SpoolStep::Put { bytes, points } => {
                    let batch = batch(name as u64, bytes, points);
                    queue.append(&batch, at(0)).unwrap();
                    model.push_back(batch);
                }
                SpoolStep::Get => {
                    let head = queue.head(at(0)).unwrap();
                    prop_assert_eq!(&head, &model.pop_front());
                    prop_assert_eq!(queue.advance().unwrap(), head.is_some());
                }
                SpoolStep::Look => {
                    let head = queue.head(at(0)).unwrap();
                    prop_assert_eq!(head.as_ref(), model.front());
                }
                SpoolStep::Reopen => {
                    queue.close().unwrap();
                    prop_assert_eq!(folder.exists(), !model.is_empty(), "nothing is left of an empty one");
                    queue = if model.is_empty() { create(&folder, LARGE) } else { SpoolQueue::open(&folder, LARGE, at(0)).unwrap() };
                }
                SpoolStep::Crash => {
                    drop(queue);
                    queue = SpoolQueue::open(&folder, LARGE, at(0)).unwrap();
                }
            }
            let points: u64 = model.iter().map(|batch| batch.points).sum();
            prop_assert_eq!((queue.points(), queue.lost(), queue.is_empty()), (points, 0, model.is_empty()));
        }
    }

    /// Where a byte is damaged or a file cut off, what is read is what was written, in order; the rest of that segment is lost, to the
    /// point, and no other one.
    #[test]
    fn damage_costs_the_rest_of_its_segment_and_every_lost_point_is_counted(
        sizes in prop::collection::vec((0_usize..200, 1_u64..50), 5..60),
        (which, place_of, bit) in (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..8),
        (is_cut, is_open) in (any::<bool>(), any::<bool>()),
    ) {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("queue");
        let mut queue = create(&folder, LARGE);
        let mut put = Vec::new();
        for (name, (bytes, points)) in sizes.into_iter().enumerate() {
            put.push(batch(name as u64, bytes, points));
            queue.append(&put[name], at(0)).unwrap();
        }
        // Whoever wrote it may have it open still, or has closed it in order before.
        let queue = if is_open { Some(queue) } else { queue.close().map(|()| None).unwrap() };
        let files = segments(&folder);
        let path = &files[which.index(files.len())];
        let bytes = fs::read(path).unwrap();
        let file = OpenOptions::new().write(true).open(path).unwrap();
        let offset = place_of.index(bytes.len());
        match is_cut {
            true => file.set_len(offset as u64).unwrap(),
            false => file.write_all_at(&[bytes[offset] ^ 1 << bit], offset as u64).unwrap(),
        }
        let mut queue = queue.unwrap_or_else(|| SpoolQueue::open(&folder, LARGE, at(0)).unwrap());
        let read = drained(&mut queue, at(0));
        let mut rest = put.iter();
        prop_assert!(read.iter().all(|batch| rest.any(|put| put == batch)), "in order, and as they were");
        let points = |batches: &[ExportBatch]| batches.iter().map(|batch| batch.points).sum::<u64>();
        prop_assert_eq!(points(&read) + queue.lost(), points(&put));
        prop_assert_eq!(queue.points(), 0);
        let lost = put.len() - read.len();
        prop_assert!(lost * HEAD_BYTES <= bytes.len(), "{} of one segment", lost);
    }
}

#[test]
fn beyond_its_bytes_the_oldest_segment_goes_and_is_counted() {
    let place = tempfile::tempdir().unwrap();
    let mut queue = create(&place.path().join("queue"), SMALL);
    let put: Vec<ExportBatch> = (0..100).map(|name| batch(name, 100, 1 + name)).collect();
    for batch in &put {
        queue.append(batch, at(0)).unwrap();
        assert!(queue.bytes() <= SMALL.bytes_max);
    }
    let lost = queue.lost();
    let read = drained(&mut queue, at(0));
    assert_eq!(read, put[put.len() - read.len()..], "the newest, in order");
    assert!((20..40).contains(&read.len()), "{} of 130 bytes each in 4,000", read.len());
    let points = |batches: &[ExportBatch]| batches.iter().map(|batch| batch.points).sum::<u64>();
    assert_eq!((lost, queue.lost()), (points(&put) - points(&read), lost));
}

#[test]
fn what_has_no_room_at_all_is_refused_and_drops_nothing() {
    let place = tempfile::tempdir().unwrap();
    let mut queue = create(&place.path().join("queue"), SMALL);
    queue.append(&batch(0, 100, 10), at(0)).unwrap();
    queue.limit_to(100);
    let mistake = queue.append(&batch(1, 100, 10), at(0)).unwrap_err();
    assert!(mistake.to_string().contains("all the room there is"), "{mistake}");
    assert_eq!((queue.points(), queue.lost()), (10, 0));
    queue.limit_to(SMALL.bytes_max);
    assert_eq!(drained(&mut queue, at(0)), [batch(0, 100, 10)]);
    // What somebody has in hand is put in as if it had come out.
    queue.append_taken(&batch(2, 100, 10), at(0)).unwrap();
    queue.append(&batch(3, 100, 10), at(0)).unwrap();
    assert!(queue.advance().unwrap());
    assert_eq!(drained(&mut queue, at(0)), [batch(3, 100, 10)]);
}

#[test]
fn what_was_taken_from_a_segment_that_goes_is_neither_lost_nor_there() {
    let place = tempfile::tempdir().unwrap();
    let mut queue = create(&place.path().join("queue"), LARGE);
    for name in 0..3 {
        queue.append(&batch(name, 600, 10), at(0)).unwrap();
    }
    assert_eq!(queue.head(at(0)).unwrap(), Some(batch(0, 600, 10)));
    queue.drop_oldest();
    assert!(!queue.has_taken() && !queue.advance().unwrap());
    assert_eq!((queue.points(), queue.lost()), (20, 0), "whoever took it says what became of it");
    assert_eq!(drained(&mut queue, at(0)), [batch(1, 600, 10), batch(2, 600, 10)]);
}

#[test]
fn what_is_too_old_goes_by_a_clock_that_nobody_sets() {
    let place = tempfile::tempdir().unwrap();
    let mut queue = create(&place.path().join("queue"), SMALL);
    for second in [0, 50, 60] {
        queue.append(&batch(second, 600, 10), at(second)).unwrap();
    }
    // The clock of the wall is set two days ahead, then two days back: it is no age of what is here.
    for step_ns in [2 * DAY_NS as i64, -2 * DAY_NS as i64] {
        let now = SpoolMoment { unix_ns: at(61).unix_ns.wrapping_add_signed(step_ns), ..at(61) };
        queue.append(&batch(61, 600, 10), now).unwrap();
        assert_eq!((queue.points() % 10, queue.lost()), (0, 0));
    }
    assert_eq!(queue.head(at(99)).unwrap(), Some(batch(0, 600, 10)));
    assert_eq!(queue.head(at(100)).unwrap(), Some(batch(50, 600, 10)));
    assert_eq!((queue.points(), queue.lost()), (40, 10));
}

#[test]
fn whoever_opens_it_later_knows_its_age_and_what_was_written_in_the_future_is_young() {
    let place = tempfile::tempdir().unwrap();
    for (opened_s, expected) in [(90, 1), (130, 0), (0, 1)] {
        let folder = place.path().join(format!("queue-{opened_s}"));
        let mut queue = create(&folder, SMALL);
        queue.append(&batch(1, 600, 10), at(20)).unwrap();
        queue.close().unwrap();
        // Another process, whose own clock has just begun.
        let now = SpoolMoment { elapsed: Duration::ZERO, ..at(opened_s) };
        let mut queue = SpoolQueue::open(&folder, SMALL, now).unwrap();
        assert_eq!(drained(&mut queue, now).len(), expected, "opened at {opened_s}");
    }
}

#[test]
fn one_program_has_it_open_and_others_may_look() {
    let place = tempfile::tempdir().unwrap();
    let folder = SpoolFolder(place.path().join("spool"));
    assert_eq!(folder.queues().unwrap(), [], "a folder that is not there has none");
    let path = folder.queue(&origin("run"));
    let mut queue = create(&path, SMALL);
    for name in 0..4 {
        queue.append(&batch(name, 300, 10), at(name)).unwrap();
    }
    assert!(queue.head(at(4)).unwrap().is_some() && queue.advance().unwrap());
    assert!(SpoolQueue::open(&path, SMALL, at(4)).is_err(), "somebody has it open");
    let summary = &folder.queues().unwrap()[0];
    assert_eq!((summary.requests, summary.points, summary.lost, summary.is_open), (3, 30, 0, true));
    assert_eq!((summary.run_id.as_str(), summary.oldest_unix_ns), ("run", Some(at(1).unix_ns)));
    queue.close().unwrap();
    assert!(!folder.queues().unwrap()[0].is_open);
    assert_eq!(drained(&mut SpoolQueue::open(&path, SMALL, at(4)).unwrap(), at(4)).len(), 3);
}

#[test]
fn what_was_to_go_elsewhere_is_no_part_of_a_queue() {
    let place = tempfile::tempdir().unwrap();
    let folder = SpoolFolder(place.path().join("spool"));
    let (first, other) = (origin("run"), SpoolOrigin { to: "grpc://b".into(), ..origin("run") });
    let path = folder.queue(&first);
    assert_ne!(folder.queue(&other), path, "each collector has a queue of its own");
    SpoolQueue::create(&path, &first, SMALL, SpoolSync::Never)
        .unwrap()
        .append(&batch(0, 10, 10), at(0))
        .unwrap();
    let refused = SpoolQueue::create(&path, &other, SMALL, SpoolSync::Never).err().unwrap();
    assert!(refused.to_string().contains("it holds what was to go elsewhere"), "{refused}");
    let mut again = SpoolQueue::create(&path, &first, SMALL, SpoolSync::Never).unwrap();
    assert_eq!(drained(&mut again, at(0)), [batch(0, 10, 10)]);
}

#[test]
fn room_is_made_by_the_oldest_of_those_that_nobody_has_open() {
    let place = tempfile::tempdir().unwrap();
    let folder = SpoolFolder(place.path().join("spool"));
    for (run_id, second) in [("older", 1), ("newer", 5), ("open", 0)] {
        let path = folder.queue(&origin(run_id));
        let mut queue = SpoolQueue::create(&path, &origin(run_id), SMALL, SpoolSync::Never).unwrap();
        queue.append(&batch(second, 900, 10), at(second)).unwrap();
        if run_id == "open" {
            // Held to the end of the test.
            std::mem::forget(queue);
        } else {
            queue.close().unwrap();
        }
    }
    let own = folder.queue(&origin("own"));
    let room = folder.make_room(&own, 1_500, SMALL, at(6));
    let ids = || folder.queues().unwrap().into_iter().map(|queue| queue.run_id).collect::<Vec<_>>();
    assert_eq!((room.dropped, ids()), (10, vec!["open".to_owned(), "newer".to_owned()]));
    assert!((1_500..SMALL.bytes_max).contains(&room.bytes_max), "{room:?}");
    let room = folder.make_room(&own, SMALL.bytes_max, SMALL, at(6));
    assert_eq!(
        (room.dropped, ids()),
        (10, vec!["open".to_owned()]),
        "nobody takes what another one has open"
    );
    let room = folder.make_room(&own, 0, SMALL, at(1_000));
    assert_eq!(room.dropped, 0);
}

#[test]
fn what_cannot_be_written_is_told_with_its_place_and_leaves_the_queue_as_it_was() {
    let place = tempfile::tempdir().unwrap();
    let in_the_way = place.path().join("file");
    File::create(&in_the_way).unwrap();
    let origin = origin("run");
    let mistake =
        SpoolQueue::create(&in_the_way.join("queue"), &origin, SMALL, SpoolSync::Never).err().unwrap();
    assert!(mistake.to_string().contains("file/queue cannot be created"), "{mistake}");
    // The folder goes while it is open: nothing more can be created there.
    let folder = place.path().join("queue");
    let mut queue = create(&folder, SMALL);
    queue.append(&batch(0, 600, 10), at(0)).unwrap();
    fs::rename(&folder, place.path().join("elsewhere")).unwrap();
    assert!(queue.append(&batch(1, 600, 10), at(0)).is_err());
    assert_eq!((queue.points(), queue.lost()), (10, 0));
    fs::rename(place.path().join("elsewhere"), &folder).unwrap();
    queue.append(&batch(2, 600, 10), at(0)).unwrap();
    assert_eq!(drained(&mut queue, at(0)), [batch(0, 600, 10), batch(2, 600, 10)]);
}

#[test]
fn a_disk_that_does_not_sync_has_a_request_once_and_it_is_told() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("queue");
    let mut queue = SpoolQueue::create(&folder, &origin("run"), SMALL, SpoolSync::Always).unwrap();
    queue.sync_by(|_| Err(io::Error::other("as a test asks for")));
    queue.append_taken(&batch(0, 100, 10), at(0)).unwrap();
    queue.append(&batch(1, 100, 10), at(0)).unwrap();
    for _ in 0..2 {
        assert!(queue.sync_if_due(at(0)).is_err(), "it is tried again");
    }
    assert!(queue.advance().unwrap());
    assert_eq!((queue.points(), queue.lost()), (10, 0));
    queue.sync_by(File::sync_all);
    queue.sync_if_due(at(0)).unwrap();
    assert_eq!(drained(&mut queue, at(0)), [batch(1, 100, 10)]);
    assert_eq!((queue.points(), queue.lost()), (0, 0));
}

#[test]
fn what_is_to_be_on_the_disk_is_there_with_its_folders() {
    static SYNCED: AtomicUsize = AtomicUsize::new(0);
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("queue");
    let mut queue = SpoolQueue::create(&folder, &origin("run"), SMALL, SpoolSync::Always).unwrap();
    queue.sync_by(|file| {
        SYNCED.fetch_add(1, Ordering::Relaxed);
        file.sync_all()
    });
    let mut synced_after = |name, bytes| {
        queue.append(&batch(name, bytes, 10), at(0)).unwrap();
        queue.sync_if_due(at(0)).unwrap();
        SYNCED.swap(0, Ordering::Relaxed)
    };
    assert_eq!(synced_after(0, 100), 3, "the segment, its folder, and the folder of that");
    assert_eq!(synced_after(1, 500), 1);
    assert_eq!(synced_after(2, 100), 3, "a new segment");
}

#[test]
fn without_a_cursor_what_is_there_is_read_and_what_was_sent_is_not_lost() {
    for wrong in ["", "{\"segment\":1,\"offset\":8,\"next\":70,\"put\":20,\"lost\":0}"] {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("queue");
        let mut queue = create(&folder, LARGE);
        for name in 0..4 {
            queue.append(&batch(name, 600, 10), at(0)).unwrap();
        }
        for _ in 0..2 {
            assert!(queue.head(at(0)).unwrap().is_some() && queue.advance().unwrap());
        }
        // The next one is looked at, so that what is before it goes.
        assert_eq!(queue.head(at(0)).unwrap(), Some(batch(2, 600, 10)));
        drop(queue);
        fs::write(folder.join("cursor.json"), wrong).unwrap();
        let mut queue = SpoolQueue::open(&folder, LARGE, at(0)).unwrap();
        assert_eq!((queue.points(), queue.lost()), (20, 0), "{wrong}");
        assert_eq!(drained(&mut queue, at(0)), [batch(2, 600, 10), batch(3, 600, 10)]);
        assert_eq!((queue.points(), queue.lost()), (0, 0));
    }
}

#[test]
fn a_queue_that_has_lost_whose_it_is_is_listed_and_goes_as_others_do() {
    let place = tempfile::tempdir().unwrap();
    let folder = SpoolFolder(place.path().join("spool"));
    let path = folder.queue(&origin("run-7"));
    let mut queue = create(&path, SMALL);
    queue.append(&batch(0, 600, 10), at(0)).unwrap();
    queue.close().unwrap();
    fs::write(path.join("queue.json"), "").unwrap();
    let [queue] = folder.queues().unwrap().try_into().unwrap();
    assert_eq!((queue.run_id.as_str(), queue.signal.as_str(), queue.to.as_str()), ("run-7", "metrics", ""));
    assert_eq!((queue.points, queue.is_open), (10, false));
    let own = folder.queue(&origin("own"));
    let room = folder.make_room(&own, 100, SMALL, at(1));
    assert!(room.dropped == 0 && room.bytes_max < SMALL.bytes_max, "its bytes are counted: {room:?}");
    let room = folder.make_room(&own, SMALL.bytes_max, SMALL, at(1));
    assert_eq!((room.dropped, room.bytes_max), (10, SMALL.bytes_max));
    assert_eq!(folder.queues().unwrap(), []);
}

#[test]
fn what_others_have_goes_when_it_is_too_old_whether_or_not_room_is_needed() {
    let place = tempfile::tempdir().unwrap();
    let folder = SpoolFolder(place.path().join("spool"));
    for (run_id, second) in [("old", 0), ("young", 60)] {
        let path = folder.queue(&origin(run_id));
        let mut queue = SpoolQueue::create(&path, &origin(run_id), SMALL, SpoolSync::Never).unwrap();
        queue.append(&batch(second, 100, 10), at(second)).unwrap();
        queue.close().unwrap();
    }
    let room = folder.make_room(&folder.queue(&origin("own")), 0, SMALL, at(110));
    assert_eq!(room.dropped, 10);
    let ids: Vec<String> = folder.queues().unwrap().into_iter().map(|queue| queue.run_id).collect();
    assert_eq!(ids, ["young"]);
}

#[test]
fn what_another_version_has_written_stays() {
    let place = tempfile::tempdir().unwrap();
    let folder = SpoolFolder(place.path().join("spool"));
    let path = folder.queue(&origin("run"));
    let mut queue = create(&path, LARGE);
    for name in 0..2 {
        queue.append(&batch(name, 600, 10), at(0)).unwrap();
    }
    queue.close().unwrap();
    let files = segments(&path);
    OpenOptions::new().write(true).open(&files[1]).unwrap().write_all_at(b"VAJRASP2", 0).unwrap();
    let before = fs::read(&files[1]).unwrap();
    folder.make_room(&folder.queue(&origin("own")), SMALL.bytes_max, SMALL, at(1_000));
    let mut queue = SpoolQueue::open(&path, LARGE, at(0)).unwrap();
    queue.append(&batch(2, 600, 10), at(0)).unwrap();
    assert_eq!(drained(&mut queue, at(0)).last(), Some(&batch(2, 600, 10)));
    queue.drop_all().unwrap();
    assert_eq!(fs::read(&files[1]).unwrap(), before);
}

#[test]
fn where_there_is_little_room_the_oldest_go_and_what_was_just_written_stays() {
    let place = tempfile::tempdir().unwrap();
    let bounds = SpoolBounds { bytes_max: 1_000, segment_bytes: 8_000, ..SMALL };
    let mut queue = create(&place.path().join("queue"), bounds);
    let put: Vec<ExportBatch> = (0..20).map(|name| batch(name, 100, 10)).collect();
    for batch in &put {
        queue.append(batch, at(0)).unwrap();
        assert!(queue.bytes() <= bounds.bytes_max && queue.points() > 0);
    }
    // One that takes nearly all of it has all others go, and not itself.
    let read = drained(&mut queue, at(0));
    assert!(read.len() >= 4, "{} of 130 bytes each in 1,000", read.len());
    assert_eq!(read, put[put.len() - read.len()..]);
    for (name, bytes) in [(20, 100), (21, 100), (22, 900)] {
        queue.append(&batch(name, bytes, 10), at(0)).unwrap();
    }
    assert_eq!(drained(&mut queue, at(0)), [batch(22, 900, 10)]);
}
